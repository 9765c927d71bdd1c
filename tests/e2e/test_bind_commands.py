# SPDX-License-Identifier: Apache-2.0
"""bind.start, bind.end, verify.start: scenes that nobody can guess, told before they are shown; who is bound, and no
more."""
import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from kit.config import APPID, write_secret
from kit.population import accounts
from kit.scale import count
from test_commands import CALLS, SHORT, System, path_rule

QRCODE = CALLS["qrcode.create"][1]
KEY = base64.b64encode(bytes(range(100, 132))).decode()
SCENE = re.compile(r"(bind|verify)-[0-9a-f]{32}")


class Bind(System):
    def bindings(self, **match):
        return [r for r in self.kafka.read("event.binding")
                if all(r.json.get(name) == value for name, value in match.items())]

    def started(self, type_="bind.start", **body):
        """(record, answer)"""
        record = self.send(type_, body)
        result = self.result(record)
        assert result["outcome"] == "done", result
        return record, result["answer"]

    def bind(self, openid, scene, user, at="2026-01-02 03:04:05"):
        self.db.query("INSERT INTO bound (appid, openid, scene, user, bound_at) VALUES (%s,%s,%s,%s,%s)",
                      APPID, openid, scene, user, at)

    def live(self):
        return {(row["openid"], row["scene"]) for row in self.db.rows("bound")
                if row["ended_at"] is None or row["ended_at"] <= row["bound_at"]}


@pytest.fixture
def bind(apply, config, run, start_sim, kafka, db, tmp_path):
    def start(worker=None):
        sim = start_sim(accounts())
        ready = config.with_({"wechat": {"base_url": sim.url}, "worker": {**SHORT, **(worker or {})},
                              "verify": {"key_file": write_secret(tmp_path / "verify.key", KEY)}})
        apply(ready)
        return Bind(ready, run, sim, kafka, db)
    return start


def when(text):
    return datetime.fromisoformat(text)


def test_a_scene_is_told_before_its_answer(bind):
    b = bind()
    for type_, kind, body, ttl_s in (("bind.start", "bind", {}, 600), ("bind.start", "bind", {"user": "客户-1", "ttl_s": 86400}, 86400),
                                     ("verify.start", "verify", {"purpose": "pay", "user": "u1", "ttl_s": 60}, 60)):
        record, answer = b.started(type_, **body)
        assert set(answer) == {"scene", "ticket", "url", "expires_at"} and answer["ticket"] and answer["url"]
        assert SCENE.fullmatch(answer["scene"])[1] == kind
        left = when(answer["expires_at"]) - datetime.now(UTC)
        assert timedelta(seconds=ttl_s - 60) < left <= timedelta(seconds=ttl_s)
        (pending,) = b.bindings(kind="pending", scene=answer["scene"])
        (result,) = b.records(record)
        assert pending.key == f"{APPID}:{answer['scene']}" and pending.timestamp_ms <= result.timestamp_ms
        assert pending.header("ce_type") == "kabao.binding.pending"
        assert pending.json == {"account": "demo", "appid": APPID, "kind": "pending", "scene": answer["scene"],
                                "expires_at": answer["expires_at"], "at": result.json["at"],
                                **({"user": body["user"]} if "user" in body else {})}
        (row,) = b.db.rows("scene", scene=answer["scene"])
        assert (row["kind"], row["user"], row["purpose"], row["code_ttl_s"], row["used_at"]) == (
            kind, body.get("user"), body.get("purpose"), 300 if kind == "verify" else None, None)
        request = b.sim.requests(path=QRCODE)[-1]["body"]
        assert request == {"expire_seconds": ttl_s, "action_name": "QR_STR_SCENE",
                           "action_info": {"scene": {"scene_str": answer["scene"]}}}
        b.again(record)
        first, second = b.gather([record], 2)[0]
        assert (first.id, first.value) == (second.id, second.value)
        assert len({r.id for r in b.bindings(scene=answer["scene"])}) == 1
    assert len(b.sim.requests(path=QRCODE)) == 3


def test_without_its_record_no_scene_is_answered(bind, kafka):
    b = bind(worker={"max_attempts": 2})
    b.script()
    tiny = ConfigResource(ConfigResource.Type.TOPIC, kafka.name("event.binding"), {"max.message.bytes": "100"})
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for changed in admin.alter_configs([tiny]).values():
        changed.result(20)  # from now on the broker takes no record there
    record = b.send("bind.start", {})
    result = b.result(record)
    assert result["outcome"] == "failed" and "answer" not in result
    assert b.kafka.wait("dlq.command", 1) and b.bindings() == [] and len(b.records(record)) == 1


def test_scenes_are_of_chance(bind):
    b = bind()
    b.script()
    records = [b.send("bind.start", {}) for _ in range(count(2000, 60))]
    scenes = [found.json["answer"]["scene"] for found, *_ in b.gather(records, timeout=count(300, 60))]
    assert all(SCENE.fullmatch(scene) for scene in scenes) and len(set(scenes)) == len(scenes)
    bits = "".join(f"{int(scene.split('-')[1], 16):0128b}" for scene in scenes)
    assert 0.45 < bits.count("1") / len(bits) < 0.55
    for n in range(128):  # each of the bits is one of chance
        assert 0 < sum(bits[128 * i + n] == "1" for i in range(len(scenes))) < len(scenes)


