# SPDX-License-Identifier: Apache-2.0
"""A merchant's token hub: answers a GET with a bearer token, and takes its token from the simulator."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.web import request


class Hub:
    def __init__(self, sim, appid, secret, bearer):
        self.sim, self.appid, self.secret, self.bearer = sim, appid, secret, bearer
        self.served = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/token"

    def answer(self, handler):
        if handler.headers.get("Authorization") != f"Bearer {self.bearer}":
            handler.send_error(401)
            return
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        reply = request(("127.0.0.1", self.sim.port), "POST", "/cgi-bin/stable_token", json.dumps(body))
        self.served += 1
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(reply.body.encode())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
