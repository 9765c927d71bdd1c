# SPDX-License-Identifier: Apache-2.0
"""kabaoctl trace: the story of one push, or of the last ones of a card or a person, in order."""
import base64
import json
import time

import pytest
from kit.config import APPID, CARD_ID
from kit.population import accounts
from kit.program import run_tool
from kit.records import event_record
from kit.scale import count

ACTIVATE = "/card/membercard/activate"
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
CODE = "018255396048"


class Tool:
    def __init__(self, path):
        self.path = str(path)

    def run(self, *words, **options):
        return run_tool("kabaoctl", *words, "--config", self.path, **options)

    def json(self, *words):
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def text(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Shop:
    """ingress, token, member, activate and store over one simulator."""

    def __init__(self, config, run, pusher, sim, kafka, db, directory):
        self.sim, self.kafka, self.db = sim, kafka, db
        programs = [run(name, config, ready=False) for name in ("ingress", "token", "member", "activate", "store")]
        for program in programs:
            program.wait_ready()
        self.push = pusher(programs[0])
        self.tool = Tool(config.write(directory / "trace.ini"))

    def receive(self, code=CODE, openid=OPENID):
        last = self.sim.last_push()
        self.sim.receive(code, openid)
        self.sim.deliver(self.push, after=last)

    def settle(self):
        for topic in ("event.wechat", "state.member", "event.activation"):
            self.kafka.wait_done("store", topic, 60)


@pytest.fixture
def shop(apply, config, run, pusher, start_sim, kafka, db, tmp_path):
    def start(script=None):
        sim = start_sim(accounts(), script)
        ready = config.with_({"account demo": {"activation": "on_receive", "init_bonus": 100}},
                             wechat={"base_url": sim.url}, worker={"retry_initial_ms": 50})
        apply(ready)
        return Shop(ready, run, pusher, sim, kafka, db, tmp_path)
    return start


def kinds(events):
    return [(e["kind"], e["what"], e.get("outcome")) for e in events]


PUSH, MEMBER, ACTIVE = "kabao.wechat.user_get_card", "kabao.member.changed", "kabao.card.activated"
STORY = [("record", PUSH, None), ("row", "wechat_event", None), ("record", MEMBER, None), ("row", "member", None),
         ("attempts", "activate", None), ("dead_letter", PUSH, "rejected"), ("redrive", PUSH, None),
         ("dealt", "activate", "redriven"), ("effect", "activate", "done"), ("record", ACTIVE, None),
         ("row", "activation", None)]
LINES = [PUSH, "row wechat_event", MEMBER, "row member", "tries of activate", "dead letter activate", "redriven activate",
         "dealt with activate", "effect activate", ACTIVE, "row activation"]


def check_story(told):
    events = told["events"]
    # What member and activate did at the same time comes in either order.
    assert sorted(map(str, kinds(events))) == sorted(map(str, STORY)), kinds(events)
    named = {(e["kind"], e["what"]): e for e in events}
    order = [named[kind, what]["n"] for kind, what, _ in STORY if what not in ("member", MEMBER)]
    assert order == sorted(order), kinds(events)
    parents = {(e["kind"], e["what"]): events[e["parent"] - 1]["what"] for e in events if "parent" in e}
    assert parents["row", "member"] == MEMBER and parents["row", "activation"] == ACTIVE
    assert events[named["redrive", PUSH]["parent"] - 1]["kind"] == "dead_letter"
    for e in events:  # siblings by time
        same = [other["at"] for other in events if other.get("parent") == e.get("parent") and "at" in other]
        assert same == sorted(same), same
    letter, tries = named["dead_letter", PUSH], named["attempts", "activate"]
    assert (letter["fields"]["error_code"], letter["fields"]["attempts"]) == ("wechat:40100", 2)
    assert tries["at"] <= tries["fields"]["last_failed_at"] <= letter["at"] <= named["redrive", PUSH]["at"]


def test_one_push_through_failure_death_and_redrive(shop):
    s = shop([{"path": ACTIVATE, "times": 1, "do": {"errcode": 99999, "effect": False}},
              {"path": ACTIVATE, "times": 1, "do": {"errcode": 40100, "effect": False}}])
    s.receive()
    (letter,) = s.kafka.wait("dlq.activate", 1, 60)
    assert s.tool.run("dlq", "replay", "activate", "--yes").returncode == 0
    s.kafka.wait("event.activation", 1, 60)
    s.settle()
    (event,) = s.kafka.read("event.wechat")
    trace = event.header("traceparent").split("-")[1]
    by_id = s.tool.json("trace", event.id)
    assert (by_id["id"], by_id["trace"]) == (event.id, trace)
    check_story(by_id)
    for word in (trace, CODE, OPENID):
        told = s.tool.json("trace", word)
        assert (told["trace"], told["events"]) == (trace, by_id["events"]), word
    text = s.tool.text("trace", event.id)
    places = [text.index(line) for line in LINES if line not in (MEMBER, "row member")]
    assert places == sorted(places), text
    assert f"trace={trace}" in text and "dlq.activate" in text and "wechat:40100" in text
    # Who it was about stays hidden, unless it is asked for.
    name = ("member", "show", CODE)
    for words in (("trace", event.id), ("trace", OPENID), name, ("member", "history", CODE)):
        for more in ((), ("--json",)):
            assert OPENID not in s.tool.text(*words, *more), words
            assert OPENID in s.tool.text(*words, *more, "--reveal"), words
    # Without records the rows are left, with their effects.
    s.kafka.delete("event.wechat", "state.member", "event.activation", "dlq.activate", "redrive.activate")
    left = [e for e in s.tool.json("trace", event.id)["events"] if e["kind"] != "dealt"]
    assert kinds(left) == [("row", "wechat_event", None), ("effect", "activate", "done")]


@pytest.fixture
def lone(apply, config, kafka, db, tmp_path):
    """Topics and tables, and no program."""
    apply(config)
    return Tool(config.write(tmp_path / "trace.ini")), kafka, db


def test_an_id_that_nobody_knows(lone):
    tool, kafka, _ = lone
    kafka.produce("event.wechat", *event_record("user_get_card", "1"))
    done = tool.run("trace", "0123456789abcdef0123456789abcdef", "--json")
    assert (done.returncode, done.stdout) == (64, "")
    assert "nothing is known of it" in done.stderr and "every partition" in done.stderr
    assert tool.run("member", "show", "nobody").returncode == 64


@pytest.mark.parametrize("word", ["id", "trace", "code", "openid"])
def test_without_rows_every_partition_is_searched(lone, word):
    tool, kafka, _ = lone
    for n in range(5):
        kafka.produce("event.wechat", *event_record("user_get_card", f"{n:06d}", openid=f"oGRUFjOTHER{n:017d}"))
    key, value, headers = event_record("user_get_card", "777777")
    kafka.produce("event.wechat", key, value, headers)
    trace = headers["traceparent"].split("-")[1]
    told = tool.json("trace", {"id": headers["ce_id"], "trace": trace, "code": "777777", "openid": OPENID}[word])
    assert [e["id"] for e in told["events"]] == [headers["ce_id"]]
    assert told["trace"] == trace


def test_what_is_parked_and_what_crashed(lone):
    tool, kafka, db = lone
    key, value, headers = event_record("user_get_card", CODE)
    part, off = kafka.produce("event.wechat", key, value, headers)
    encoded = [[base64.b64encode(x.encode()).decode() for x in item] for item in headers.items()]
    record = {"timestamp_ms": 1760000000000, "key": base64.b64encode(key.encode()).decode(),
              "value": base64.b64encode(value.encode()).decode(), "headers": encoded}
    db.query("INSERT INTO parked (worker,topic,part,off,record_key,attempts,first_failed_at,last_failed_at,next_at,reason,"
             "record) VALUES ('member',%s,%s,%s,%s,7,UTC_TIMESTAMP(3),UTC_TIMESTAMP(3),UTC_TIMESTAMP(3),'wechat:45009',%s)",
             kafka.name("event.wechat"), part, off, key, json.dumps(record))
    db.query("INSERT INTO crash_suspect VALUES ('bonus',%s,%s,%s,2,UTC_TIMESTAMP(3),%s)", kafka.name("event.wechat"), part,
             off, "0" * 32)
    events = tool.json("trace", headers["ce_id"])["events"]
    assert sorted(e["kind"] for e in events) == ["crash", "parked", "record"]
    named = {e["kind"]: e for e in events}
    assert (named["parked"]["fields"]["attempts"], named["parked"]["fields"]["reason"]) == (7, "wechat:45009")
    assert (named["crash"]["worker"], named["crash"]["fields"]["crashes"]) == ("bonus", 2)
    assert {named[kind]["parent"] for kind in ("parked", "crash")} == {named["record"]["n"]}


def member_row(db, card_id, **columns):
    row = {"appid": APPID, "card_id": card_id, "card_code": CODE, "openid": OPENID, "nickname": "一个很长的名字的人",
           "mobile": "+8615521328888", "status": "NORMAL", "bonus": 7, "version": 1, **columns}
    db.query(f"INSERT INTO member ({','.join(row)}) VALUES ({','.join(['%s'] * len(row))})", *row.values())


def test_member_show_and_history(lone):
    tool, _, db = lone
    member_row(db, CARD_ID)
    db.query("INSERT INTO member_field VALUES (%s,%s,%s,'USER_FORM_INFO_FLAG_NAME','张三',1)", APPID, CARD_ID, CODE)
    for n in range(3):
        db.query("INSERT INTO bonus_entry (command_id,appid,card_id,card_code,mode,delta,balance_delta,bonus,rev,outcome,at)"
                 " VALUES (%s,%s,%s,%s,'add',%s,0,%s,%s,'applied',%s)", f"c{n}", APPID, CARD_ID, CODE, n, n, n,
                 f"2026-01-0{3 - n} 00:00:00")
    db.query("INSERT INTO binding VALUES (%s,%s,'m-1','user-17','2026-01-02 12:00:00',NULL)", APPID, OPENID)
    shown = tool.text("member", "show", CODE)
    assert "+8****88" in shown and "张三" not in shown and "一个****的人" in shown and "USER_FORM_INFO_FLAG_NAME: ****" in shown
    assert "张三" in tool.text("member", "show", f"{CARD_ID}:{CODE}", "--reveal", "--account", "demo")
    assert tool.json("member", "show", CODE)["card_id"] == CARD_ID
    events = tool.json("member", "history", CODE, "--reveal")["events"]
    assert [e["fields"].get("command_id") or e["fields"]["user"] for e in events] == ["c2", "c1", "user-17", "c0"]
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    member_row(db, "pGRUFjOTHER")
    done = tool.run("member", "show", CODE)
    assert (done.returncode, done.stdout) == (64, "")
    assert f"{CARD_ID}:{CODE}" in done.stderr and f"pGRUFjOTHER:{CODE}" in done.stderr
    assert tool.json("member", "show", f"pGRUFjOTHER:{CODE}")["card_id"] == "pGRUFjOTHER"


def test_the_latest_events_of_a_card(lone):
    tool, kafka, _ = lone
    ids = []
    for n in range(5):
        key, value, headers = event_record("user_view_card", CODE, at=1760000000 + n)
        kafka.produce("event.wechat", key, value, headers, timestamp_ms=int(time.time() * 1000) - 5000 + n)
        ids.append(headers["ce_id"])
    assert [e["id"] for e in tool.json("trace", CODE)["events"]] == ids
    assert [e["id"] for e in tool.json("trace", CODE, "--max", "2")["events"]] == ids[3:]
    assert "the latest 2" in tool.text("trace", CODE, "--max", "2")


def others(total):
    """Pushes of 10,000 cards."""
    records = [(key, value, list(headers.items())) for key, value, headers in
               (event_record("user_view_card", f"{n:012d}", openid=f"oGRUFj{n:022d}") for n in range(10000))]
    return (records[n % len(records)] for n in range(total))


@pytest.mark.deadline(900)
def test_among_many_records(lone):
    total = count(1000000, 50000)
    tool, kafka, db = lone
    key, value, headers = event_record("user_get_card", CODE, at=int(time.time()))
    place = kafka.produce("event.wechat", key, value, headers)
    kafka.produce_many("event.wechat", others(total))
    known = json.loads(value)
    begun = time.monotonic()
    searched = tool.json("trace", headers["ce_id"])
    search_s = time.monotonic() - begun
    db.query("INSERT INTO wechat_event (event_id,create_time,appid,openid,card_id,card_code,event,trace,part,off)"
             " VALUES (%s,FROM_UNIXTIME(%s),%s,%s,%s,%s,%s,%s,%s,%s)", headers["ce_id"], known["create_time"], APPID, OPENID,
             CARD_ID, CODE, "user_get_card", headers["traceparent"].split("-")[1], *place)
    begun = time.monotonic()
    told = tool.json("trace", headers["ce_id"])
    seconds = time.monotonic() - begun
    print(f"trace among {total} records: {seconds:.2f} s; {search_s:.2f} s where no row knows it")
    assert [e["id"] for e in searched["events"]] == [headers["ce_id"]]
    assert kinds(told["events"]) == [("record", PUSH, None), ("row", "wechat_event", None)]
    assert seconds < 60
