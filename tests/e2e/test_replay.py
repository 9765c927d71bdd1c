# SPDX-License-Identifier: Apache-2.0
"""Replay: when every worker is given every record it ever read once more, nobody outside notices and no row changes."""
import base64
import collections
import heapq
import itertools
import re
import urllib.parse

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kit.bind import CUSTOM, texts_file
from kit.config import APPID, CARD_ID, write_secret
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.population import accounts
from kit.push import card_event
from kit.records import bonus_command, wechat_command
from kit.scale import count
from kit.waiting import wait_for
from kit.web import request

PATHS = ["/card/membercard/activate", "/card/membercard/updateuser", "/cgi-bin/menu/create", "/cgi-bin/qrcode/create",
         "/sns/oauth2/access_token", CUSTOM]
ACTIVATED, REQUESTED = "kabao.card.activated", "kabao.activation.requested"
FORM = {"USER_FORM_INFO_FLAG_MOBILE": "15521328888", "USER_FORM_INFO_FLAG_NAME": "张三"}
BONUS_LIMIT = 100000
VERIFY_KEY = base64.b64encode(bytes(range(100, 132))).decode()

INPUTS = {
    "token": ["cmd.token"],
    "member": ["event.wechat"],
    "store": ["event.wechat", "state.member", "event.activation", "event.binding", "result.wechat"],
    "activate": ["event.wechat", "cmd.activation"],
    "command": ["cmd.wechat"],
    "bonus": ["cmd.bonus", "event.wechat", "event.activation"],
    "bind": ["event.wechat"],
    "crm": ["event.wechat", "state.member", "event.activation", "event.binding", "result.bonus"],
}
TOPICS = sorted(set(itertools.chain(*INPUTS.values())))
# Table: its key.
TABLES = {"member": ["appid", "card_id", "card_code"], "member_field": ["appid", "card_id", "card_code", "name"],
          "wechat_event": ["event_id"], "card_use": ["event_id"], "activation": ["appid", "card_id", "card_code"],
          "binding": ["appid", "openid", "scene"], "bonus_account": ["appid", "card_id", "card_code"],
          "bonus_entry": ["command_id"], "activation_wait": ["appid", "card_id", "card_code"],
          "effect": ["effect_id"], "command_result": ["command_id"], "scene": ["appid", "scene"],
          "bound": ["appid", "openid", "scene"], "verify_code": ["appid", "openid", "purpose"]}
KINDS = {"scanned", "pending", "bound", "unbound", "refused", "code_sent", "code_verified"}  # of event.binding


def openid(code):
    return f"oGRUFjk{code:0>21}"


