# SPDX-License-Identifier: Apache-2.0
"""Every command of deploy/runbook, in order, on a machine that stands in for the operator's: `systemctl` means the
programs of the test, MySQL is the test's."""
import fnmatch
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from kit.oldsystem import oldsystem  # noqa: F401 (a fixture)
from kit.population import accounts
from kit.program import BIN, ROOT, clean_env, run_tool
from kit.records import bonus_command
from kit.tools import needs
from kit.waiting import wait_for
from test_readme import blocks, shell

PAGES = sorted((ROOT / "deploy/runbook").glob("*.md"))
WORKERS = ["token", "member", "store", "bonus", "command"]


class Machine:
    def __init__(self, folder, config, run, db):
        self.folder, self.run, self.db, self.programs = folder, run, db, {}
        self.last = 0  # push that was delivered
        self.use(config)
        tools = folder / "tools"
        tools.mkdir()
        self._tool(tools / "kabaoctl", f"#!/bin/sh\ncase \" $* \" in *' --config '*) ;; *) set -- \"$@\" --config "
                   f"{folder}/kabao.ini;; esac\nexec {BIN}/kabaoctl \"$@\"\n")
        sql = f"-u kabao --socket={db.server.socket}"
        self._tool(tools / "mariadb", f"#!/bin/sh\nexec {shutil.which('mariadb')} --no-defaults {sql} \"$@\"\n")
        self._tool(tools / "mariadb-dump", f"#!/bin/sh\nexec {needs('mariadb-dump')} --no-defaults {sql} \"$@\"\n")
        self.env = clean_env({"PATH": f"{tools}:{os.environ['PATH']}", "KABAO_DATABASE": db.name,
                              "MYSQL_PWD": db.server.password_file.read_text()})

    def _tool(self, path, text):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def use(self, config):
        """The settings from now on."""
        self.config = config
        config.write(self.folder / "kabao.ini")

    def start(self, *names):
        for name in names:
            self.programs[name] = self.run(name, self.config, ready=False)
        for name in names:
            self.programs[name].wait_ready(60)

    def systemctl(self, verb, unit):
        names = [n for n in self.programs
                 if fnmatch.fnmatch("kabao-ingress.service" if n == "ingress" else f"kabao@{n}.service", unit)]
        assert names, unit
        if verb == "is-active":
            assert all(self.programs[n].running for n in names)
        if verb in ("stop", "restart"):
            for name in names:
                self.programs[name].stop()
        if verb in ("start", "restart"):
            self.start(*names)

    def block(self, text):
        """Commands line by line; what it printed."""
        said = ""
        for line in text.splitlines():
            words = shlex.split(line)
            if words[0] == "systemctl":
                self.systemctl(*words[1:])
            else:
                said += shell(line, self.env, self.folder, 120)
        return said


@pytest.fixture
def machine(apply, config, run, start_sim, db, kafka, tmp_path, pusher):
    sim = start_sim(accounts())
    ready = config.with_({"account demo": {"foreign_points": "adopt"}}, wechat={"base_url": sim.url})
    apply(ready)
    made = Machine(tmp_path, ready, run, db)
    made.start("ingress", *WORKERS)
    made.sim, made.kafka, made.push = sim, kafka, pusher(made.programs["ingress"])
    return made


def page(name):
    return blocks(ROOT / "deploy/runbook" / name, "sh")


def card(m, code):
    """A member and his points."""
    m.sim.receive(code, f"oGRUFjk{code:0>21}")
    m.last = m.sim.deliver(m.push, after=m.last)
    m.db.wait_rows("member", card_code=code)
    m.kafka.produce("cmd.bonus", *bonus_command(code, "add", add_bonus=5))
    m.db.wait_rows("bonus_entry", card_code=code, outcome="applied")
    m.last = m.sim.deliver(m.push, after=m.last)  # or the row would show the card of before, until somebody looks again
    m.db.wait_rows("member", card_code=code, bonus=5)


def test_every_page_has_its_test():
    assert {p.name for p in PAGES} == set(re.findall(r'page\("([^"]+)"\)', Path(__file__).read_text(encoding="utf-8")))


