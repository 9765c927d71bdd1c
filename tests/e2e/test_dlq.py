# SPDX-License-Identifier: Apache-2.0
"""kabaoctl dlq: what died can be found, read, given to its worker again, each letter once, or given up."""
import hashlib
import json
import os
import time

import pytest
from kit.probe import place  # noqa: F401 (a fixture)
from kit.process import Process
from kit.program import BIN, clean_env, run_tool
from kit.records import event_record
from kit.scale import count
from kit.terminal import on_terminal
from kit.waiting import wait_for

REPLAY = "dlq-replay-id"
PARTITIONS = 3


class Box:
    """The dead letters of worker `probe`, written by hand, and kabaoctl over them."""

    def __init__(self, directory, config, kafka, db):
        self.kafka, self.db = kafka, db
        self.directory = directory
        self.ini = config.write(directory / "dlq.ini")
        kafka.create("dlq.probe", "redrive.probe", partitions=PARTITIONS)
        assert run_tool("kabaoctl", "migrate", "--config", self.ini, "--yes").returncode == 0

    def argv(self, *words):
        return ["dlq", *map(str, words), "--config", str(self.ini)]

    def run(self, *words):
        return run_tool("kabaoctl", *self.argv(*words), timeout=100)

    def json(self, *words):
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def start(self, *words):
        """In the background, to be killed."""
        log = self.directory / f"tool-{len(os.listdir(self.directory))}.log"
        return Process([BIN / "kabaoctl", *self.argv(*words)], log, clean_env()).start()

    def die(self, number, reason="exhausted", source=None, more=(), timestamp_ms=None, key=None):
        """One more letter; its place."""
        own_key, value, headers = event_record("user_get_card", f"{number:06d}")
        source = number % PARTITIONS if source is None else source
        headers = [*headers.items(), *more, ("dlq-original-topic", self.kafka.name("event.wechat")),
                   ("dlq-original-partition", str(source)), ("dlq-original-offset", str(1000 + number)),
                   ("dlq-attempts", "7"), ("dlq-reason", reason), ("dlq-error-code", "wechat:45009"),
                   ("dlq-error-message", "no quota")]
        return self.kafka.produce("dlq.probe", key or own_key, value, headers, timestamp_ms=timestamp_ms)

    def letters(self):
        """{place: record}"""
        return {(record.partition, record.offset): record for record in self.kafka.read("dlq.probe")}

    def redriven(self):
        return self.kafka.read("redrive.probe")

    def states(self):
        return {(row["part"], row["off"]): row["state"] for row in self.db.rows("dead_letter", worker="probe")}

    def each_once(self):
        """Every letter is in the redrive topic exactly once."""
        sent = [record.header("dlq-original-offset") for record in self.redriven()]
        assert sorted(sent) == sorted(letter.header("dlq-original-offset") for letter in self.letters().values())
        ids = [record.header(REPLAY) for record in self.redriven()]
        assert len(set(ids)) == len(ids)

    def intend(self, place_, redrive_from=0, by="another"):
        """As a run leaves it that was killed."""
        self.db.query("INSERT INTO dead_letter VALUES ('probe',%s,%s,'redriving',UTC_TIMESTAMP(3),%s,%s)",
                      *place_, by, redrive_from)


@pytest.fixture
def box(tmp_path, config, kafka, db):
    directory = tmp_path / "box"
    directory.mkdir()
    return Box(directory, config, kafka, db)


def word(place_):
    return f"{place_[0]}:{place_[1]}"


