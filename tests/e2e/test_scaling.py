# SPDX-License-Identifier: Apache-2.0
"""Instances started and stopped as deploy/kubernetes asks of KEDA, by the metric of real instances: one, four, one."""
import json
import math
import re
import signal
import time

import pytest
import yaml
from kit.config import APPID
from kit.population import accounts, member
from kit.program import BIN, ROOT, run_tool
from kit.records import event_record
from kit.scale import count
from kit.waiting import wait_for

PARTITIONS = 4
MINUTE_S = 1  # how long a minute of the rule takes here
RECORDS = count(6000, 1200)
CARDS = 200
USERINFO = "/card/membercard/userinfo/get"


class Autoscaler:
    """The horizontal autoscaler's formula over KEDA's average value, with the windows of scaling.yaml: it goes up to the
    least that was asked for within the one, and down to the most within the other."""

    def __init__(self, worker):
        text = (ROOT / "deploy/kubernetes/base/scaling.yaml").read_text(encoding="utf-8")
        (rule,) = [d["spec"] for d in yaml.safe_load_all(text) if d["metadata"]["name"] == f"kabao-{worker}"]
        (trigger,) = rule["triggers"]
        behaviour = rule["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self.threshold = float(trigger["metadata"]["threshold"])
        assert re.match(r"sum\(kabao_useful_replicas ", trigger["metadata"]["query"])
        self.least, self.most = rule["minReplicaCount"], min(rule["maxReplicaCount"], PARTITIONS)
        self.windows = [behaviour[way]["stabilizationWindowSeconds"] / 60 * MINUTE_S for way in ("scaleUp", "scaleDown")]
        self.asked = []  # (when, how many)

    def decide(self, useful, now, running):
        wanted = min(max(math.ceil(useful / self.threshold), self.least), self.most)
        self.asked.append((now, wanted))
        up, down = ([n for at, n in self.asked if at >= now - window] for window in self.windows)
        return max(running, min(up)) if min(up) > running else min(running, max(down))


@pytest.fixture
def system(apply, config, run, start_sim, kafka):
    class System:
        def __init__(self, script=None):
            sim = start_sim(accounts(*(member(code=f"{n:06d}") for n in range(CARDS))), script)
            self.config = config.with_(wechat={"base_url": sim.url}, topic={"partitions": PARTITIONS},
                                       worker={"lanes": 4, "max_inflight": 32, "park_after_ms": 300,
                                               "retry_initial_ms": 600000, "retry_max_ms": 600000})
            apply(self.config)
            run("token", self.config)
            self.instances, self.leaving = [run("member", self.config)], []
            self.scaler = Autoscaler("member")
            self.seen = []  # (useful, running)

        def useful(self):
            return int(sum(one.metric("kabao_useful_replicas") for one in self.instances))

        def tick(self):
            useful = self.useful()
            wanted = self.scaler.decide(useful, time.monotonic(), len(self.instances))
            self.seen.append((useful, wanted))
            while len(self.instances) < wanted:
                self.instances.append(run("member", self.config, ready=False))
                self.instances[-1].wait_ready(60)
            while len(self.instances) > wanted:
                self.leaving.append(self.instances.pop())
                self.leaving[-1].signal(signal.SIGTERM)
            return wanted

        def tick_until(self, met, timeout, what):
            wait_for(lambda: self.tick() is not None and met(), timeout, what)

        def finish(self):
            for one in self.leaving:
                one.await_stop()

        def send(self, how_many, at_s):
            kafka.produce_many("event.wechat", [event_record("submit_membercard_user_info", f"{n % CARDS:06d}", at=at_s + n)
                                                for n in range(how_many)])
    return System


def test_one_four_one(system, kafka):
    s = system([{"path": USERINFO, "do": {"delay_ms": 40}}])
    s.tick()
    assert len(s.instances) == 1
    s.send(RECORDS, int(time.time()) - RECORDS)
    s.tick_until(lambda: len(s.instances) == PARTITIONS, 60, lambda: f"four instances: {s.seen[-20:]}")
    s.tick_until(lambda: len(s.instances) == 1, 120, lambda: f"one instance again: {s.seen[-20:]}")
    kafka.wait_done("member", "event.wechat")
    s.finish()
    most_useful = 0
    for useful, wanted in s.seen:
        most_useful = max(most_useful, useful)
        assert wanted <= max(1, most_useful), s.seen
    assert max(wanted for _, wanted in s.seen) <= PARTITIONS
    sent = {r.id for r in kafka.read("event.wechat")}
    assert len(sent) == RECORDS and kafka.read("dlq.member") == []
    assert {r.key for r in kafka.read("state.member")} == {r.key for r in kafka.read("event.wechat")}


def test_the_guide_names_programs_that_exist_and_what_a_load_needs(config, tmp_path):
    guide = (ROOT / "deploy/OPERATING.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^kabaoctl (plan-capacity .*)$", guide, re.MULTILINE)
    ini = config.with_(worker={"lanes": 10}, quota={USERINFO: "600/min"}).write(tmp_path / "plan.ini")
    done = run_tool("kabaoctl", *command.split(), "--json", "--config", ini)
    plan = json.loads(done.stdout)
    needs = {need["program"]: need for need in plan["programs"]}
    assert all((BIN / name).exists() for name in needs)
    member = needs["kabao-member"]
    assert member["events_per_second"] == 500 and 45 < member["events_per_second_of_one"] < 50
    assert member["instances"] == math.ceil(500 / member["events_per_second_of_one"])
    assert {"path": USERINFO, "calls_per_second": 500, "limit_per_second": 10} in plan["paths"]
    text = run_tool("kabaoctl", *command.split(), "--config", ini).stdout
    assert f"{USERINFO}: 500.0 of 10.0 calls a second: TOO MANY" in text
    assert run_tool("kabaoctl", "plan-capacity", "--config", ini).returncode == 64


def test_parked_and_dead_records_start_nobody(system, kafka, db):
    failing = [f"{n:06d}" for n in range(3)]
    s = system([{"path": USERINFO, "match": {"code": code}, "do": {"errcode": -1}} for code in failing])
    s.send(2 * CARDS, int(time.time()))
    for n in range(40):
        kafka.produce("event.wechat", f"{APPID}:x:{n}", "no json",
                      [("ce_id", f"{n:032x}"), ("ce_type", "kabao.wechat.user_get_card")])
    kafka.wait("dlq.member", 40)
    kafka.wait_done("member", "event.wechat", timeout=60)
    db.wait_rows("parked", 2 * len(failing))
    begun = len(s.seen)
    s.tick_until(lambda: len(s.seen) >= begun + 10, 60, "ten ticks")
    assert [seen for seen in s.seen[begun:] if seen != (0, 1)] == []
