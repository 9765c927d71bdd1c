# SPDX-License-Identifier: Apache-2.0
"""kabao-bind: a scanned QR code binds once, by the account's rules, is told once, and whatever dies or comes again
changes nothing."""
import threading
import time

import pymysql
import pytest
from confluent_kafka import Producer

from kit.bind import CUSTOM, openid, start
from kit.config import APPID, write_secret
from kit.push import event
from kit.records import wechat_command
from kit.scale import count
from kit.waiting import wait_for

A, B, C = openid("A"), openid("B"), openid("C")


@pytest.fixture
def system(apply, config, run, pusher, start_sim, kafka, db, tmp_path):
    return start(apply, config, run, pusher, start_sim, kafka, db, tmp_path)


@pytest.mark.deadline(240)
def test_scenes_that_were_made(system, run):
    s = system(binding_prefix="m-")
    for case in (a_follower_new_or_known_is_bound, who_is_not_bound, what_cannot_be_used_is_refused_for_a_reason,
                 who_leaves_is_unbound, a_scan_from_before_comes_late):
        case(s)
        s.clear()
    from_the_command_to_the_scan(s, run)


@pytest.mark.deadline(240)
def test_scenes_with_a_prefix(system, rng):
    s = system(rebind="replace", binding="open", binding_prefix="m-")
    for case in (only_declared_prefixes_bind, odd_names_harm_nobody, more_bindings_than_one_transaction_takes):
        case(s)
        s.clear()
    a_scan_from_before_comes_late(s, "m-u1")
    s.clear()
    another_user_goes_by_the_rule(s, "replace")
    s.clear()
    a_replay_tells_nobody_and_changes_nothing(s, rng)


# Who is bound

def a_follower_new_or_known_is_bound(s):
    for who, first in ((A, True), (B, False)):
        scene = s.scene(f"user-{who[-1]}")
        s.scan(who, scene, first)
        (bound,), (scanned,) = s.wait("bound", who=who), s.records("scanned", who=who)
        assert bound.key == scanned.key == f"{APPID}:{who}"
        at = bound.json["at"]
        assert bound.json == {"account": "demo", "appid": APPID, "openid": who, "kind": "bound", "scene": scene,
                              "user": f"user-{who[-1]}", "at": at}
        assert scanned.json == {"account": "demo", "appid": APPID, "openid": who, "kind": "scanned", "scene": scene,
                                "first_follow": first, "at": at}
        (row,), (stored,) = s.db.rows("scene", scene=scene), s.db.wait_rows("binding", openid=who)
        assert row["openid"] == who and row["used_at"] == stored["bound_at"]
        assert (stored["scene"], stored["user"]) == (scene, f"user-{who[-1]}")
        assert s.wait_told(who) == [f"已绑定 user-{who[-1]}"]
    assert s.bound() == s.stored() and len(s.records()) == 4 and s.letters() == []


def who_is_not_bound(s):
    """A login says who it is and keeps nothing; posters, and with `binding = pending` prefixes too, are only scanned."""
    s.scan(A, s.scene(), first=True)
    (bound,) = s.wait("bound")
    assert bound.json["openid"] == A and "user" not in bound.json
    assert s.wait_told(A) == ["已登录"]
    s.leave(A)
    s.scan(B, "m-7")
    s.scan(B, "store-12b", first=True)
    s.send(event("subscribe", B, s.at(B), EventKey=""))
    s.scan(C, s.scene(kind="verify", purpose="pay"))  # without [verify] key_file
    (letter,) = s.kafka.wait("dlq.bind")
    assert (letter.header("dlq-reason"), letter.header("dlq-error-code")) == ("rejected", "verify")
    s.settle()
    assert [r.json["kind"] for r in s.records(who=B)] == ["scanned", "scanned"]
    assert s.bound() == {} and s.records("unbound") == [] and s.told(B) == []