def test_ls_tells_place_time_reason_source_and_state(box):
    places = [box.die(n, reason) for n, reason in enumerate(("exhausted", "crash", "exhausted", "rejected"))]
    box.db.query("INSERT INTO dead_letter VALUES ('probe',%s,%s,'redriven',UTC_TIMESTAMP(3),'someone 1',7)", *places[0])
    box.db.query("INSERT INTO dead_letter VALUES ('probe',%s,%s,'discarded',UTC_TIMESTAMP(3),'x',NULL)", *places[3])
    listed = box.json("ls", "probe")
    assert [(row["partition"], row["offset"]) for row in listed] == sorted(places[1:3])
    row = next(row for row in listed if row["reason"] == "crash")
    letter = box.letters()[places[1]]
    assert row.pop("died_at").endswith("Z")
    assert row == {"partition": places[1][0], "offset": places[1][1], "reason": "crash", "code": "wechat:45009",
                   "message": "no quota", "original_topic": box.kafka.name("event.wechat"), "original_partition": 1,
                   "original_offset": 1001, "attempts": 7, "crashes": None, "first_failed_at": None, "state": "open",
                   "key": letter.key}
    states = {(row["partition"], row["offset"]): row["state"] for row in box.json("ls", "probe", "--all")}
    assert states == {places[0]: "redriven", places[1]: "open", places[2]: "open", places[3]: "discarded"}
    (settled,) = [row for row in box.json("ls", "probe", "--all") if row["state"] == "redriven"]
    assert settled["state_by"] == "someone 1"
    text = box.run("ls", "probe").stdout
    assert "2 dead letters: 1 exhausted, 1 crash" in text
    assert f"{box.kafka.name('event.wechat')}:1:1001" in text and letter.key in text


def test_letters_are_chosen_by_time_key_reason_and_number(box):
    hour_ms, now_ms = 3600_000, int(time.time()) * 1000
    places = [box.die(n, "crash" if n % 2 else "exhausted", timestamp_ms=now_ms - (6 - n) * hour_ms) for n in range(6)]

    def chosen(*words):
        return {(row["partition"], row["offset"]) for row in box.json("ls", "probe", *words)}

    def at(n):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now_ms - (6 - n) * hour_ms) / 1000))

    assert chosen("--from", at(2)) == set(places[2:])
    assert chosen("--to", at(2)) == set(places[:2])
    assert chosen("--from", at(1), "--to", at(4)) == set(places[1:4])
    assert chosen("--from", "beginning", "--reason", "crash") == set(places[1::2])
    assert chosen("--key", box.letters()[places[3]].key) == {places[3]}
    assert chosen("--key", "nobody") == set()
    assert chosen("--max", "4") == set(sorted(places)[:4])
    assert chosen("--max", "99") == set(places)


def test_letters_come_in_order_however_the_broker_gives_them(box):
    """Large ones, so that several answers of the broker are needed for each partition."""
    places = [box.die(n, more=[("x-padding", b"x" * 400_000)]) for n in range(15)]
    assert [(row["partition"], row["offset"]) for row in box.json("ls", "probe")] == sorted(places)
    assert [(row["partition"], row["offset"]) for row in box.json("ls", "probe", "--max", "7")] == sorted(places)[:7]


def test_show_gives_every_byte(box):
    odd = [("x-bytes", b"\x00\xff\x1b[31m"), ("x-empty", b""), ("x-text", "ключ".encode()),
           ("x-control", "\u009b31m".encode())]
    headers = [*odd, ("dlq-original-partition", "1"), ("dlq-reason", "malformed")]
    at = box.kafka.produce("dlq.probe", b"\xfe-key", b"\x1b[2J\x80 not JSON", headers)
    shown = box.json("show", "probe", word(at))
    assert (shown["partition"], shown["offset"]) == at
    assert shown["key"] == {"base64": "/i1rZXk="}
    assert shown["value"] == {"base64": "G1sySoAgbm90IEpTT04="}
    assert shown["headers"]["x-bytes"] == {"base64": "AP8bWzMxbQ=="}
    assert (shown["headers"]["x-empty"], shown["headers"]["x-text"]) == ("", "ключ")
    text = box.run("show", "probe", word(at), "--reveal").stdout
    assert "\x1b" not in text and "\u009b" not in text
    for escaped in ("\\xc2\\x9b31m", "\\xfe-key", "\\x1b[2J\\x80 not JSON", "ключ"):
        assert escaped in text
    plain = box.die(5)
    shown = box.json("show", "probe", word(plain))
    assert shown["value"] == box.letters()[plain].json
    assert shown["state"] == "open" and shown["topic"] == box.kafka.name("dlq.probe")
    assert box.run("show", "probe", f"{at[0]}:999").returncode == 64


