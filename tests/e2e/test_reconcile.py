# SPDX-License-Identifier: Apache-2.0
"""kabaoctl reconcile: the accounts of points are put on the cards, within the quota, silently, each card once, however
often it is interrupted."""
import datetime
import json
import os
import signal

import pytest
from kit.config import APPID, CARD_ID
from kit.population import accounts, member
from kit.probe import QUICK_GROUP
from kit.process import Process
from kit.program import BIN, clean_env, run_tool
from kit.records import bonus_command
from kit.scale import count
from kit.terminal import on_terminal
from kit.waiting import wait_for

UPDATE, USERINFO = "/card/membercard/updateuser", "/card/membercard/userinfo/get"
CARDS = count(200, 60)
SHOWN = 460  # what a card of the population shows
# What a lease's life, a burst and the way to WeChat can move together.
SLACK_S = 1.9


class System:
    """Cards with accounts, and kabaoctl over them."""

    def __init__(self, directory, config, run, sim, kafka, db):
        self.directory, self.config, self._run = directory, config, run
        self.sim, self.kafka, self.db = sim, kafka, db
        self.ini = config.write(directory / "reconcile.ini")

    def start_worker(self):
        """kabao-bonus, and who gives it tokens."""
        self._run("token", self.config, ready=False)
        return self._run("bonus", self.config.with_(kafka=QUICK_GROUP))

    def open(self, codes, appid=APPID, frozen=0):
        row = "(%s,%s,%s,%s,0,%s,0,1,%s,UTC_TIMESTAMP(3))"
        values = [value for code in codes for value in (appid, CARD_ID, code, SHOWN, SHOWN, frozen)]
        self.db.query("INSERT INTO bonus_account (appid,card_id,card_code,bonus,balance,shown,shown_balance,rev,frozen,"
                      f"updated_at) VALUES {','.join([row] * len(codes))}", *values)

    def argv(self, *words):
        return ["reconcile", *words, "--config", str(self.ini)]

    def tool(self, *words, timeout=100):
        return run_tool("kabaoctl", *self.argv(*words), timeout=timeout)

    def plan(self, *words):
        done = self.tool("plan", "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reconcile(self, *words, exit_code=0):
        """(report, what stood on stderr) of a run."""
        done = self.tool("run", "--yes", "--json", *words, timeout=count(230, 100))
        assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def start(self, *words):
        """A run in the background."""
        log = self.directory / f"tool-{len(os.listdir(self.directory))}.log"
        return Process([BIN / "kabaoctl", *self.argv("run", "--yes", *words)], log, clean_env()).start()

    def commands(self):
        return [record for record in self.kafka.read("cmd.bonus") if record.json["mode"] == "sync"]

    def results(self):
        return self.kafka.read("result.bonus")

    def bonus(self):
        """{code: points on the card}"""
        return {code: effect["bonus"] for code, effect in self.sim.effects().items()}

    def notices(self):
        return sum(effect["notices"] for effect in self.sim.effects().values())

    def runs(self):
        return self.db.query("SELECT * FROM reconcile ORDER BY id")


def codes(number):
    return [f"{n:06d}" for n in range(number)]


@pytest.fixture
def system(tmp_path, apply, config, run, start_sim, kafka, db):
    def start(cards, script=None, quota=None, sim_quota=None, more=None):
        directory = tmp_path / "reconcile"
        directory.mkdir()
        sim = start_sim(accounts(*(member(code) for code in cards), **({"quota": sim_quota} if sim_quota else {})), script)
        ready = config.with_(more, wechat={"base_url": sim.url}, **({"quota": quota} if quota else {}))
        apply(ready)
        return System(directory, ready, run, sim, kafka, db)
    return start


def counts(report):
    return [report[name] for name in ("checked", "repaired", "skipped", "failed")]


def test_drifts_are_repaired_silently_and_a_second_run_finds_none(system):
    cards = codes(CARDS)
    s = system(cards)
    s.open(cards)
    s.open(["moved"], frozen=1)
    drifted = cards[::2]
    for n, code in enumerate(drifted):
        s.sim.foreign(code, bonus=n + 1 if n % 2 else -n - 1, balance=100 if n % 3 == 0 else 0)
    assert sum(points != SHOWN for points in s.bonus().values()) == len(drifted)
    s.start_worker()

    report, told = s.reconcile()
    assert counts(report) == [CARDS, len(drifted), CARDS - len(drifted), 0] and report["finished"]
    (account,) = report["accounts"]
    assert (account["account"], counts(account), account["failed_cards"]) == ("demo", counts(report), [])
    assert account["started_at"] < account["finished_at"]
    assert "goes on" not in told
    assert set(s.bonus().values()) == {SHOWN}
    assert {card["balance"] for card in s.sim.effects().values()} == {0}
    assert {row["shown"] for row in s.db.rows("bonus_account", frozen=0)} == {SHOWN}
    assert s.notices() == 0
    assert len(s.sim.requests(path=UPDATE)) == len(drifted)
    assert sorted(record.json["card_code"] for record in s.commands()) == cards
    assert {record.key for record in s.commands()} == {bonus_command(code, "sync")[0] for code in cards}

    report, _ = s.reconcile()
    assert counts(report) == [CARDS, 0, CARDS, 0]
    assert len(s.sim.requests(path=UPDATE)) == len(drifted)
    assert len({record.id for record in s.commands()}) == 2 * CARDS
    text = s.tool("run", "--yes").stdout
    assert ["demo", str(CARDS), "0", str(CARDS), "0", "yes"] in [line.split() for line in text.splitlines()]
    assert [row["total"] for row in s.runs()] == [CARDS] * 3


def test_what_cannot_be_repaired_is_reported(system):
    s = system(codes(10))
    s.open(codes(10))
    s.sim.delete("000003", forget=True)
    s.sim.foreign("000005", bonus=7)
    s.start_worker()
    report, _ = s.reconcile(exit_code=78)
    assert counts(report) == [10, 1, 8, 1] and report["finished"]
    ((failed,),) = [account["failed_cards"] for account in report["accounts"]]
    assert (failed["card_id"], failed["card_code"], failed["outcome"]) == (CARD_ID, "000003", "rejected")
    assert failed["code"] == "wechat:40056" and failed["message"]
    done = s.tool("run", "--yes")
    assert done.returncode == 78 and "000003" in done.stdout and "wechat:40056" in done.stdout


def cut_short(s, how, at_least, *words):
    """A run that ends by SIGKILL or Ctrl-C after so many cards; its row."""
    run = s.start("--json", "--rate", "6", *words)

    def has_begun():
        newest = s.runs()[-1:]
        return newest and newest[0]["finished_at"] is None and newest[0]["checked"] >= at_least

    wait_for(has_begun, 60, "a part of the run")
    if how == "kill":
        run.kill()
    else:
        run.signal(signal.SIGINT)
        assert run.wait_exit() == 75
        assert "run this again to go on" in run.log_text() and '"finished":false' in run.log_text()
    assert s.runs()[-1]["finished_at"] is None
    return s.runs()[-1]


def test_an_interrupted_run_is_gone_on_with(system):
    cards = codes(CARDS)
    s = system(cards)
    s.open(cards)
    for code in cards:
        s.sim.foreign(code, bonus=5)
    s.start_worker()
    killed = cut_short(s, "kill", 10)
    assert 10 <= killed["checked"] < len(cards)
    (plan,) = s.plan()
    assert (plan["accounts"], plan["checked"]) == (len(cards) - killed["checked"], killed["checked"])
    stopped = cut_short(s, "stop", killed["checked"] + 10)
    assert killed["checked"] < stopped["checked"] < len(cards)
    # As a run leaves it that was killed between noting a failure and saving that it had counted it.
    s.db.query("INSERT INTO reconcile_failure VALUES (%s,%s,%s,'unanswered',NULL,NULL)", stopped["run_id"], CARD_ID,
               cards[-1])

    report, told = s.reconcile()
    assert counts(report) == [len(cards), len(cards), 0, 0] and report["finished"]
    assert report["accounts"][0]["failed_cards"] == []
    assert f"{stopped['checked']} checked so far" in told
    assert len(s.runs()) == 1
    assert set(s.bonus().values()) == {SHOWN} and s.notices() == 0
    assert len({record.id for record in s.commands()}) == len(cards)
    assert len(s.commands()) < 2 * len(cards)
    outcomes = {record.json["command_id"]: record.json["outcome"] for record in s.results()}
    assert list(outcomes.values()) == ["applied"] * len(cards)
    report, told = s.reconcile()
    assert counts(report) == [len(cards), 0, len(cards), 0] and "goes on" not in told


def test_without_a_worker_it_gives_up_and_can_be_gone_on_with(system):
    cards = codes(20)
    s = system(cards)
    s.open(cards)
    s.sim.foreign(cards[-1], bonus=1)
    report, told = s.reconcile("--wait", "2", exit_code=75)
    assert counts(report) == [0, 0, 0, 0] and not report["finished"]
    assert "is kabao-bonus running" in told
    waiting = s.start("--wait", "60")
    wait_for(lambda: len(s.commands()) == 40, 30, "the commands of the second run")
    _, told = s.reconcile(exit_code=75)
    assert "another kabaoctl" in told
    s.start_worker()
    assert waiting.wait_exit(60) == 0, waiting.log_text()
    assert "goes on" in waiting.log_text()
    assert len({record.id for record in s.commands()}) == len(cards) and len(s.runs()) == 1
    assert s.runs()[0]["repaired"] == 1

    cut_short(s, "kill", 1, "--rate", "5")
    report, told = s.reconcile("--new")
    assert counts(report) == [len(cards), 0, len(cards), 0] and "goes on" not in told
    assert [row["finished_at"] is None for row in s.runs()] == [False, True, False]
    _, told = s.reconcile()
    assert "goes on" not in told and len(s.runs()) == 4


def at_s(call):
    return datetime.datetime.fromisoformat(call["time"].replace("Z", "+00:00")).timestamp()


@pytest.mark.deadline(240)
def test_the_quota_is_kept(system):
    limit, cards = count((60, codes(100)), (240, codes(20)))
    quota = {USERINFO: f"{limit}/min", UPDATE: f"{limit}/min"}
    s = system(cards, quota=quota, sim_quota={path: {"per_minute": limit} for path in quota})
    s.open(cards)
    for code in cards:
        s.sim.foreign(code, bonus=5)
    (plan,) = s.plan()
    expected_s = len(cards) * 60 / (0.97 * limit)
    assert (plan["accounts"], plan["calls"]) == (len(cards), 2 * len(cards)) and abs(plan["seconds"] - expected_s) <= 1
    s.start_worker()
    report, told = s.reconcile()
    assert counts(report) == [len(cards), len(cards), 0, 0]
    assert set(s.bonus().values()) == {SHOWN}
    assert "checked" in told and "left" in told
    for path in quota:
        calls = sorted(at_s(call) for call in s.sim.requests(path=path))
        assert not s.sim.requests(path=path, errcode=45011)
        for first, _ in enumerate(calls):
            for last in range(first, len(calls)):
                assert last - first + 1 <= (calls[last] - calls[first] + SLACK_S) * limit / 60 + 1


def test_a_closed_path_is_waited_for(system):
    cards = codes(10)
    script = [{"path": USERINFO, "times": 1, "do": {"errcode": 45011}}]
    s = system(cards, script=script)
    s.open(cards)
    s.start_worker()
    run = s.start("--wait", "1", "--json")
    wait_for(lambda: "closed" in run.log_text(), 30, "word of the closed path")
    assert run.running
    s.db.query("UPDATE quota SET closed_until = NULL")
    run.signal(signal.SIGTERM)
    assert run.wait_exit() == 75


def test_a_card_that_never_answers_holds_up_no_other(system):
    cards = codes(330)
    script = [{"path": "/card/*", "match": {"code": cards[0]}, "do": {"errcode": -1}}]
    s = system(cards, script=script)
    s.open(cards)
    s.sim.foreign(cards[-1], bonus=1)
    s.start_worker()
    report, _ = s.reconcile("--wait", "2", "--rate", "35", exit_code=78)
    assert counts(report) == [330, 1, 328, 1]
    (failed,) = report["accounts"][0]["failed_cards"]
    assert (failed["card_code"], failed["outcome"]) == (cards[0], "unanswered")
    assert s.bonus()[cards[-1]] == SHOWN


def test_plan_knows_what_limits(system):
    s = system(codes(3), more={"account other": {"appid": "wxfedcba9876543210", "secret_file": "/dev/null",
                                                 "callback_token_file": "/dev/null"}})
    s.open(codes(3))
    s.open(codes(2), appid="wxfedcba9876543210")
    assert s.plan() == [{"account": "demo", "accounts": 3, "calls": 6, "seconds": None},
                        {"account": "other", "accounts": 2, "calls": 4, "seconds": None}]
    assert [row["account"] for row in s.plan("--account", "other")] == ["other"]
    assert s.tool("plan", "--account", "nobody").returncode == 64
    assert ["demo", "3", "6", "no", "limit"] in [line.split() for line in s.tool("plan").stdout.splitlines()]

    def seconds(**quota):
        s.config.with_(quota=quota).write(s.ini)
        return s.plan("--account", "demo")[0]["seconds"]

    assert seconds(**{USERINFO: "1/min"}) == 185
    assert seconds(**{UPDATE: "2/day"}) == 86400
    assert seconds(**{"default": "1/day"}) == 2 * 86400


def test_a_person_is_asked(system):
    s = system(codes(3), quota={UPDATE: "120/min"})
    s.open(codes(3))
    done = s.tool("run")
    assert done.returncode == 64 and "--yes" in done.stderr
    for words, seconds in (([], 1), (["--rate", "100"], 1), (["--rate", "1"], 3)):
        status, output = on_terminal(s.argv("run", *words), b"n\n")
        assert status == 64 and f"Put 3 accounts on their cards (6 calls, about {seconds} s)?" in output
    assert not s.runs() and not s.commands()
    s.start_worker()
    status, output = on_terminal(s.argv("run"), b"y\n")
    assert status == 0 and "ACCOUNT" in output.upper()
    assert len(s.commands()) == 3