class Groups:
    """How far each worker has come, without a new consumer for each question."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.partitions = kafka.topics()
        self.consumers = {worker: Consumer({"bootstrap.servers": kafka.bootstrap, "log_level": 2,
                                            "group.id": f"{kafka.prefix}-{worker}"}) for worker in INPUTS}

    def _all(self, topics):
        return [TopicPartition(self.kafka.name(topic), p) for topic in topics for p in range(self.partitions[topic])]

    def ends(self):
        """{(topic, partition): offset of the next record}"""
        consumer = self.consumers["token"]
        topics = TOPICS + [f"redrive.{worker}" for worker in INPUTS]
        return {(tp.topic, tp.partition): consumer.get_watermark_offsets(tp, 20)[1] for tp in self._all(topics)}

    def behind(self, ends):
        """[(worker, topic, partition)] that are not committed up to there."""
        found = []
        for worker, topics in INPUTS.items():
            for tp in self.consumers[worker].committed(self._all([*topics, f"redrive.{worker}"]), 20):
                if max(tp.offset, 0) < ends[tp.topic, tp.partition]:
                    found.append((worker, tp.topic, tp.partition))
        return found

    def close(self):
        for consumer in self.consumers.values():
            consumer.close()


class System:
    """All of kabao, the simulator, and a CRM that answers some webhooks with commands."""

    def __init__(self, config, run, pusher, sim, crm, kafka, db):
        self.sim, self.crm, self.kafka, self.db = sim, crm, kafka, db
        self.ingress = run("ingress", config, ready=False)
        self.workers = {name: run(name, config, ready=False) for name in INPUTS}
        for program in (self.ingress, *self.workers.values()):
            program.wait_ready()
        self.push = pusher(self.ingress)
        self.delivered = 0
        self.muted = set()  # cards whose pushes never come
        self.groups = Groups(kafka)

    # A life

    def later(self, seconds=2):
        """WeChat counts seconds."""
        self.sim.control("clock", {"advance_s": seconds})

    def open_page(self, code, ticket):
        query = urllib.parse.urlencode({"card_id": CARD_ID, "openid": openid(code), "outer_str": "12b", **ticket})
        assert request(self.ingress.listen, "GET", f"/wechat/demo/activate?{query}").status == 302

    def command(self, code, mode, times=1, **fields):
        record = bonus_command(code, mode, **fields)
        for _ in range(times):
            self.kafka.produce("cmd.bonus", *record)
        return record[2]["ce_id"]

    def ask(self, type_, **body):
        """WeChat's, or kabao's, answer to a command that is done."""
        record = wechat_command(type_, body)
        self.kafka.produce("cmd.wechat", *record)

        def mine(records):
            return [r.json for r in records if r.json["command_id"] == record[2]["ce_id"]]

        result = mine(self.kafka.wait("result.wechat", mine, 60, f"the result of {record[1]}"))[0]
        assert result["outcome"] == "done", result
        return result["answer"]

    def people(self, what, who, **more):
        return self.sim.control(what, {"appid": APPID, "openid": who, **more})

    def messages(self, who=None):
        """Texts of customer messages."""
        found = self.sim.control("messages" + (f"?openid={who}" if who else ""))["messages"]
        return [m["body"]["text"]["content"] for m in found if m["kind"] == "custom"]

    # Rest

    def deliver(self):
        pushes = self.sim.pushes(self.delivered)
        self.sim.deliver(self.push, [push for push in pushes if push.get("code") not in self.muted])
        self.delivered = pushes[-1]["n"] if pushes else self.delivered

    def quiet(self, timeout=60):
        """Until every push is delivered, every record committed by all who read it, nothing parked or due, and nothing
        new came of the last of it."""
        ends = None
        while ends != (ends := self._now()):
            self.deliver()
            wait_for(lambda: not self.groups.behind(self.groups.ends()), timeout,
                     lambda: f"all at rest; {self.groups.behind(self.groups.ends())}")
            wait_for(lambda: not self._waiting(), timeout, lambda: f"nothing waits; {self._waiting()}")

    def _now(self):
        return self.sim.last_push(), self.groups.ends()

    def _waiting(self):
        return (self.db.rows("parked")
                + self.db.query("SELECT card_code,due_at FROM activation_wait WHERE due_at IS NOT NULL"))

    # Looking

    def outside(self):
        """What WeChat and its users have seen of us."""
        calls = {path: len(self.sim.requests(path=path)) for path in PATHS}
        return {**self.sim.effects(), **calls, "pushes": self.sim.last_push(),
                "messages": self.sim.control("messages")["messages"],
                "tokens": self.sim.fetches(APPID, "normal")["fresh"] + self.sim.fetches(APPID, "forced")["fresh"]}

    def rows(self):
        """{(table, key): row} of all business tables."""
        return {(table, *(row[name] for name in key)): row
                for table, key in TABLES.items() for row in self.db.rows(table)}

    def said(self, topic):
        """{ce_id: values of the records}"""
        found = {}
        for record in self.kafka.read(topic):
            found.setdefault(record.id, set()).add(record.value)
        return found

    def letters(self):
        return {worker: self.kafka.read(f"dlq.{worker}") for worker in INPUTS}

    def processed(self, worker):
        return self.workers[worker].metric("kabao_processed_total")


def redrive(system, records):
    """records: {worker: [record]}: each to its worker again, nothing but its place being new."""
    producer = Producer({"bootstrap.servers": system.kafka.bootstrap, "enable.idempotence": True, "linger.ms": 5})
    problems = []
    for worker, mine in records.items():
        for record in mine:
            producer.produce(system.kafka.name(f"redrive.{worker}"), record.value, record.key, record.partition,
                             lambda error, _: error and problems.append(error), headers=list(record.headers))
            producer.poll(0)
    assert producer.flush(30) == 0 and not problems, problems[:3]


def as_they_came(kafka, topics):
    """All records of these topics: by time, and in the order of each partition."""
    queues = {}
    for record in itertools.chain(*(kafka.read(topic) for topic in topics)):
        queues.setdefault((record.topic, record.partition), []).append(record)
    return list(heapq.merge(*queues.values(), key=lambda record: record.timestamp_ms))


def shuffled(records, rng):
    """In another order, each key's own apart."""
    queues = {}
    for record in records:
        queues.setdefault(record.key, collections.deque()).append(record)
    turns = [record.key for record in records]
    rng.shuffle(turns)
    return [queues[key].popleft() for key in turns]


