# SPDX-License-Identifier: Apache-2.0
"""A call with an effect is made once: whoever dies, sleeps, repeats or is away meanwhile. Where nobody can know, a
person says."""
import hashlib
import json
import os
import signal
import time

import pytest
from kit.counter import CUT, LOST, Counter
from kit.lossy import LossyDatabase
from kit.probe import QUICK_GROUP, is_alive, place  # noqa: F401 (a fixture)
from kit.program import run_tool
from kit.scale import count
from kit.waiting import wait_for

NATURES = ("repeatable", "probe", "once")
ONE_FOR_ALL = count(NATURES, ("once",))  # where all natures go the same way
POINTS = ("before_intent", "in_intent", "after_intent", "after_call", "in_done", "after_done")
IN_DOUBT = ("after_intent", "after_call", "in_done")
# An attempt may take 1.8 s of this, so that an intent is old 3.8 s after it was written.
SHORT = {"lanes": 4, "drain_timeout_ms": 3000, "retry_initial_ms": 50, "retry_max_ms": 300, "crash_limit": 100}
ONE = {**QUICK_GROUP, "group.instance.id": "one"}


@pytest.fixture
def counter():
    server = Counter().start()
    yield server
    server.stop()


def ctl(place, *words):
    ini = place.config.write(place.directory / "ctl.ini")
    return run_tool("kabaoctl", *words, "--config", ini, "--yes", timeout=100)


def state_of(place, script):
    row = place.effects().get(script.headers["ce_id"])
    return row and row["state"]


def word(letter):
    return f"{letter.partition}:{letter.offset}"


def wait_states(place, scripts, state, timeout=30):
    wait_for(lambda: all(state_of(place, script) == state for script in scripts), timeout,
             lambda: f"{state}; {[(script.fields, state_of(place, script)) for script in scripts]}")


def notes(place, script):
    """made and kept, of this record."""
    place.lines()
    return [line.what for line in place.journal.of(seq=script.seq) if line.what in ("made", "kept")]


def nurse(place, program, scripts, timeout=100):
    """Starts the program again whenever its child dies, without the supervisor's back-off; the last one."""
    wanted = {script.seq for script in scripts}

    def look():
        nonlocal program
        begun = [line for line in place.lines() if line.what == "start"]
        if begun and not is_alive(begun[-1].pid) and place.nursed != begun[-1].pid:
            place.nursed = begun[-1].pid
            place.kill_program(program)
            program = place.start(ready=False)
        return wanted <= place.completed().keys()

    wait_for(look, timeout, lambda: f"missing {wanted - place.completed().keys()}")
    return program


@pytest.mark.deadline(240)
@pytest.mark.parametrize("round_", range(count(10, 1)))
def test_killed_at_every_step(place, counter, round_):
    """One lane, so that a death cuts one record's effect and no other's."""
    place.open(1, worker={**SHORT, "lanes": 1}, kafka=ONE)
    place.nursed = None
    scripts = {(nature, point): place.effect(counter.url, f"{nature}-{point}", Nature=nature, Die=point)
               for point in POINTS for nature in (NATURES if point in IN_DOUBT else ONE_FOR_ALL)}
    place.send(scripts.values())
    nurse(place, place.start(ready=False), scripts.values())

    unknown = [scripts["once", point] for point in IN_DOUBT]
    for (nature, point), script in scripts.items():
        applied = point in ("after_call", "in_done")
        calls = 2 if nature == "repeatable" and applied else 0 if nature == "once" and point == "after_intent" else 1
        assert (nature, point, counter.calls(script)) == (nature, point, calls)
        assert state_of(place, script) == ("unknown" if script in unknown else "done")
        noted = notes(place, script)  # each death repeats what was not committed yet
        assert noted[:1] == ([] if script in unknown else ["kept" if point == "after_done" else "made"])
        assert set(noted[1:]) <= {"kept"}
    assert sorted(counter.asked) == sorted(scripts["probe", point].seq for point in IN_DOUBT)
    letters = place.letters()
    assert letters.keys() == {script.seq for script in unknown}
    for script in unknown:
        letter = letters[script.seq]
        assert letter.header("dlq-reason") == "outcome-unknown"
        assert letter.header("dlq-effect-id") == place.effects()[script.headers["ce_id"]]["effect_id"]

    settle(place, counter, unknown)


