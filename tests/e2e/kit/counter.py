# SPDX-License-Identifier: Apache-2.0
"""The other end of kabao-probe's effects: a server that counts what reaches it, and answers as it is told."""
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.process import free_port
from kit.waiting import wait_for

CUT = "cut"  # applied, the connection closed without an answer
LOST = "lost"  # the same, and not applied


class Counter:
    """`plan[seq]` lists the answers to the next calls of that record, one each: an errcode, CUT, LOST, an HTTP status
    ("503"), a number of seconds to wait before answering (float). Without one: errcode 0."""

    def __init__(self):
        self.plan = {}
        self.applied = []  # seq, in order
        self.asked = []  # seq of each probe
        self._lock = threading.Lock()
        self._server = None
        self.port = free_port()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def calls(self, script):
        """How often the effect of this record took place."""
        return self.applied.count(script.seq)

    def wait_calls(self, script, count=1, timeout=30):
        wait_for(lambda: self.calls(script) >= count, timeout,
                 lambda: f"{count} calls of {script.seq}; all: {self.applied}")

    def call(self, seq):
        """(HTTP status, body); None: no answer."""
        with self._lock:
            told = self.plan[seq].pop(0) if self.plan.get(seq) else 0
            if told in (0, CUT) or isinstance(told, float):
                self.applied.append(seq)
                number = len(self.applied)
        if told in (CUT, LOST):
            return None
        if isinstance(told, float):
            time.sleep(told)
        if isinstance(told, str):
            return int(told), {}
        return 200, {"errcode": 0, "number": number} if told == 0 or isinstance(told, float) else {"errcode": told}

    def probe(self, seq):
        with self._lock:
            self.asked.append(seq)
            return 200, {"errcode": 0, "happened": seq in self.applied}


def _handler(counter):
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, answer):
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):  # noqa: N802 (the name is the library's)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(counter.call(int(self.path.rsplit("/", 1)[1])))

        def do_GET(self):  # noqa: N802
            self._answer(counter.probe(int(self.path.rsplit("/", 1)[1])))

        def log_message(self, *_):
            pass

    return Handler