def what_cannot_be_used_is_refused_for_a_reason(s):
    used, expired, foreign = s.scene("u1"), s.scene("u1", ttl_s=-61), s.scene("u1", appid="wx00000000000000ff")
    barely = s.scene("u1", ttl_s=-30)  # clocks differ
    s.scan(A, used)
    s.wait("bound", who=A)
    scans = {"used": used, "expired": expired, "unknown": foreign}
    for scene in scans.values():
        s.scan(B, scene)
    s.scan(A, used)
    s.scan(C, "bind-" + "0" * 32)
    s.scan(C, barely)
    refused = s.wait("refused", enough=5)
    s.wait("bound", who=C, scene=barely)
    assert {(r.json["openid"], r.json["scene"]): r.json["reason"] for r in refused} == {
        **{(B, scene): reason for reason, scene in scans.items()}, (A, used): "used", (C, "bind-" + "0" * 32): "unknown"}
    assert set(s.wait_told(B, 3)) == {"二维码已使用", "二维码已过期", "二维码无效"}
    s.settle()
    assert s.bound() == {used: "u1", barely: "u1"} == s.stored()
    assert s.letters() == []


def odd_names_harm_nobody(s):
    """Longer than the tables take them, or of odd letters: a dead letter at most."""
    quoted = "m-'; DROP TABLE bound; -- \"\\ {code} \U0001f600"
    s.scan(A, quoted)
    for who, scene in (("o" * 700, s.scene("u1")), ("o" * 700, "m-7"), (B, "m-" + "x" * 200)):
        s.scan(who, scene, touch=False)
    s.leave("o" * 700)
    s.scan(C, last := s.scene("u1"))
    s.wait("bound", who=C)
    s.settle()
    assert s.bound() == {quoted: quoted[2:], last: "u1"}
    assert s.wait_told(A) == [f"已绑定 {quoted[2:]}"]
    assert {r.header("dlq-reason") for r in s.letters()} == {"rejected"} and len(s.letters()) == 4


@pytest.mark.parametrize("rule", count(["many", "refuse"], ["refuse"]))
def test_another_user_keeps_both_or_is_refused(system, rule):
    another_user_goes_by_the_rule(system(rebind=rule), rule)


def another_user_goes_by_the_rule(s, rule):
    first, same, other = s.scene("u1"), s.scene("u1"), s.scene("u2")
    s.scan(A, first)
    s.scan(A, same)
    s.wait("bound", enough=2)
    s.scan(A, other)
    s.settle()
    unbound = {r.json["scene"]: (r.json["user"], r.json["openid"]) for r in s.records("unbound")}
    refused = [r.json["reason"] for r in s.records("refused")]
    both = {first: "u1", same: "u1"}
    expected = {"many": {**both, other: "u2"}, "replace": {other: "u2"}, "refuse": both}[rule]
    assert s.bound() == expected
    wait_for(lambda: s.stored() == expected, 30, lambda: f"stored; {s.stored()}")
    assert unbound == ({first: ("u1", A), same: ("u1", A)} if rule == "replace" else {})
    assert refused == (["rebind"] if rule == "refuse" else [])
    assert s.wait_told(A, 3)[-1] == ("已绑定其他账号" if rule == "refuse" else "已绑定 u2")
    assert {int(r["used_at"] is not None) for r in s.db.rows("scene")} == {1}


def only_declared_prefixes_bind(s):
    for who, scene in ((A, "store-12b"), (A, "m-"), (A, "M-7"), (A, "bind-7")):
        s.scan(who, scene, first=True)
    s.wait("scanned", enough=4)
    s.scan(A, "m-7")
    s.wait("bound", enough=1)
    s.scan(A, "m-7")  # as often as one likes
    s.wait("bound", enough=2)
    s.scan(A, "m-8")
    s.settle()
    assert [r.json["user"] for r in s.records("bound")] == ["7", "7", "8"]
    assert [r.json["scene"] for r in s.records("unbound")] == ["m-7"]
    assert s.bound() == {"m-8": "8"} and len(s.records()) == 7 + 3 + 1
    assert s.told(A)[-1] == "已绑定 8"
    s.scan(A, "m-7")
    wait_for(lambda: s.stored() == {"m-7": "7"}, 30, lambda: f"stored; {s.stored()}")
    assert s.bound() == {"m-7": "7"}


