# SPDX-License-Identifier: Apache-2.0
"""Order per key with concurrency far beyond partitions."""
import time

import pytest
from kit.population import accounts, member
from kit.probe import Judge, Line, longest_pause_s, place  # noqa: F401 (a fixture)
from kit.scale import count

MS = 1_000_000


def line(what, seq, at_ms, key="k", pid=1, thread=1):
    return Line(what, pid, thread, at_ms * MS, seq=seq, key=key)


def run_of(*seqs, pid=1, thread=1, at_ms=0):
    """One after the other, 10 ms each."""
    return [line(what, seq, at_ms + 10 * i + after, pid=pid, thread=thread)
            for i, seq in enumerate(seqs) for what, after in (("begin", 0), ("ok", 5))]


SENT = {1: "k", 2: "k", 3: "k"}


@pytest.mark.parametrize("lines, lost, disorder, unexcused", [
    (run_of(1, 2, 3), [], 0, 0),
    (run_of(1, 3), [2], 2, 0),  # begun too early, ended too early
    (run_of(1, 2, 3, 1), [], 0, 1),
    (run_of(1, 2, 3) + run_of(3, pid=2, at_ms=100), [], 0, 0),  # in hand when process 1 died
    (run_of(1, 2, 3) + [line("start", 3, 9000)] + run_of(3, pid=2, at_ms=9100), [], 0, 1),  # done long before
    ([line("begin", 1, 0), line("begin", 1, 1, thread=2), line("ok", 1, 5)] + run_of(2, 3, at_ms=10), [], 2, 0),
    ([line("begin", 1, 0), line("begin", 1, 1, pid=2), line("ok", 1, 5, pid=2)] + run_of(2, 3, pid=2, at_ms=10),
     [], 0, 0),
    ([line("begin", 1, 0), line("retry", 1, 1), line("begin", 2, 2), line("ok", 2, 3)] + run_of(3, at_ms=10),
     [1], 4, 0),
])
def test_the_judge_knows(lines, lost, disorder, unexcused):
    judge = Judge(lines, SENT, {})
    assert judge.lost() == lost
    assert len(judge.disorder()) == disorder, judge.disorder()
    assert len(judge.unexcused()) == unexcused


def test_a_pause_is_seen():
    assert longest_pause_s(run_of(1, 2) + run_of(3, at_ms=2020)) == pytest.approx(2.01)
    assert longest_pause_s(run_of(1, 2), end_ns=3015 * MS) == pytest.approx(3.0)


@pytest.mark.deadline(300)
def test_a_thousand_keys_share_one_partition(place, rng):
    keys, total, latency_ms = 1000, count(50000, 5000), count(200, 20)
    place.open(1, worker={"lanes": 64})
    place.send(place.script("sleep", rng.randrange(keys), Ms=latency_ms) for _ in range(total))
    program = place.start()
    begun = time.monotonic()
    place.wait_completed(total, 60 + total * latency_ms / 1000 / 20)
    seconds = time.monotonic() - begun
    serial_s = total * latency_ms / 1000
    print(f"{total} records of {latency_ms} ms in {seconds:.1f} s: {serial_s / seconds:.0f} times the serial rate")
    judge = place.all_is_well()
    assert not judge.repeats()
    place.wait_committed()
    assert program.metric("kabao_processed_total", outcome="ok") == total


def test_calls_keep_their_order(place, start_sim, run, rng):
    """The same with WeChat's latency behind real calls."""
    keys, total = 40, count(5000, 400)
    sim = start_sim(accounts(*(member(code=f"{n:06d}") for n in range(keys))),
                    [{"path": "/card/*", "do": {"delay_ms": count(200, 50)}}])
    place.open(1, worker={"lanes": 64}, wechat={"base_url": sim.url})
    place.kafka.create("dlq.token", "redrive.token", partitions=1)
    place.send(place.script("call", rng.randrange(keys), Path=rng.choice(["member", "code"])) for _ in range(total))
    run("token", place.config)
    place.start()
    place.wait_completed(total, 120)
    assert not place.all_is_well().repeats()


def test_what_is_written_keeps_its_order(place, rng):
    keys, total = 50, count(5000, 600)
    place.open(3, worker={"lanes": 32})
    scripts = place.send(place.script("put emit", rng.randrange(keys)) for _ in range(total))
    place.start()
    place.wait_completed(scripts)
    states = place.kafka.wait("state.member", total)
    by_key = {}
    for state in states:
        by_key.setdefault(state.key, []).append(int(state.json["nickname"]))
    assert all(seqs == sorted(seqs) for seqs in by_key.values())
    assert len(place.db.rows("wechat_event")) == total == len(states)
    assert not place.all_is_well().repeats()


def test_a_slow_key_delays_nobody(place):
    place.open(1, worker={"lanes": 4})
    slow = place.send(place.script("sleep", "slow", Ms=2500) for _ in range(2))
    others = place.send(place.script("sleep", n % 50, Ms=5) for n in range(300))
    place.start()
    place.wait_completed(others)
    assert not place.completed().keys() & {script.seq for script in slow}
    place.wait_completed(slow)
    place.all_is_well()


def test_a_failing_record_holds_up_its_key_alone(place):
    place.open(1, worker={"lanes": 4})
    behind = place.send([place.script("retry", "bad", Times=4), *(place.script("", "bad") for _ in range(3))])
    others = place.send(place.script("", n % 20) for n in range(100))
    place.start()
    place.wait_completed(behind + others)
    attempts = [line.attempt for line in place.journal.of("begin", seq=behind[0].seq)]
    assert attempts == [1, 2, 3, 4, 5]
    place.all_is_well()
