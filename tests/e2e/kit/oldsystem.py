# SPDX-License-Identifier: Apache-2.0
"""The merchant's old system behind `forward_url`: takes pushes as WeChat sends them, judges each by itself (and by
wechatpy where that is installed), answers from a script, remembers everything."""
import re
import time
import urllib.parse
from dataclasses import dataclass, field
from xml.etree import ElementTree

import pytest

from kit.config import APPID, SECRETS
from kit.judge import load_wechatpy
from kit.push import decrypt, sign
from kit.scripted import Scripted

WECHATPY = load_wechatpy("crypto", "parser")
OWN = {"m": "wechat", "u": "一"}  # what the address has of its own
FRESH_S = 300
ERROR_PAGE = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Fatal error</h1></body></html>"


def read_xml(text):
    """{element: text without the blanks that WeChat's samples have, {inner}, or a list where it is repeated}"""
    def inner(element):
        found = {}
        for child in element:
            value = inner(child) if len(child) else (child.text or "").strip()
            found.setdefault(child.tag, []).append(value)
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
    return inner(ElementTree.fromstring(text))


@dataclass
class Pushed:
    """One request as it came, and what was answered."""
    at: float  # monotonic
    query: dict
    headers: dict
    body: str
    mode: str  # that the system expects
    appid: str
    answered: object = None  # the status; None while there was none
    problems: list = field(default_factory=list)
    message: str = ""  # its XML, decrypted

    @property
    def fields(self):
        return {name: value for name, value in read_xml(self.message).items() if name != "Encrypt"}

    @property
    def code(self):
        return self.fields.get("UserCardCode")

    @property
    def label(self):
        return self.message or self.body

    @property
    def event(self):
        return self.fields.get("Event")

    def judge(self):
        """Everything that WeChat would have done otherwise."""
        query, token = self.query, SECRETS["callback_token"]
        outer = read_xml(self.body)
        self.message = self.body if self.mode == "plain" else self.open(outer["Encrypt"])
        found = [f"own parameter {name}" for name, value in OWN.items() if query.get(name) != value]
        if query["signature"] != sign(token, query["timestamp"], query["nonce"]):
            found.append("signature")
        if abs(int(query["timestamp"]) - time.time()) > FRESH_S or not query["nonce"].isdigit():
            found.append(f"timestamp {query['timestamp']}, nonce {query['nonce']}")
        if query["openid"] != self.fields["FromUserName"]:
            found.append(f"openid {query['openid']}")
        if not self.headers["content-type"].startswith("text/xml"):
            found.append(f"content-type {self.headers['content-type']}")
        if not re.search(r"<CreateTime>\s*\d+\s*</CreateTime>", self.message):
            found.append("CreateTime is not bare")
        return found + (self.judge_plain() if self.mode == "plain" else self.judge_encrypted(outer))

    def judge_plain(self):
        found = [name for name in ("encrypt_type", "msg_signature") if name in self.query]
        return found + (["Encrypt"] if "Encrypt" in self.fields else [])

    def judge_encrypted(self, outer):
        query = self.query
        found = [] if query.get("encrypt_type") == "aes" else ["encrypt_type"]
        if query["msg_signature"] != sign(SECRETS["callback_token"], query["timestamp"], query["nonce"], outer["Encrypt"]):
            found.append("msg_signature")
        encrypted = outer.pop("Encrypt")
        if outer != ({"ToUserName": self.fields["ToUserName"]} if self.mode == "secure" else self.fields):
            found.append(f"beside Encrypt: {sorted(outer)}")
        if WECHATPY is not None:
            crypto, parser = WECHATPY
            opened = crypto.WeChatCrypto(SECRETS["callback_token"], SECRETS["aes_key"], self.appid).decrypt_message(
                self.body, query["msg_signature"], query["timestamp"], query["nonce"])
            assert opened == self.message, encrypted
            parsed = parser.parse_message(opened)
            assert (parsed.source, parsed.target) == (self.fields["FromUserName"], self.fields["ToUserName"])
        return found

    def open(self, encrypted):
        message, appid, _ = decrypt(encrypted, SECRETS["aes_key"])
        assert appid == self.appid, f"appid {appid} in the frame"
        return message


class OldSystem(Scripted):
    """on(match, **answer) as of kit.scripted: match gets a Pushed."""

    answer = "success"

    def __init__(self, mode="secure", appid=APPID):
        super().__init__()
        self.mode, self.appid = mode, appid

    @property
    def url(self):
        return self.address(f"/wechat.php?{urllib.parse.urlencode(OWN)}")

    def read(self, path, headers, body):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query, strict_parsing=True))
        return Pushed(time.monotonic(), query, headers, body.decode(), self.mode, self.appid)

    def greet(self, path):
        """The URL check, as the console makes it: the echostr in clear."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        token, echo = SECRETS["callback_token"], query["echostr"]
        if query["signature"] != sign(token, query["timestamp"], query["nonce"]):
            return None
        if "msg_signature" not in query:
            return echo
        if query["msg_signature"] != sign(token, query["timestamp"], query["nonce"], echo):
            return None
        return decrypt(echo, SECRETS["aes_key"])[0]

    def fails(self, code, **answer):
        """One card's pushes are answered so; 500 where nothing else is said."""
        return self.on(lambda pushed: pushed.code == code, **(answer or {"status": 500}))

    def of(self, answered=200, **match):
        """Pushes in order of arrival that were answered so (None: all), with these fields."""
        return [p for p in self.all() if (answered is None or p.answered == answered)
                and all(p.fields.get(name) == value for name, value in match.items())]

    def taken(self, code):
        """The card's pushes that it took, each where it came first: [XML]."""
        return list(dict.fromkeys(p.message for p in self.of(UserCardCode=code)))


@pytest.fixture
def oldsystem():
    """oldsystem(mode="secure", appid=APPID): one that listens."""
    made = []

    def make(mode="secure", appid=APPID):
        made.append(OldSystem(mode, appid).start())
        return made[-1]

    yield make
    for old in made:
        old.stop()
        old.check()
