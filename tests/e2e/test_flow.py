# SPDX-License-Identifier: Apache-2.0
"""What is in hand is bounded, polling never stops, a stop redoes nothing, and what went away is met again without
help."""
import threading
import time

import pytest
from kit.config import APPID, SECRETS, account
from kit.population import accounts, member
from kit.probe import QUICK_GROUP, place  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

MEMBER, CODE = "/card/membercard/userinfo/get", "/card/code/get"


def stop_in_time(program, seconds):
    begun = time.monotonic()
    program.stop(seconds + 10)
    assert time.monotonic() - begun <= seconds + 1


@pytest.mark.deadline(180)
def test_a_stop_under_load_redoes_nothing(place, rng):
    rounds = count(20, 4)
    place.open(2, worker={"lanes": 16, "drain_timeout_ms": 8000, "max_inflight": 100})
    place.send(place.script(rng.choice(["sleep", "sleep put", "sleep emit", "sleep retry"]), rng.randrange(100),
                            Ms=rng.randrange(60), Times=1) for _ in range(300 * rounds))
    for n in range(rounds):
        program = place.start()
        place.wait_completed(min(len(place.completed()) + 150, 300 * rounds))
        stop_in_time(program, 8)
        judge = place.judge()
        begun = {line.seq for line in judge.lines if line.what == "begin"}
        print(f"stop {n + 1}: {len(place.completed())} done, {len(begun - place.completed().keys())} to be tried again")
    program = place.start()
    place.wait_completed(300 * rounds)
    assert not place.all_is_well().repeats()
    place.wait_committed()
    assert program.metric("kabao_late_results_dropped_total") == 0


@pytest.mark.deadline(240)
def test_starts_and_stops(place, rng):
    """At any moment, ready or not."""
    place.open(2, worker={"lanes": 8}, kafka=QUICK_GROUP)
    place.send(place.script("sleep put", n % 50, Ms=10) for n in range(count(5000, 500)))
    for _ in range(count(100, 8)):
        begun, length_s = time.monotonic(), rng.uniform(0.3, 3)
        program = place.start(ready=False)
        wait_for(lambda b=begun, s=length_s: time.monotonic() - b > s, 10, "a moment by chance")
        stop_in_time(program, 25)
    place.start()
    place.wait_completed(len(place.sent))
    assert not place.all_is_well().repeats()
    place.wait_committed()


class Load(threading.Thread):
    """Records until it is ended."""

    def __init__(self, place, do):
        super().__init__()
        self.place, self.do = place, do
        self.ending = threading.Event()
        self.scripts = []

    def run(self):
        while not self.ending.wait(0.05):
            self.scripts += self.place.send(self.place.script(self.do, n, Ms=5) for n in range(10))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


@pytest.mark.deadline(180)
@pytest.mark.parametrize("server", ["broker", "database"])
def test_a_server_restarts_under_load(place, broker, db, server):
    place.open(2, worker={"lanes": 16})
    program = place.start()
    children = program.children()
    with Load(place, "sleep put emit") as load:
        place.wait_completed(100)
        (broker if server == "broker" else db.server).restart()
        seen = len(place.completed())
        place.wait_completed(seen + 200)
    place.wait_completed(load.scripts)
    place.all_is_well(repeats=server == "broker")  # a group that was away may have given the partitions up
    place.wait_committed(60)
    assert len(place.db.rows("wechat_event")) == len(load.scripts)
    assert program.children() == children
    assert not place.letters()
    wait_for(lambda: program.probe("/readyz") == 200, 30, "readyz green")


@pytest.mark.deadline(180)
def test_what_is_in_flight_is_bounded_and_polling_goes_on(place):
    group = {"max.poll.interval.ms": 3000, "session.timeout.ms": 3000, "heartbeat.interval.ms": 700}
    place.open(2, worker={"lanes": 8, "max_inflight": 60, "drain_timeout_ms": 20000}, kafka=group)
    program = place.start()
    scripts = place.send(place.script("hang", n, Ms=9000, Until="open") for n in range(400))
    wait_for(lambda: program.metric("kabao_inflight_records") == 60, 30, "full")
    full_s = time.monotonic()
    while time.monotonic() - full_s < 6:
        assert program.metric("kabao_inflight_records") <= 60
        assert program.metric("kabao_poll_age_seconds") < 3
        assert program.probe("/healthz") == 200
    place.heal("open")
    place.wait_completed(scripts)
    assert program.metric("kabao_rebalances_total") == 1
    assert not place.all_is_well().repeats()
    place.wait_committed()


def test_bytes_in_flight_are_bounded(place):
    """16 KiB each, 256 KiB at most: one more than fits may be in hand."""
    place.open(1, worker={"lanes": 4, "max_inflight_bytes": "256 KiB"})
    program = place.start()
    scripts = place.send(place.script("hang", n, Until="open", Ms=9000, Filler="x" * 16384) for n in range(100))
    wait_for(lambda: program.metric("kabao_inflight_records") >= 14, 20, "full")
    assert program.metric("kabao_inflight_records") <= 17
    place.heal("open")
    place.wait_completed(scripts)
    assert not place.all_is_well().repeats()


def sim_seconds(entries):
    """How many requests in each second of the clock."""
    seconds = {}
    for entry in entries:
        seconds[str(entry["time"])[:19]] = seconds.get(str(entry["time"])[:19], 0) + 1
    return seconds


@pytest.mark.deadline(180)
def test_a_dark_path_is_probed_and_nothing_else_is_touched(place, start_sim, run, tmp_path):
    """One API path of one account fails for everybody: no attempt is counted, one probe a second goes out, other paths
    and accounts flow; when it opens, all drains in order."""
    other = "wx00000000other000"
    known = accounts(*(member(code=f"{n:06d}") for n in range(60)),
                     *(member(code=f"{n:06d}", appid=other) for n in range(60, 90)))
    known["accounts"].append({**known["accounts"][0], "appid": other, "original_id": "gh_other0000000"})
    known["templates"].append({**known["templates"][0], "appid": other})
    sim = start_sim(known, [{"path": MEMBER, "appid": APPID, "do": {"status": 502}}])
    place.open(1, {"account other": account(tmp_path, "other", other, "gh_other0000000", SECRETS)},
               wechat={"base_url": sim.url}, worker={"lanes": 16, "max_inflight": 400})
    place.kafka.create("dlq.token", "redrive.token", partitions=1)
    run("token", place.config)
    program = place.start()
    dark = place.send(place.script("call", n % 30, Path="member") for n in range(150))
    place.wait_begun(dark[0])
    light = place.send([*(place.script("call", 30 + n % 30, Path="code") for n in range(60)),
                        *(place.script("call", 60 + n % 30, Path="member", Account="other") for n in range(60))])
    place.wait_completed(light)
    sim.wait_requests(1, path=MEMBER, appid=APPID)
    wait_for(lambda: len(sim_seconds(sim.requests(path=MEMBER, appid=APPID))) >= count(60, 8), count(90, 30),
             "some seconds of darkness")
    probes = sim_seconds(sim.requests(path=MEMBER, appid=APPID))
    print(f"requests on the dark path, second by second: {list(probes.values())}")
    assert all(n <= 2 for n in list(probes.values())[3:]), "one a second; two may fall into one second of the clock"
    tries = max(line.attempt for line in place.lines() if line.what == "begin")
    assert tries <= 10, "waiting is no attempt"
    sim.control("script", [])
    place.wait_completed(dark)
    assert not place.all_is_well().repeats()
    assert not place.letters()
    assert program.running
