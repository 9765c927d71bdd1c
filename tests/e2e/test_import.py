# SPDX-License-Identifier: Apache-2.0
"""kabaoctl import: the members of before come into MySQL, each once, with their points, within the quota, and nobody is
told; however often it is interrupted, it goes on."""
import csv
import json
import os
import signal
import time

import pytest
from kit.config import APPID, CARD_ID, write_secret
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.population import accounts, member
from kit.probe import QUICK_GROUP
from kit.process import Process
from kit.program import BIN, clean_env, run_tool
from kit.records import event_record
from kit.scale import count
from kit.terminal import on_terminal
from kit.waiting import wait_for

OTHER_CARD = "pGRUFjv9z8y7x6w5v4u3t2s1r0"
LIST, CARDS, USERINFO = "/cgi-bin/user/get", "/card/user/getcardlist", "/card/membercard/userinfo/get"
UPDATE, ACTIVATE = "/card/membercard/updateuser", "/card/membercard/activate"
PEOPLE = count(2000, 300)


def openid(n):
    return f"oPerson{n:021d}"


def code(n):
    return f"{n:012d}"


def population(people):
    """Everybody has a card; two of three have one of the second template too. Points tell them apart."""
    cards = [member(code(n), openid=openid(n), bonus=n, balance=n * 100) for n in range(people)]
    return cards + [member(code(n), card_id=OTHER_CARD, openid=openid(n), bonus=n + 7, balance=0)
                    for n in range(people) if n % 3]


def key(card):
    return card["card_id"], card["code"]


class System:
    """What an import needs, and kabaoctl."""

    def __init__(self, directory, config, run, sim, kafka, db):
        self.directory, self.config, self._run = directory, config, run
        self.sim, self.kafka, self.db = sim, kafka, db
        self.ini = config.write(directory / "import.ini")

    def start_workers(self, *names):
        programs = [self._run("token", self.config, ready=False)]
        programs += [self._run(name, self.config.with_(kafka=QUICK_GROUP), ready=False) for name in names]
        for program in programs:
            program.wait_ready(60)
        return programs[1:]

    def file(self, rows, columns=("card_id", "card_code"), name="members.csv"):
        path = self.directory / name
        with open(path, "w", encoding="utf-8", newline="") as f:
            csv.writer(f).writerows([columns, *rows])
        return str(path)

    def argv(self, *words):
        return ["import", *words, "--config", str(self.ini)]

    def tool(self, *words, timeout=100):
        return run_tool("kabaoctl", *self.argv(*words), timeout=timeout)

    def plan(self, source, *words):
        done = self.tool("plan", "--json", "--from", source, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, source, *words, exit_code=0):
        """(report, what stood on stderr) of a run."""
        done = self.tool("run", "--yes", "--json", "--from", source, *words, timeout=200)
        assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def start(self, source, *words):
        log = self.directory / f"tool-{len(os.listdir(self.directory))}.log"
        argv = self.argv("run", "--yes", "--json", "--from", source, *words)
        return Process([BIN / "kabaoctl", *argv], log, clean_env()).start()

    def members(self):
        return {(row["card_id"], row["card_code"]): row for row in self.db.query("SELECT * FROM member")}

    def accounts(self):
        return {(row["card_id"], row["card_code"]): row for row in self.db.query("SELECT * FROM bonus_account")}

    def stored(self):
        """Until kabao-store has all that was told."""
        self.kafka.wait_done("store", "state.member", 60)

    def holds(self, cards):
        """All of them stand there once, with what they show, and so do their accounts."""
        self.stored()
        members, accounts_ = self.members(), self.accounts()
        assert set(members) == set(accounts_) == {key(card) for card in cards}
        for card in cards:
            row, account = members[key(card)], accounts_[key(card)]
            assert (row["openid"], row["bonus"], row["mobile"]) == (card["openid"], card["bonus"], "+8615521328888")
            assert [account[name] for name in ("bonus", "shown", "balance", "shown_balance", "rev", "frozen")] == [
                card["bonus"], card["bonus"], card["balance"], card["balance"], 0, 0]

    def nothing_done(self):
        """No member was told anything, no card changed, no limit met."""
        for effect in self.sim.effects().values():
            assert not any(effect[name] for name in ("activations", "updates", "notices")), effect
        assert not self.sim.requests(path=UPDATE) and not self.sim.requests(path=ACTIVATE)
        assert not self.sim.requests(errcode=45009) and not self.sim.requests(errcode=45011)
        for topic in ("event.activation", "event.binding", "cmd.bonus", "result.bonus"):
            assert self.kafka.read(topic) == []

    def states(self):
        """Records of state.member by ce_type."""
        found = {}
        for record in self.kafka.read("state.member"):
            found.setdefault(record.header("ce_type"), []).append(record)
        return found