def test_replay_sends_the_original_to_where_it_came_from(box):
    odd = [("x-bytes", b"\x00\xff\x80"), ("x-empty", b""), ("x-text", b"stays"), (REPLAY, b"of an earlier life")]
    places = [box.die(n, more=odd) for n in range(9)]
    nothing = box.kafka.produce("dlq.probe", None, None, [("dlq-original-partition", "2")], partition=0)
    done = box.run("replay", "probe", "--yes", "--rate", "1000")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "10 of 10 dead letters replayed\n"
    letters = box.letters()
    sources = {(letter.header("dlq-original-offset"), letter.key): letter for letter in letters.values()}
    assert len(box.redriven()) == 10
    for record in box.redriven():
        letter = sources[record.header("dlq-original-offset"), record.key]
        assert (record.key, record.value) == (letter.key, letter.value)
        assert record.partition == int(letter.header("dlq-original-partition"))
        assert record.header_values()[REPLAY] == [record.header(REPLAY)] != ["of an earlier life"]
        assert record.headers[:-1] == tuple(header for header in letter.headers if header[0] != REPLAY)
    assert len({record.header(REPLAY) for record in box.redriven()}) == 10
    assert box.states() == dict.fromkeys([*places, nothing], "redriven")
    for partition in range(PARTITIONS):
        sent = [sources[record.header("dlq-original-offset"), record.key] for record in box.redriven()
                if record.partition == partition]
        assert [(letter.partition, letter.offset) for letter in sent] == sorted(
            (letter.partition, letter.offset) for letter in sent)
    again = box.json("replay", "probe", "--yes")
    assert again["selected"] == 0
    assert len(box.redriven()) == 10 and len(box.letters()) == 10
    assert box.json("ls", "probe") == []


def test_one_letter_by_its_place(box):
    places = [box.die(n) for n in range(4)]
    assert box.json("replay", "probe", word(places[2]), "--yes")["replayed"] == 1
    (record,) = box.redriven()
    assert record.header("dlq-original-offset") == "1002"
    again = box.run("replay", "probe", word(places[2]), "--yes")
    assert again.returncode == 0 and "redriven" in again.stderr
    assert box.run("replay", "probe", "0:999", "--yes").returncode == 64
    assert len(box.redriven()) == 1


def test_nothing_changes_without_a_yes(box):
    places = [box.die(n) for n in range(3)]
    for verb in ("replay", "discard"):
        done = box.run(verb, "probe")
        assert done.returncode == 64 and "--yes" in done.stderr
        would = box.json(verb, "probe", "--dry-run", "--max", "2")
        assert [(row["partition"], row["offset"]) for row in would] == sorted(places)[:2]
        assert {row["would"] for row in would} == {verb}
        status, output = on_terminal(box.argv(verb, "probe"), b"n\n")
        assert status == 64 and "3 dead letters of probe?" in output
    assert not box.states() and not box.redriven()
    status, output = on_terminal(box.argv("replay", "probe", "--rate", "4"), b"y\n")
    assert status == 0 and "3 of 3 dead letters replayed" in output, output
    assert " of 3 \x1b" in output or "\r2 of 3" in output, "progress"
    box.each_once()


