# SPDX-License-Identifier: Apache-2.0
"""kabaoctl replay: what a worker read in some time is given to it again, each record of the range, and nothing happens
twice."""
import datetime
import hashlib
import json
import os
import re
import signal
import time

import pytest
from confluent_kafka import Producer
from kit.config import APPID, CARD_ID
from kit.population import accounts, received
from kit.probe import QUICK_GROUP
from kit.process import Process
from kit.program import BIN, ROOT, clean_env, run_tool
from kit.records import bonus_command, event_record, wechat_command
from kit.retention import delete_records
from kit.scale import count
from kit.terminal import on_terminal
from kit.waiting import wait_for

NOW_MS = int(time.time() * 1000)
FROM_MS, TO_MS = NOW_MS - 7200000, NOW_MS - 3600000
RECORDS = count(3000, 600)


def rfc3339(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")


def effect_id(step, identity):
    return hashlib.sha256(f"{step}\x1f{identity}".encode()).hexdigest()[:32]


class Desk:
    """kabaoctl replay over topics and tables of its own."""

    def __init__(self, directory, config, kafka, db):
        self.directory, self.config, self.kafka, self.db = directory, config, kafka, db
        self.ini = config.write(directory / "replay.ini")

    def argv(self, verb, worker, *words, span=(FROM_MS, TO_MS)):
        times = ["--from", rfc3339(span[0]), "--to", rfc3339(span[1])] if span else []
        return ["replay", verb, worker, *times, *map(str, words), "--config", str(self.ini)]

    def tool(self, *words, **more):
        return run_tool("kabaoctl", *self.argv(*words, **more), timeout=100)

    def json(self, *words, **more):
        done = self.tool(*words, "--json", **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def start(self, worker, *words, **more):
        log = self.directory / f"tool-{len(os.listdir(self.directory))}.log"
        return Process([BIN / "kabaoctl", *self.argv("run", worker, "--yes", *words, **more)], log, clean_env()).start()

    def effect(self, step, identity, state, until="UTC_TIMESTAMP(3)-INTERVAL 1 HOUR"):
        self.db.query("INSERT INTO effect (effect_id,event_id,step,state,`until`,holder,at) "
                      f"VALUES (%s,%s,%s,%s,{until},'',UTC_TIMESTAMP(3))", effect_id(step, identity), identity, step, state)

    def runs(self):
        return self.db.query("SELECT * FROM replay ORDER BY id")

    def fed(self, worker):
        return self.kafka.read(f"redrive.{worker}")


@pytest.fixture
def desk(tmp_path, apply, config, kafka, db):
    def open_(more=None, **sections):
        directory = tmp_path / "replay"
        directory.mkdir()
        ready = config.with_(more, **sections)
        apply(ready)
        return Desk(directory, ready, kafka, db)
    return open_


def place(record):
    return (record.topic, record.partition, record.offset)


def origin(record):
    return (record.header("dlq-original-topic"), int(record.header("dlq-original-partition")),
            int(record.header("dlq-original-offset")))


def produce(kafka, topic, records):
    """[(key, value, headers, time)], all at once."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    for key, value, headers, at_ms in records:
        producer.produce(kafka.name(topic), value, key, headers=list(headers.items()), timestamp=at_ms)
    assert producer.flush(30) == 0


def events(kafka, number, at_ms=FROM_MS, name="user_view_card", first=0):
    """Pushes, one a millisecond; {place} of those."""
    produce(kafka, "event.wechat", [(*event_record(name, f"{n % 50:06d}", at=1760000000 + n), at_ms + n - first)
                                    for n in range(first, first + number)])
    return {place(r) for r in kafka.read("event.wechat") if at_ms <= r.timestamp_ms < at_ms + number}


def test_inputs_are_those_of_the_workers():
    source = (ROOT / "common/kafka/topics.c").read_text(encoding="utf-8")
    table = re.search(r"WORKERS\[\] = \{(.*?)\n\};", source, re.DOTALL)[1]
    rows = re.findall(r'\{"(\w+)",\s*\{([^}]*)\}', table)
    assert rows
    for name, inputs in rows:
        worker = (ROOT / f"workers/{name}.c").read_text(encoding="utf-8")
        own = re.search(r"\.inputs = \{(.*?)\}", worker, re.DOTALL)[1]
        assert re.findall(r"TOPIC_\w+", inputs) == re.findall(r"TOPIC_\w+", own), name


def test_a_plan_tells_what_was_done_and_what_nobody_knows(desk):
    d = desk(quota={"default": "600/min", "replay_share": 0.5})

    commands = []

    def command(type_, name, state=None):
        commands.append((*wechat_command(type_, {}, command_id=name), FROM_MS))
        if state:
            d.effect("command", name, state)

    for n in range(7):
        command("menu.create", f"done-{n}", "done")
    for n in range(5):
        command("menu.create", f"open-{n}", "intent")  # repeatable: the worker sees to it
    for n in range(3):
        command("message.custom", f"once-{n}", "intent")
    command("card.create", "gave-up", "unknown")
    for n in range(600):
        command("menu.create", f"fresh-{n}")
    for n in range(2):
        command("card.get", f"read-{n}")
    command("card.delete", "never-replayed")
    produce(d.kafka, "cmd.wechat", commands)
    plan = d.json("plan", "command", "--rate", 1000000)
    assert plan["topics"] == {"cmd.wechat": plan["records"]}
    assert {name: plan[name] for name in ("records", "done", "open", "unknown", "fresh", "none")} == {
        "records": 619, "done": 7, "open": 5, "unknown": 4, "fresh": 600, "none": 3}
    calls = {row["path"]: row for row in plan["calls"]}
    assert calls["/cgi-bin/menu/create"]["calls"] == 605
    assert calls["/card/get"]["calls"] == 2
    assert 605 / 10 / 0.5 <= plan["seconds"] <= 605 / 10 / 0.5 * 1.05  # half of 600/min, less 3 %
    people = d.tool("plan", "command")
    assert people.returncode == 0 and "619 records, about 3 min" in people.stdout

    for n, outcome in enumerate(["applied", "rejected", "failed", None]):
        key, value, headers = bonus_command("018255396048", "add", f"bonus-{n}", add_bonus=1)
        d.kafka.produce("cmd.bonus", key, value, headers, timestamp_ms=FROM_MS)
        d.db.query("INSERT INTO bonus_entry (command_id,appid,card_id,card_code,delta,balance_delta,outcome,at) "
                   "VALUES (%s,%s,%s,'018255396048',1,0,%s,UTC_TIMESTAMP(3))", f"bonus-{n}", APPID, CARD_ID, outcome)
    plan = d.json("plan", "bonus")
    assert (plan["records"], plan["done"], plan["fresh"]) == (4, 2, 2)
    assert not d.runs() and not d.fed("command")


def test_a_run_feeds_just_the_range_key_and_type(desk):
    d = desk()
    inside = events(d.kafka, 40)
    events(d.kafka, 20, FROM_MS - 20, first=100)
    events(d.kafka, 20, TO_MS, first=200)
    gets = events(d.kafka, 6, FROM_MS + 1000, "user_get_card", first=300)
    d.kafka.produce("state.member", "k", None, {}, timestamp_ms=FROM_MS)
    told = d.json("run", "member", "--yes", "--rate", 100000)
    assert (told["records"], told["fed"], told["sent"], told["state"]) == (46, 46, 46, "done")
    fed = d.fed("member")
    assert {origin(r) for r in fed} == inside | gets and len(fed) == 46
    sources = {place(r): r for r in d.kafka.read("event.wechat")}
    for record in fed:
        source = sources[origin(record)]
        assert (record.key, record.value, record.partition) == (source.key, source.value, source.partition)
        assert list(record.headers)[:len(source.headers)] == list(source.headers)
        assert all(len(values) == 1 for values in record.header_values().values())
        assert len(record.header("dlq-replay-id")) == 32
    (row,) = d.runs()
    assert (row["worker"], row["records"], row["sent"], row["state"]) == ("member", 46, 46, "done")
    assert re.fullmatch(r"[^@]+@.+", row["by"]) and row["ended_at"] >= row["started_at"]

    told = d.json("run", "member", "--yes", "--type", "kabao.wechat.user_get_*", "--key", f"{APPID}:{CARD_ID}:000002")
    assert told["fed"] == 1, told
    known = {r.header("dlq-replay-id") for r in fed}
    (extra,) = [r for r in d.fed("member") if r.header("dlq-replay-id") not in known]
    assert origin(extra) in gets
    # The same once more is a run of its own.
    again = d.json("run", "member", "--yes", "--type", "kabao.wechat.user_get_card")
    assert again["fed"] == 6 and len(d.fed("member")) == 46 + 1 + 6 and len(d.runs()) == 3


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_was_cut_short_is_gone_on_with(desk, how):
    d = desk()
    wanted = events(d.kafka, RECORDS)
    rate = RECORDS // 3
    began = time.monotonic()
    tool = d.start("member", "--rate", rate)
    wait_for(lambda: (rows := d.runs()) and rows[0]["sent"] > 0, 30, "some are sent")
    tool.signal(how)
    code = tool.wait_exit()
    if how == signal.SIGKILL:
        (row,) = d.runs()
        assert row["state"] == "running" and row["ended_at"] is None
    else:
        (row,) = d.runs()
        assert code == 75 and "run this again" in tool.log_text()
        assert row["state"] == "stopped" and row["ended_at"]
        assert row["sent"] == len(d.fed("member")) < RECORDS
    first = len(d.fed("member"))
    assert 0 < first <= rate * (time.monotonic() - began) + rate
    told = d.json("run", "member", "--yes", "--rate", 100000)
    assert (told["records"], told["fed"], told["state"]) == (RECORDS, RECORDS, "done")
    fed = d.fed("member")
    assert {origin(r) for r in fed} == wanted
    assert len(fed) == RECORDS == first + told["sent"], "each once"
    assert len({r.header("dlq-replay-id") for r in fed}) == RECORDS
    (after,) = d.runs()
    assert (after["run_id"], after["sent"], after["state"]) == (row["run_id"], RECORDS, "done")


def test_the_rate_is_kept_and_two_do_not_meet(desk):
    d = desk()
    events(d.kafka, 300)
    tool = d.start("member", "--rate", 100)
    wait_for(lambda: d.runs(), 30, "it began")
    other = d.tool("run", "member", "--yes")
    assert other.returncode == 75 and "another kabaoctl" in other.stderr
    assert tool.wait_exit() == 0
    times = sorted(r.timestamp_ms for r in d.fed("member"))
    assert len(times) == 300
    assert times[-1] - times[0] >= 2700, "100 a second, and a burst of 200 ms"
    assert len(d.runs()) == 1


def test_a_worker_is_given_no_more_than_the_quota_lets_it_do(desk):
    """What it must keep waiting would move to the database, and live records of those cards behind it."""
    d = desk(quota={"default": "600/min", "replay_share": 0.5})
    events(d.kafka, 25)
    assert d.json("plan", "member")["rate"] == 5
    assert d.json("plan", "member", "--rate", 70)["rate"] == 70
    assert d.json("run", "member", "--yes")["state"] == "done"
    times = sorted(r.timestamp_ms for r in d.fed("member"))
    assert len(times) == 25
    assert times[-1] - times[0] >= 4500, "5 a second, and a burst of 200 ms"
    assert d.json("plan", "store")["rate"] == 500, "no call, no quota"


def test_what_is_refused(desk):
    d = desk()
    for words, said in (((("plan", "nobody"), {}), "no such worker"), ((("run", "token"), {}), "not replayed"),
                        ((("plan", "member"), {"span": (TO_MS, TO_MS)}), "not before"),
                        ((("plan", "member"), {"span": (TO_MS, FROM_MS)}), "not before"),
                        ((("plan", "member"), {"span": (FROM_MS, NOW_MS + 3600000)}), "future"),
                        ((("plan", "member"), {"span": None}), "needed"),
                        ((("run", "member"), {}), "--yes")):
        done = d.tool(*words[0], **words[1])
        assert done.returncode == 64 and said in done.stderr, (words, done)
    events(d.kafka, 1)
    code, asked = on_terminal(d.argv("run", "member"), b"n\n")
    assert "Give 1 records to member again" in asked and code == 64
    assert not d.runs() and not d.fed("member")


def test_a_range_that_retention_has_taken_is_refused(desk):
    d = desk()
    long_ago = NOW_MS - 400 * 3600000  # the topic keeps 336 hours
    events(d.kafka, 30, long_ago)
    events(d.kafka, 30)
    for range_ in ((long_ago - 1000, TO_MS), (FROM_MS, TO_MS)):
        assert d.json("plan", "member", span=range_)["records"] in (30, 60)
    firsts = {}
    for record in d.kafka.read("event.wechat"):
        if record.timestamp_ms >= FROM_MS:
            firsts.setdefault(record.partition, record.offset)
    assert max(firsts.values()) > 0
    delete_records(d.kafka, "event.wechat", firsts)
    for verb, more in (("plan", ()), ("run", ("--yes",))):
        done = d.tool(verb, "member", *more, span=(long_ago - 1000, TO_MS))
        assert done.returncode == 78 and "keeps 336 hours: records before" in done.stderr, done
    assert not d.runs() and not d.fed("member")
    done = d.tool("plan", "member")
    assert done.returncode == 0 and "nobody can say" in done.stderr, done


BUSINESS = ["member", "member_field", "wechat_event", "card_use", "activation", "bonus_account", "bonus_entry",
            "activation_wait", "effect", "command_result"]
WORKERS = ["activate", "member", "bonus", "command", "store"]
MENU = {"button": [{"type": "click", "name": "会员卡", "key": "card"}]}


def checksums(db):
    return {row["Table"]: row["Checksum"] for row in db.query(f"CHECKSUM TABLE {','.join(BUSINESS)}")}


def test_an_hour_replayed_twice_changes_nothing_and_its_plan_has_nothing_fresh(desk, run, start_sim):
    cards = [f"{n:012d}" for n in range(count(20, 4))]
    sim = start_sim(accounts(*(received(code) for code in cards)))
    d = desk({"account demo": {"activation": "on_receive", "init_bonus": 100}}, wechat={"base_url": sim.url},
             kafka=QUICK_GROUP, quota={"replay_share": 0.5})
    settled = [(worker, topic) for worker, topics in {
        "activate": ["event.wechat"], "member": ["event.wechat"], "bonus": ["cmd.bonus", "event.activation"],
        "command": ["cmd.wechat"], "store": ["event.wechat", "event.activation", "state.member", "result.wechat"]
    }.items() for topic in topics]
    began_ms = int(time.time() * 1000)
    config = d.config
    for worker in ("token", *WORKERS):
        run(worker, config, ready=False)
    for code in cards:
        d.kafka.produce("event.wechat", *event_record("user_get_card", code, at=began_ms // 1000))
    d.kafka.wait("event.activation", len(cards), 60)
    for n, code in enumerate(cards):
        for delta in (5 + n, 50 + n):
            d.kafka.produce("cmd.bonus", *bonus_command(code, "add", add_bonus=delta))
    d.kafka.produce("cmd.wechat", *wechat_command("menu.create", MENU))
    d.kafka.wait("result.bonus", 2 * len(cards), 60)
    d.kafka.wait("result.wechat", 1, 30)

    def rest():
        for worker, topic in settled:
            d.kafka.wait_done(worker, topic)

    rest()
    span = (began_ms, int(time.time() * 1000))
    wanted = {"bonus": (3 * len(cards) + len(cards), 2 * len(cards)), "command": (1, 1),
              "activate": (len(cards), len(cards))}
    for worker, (records, done) in wanted.items():
        plan = d.json("plan", worker, span=span)
        assert (plan["records"], plan["done"], plan["open"], plan["unknown"], plan["fresh"]) == (records, done, 0, 0, 0), plan
    before = (checksums(d.db), sim.effects(), len(sim.requests(path="/card/membercard/updateuser")),
              len(sim.requests(path="/card/membercard/activate")), len(sim.requests(path="/cgi-bin/menu/create")))
    for _ in range(2):
        for worker in WORKERS:
            assert d.json("run", worker, "--yes", "--rate", 10000, span=span)["state"] == "done"
        for worker in WORKERS:
            d.kafka.wait_done(worker, f"redrive.{worker}")
        rest()
        after = (checksums(d.db), sim.effects(), len(sim.requests(path="/card/membercard/updateuser")),
                 len(sim.requests(path="/card/membercard/activate")), len(sim.requests(path="/cgi-bin/menu/create")))
        assert after == before
    assert not any(d.kafka.read(f"dlq.{worker}") for worker in WORKERS)