@pytest.fixture
def system(apply, config, run, pusher, start_sim, crm, kafka, db, tmp_path):
    systems = []

    def start(activation):
        sim = start_sim(accounts(template={"bonus_limit": BONUS_LIMIT}))
        account = {"activation": activation, "init_bonus": 100, "on_gift": "transfer",
                   "landing_url": "https://shop.example/", "binding": "open", "binding_prefix": "m-",
                   "rebind": "replace", "bind_texts_file": texts_file(tmp_path)}
        ready = config.with_({"account demo": account}, wechat={"base_url": sim.url}, worker={"lanes": 32},
                             quota={"replay_share": 0.5},
                             verify={"key_file": write_secret(tmp_path / "verify.key", VERIFY_KEY)},
                             crm={"url": crm.url, "secret_file": write_secret(tmp_path / "crm.secret", SECRET)})
        apply(ready)
        systems.append(System(ready, run, pusher, sim, crm, kafka, db))
        return systems[-1]

    yield start
    for s in systems:
        s.groups.close()


def answer(crm, code, number):
    """What the CRM always says of this card: number and points when asked, a gift when the card is active."""
    card = {"account": "demo", "card_id": CARD_ID, "card_code": code}
    ticket = {"type": "kabao.activation.ticket", "data": {**card, "membership_number": f"M{code}", "init_bonus": 50}}
    gift = {"type": "kabao.bonus.change", "data": {**card, "mode": "add", "add_bonus": 10, "record_bonus": "欢迎"}}
    level = {"type": "kabao.bonus.change", "data": {**card, "mode": "set", "version": 1, "custom_field_value1": "银卡"}}
    crm.on(lambda w: w.type == REQUESTED and w.json["subject"] == code, body={"commands": [ticket]})
    crm.on(lambda w: w.type == ACTIVATED and w.json["subject"] == code,
           body={"commands": [gift, level][:number % 3]})


def points(system, rng, code):
    """Some changes of one card, told or not, with or without money; one command comes twice, and one change of points
    (their pushes are one to whom they come in one second)."""
    deltas = rng.sample(range(11, 200), 2)
    for number, delta in enumerate([*deltas, deltas[0]]):
        system.command(code, "add", times=1 + (number == 1), add_bonus=delta, notify=rng.random() < 0.5)
    system.command(code, "add", add_bonus=-7, add_balance=500, record_balance="充值")
    system.command(code, "set", version=rng.randint(2, 9), bonus=rng.randint(300, 900), custom_field_value1="金卡")
    system.command(code, "set", version=1, bonus=1)


