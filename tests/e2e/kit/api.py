# SPDX-License-Identifier: Apache-2.0
"""The ingress's HTTP API as a client of it, its list of clients, and a stand-in for the workers behind it."""
import hashlib
import json
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from kit.config import APPID
from kit.kafka import close
from kit.records import RESULT_AT as AT
from kit.records import _headers
from kit.waiting import wait_for
from kit.web import request

TOPICS = ("event.wechat", "cmd.wechat", "cmd.bonus", "cmd.activation", "cmd.token", "state.token", "result.wechat",
          "result.bonus", "event.binding")


def write_clients(path, clients):
    """api_tokens_file: {"shop": {"token": "…", "accounts": "demo", "types": "card.*", "access_token": "true"}}."""
    text = ""
    for name, keys in clients.items():
        text += f"[token {name}]\nsha256 = {hashlib.sha256(keys['token'].encode()).hexdigest()}\n"
        text += "".join(f"{key} = {value}\n" for key, value in keys.items() if key != "token") + "\n"
    path.write_text(text, encoding="utf-8")
    return str(path)


def reload_clients(ingress):
    """Has the ingress read its list of clients anew; the line of its log that says what became of it."""
    def told():
        return [line for line in ingress.log_lines() if line["event"] in ("api.clients_reloaded", "api.clients_kept")]

    before = len(told())
    ingress.signal(signal.SIGHUP)
    wait_for(lambda: len(told()) > before, 10, "a reload")
    return told()[-1]


def later(seconds):
    """RFC 3339, that much later than now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def binding_record(scene, kind, openid=None, appid=APPID, account="demo", **fields):
    """event.binding, as kabao-bind and kabao-command write it: (key, value, headers)."""
    value = {"account": account, "appid": appid, "openid": openid, "kind": kind, "scene": scene, "at": later(0), **fields}
    text = json.dumps({name: member for name, member in value.items() if member is not None}, ensure_ascii=False)
    headers = _headers(hashlib.sha256(text.encode()).hexdigest()[:32], f"kabao.binding.{kind}", "event.binding", None)
    headers.update(ce_appid=appid, ce_source=f"/wechat/{appid}")
    return f"{appid}:{scene if kind == 'pending' else openid}", text, headers


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict  # names lower-case
    text: str
    seconds: float

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def id(self):
        return self.headers["location"].rsplit("/", 1)[1]

    def problem(self, status, kind):
        """Asserts that this is that problem, whole and as RFC 9457 wants it; its JSON."""
        assert (self.status, self.headers.get("content-type")) == (status, "application/problem+json"), self
        found = self.json
        assert (found["status"], found["type"].rsplit("/", 1)[1]) == (status, kind), found
        assert found["title"] and found["instance"].startswith("/v1/"), found
        assert ("retry-after" in self.headers) == (status in (409, 429, 503)), self
        return found


class Api:
    def __init__(self, address, token=None):
        self.address = address
        self.token = token

    def ask(self, method, path, body=None, headers=None, timeout=70):
        """body: bytes as they are, else JSON."""
        named = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            named["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        named.update({name.replace("_", "-"): value for name, value in (headers or {}).items()})
        reply = request(self.address, method, path, body, {k: v for k, v in named.items() if v is not None}, timeout)
        return Answer(reply.status, reply.headers, reply.body, reply.seconds)

    def post(self, path, body, key=None, prefer=None, **headers):
        extra = {"Idempotency-Key": key and f'"{key}"', "Prefer": prefer}
        return self.ask("POST", f"/v1/{path}", body, {**extra, **headers})

    def command(self, kind, body, key=None, prefer=None, **members):
        return self.post(f"commands/{kind}", {"body": body, **members}, key, prefer)

    def get(self, path, **headers):
        return self.ask("GET", path if path.startswith("/") else f"/v1/commands/{path}", None, headers)


class StandIn:
    """Answers cmd.wechat and cmd.bonus as the workers do: once per id; another value under it is rejected."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.first = {}  # id -> (value, result)
        self.calls = 0  # as many effects
        self._hold = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(20)

    def pause(self):
        """From now on nothing is answered until resume()."""
        self._hold.set()

    def resume(self):
        self._hold.clear()

    def _run(self):
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "kit-stand-in", "log_level": 2,
                             "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        try:
            consumer.assign([TopicPartition(self.kafka.name(topic), p, OFFSET_BEGINNING)
                             for topic in ("cmd.wechat", "cmd.bonus") for p in range(self.kafka.topics()[topic])])
            while not self._over.is_set():
                message = consumer.poll(0.05)
                while self._hold.is_set() and not self._over.is_set():
                    self._over.wait(0.01)
                if message is not None and message.error() is None:
                    self._answer(message)
        finally:
            close(consumer)

    def _answer(self, message):
        headers = {name: value.decode() for name, value in message.headers()}
        command_id, value = headers["ce_id"], message.value()
        if command_id not in self.first:
            self.calls += 1
            self.first[command_id] = (value, self._result(message, command_id))
        known, result = self.first[command_id]
        if known != value:
            result = {**self._named(message, command_id), "outcome": "rejected", "at": AT,
                      "error": {"code": "idempotency", "message": "another record has this id"}}
        topic = "result.bonus" if message.topic() == self.kafka.name("cmd.bonus") else "result.wechat"
        self.kafka.produce(topic, message.key(), result, _headers(
            hashlib.sha256((command_id + "result").encode()).hexdigest()[:32],
            "kabao.bonus.changed" if topic == "result.bonus" else "kabao.command.result", topic, None))

    @staticmethod
    def _named(message, command_id):
        value = json.loads(message.value())
        names = ("account", "type") if "type" in value else ("account", "card_id", "card_code", "mode")
        return {"command_id": command_id, **{name: value[name] for name in names}}

    def _result(self, message, command_id):
        named = self._named(message, command_id)
        if "type" in named:
            return {**named, "outcome": "done", "errcode": 0, "errmsg": "ok", "at": AT,
                    "answer": {"call": self.calls}}
        return {**named, "outcome": "applied", "at": AT, "bonus": 10}
