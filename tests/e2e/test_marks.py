# SPDX-License-Identifier: Apache-2.0
"""What is done beyond a gap is remembered in the commit's metadata: a restart repeats almost nothing, and a text that
cannot be trusted is not."""
import time

import pytest
from kit.commits import Commit
from kit.probe import COMMIT_S, QUICK_GROUP, place  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

ALONE = {**QUICK_GROUP, "group.instance.id": "one"}
METADATA_MAX = 4096


def settled(place, quiet_s=1.5):
    """The commit, once it has not moved for a while: everything done is in it."""
    seen = []

    def quiet():
        commit = place.commits().fetch()
        if not seen or commit != seen[-1][0]:
            seen.append((commit, time.monotonic()))
        return time.monotonic() - seen[-1][1] > quiet_s

    wait_for(quiet, 30, lambda: f"a commit that rests; {seen[-1:]}")
    return seen[-1][0]


def stuck_and_done(place, done, ms=0):
    """Five records, one that waits until `free`, and many that are done; the one in a list, and the others."""
    scripts = [place.script("sleep", n % 100, Ms=ms) for n in range(5 + done)]
    stuck = place.script("wait", "stuck", Until="free")
    place.send([*scripts[:5], stuck, *scripts[5:]])
    return [stuck], scripts


@pytest.mark.deadline(180)
def test_a_restart_repeats_what_was_in_hand(place):
    place.open(1, worker={"lanes": 16, "max_inflight": 256}, kafka=ALONE)
    stuck, done = stuck_and_done(place, count(5000, 2000), ms=40)
    program = place.start()
    place.wait_completed(len(done) * 3 // 4)
    place.kill_child(program)
    place.wait_completed(done)
    assert place.where[stuck[0].seq] == (0, 5)
    judge = place.judge(without={stuck[0].key})
    (died_ns,) = place.deaths.values()
    late = [line for line in judge.lines if line.completes and died_ns - COMMIT_S * 1e9 < line.at_ns < died_ns]
    print(f"{len(judge.repeats())} of {len(done)} done again; {len(late)} were done in the last {COMMIT_S} s")
    assert not judge.unexcused(), judge.unexcused()[:3]

    commit = settled(place)
    assert commit.offset == 5
    repeats = len(judge.repeats())
    place.kill_child(program)
    place.wait_started(3)
    after = place.send(place.script("", n) for n in range(50))
    place.wait_completed(after)
    assert len(place.judge(without={stuck[0].key}).repeats()) == repeats, "all of it was committed"
    place.heal("free")
    place.wait_completed(stuck)
    place.wait_committed()
    place.all_is_well()


@pytest.mark.deadline(180)
def test_the_metadata_stays_small_and_printable(place, rng):
    """Many small gaps, as random as they come."""
    total = count(50000, 4000)
    place.open(1, worker={"lanes": 32, "max_inflight": 1024, "park_after_ms": 60000})
    scripts = [place.script("wait", f"stuck-{n}", Until="free") if rng.random() < 0.1 and n < 4000
               else place.script("sleep", n % 500, Ms=rng.randrange(4)) for n in range(total)]
    place.send(scripts)
    program = place.start()
    commits, texts = place.commits(), []

    def look():
        texts.append(commits.fetch().metadata)
        return len(place.completed()) >= len([s for s in scripts if "stuck" not in s.key])

    wait_for(look, 120, lambda: f"the others; {len(place.completed())} of {total}")
    texts.append(settled(place).metadata)
    print(f"{len(texts)} commits seen, the longest metadata has {max(map(len, texts))} bytes")
    assert any(texts), "something was remembered"
    for text in texts:
        assert len(text.encode()) <= METADATA_MAX
        assert text.isascii() and (text.isprintable() or not text)
    seen = len(place.judge().repeats())
    program.stop()
    place.start()
    place.heal("free")
    place.wait_completed(scripts)
    assert len(place.all_is_well().repeats()) == seen == 0
    place.wait_committed()


DAMAGES = {
    "nonsense": lambda text: "~~ not ours ~~",
    "cut": lambda text: text[:len(text) // 2],
    "a letter changed": lambda text: text[:-1] + ("A" if text[-1:] != "A" else "B"),
    "too long": lambda text: text + "A" * (METADATA_MAX - len(text)),
}


@pytest.mark.parametrize("damage", count(list(DAMAGES), ["nonsense", "a letter changed"]))
def test_damaged_metadata_is_not_trusted(place, damage):
    place.open(1, worker={"lanes": 16})
    stuck, done = stuck_and_done(place, 60)
    program = place.start()
    place.wait_completed(done)
    commit = settled(place)
    program.stop()
    assert commit.offset == 5 and commit.metadata
    place.commits().store(Commit(5, DAMAGES[damage](commit.metadata)))
    program = place.start()
    beyond = [s for s in done if place.where[s.seq][1] > 5]
    wait_for(lambda: place.lines() and len(place.judge().repeats()) >= len(beyond), 30,
             lambda: f"{len(beyond)} repeats; {len(place.judge().repeats())}")
    place.heal("free")
    place.wait_completed(stuck)
    place.wait_committed()
    assert {again.seq for _, again in place.judge().repeats()} == {s.seq for s in beyond}
    assert any(line["level"].startswith("warn") and "metadata" in str(line) for line in program.log_lines())
    assert not place.judge().disorder()


def test_good_metadata_is_trusted(place):
    """The counter-proof: put back as it was, it spares everything."""
    place.open(1, worker={"lanes": 16})
    stuck, done = stuck_and_done(place, 60)
    program = place.start()
    place.wait_completed(done)
    commit = settled(place)
    program.stop()
    place.commits().store(commit)
    place.start()
    place.heal("free")
    place.wait_completed(stuck)
    place.wait_committed()
    assert not place.all_is_well().repeats()


def test_a_topic_made_anew_is_read_from_its_start(place):
    place.open(1, worker={"lanes": 16})
    _, done = stuck_and_done(place, 60)
    program = place.start()
    place.wait_completed(done)
    before = settled(place)
    program.stop()
    admin, name = place.kafka._admin, place.kafka.name("event.wechat")
    admin.delete_topics([name], operation_timeout=20)[name].result(30)
    wait_for(lambda: "event.wechat" not in place.kafka.topics(), 20, "the topic gone")
    place.kafka.create("event.wechat", partitions=1)
    place.sent.clear()
    fresh = place.send(place.script("", n % 7) for n in range(40))
    place.commits().store(Commit(0, before.metadata))  # of the topic that was
    place.start()
    place.wait_completed(fresh)
    place.wait_committed()
    place.all_is_well(without={s.key for s in done} - {s.key for s in fresh})
