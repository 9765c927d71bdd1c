# SPDX-License-Identifier: Apache-2.0
"""One limit for all processes, whatever they are: never more calls than it allows, hardly fewer, live records first;
and what one process hears of a closed path, all obey."""
import datetime
import time

import pytest
from kit.population import accounts, member
from kit.probe import place  # noqa: F401 (a fixture)
from kit.records import event_record
from kit.scale import count
from kit.waiting import wait_for

USERINFO, CODE = "/card/membercard/userinfo/get", "/card/code/get"
LIMIT = count(100, 600)  # a minute
WATCHED_S = count(180, 8)
SLACK_S = 1.9  # what a lease's life, a burst and the way to WeChat can move together
OBEYED_S = 2.0


def at_s(call):
    return datetime.datetime.fromisoformat(call["time"].replace("Z", "+00:00")).timestamp()


class System:
    """Programs of three kinds on one account, the simulator, and a token."""

    def __init__(self, place, run, sim):
        self.place, self.sim = place, sim
        self._run = run
        self.programs = [run("token", place.config, ready=False)]

    def start(self, **kinds):
        """start(member=3, activate=3, probe=2): so many more of each."""
        started = [self._run(kind, self.place.config, ready=False, env={"PROBE_DIR": str(self.place.directory)})
                   for kind, how_many in kinds.items() for _ in range(how_many)]
        for program in started:
            program.wait_ready(60)
        self.programs += started
        return started

    def calls(self, path=USERINFO):
        """When they arrived, in order."""
        return sorted(at_s(call) for call in self.sim.requests(path=path))

    def ask_all(self, how_many, cards):
        """So many calls of each kind: the probes', and those of who looks at the card after a form."""
        scripts = [self.place.script("call", n % cards) for n in range(how_many)]
        self.place.send(scripts)
        for n in range(how_many):
            key, text, headers = event_record("submit_membercard_user_info", f"{n % cards:06d}", at=1760000000 + n)
            self.place._producer.produce(self.place.kafka.name("event.wechat"), text, key,
                                         headers=list(headers.items()))
        assert self.place._producer.flush(60) == 0
        return scripts


@pytest.fixture
def system(place, apply, run, start_sim):
    def start(partitions=4, cards=100, script=None, quota=None, sim_quota=None):
        sim = start_sim(accounts(*(member(code=f"{n:06d}") for n in range(cards)),
                                 **({"quota": sim_quota} if sim_quota else {})), script)
        place.config = place.config.with_(wechat={"base_url": sim.url}, topic={"partitions": partitions},
                                          **({"quota": quota} if quota else {}))
        apply(place.config)
        place.kafka.create("dlq.probe", "redrive.probe", partitions=partitions)
        return System(place, run, sim)
    return start


def most_within(calls, window_s):
    most = first = 0
    for last, at in enumerate(calls):
        while at - calls[first] > window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.deadline(120)