@pytest.fixture
def system(tmp_path, apply, config, run, start_sim, kafka, db):
    def start(cards, script=None, quota=None, sim_quota=None, users=(), page_size=None, **account):
        directory = tmp_path / "import"
        directory.mkdir()
        known = accounts(*cards, **({"quota": sim_quota} if sim_quota else {}),
                         **({"page_size": page_size} if page_size else {}))
        known["users"] = [{"appid": APPID, **user} for user in users]
        sim = start_sim(known, script)
        ready = config.with_({"account demo": account}, wechat={"base_url": sim.url}, worker={"lanes": 32},
                             **({"quota": quota} if quota else {}))
        apply(ready)
        return System(directory, ready, run, sim, kafka, db)
    return start


def counts(report):
    return [report[name] for name in ("found", "imported", "opened", "gone", "failed", "waiting")]


def test_a_file_of_members(system):
    cards = population(PEOPLE)
    s = system(cards)
    rows = [(card["card_id"], card["code"], "", "") for card in cards]
    rows[0] = (*rows[0][:2], "uUnionOfTheFile", "13800138000")
    path = s.file([*rows, *rows[:3], (CARD_ID, "never-was", "", ""), ("pNoSuchTemplate", "1", "", "")],
                  ("card_id", "card_code", "unionid", "mobile"))
    plan = s.plan(path)
    assert (plan["rows"], plan["members"], plan["accounts"], plan["seconds"]) == (len(rows) + 5, 0, 0, None)
    assert plan["calls"] == [{"path": USERINFO, "calls": len(rows) + 5, "seconds": None}]
    s.start_workers("member", "store", "bonus")
    s.db.query("INSERT INTO member (appid,card_id,card_code,status) VALUES (%s,%s,'elsewhere','NORMAL'),"
               "(%s,%s,'deleted','DELETE')", APPID, CARD_ID, APPID, CARD_ID)
    report, told = s.run(path, exit_code=78)
    total = len(cards)
    assert counts(report) == [total + 2, total, total, 1, 1, 0] and report["finished"], report
    assert (report["duplicates"], report["not_found"]) == (3, 1)
    assert report["cannot_be_found"] == "members who are not in the file"
    assert {(f["card_code"], f["gone"], f["code"]) for f in report["failures"]} == {
        ("never-was", True, "wechat:40056"), ("1", False, "wechat:40073")}
    assert "cards looked at" in told and "revert" not in told
    s.stored()
    s.db.query("DELETE FROM member WHERE card_code IN ('elsewhere','deleted')")
    s.holds(cards)
    assert s.members()[key(cards[0])]["unionid"] == "uUnionOfTheFile", "WeChat says none"
    assert s.db.rows("member_field", card_code=cards[0]["code"], name="USER_FORM_INFO_FLAG_MOBILE")[0][
        "value"] == "15521328888", "WeChat's word goes before the file's"
    s.nothing_done()
    assert {name: len(records) for name, records in s.states().items()} == {"kabao.member.imported": total}
    assert s.kafka.read("dlq.member") == []
    assert len(s.sim.requests(path=USERINFO)) == total + 2
    assert s.db.query("SELECT COUNT(*) AS n FROM import_card")[0]["n"] == 2, "those that are done are forgotten"

    again, _ = s.run(path, exit_code=78)
    assert counts(again) == [total + 2, total, 0, 1, 1, 0] and again["run"] != report["run"]
    s.nothing_done()


