# SPDX-License-Identifier: Apache-2.0
"""A CRM that takes webhooks: checks every signature by itself, answers from a script, remembers everything."""
import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field

import pytest
from kit.scripted import Scripted

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
    def label(self):
        return str(self.id)

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


class Crm(Scripted):
    def __init__(self, secrets=(SECRET,), certificate=None):
        super().__init__(certificate)
        self.secrets = list(secrets)

    @property
    def url(self):
        return self.address("/hooks?via=kabao")

    def read(self, _, headers, body):
        return Webhook(time.monotonic(), headers, body, list(self.secrets))

    # What came

    def of(self, **match):
        """Webhooks in order of arrival: of(type=..., subject=..., id=..., answered=200)."""
        found = self.all()
        answered = match.pop("answered", None)
        return [w for w in found if (answered is None or w.answered == answered)
                and all(w.json.get(name) == value for name, value in match.items())]


@pytest.fixture
def crm():
    crm = Crm()
    yield crm.start()
    crm.stop()
    crm.check()
