# SPDX-License-Identifier: Apache-2.0
"""HTTP as a well-behaved client, and bytes on a socket as everybody else."""
import http.client
import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    status: int
    body: str
    headers: dict
    seconds: float

    @property
    def success(self):
        """The push is safe: WeChat would not send it again."""
        return self.status == 200 and self.body == "success"


def request(address, method, path, body=None, headers=None, timeout=10):
    """One request on a connection of its own. Header names of the reply are lower-case."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", "replace")
        named = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, text, named, time.monotonic() - begun)
    finally:
        connection.close()


class Raw:
    """A TCP connection for what no HTTP library would send."""

    def __init__(self, address, timeout=30):
        self.socket = socket.create_connection(address, timeout=timeout)
        self._replies = self.socket.makefile("rb")  # one for all: it reads ahead

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._replies.close()  # as long as that is open, so is the connection
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def read_until_closed(self):
        """Everything up to the peer's close (a reset counts as one); TimeoutError when it does not close."""
        parts = []
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return b"".join(parts)
            parts.append(part)

    def read_reply(self):
        """(status, body) of the next reply with a Content-Length; what follows stays for the next call."""
        status = int(self._replies.readline().split()[1])
        headers = http.client.parse_headers(self._replies)
        return status, self._replies.read(int(headers["Content-Length"]))