def test_the_followers(system):
    """Page by page; who does not follow is not found, and the report says so."""
    cards = population(PEOPLE)
    lost = [n for n in range(PEOPLE) if n % 50 == 7]
    s = system(cards, page_size=100, users=[{"openid": openid(n), "subscribe": False} for n in lost]
               + [{"openid": "oFollowsWithoutACard"}], foreign_points="revert",
               script=[{"path": CARDS, "match": {"openid": openid(11)}, "do": {"errcode": 40003}}])
    s.start_workers("member", "store", "bonus", "command")
    plan = s.plan("followers")
    people = PEOPLE - len(lost) + 1
    assert (plan["followers"], [call["calls"] for call in plan["calls"]]) == (people, [1, people, people])
    s.sim.requests_path.unlink()
    report, told = s.run("followers", exit_code=78)
    assert "foreign_points = revert" in told and "followers asked" in told
    found = [card for card in cards if int(card["code"]) not in [*lost, 11]]
    assert counts(report) == [len(found), len(found), len(found), 0, 0, 0]
    assert (report["followers"], report["people_asked"], report["people_failed"]) == (people, people, 1)
    assert report["cannot_be_found"] == "members who do not follow the account"
    assert [(f["openid"], f["code"]) for f in report["failures"]] == [(openid(11), "wechat:40003")]
    s.holds(found)
    s.nothing_done()
    assert s.db.rows("command_result") == [] or len(s.db.rows("command_result")) == 1, "the plan's is left"
    assert s.db.query("SELECT openid FROM import_person") == [{"openid": openid(11)}]


@pytest.mark.deadline(200)
@pytest.mark.parametrize("source", ["csv", "followers"])
def test_killed_anywhere_it_goes_on(system, rng, source):
    cards = population(PEOPLE)
    quota = {USERINFO: "60000/min"}
    s = system(cards, quota=quota, page_size=100)
    path = s.file([key(card) for card in cards]) if source == "csv" else source
    workers = s.start_workers("member", "store", "command")
    told = ""
    for n in range(8):
        run = s.start(path)
        time.sleep(rng.uniform(0.05, 1.2))  # a point by chance
        if not run.running:
            break
        run.child.kill()
        run.child.wait()
        if n == 3:
            workers[0].kill()
            workers[0].start()
    report, told = s.run(path)
    assert counts(report) == [len(cards), len(cards), len(cards), 0, 0, 0] or "goes on" not in told, report
    s.holds(cards)
    s.nothing_done()
    assert s.kafka.read("dlq.member") == []
    runs = s.db.query("SELECT * FROM import_run")
    if len(runs) == 1:
        asked = [call["body"]["openid"] for call in s.sim.requests(path=CARDS)]
        assert len(asked) == (len(set(asked)) if source == "csv" else PEOPLE), "each follower once"
        assert len(s.sim.requests(path=USERINFO)) <= len(cards) + 8, "what kabao-member had in hand"
    assert s.db.rows("command_result") == []


def test_the_crm_hears_of_it_when_asked(system, crm, run):
    cards = population(12)
    s = system(cards)
    crm.secrets = [SECRET]
    settings = {"url": crm.url, "secret_file": write_secret(s.directory / "crm.secret", SECRET)}
    s.start_workers("member", "store")
    teller = run("crm", s.config.with_(crm=settings, kafka=QUICK_GROUP))
    path = s.file([key(card) for card in cards])
    s.run(path)
    s.kafka.wait_done("crm", "state.member", 60)
    assert crm.of() == []
    teller.stop()
    events = "kabao.member.changed kabao.member.imported"
    run("crm", s.config.with_(crm={**settings, "events": events}, kafka=QUICK_GROUP))
    s.run(path)
    s.kafka.wait_done("crm", "state.member", 60)
    assert {w.type for w in crm.of()} == {"kabao.member.imported"}
    assert {(w.data["card_id"], w.data["card_code"]) for w in crm.of()} == {key(card) for card in cards}