def bindings(system, midway):
    """Who scans: is bound, logs in, comes too late, changes over, leaves. Codes are sent, mistaken and right."""
    s, sim = system, system.sim
    new, known, late = (openid(name) for name in ("new", "known", "late"))

    def poster(scene):
        return s.ask("qrcode.create", action_name="QR_LIMIT_STR_SCENE", action_info={"scene": {"scene_str": scene}})["ticket"]

    s.people("follow", known)
    s.people("follow", late)
    s.later()
    one = s.ask("bind.start", user="u1", ttl_s=86400)["ticket"]
    s.people("scan", new, ticket=one)
    s.people("scan", known, ticket=s.ask("bind.start", user="u2", ttl_s=86400)["ticket"])
    s.people("scan", late, ticket=s.ask("bind.start")["ticket"])
    s.quiet()
    midway()
    s.later()
    s.people("scan", late, ticket=one)
    s.people("scan", new, ticket=poster("m-club"))
    s.people("scan", known, ticket=s.ask("verify.start", purpose="pay", user="u2")["ticket"])
    s.people("say", late, type="text", text="你好")
    s.quiet()
    s.later()
    code = re.search(r"\d{6}", s.messages(known)[-1])[0]
    for tried in (f"{(int(code) + 1) % 1000000:06d}", code, code):
        s.ask("verify.check", openid=known, purpose="pay", code=tried)
    s.ask("verify.send", openid=late, purpose="pay")
    s.ask("oauth.exchange", code=s.people("oauth-code", late)["code"])
    s.ask("bind.end", user="u2")
    s.people("scan", late, ticket=poster("store-12b"))
    s.people("unfollow", new)
    s.quiet()
    s.later()


def live(system, rng, cards, midway=lambda: None):
    """What becomes of the cards until all is quiet: every kind of record, call and row. midway is called once, at rest."""
    s, sim = system, system.sim
    given, renewed, thrown, restored, muted, *others = cards
    for number, code in enumerate([*cards, "given"]):
        answer(s.crm, code, number)
    for code in cards:
        sim.receive(code, openid(code), unionid=f"u{code}", outer_str="12b")
    s.quiet()
    s.later()
    for number, code in enumerate(cards):
        if number % 3 == 0:  # one-tap: WeChat keeps the form, and activates what is not active
            sim.submit(code, FORM, active=True)
        else:
            ticket = sim.submit(code, FORM)
        if number % 3 == 1:
            s.open_page(code, ticket)
    s.quiet()
    assert all(effect["has_active"] for effect in sim.effects().values())

    s.later()
    for turn, code in enumerate(cards):
        points(s, rng, code)
        if turn == len(cards) // 2:
            sim.control("token/invalidate", {"appid": APPID})
    s.quiet()

    s.later()
    bindings(s, midway)
    for code in others[::3]:
        sim.foreign(code, bonus=1000)
    for code in others[1::3]:
        sim.foreign(code, balance=70)
    for code in others[2::3]:
        s.command(code, "set", version=50, bonus=BONUS_LIMIT + 1)
        assert s.push.send(card_event("user_consume_card", code, openid=openid(code), ConsumeSource="FROM_API")).success
    s.command(muted, "add", add_bonus=13)
    for code in (renewed, thrown, restored):
        sim.delete(code)
    s.quiet()

    s.later()  # not yet so long that an answer of the CRM seems older than the receipt
    sim.gift(given, friend=openid("given"), new_code="given")
    s.open_page("given", sim.submit("given", FORM))
    s.quiet()

    s.later(300)  # more than clocks differ
    sim.receive(restored, openid(restored))
    sim.receive(renewed, openid(renewed), restore=False)  # nobody asks for its activation again
    s.muted.add(muted)
    s.command(muted, "add", add_bonus=13)
    s.quiet()
    sim.foreign(muted, bonus=3)
    s.deliver()
    s.muted.clear()

    s.later()
    s.command(given, "add", add_bonus=1)
    for code in [renewed, restored, "given", muted, *others]:
        s.command(code, "sync")
        s.command(code, "add", add_bonus=5)
    menu = {"button": [{"type": "click", "name": "会员卡", "key": "card"}]}
    s.kafka.produce("cmd.wechat", *wechat_command("menu.create", menu))
    s.quiet()