@pytest.mark.deadline(400)
def test_backup_and_restore(machine):
    m = machine
    backup, stop, back, look, restore, start, see = page("backup-and-restore.md")
    card(m, "before")
    m.block(backup)
    card(m, "since")
    rows = {table: m.db.rows(table) for table in ("bonus_account", "member")}
    calls = len(m.sim.requests(path="/card/membercard/updateuser"))
    m.block(stop)
    m.db.query("CREATE TABLE later (n INT)")
    m.block(back)
    assert "later" not in str(m.db.query("SHOW TABLES")), "nothing but the backup is there"
    assert not m.db.rows("bonus_account", card_code="since")
    assert "nothing was changed" in m.block(look)
    assert not m.db.rows("bonus_account", card_code="since")
    m.block(restore)
    m.block(start)
    m.block(see)
    m.db.wait_rows("member", card_code="since")

    def plain(found):
        return sorted(str({k: v for k, v in r.items() if k != "updated_at"}) for r in found)

    def changed():
        return [(table, plain(m.db.rows(table)), plain(was)) for table, was in rows.items()
                if plain(m.db.rows(table)) != plain(was)]

    wait_for(lambda: not changed(), 30, lambda: f"the same rows; (table, is, was): {changed()}")
    assert len(m.sim.requests(path="/card/membercard/updateuser")) == calls


@pytest.mark.deadline(400)
def test_a_state_topic_is_lost(machine):
    m = machine
    token, followers, member, replay = page("state-topics-lost.md")
    m.env["REPLAY_FROM"] = shell("date -u +%Y-%m-%dT%H:%M:%SZ", m.env).strip()
    card(m, "known")
    m.kafka.delete("state.token")
    m.block(token)
    wait_for(lambda: "access_token" in m.block(token.splitlines()[-1]), 30, "a token is told again")
    m.block(followers)
    card(m, "next")
    m.kafka.delete("state.member")
    m.block(member)
    m.block(replay)
    m.kafka.wait("state.member", lambda found: {r.json["card_code"] for r in found} >= {"known", "next"} and found, 60)


@pytest.mark.deadline(400)
def test_an_upgrade(machine):
    m = machine
    migrate, restart = page("rolling-upgrade.md")
    m.db.query("DROP TABLE import_run; DELETE FROM schema_version WHERE version>=13")  # as the release before has it
    m.block(migrate)
    assert m.db.rows("schema_version", version=13) and not m.db.rows("import_run")
    card(m, "meanwhile")
    m.block(restart)
    card(m, "after")

    m.db.query("INSERT INTO schema_version VALUES (9999,'newer',UTC_TIMESTAMP(3))")
    card(m, "running")  # who runs, runs on
    refused = run_tool("store", "--config", m.folder / "kabao.ini")
    assert refused.returncode == 78 and "upgrade kabao" in refused.stdout + refused.stderr, refused
    refused = run_tool("kabaoctl", "migrate", "--yes", "--config", m.folder / "kabao.ini")
    assert refused.returncode == 78 and "upgrade kabao" in refused.stdout + refused.stderr, refused


@pytest.mark.deadline(400)
def test_more_partitions(machine, kafka, pusher):
    m = machine
    new, ingress, drained, workers = page("more-partitions.md")
    m.env.update(NEW_PREFIX=f"{kafka.prefix}.more", NEW_PARTITIONS="4")
    card(m, "old")
    m.block(new)
    m.config = m.config.with_(topic={"prefix": m.env["NEW_PREFIX"], "partitions": 4})
    m.block(ingress)
    assert "nothing is parked" in m.block(drained)
    m.block(workers)
    m.push = pusher(m.programs["ingress"])
    m.sim.receive("new", f"oGRUFjk{'new':0>21}")
    m.sim.deliver(m.push, after=m.last)
    m.db.wait_rows("member", card_code="new")
    assert m.db.rows("bonus_account", card_code="old"), "the accounts stay"


@pytest.mark.deadline(400)
def test_from_an_old_system_and_back(machine, oldsystem):  # noqa: F811
    """`import` and `compare` have tests of their own."""
    m = machine
    old = oldsystem("compatible")

    def goes_to(url):
        m.use(m.config.with_({"account demo": {"forward_url": url}}))

    def now():
        return shell("sleep 1; date -u +%Y-%m-%dT%H:%M:%SZ; sleep 1", m.env).strip()

    check, _, start, look, _, again, stop, back, replay = page("old-system.md")
    goes_to(old.url)
    m.block(check)
    m.programs["forward"] = m.run("forward", m.config, ready=False)
    m.programs["forward"].stop()
    m.block(start)
    card(m, "beside")
    old.wait(UserCardCode="beside", Event="user_get_card")
    m.block(look)
    m.block(again)
    m.env["CUT_OVER"] = now()
    m.block(stop)
    goes_to(None)
    m.start("forward")
    card(m, "alone")
    m.kafka.wait_done("forward", "event.wechat")
    m.block(stop)
    m.env["BACK"] = now()
    goes_to(old.url)
    m.block(back)
    assert not old.of(UserCardCode="alone")
    m.block(replay)
    old.wait(UserCardCode="alone", Event="user_get_card")