def settle(place, counter, unknown):
    """What nobody knows waits for a person's word, and then is or is not done again. A record that died just before
    another death may have several letters."""
    letters, before = place.kafka.read("dlq.probe"), list(counter.applied)
    told = ctl(place, "dlq", "replay", "probe")
    assert told.returncode == 78
    assert f"0 of {len(letters)} dead letters replayed, {len(letters)} wait for --as done or --as again" in told.stdout
    for letter in letters:
        assert f"{word(letter)}: nobody knows" in told.stderr
    assert not place.kafka.read("redrive.probe") and not place.db.rows("dead_letter")

    for letter in letters:
        if letter.json["fields"]["Seq"] == str(unknown[0].seq):
            assert ctl(place, "dlq", "replay", "probe", word(letter), "--as", "again").returncode == 0
    wait_for(lambda: notes(place, unknown[0]), 30, "the first made after all")
    assert ctl(place, "dlq", "replay", "probe", "--as", "done").returncode == 0
    wait_for(lambda: all(notes(place, script) for script in unknown), 30,
             lambda: f"all redriven; {[notes(place, script) for script in unknown]}")
    wait_states(place, unknown, "done")
    assert counter.applied == [*before, unknown[0].seq]
    assert [notes(place, script)[0] for script in unknown] == ["made", "kept", "kept"]
    assert {row["state"] for row in place.db.rows("dead_letter")} == {"settled"}
    assert place.effects()[unknown[1].headers["ce_id"]]["result"] is None
    place.kafka.wait_done("probe", "redrive.probe")
    assert len(place.kafka.read("dlq.probe")) == len(letters)


def test_a_cut_call_goes_by_its_nature(place, counter):
    place.open(1, worker=SHORT)
    scripts = {(nature, cut): place.effect(counter.url, f"{nature}-{cut}", Nature=nature)
               for nature in NATURES for cut in (CUT, LOST, "503", -1)}
    counter.plan = {script.seq: [cut] for (_, cut), script in scripts.items()}
    program = place.start()
    place.send(scripts.values())
    place.wait_completed(scripts.values())
    for (nature, cut), script in scripts.items():
        applied = 1 if cut == CUT else 0
        calls = {"repeatable": applied + 1, "probe": 1, "once": applied}[nature]
        assert (nature, cut, counter.calls(script)) == (nature, cut, calls)
        assert state_of(place, script) == ("unknown" if nature == "once" else "done")
    letters = place.letters()
    assert letters.keys() == {script.seq for (nature, _), script in scripts.items() if nature == "once"}
    assert {letter.header("dlq-reason") for letter in letters.values()} == {"outcome-unknown"}
    assert program.metric("kabao_effects_total", step="once", outcome="unknown") == 4
    assert program.metric("kabao_effects_total", outcome="open") == 12


def test_a_refusal_and_then_a_restart(place, counter):
    """What WeChat refused, and what was never sent, did not happen: nothing is left to doubt."""
    place.open(1, worker=SHORT, kafka=ONE)
    later = Counter()
    refused = {code: place.effect(counter.url, f"{code}", Nature="once", Until="x") for code in (45011, 40001, 61450)}
    refused["away"] = place.effect(later.url, "away", Nature="once")
    final = place.effect(counter.url, "final", Nature="once")
    counter.plan = {script.seq: [code] * 1000 for code, script in refused.items() if code != "away"}
    counter.plan[final.seq] = [40056]
    program = place.start()
    place.send([*refused.values(), final])
    place.wait_completed([final])
    for script in refused.values():
        place.wait_begun(script)
    wait_for(lambda: not place.effects(), 30, lambda: f"no row; {place.effects()}")
    program.stop()
    assert not place.effects()
    counter.plan = {}
    later.start()
    place.start()
    place.wait_completed(refused.values())
    later_calls = later.calls(refused["away"])
    later.stop()
    assert [counter.calls(script) for code, script in refused.items() if code != "away"] == [1, 1, 1]
    assert later_calls == 1
    (letter,) = place.letters().values()
    assert (letter.header("dlq-reason"), letter.header("dlq-error-code")) == ("rejected", "wechat:40056")
    assert letter.header("dlq-effect-id") is None
    assert counter.calls(final) == 0 and state_of(place, final) is None


