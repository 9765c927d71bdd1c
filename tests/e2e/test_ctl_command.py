# SPDX-License-Identifier: Apache-2.0
"""kabaoctl command send|wait|list|types, beside a stand-in for kabao-command; what kabao-store keeps of the results."""
import itertools
import json
import re
import threading
import time

import pytest
from kit.config import APPID, CARD_ID
from kit.population import accounts, member
from kit.process import free_port
from kit.program import run_tool
from kit.scale import count
from kit.servers import ROOT
from kit.terminal import on_terminal

GET = json.dumps({"card_id": CARD_ID})
AT = "2026-01-02T03:04:05.{:03d}Z"


def result_of(command_id, outcome="done", ms=0, type="card.get", code=None, **more):
    value = {"account": "demo", "type": type, "command_id": command_id, "outcome": outcome, "at": AT.format(ms), **more}
    if code is not None:
        value["error"] = {"code": code, "message": f"because of {code}"}
    return value


class System:
    def __init__(self, config, ini, kafka):
        self.config, self.ini, self.kafka = config, ini, kafka
        self.told = 0

    def command(self, *words, text=None):
        return run_tool("kabaoctl", "command", *words, "--config", self.ini, text=text)

    def sent(self):
        return self.kafka.read("cmd.wechat")

    def tell(self, value, key=None):
        """A result, as kabao-command would have produced it."""
        self.told += 1
        self.kafka.produce("result.wechat", key or value["command_id"], value, {
            "content-type": "application/json", "ce_specversion": "1.0", "ce_id": f"{self.told:032x}",
            "ce_source": f"/wechat/{APPID}", "ce_type": "kabao.command.result", "ce_appid": APPID})


class StandIn(threading.Thread):
    """Answers each command once with what answer(record) says; None: with nothing."""

    def __init__(self, system, answer):
        super().__init__(daemon=True)
        self.system, self.answer = system, answer
        self.ended = threading.Event()

    def run(self):
        done = 0
        while not self.ended.wait(0.02):
            records = sorted(self.system.sent(), key=lambda r: r.timestamp_ms)
            for record in records[done:]:
                value = self.answer(record)
                if value is not None:
                    self.system.tell(value, record.key)
            done = len(records)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join(30)


@pytest.fixture
def system(tmp_path, apply, config, kafka):
    def start(more=None):
        ready = config.with_(more)
        apply(ready)
        return System(ready, ready.write(tmp_path / "ctl.ini"), kafka)
    return start


# Sending

def test_a_command_becomes_a_record_under_its_id(system, tmp_path):
    s = system()
    body = tmp_path / "body.json"
    body.write_text(f'\n {{ "card_id" : "{CARD_ID}", "未知":"\\u0041é😀" }}\n', encoding="utf-8")
    done = s.command("send", "card.get", "--body", body)
    assert done.returncode == 0, done.stderr
    id, place = re.fullmatch(r"([0-9a-f]{32})  (\d+:\d+)\n", done.stdout).groups()
    (record,) = s.sent()
    assert (record.id, record.key, f"{record.partition}:{record.offset}") == (id, id, place)
    assert record.json == {"account": "demo", "type": "card.get", "body": json.loads(body.read_text(encoding="utf-8"))}
    assert '"未知":"\\u0041é😀"'.encode() in record.value, "the body is sent as it was written"
    assert record.header("ce_type") == "kabao.command.card.get"

    told = s.command("send", "card.delete", "--body", "-", "--confirm", "--yes", "--id", "close-7", "--key", "k1",
                     "--account", "demo", "--json", text=GET)
    assert told.returncode == 0, told.stderr
    record = [r for r in s.sent() if r.id == "close-7"][0]
    assert json.loads(told.stdout) == {"id": "close-7", "partition": record.partition, "offset": record.offset}
    assert (record.key, record.json["confirm"]) == ("k1", True)
    assert s.command("send", "card.colors").returncode == 0
    assert "body" not in [r for r in s.sent() if r.header("ce_type").endswith("card.colors")][0].json