def from_the_command_to_the_scan(s, run):
    """A page's QR code: asked for, shown, scanned by somebody who follows with it."""
    run("command", s.config)
    s.kafka.produce("cmd.wechat", *wechat_command("bind.start", {"user": "user-7"}))
    (result,) = s.kafka.wait("result.wechat")
    answer = result.json["answer"]
    (pending,) = s.records("pending")
    assert pending.key == f"{APPID}:{answer['scene']}"
    s.sim.control("scan", {"appid": APPID, "openid": A, "ticket": answer["ticket"]})
    s.sim.deliver(s.push)
    (bound,) = s.wait("bound")
    assert (bound.json["scene"], bound.json["user"], bound.json["openid"]) == (answer["scene"], "user-7", A)
    assert s.wait_told(A) == ["已绑定 user-7"]
    s.kafka.produce("cmd.wechat", *wechat_command("bind.end", {"user": "user-7"}))
    (unbound,) = s.wait("unbound")
    assert (unbound.json["scene"], s.bound()) == (answer["scene"], {})
    wait_for(lambda: s.stored() == {}, 30, "stored")


# Who leaves

def who_leaves_is_unbound(s):
    scenes = [s.scene(f"u{n}") for n in range(3)]
    for scene in scenes:
        s.scan(A, scene)
    s.scan(B, other := s.scene("u9"))
    s.wait("bound", enough=4)
    s.leave(A)
    unbound = s.wait("unbound", enough=3)
    assert {(r.json["scene"], r.json["user"], r.json["openid"]) for r in unbound} == {
        (scene, f"u{n}", A) for n, scene in enumerate(scenes)}
    assert s.bound() == {other: "u9"}
    again = s.scene("u1")
    s.scan(A, again, first=True)
    s.wait("bound", enough=5)
    s.leave(C)
    s.settle()
    assert s.bound() == {other: "u9", again: "u1"} and len(s.records("unbound")) == 3
    wait_for(lambda: s.stored() == s.bound(), 30, lambda: f"stored; {s.stored()}")


def a_scan_from_before_comes_late(s, scene=None):
    """Bound, and at once unbound: he is not a follower any more."""
    scene = scene or s.scene("u1")
    now = s.at(A)
    s.leave(A, now)
    s.settle()
    s.scan(A, scene, at=now - 5)
    (bound,), (unbound,) = s.wait("bound"), s.wait("unbound")
    assert (unbound.json["scene"], unbound.json["user"]) == (scene, "u1")
    assert bound.json["at"] < unbound.json["at"]
    assert s.bound() == {}
    s.scan(A, later := s.scene("u2"), at=now)  # in the same second, and told after it: he is back
    s.wait("bound", enough=2)
    assert s.bound() == {later: "u2"}
    wait_for(lambda: len(s.db.rows("binding")) == 2, 30, "both are stored")
    assert s.stored() == {later: "u2"}
    s.settle()
    assert s.told(A) == ["已绑定 u2"]


def more_bindings_than_one_transaction_takes(s):
    many = 130
    s.db.query("INSERT INTO bound SELECT %s,%s,CONCAT('s',seq),IF(seq<3,'u2','u1'),'2026-01-01',NULL FROM seq_1_to_130",
               APPID, A)
    s.scan(A, scene := s.scene("u2"))
    unbound = s.wait("unbound", enough=many - 2)
    s.settle()
    assert len(s.bound()) == 3 and s.bound()[scene] == "u2"
    assert {r.json["user"] for r in unbound} == {"u1"}
    s.db.query("UPDATE bound SET ended_at=NULL WHERE user='u1'")
    s.leave(A)
    s.wait("unbound", enough=2 * (many - 2) + 3, timeout=60)
    s.settle()
    assert s.bound() == {} and len(s.records("unbound")) == 2 * (many - 2) + 3
    assert s.letters() == []


# Messages

