# SPDX-License-Identifier: Apache-2.0
"""The tables "What is wrong?" of deploy/OPERATING.md: of each row the fault is made on real programs, the row's commands are
run as they stand there, and say what the row promises; what they said before the fault was something else."""
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
from kit import symptoms_old  # noqa: F401 (scenarios)
from kit.api import Api, write_clients
from kit.config import APPID, CARD_ID, SECRETS, write_secret
from kit.crm import crm  # noqa: F401 (a fixture)
from kit.operator import PLACES
from kit.push import card_event
from kit.records import bonus_command, event_record
from kit.servers import ROOT
from kit.symptoms import SCENARIOS, SUBMIT, fails, fault, rows, system  # noqa: F401 (system is a fixture)
from kit.waiting import wait_for

USERINFO, UPDATE = "/card/membercard/userinfo/get", "/card/membercard/updateuser"

# Rows whose fault takes too long here, or servers of its own: the test that makes it.
ELSEWHERE = {
    "connections": "test_callback.py::test_too_many_connections_are_503",
    "hub-away": "test_token.py::test_a_hub_gives_the_token",
    "kafka-rights": "test_rights.py::test_every_program_runs_with_no_more_than_its_rights",
    "frozen-instance": "test_rebalance.py::test_a_lost_partition_is_not_committed",
    "upkeep": "test_growth.py::test_upkeep_that_fails_stops_nothing",
    "restored": "test_runbook.py::test_backup_and_restore",
    "state-lost": "test_runbook.py::test_a_state_topic_is_lost",
}


# What is written

def test_every_row_has_a_scenario_and_every_scenario_a_row():
    names = [row.name for row in rows()]
    assert sorted(names) == sorted([*SCENARIOS, *ELSEWHERE])


def test_a_row_asks_three_times_at_most_and_promises_words():
    for row in rows():
        assert 1 <= len(row.ask) <= 3, row.name
        assert row.says or row.name in ELSEWHERE, row.name


def test_what_is_tested_elsewhere_is():
    for node in ELSEWHERE.values():
        path, name = node.split("::")
        assert f"\ndef {name}(" in (ROOT / "tests/e2e" / path).read_text(encoding="utf-8"), node


@pytest.mark.deadline(240)
@pytest.mark.parametrize("group", dict.fromkeys(row.group for row in rows()))
def test_three_commands_name_the_cause(group, system):  # noqa: F811
    for row in [row for row in rows() if row.group == group and row.name in SCENARIOS]:
        begun = time.monotonic()
        make, names = SCENARIOS[row.name]
        healthy = system.operator.ask([c for c in row.ask if set(PLACES.findall(c)) <= {*names, ""}], names)
        story = make(system)
        names = {**names, **(next(story) or {})}
        said = system.operator.wait_told(row.ask, row.says, names)
        assert said and not all(word in healthy for word in row.says), f"{row.name}: it said so before\n{healthy}"
        mended = next(story, story) is not story
        assert mended == bool(row.cure), f"{row.name}: a cure is to be run, or there is none"
        for command in row.cure if mended else ():
            status, text = system.operator.run(command, names)
            assert status == 0, f"{row.name}: {command}: {status}\n{text}"
        assert next(story, story) is story
        print(f"{row.name}: {time.monotonic() - begun:.1f} s")


# A program does not start, or is not ready

def changed(s, changes=None, **sections):
    """The operator's settings are these."""
    s.operator.use(s.config.with_(changes, **sections))


@fault("settings")
def settings_have_a_word_too_many(s):
    changed(s, worker={"lane": 3})
    yield
    s.operator.use(s.config)


@fault("secret")
def a_secret_is_missing(s):
    changed(s, {"account demo": {"secret_file": str(s.folder / "gone")}})
    yield
    s.operator.use(s.config)


@fault("topic-missing")
def a_topic_is_missing(s):
    s.kafka.delete("result.bonus")
    yield
    yield
    assert "result.bonus" in s.kafka.topics()


@fault("partitions")
def partitions_differ(s):
    changed(s, topic={"partitions": 4})
    yield
    s.operator.use(s.config)


@fault("tables-old")
def a_migration_is_missing(s):
    s.db.query("CREATE TABLE kept AS SELECT * FROM schema_version; DELETE FROM schema_version ORDER BY version DESC LIMIT 1")
    yield
    s.db.query("DELETE FROM schema_version; INSERT INTO schema_version SELECT * FROM kept; DROP TABLE kept")
    yield


@fault("tables-new")
def a_migration_is_of_tomorrow(s):
    s.db.query("INSERT INTO schema_version (version, name, applied_at) VALUES (9999, 'x', NOW())")
    yield
    s.db.query("DELETE FROM schema_version WHERE version = 9999")