def test_live_pushes_go_first_and_the_quota_is_kept(system, pusher, run):
    cards = population(60)
    limit = 600
    s = system(cards, quota={USERINFO: f"{limit}/min"}, sim_quota={USERINFO: {"per_minute": limit}})
    s.start_workers("member", "store")
    began = time.monotonic()
    importing = s.start(s.file([key(card) for card in cards]))
    wait_for(lambda: len(s.sim.requests(path=USERINFO)) > 5, 60, "the import has begun")
    late = []
    for n in range(6):
        at = time.monotonic()
        s.kafka.produce("event.wechat", *event_record("update_member_card", code(n), at=int(time.time()) + n))
        wait_for(lambda wanted=n: len(s.states().get("kabao.member.changed", [])) > wanted, 20, "a live push")
        late.append(time.monotonic() - at)
    assert importing.running and max(late) < 3, late
    assert importing.wait_exit(100) == 0, importing.log_text()
    assert time.monotonic() - began > (len(cards) - 10) * 60 / limit
    s.nothing_done()


def test_points_that_change_meanwhile_are_kept(system):
    """Between the look and the account that is opened by it: a push has opened it, with what the card shows by then."""
    cards = population(12)
    s = system(cards)
    path = s.file([key(card) for card in cards])
    importing = s.start(path, "--wait", "60")
    s.kafka.wait("redrive.member", len(cards), 60)
    importing.child.kill()
    importing.child.wait()
    s.start_workers("member", "store", "bonus")
    wait_for(lambda: len(s.db.rows("import_card", state="looked")) == len(cards), 60, "all are looked at")
    assert s.accounts() == {}
    seen = s.sim.last_push()
    for card in cards[:8]:
        s.sim.foreign(card["code"], bonus=1000, card_id=card["card_id"])
        card["bonus"] += 1000
    pushes = s.sim.pushes(seen, event="update_member_card")
    assert len(pushes) == 8
    for push in pushes:
        s.kafka.produce("event.wechat", *event_record(push["event"], push["code"], int(time.time()), card_id=push["card_id"]))
    s.kafka.wait_done("bonus", "event.wechat", 60)
    assert len(s.accounts()) == 8
    s.kafka.wait_done("member", "event.wechat", 60)
    report, _ = s.run(path)
    assert counts(report) == [len(cards), len(cards), len(cards) - 8, 0, 0, 0]
    s.holds([{**card, "mobile": None} for card in cards])
    assert s.kafka.read("result.bonus") == [] and not s.sim.requests(path=UPDATE)
    assert len(s.sim.requests(path=USERINFO)) == len(cards) + 2 * 8


def test_accounts_that_are_there_and_cards_that_are_not_active(system):
    cards = population(6)
    cards[3]["has_active"] = False
    s = system(cards)
    s.start_workers("member", "store")
    row = "INSERT INTO bonus_account (appid,card_id,card_code,bonus,shown,rev,frozen,updated_at) VALUES (%s,%s,%s,%s,%s,3,%s,NOW(3))"
    s.db.query(row, APPID, CARD_ID, code(1), 900, 900, 0)
    s.db.query(row, APPID, CARD_ID, code(2), 5, 5, 1)
    report, _ = s.run(s.file([key(card) for card in cards]))
    assert counts(report) == [len(cards), len(cards), len(cards) - 3, 0, 0, 0]
    found = s.accounts()
    assert (found[CARD_ID, code(1)]["bonus"], found[CARD_ID, code(2)]["frozen"]) == (900, 1)
    assert (CARD_ID, code(3)) not in found and len(found) == len(cards) - 1