FAULTS = {  # words, standard input, exit code, what stderr says
    "type": (["send", "card.gat"], None, 64, "command types"),
    "no-file": (["send", "card.get", "--body", "/nonexistent/x"], None, 64, "/nonexistent/x"),
    "no-json": (["send", "card.get", "--body", "-"], '{"card_id":', 78, "/body "),
    "two": (["send", "card.get", "--body", "-"], GET + ',"confirm":true', 78, "/body "),
    "no-object": (["send", "card.get", "--body", "-"], '"x"', 78, "/body must be"),
    "missing": (["send", "card.get"], None, 78, "/body/card_id is required"),
    "wrong": (["send", "card.get", "--body", "-"], '{"card_id":7}', 78, "/body/card_id must be"),
    "account": (["send", "card.colors", "--account", "nobody"], None, 64, "account"),
    "id": (["send", "card.colors", "--id", ""], None, 64, "id"),
    "long-id": (["send", "card.colors", "--id", "x" * 256], None, 64, "id"),
    "key": (["send", "card.colors", "--key", ""], None, 64, "key"),
    "confirm": (["send", "card.delete", "--body", "-", "--yes"], GET, 64, "/confirm must be true"),
    "yes": (["send", "card.delete", "--body", "-", "--confirm"], GET, 64, "--yes"),
    "large": (["send", "card.get", "--body", "-"], f'{{"x":"{"x" * (1 << 20)}"}}', 64, "1 MiB"),
    "since": (["wait", "x", "--since", "yesterday"], None, 64, "--since"),
    "max": (["list", "--max", "10001"], None, 64, "--max"),
    "word": (["drop"], None, 64, "no such subcommand"),
}


def test_what_is_wrong_is_named_and_not_sent(system):
    s = system()
    for name, (words, text, code, says) in FAULTS.items():
        done = s.command(*words, text=text)
        assert done.returncode == code, (name, done)
        assert says in done.stderr and not done.stdout, (name, done)
    assert s.sent() == []


def test_two_accounts_want_one_named(system, tmp_path):
    s = system({"account other": {"appid": "wxfedcba9876543210"}})
    assert s.command("send", "card.colors").returncode == 64
    assert s.command("send", "card.colors", "--account", "other").returncode == 0
    (record,) = s.sent()
    assert (record.json["account"], record.header("ce_appid")) == ("other", "wxfedcba9876543210")


def test_a_person_is_asked_about_what_cannot_be_taken_back(system, tmp_path):
    s = system()
    (tmp_path / "b.json").write_text(GET, encoding="utf-8")
    argv = ["command", "send", "card.delete", "--body", str(tmp_path / "b.json"), "--confirm", "--config", str(s.ini)]
    status, output = on_terminal(argv, b"n\n")
    assert status == 64 and "card.delete cannot be taken back. Send it?" in output
    assert s.sent() == []
    assert on_terminal(argv, b"y\n")[0] == 0
    assert len(s.sent()) == 1


# Waiting

OUTCOMES = {"done": 0, "rejected": 78, "expired": 78, "unknown": 75, "failed": 75}


def test_the_exit_code_tells_what_became_of_it(system):
    s = system()
    values = {}

    def answer(record):
        outcome = record.id.split("-")[0]
        s.tell(result_of("another", "failed"))
        values[record.id] = result_of(record.id, outcome, errcode=40056, errmsg="错 \x1b[2J", answer={"n": [1, "é"]},
                                      code=None if outcome == "done" else "wechat:40056")
        return values[record.id]

    with StandIn(s, answer):
        for outcome, code in OUTCOMES.items():
            done = s.command("send", "card.get", "--body", "-", "--wait", "30", "--id", f"{outcome}-1", "--json", text=GET)
            assert done.returncode == code, done
            told = json.loads(done.stdout)
            assert told["result"] == values[told["id"]], outcome
        done = s.command("send", "card.get", "--body", "-", "--wait", "30", "--id", "rejected-2", text=GET)
        assert done.returncode == 78
        assert done.stdout.startswith("rejected-2  ") and "rejected\n" in done.stdout
        assert 'answer: {"n":[1,"é"]}' in done.stdout and "\x1b" not in done.stdout