# What WeChat may do with a message, and how many come of it.
FAULTS = [({"errcode": 45015, "effect": False}, 0), ({"errcode": 48002, "effect": False}, 0),
          ({"errcode": -1, "effect": False}, 0), ({"cut": "after"}, 1), ({"cut": "before"}, 0),
          ({"status": 502, "effect": True}, 1)]


@pytest.mark.deadline(200)
def test_a_message_is_a_courtesy(system):
    """Refused, cut or unanswered: logged, told once at most, and the binding stands."""
    people = {openid(f"F{n}"): fault for n, fault in enumerate(FAULTS)}
    script = [{"path": CUSTOM, "match": {"touser": who}, "times": 1, "do": do} for who, (do, _) in people.items()]
    s = system(script, worker={"drain_timeout_ms": 3000})
    for who in people:
        s.scan(who, s.scene("u1"))
    s.scan(A, s.scene("u1"), at=s.at(A) - 61)  # too late to be told
    s.wait("bound", enough=len(people) + 1)
    s.settle(100)
    assert A not in {r["body"]["touser"] for r in s.sim.requests(path=CUSTOM)}
    assert {who: len(s.told(who)) for who in people} == {who: told for who, (_, told) in people.items()}
    assert len(s.bind.log_lines("bind.untold")) == len(people)
    assert len(s.records("bound")) == len(people) + 1 and s.letters() == []
    assert {row["state"] for row in s.db.rows("effect")} == {"done"}


def test_a_closed_path_holds_nobody_longer_than_the_minute(system):
    """The quota of messages is gone: the next push of the same person comes through when the minute is over."""
    s = system([{"path": CUSTOM, "do": {"errcode": 45009, "effect": False}}])
    s.scan(A, s.scene("u1"), at=s.at(A) - 56)
    s.scan(A, second := s.scene("u2"))
    s.wait("bound", who=A, scene=second, timeout=60)
    assert s.told(A) == []


# Deaths

class Held:
    """A transaction of somebody else that holds the rows of table scene."""

    def __init__(self, db):
        password = db.server.password_file.read_text(encoding="ascii")
        self.link = pymysql.connect(unix_socket=db.server.socket, user="kabao", password=password, database=db.name)
        self.link.cursor().execute("SELECT * FROM scene FOR UPDATE")

    def release(self):
        self.link.close()


def waits_for_scene(s):
    return s.db.query("SELECT 1 FROM information_schema.processlist WHERE info LIKE '%%FROM scene WHERE%%FOR UPDATE'"
                      " AND db=%s", s.db.name)


@pytest.mark.deadline(300)
def test_a_death_around_the_decision_changes_nothing(system, broker):
    s = system(mortal=True)
    for n in range(count(10, 1)):
        who = openid(f"D{n}")
        in_it, after_it = s.scene(f"u{n}"), s.scene(f"v{n}")
        held = Held(s.db)
        s.scan(who, in_it)
        wait_for(lambda: waits_for_scene(s), 30, "it decides")
        s.bind.kill()
        held.release()
        s.again()
        s.wait("bound", scene=in_it)
        s.wait_told(who)
        held = Held(s.db)
        s.scan(who, after_it)
        wait_for(lambda: waits_for_scene(s), 30, "it decides")
        broker.freeze()  # decided, and nothing of it acknowledged
        held.release()
        wait_for(lambda: s.db.rows("bound", scene=after_it), 30, "decided")
        s.bind.kill()
        broker.thaw()
        s.again()
        s.wait("bound", scene=after_it)
        s.wait_told(who, 2)
        s.settle()
        assert s.told(who) == [f"已绑定 u{n}", f"已绑定 v{n}"]
        assert len(s.records("bound", who=who)) == 2 and s.records("refused") == []
    assert s.letters() == []


