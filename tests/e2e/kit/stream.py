# SPDX-License-Identifier: Apache-2.0
"""A steady stream of pushes: so many a second, each card's one after the other, every answer kept."""
import socket
import threading
import time
from dataclasses import dataclass

from kit.push import Pusher
from kit.web import Reply


class Connection:
    """HTTP kept alive, over TLS where there is a context; made anew where the server ended it with an answer."""

    def __init__(self, address, context=None, timeout=10):
        self.address, self.context, self.timeout = address, context, timeout
        self._socket = self._replies = None

    def post(self, path, body):
        """Any fault of the connection is a reply of status 0: it is for the client to see what became of it."""
        begun = time.monotonic()
        try:
            status, text, headers = self._exchange(path, body)
        except (OSError, ValueError, IndexError, KeyError) as e:
            status, text, headers = 0, repr(e), {"connection": "close"}
        if headers.get("connection") == "close":
            self.close()
        return Reply(status, text, headers, time.monotonic() - begun)

    def close(self):
        if self._socket is not None:
            self._replies.close()
            self._socket.close()
            self._socket = None

    def _exchange(self, path, body):
        if self._socket is None:
            self._open()
        head = f"POST {path} HTTP/1.1\r\nHost: shop.example.com\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}"
        self._socket.sendall(head.encode() + b"\r\n\r\n" + body)
        status = int(self._replies.readline().split()[1])
        headers = {}
        while (line := self._replies.readline().decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        text = self._replies.read(int(headers["content-length"])).decode("utf-8", "replace")
        return status, text, headers

    def _open(self):
        plain = socket.create_connection(self.address, self.timeout)
        self._socket = plain if self.context is None else self.context.wrap_socket(plain)
        self._replies = self._socket.makefile("rb")


class KeptPusher(Pusher):
    """A Pusher on a connection of its own."""

    def __init__(self, address, context, seed):
        super().__init__(address, seed=seed)
        self.connection = Connection(address, context)

    def post(self, body, query):
        return self.connection.post(self.path(query), body.encode())


@dataclass(frozen=True)
class Sent:
    fields: dict  # of the push
    reply: Reply


class Stream:
    """with Stream(…): `rate` pushes a second from so many senders. choose(sender, number) gives the fields of a sender's
    next push; who chooses one card's pushes for one sender only has them in order. A sender that is late catches up."""

    def __init__(self, address, context, choose, rate, senders=16):
        self.choose, self.rate = choose, rate
        self.pushers = [KeptPusher(address, context, seed=n) for n in range(senders)]
        self.sent = [[] for _ in self.pushers]  # by sender, in order
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(senders)]

    def __enter__(self):
        self.begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        for thread in self._threads:
            thread.join(30)
        self.seconds = time.monotonic() - self.begun
        for pusher in self.pushers:
            pusher.connection.close()

    def _run(self, sender):
        number = 0
        while not self._ends.wait(max(0, self._due(sender, number) - time.monotonic())):
            fields = self.choose(sender, number)
            self.sent[sender].append(Sent(fields, self.pushers[sender].send(fields)))
            number += 1

    def _due(self, sender, number):
        return self.begun + (number * len(self.pushers) + sender) / self.rate

    def all(self):
        return [sent for by_sender in self.sent for sent in by_sender]

    def refused(self):
        return [sent for sent in self.all() if not sent.reply.success]