def test_beside_the_worker(system, tmp_path, run, start_sim):
    """The same id again: one effect, one answer, byte for byte."""
    sim = start_sim(accounts(member("7")))
    s = system({"wechat": {"base_url": sim.url}})
    run("token", s.config)
    run("command", s.config)
    send = ["send", "member.update", "--body", "-", "--wait", "30", "--id", "once", "--json"]
    body = json.dumps({"card_id": CARD_ID, "code": "7", "custom_field_value1": "gold"})
    done = [s.command(*send, text=body) for _ in range(2)]
    assert [d.returncode for d in done] == [0, 0], done
    first, second = (json.loads(d.stdout)["result"] for d in done)
    assert first == second and first["outcome"] == "done"
    assert len(sim.requests(path="/card/membercard/updateuser")) == 1
    assert json.loads(s.command("wait", "once", "--json").stdout) == first
    done = s.command(*send, text=body.replace("gold", "lead"))
    assert done.returncode == 78 and json.loads(done.stdout)["result"]["error"]["code"] == "idempotency"
    assert json.loads(s.command("wait", "once", "--json").stdout) == first, "what became of the first"
    done = s.command("send", "member.get", "--body", "-", "--wait", "30", "--json",
                     text=json.dumps({"card_id": CARD_ID, "code": "000"}))
    assert done.returncode == 78 and json.loads(done.stdout)["result"]["errcode"] == 40056


def test_without_an_answer_it_gives_up_and_says_where_to_ask(system):
    s = system()
    s.tell(result_of("x"))
    began = time.monotonic()
    done = s.command("send", "card.get", "--body", "-", "--wait", "1", "--id", "x", "--json", text=GET)
    assert done.returncode == 75 and time.monotonic() - began < 15
    assert json.loads(done.stdout)["id"] == "x" and "result" not in json.loads(done.stdout)
    assert "kabaoctl command wait x" in done.stderr


def test_wait_reads_back_and_then_on(system):
    s = system()
    s.tell(result_of("a", "failed", 1, code="crash"))
    s.tell(result_of("b", "rejected", 1, code="idempotency"))
    s.tell(result_of("a", "done", 2, answer={"n": 1}))
    s.tell(result_of("a", "failed", 3, code="crash"))
    done = s.command("wait", "a", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, result_of("a", "done", 2, answer={"n": 1}))
    assert s.command("wait", "a", "--since", "beginning").returncode == 0
    assert s.command("wait", "a", "--since", "2099-01-01T00:00:00Z", "--wait", "1").returncode == 75
    done = s.command("wait", "b", "--wait", "1")
    assert done.returncode == 75 and "no result" in done.stderr, "it answers another record of that id"
    waiting = threading.Timer(1, lambda: s.tell(result_of("late", "expired", code="deadline")))
    waiting.start()
    assert s.command("wait", "late", "--wait", "30").returncode == 78
    waiting.join()


def test_without_a_broker_it_is_temporary(system, tmp_path):
    s = system()
    s.ini = s.config.with_(kafka={"bootstrap.servers": f"127.0.0.1:{free_port()}"}).write(tmp_path / "dark.ini")
    done = s.command("send", "card.colors")
    assert done.returncode == 75 and not done.stdout, done
    assert re.search("under the id [0-9a-f]{32};", done.stderr), "or the same could not be sent again"


# Listing

