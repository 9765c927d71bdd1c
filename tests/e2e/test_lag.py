# SPDX-License-Identifier: Apache-2.0
"""kabaoctl lag, quota, crashes: what waits, what is spent, what killed a worker."""
import json
import os
import signal
import time

import pytest
from kit.config import APPID
from kit.population import accounts, member
from kit.program import run_tool
from kit.records import event_record
from kit.waiting import wait_for

USERINFO = "/card/membercard/userinfo/get"
CARDS = 12


@pytest.fixture
def system(apply, config, run, start_sim, kafka, db, tmp_path):
    """kabao-member and its token over a few cards, stopped and started by the test."""

    class System:
        def __init__(self, script=None, **sections):
            self.kafka, self.db = kafka, db
            self.sim = start_sim(accounts(*(member(code=f"{n:06d}") for n in range(CARDS))), script)
            self.config = config.with_(wechat={"base_url": self.sim.url}, **sections)
            apply(self.config)
            self.token = run("token", self.config)

        def start(self):
            return run("member", self.config)

        def ask(self, *words):
            done = run_tool("kabaoctl", *words, "--config", self.config.write(tmp_path / "lag.ini"))
            assert done.returncode == 0, done.stderr
            return done.stdout

        def json(self, *words):
            return json.loads(self.ask(*words, "--json"))

        def send(self, *codes, at_s=None):
            for code in codes:
                key, text, headers = event_record("submit_membercard_user_info", f"{code:06d}", at=int(time.time()))
                kafka.produce("event.wechat", key, text, list(headers.items()),
                              timestamp_ms=None if at_s is None else int(at_s * 1000))

        def behind(self, **match):
            rows = [row for row in self.json("lag", "member") if all(row[k] == v for k, v in match.items())]
            return {name: sum(row[name] for row in rows) for name in ("lag", "parked", "dead")}
    return System


def test_lag_counts_what_a_stopped_worker_has_before_it(system):
    s = system()
    s.start().stop()
    assert s.behind() == {"lag": 0, "parked": 0, "dead": 0}
    s.send(*range(CARDS), at_s=time.time() - 100)
    s.send(*range(CARDS))
    rows = s.json("lag", "member")
    topic = s.kafka.name("event.wechat")
    assert {row["worker"] for row in rows} == {"member"}
    assert {row["topic"] for row in rows} == {topic, s.kafka.name("redrive.member")}
    waiting = [row for row in rows if row["lag"]]
    assert sum(row["lag"] for row in waiting) == 2 * CARDS
    assert {row["topic"] for row in waiting} == {topic}
    for row in waiting:
        assert 100 <= row["lag_seconds"] < 200
    assert {row["useful_replicas"] for row in rows} == {len(waiting)}
    assert all(row["lag_seconds"] == 0 for row in rows if not row["lag"])
    worker = s.start()
    s.kafka.wait_done("member", "event.wechat")
    worker.stop()
    assert s.behind() == {"lag": 0, "parked": 0, "dead": 0}


def test_lag_leaves_out_what_is_done_beyond_the_commit(system):
    """One card fails; what came after it is done, though the commit stands before it."""
    s = system([{"path": USERINFO, "match": {"code": "000000"}, "do": {"errcode": -1}}],
               worker={"park_after_ms": 600000})
    worker = s.start()
    s.send(0, *range(1, CARDS))
    s.kafka.wait("state.member", CARDS - 1)
    worker.stop()
    assert s.behind(topic=s.kafka.name("event.wechat"))["lag"] == 1


def test_lag_tells_parked_and_dead_apart(system):
    s = system([{"path": USERINFO, "match": {"code": "000000"}, "do": {"errcode": -1}}],
               worker={"park_after_ms": 200, "retry_initial_ms": 600000, "retry_max_ms": 600000})
    worker = s.start()
    s.send(0, 0, 1)
    place = s.kafka.produce("event.wechat", f"{APPID}:x:y", "no json",
                            [("ce_id", "a" * 32), ("ce_type", "kabao.wechat.user_get_card")])
    s.db.wait_rows("parked", 2)
    s.kafka.wait("dlq.member", 1)
    s.kafka.wait_done("member", "event.wechat")
    worker.stop()
    assert s.behind() == {"lag": 0, "parked": 2, "dead": 1}
    assert s.behind(topic=s.kafka.name("event.wechat"), partition=place[0])["dead"] == 1
    text = s.ask("lag")
    assert "USEFUL REPLICAS" in text
    assert ["member", "0", "-", "2", "1", "0"] in [line.split() for line in text.splitlines()]
    s.ask("dlq", "discard", "member", "--yes")
    assert s.behind()["dead"] == 0


def test_quota_shows_limits_spent_calls_and_closings(system):
    s = system([{"path": USERINFO, "after": 3, "do": {"errcode": 45011}}], quota={USERINFO: "5000/day"})
    worker = s.start()
    s.send(0, 1, 2)
    s.kafka.wait("state.member", 3)

    def path():
        (row,) = [row for row in s.json("quota") if row["path"] == USERINFO]
        return row

    before = path()
    assert (before["account"], before["limit"], before["closed_until"]) == ("demo", "5000/day", None)
    assert 4900 <= before["left_today"] <= 4997
    s.send(3)
    wait_for(lambda: path()["closed_until"], 30, "a closed path")
    assert 0 < path()["wait_ms"] <= 60000
    assert USERINFO in s.ask("quota")
    worker.stop()


def test_crashes_names_the_record_that_was_in_hand(system):
    s = system([{"path": USERINFO, "times": 1, "do": {"delay_ms": 20000}}])
    assert s.json("crashes") == []
    worker = s.start()
    s.send(3)
    s.sim.wait_requests(path=USERINFO)
    (record,) = s.kafka.read("event.wechat")
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: s.json("crashes"), 30, "a suspect")
    (row,) = s.json("crashes")
    assert (row["worker"], row["topic"], row["partition"], row["offset"]) == \
        ("member", record.topic, record.partition, record.offset)
    assert (row["crashes"], row["crash_limit"]) == (1, 3)
    assert "1 of 3" in s.ask("crashes")
    worker.kill()


def test_a_worker_that_is_none_is_a_usage_error(system):
    assert run_tool("kabaoctl", "lag", "members", env={"KABAO_ACCOUNT_DEMO_APPID": APPID}).returncode == 64