def test_a_letter_from_a_partition_that_is_not_there_is_refused(box):
    places = [box.die(0), box.die(1, source=PARTITIONS), box.die(2, source="none"), box.die(3)]
    assert sorted(row["would"] for row in box.json("replay", "probe", "--dry-run")) == [
        "refuse", "refuse", "replay", "replay"]
    done = box.run("replay", "probe", "--yes")
    assert done.returncode == 78
    assert word(places[1]) in done.stderr and word(places[2]) in done.stderr
    assert "2 of 4 dead letters replayed, 2 refused" in done.stdout
    assert {record.header("dlq-original-offset") for record in box.redriven()} == {"1000", "1003"}
    assert set(box.states()) == {places[0], places[3]}


def test_discarded_letters_stay_and_are_left_alone(box):
    places = [box.die(n, "crash" if n < 2 else "exhausted") for n in range(4)]
    assert box.json("discard", "probe", "--reason", "crash", "--yes")["discarded"] == 2
    assert box.states() == dict.fromkeys(places[:2], "discarded")
    assert box.json("replay", "probe", "--yes")["replayed"] == 2
    assert {record.header("dlq-original-offset") for record in box.redriven()} == {"1002", "1003"}
    assert len(box.letters()) == 4
    again = box.run("replay", "probe", word(places[0]), "--yes")
    assert again.returncode == 0 and "discarded" in again.stderr
    assert len(box.redriven()) == 2


def test_no_more_than_so_many_a_second(box):
    for n in range(12):
        box.die(n)
    started = time.monotonic()
    assert box.json("replay", "probe", "--yes", "--rate", "5")["replayed"] == 12
    assert time.monotonic() - started >= 11 / 5
    box.each_once()


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_what_a_killed_run_left_is_looked_for(box, verb):
    """Two letters are marked as being redriven: one is in the topic, the other is not; nor is a third, whose id stood
    there before it was marked."""
    places = [box.die(n, source=0) for n in range(4)]
    assert box.json("replay", "probe", "--yes")["replayed"] == 4
    sent = {record.header("dlq-original-offset"): record for record in box.redriven()}
    box.db.query("DELETE FROM dead_letter")
    box.kafka.close()
    box.kafka.delete_all()
    wait_for(lambda: not box.kafka.topics(), 20, "topics gone")
    box.kafka.create("dlq.probe", "redrive.probe", partitions=PARTITIONS)
    places = [box.die(n, source=0) for n in range(3)]
    box.kafka.again("redrive.probe", sent["1002"])
    box.kafka.again("redrive.probe", sent["1000"])
    for at in places:
        box.intend(at, redrive_from=1)
    before = len(box.redriven())
    done = box.json(verb, "probe", "--yes")
    assert (done["sent_before"], done["left"]) == (1, 0)
    after = box.redriven()[before:]
    if verb == "replay":
        assert done["replayed"] == 2 and len(after) == 2
        assert {record.header(REPLAY) for record in after} == {sent[n].header(REPLAY) for n in ("1001", "1002")}
        assert set(box.states().values()) == {"redriven"}
    else:
        assert done["discarded"] == 2 and not after
        assert box.states() == {places[0]: "redriven", places[1]: "discarded", places[2]: "discarded"}


@pytest.mark.deadline(240)
def test_each_letter_once_however_often_the_tool_is_killed(box, rng):
    rounds = count(60, 12)
    for n in range(rounds * 50):
        box.die(n)
    unsure = 0
    for _ in range(rounds):
        early = rng.random() < 0.3
        enough = len(box.states()) + rng.randrange(1, 20)
        tool = box.start("replay", "probe", "--yes", "--rate", "100000")
        if early:
            wait_for(lambda since=time.monotonic(), pause=rng.random(): time.monotonic() - since > pause, 5, "a moment")
        else:
            wait_for(lambda enough=enough, tool=tool: len(box.states()) >= enough or not tool.running, 30, "a few sent")
        tool.kill()
        unsure += "redriving" in box.states().values()
    assert unsure, f"none of {rounds} kills left a letter that was perhaps sent"
    print(f"{unsure} of {rounds} kills left a letter that was perhaps sent")
    done = box.run("replay", "probe", "--yes", "--rate", "100000")
    assert done.returncode == 0, done.stderr
    assert set(box.states().values()) == {"redriven"}
    box.each_once()