def test_a_second_instance_waits_for_a_young_intent(place, counter):
    """Two keys, two instances, one identity."""
    place.open(2, worker=SHORT, kafka=QUICK_GROUP)
    programs = [place.start(), place.start()]
    wait_for(lambda: all((p.metric("kabao_rebalances_total", type="assigned") or 0) >= 1 for p in programs), 30,
             "both have a partition")
    for nature in ONE_FOR_ALL:
        first, second = (place.effect(counter.url, f"{nature}-{n}", Nature=nature, Identity=nature) for n in (1, 2))
        counter.plan = {first.seq: [1.0]}
        first.produce(place.kafka, "event.wechat", 0)
        counter.wait_calls(first)
        second.produce(place.kafka, "event.wechat", 1)
        place.wait_completed([first, second])
        assert (counter.calls(first), counter.calls(second)) == (1, 0)
        assert (notes(place, first), notes(place, second)) == (["made"], ["kept"])
        (a,), (b,) = ({line.pid for line in place.journal.of("begin", seq=script.seq)} for script in (first, second))
        assert a != b
        assert place.journal.of("wait", seq=second.seq)
    waited = [program.metric("kabao_effects_total", outcome="waited") or 0 for program in programs]
    assert sum(waited) == len([line for line in place.lines() if line.what == "wait"]) >= len(ONE_FOR_ALL)
    assert not place.letters()


def test_a_redriven_record_makes_no_second_call(place, counter):
    place.open(1, worker=SHORT)
    program = place.start()
    scripts = [place.effect(counter.url, nature, "effect reject", Nature=nature, Until="healed") for nature in NATURES]
    place.send(scripts)
    place.kafka.wait("dlq.probe", 3)
    place.heal("healed")
    done = ctl(place, "dlq", "replay", "probe")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: all("kept" in notes(place, script) for script in scripts), 30, "all redriven")
    assert sorted(counter.applied) == sorted(script.seq for script in scripts)
    assert program.metric("kabao_effects_total", outcome="suppressed") == 3
    assert program.metric("kabao_effects_total", outcome="done") == 3
    assert json.loads(next(iter(place.effects(step="once").values()))["result"])["errcode"] == 0
    assert ctl(place, "dlq", "replay", "probe", "--as", "again").stdout.startswith("0 of 0")
    refused = ctl(place, "dlq", "replay", "probe", "--reason", "rejected", "--as", "done")
    assert refused.returncode == 64


def test_a_letter_that_is_no_doubt_takes_no_word(place):
    place.open(1, worker=SHORT)
    place.start()
    place.send([place.script("reject", 1)])
    (letter,) = place.kafka.wait("dlq.probe", 1)
    told = ctl(place, "dlq", "replay", "probe", word(letter), "--as", "done")
    assert told.returncode == 78 and "1 refused" in told.stdout
    assert ctl(place, "dlq", "replay", "probe", word(letter), "--as", "perhaps").returncode == 64
    assert not place.db.rows("dead_letter") and not place.kafka.read("redrive.probe")


def test_another_request_under_the_same_identity(place, counter):
    place.open(1, worker=SHORT)
    place.start()
    first = place.effect(counter.url, 1, Nature="once", Identity="one", Hash="a" * 64)
    place.send([first])
    place.wait_completed([first])
    same = place.effect(counter.url, 1, Nature="once", Identity="one", Hash="a" * 64)
    other = place.effect(counter.url, 1, Nature="once", Identity="one", Hash="b" * 64)
    place.send([same, other])
    place.wait_completed([same, other])
    assert counter.applied == [first.seq]
    assert notes(place, same) == ["kept"] and not notes(place, other)
    (letter,) = place.letters().values()
    assert (letter.header("dlq-reason"), letter.header("dlq-error-code")) == ("rejected", "idempotency")


@pytest.mark.parametrize("nature", count(NATURES, ("repeatable", "once")))
def test_an_owner_that_slept_makes_no_late_call(place, counter, nature):
    """Stopped between intent and call until somebody else has the partition, then woken."""
    place.open(1, worker=SHORT, kafka=QUICK_GROUP)
    first = place.start()
    script = place.effect(counter.url, 1, Nature=nature, Stop="after_intent")
    place.send([script])
    wait_states(place, [script], "intent")
    (sleeper,) = first.children()
    wait_for(lambda: stat_of(sleeper) == "T", 30, lambda: f"the stop; {stat_of(sleeper)}")
    assert counter.applied == []
    place.start(ready=False)
    place.wait_completed([script], 60)
    made = 0 if nature == "once" else 1
    assert counter.calls(script) == made
    os.kill(sleeper, signal.SIGCONT)
    wait_for(lambda: any(line.pid == sleeper and line.what in ("wait", "retry") for line in place.lines()), 30,
             "the sleeper's verdict")
    wait_for(lambda: (first.metric("kabao_rebalances_total", type="lost") or 0) >= 1, 30, "the loss noticed")
    assert counter.calls(script) == made
    assert state_of(place, script) == ("unknown" if nature == "once" else "done")