def test_types_are_those_of_the_catalog_and_the_settings(system):
    s = system({"command card.newthing": {"path": "/card/newthing", "nature": "once"}})
    types = {row["type"]: row for row in json.loads(s.command("types", "--json").stdout)}
    assert list(types) == sorted(types)
    assert {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas/commands").glob("*.json")} <= set(types)
    assert types["card.delete"] == {"type": "card.delete", "path": "/card/delete", "nature": "probe",
                                    "irreversible": True, "schema": True}
    assert types["card.newthing"] == {"type": "card.newthing", "path": "/card/newthing", "nature": "once",
                                      "irreversible": False, "schema": False}
    text = s.command("types").stdout
    assert all(name in text for name in types)
    assert s.command("send", "card.newthing", "--body", "-", text='{"any":1}').returncode == 0


def rows(db):
    return {r["command_id"]: r for r in db.query("SELECT * FROM command_result ORDER BY command_id")}


def test_results_become_rows_whatever_their_order(system, run, db, rng):
    """The same results, shuffled and told twice, in every order that was drawn: the same rows."""
    s = system()
    store = run("store", s.config)
    sets = []
    for n in range(count(40, 4)):
        id = f"c{n}"
        several = [result_of(id, outcome, rng.randrange(1000), code=None if outcome == "done" else outcome,
                             **({"errcode": n} if rng.random() < 0.5 else {}),
                             **({"answer": {"n": rng.random()}} if outcome == "done" else {}))
                   for outcome in rng.sample(list(OUTCOMES), 3)]
        several += [result_of(id, "rejected", 0, code="idempotency"), result_of(id, "rejected", 1, code="replay")]
        sets.append(several)
    seen = []
    for _ in range(2):
        told = list(itertools.chain.from_iterable(sets)) * 2
        rng.shuffle(told)
        for value in told:
            s.tell(value, str(rng.random()))
        s.kafka.wait_done("store", "result.wechat")
        seen.append(rows(db))
        db.query("DELETE FROM command_result")
    assert seen[0] == seen[1]
    for several in sets:
        row = seen[0][several[0]["command_id"]]
        tried = [v for v in several if v.get("error", {}).get("code") not in ("idempotency", "replay")]
        final = [v for v in tried if v["outcome"] not in ("failed", "unknown")]
        expected = min(v["at"] for v in final) if final else max(v["at"] for v in tried)
        winners = [v for v in final or tried if v["at"] == expected]
        assert row["outcome"] in [v["outcome"] for v in winners]
        if len(winners) == 1:
            (winner,) = winners
            assert row["errcode"] == winner.get("errcode")
            assert [row[c] and json.loads(row[c]) for c in ("answer", "error")] == [winner.get("answer"), winner.get("error")]
    assert s.kafka.read("dlq.store") == []
    assert store.running


def test_list_shows_the_newest_first(system, run):
    s = system({"account other": {"appid": "wxfedcba9876543210"}})
    assert (s.command("list").stdout, s.command("list", "--json").stdout) == ("no results\n", "[]\n")
    run("store", s.config)
    values = [result_of("a", ms=1), result_of("b", "rejected", 2, "card.create", "wechat:40056", errcode=40056),
              {**result_of("c", ms=3, type="media.upload"), "account": "other"},
              {"command_id": "d", "outcome": "rejected", "at": AT.format(4), "error": {"code": "schema", "message": "m"}}]
    for value in values:
        s.tell(value)
    s.tell(result_of("b", "rejected", 1, code="idempotency"))
    s.kafka.wait_done("store", "result.wechat")

    def listed(*words):
        return [row["command_id"] for row in json.loads(s.command("list", "--json", *words).stdout)]

    assert listed() == ["d", "c", "b", "a"]
    assert listed("--max", "2") == ["d", "c"]
    assert (listed("--type", "card.*"), listed("--type", "card.get")) == (["b", "a"], ["a"])
    assert listed("--account", "other") == ["c"]
    assert json.loads(s.command("list", "--json", "--type", "card.create").stdout) == [values[1]]
    text = s.command("list").stdout
    assert "COMMAND_ID" in text and "because of wechat:40056" in text
    assert [line.split()[0] for line in text.splitlines()[1:]] == [AT.format(n) for n in (4, 3, 2, 1)]