@fault("broker-away")
def the_broker_is_away(s):
    s.need("member")
    s.broker.freeze()
    yield
    s.broker.thaw()
    s.programs["member"].wait_ready()


@fault("database-away")
def the_database_is_away(s):
    s.need("member")
    s.db.server.stop()
    yield
    s.db.server.start()
    s.programs["member"].wait_ready()


@fault("database-rights")
def the_password_is_another(s):
    changed(s, mysql={"password_file": write_secret(s.folder / "wrong", "wrong")})
    yield
    s.operator.use(s.config)


@fault("clock")
def the_clock_is_wrong(s):
    """kabaoctl's, by ten minutes."""
    late = s.folder / "late.so"
    source = ("#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n"
              "int clock_gettime(clockid_t c, struct timespec *t)\n"
              '{ int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime"); int r = real(c, t);\n'
              "  if (c == CLOCK_REALTIME) t->tv_sec += 600; return r; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", late, "-xc", "-"], input=source, text=True, check=True)
    tool = s.folder / "tools/kabaoctl"
    before = tool.read_text(encoding="utf-8")
    preloads = ":".join(filter(None, (str(late), s.operator.env.get("LD_PRELOAD"))))
    tool.write_text(before.replace("exec ", f"LD_PRELOAD={preloads} ASAN_OPTIONS=verify_asan_link_order=0 exec "),
                    encoding="utf-8")
    yield
    tool.write_text(before, encoding="utf-8")


# Nothing arrives

@fault("callback-token")
def the_token_is_another(s):
    assert s.push().secure(card_event("user_get_card"), msg_signature="0" * 40).status == 403
    yield


@fault("callback-key")
def the_aes_key_is_another(s):
    assert s.push().secure(card_event("user_get_card"), aes_key=SECRETS["aes_key_previous"]).status == 400
    yield


@fault("push-mode")
def the_mode_is_another(s):
    s.need("ingress", changes={"account demo": {"push_mode": "secure"}})
    assert s.push().plain(card_event("user_get_card")).status == 403
    yield


@fault("unknown-account")
def the_address_has_no_account(s):
    push = s.push()
    push.account = "demon"
    assert push.secure(card_event("user_get_card")).status == 404
    yield


@fault("ingress-refuses")
def the_broker_does_not_acknowledge(s):
    push = s.push()
    s.broker.freeze()
    assert push.secure(card_event("user_get_card")).status == 503
    yield
    s.broker.thaw()
    wait_for(lambda: push.secure(card_event("user_get_card")).success, 30, "pushes to be taken")


@fault("ingress-dead")
def the_ingress_is_dead(s):
    s.need("ingress").kill()
    yield
    s.need("ingress")


@fault("replies-kept")
def the_rules_are_wrong(s):
    rules = s.folder / "rules.json"
    rules.write_text('{"rules": []}', encoding="utf-8")
    ingress = s.need("ingress", changes={"account demo": {"autoreply_file": str(rules)}})
    rules.write_text('{"rules": [{}]}', encoding="utf-8")
    ingress.signal(signal.SIGHUP)
    yield


# It arrives, and nothing happens

@fault("worker-dead", WORKER="member")
def the_worker_is_dead(s):
    s.need("token", "member")
    s.stop("member")
    s.tell("000001")
    yield
    s.need("member")
    s.kafka.wait_done("member", "event.wechat")


@fault("token-missing", WORKER="member")
def there_is_no_token(s):
    s.stop("token", "member")
    s.kafka.delete("state.token")
    s.kafka.create("state.token", cleanup_policy="compact")
    s.need("member")
    s.tell("000002")
    yield
    s.need("token")
    s.kafka.wait_done("member", "event.wechat")


@fault("seal-key", WORKER="member")
def the_seal_key_is_another(s):
    other = write_secret(s.folder / "other.key", "A" * 43 + "=")
    s.need("token")
    s.need("member", token={"seal_key_file": other})
    s.tell("000003")
    yield
    s.stop("member")
    s.need("member")


@fault("appsecret")
def the_secret_is_another(s):
    s.stop("token", "member")
    s.script({"path": "/cgi-bin/stable_token", "do": {"errcode": 40125}})
    s.kafka.delete("state.token")
    s.kafka.create("state.token", cleanup_policy="compact")
    s.need("token")
    yield
    s.script()
    s.stop("token")
    s.need("token")