@pytest.mark.parametrize("partitions", [4, 1])
def test_eight_instances_keep_one_limit_and_use_it(system, partitions):
    s = system(partitions, quota={USERINFO: f"{LIMIT}/min"}, sim_quota={USERINFO: {"per_minute": LIMIT}})
    s.start(member=3, activate=3, probe=2)
    s.ask_all(LIMIT * (WATCHED_S + 60) // 60, 100)
    first = at_s(s.sim.wait_requests(1, path=USERINFO)[0])
    wait_for(lambda: time.time() > first + WATCHED_S, WATCHED_S + 5, "the time to pass")
    calls = [at for at in s.calls() if at <= first + WATCHED_S]
    window_s = min(60, WATCHED_S - 2)
    allowed = LIMIT if window_s == 60 else LIMIT / 60 * (window_s + SLACK_S)
    used = len([at for at in calls if at > first + 1]) / (LIMIT / 60 * (WATCHED_S - 1))
    print(f"{len(calls)} calls in {WATCHED_S} s, at most {most_within(calls, window_s)} in {window_s} s of {allowed:.0f}; "
          f"{used:.1%} of the limit used")
    assert most_within(calls, window_s) <= allowed
    assert used >= 0.9
    assert s.sim.requests(errcode=45011) == []
    assert all(program.metric("kabao_retries_total") in (None, 0) for program in s.programs[1:])


def test_a_closing_is_obeyed_by_all(system):
    """45011 comes once, to one of them."""
    s = system(4, script=[{"path": USERINFO, "after": 200, "times": 1, "do": {"errcode": 45011}},
                          {"path": USERINFO, "do": {"delay_ms": 20}}])
    programs = s.start(member=1, activate=1, probe=2)
    s.ask_all(count(20000, 1500), 100)
    refused = at_s(s.sim.wait_requests(1, path=USERINFO, errcode=45011)[0])
    wait_for(lambda: all((p.metric("kabao_quota_blocked_seconds", api=USERINFO) or 0) > 30 for p in programs), 10,
             "all to know")
    programs += s.start(probe=1)
    told = len(s.calls())
    s.place.send([s.place.script("call", n) for n in range(100)])
    wait_for(lambda: programs[-1].metric("kabao_quota_blocked_seconds", api=USERINFO), 5, "the new one to know")
    late = [at - refused for at in s.calls() if at > refused]
    print(f"{len(late)} calls after the refusal, the last {max(late, default=0):.2f} s after it")
    assert max(late, default=0) <= OBEYED_S
    assert len(s.calls()) == told, "after all knew, and the new one from its start"
    (row,) = s.place.db.rows("quota")
    assert row["path"] == USERINFO and row["closed_until"] is not None


def test_live_records_go_before_a_replay(system):
    s = system(2, quota={USERINFO: "600/min"})
    s.start(probe=2)
    redriven = [s.place.script("call", 50 + n % 50) for n in range(400)]
    s.place.send(redriven, "redrive.probe")
    for script in redriven:
        s.place.sent.pop(script.seq)
    wait_for(lambda: len([line for line in s.place.lines() if line.redriven and line.what == "ok"]) > 10, 30, "a replay")
    live = []
    for n in range(count(200, 15)):
        live += s.place.send([s.place.script("call", n % 50)])
        s.place.wait_completed(live[-1:])
        next_at = time.monotonic() + 0.2
        wait_for(lambda: time.monotonic() >= next_at, 5, "the next")
    seqs = {script.seq for script in live}
    waited = [line for line in s.place.journal.of("wait") if line.seq in seqs]
    begun = {line.seq: line.at_ns for line in reversed(s.place.journal.of("begin"))}
    took_ms = sorted((s.place.completed()[seq].at_ns - begun[seq]) / 1e6 for seq in seqs)
    done = [line for line in s.place.lines() if line.redriven and line.what == "ok"]
    print(f"{len(live)} live beside {len(done)} redriven; {len(waited)} waits, {took_ms[len(took_ms) // 2]:.0f} ms at the "
          f"median, {took_ms[-1]:.0f} ms at most")
    assert len(waited) <= len(live) // 10
    assert len(done) > 15, "what live records leave is the replay's"
    assert most_within(s.calls(), 4) <= 10 * (4 + SLACK_S)


@pytest.mark.deadline(120)
def test_without_a_database_what_has_a_limit_waits(system):
    s = system(1, quota={USERINFO: "6000/min"})
    (probe,) = s.start(probe=1)
    s.place.wait_completed(s.place.send([s.place.script("call", 1), s.place.script("call", 2, Path="code")]))
    s.place.db.server.stop()
    limited = s.place.send([s.place.script("call", n) for n in range(3, 10)])
    s.place.wait_completed(s.place.send([s.place.script("call", n, Path="code") for n in range(20, 30)]), 30)
    for script in limited:
        wait_for(lambda seq=script.seq: s.place.lines() and s.place.journal.of("wait", seq=seq), 30, "a wait")
    assert len(s.calls()) == 1
    assert probe.metric("kabao_retries_total") in (None, 0)
    s.place.db.server.start()
    s.place.wait_completed(limited, 30)
    assert len(s.calls()) == 8
    assert s.place.letters() == {}