@pytest.mark.deadline(300)
def test_a_death_around_the_message_tells_once(system):
    s = system(worker={"drain_timeout_ms": 3000}, mortal=True)
    for n in range(count(10, 1)):
        for delay in ("in the call", "after it"):
            who = openid(f"M{n}{delay[0]}")
            before = len(s.sim.requests(path=CUSTOM))
            s.sim.control("script", [{"path": CUSTOM, "times": 1, "do": {"delay_ms": 3000}}] if delay[0] == "i" else [])
            s.scan(who, s.scene(f"u{n}"))
            s.sim.wait_requests(before + 1, path=CUSTOM)
            s.bind.kill()
            s.sim.control("script", [])
            s.again()
            s.settle()
            assert s.told(who) == [f"已绑定 u{n}"]
            assert len(s.records("bound", who=who)) == 1 == len(s.sim.requests(path=CUSTOM)) - before
    who_comes_again_after_the_minute_is_told_nothing(s, openid("L"))
    assert s.letters() == [] and {row["state"] for row in s.db.rows("effect")} == {"done"}


def who_comes_again_after_the_minute_is_told_nothing(s, who):
    """And nothing is left open in the ledger."""
    before, at = len(s.sim.requests(path=CUSTOM)), s.at(who) - 54
    s.sim.control("script", [{"path": CUSTOM, "times": 1, "do": {"hang": True, "effect": False}}])
    s.scan(who, s.scene("u1"), at=at)
    s.sim.wait_requests(before + 1, path=CUSTOM)
    s.bind.kill()
    wait_for(lambda: time.time() > at + 60, 30, "the minute is over")
    s.again()
    s.settle()
    assert len(s.sim.requests(path=CUSTOM)) == before + 1 and len(s.records("bound", who=who)) == 1


def redrive(s, records):
    producer = Producer({"bootstrap.servers": s.kafka.bootstrap})
    for record in records:
        producer.produce(s.kafka.name("redrive.bind"), record.value, record.key, record.partition,
                         headers=list(record.headers))
    assert producer.flush(30) == 0


def everything(s):
    tables = ("scene", "bound", "binding", "effect", "verify_code", "verify_count", "parked")
    return {table: sorted(s.db.rows(table), key=str) for table in tables}


def a_replay_tells_nobody_and_changes_nothing(s, rng):
    people, first = [openid(f"R{n}") for n in range(6)], len(s.kafka.read("event.wechat"))
    for who in people:
        one, two = s.scene("u1"), s.scene("u2")
        for scene in (one, "m-u3", one, two, "poster"):
            s.scan(who, scene)
        s.leave(who)
        s.scan(who, "m-u4", first=True)
    s.settle()
    s.kafka.wait_done("store", "event.binding")
    ids = {r.id for r in s.records()}
    before, told, asked = everything(s), len(s.told()), len(s.sim.requests(path=CUSTOM))
    assert told >= 3 * len(people)  # as many as WeChat lets pass
    pushes = s.kafka.read("event.wechat")[first:]
    for _ in range(2):
        redrive(s, pushes)
        s.kafka.wait_done("bind", "redrive.bind")
        rng.shuffle(pushes)
    s.kafka.wait_done("store", "event.binding")
    assert {r.id for r in s.records()} == ids
    assert everything(s) == before
    assert (len(s.told()), len(s.sim.requests(path=CUSTOM))) == (told, asked)
    assert s.letters() == []


# Many

