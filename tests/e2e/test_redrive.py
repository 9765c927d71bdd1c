# SPDX-License-Identifier: Apache-2.0
"""Dead letters hold the original byte for byte, and run again in the worker that gave them up, behind what is live."""
import pytest
from kit.probe import place  # noqa: F401 (a fixture)
from kit.scale import count
from kit.waiting import wait_for

ODD = [("x-bytes", b"\x00\xff\x80"), ("x-empty", b""), ("dlq-theirs", b"stays")]


def redrive(kafka, letter, partition=None):
    """As `kabaoctl dlq replay` does: to the partition it came from."""
    source = int(letter.header("dlq-original-partition")) if partition is None else partition
    return kafka.produce("redrive.probe", letter.key, letter.value, letter.headers, source)


def wait_redriven(place, count_, what="ok", timeout=30):
    def enough():
        return len([line for line in place.lines() if line.redriven and line.what == what]) >= count_

    wait_for(enough, timeout, lambda: f"{count_} redriven {what}; {place.lines()[-5:]}")
    return [line for line in place.lines() if line.redriven and line.what == what]


def test_a_dead_letter_is_the_original_byte_for_byte(place):
    place.open(3)
    place.start()
    originals = {}
    for n in range(6):
        script = place.script("reject", f"ключ-{n}")
        originals[script.produce(place.kafka, "event.wechat", n % 3, ODD)] = script
    letters = place.kafka.wait("dlq.probe", 6)
    for letter in letters:
        at = int(letter.header("dlq-original-partition")), int(letter.header("dlq-original-offset"))
        script = originals.pop(at)
        assert (letter.key, letter.value.decode()) == (script.key, script.value)
        expected = [(n, v if isinstance(v, bytes) else v.encode()) for n, v in [*script.headers.items(), *ODD]]
        assert list(letter.headers[:len(expected)]) == expected
        own = [name for name, _ in letter.headers[len(expected):]]
        assert own and all(name.startswith(("dlq-", "kafka_dlt-")) for name in own)
    assert not originals
    assert len({line.seq for line in place.lines() if line.what == "dead"}) == 6
    place.wait_committed()


def test_a_redriven_letter_runs_in_its_worker_alone(place):
    place.open(3)
    program = place.start()
    scripts = place.send(place.script("reject", n, Until="healed") for n in range(5))
    letters = place.kafka.wait("dlq.probe", 5)
    ends = place.kafka.ends("event.wechat")
    place.heal("healed")
    for letter in letters:
        redrive(place.kafka, letter)
    lines = wait_redriven(place, 5)
    assert {line.seq for line in lines} == {script.seq for script in scripts}
    assert all(line.partition == place.where[line.seq][0] for line in lines)
    place.kafka.wait_done("probe", "redrive.probe")
    assert place.kafka.ends("event.wechat") == ends, "nobody else sees a thing"
    assert len(place.kafka.read("dlq.probe")) == 5
    assert program.metric("kabao_processed_total", outcome="ok") == 5
    program.stop()
    place.start()
    after = place.send([place.script("", 1)])
    place.wait_completed(after)
    assert len(wait_redriven(place, 5)) == 5, "once"


def test_a_letter_that_fails_again_keeps_its_first_failure(place):
    place.open(3)
    place.start()
    place.send([place.script("reject", "bad")])
    (first,) = place.kafka.wait("dlq.probe", 1)
    redrive(place.kafka, first)
    first, second = sorted(place.kafka.wait("dlq.probe", 2), key=lambda letter: letter.offset)
    assert (second.key, second.value) == (first.key, first.value)
    assert all(len(values) == 1 for values in second.header_values().values())
    for name in ("dlq-original-topic", "dlq-original-partition", "dlq-original-offset", "dlq-original-timestamp",
                 "dlq-first-failed-at"):
        assert second.header(name) == first.header(name), name
    assert second.header("dlq-last-failed-at") > first.header("dlq-last-failed-at")


def test_live_goes_first_and_redrive_goes_on(place):
    live_count = count(20000, 500)
    place.open(2, worker={"lanes": 4})
    redriven = [place.script("sleep", f"re-{n % 50}", Ms=10) for n in range(live_count)]
    place.send(redriven, "redrive.probe")
    for script in redriven:
        place.sent.pop(script.seq)
    live = place.send(place.script("sleep", n % 50, Ms=10) for n in range(live_count))
    place.start()
    place.wait_completed(live, 120)
    ended_ns = max(line.at_ns for line in place.lines() if line.completes and not line.redriven)
    meanwhile = [line for line in place.lines() if line.redriven and line.completes and line.at_ns <= ended_ns]
    print(f"{len(meanwhile)} redriven while {live_count} live records were worked off by 4 lanes")
    assert 0 < len(meanwhile) < live_count * 0.6
    wait_redriven(place, live_count, timeout=120)
    place.all_is_well()
    seqs = {}
    for line in place.lines():
        if line.redriven and line.completes:
            seqs.setdefault(line.key, []).append(line.seq)
    assert all(found == sorted(found) for found in seqs.values())


@pytest.mark.parametrize("share", [1, 0.01])
def test_a_key_is_never_in_two_hands(place, share):
    """Live and redriven records of one key run one after the other."""
    place.open(1, worker={"lanes": 8}, quota={"replay_share": share})
    scripts = [place.script("sleep", n % 3, Ms=20) for n in range(60)]
    place.send(scripts[::2], "redrive.probe")
    place.send(scripts[1::2])
    place.start()
    wait_redriven(place, 30)
    place.wait_completed(scripts)
    open_by_key = {}
    for line in place.lines():
        if line.what == "begin":
            assert line.key not in open_by_key, (line, open_by_key[line.key])
            open_by_key[line.key] = line
        elif line.key:
            del open_by_key[line.key]
