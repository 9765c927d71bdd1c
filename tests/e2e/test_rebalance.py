# SPDX-License-Identifier: Apache-2.0
"""Instances come, go, die and sleep: nothing lost, nothing out of order, nothing done again but what was in hand."""
import time

import pytest
from kit.probe import QUICK_GROUP, longest_pause_s, place  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

LOAD = {"lanes": 16, "max_inflight": 200, "crash_limit": 100}
STALL_S = 10


def load(place, rng, total, keys=400, ms=20):
    return place.send(place.script("sleep", rng.randrange(keys), Ms=rng.randrange(ms)) for _ in range(total))


class Crowd:
    """Instances, and what befalls them."""

    def __init__(self, place, rng):
        self.place, self.rng = place, rng
        self.programs = [place.start()]
        self.all = list(self.programs)
        self.begun_ns = time.monotonic_ns()

    def strike(self):
        """A child dies, or a whole program, which is replaced."""
        program = self.rng.choice(self.programs)
        if self.rng.random() < 0.3:
            self.place.kill_program(program)
            self.programs.remove(program)
            self.add()
        else:
            self.place.kill_child(program)

    def add(self):
        self.programs.append(self.place.start(ready=False))
        self.all.append(self.programs[-1])

    def resize(self, size):
        while len(self.programs) < size:
            self.add()
        while len(self.programs) > size:
            self.programs.pop(self.rng.randrange(len(self.programs))).stop()

    def pause_s(self):
        return longest_pause_s(self.place.lines(), self.begun_ns)


@pytest.mark.deadline(300)
def test_random_kills(place, rng):
    """1, then 5, then 2 instances, and every now and then one to three deaths at once."""
    total, kills = count(20000, 2000), count(200, 10)
    place.open(6, worker=LOAD, kafka=QUICK_GROUP)
    load(place, rng, total, ms=count(50, 100))
    crowd = Crowd(place, rng)
    killed = 0
    while killed < kills:
        place.wait_completed(int(total * 0.9 * (killed + 1) / kills), 90)
        crowd.resize(1 if killed < kills * 0.2 else 5 if killed < kills * 0.7 else 2)
        for _ in range(min(rng.randint(1, 3), kills - killed)):
            crowd.strike()
            killed += 1
    place.wait_completed(total, 90)
    judge = place.all_is_well()
    print(f"{kills} deaths, {len(judge.repeats())} of {total} done again, longest pause {crowd.pause_s():.1f} s")
    place.wait_committed(60)
    assert not place.letters()


@pytest.mark.deadline(300)
def test_rebalances_under_load(place, rng):
    """An instance joins and leaves, again and again."""
    rounds = count(20, 4)
    place.open(4, worker=LOAD, kafka=QUICK_GROUP)
    crowd = Crowd(place, rng)
    scripts = []
    for _ in range(rounds // 2):
        for size in (2, 1):
            scripts += load(place, rng, 500)
            place.wait_completed(len(scripts) - 400)
            crowd.resize(size)
            if size == 2:
                crowd.programs[1].wait_ready()
                scripts += load(place, rng, 200)
    place.wait_completed(scripts)
    judge = place.all_is_well()
    assert not judge.repeats(), "nobody died"
    pause_s = crowd.pause_s()
    print(f"{rounds} rebalances, longest pause {pause_s:.1f} s")
    assert pause_s < STALL_S
    revoked = [line["lost"] for program in crowd.all for line in program.log_lines("partitions.revoked")]
    assert len(revoked) >= rounds and not any(revoked)
    place.wait_committed()


@pytest.mark.deadline(180)
def test_a_lost_partition_is_not_committed(place, rng):
    """Its owner slept; what it did before is done again by another, and its commits are refused or never made."""
    place.open(1, worker=LOAD, kafka=QUICK_GROUP)
    sleeper = place.start()
    scripts = load(place, rng, 1500, ms=40)
    place.wait_completed(200)
    sleeper.freeze()
    place.deaths.update(dict.fromkeys(sleeper.children(), time.monotonic_ns()))
    other = place.start(ready=False)
    commits, seen = place.commits(), []

    def moves_on(extra):
        seen.append(commits.fetch().offset)
        return len(place.completed()) >= extra

    wait_for(lambda: moves_on(600), 60, "the other at work")
    sleeper.thaw()
    wait_for(lambda: moves_on(len(scripts)), 60, lambda: f"everything; {seen[-1:]} of {len(scripts)} committed, in "
             f"flight {[p.metric('kabao_inflight_records') for p in (sleeper, other)]}")
    sleeper.wait_metric("kabao_rebalances_total", 1, type="lost")
    wait_for(lambda: moves_on(0) and seen[-1] == len(scripts), 30, lambda: f"the last commit; {seen[-5:]}")
    assert seen == sorted(seen), "no commit goes back"
    assert not place.judge().lost()
    assert sleeper.probe("/healthz") == other.probe("/healthz") == 200
    place.wait_committed()


@pytest.mark.deadline(180)
def test_a_late_result_is_dropped_and_counted(place):
    """A handler deaf to its cut ends after its partition has gone; whoever has it now does the record again."""
    place.open(1, worker={"lanes": 4, "revoke_drain_ms": 500}, kafka=QUICK_GROUP)
    first = place.start(kafka={"group.instance.id": "2"})  # the range assignor sorts by it
    (deaf,) = place.send([place.script("hang", "deaf", Until="ended")])
    place.wait_begun(deaf)
    (behind,) = place.send([place.script("", "deaf")])
    place.start(kafka={"group.instance.id": "1"})
    wait_for(lambda: len({line.pid for line in place.wait_begun(deaf)}) == 2, 60, "the partition to be another's")
    others = place.send(place.script("", n) for n in range(20))
    place.wait_completed(others)
    assert behind.seq not in place.completed()
    place.heal("ended")
    place.wait_completed([behind, deaf])
    first.wait_metric("kabao_late_results_dropped_total")
    place.wait_committed()
    assert not place.judge(without={deaf.key}).repeats()