@fault("crashes", WORKER="member")
def a_record_is_in_hand_when_the_worker_dies(s):
    worker = s.need("token", "member")
    s.kafka.wait_done("member", "event.wechat")
    s.script({"path": USERINFO, "times": 1, "do": {"delay_ms": 2500}})
    before = len(s.sim.requests(path=USERINFO))
    s.tell("000004")
    s.sim.wait_requests(before + 1, path=USERINFO)
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
    yield
    s.kafka.wait_done("member", "event.wechat")


@fault("behind", WORKER="member")
def it_falls_behind(s):
    s.need("member")
    s.script({"path": USERINFO, "do": {"delay_ms": 1500}})
    for n in range(30):
        s.tell(f"{n:06d}")
    yield
    s.script()
    s.kafka.wait_done("member", "event.wechat")


# One card, one person, one command

@fault("parked", WORKER="member")
def one_card_fails(s):
    s.need("token", "member")
    s.script(fails("000005"))
    s.tell("000005")
    yield
    s.script()
    yield
    wait_for(lambda: not s.db.rows("parked"), 30, "nothing parked")


@fault("dead-rejected", WORKER="member")
def wechat_says_no(s):
    s.need("token", "member")
    s.script(fails("000006", 40003))
    s.tell("000006")
    yield {"P:O": s.letter("member", "rejected"), "CODE": "000006"}
    s.script()
    yield
    assert not s.open_letters("member")


@fault("dead-malformed", WORKER="member")
def a_record_is_no_json(s):
    s.need("member")
    s.kafka.produce("event.wechat", "k", "{", event_record(SUBMIT, "000007")[2])
    yield {"P:O": s.letter("member", "malformed")}
    yield
    assert not s.open_letters("member")


@fault("dead-schema", WORKER="member")
def a_record_lacks_a_field(s):
    s.need("member")
    s.kafka.produce("event.wechat", "k", "{}", event_record(SUBMIT, "000008")[2])
    yield {"P:O": s.letter("member", "schema")}


@fault("dead-exhausted", WORKER="member")
def it_fails_too_often(s):
    s.need("token")
    s.need("member", worker={"max_attempts": 2})
    s.script(fails("000009"))
    s.tell("000009")
    yield {"P:O": s.letter("member", "exhausted")}
    s.script()
    yield
    s.kafka.wait_done("member", "redrive.member")
    s.need("member", worker={"crash_limit": 1})


@fault("dead-crash", WORKER="member")
def the_worker_dies_over_it(s):
    worker = s.need("member", worker={"crash_limit": 1})
    before = len(s.sim.requests(path=USERINFO))
    s.script({"path": USERINFO, "times": 1, "do": {"delay_ms": 2500}})
    s.tell("000010")
    s.sim.wait_requests(before + 1, path=USERINFO)
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
    yield {"P:O": s.letter("member", "crash")}


@fault("outcome-unknown", WORKER="command")
def nobody_knows(s):
    s.need("token", "command")
    s.script({"path": "/card/modifystock", "times": 1, "do": {"cut": "before"}})
    s.command("card.modify_stock", {"card_id": CARD_ID, "increase_stock_value": 1})
    yield {"P:O": s.letter("command", "outcome-unknown")}
    yield
    s.kafka.wait_done("command", "redrive.command")
    assert not s.open_letters("command")


@fault("command-rejected")
def wechat_refuses_a_command(s):
    s.need("command")
    s.script({"path": "/card/get", "times": 1, "do": {"errcode": 40073}})
    yield {"ID": s.command("card.get", {"card_id": CARD_ID})}


@fault("command-expired")
def a_command_is_late(s):
    s.need("command")
    yield {"ID": s.command("card.get", {"card_id": CARD_ID}, deadline="2026-01-02T03:04:05Z")}


@fault("bonus-rejected")
def points_are_refused(s):
    s.need("token", "bonus")
    s.script({"path": UPDATE, "times": 1, "do": {"errcode": 45022}})
    record = bonus_command("000011", "add", add_bonus=5)
    s.kafka.produce("cmd.bonus", *record)
    yield {"KEY": record[0]}


@fault("points-differ")
def the_card_shows_others(s):
    s.need("token", "bonus")
    s.kafka.produce("cmd.bonus", *bonus_command("000012", "add", add_bonus=5))
    s.db.wait_rows("bonus_entry", card_code="000012", outcome="applied")
    s.sim.foreign("000012", bonus=7)
    yield


@fault("api-refused")
def a_client_is_unknown(s):
    clients = write_clients(s.folder / "clients.ini", {"shop": {"token": "right"}})
    ingress = s.need("ingress", ingress={"api_tokens_file": clients})
    assert Api(ingress.listen, "wrong").command("card.get", {"card_id": CARD_ID}, "once").status == 401
    yield


# WeChat refuses

