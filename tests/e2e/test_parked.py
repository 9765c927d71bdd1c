# SPDX-License-Identifier: Apache-2.0
"""kabaoctl parked: what waits in MySQL, and what is asked of whoever owns it."""
import base64
import json

import pytest
from kit.config import APPID, CARD_ID
from kit.probe import place  # noqa: F401 (a fixture)
from kit.program import run_tool
from kit.waiting import wait_for

# Parked after the first try, as the second is a long time off.
PATIENT = {"lanes": 8, "park_after_ms": 300, "retry_initial_ms": 600000, "retry_max_ms": 600000}


def key_of(name):
    return f"{APPID}:{CARD_ID}:{name}"


@pytest.fixture
def parked(place):
    """parked("ls", ...): kabaoctl parked WORD probe."""
    place.open(2, worker=PATIENT)
    ini = place.config.write(place.directory / "parked.ini")

    def run(verb, *words):
        return run_tool("kabaoctl", "parked", verb, "probe", *words, "--config", ini)

    def as_json(verb, *words):
        done = run(verb, *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run.json = as_json
    return run


def park(place, names, rows=3, **fields):
    """{name: its scripts}, parked by the engine."""
    scripts = {name: place.send([place.script("retry", name, **fields),
                                 *(place.script("", name) for _ in range(rows - 1))]) for name in names}
    place.program = place.start()
    place.wait_parked(len(names) * rows, timeout=60)
    return scripts


def test_ls_has_a_line_a_key(place, parked):
    assert parked.json("ls") == [] and "nothing is parked" in parked("ls").stdout
    scripts = park(place, ("a", "b"))
    listed = {row["key"]: row for row in parked.json("ls")}
    assert set(listed) == {key_of("a"), key_of("b")}
    row = listed[key_of("a")]
    assert row["rows"] == 3 and row["attempts"] >= 1 and row["wish"] == "" and row["reason"]
    assert (row["partition"], row["offset"]) == place.where[scripts["a"][0].seq]
    assert row["topic"] == place.kafka.name("event.wechat") and row["next_at"].endswith("Z")
    assert [row["key"] for row in parked.json("ls", "--key", key_of("b"))] == [key_of("b")]
    text = parked("ls").stdout
    assert key_of("a") in text and f"{row['partition']}:{row['offset']}" in text


def test_show_gives_the_records(place, parked):
    scripts = park(place, ("a", "b"), rows=2)
    shown = parked.json("show", "--key", key_of("b"))
    assert [row["offset"] for row in shown] == [place.where[script.seq][1] for script in scripts["b"]]
    for row, script in zip(shown, scripts["b"], strict=True):
        assert (row["key"], row["value"], row["headers"]) == (script.key, json.loads(script.value), script.headers)
        assert row["damaged"] is False
    assert len(parked.json("show")) == 4
    assert scripts["a"][0].headers["ce_id"] in parked("show").stdout


def test_release_tries_again_now(place, parked):
    scripts = park(place, ("a", "b"), Until="healed")
    place.heal("healed")
    before = len(place.completed())
    assert parked("release").returncode == 64, "it needs --yes"
    assert parked.json("release", "--key", key_of("a"), "--yes") == {"worker": "probe", "wish": "release", "rows": 1}
    place.wait_completed(scripts["a"], 30)
    assert len(place.completed()) == before + 3, "the other key waits on"
    text = parked("release", "--yes").stdout
    assert text.startswith("1 record marked release") and "within a second" in text
    place.wait_completed(scripts["b"], 30)
    wait_for(lambda: parked.json("ls") == [], 10, "nothing parked any more")
    assert "nothing is parked" in parked("release", "--yes").stdout
    assert not place.all_is_well().repeats()


def test_discard_makes_dead_letters(place, parked):
    scripts = park(place, ("a", "b"))
    assert parked("discard", "--key", key_of("a")).returncode == 64
    assert parked.json("discard", "--key", key_of("a"), "--yes")["rows"] == 3
    letters = place.kafka.wait("dlq.probe", 3)
    assert {(letter.header("dlq-reason"), letter.header("dlq-error-code")) for letter in letters} == {
        ("rejected", "operator:discard")}
    assert [(letter.key, letter.value.decode()) for letter in sorted(letters, key=lambda letter: letter.offset)] == [
        (script.key, script.value) for script in scripts["a"]]
    wait_for(lambda: [row["key"] for row in parked.json("ls")] == [key_of("b")], 10, "the other key stays")


def test_a_wish_waits_for_an_owner(place, parked):
    scripts = park(place, ("a",), Until="healed")
    place.program.stop()
    place.heal("healed")
    assert parked.json("release", "--yes")["rows"] == 1
    assert [row["wish"] for row in parked.json("ls")] == ["release"]
    place.start()
    place.wait_completed(scripts["a"], 30)
    wait_for(lambda: parked.json("ls") == [], 10, "nothing parked any more")


def test_bytes_and_damage_are_shown(place, parked):
    record = json.dumps({"timestamp_ms": 1760000000123, "key": base64.b64encode(b"\xfe\x1b").decode(), "value": None,
                         "headers": [["eA==", base64.b64encode(b"\xff").decode()]]})
    insert = ("INSERT INTO parked (worker,topic,part,off,record_key,attempts,reason,record)"
              " VALUES ('probe','t',%s,%s,%s,0,%s,%s)")
    place.db.query(insert, 0, 7, b"\xfe\x1b", "x", record)
    place.db.query(insert, 0, 8, None, "x", "{broken")
    place.db.query(insert, 1, 9, b"\xfe\x1b", "x", record)
    shown = parked.json("show")
    assert [row["offset"] for row in shown] == [7, 8, 9]
    assert shown[0]["key"] == {"base64": "/hs="} and shown[0]["headers"] == {"x": {"base64": "/w=="}}
    assert shown[0]["value"] is None and [row["damaged"] for row in shown] == [False, True, False]
    text = parked("show").stdout
    assert "\x1b" not in text and "\\xfe\\x1b" in text and "(damaged)" in text
    listed = [(row["partition"], row["offset"], row["rows"]) for row in parked.json("ls")]
    assert listed == [(0, 7, 1), (0, 8, 1), (1, 9, 1)]
    assert parked("ls").returncode == 0
    assert parked.json("release", "--yes")["rows"] == 3
    assert {row["wish"] for row in parked.json("ls")} == {"release"}
    assert parked.json("discard", "--yes")["rows"] == 3
    assert {row["wish"] for row in parked.json("ls")} == {"discard"}


def test_words_that_make_no_sense_are_usage_errors(place, parked):
    assert parked("ls", "more").returncode == 64
    assert parked("drop").returncode == 64
    assert parked("ls", "--max", "3").returncode == 64
    place.db.server.stop()
    assert parked("ls").returncode == 75