@pytest.mark.deadline(300)
def test_many_at_once_over_two_instances(system, run):
    """Each scene is scanned by three people at the same time: one of them is bound."""
    s = system(texts=False, rebind="replace", worker={"lanes": 32})
    second = run("bind", s.config)
    number = count(1000, 60)
    scenes = [s.scene(f"user-{n}") for n in range(number)]
    scans = [(openid(f"{(n * 7 + turn * 13) % number}"), scene) for turn in range(3) for n, scene in enumerate(scenes)]

    def scan(mine):
        for who, scene in mine:
            s.scan(who, scene, touch=False)

    threads = [threading.Thread(target=scan, args=(scans[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = s.wait("bound", "refused", enough=len(scans), timeout=200)
    s.settle()
    bound = {}
    for r in records:
        if r.json["kind"] == "bound":
            assert bound.setdefault(r.json["scene"], r.json["openid"]) == r.json["openid"]
        else:
            assert r.json["reason"] == "used"
    assert len(bound) == number and len(records) == len(scans)
    assert {row["scene"]: row["openid"] for row in s.db.rows("scene")} == bound
    live = s.db.rows("bound", ended_at=None)
    assert len(live) == len({row["openid"] for row in live}), "replace: one user each"
    s.kafka.wait_done("store", "event.binding")
    assert s.stored() == s.bound()
    assert s.letters() == [] == s.sim.requests(path=CUSTOM), "without texts nobody is told"
    assert all(p.metric("kabao_processed_total") > 0 for p in (s.bind, second)), "both had work"


# Codes

@pytest.fixture
def codes(system, tmp_path):
    def make(script=None, **verify):
        key = write_secret(tmp_path / "verify.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        return system(script, verify={"key_file": key, **verify}, worker={"drain_timeout_ms": 3000}, mortal=True)
    return make


def code_of(text):
    word, code, rest = text.partition("，")[0].partition(" ")
    assert word == "验证码" and len(rest) == 6 and rest.isdigit(), text
    assert code == " "
    return rest


def test_a_scan_gets_a_code(codes):
    s = codes([{"path": CUSTOM, "match": {"touser": C}, "do": {"errcode": 45015, "effect": False}}])
    scene = s.scene("u1", kind="verify", purpose="pay", code_ttl_s=120)
    s.scan(A, scene)
    (sent,) = s.wait("code_sent")
    assert {k: sent.json.get(k) for k in ("openid", "scene", "user", "purpose")} == {
        "openid": A, "scene": scene, "user": "u1", "purpose": "pay"}
    assert sent.json["expires_at"] > sent.json["at"]
    (text,) = s.told(A)
    assert text.endswith("，2 分钟")
    s.scan(B, scene)
    assert s.wait("refused", who=B)[0].json["reason"] == "used"
    s.scan(A, s.scene("u1", kind="verify", purpose="pay"))  # within resend_s
    assert s.wait("refused", who=A)[0].json["reason"] == "limit"
    assert s.wait_told(A, 2)[1] == "请稍后再试"
    s.scan(C, s.scene(kind="verify", purpose="pay"))  # WeChat takes no message for him: the code is void
    assert s.wait("refused", who=C)[0].json["reason"] == "undelivered"
    s.settle()
    ids, asked, before = {r.id for r in s.records()}, len(s.sim.requests(path=CUSTOM)), everything(s)
    redrive(s, s.kafka.read("event.wechat"))
    s.kafka.wait_done("bind", "redrive.bind")
    assert ({r.id for r in s.records()}, len(s.sim.requests(path=CUSTOM)), everything(s)) == (ids, asked, before)
    code = code_of(text)
    assert all(code not in r.json.values() for r in s.records())
    assert all(code not in str(row["result"]) for row in s.db.rows("effect"))
    assert s.bound() == {} and s.letters() == [] and s.told(C) == []


@pytest.mark.deadline(200)
def test_a_death_sends_the_same_code_again(codes):
    s = codes()
    s.sim.control("script", [{"path": CUSTOM, "times": 1, "do": {"delay_ms": 3000}}])
    s.scan(A, s.scene(kind="verify", purpose="pay"))
    s.sim.wait_requests(1, path=CUSTOM)
    s.bind.kill()
    s.again()
    s.wait("code_sent", timeout=60)
    s.settle()
    assert len({code_of(text) for text in s.told(A)}) == 1 and 1 <= len(s.told(A)) <= 2
    assert len(s.records("code_sent")) == 1
    a_code_that_was_used_meanwhile_was_sent(s)


def a_code_that_was_used_meanwhile_was_sent(s):
    """Before the death it came, and was typed in before the next process looks."""
    s.sim.control("script", [{"path": CUSTOM, "times": 1, "do": {"hang": True, "effect": True}}])
    s.scan(B, s.scene(kind="verify", purpose="pay"))
    wait_for(lambda: s.told(B), 30, "the code")
    s.bind.kill()
    s.db.query("UPDATE verify_code SET tries = tries_max WHERE openid = %s", B)
    s.again()
    s.wait("code_sent", who=B, timeout=60)
    s.settle()
    assert len(s.told(B)) == 1 and s.records("refused") == []