def a_path_closes(name, errcode, kind, path, body):
    @fault(name, WORKER="command")
    def closes(s):
        s.need("token", "command")
        s.script({"path": path, "times": 1, "do": {"errcode": errcode}})
        s.command(kind, body)
        yield
    return closes


a_path_closes("quota-day", 45009, "card.get", "/card/get", {"card_id": CARD_ID})
a_path_closes("quota-minute", 45011, "card.colors", "/card/getcolors", {})
a_path_closes("allow-list", 40164, "menu.get", "/cgi-bin/menu/get", {})
a_path_closes("permission", 48001, "user.info", "/cgi-bin/user/info", {"openid": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"})
a_path_closes("third-party", 61024, "menu.current", "/cgi-bin/get_current_selfmenu_info", {})


@fault("quota-own")
def ones_own_quota_is_used_up(s):
    changed(s, quota={USERINFO: "2/day"})
    s.need("token")
    s.need("member", quota={USERINFO: "2/day"})
    for n in range(3):
        s.tell(f"{n:06d}")
    yield
    s.operator.use(s.config)
    s.stop("member")
    s.db.query("DELETE FROM quota")
    s.need("member")


@fault("path-dark", WORKER="member")
def calls_get_no_answer(s):
    s.need("token", "member")
    s.script({"path": USERINFO, "do": {"cut": "before"}})
    for n in range(10, 20):
        s.tell(f"{n:06d}")
    yield
    s.script()
    wait_for(lambda: not s.db.rows("parked"), 60, "nothing parked")


@fault("wechat-away")
def wechat_cannot_be_reached(s):
    changed(s, wechat={"base_url": "http://127.0.0.1:9"})
    yield
    s.operator.use(s.config)


@fault("token-bad", WORKER="member")
def somebody_else_fetches_tokens(s):
    s.need("token", "member")
    s.sim.control("token/invalidate", {"appid": APPID, "sticky": True})
    s.tell("000001")
    yield


# Database

@fault("mysql-locks")
def somebody_holds_a_lock(s):
    s.need("store")
    with s.db.connect() as other:
        other.cursor().execute("LOCK TABLES wechat_event WRITE")
        s.tell("000001")
        yield
    s.db.wait_rows("wechat_event", card_code="000001")


@fault("mysql-data")
def the_database_refuses_a_value(s):
    s.need("store")
    s.tell("9" * 65)
    s.letter("store", "rejected")
    yield


# CRM

@fault("crm-5xx")
def the_crm_fails(s):
    s.need("crm")
    s.crm.on(status=502)
    s.tell("000001")
    yield
    s.crm.forget()
    wait_for(lambda: not s.db.rows("parked"), 30, "nothing parked")


@fault("crm-away")
def the_crm_is_away(s):
    s.need("crm")
    s.crm.on(cut=True)
    for n in range(10):
        s.tell(f"{n:06d}")
    yield
    s.crm.forget()
    s.kafka.wait_done("crm", "event.wechat")
    wait_for(lambda: not s.db.rows("parked"), 30, "nothing parked")


@fault("crm-refuses")
def the_crm_refuses(s):
    s.need("crm")
    s.crm.on(status=403)
    s.tell("000020")
    s.letter("crm", "rejected")
    yield
    s.crm.forget()
    yield


@fault("crm-answer")
def the_crm_answers_nonsense(s):
    s.need("crm")
    s.crm.on(body={"commands": [{"type": "kabao.bonus.change", "data": {}}]})
    s.tell("000021")
    s.letter("crm", "schema")
    yield
    s.crm.forget()
    yield


@fault("crm-gone")
def the_crm_wants_no_more(s):
    s.need("crm")
    s.crm.on(status=410)
    s.tell("000022")
    yield
    s.crm.forget()
    s.stop("crm")


# After an incident

def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@fault("pushes-lost")
def pushes_were_lost(s):
    s.need("token", "bonus")
    s.kafka.produce("cmd.bonus", *bonus_command("000013", "add", add_bonus=5))
    s.db.wait_rows("bonus_entry", card_code="000013", outcome="applied")
    s.sim.foreign("000013", bonus=7)
    yield


@fault("replay", WORKER="member")
def work_was_done_wrongly(s):
    s.need("token", "member")
    s.tell("000001")
    s.kafka.wait_done("member", "event.wechat")
    yield {"TIME": ago(3600)}


@fault("redrive", WORKER="member")
def letters_lie(s):
    s.need("token")
    s.need("member", worker={"max_attempts": 2})
    s.script(fails("000009"))
    s.tell("000009")
    s.letter("member", "exhausted")
    yield
    s.script()
    yield
    s.kafka.wait_done("member", "redrive.member")
