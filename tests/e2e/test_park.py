# SPDX-License-Identifier: Apache-2.0
"""A key that keeps failing moves to MySQL, everything else flows; what moves is neither lost, nor doubled, nor out of
order, whoever dies, sleeps or is away meanwhile."""
import time

import pytest
from kit.config import APPID, CARD_ID
from kit.lossy import LossyDatabase
from kit.probe import QUICK_GROUP, place, rss_mib  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

SOON = {"lanes": 16, "park_after_ms": 500, "retry_initial_ms": 50, "retry_max_ms": 300, "max_inflight": 200,
        "crash_limit": 100}
BAD = f"{APPID}:{CARD_ID}:bad"


def wait_empty(place):
    wait_for(lambda: not place.parked(), 30, lambda: f"no parked row; {place.parked()}")


def others(place, n, do="", keys=50, **fields):
    return place.send(place.script(do, i % keys, **fields) for i in range(n))


def completed_once(place, scripts):
    """Each of these, whatever happened."""
    done = [line.seq for line in place.lines() if line.completes]
    assert sorted(seq for seq in done if seq in {s.seq for s in scripts}) == [s.seq for s in scripts]


@pytest.mark.deadline(180)
def test_a_failing_key_holds_up_nobody(place):
    place.open(2, worker={**SOON, "park_after_ms": count(10000, 1000)})
    bad = place.send(place.script("retry", "bad", Until="healed") for _ in range(10))
    around = others(place, 400)
    program = place.start()
    place.wait_completed(around)
    rows = place.wait_parked(len(bad), BAD, 60)
    assert [row["off"] for row in rows] == [place.where[script.seq][1] for script in bad]
    assert rows[0]["attempts"] > 0 and not any(row["attempts"] for row in rows[1:])
    around += others(place, 400)
    place.wait_completed(around)
    place.wait_committed()
    assert program.metric("kabao_parked_keys") == 1
    assert program.metric("kabao_parked_records") == len(bad)
    failing_since_ns = place.journal.of("begin", key=BAD)[0].at_ns
    wait_for(lambda: time.monotonic_ns() - failing_since_ns > count(60, 5) * 1e9, count(70, 10), "a long failure")

    program.stop()
    place.lines()
    tries = place.journal.of("retry", key=BAD)
    rows = place.parked(BAD)
    assert rows[0]["attempts"] == len(tries) == tries[-1].attempt
    program = place.start()
    bad += place.send(place.script("retry", "bad", Until="healed") for _ in range(5))
    around += others(place, 100)
    place.wait_completed(around)
    wait_for(lambda: place.lines() and len(place.journal.of("retry", key=BAD)) > len(tries), 30, "another try")
    assert [line.attempt for line in place.journal.of("retry", key=BAD)][len(tries)] == len(tries) + 1
    assert {line.seq for line in place.journal.of("begin", key=BAD)} == {bad[0].seq}, "none may overtake"
    place.wait_parked(len(bad), BAD)

    place.heal("healed")
    place.wait_completed(bad)
    wait_empty(place)
    assert not place.all_is_well().repeats()
    wait_for(lambda: program.metric("kabao_parked_records") == 0, 10, "the metric")
    assert not place.letters()


def test_a_parked_key_runs_out_of_attempts(place):
    place.open(1, worker={**SOON, "max_attempts": 12})
    bad = place.send([place.script("retry", "bad"), place.script("", "bad")])
    place.start()
    place.wait_parked(1, BAD)
    place.wait_completed(bad)
    (letter,) = place.kafka.wait("dlq.probe", 1)
    assert (letter.key, letter.value.decode()) == (bad[0].key, bad[0].value)
    assert (letter.header("dlq-reason"), letter.header("dlq-attempts")) == ("exhausted", "12")
    assert letter.header("dlq-original-offset") == str(place.where[bad[0].seq][1])
    wait_empty(place)
    place.all_is_well(dead=bad[:1])