def test_a_record_that_is_still_on_its_way(box):
    """What a killed run had sent comes in while the next one has begun already."""
    at = box.die(1)
    letter = box.letters()[at]
    box.intend(at)
    tool = box.start("replay", "probe", "--yes", "--json")
    wait_for(lambda: "waiting" in tool.log_text(), 30, "it says that it waits")
    since = time.monotonic()
    wait_for(lambda: time.monotonic() - since > 2, 5, "the broker takes its time")
    replay_id = hashlib.sha256(f"probe {at[0]} {at[1]}".encode()).hexdigest()[:32]
    box.kafka.produce("redrive.probe", letter.key, letter.value, [*letter.headers, (REPLAY, replay_id)], 1)
    assert tool.wait_exit(60) == 0
    assert '"sent_before":1' in tool.log_text() and box.states() == {at: "redriven"}
    box.each_once()


def test_a_record_that_arrives_after_the_tool_was_killed(box, broker):
    """The broker slept while the tool sent: the record comes in when the next run has begun already."""
    for n in range(20):
        box.die(n)
    tool = box.start("replay", "probe", "--yes", "--rate", "20")
    wait_for(lambda: len(box.states()) >= 3, 30, "the first letters sent")
    broker.freeze()
    wait_for(lambda: "redriving" in box.states().values(), 10, "a letter on its way")
    since = time.monotonic()
    wait_for(lambda: time.monotonic() - since > 0.2, 5, "it is in the broker's socket")
    tool.kill()
    again = box.start("replay", "probe", "--yes")
    broker.thaw()
    assert again.wait_exit(60) == 0, again.log_text()
    box.each_once()


def test_two_at_once(box):
    for n in range(8):
        box.die(n)
    first = box.start("replay", "probe", "--yes", "--rate", "2")
    wait_for(lambda: set(box.states().values()) == {"redriven"}, 30, "the first letter sent")
    first.freeze()  # while it waits for its next turn
    for verb in ("replay", "discard"):
        second = box.run(verb, "probe", "--yes")
        assert second.returncode == 75 and "another kabaoctl" in second.stderr
    assert len(box.json("ls", "probe", "--all")) == 8, "looking is free"
    assert len(box.json("replay", "probe", "--dry-run")) > 0
    first.thaw()
    assert first.wait_exit(30) == 0
    box.each_once()


def test_the_broker_or_the_database_is_away(box, broker, db):
    for n in range(40):
        box.die(n)
    tool = box.start("replay", "probe", "--yes", "--rate", "20")
    wait_for(lambda: len(box.states()) >= 5, 30, "the first letters sent")
    db.server.kill()
    assert tool.wait_exit(30) == 75 and "run it again" in tool.log_text()
    assert box.run("replay", "probe", "--yes").returncode == 75
    db.server.start()
    tool = box.start("replay", "probe", "--yes", "--rate", "20")
    wait_for(lambda: len(box.states()) >= 10, 30, "some more")
    broker.freeze()
    assert tool.wait_exit(30) == 75 and "run it again" in tool.log_text()
    broker.thaw()
    assert box.json("replay", "probe", "--yes", "--rate", "1000")["left"] == 0
    box.each_once()


def test_the_worker_gets_its_letters_again(place):
    place.open(3)
    place.start()
    scripts = place.send(place.script("reject", n, Until="healed") for n in range(6))
    place.kafka.wait("dlq.probe", 6)
    place.heal("healed")
    ini = place.config.write(place.directory / "dlq.ini")
    done = run_tool("kabaoctl", "dlq", "replay", "probe", "--yes", "--json", "--config", ini)
    assert json.loads(done.stdout)["replayed"] == 6, done.stderr

    def redriven():
        return [line for line in place.lines() if line.redriven and line.what == "ok"]

    wait_for(lambda: len(redriven()) >= 6, 30, "all redriven")
    assert sorted(line.seq for line in redriven()) == sorted(script.seq for script in scripts)
    assert all(line.partition == place.where[line.seq][0] for line in redriven())


