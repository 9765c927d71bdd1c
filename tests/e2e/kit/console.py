# SPDX-License-Identifier: Apache-2.0
"""The account's "server configuration" in WeChat's console: one address that gets every push, and that can be moved."""
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.program import BIN, clean_env
from kit.waiting import wait_for
from kit.web import request

TRIES = 3  # `push relay --retry`: then WeChat gives a push up


class Console:
    """Stands between `kabao-wxsim push relay` and who gets the pushes. Some come twice, as WeChat's do (rng)."""

    def __init__(self, sim, rng):
        self.sim, self.rng = sim, rng
        self.target = None
        self.began = 0  # the number of the last push before
        self.accepted = 0
        self.failed = 0  # tries of the push that is under way
        console = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                console._pass_on(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def save(self, url):
        """The form is submitted: WeChat calls the address first, and takes it when the answer is right."""
        argv = [BIN / "kabao-wxsim", "push", "url-check", "--to", url, "--accounts", self.sim.accounts_path]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=clean_env(), timeout=30)
        assert done.returncode == 0, f"the console refuses {url}: {done.stdout}{done.stderr}"
        begins = self.target is None
        self.target = urllib.parse.urlsplit(url)
        if begins:
            self.began = self.sim.last_push()
            self.sim.relay(f"http://127.0.0.1:{self._server.server_port}/")

    def settle(self, timeout=60):
        """Until every push so far was accepted."""
        wait_for(lambda: self.began + self.accepted >= self.sim.last_push(), timeout,
                 lambda: f"{self.sim.last_push() - self.began} pushes delivered; {self.accepted} were")
        assert self.failed < TRIES, "a push was given up"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        query = urllib.parse.urlsplit(handler.path).query
        reply = self._send(query, body)
        if reply is not None and reply.status == 200:
            self.accepted, self.failed = self.accepted + 1, 0
            if self.rng.random() < 0.05:
                self._send(query, body)
        else:
            self.failed += 1
        text = reply.body.encode() if reply is not None else b""
        handler.send_response(reply.status if reply is not None else 502)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def _send(self, query, body):
        target = self.target
        path = f"{target.path}?{'&'.join(filter(None, (target.query, query)))}"
        try:
            return request((target.hostname, target.port), "POST", path, body, {"Content-Type": "text/xml"})
        except OSError:
            return None