def stat_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def test_the_database_restarts_in_the_middle(place, counter):
    place.open(3, worker={"lanes": 16, "retry_initial_ms": 50})
    scripts = [place.effect(counter.url, n, Nature=NATURES[n % 3]) for n in range(count(3000, 300))]
    counter.plan = {script.seq: [0.02] for script in scripts}
    place.start()
    place.send(scripts)
    wait_for(lambda: len(counter.applied) >= len(scripts) // 4, 60, "a good part done")
    place.db.server.restart()
    assert len(counter.applied) < len(scripts)
    place.wait_completed(scripts, 90)
    assert not place.letters(), "an attempt outlasts a restart: nothing is left to doubt"
    assert sorted(counter.applied) == sorted(script.seq for script in scripts)
    assert {row["state"] for row in place.db.rows("effect")} == {"done"}


@pytest.mark.deadline(180)
@pytest.mark.parametrize("after", [b"INSERT INTO effect", b"UPDATE effect SET state='done'"])
def test_a_commit_whose_answer_was_lost(place, counter, tmp_path, after):
    """The intent, or done, is stored and nobody was told so."""
    way = LossyDatabase(tmp_path / "lossy.socket", place.db.server.socket, after)
    place.open(1, worker={"lanes": 4, "retry_initial_ms": 50})
    script = place.effect(counter.url, 1, Nature="once")
    place.start(ready=False, mysql={"socket": way.path})
    place.send([script])
    assert way.lost.wait(30)
    way.mend()
    place.wait_completed([script])
    assert counter.calls(script) == 1 and notes(place, script) == ["made"]
    assert state_of(place, script) == "done" and not place.letters()
    way.close()


def test_an_intent_whose_answer_never_came(place, counter, tmp_path):
    """The database stays away for longer than the attempt; nothing was sent, and that is known."""
    way = LossyDatabase(tmp_path / "lossy.socket", place.db.server.socket, b"INSERT INTO effect")
    place.open(1, worker=SHORT)
    script = place.effect(counter.url, 1, Nature="once")
    place.start(ready=False, mysql={"socket": way.path})
    place.send([script])
    assert way.lost.wait(30)
    since = time.monotonic()
    assert state_of(place, script) == "intent"
    wait_for(lambda: time.monotonic() - since > 3, 10, "the end of the attempt")
    way.mend()
    place.wait_completed([script])
    assert counter.calls(script) == 1 and notes(place, script) == ["made"]
    assert not place.letters()
    way.close()


def test_a_takeover_whose_answer_was_lost(place, counter, tmp_path):
    """It stays one: the probe is asked, nothing is sent."""
    way = LossyDatabase(tmp_path / "lossy.socket", place.db.server.socket, b"UPDATE effect SET `until`")
    place.open(1, worker={"lanes": 4, "retry_initial_ms": 50})
    script = place.effect(counter.url, 1, Nature="probe")
    effect_id = hashlib.sha256(f"probe\x1f{script.headers['ce_id']}".encode()).hexdigest()[:32]
    place.db.query("INSERT INTO effect (effect_id,event_id,step,state,`until`,holder,at) VALUES"
                   " (%s,'e','probe','intent',UTC_TIMESTAMP(3),'dead',UTC_TIMESTAMP(3))", effect_id)
    counter.applied.append(script.seq)
    place.start(ready=False, mysql={"socket": way.path})
    place.send([script])
    assert way.lost.wait(30)
    way.mend()
    place.wait_completed([script])
    assert counter.applied == counter.asked == [script.seq]
    assert state_of(place, script) == "done"
    way.close()


def test_old_rows_are_forgotten(place):
    place.open(1)
    for state in ("done", "intent", "unknown"):
        place.db.query("INSERT INTO effect (effect_id,event_id,step,state,holder,at)"
                       " VALUES (%s,%s,'s',%s,'',UTC_TIMESTAMP(3)-INTERVAL 61 DAY)", state, state, state)
    place.db.query("INSERT INTO effect (effect_id,event_id,step,state,holder,at)"
                   " VALUES ('young','young','s','done','',UTC_TIMESTAMP(3)-INTERVAL 59 DAY)")
    place.start()
    wait_for(lambda: "done" not in place.effects(), 30, "the old row gone")
    assert place.effects().keys() == {"intent", "unknown", "young"}
