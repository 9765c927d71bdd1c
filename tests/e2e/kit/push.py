# SPDX-License-Identifier: Apache-2.0
"""A push as WeChat sends it: XML, signatures, AES frame. Written from the platform's description alone, so that it
cannot share a mistake with the product."""
import base64
import hashlib
import itertools
import os
import random
import struct
import time
import urllib.parse
from xml.etree import ElementTree

from Cryptodome.Cipher import AES

from kit.config import APPID, CARD_ID, ORIGINAL_ID, SECRETS
from kit.web import request

BLOCK = 32


def xml(fields):
    """<xml>…</xml>: text as CDATA, numbers bare, dicts nested, lists repeated."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields):
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name, value):
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        body = _elements(value)
    elif isinstance(value, int):
        body = str(value)
    else:
        body = "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    return f"<{name}>{body}</{name}>"


def event(name, openid="oGRUFjk0a1b2c3d4e5f6g7h8i9j0", at=None, **fields):
    """Fields of an event push; a card event when CardId or UserCardCode is among `fields` (see card_event)."""
    return {"ToUserName": ORIGINAL_ID, "FromUserName": openid, "CreateTime": int(time.time()) if at is None else at,
            "MsgType": "event", "Event": name, **fields}


def card_event(name, code="018255396048", card_id=CARD_ID, **fields):
    return event(name, CardId=card_id, UserCardCode=code, **fields)


def sign(*parts):
    """Lower-case hex SHA-1 over the parts, sorted bytewise: signature and msg_signature."""
    return hashlib.sha1(b"".join(sorted(part.encode() for part in parts))).hexdigest()


def _key(aes_key):
    return base64.b64decode(aes_key + "=")


def pad(data):
    count = BLOCK - len(data) % BLOCK
    return data + bytes([count]) * count


def encrypt_frame(frame, aes_key):
    """Base64 of AES-256-CBC over bytes that are already framed and padded; for wrong frames too."""
    key = _key(aes_key)
    return base64.b64encode(AES.new(key, AES.MODE_CBC, key[:16]).encrypt(frame)).decode()


def encrypt(message, aes_key, appid=APPID, random16=None):
    data = message.encode()
    frame = (random16 or os.urandom(16)) + struct.pack(">I", len(data)) + data + appid.encode()
    return encrypt_frame(pad(frame), aes_key)


def decrypt(text, aes_key):
    """(message, appid, random16) of an Encrypt element; ValueError where the frame is not as it must be."""
    key = _key(aes_key)
    frame = AES.new(key, AES.MODE_CBC, key[:16]).decrypt(base64.b64decode(text, validate=True))
    count = frame[-1]
    if not 1 <= count <= BLOCK or frame[-count:] != bytes([count]) * count:
        raise ValueError("padding")
    frame = frame[:-count]
    (size,) = struct.unpack(">I", frame[16:20])
    if 20 + size > len(frame):
        raise ValueError("length")
    return frame[20:20 + size].decode(), frame[20 + size:].decode(), frame[:16]


class Pusher:
    """Sends pushes of one account to one ingress."""

    def __init__(self, address, account="demo", appid=APPID, secrets=None, seed=None):
        self.address = address
        self.account = account
        self.appid = appid
        self.secrets = {**SECRETS, **(secrets or {})}
        self._random = random.Random(seed)
        self._serial = itertools.count(1)

    def query(self, encrypted=None, **override):
        """The parameters WeChat puts on the URL; fresh nonce each time; None removes one."""
        timestamp, nonce = str(int(time.time())), str(self._random.randrange(10**9)) + str(next(self._serial))
        token = self.secrets["callback_token"]
        query = {"signature": sign(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        if encrypted is not None:
            query["encrypt_type"] = "aes"
            query["msg_signature"] = sign(token, timestamp, nonce, encrypted)
        query.update(override)
        return {name: value for name, value in query.items() if value is not None}

    def path(self, query):
        return f"/wechat/{self.account}?{urllib.parse.urlencode(query)}"

    def check_url(self, echostr="5833258582299191661", **override):
        return request(self.address, "GET", self.path(self.query(echostr=echostr, **override)))

    def post(self, body, query):
        """body: text or bytes, as is."""
        data = body.encode() if isinstance(body, str) else body
        return request(self.address, "POST", self.path(query), data, {"Content-Type": "text/xml"})

    def plain(self, fields, **override):
        return self.post(xml(fields), self.query(**override))

    def encrypted(self, message):
        """(body, query) of secure mode for an XML text."""
        text = encrypt(message, self.secrets["aes_key"], self.appid)
        return xml({"Encrypt": text}), self.query(text)

    def secure(self, fields, aes_key=None, **override):
        encrypted = encrypt(xml(fields), aes_key or self.secrets["aes_key"], self.appid)
        body = xml({"ToUserName": fields["ToUserName"], "Encrypt": encrypted})
        return self.post(body, self.query(encrypted, openid=fields["FromUserName"], **override))

    def compatible(self, fields, aes_key=None, **override):
        encrypted = encrypt(xml(fields), aes_key or self.secrets["aes_key"], self.appid)
        body = xml({**fields, "Encrypt": encrypted})
        return self.post(body, self.query(encrypted, openid=fields["FromUserName"], **override))

    def send(self, fields, mode="secure"):
        return {"plain": self.plain, "secure": self.secure, "compatible": self.compatible}[mode](fields)

    def open_reply(self, body):
        """The XML of an encrypted passive reply, its signature checked."""
        root = ElementTree.fromstring(body)
        part = {name: root.findtext(name) for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")}
        expected = sign(self.secrets["callback_token"], part["TimeStamp"], part["Nonce"], part["Encrypt"])
        assert part["MsgSignature"] == expected, "MsgSignature of the reply"
        message, appid, _ = decrypt(part["Encrypt"], self.secrets["aes_key"])
        assert appid == self.appid
        return message
