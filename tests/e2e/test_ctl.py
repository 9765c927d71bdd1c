# SPDX-License-Identifier: Apache-2.0
"""kabaoctl: check, migrate, tail, token, topics."""
import json

import pytest

from kit.config import APPID
from kit.population import accounts
from kit.program import run_tool
from kit.push import card_event


@pytest.fixture
def ctl(tmp_path, config, start_sim):
    """ctl("check"): runs kabaoctl with this test's settings over a simulator."""
    sim = start_sim(accounts())
    ini = config.with_(wechat={"base_url": sim.url}).write(tmp_path / "ctl.ini")

    def run(*words):
        return run_tool("kabaoctl", *words, "--config", ini)
    run.sim = sim
    return run


def lines(done):
    return {row["what"]: row for row in json.loads(done.stdout)}


def test_check_says_ok_line_by_line(apply, config, ctl):
    apply(config)
    done = ctl("check", "--json")
    assert done.returncode == 0, done.stdout
    assert {row["state"] for row in lines(done).values()} == {"OK"}
    assert {"settings", "account demo", "seal key", "broker", "topics", "database", "tables", "clock",
            "wechat"} <= set(lines(done))


def test_check_names_the_remedy_of_what_is_missing(ctl):
    done = ctl("check", "--json")
    assert done.returncode == 78
    found = lines(done)
    assert (found["topics"]["state"], found["tables"]["state"]) == ("FAIL", "FAIL")
    assert "kabaoctl topics apply" in found["topics"]["detail"]
    assert "kabaoctl migrate" in found["tables"]["detail"]


def test_check_without_broker_database_and_wechat(apply, config, ctl, broker, db):
    apply(config)
    broker.stop()
    db.server.stop()
    ctl.sim.kill()
    found = lines(ctl("check", "--json"))
    for what in ("broker", "database", "wechat"):
        assert found[what]["state"] == "FAIL"


def test_topics_are_planned_applied_and_then_in_order(ctl):
    plan = ctl("topics", "plan", "--json")
    assert plan.returncode == 78
    assert {row["state"] for row in json.loads(plan.stdout)} == {"create"}
    assert ctl("topics", "apply").returncode == 64, "without a terminal it needs --yes"
    assert ctl("topics", "apply", "--yes").returncode == 0
    plan = ctl("topics", "plan", "--json")
    assert plan.returncode == 0
    assert {row["state"] for row in json.loads(plan.stdout)} == {"ok"}


def test_a_topic_with_other_partitions_is_shown_and_left_alone(ctl, kafka):
    kafka.create("event.wechat", partitions=5)
    done = ctl("topics", "apply", "--yes", "--json")
    assert done.returncode == 78
    states = {row["topic"]: row["state"] for row in json.loads(done.stdout)}
    assert states[kafka.name("event.wechat")] == "partitions differ"
    assert kafka.topics()["event.wechat"] == 5


def test_migrate_twice_changes_nothing(ctl, db):
    assert ctl("migrate").returncode == 64
    first = ctl("migrate", "--yes")
    assert first.returncode == 0
    assert "V0001" in first.stdout
    tables = db.query("SHOW TABLES")
    again = ctl("migrate", "--yes")
    assert (again.returncode, again.stdout.strip()) == (0, "the database is up to date")
    assert db.query("SHOW TABLES") == tables


def test_tail_prints_records_by_key_and_type(apply, config, run, pusher, ctl, kafka):
    apply(config)
    push = pusher(run("ingress", config))
    for code in ("1", "2"):
        assert push.secure(card_event("user_get_card", code=code)).success
        assert push.secure(card_event("user_del_card", code=code)).success
    done = ctl("tail", "event.wechat", "--from", "beginning", "--max", "1", "--json", "--type", "kabao.wechat.user_del*",
               "--key", f"{APPID}:{card_event('x')['CardId']}:2")
    assert done.returncode == 0, done.stderr
    (record,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert record["topic"] == kafka.name("event.wechat")
    assert record["headers"]["ce_type"] == "kabao.wechat.user_del_card"
    assert record["value"]["card_code"] == "2"
    text = ctl("tail", kafka.name("event.wechat"), "--from", "2020-01-01T00:00:00Z", "--max", "4").stdout
    assert text.count("kabao.wechat.user_get_card") >= 2
    openid = card_event("x")["FromUserName"]
    assert openid not in text and '"card_code":"2"' in text
    shown = ctl("tail", "event.wechat", "--from", "beginning", "--max", "4", "--reveal").stdout
    assert shown.count(openid) >= 4


def test_words_that_make_no_sense_are_usage_errors(ctl):
    for words in (("nothing",), (), ("tail",), ("topics", "drop"), ("tail", "x", "--from", "yesterday"),
                  ("check", "--max", "3")):
        assert ctl(*words).returncode == 64, words