@pytest.mark.deadline(240)
def test_a_crash_between_the_row_and_the_commit(place, rng):
    """Killed again and again while keys are being parked: a row belongs to MySQL exactly when the commit covers it."""
    place.open(1, worker={**SOON, "park_after_ms": 200}, kafka={**QUICK_GROUP, "group.instance.id": "one"})
    program = place.start()
    bad, around = [], []
    for round_number in range(count(60, 6)):
        bad += place.send(place.script("retry", f"bad-{n}", Until="healed")
                          for n in rng.sample(range(40), 10) for _ in range(2))
        around += others(place, 30)
        place.wait_begun(around[-1])
        pause_ns, since_ns = rng.randrange(900_000_000), time.monotonic_ns()
        wait_for(lambda since=since_ns, pause=pause_ns: time.monotonic_ns() - since > pause, 10, "a moment by chance")
        place.kill_child(program)
        place.wait_started(round_number + 2)
    place.wait_completed(around)
    place.wait_committed(60)
    place.heal("healed")
    place.wait_completed(bad)
    wait_empty(place)
    place.all_is_well()
    completed_once(place, bad)


@pytest.mark.deadline(240)
@pytest.mark.parametrize("healed", ["while it sleeps", "after it woke"])
def test_an_owner_that_slept(place, healed):
    """Stopped for longer than its session, its partition taken by another, and woken."""
    place.open(1, worker=SOON, kafka=QUICK_GROUP)
    first = place.start()
    bad = place.send(place.script("retry", "bad", Until="healed") for _ in range(20))
    place.wait_parked(len(bad), BAD)
    place.wait_committed()
    tries = len(place.lines())  # with nothing in hand: what is in hand ends as it can, asleep or not
    wait_for(lambda: any(line.what == "retry" for line in place.lines()[tries:]), 10, "the end of a try")
    first.freeze()
    tries = len(place.lines())
    second = place.start(ready=False)
    wait_for(lambda: any(line.pid in second.children() for line in place.lines()[tries:] if line.what == "retry"), 40,
             "a try by the other")
    if healed == "while it sleeps":
        place.heal("healed")
        place.wait_completed(bad)
    first.thaw()
    wait_for(lambda: (first.metric("kabao_rebalances_total", type="lost") or 0) >= 1, 30, "the loss noticed")
    bad += place.send(place.script("", "bad") for _ in range(5))
    around = others(place, 100)
    place.heal("healed")
    place.wait_completed(bad + around)
    wait_empty(place)
    completed_once(place, bad)
    assert not place.judge().disorder()
    place.wait_committed()


@pytest.mark.deadline(180)
def test_a_parking_whose_answer_was_lost_leaves_no_row(place, tmp_path):
    """Stored or not, nobody can tell: what then runs from memory takes its row with it."""
    lossy = LossyDatabase(tmp_path / "lossy", place.db.server.socket, after=b"INSERT INTO parked")
    place.open(1, worker=SOON)
    program = place.start(mysql={"socket": lossy.path, "connections": 1})
    bad = place.send(place.script("retry", "bad", Until="healed") for _ in range(5))
    place.wait_parked(len(bad), BAD)
    assert lossy.lost.wait(10)
    wait_for(lambda: program.log_lines("park.delayed"), 30, "the loss noticed")
    place.heal("healed")
    wait_for(lambda: place.lines() and place.journal.of("ok", seq=bad[0].seq), 30, "it runs from memory")
    lossy.mend()
    place.wait_completed(bad)
    place.wait_committed()
    wait_empty(place)
    program.stop()
    begun = len(place.journal.of("begin", key=BAD))
    place.start()
    place.wait_completed(place.send([place.script("", "bad")]))
    assert len(place.journal.of("begin", key=BAD)) == begun + 1, "nothing of the past runs again"
    lossy.close()