def test_a_letter_that_dies_again_is_another_letter(place):
    place.open(1)
    place.start()
    place.send([place.script("reject", "bad", Until="healed")])
    place.kafka.wait("dlq.probe", 1)
    ini = place.config.write(place.directory / "dlq.ini")

    def replay():
        return run_tool("kabaoctl", "dlq", "replay", "probe", "--yes", "--config", ini)

    assert replay().returncode == 0
    place.kafka.wait("dlq.probe", 2)
    place.heal("healed")
    assert replay().returncode == 0
    first, second = place.kafka.wait("redrive.probe", 2)
    assert first.header(REPLAY) != second.header(REPLAY)
    assert len(second.header_values()[REPLAY]) == 1
    wait_for(lambda: [line for line in place.lines() if line.redriven and line.what == "ok"], 30, "done at last")


def test_a_persons_word_outlives_a_run_that_was_cut_short(box):
    """The word is written before the letter is sent: the next run may say it again, but not take it back."""
    effects = {n: f"{n:032x}" for n in range(3)}
    places = [box.die(n, "outcome-unknown", more=[("dlq-effect-id", effects[n])]) for n in effects]
    nameless = box.die(3, "outcome-unknown")
    would = {(row["partition"], row["offset"]): row["would"]
             for row in box.json("replay", "probe", "--as", "done", "--dry-run")}
    assert would == {**dict.fromkeys(places, "replay as done"), nameless: "refuse"}
    for n in effects:
        box.db.query("INSERT INTO effect (effect_id,event_id,step,state,holder,at)"
                     " VALUES (%s,'e','s','unknown','',UTC_TIMESTAMP(3))", effects[n])
    done = box.run("replay", "probe", word(places[0]), "--as", "done", "--yes")
    assert done.returncode == 0, done.stderr
    (settled,) = box.json("ls", "probe", "--all", "--key", box.letters()[places[0]].key)
    assert settled["state"] == "settled" and settled["state_by"].endswith(" done")

    for at, said in zip(places[1:], ("done", "again")):  # as runs leave it that were killed before they sent it
        box.intend(at, by=settled["state_by"].removesuffix("done") + said)
    box.db.query("UPDATE effect SET state='done' WHERE effect_id=%s", effects[1])
    box.db.query("DELETE FROM effect WHERE effect_id=%s", effects[2])
    told = box.run("replay", "probe", "--as", "again", "--yes")
    assert told.returncode == 78 and f"{word(places[1])}: an earlier run was told that it is done" in told.stderr
    assert "1 of 3 dead letters replayed, 2 refused" in told.stdout
    assert box.states() == {places[0]: "settled", places[1]: "redriving", places[2]: "settled"}
    assert box.run("replay", "probe", word(places[1]), "--as", "done", "--yes").returncode == 0
    assert set(box.states().values()) == {"settled"} and len(box.redriven()) == 3
    assert {row["effect_id"]: row["state"] for row in box.db.rows("effect")} == {
        effects[0]: "done", effects[1]: "done"}


def test_words_that_make_no_sense_are_usage_errors(box):
    for words in (("ls",), ("ls", "probe", "0:1"), ("show", "probe"), ("show", "probe", "7"), ("replay", "Probe!"),
                  ("ls", "probe", "--rate", "3"), ("ls", "probe", "--reason", "boredom"), ("drop", "probe"),
                  ("replay", "probe", "--rate", "0", "--yes"), ("ls", "probe", "--to", "tomorrow"),
                  ("replay", "probe", "--as", "perhaps", "--yes"), ("discard", "probe", "--as", "done", "--yes"),
                  ("replay", "probe", "0:-1", "--yes")):
        assert box.run(*words).returncode == 64, words
    assert box.run("ls", "nobody").returncode == 78, "no such topic"
