# SPDX-License-Identifier: Apache-2.0
"""A record that kills its worker dies alone; one that no handler can take dies at once; one that hangs is reported,
then counted."""
import time

import pytest
from kit.probe import QUICK_GROUP, place  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

HANDS = 64


def crash_rows(place):
    return place.db.rows("crash_suspect", worker="probe")


def only_letter(place, script, crashes=3, timeout=60):
    (letter,) = place.kafka.wait("dlq.probe", 1, timeout)
    assert (letter.key, letter.value.decode()) == (script.key, script.value)
    assert (letter.header("dlq-reason"), letter.header("dlq-crashes")) == ("crash", str(crashes))
    assert letter.header("dlq-original-offset") == str(place.where[script.seq][1])
    return letter


@pytest.mark.deadline(240)
@pytest.mark.parametrize("death", count(["segv", "abort", "overflow", "kill"], ["segv", "kill"]))
def test_one_record_dies_alone(place, death):
    """With 63 others in hand: `kill` leaves no note of who it was, so all of them are suspects."""
    place.open(1, worker={"lanes": HANDS}, kafka=QUICK_GROUP)
    around = [place.script("hang", n, Until="one died", Ms=30000) for n in range(HANDS - 1)]
    poison = place.script(f"sleep {death}", "poison", Ms=1500)
    behind = place.script("", "poison")
    place.send([*around[:30], poison, *around[30:], behind])
    program = place.start()
    wait_for(lambda: program.log_lines("supervisor.child_died"), 30, "the first death")
    place.lines()
    assert len(place.journal.of("begin")) == HANDS
    place.heal("one died")
    place.wait_completed(around, 90)
    place.wait_completed([behind], 90)
    only_letter(place, poison)
    assert len(place.journal.of("begin", seq=poison.seq)) == 3
    starts = sorted(line.at_ns for line in place.journal.of("start"))
    waited_s = (max(place.completed()[s.seq].at_ns for s in around) - starts[1]) / 1e9
    print(f"{death}: the last of the others was done {waited_s:.1f} s after the first restart")
    assert waited_s < 30
    assert len(program.log_lines("supervisor.child_died")) == 3
    judge = place.judge(without={poison.key})
    assert not judge.lost() and not judge.disorder()
    place.wait_committed()
    assert place.where[poison.seq][1] not in {row["off"] for row in place.parked()}


@pytest.mark.deadline(180)
def test_deaths_are_counted_over_all_instances(place):
    place.open(1, worker={"lanes": 4}, kafka=QUICK_GROUP)
    (poison,) = place.send([place.script("segv", "poison")])
    first = place.start(ready=False)
    wait_for(lambda: [row["crashes"] for row in crash_rows(place)] == [1], 30,
             lambda: f"one death; {crash_rows(place)}")
    place.kill_program(first)
    died_with_it = len(place.wait_begun(poison)) - 1  # it may have been in hand again
    second = place.start(ready=False)
    only_letter(place, poison)
    place.lines()
    begins = place.journal.of("begin", seq=poison.seq)
    assert len(begins) - died_with_it <= 3 and len({line.pid for line in begins}) >= 3
    around = place.send(place.script("", n) for n in range(20))
    place.wait_completed(around)
    assert second.running
    place.wait_committed()


@pytest.mark.deadline(180)
def test_suspects_are_cleared(place):
    """Those that were in hand with a killer are tried alone, and counted no more once they are done."""
    place.open(1, worker={"lanes": 8}, kafka=QUICK_GROUP)
    around = place.send(place.script("sleep", n, Ms=300) for n in range(7))
    program = place.start()
    place.wait_begun(around[-1])
    place.kill_child(program)
    place.wait_completed(around)
    wait_for(lambda: not crash_rows(place), 30, lambda: f"nobody suspected; {crash_rows(place)}")
    place.wait_committed()
    place.all_is_well()
    assert not place.letters()


