# SPDX-License-Identifier: Apache-2.0
"""A CRM that takes webhooks: checks every signature by itself, answers from a script, remembers everything."""
import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit.process import free_port
from kit.waiting import wait_for

try:
    from standardwebhooks.webhooks import Webhook as Reference  # a second judge where it is installed
except ImportError:
    Reference = None

SECRET = "whsec_" + base64.b64encode(b"the secret of today, 32 bytes...").decode()
SECRET_PREVIOUS = "whsec_" + base64.b64encode(b"the secret of yesterday, 24+ bytes").decode()

TOLERANCE_S = 300


def signature(secret, webhook_id, timestamp, body):
    """By hmac and base64 alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    mac = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


@dataclass
class Webhook:
    """One request as it came, and what was answered."""
    at: float  # monotonic
    headers: dict  # names in lower case
    body: bytes
    secrets: list
    answered: object = None  # the status; None while there was none
    problems: list = field(default_factory=list)

    @property
    def id(self):
        return self.headers.get("webhook-id")

    @property
    def timestamp(self):
        return self.headers.get("webhook-timestamp")

    @property
    def signatures(self):
        return self.headers.get("webhook-signature", "").split(" ")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.json["type"]

    @property
    def data(self):
        return self.json["data"]

    def signed_by(self, secret):
        return signature(secret, self.id, self.timestamp, self.body) in self.signatures

    def judge(self):
        """Everything that is not as Standard Webhooks and CloudEvents say."""
        found = [f"no {name}" for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "traceparent")
                 if not self.headers.get(name)]
        if found:
            return found
        if abs(int(self.timestamp) - time.time()) > TOLERANCE_S:
            found.append(f"webhook-timestamp {self.timestamp}")
        found += [f"not signed with {n}" for n, secret in enumerate(self.secrets) if not self.signed_by(secret)]
        if len(self.signatures) != len(self.secrets):
            found.append(f"{len(self.signatures)} signatures")
        if Reference is not None:
            for secret in self.secrets:
                Reference(secret).verify(self.body, self.headers)
        if not self.headers.get("content-type", "").startswith("application/cloudevents+json"):
            found.append(f"content-type {self.headers.get('content-type')!r}")
        event = self.json
        if not set(event) <= {"specversion", "id", "source", "type", "subject", "time", "data"}:
            found.append(f"members {sorted(event)}")
        if event.get("specversion") != "1.0" or event.get("id") != self.id:
            found.append(f"specversion and id: {event.get('specversion')!r} {event.get('id')!r}")
        return found


class Rule:
    """What to answer to some webhooks. match(webhook) chooses them, times says how often (None: always).

    status, body (text, bytes, or what becomes JSON), headers; hang=SECONDS waits first; cut closes the connection
    without an answer, cut="half" in the midst of it; garbage sends what is no HTTP."""

    def __init__(self, match=None, times=None, status=200, body="", headers=None, hang=0, cut=False, garbage=False):
        self.match = match or (lambda webhook: True)
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


class Crm:
    """Listens on a port of its own, also after stop() and start()."""

    def __init__(self, secrets=(SECRET,), certificate=None):
        self.secrets = list(secrets)
        self.certificate = certificate  # (certificate file, key file): https
        self.port = free_port()
        self.webhooks = []
        self.rules = []
        self._lock = threading.Lock()
        self._server = None
        self._open = set()

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/hooks?via=kabao"

    def start(self):
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with crm._lock:
                    crm._open.add(self.connection)

            def finish(self):
                with crm._lock:
                    crm._open.discard(self.connection)
                super().finish()

            def do_POST(self):
                crm._serve(self)

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
        """The first rule that matches and is not used up answers; without one it is 200 and an empty body."""
        rule = Rule(match, **answer)
        with self._lock:
            self.rules.append(rule)
        return rule

    def forget(self, *rules):
        """Takes rules back, all of them without arguments."""
        with self._lock:
            self.rules = [rule for rule in self.rules if rules and rule not in rules]

    def _choose(self, webhook):
        with self._lock:
            self.webhooks.append(webhook)
            for rule in self.rules:
                if rule.left != 0 and rule.match(webhook):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule
        return Rule()

    def _serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        webhook = Webhook(time.monotonic(), headers, body, list(self.secrets))
        try:
            webhook.problems = webhook.judge()
        except Exception as e:  # whatever is wrong with it is for the test to see, not for this thread
            webhook.problems = [repr(e)]
        rule = self._choose(webhook)
        if rule.hang and self._hangs_up(handler, rule.hang):
            return
        if rule.cut is True:
            self._close(handler)
        elif rule.garbage:
            handler.wfile.write(b"\x16\x03 this is no HTTP\r\n\r\n" + bytes(range(256)))
            self._close(handler)
        else:
            self._answer(handler, webhook, rule)

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

    def _answer(self, handler, webhook, rule):
        handler.send_response(rule.status)
        for name, value in rule.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(rule.body) + (rule.cut == "half")))
        handler.end_headers()
        handler.wfile.write(rule.body)
        if rule.cut == "half":
            self._close(handler)
        else:
            webhook.answered = rule.status

    # What came

    def of(self, **match):
        """Webhooks in order of arrival: of(type=..., subject=..., id=..., answered=200)."""
        with self._lock:
            found = list(self.webhooks)
        answered = match.pop("answered", None)
        return [w for w in found if (answered is None or w.answered == answered)
                and all(w.json.get(name) == value for name, value in match.items())]

    def wait(self, count=1, timeout=30, **match):
        wait_for(lambda: len(self.of(**match)) >= count, timeout,
                 lambda: f"{count} webhooks {match}; {[(w.type, w.id, w.answered) for w in self.of()][-10:]}")
        return self.of(**match)

    def check(self):
        """Every webhook that ever came was signed and whole."""
        found = [f"{w.id}: {problem}" for w in self.of() for problem in w.problems]
        assert not found, f"{len(found)} bad webhooks:\n" + "\n".join(found[:20])


@pytest.fixture
def crm():
    crm = Crm()
    yield crm.start()
    crm.stop()
    crm.check()
