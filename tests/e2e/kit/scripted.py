# SPDX-License-Identifier: Apache-2.0
"""A peer that takes POSTs: judges each by itself, answers from a script, remembers everything."""
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.process import free_port
from kit.waiting import wait_for


class Rule:
    """What to answer to some requests. match(seen) chooses them, times says how often (None: always).

    status, body (text, bytes, or what becomes JSON), headers; hang=SECONDS waits first; cut closes the connection
    without an answer, cut="half" in the midst of it; garbage sends what is no HTTP."""

    def __init__(self, match=None, times=None, status=200, body="", headers=None, hang=0, cut=False, garbage=False):
        self.match = match or (lambda seen: True)
        self.left = times
        self.status, self.headers = status, headers or {}
        self.hang, self.cut, self.garbage = hang, cut, garbage
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body, ensure_ascii=False)
        self.body = body.encode() if isinstance(body, str) else body


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a peer that was killed


class Scripted:
    """Listens on a port of its own, also after stop() and start(). read(path, headers, body) makes what is remembered of a
    request: `judge()` has what is wrong with it, `answered` the status that it got, `label` tells which it was."""

    answer = ""  # where no rule has another

    def greet(self, path):
        """The body of what a GET gets; None: 404."""

    def __init__(self, certificate=None):
        self.certificate = certificate  # (certificate file, key file): https
        self.port = free_port()
        self.seen = []
        self.rules = []
        self._lock = threading.Lock()
        self._server = None
        self._open = set()

    def address(self, path):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{path}"

    def start(self):
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with peer._lock:
                    peer._open.add(self.connection)

            def finish(self):
                with peer._lock:
                    peer._open.discard(self.connection)
                super().finish()

            def do_GET(self):
                peer._greet(self)

            def do_POST(self):
                peer._serve(self)

            def log_message(self, *_):
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """Nobody listens any more; open connections are closed."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def on(self, match=None, **answer):
        """The first rule that matches and is not used up answers; without one it is 200 and `answer`."""
        rule = Rule(match, **answer)
        with self._lock:
            self.rules.append(rule)
        return rule

    def forget(self, *rules):
        """Takes rules back, all of them without arguments."""
        with self._lock:
            self.rules = [rule for rule in self.rules if rules and rule not in rules]

    def _choose(self, seen):
        with self._lock:
            self.seen.append(seen)
            for rule in self.rules:
                if rule.left != 0 and rule.match(seen):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule
        return Rule(body=self.answer)

    def _greet(self, handler):
        body = self.greet(handler.path)
        handler.send_response(404 if body is None else 200)
        handler.send_header("Content-Length", str(len(body or "")))
        handler.end_headers()
        handler.wfile.write((body or "").encode())

    def _serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = self.read(handler.path, headers, body)
        try:
            seen.problems = seen.judge()
        except Exception as e:  # whatever is wrong with it is for the test to see, not for this thread
            seen.problems = [repr(e)]
        rule = self._choose(seen)
        if rule.hang and self._hangs_up(handler, rule.hang):
            return
        if rule.cut is True:
            self._close(handler)
        elif rule.garbage:
            handler.wfile.write(b"\x16\x03 this is no HTTP\r\n\r\n" + bytes(range(256)))
            self._close(handler)
        else:
            self._answer(handler, seen, rule)

    @staticmethod
    def _hangs_up(handler, seconds):
        """Waits; true: the peer did not."""
        handler.connection.settimeout(seconds)
        try:
            return handler.connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            handler.connection.settimeout(None)
            return False

    @staticmethod
    def _close(handler):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, handler, seen, rule):
        handler.send_response(rule.status)
        for name, value in rule.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(rule.body) + (rule.cut == "half")))
        handler.end_headers()
        handler.wfile.write(rule.body)
        if rule.cut == "half":
            self._close(handler)
        else:
            seen.answered = rule.status

    def all(self):
        """Requests in order of arrival."""
        with self._lock:
            return list(self.seen)

    def wait(self, count=1, timeout=30, **match):
        """Until so many came of those that `of` finds; they."""
        wait_for(lambda: len(self.of(**match)) >= count, timeout,
                 lambda: f"{count} of {match}; {[(seen.label, seen.answered) for seen in self.all()][-10:]}")
        return self.of(**match)

    def check(self):
        """Every request that ever came was right."""
        found = [f"{seen.label}: {problem}" for seen in self.all() for problem in seen.problems]
        assert not found, f"{len(found)} bad requests:\n" + "\n".join(found[:20])