@pytest.mark.parametrize("healed_after", [1, 2])
def test_a_crash_that_passes_costs_nothing(place, healed_after):
    """The worker was at fault, not the record: below the limit it is done like any other."""
    place.open(1, worker={"lanes": 4}, kafka=QUICK_GROUP)
    (poison,) = place.send([place.script("segv", "poison", Until="healed")])
    place.start(ready=False)
    place.wait_begun(poison, healed_after)
    if healed_after == 2:
        wait_for(lambda: [row["crashes"] for row in crash_rows(place)] == [2], 30, "two deaths")
    place.heal("healed")
    place.wait_completed([poison])
    place.wait_committed()
    assert place.kafka.read("dlq.probe") == []


def test_what_no_handler_can_take_is_dead_at_once(place):
    place.open(1, worker={"lanes": 4})
    place.start()
    good = place.script("", "good")
    bare = {name: text for name, text in good.headers.items() if name != "ce_type"}
    place.kafka.produce("event.wechat", good.key, good.value, bare)
    place.kafka.produce("event.wechat", good.key, good.value[:-1], good.headers)
    place.kafka.produce("event.wechat", good.key, '{"account":"demo"}', good.headers)
    place.send([good])
    place.wait_completed([good])
    letters = sorted(place.kafka.wait("dlq.probe", 3), key=lambda letter: int(letter.header("dlq-original-offset")))
    assert [letter.header("dlq-reason") for letter in letters] == ["malformed", "malformed", "schema"]
    assert {letter.header("dlq-attempts") for letter in letters} == {"1"}
    place.wait_committed()


def test_an_oversized_key_is_dead_at_once(place):
    place.open(1, worker={"lanes": 4})
    place.start()
    script = place.script("", "long")
    place.kafka.produce("event.wechat", "k" * 70000, script.value, script.headers)
    (letter,) = place.kafka.wait("dlq.probe", 1)
    assert (letter.key, letter.header("dlq-reason"), letter.header("dlq-attempts")) == ("k" * 70000, "malformed", "1")
    place.wait_committed()


@pytest.mark.deadline(300)
def test_a_handler_that_hangs_is_reported_then_counted(place):
    """Far past its deadline (here 1.8 s): a log line and a red /healthz, then the death of the child and a count."""
    place.open(1, worker={"lanes": 4, "drain_timeout_ms": 3000}, kafka=QUICK_GROUP)
    (poison,) = place.send([place.script("hang", "poison")])
    program = place.start()
    place.wait_begun(poison)
    wait_for(lambda: program.probe("/healthz") == 503, 60, "/healthz red")
    wait_for(lambda: program.log_lines("lane.stuck"), 20, "a word about the lane")
    around = place.send(place.script("", n) for n in range(20))
    place.wait_completed(around)
    only_letter(place, poison, timeout=150)
    place.wait_committed()
    wait_for(lambda: program.probe("/healthz") == 200, 20, "/healthz green")


@pytest.mark.deadline(180)
def test_a_slow_handler_is_not_evicted(place):
    """It sleeps far beyond max.poll.interval.ms: polling goes on beside it."""
    group = {"max.poll.interval.ms": 3000, "session.timeout.ms": 3000, "heartbeat.interval.ms": 700}
    place.open(1, worker={"lanes": 4}, kafka=group)
    program = place.start()
    (slow,) = place.send([place.script("hang", "slow", Ms=8000)])
    place.wait_begun(slow)
    begun = time.monotonic()
    around = []
    while slow.seq not in place.completed():
        around += place.send(place.script("", n) for n in range(20))
        place.wait_completed(around)
        assert program.metric("kabao_poll_age_seconds") < 3
        assert program.probe("/healthz") == 200
        assert time.monotonic() - begun < 60
    place.wait_committed()
    assert program.metric("kabao_rebalances_total") == 1, "assigned, and never again"
    assert not place.all_is_well().repeats()
