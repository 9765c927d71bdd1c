# SPDX-License-Identifier: Apache-2.0
"""What a topic's retention does, at once."""
import socket
import struct


def _text(value):
    return struct.pack(">h", len(value)) + value.encode()


def delete_records(kafka, topic, ends):
    """DeleteRecords, version 0, which Debian's confluent_kafka cannot say; {partition: offset of the first
    that is kept, -1: none is}."""
    parts = b"".join(struct.pack(">iq", partition, offset) for partition, offset in ends.items())
    request = (struct.pack(">hhi", 21, 0, 7) + _text("test") + struct.pack(">i", 1) + _text(kafka.name(topic)) +
               struct.pack(">i", len(ends)) + parts + struct.pack(">i", 10000))
    host, port = kafka.bootstrap.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        stream = connection.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    assert answer.endswith(b"\0\0"), answer  # of the last partition: no error