def test_what_is_refused_before_anything_is_sent(system):
    s = system(population(2))
    bad = s.file([(CARD_ID, "1"), (CARD_ID, ""), ("", "2"), (CARD_ID, "1.82554E+11"), (CARD_ID, "a b")])
    for words in ("plan", "run"):
        done = s.tool(words, "--yes", "--from", bad) if words == "run" else s.tool(words, "--from", bad)
        assert done.returncode == 78, done
        for line, word in ((3, "card_code"), (4, "card_id"), (5, "spreadsheet"), (6, "card_code")):
            assert any(f"line {line}:" in told and word in told for told in done.stderr.splitlines()), done.stderr
        assert "4 of 5 rows are bad" in done.stderr
    assert s.tool("run", "--yes", "--from", s.file([("x",)], ("code",))).returncode == 78
    assert s.tool("run", "--yes").returncode == 64
    assert s.tool("run", "--from", bad).returncode == 64
    assert s.db.rows("import_run") == [] and s.kafka.read("redrive.member") == []


def test_stopped_silent_another_and_anew(system):
    cards = population(5)
    s = system(cards)
    path = s.file([key(card) for card in cards])
    report, told = s.run(path, "--wait", "2", exit_code=75)
    assert counts(report)[0] == counts(report)[5] == len(cards) and not report["finished"]
    assert "are kabao-member" in told
    running = s.start(path, "--wait", "60")
    wait_for(lambda: "goes on" in running.log_text(), 30, "it begins")
    wait_for(lambda: s.db.query("SELECT 1 FROM import_card WHERE state='sent'"), 30, "it has sent")
    _, told = s.run(path, exit_code=75)
    assert "another kabaoctl" in told
    running.signal(signal.SIGINT)
    assert running.wait_exit() == 75 and "run this again to go on" in running.log_text()
    changed = s.file([key(card) for card in cards[1:]], name="other.csv")
    assert "--new" in s.run(changed, exit_code=78)[1]
    assert "--new" in s.run("followers", exit_code=78)[1]
    anew = s.start(changed, "--new", "--wait", "60")
    wait_for(lambda: s.db.query("SELECT COUNT(*) AS n FROM import_card WHERE state='sent'")[0]["n"] == len(cards) - 1
             and len(s.db.rows("import_card")) == len(cards) - 1, 30, "the new run alone has cards")
    s.start_workers("member", "store")
    assert anew.wait_exit(60) == 0 and "goes on" not in anew.log_text(), anew.log_text()
    s.holds(cards[1:])
    s.kafka.wait_done("member", "redrive.member", 60)
    assert len(s.sim.requests(path=USERINFO)) == len(cards) - 1, "the run that was given up asks nothing any more"
    status, output = on_terminal(s.argv("run", "--from", path), b"n\n")
    assert status == 64 and f"Import {len(cards)} cards into demo" in output


def test_an_erased_person_is_not_brought_back(system):
    """Erased while a run that was cut short still holds what the file says of him; WeChat shows the card as before."""
    cards = population(4)[:4]
    s = system(cards)
    path = s.file([(*key(card), card["openid"], "15521328888", f"N{n}") for n, card in enumerate(cards)],
                  ("card_id", "card_code", "openid", "mobile", "membership_number"))
    (gone, *others) = cards
    cut = s.start(path)
    s.db.wait_rows("import_card", 4)
    cut.child.kill()
    s.start_workers("command")
    send = run_tool("kabaoctl", "command", "send", "member.erase", "--yes", "--wait", "60", "--body", "-", "--config", s.ini,
                    text=json.dumps({"openid": gone["openid"]}))
    assert send.returncode == 0, send
    held = {(row["card_id"], row["card_code"]): row for row in s.db.query("SELECT * FROM import_card")}
    assert [held[key(gone)][name] for name in ("openid", "mobile", "membership_number")] == [None] * 3
    assert all(held[key(card)]["openid"] == card["openid"] for card in others)
    for name in ("member", "store"):
        s._run(name, s.config, ready=False).wait_ready(60)
    report, _ = s.run(path)
    assert (report["imported"], report["gone"], report["failed"]) == (3, 1, 0), report
    s.stored()
    assert set(s.members()) == set(s.accounts()) == {key(card) for card in others}
    assert gone["openid"] not in json.dumps([r.json for r in s.kafka.read("state.member")])