def test_cut_in_the_middle_it_keeps_its_scene(bind):
    b = bind()
    b.script(path_rule(QRCODE, {"cut": "after"}, times=1), yes=False)
    _, answer = b.started()
    first, second = (r["body"]["action_info"]["scene"]["scene_str"] for r in b.sim.requests(path=QRCODE))
    assert first == second == answer["scene"]
    b.script(path_rule(QRCODE, {"hang": True, "effect": True}, times=1), yes=False)
    record = b.send("bind.start", {"user": "u"})
    b.sim.wait_requests(3, path=QRCODE)
    assert b.bindings(user="u") == [] and len(b.db.rows("scene")) == 2
    b.worker.kill()
    b.worker = b.start("two")
    answer = b.result(record)["answer"]
    third, fourth = (r["body"]["action_info"]["scene"]["scene_str"] for r in b.sim.requests(path=QRCODE)[2:])
    assert third == fourth == answer["scene"]
    assert len(b.db.rows("scene")) == 2 and len(b.bindings(user="u")) == 1


def test_a_scene_that_lapsed_before_it_had_a_code_is_expired(bind):
    b = bind()
    b.script(path_rule(QRCODE, {"errcode": -1}))
    record = b.send("bind.start", {"ttl_s": 60})
    b.sim.wait_requests(2, path=QRCODE)
    b.db.query("UPDATE scene SET expires_at = expires_at - INTERVAL 100 SECOND")
    assert b.outcome(record) == ("expired", "scene")
    assert b.bindings() == []


def test_what_wechat_refuses_is_no_scene_to_wait_for(bind):
    b = bind()
    b.script(path_rule(QRCODE, {"errcode": 45029}))
    refused = b.send("bind.start", {"user": "u1"})
    assert b.outcome(refused) == ("rejected", "wechat:45029")
    assert b.bindings() == []
    b.script()
    corrected = b.send("bind.start", {"user": "u2"}, command_id=refused[2]["ce_id"])
    scene = b.result(corrected, count=2)["answer"]["scene"]
    (row,) = b.db.rows("scene", scene=scene)
    assert row["user"] == "u2", "not whom the refused one was for"


def test_who_is_bound_is_so_no_more(bind):
    b = bind()
    for n, (openid, user) in enumerate((("o1", "u1"), ("o1", "u2"), ("o2", "u1"), ("o3", "u3"), ("o4", "u4"))):
        b.bind(openid, f"bind-{n:032x}", user)
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    b.bind("o5", "bind-" + "f" * 32, "u5", ahead.strftime("%Y-%m-%d %H:%M:%S"))

    record = b.send("bind.end", {"openid": "o1"})
    ended = b.result(record)["answer"]["unbound"]
    assert {(e["openid"], e["scene"], e["user"]) for e in ended} == {("o1", f"bind-{0:032x}", "u1"), ("o1", f"bind-{1:032x}", "u2")}
    told = b.bindings(kind="unbound", openid="o1")
    assert {(r.json["scene"], r.json["user"], r.json["at"]) for r in told} == {
        (e["scene"], e["user"], b.result(record)["at"]) for e in ended}
    assert {r.key for r in told} == {f"{APPID}:o1"} and len({r.id for r in told}) == 2
    assert len(b.live()) == 4

    b.bind("o1", "bind-" + "e" * 32, "u1", datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    b.again(record)
    assert ("o1", "bind-" + "e" * 32) in b.live(), "what was bound since is another matter"
    assert len({r.id for r in b.bindings(kind="unbound", openid="o1")}) == 2

    by_user = b.result(b.send("bind.end", {"user": "u1"}))["answer"]["unbound"]
    assert {(e["openid"], e["user"]) for e in by_user} == {("o1", "u1"), ("o2", "u1")}
    for body in ({"user": "u1"}, {"openid": "o2"}, {"user": "nobody"}):
        result = b.result(b.send("bind.end", body))
        assert (result["outcome"], result["answer"]) == ("done", {"unbound": []})
    assert b.live() == {("o3", f"bind-{3:032x}"), ("o4", f"bind-{4:032x}"), ("o5", "bind-" + "f" * 32)}

    late = b.result(b.send("bind.end", {"openid": "o5"}))
    assert when(late["at"]) > ahead - timedelta(seconds=1), "later than what it ends, by WeChat's clock"
    assert ("o5", "bind-" + "f" * 32) not in b.live()


def test_more_than_fit_are_ended_by_several(bind):
    b = bind()
    for n in range(130):
        b.bind(f"o{n}", f"bind-{n:032x}", "family")
    ended, answer = [], {"more": True}
    while answer.get("more"):
        answer = b.result(b.send("bind.end", {"user": "family"}))["answer"]
        ended += [e["openid"] for e in answer["unbound"]]
    assert len(ended) == len(set(ended)) == 130
    assert b.live() == set() and len(b.bindings(kind="unbound")) == 130
