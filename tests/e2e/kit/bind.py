# SPDX-License-Identifier: Apache-2.0
"""People who scan QR codes: scenes, pushes, and what kabao-bind says of them."""
import collections
import json
import os
import time

from kit.config import APPID
from kit.population import accounts
from kit.probe import QUICK_GROUP
from kit.push import event
from kit.waiting import wait_for

CUSTOM = "/cgi-bin/message/custom/send"
TEXTS = {"bound": "已绑定 {user}", "login": "已登录", "unknown": "二维码无效", "expired": "二维码已过期", "used": "二维码已使用",
         "rebind": "已绑定其他账号", "limit": "请稍后再试", "code": "验证码 {code}，{minutes} 分钟"}


def openid(number):
    return f"oGRUFjBIND{number:0>18}"


def texts_file(directory, **texts):
    path = directory / "bind_texts.json"
    path.write_text(json.dumps({**TEXTS, **texts}), encoding="utf-8")
    return path


class Binding:
    """ingress, kabao-token, kabao-bind and kabao-store over one simulator."""

    def __init__(self, config, run, pusher, sim, kafka, db):
        self.config, self.run, self.sim, self.kafka, self.db = config, run, sim, kafka, db
        self.ingress, self.token, self.bind, self.store = (run(name, config, ready=False)
                                                           for name in ("ingress", "token", "bind", "store"))
        for program in (self.ingress, self.token, self.bind, self.store):
            program.wait_ready()
        self.push = pusher(self.ingress)
        self.clock = collections.Counter()
        self.old_ids, self.old_messages, self.old_letters = set(), 0, 0

    # What a shop makes

    def scene(self, user=None, kind="bind", ttl_s=600, appid=APPID, purpose=None, code_ttl_s=None):
        """As bind.start and verify.start write it."""
        scene = f"{kind}-{os.urandom(16).hex()}"
        self.db.query("INSERT INTO scene VALUES (%s,%s,%s,%s,%s,%s,%s,UTC_TIMESTAMP(3)+INTERVAL %s SECOND,NULL,NULL)",
                      appid, scene, kind, user, purpose, code_ttl_s, os.urandom(16).hex(), ttl_s)
        return scene

    # What people do

    def at(self, who):
        """WeChat counts seconds: what somebody does is later than what he did before."""
        self.clock[who] = max(self.clock[who] + 1, int(time.time()))
        return self.clock[who]

    def touch(self, who, contact="scan"):
        """He may be written to for a minute."""
        self.sim.control("users", {"appid": APPID, "openid": who, "contact": contact, "last_contact": int(time.time())})

    def scan(self, who, scene, first=False, at=None, touch=True):
        if touch:
            self.touch(who, "follow" if first else "scan")
        name, key = ("subscribe", f"qrscene_{scene}") if first else ("SCAN", scene)
        return self.send(event(name, who, self.at(who) if at is None else at, EventKey=key, Ticket="gQH47joAAAAAAAAAAS5odHRw"))

    def leave(self, who, at=None):
        return self.send(event("unsubscribe", who, self.at(who) if at is None else at, EventKey=""))

    def send(self, fields):
        reply = self.push.send(fields)
        assert reply.success, f"{reply.status} {reply.body}"
        return fields["CreateTime"]

    # What became of it

    def settle(self, timeout=60):
        self.kafka.wait_done("bind", "event.wechat", timeout)

    def clear(self):
        """For the next case: nobody is bound, and what was said so far is not seen any more."""
        self.settle()
        self.kafka.wait_done("store", "event.binding")
        for table in ("scene", "bound", "binding"):
            self.db.query(f"DELETE FROM {table}")
        self.old_ids |= {r.id for r in self.records()}
        self.old_messages, self.old_letters = self.old_messages + len(self.told()), self.old_letters + len(self.letters())

    def again(self):
        """Another process in place of the one that died."""
        self.bind = self.run("bind", self.config)

    def records(self, *kinds, who=None, scene=None):
        """Each ce_id once; a repetition must be the same record."""
        found = {}
        for r in self.kafka.read("event.binding"):
            if found.setdefault(r.id, r) is not r:
                assert (found[r.id].value, found[r.id].key) == (r.value, r.key), f"two records are {r.id}"
        return [r for r in found.values() if r.id not in self.old_ids and (not kinds or r.json["kind"] in kinds)
                and who in (None, r.json.get("openid")) and scene in (None, r.json.get("scene"))]

    def wait(self, *kinds, enough=1, timeout=30, **match):
        self.kafka.wait("event.binding", lambda _: len(self.records(*kinds, **match)) >= enough, timeout,
                        f"{enough} {kinds} {match}")
        return self.records(*kinds, **match)

    def told(self, who=None):
        """Texts of customer messages, as they were delivered."""
        messages = [m for m in self.sim.control("messages")["messages"] if m["kind"] == "custom"]
        return [m["body"]["text"]["content"] for m in messages[self.old_messages:] if who in (None, m["openid"])]

    def wait_told(self, who, enough=1, timeout=30):
        wait_for(lambda: len(self.told(who)) >= enough, timeout, lambda: f"{enough} messages to {who}; {self.told(who)}")
        return self.told(who)

    def bound(self, **where):
        """{scene: user} of those that are bound."""
        return {row["scene"]: row["user"] for row in self.db.rows("bound", ended_at=None, **where)}

    def stored(self):
        """The same as kabao-store has it, from the records alone, with logins."""
        return {row["scene"]: row["user"] for row in self.db.rows("binding")
                if row["bound_at"] and (not row["unbound_at"] or row["bound_at"] > row["unbound_at"])}

    def letters(self):
        return self.kafka.read("dlq.bind")[self.old_letters:]


def start(apply, config, run, pusher, start_sim, kafka, db, directory):  # noqa: PLR0913 (the fixtures of a test)
    """start(script=None, worker=None, texts=True, mortal=False, **account): a Binding. mortal: there is one kabao-bind at
    a time, and the next one need not wait until it is missed."""
    def make(script=None, worker=None, texts=True, verify=None, mortal=False, **account):
        sim = start_sim(accounts(), script)
        if texts:
            account["bind_texts_file"] = texts_file(directory)
        ready = config.with_({"account demo": account}, wechat={"base_url": sim.url},
                             worker={"drain_timeout_ms": 5000, **(worker or {})}, verify=verify or {},
                             kafka={**QUICK_GROUP, "group.instance.id": "one"} if mortal else {})
        apply(ready)
        return Binding(ready, run, pusher, sim, kafka, db)
    return make
