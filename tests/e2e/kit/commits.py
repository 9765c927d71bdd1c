# SPDX-License-Identifier: Apache-2.0
"""Committed offsets with their metadata, which the client library does not show: OffsetFetch and OffsetCommit as they
go over the wire (https://kafka.apache.org/protocol, versions 1 and 2)."""
import socket
import struct
from dataclasses import dataclass

_OFFSET_COMMIT, _OFFSET_FETCH = 8, 9


@dataclass(frozen=True)
class Commit:
    offset: int  # -1: none
    metadata: str


def _text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0]

    def text(self):
        length = max(self.take("h"), 0)
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8", "replace")


class Commits:
    """Of one group and topic. The broker is the group's coordinator: there is only one."""

    def __init__(self, bootstrap, group, topic):
        host, port = bootstrap.rsplit(":", 1)
        self.address = (host, int(port))
        self.group, self.topic = group, topic

    def fetch(self, partition=0):
        body = _text(self.group) + struct.pack(">i", 1) + _text(self.topic) + struct.pack(">ii", 1, partition)
        reply = self._ask(_OFFSET_FETCH, 1, body)
        reply.take("i"), reply.text(), reply.take("i"), reply.take("i")
        offset, metadata, error = reply.take("q"), reply.text(), reply.take("h")
        assert error == 0, f"OffsetFetch of {self.group}: error {error}"
        return Commit(offset, metadata)

    def store(self, commit, partition=0):
        """The group must be empty."""
        body = (_text(self.group) + struct.pack(">i", -1) + _text("") + struct.pack(">qi", -1, 1) + _text(self.topic)
                + struct.pack(">iiq", 1, partition, commit.offset) + _text(commit.metadata))
        reply = self._ask(_OFFSET_COMMIT, 2, body)
        reply.take("i"), reply.text(), reply.take("i"), reply.take("i")
        error = reply.take("h")
        assert error == 0, f"OffsetCommit of {self.group}: error {error}"

    def _ask(self, call, version, body):
        request = struct.pack(">hhi", call, version, 1) + _text("kit-commits") + body
        with socket.create_connection(self.address, timeout=20) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", self._exactly(connection, 4))
            return _Reader(self._exactly(connection, size)[4:])

    @staticmethod
    def _exactly(connection, size):
        data = b""
        while len(data) < size:
            part = connection.recv(size - len(data))
            assert part, "the broker closed the connection"
            data += part
        return data