@pytest.mark.deadline(180)
def test_the_database_is_away_when_parking_is_needed(place):
    place.open(1, worker={**SOON, "max_inflight": 100})
    program = place.start()
    place.db.server.stop()
    bad = place.send(place.script("retry", f"bad-{n % 60}", Until="healed") for n in range(300))
    around = others(place, 100)
    place.wait_begun(bad[0], 4)
    wait_for(lambda: program.metric("kabao_inflight_records") == 100, 30, "full, and no fuller")
    seen = len(place.lines())
    wait_for(lambda: len(place.lines()) > seen + 200, 30, "it goes on trying what it has")
    assert program.metric("kabao_inflight_records") <= 100
    assert program.metric("kabao_poll_age_seconds") < 5
    assert program.probe("/healthz") == 200
    place.db.server.start()
    place.wait_completed(around)
    place.wait_parked(len(bad), timeout=60)
    place.heal("healed")
    place.wait_completed(bad)
    wait_empty(place)
    assert not place.all_is_well().repeats()
    assert not place.letters()


@pytest.mark.deadline(240)
def test_waiting_keys_park_beyond_half_of_what_may_be_in_flight(place):
    """A resource is closed: nothing is counted, the rest flows, memory is bounded, all drains in order."""
    place.open(2, worker={**SOON, "max_inflight": 200})
    program = place.start()
    (child,) = program.children()
    waiting = place.send(place.script("wait", f"w-{n}", Until="open", Resource="probe:closed") for n in range(60))
    around = others(place, 200)
    place.wait_completed(around)
    place.wait_begun(waiting[0])
    assert not place.parked(), "memory is the place for a few"
    before_mib = rss_mib(child)

    more = place.send(place.script("wait", f"w-{n % 90}", Until="open", Resource="probe:closed")
                      for n in range(count(100000, 1500)))
    around += others(place, 200)
    place.wait_completed(around, 120)
    assert place.parked()
    assert not any(row["attempts"] for row in place.parked())
    assert program.metric("kabao_inflight_records") <= 200
    assert rss_mib(child) - before_mib < count(512, 256), "a sanitizer's quarantine of 256 included, if it has to be"
    assert program.children() == [child]

    place.heal("open")
    place.wait_completed(waiting + more, count(900, 120))
    wait_empty(place)
    assert not place.all_is_well().repeats()
    assert not [line for line in place.journal.of("begin") if line.attempt != 1], "waiting is no attempt"
    assert not program.metric("kabao_retries_total")
    place.wait_committed()


def test_the_longest_waiting_move_first(place):
    place.open(1, worker={**SOON, "max_inflight": 40})
    place.start()
    first = place.send(place.script("wait", f"old-{n}", Until="open", Resource="probe:a") for n in range(15))
    place.wait_begun(first[-1])
    second = place.send(place.script("wait", f"new-{n}", Until="open", Resource="probe:b") for n in range(15))
    place.wait_begun(second[-1])
    place.wait_parked(1)
    assert all(":old-" in str(row["record_key"]) for row in place.parked()[:3])
    place.heal("open")
    place.wait_completed(first + second)
    wait_empty(place)
    assert not place.all_is_well().repeats()


def test_a_parked_key_waits_for_its_time_after_a_restart(place):
    """next_at is kept: a restart is no reason to try at once."""
    place.open(1, worker={**SOON, "retry_initial_ms": 5000, "retry_max_ms": 5000})
    place.send(place.script("retry", "bad", Times=2) for _ in range(2))
    program = place.start()
    (row,) = place.wait_parked(2, BAD)[:1]
    place.lines()
    tried = place.journal.of("retry", key=BAD)[-1]
    program.stop()
    assert row["next_at"]
    place.start()
    place.wait_completed(2)
    place.lines()
    again = [line for line in place.journal.of("begin", key=BAD) if line.at_ns > tried.at_ns][0]
    assert (again.at_ns - tried.at_ns) / 1e9 > 2.4, "half of the delay is the least"
    place.all_is_well()
    wait_empty(place)