def judge_life(system, cards):
    """That it was one: else its replay would prove nothing."""
    s = system
    rows = s.rows()
    assert {table for table, *_ in rows} == set(TABLES)
    entries = s.db.rows("bonus_entry")
    assert {(e["outcome"], e["error_code"]) for e in entries} >= {
        ("applied", None), ("skipped", None), ("observed", None), ("rejected", "moved"), ("rejected", "wechat:45022")}
    assert {e["outcome"] for e in entries if e["mode"] == "sync"} == {"applied", "skipped"}
    assert {row["frozen"] for row in s.db.rows("bonus_account")} == {0, 1}
    effects = s.sim.effects()
    for row in s.db.rows("bonus_account", frozen=0):
        assert row["bonus"] == row["shown"] == effects[row["card_code"]]["bonus"], row
    assert len(effects) == len(cards) + 1
    assert {row["state"] for row in s.db.rows("effect")} == {"done"}
    told = [record.json for record in s.kafka.read("event.binding")]
    assert {record["kind"] for record in told} == KINDS
    assert [record["reason"] for record in told if record["kind"] == "refused"] == ["used"]
    assert len(s.messages()) == 7, "one for each scan that bound, refused or asked for a code, and one code"
    assert {row["tries"] for row in s.db.rows("verify_code")} == {0, 5}, "one is out, one used up"
    assert not any(s.letters().values()), s.letters()
    for worker, program in s.workers.items():
        assert all(s.kafka.read(topic) for topic in INPUTS[worker]), worker
        read = {labels["topic"] for name, labels, _ in program.metrics() if name == "kabao_consumer_lag_records"}
        assert {topic.removeprefix(f"{s.kafka.prefix}.").removesuffix(".v1") for topic in read} == {
            *INPUTS[worker], f"redrive.{worker}"}, "what else is there to replay?"


def differences(before, after):
    """[(key, {column: (before, after)})] of rows."""
    found = []
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old != new:
            found.append((key, {name: (old[name], new[name]) for name in old if old[name] != new[name]}
                          if old and new else (old, new)))
    return found


@pytest.mark.parametrize("activation", count(["on_receive", "crm"], ["crm"]))
def test_a_replay_of_everything_to_everybody_changes_nothing(system, rng, activation):
    s = system(activation)
    cards = [f"{number:012d}" for number in range(count(200, 25))]
    live(s, rng, cards)
    judge_life(s, cards)
    outside, rows = s.outside(), s.rows()
    said = {topic: s.said(topic) for topic in TOPICS}
    told = {webhook.id for webhook in s.crm.of()}
    lives = {worker: as_they_came(s.kafka, topics) for worker, topics in INPUTS.items()}

    for order in (lambda records: records, lambda records: shuffled(records, rng)):
        processed = {worker: s.processed(worker) for worker in INPUTS}
        webhooks = len(s.crm.of())
        redrive(s, {worker: order(records) for worker, records in lives.items()})
        s.quiet()
        assert s.outside() == outside
        changed = differences(rows, s.rows())
        assert changed == []
        assert not any(s.letters().values()), s.letters()
        for topic in TOPICS:
            again = s.said(topic)
            assert again.keys() == said[topic].keys(), topic
            if topic != "state.member":  # which tells what WeChat says now
                assert again == said[topic], topic
        assert len(s.crm.of()) > webhooks and {webhook.id for webhook in s.crm.of()} == told
        for worker, records in lives.items():
            assert s.processed(worker) >= processed[worker] + len(records), worker
