# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboards: what they ask for exists, each alert has its page of the run book, fires in a real fault and
clears after its cure (kit/prometheus.py)."""
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Consumer
from kit.config import APPID, write_secret
from kit.counter import LOST, Counter
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.kafka import close
from kit.oldsystem import oldsystem  # noqa: F401 (a fixture)
from kit.population import accounts, member
from kit.probe import QUICK_GROUP, place  # noqa: F401 (a fixture)
from kit.prometheus import Story, catalog, problems_of, rules
from kit.push import card_event
from kit.records import event_record
from kit.servers import ROOT
from kit.thread import StoppedThread, threads
from kit.tools import call, needs
from kit.waiting import wait_for

GRAFANA = ROOT / "deploy/grafana"
BOARDS = ("flow", "workers", "wechat", "mysql")
USERINFO, TOKEN = "/card/membercard/userinfo/get", "/cgi-bin/stable_token"
SUBMIT = "submit_membercard_user_info"
FIRED = set()  # what the tests of faults have had fire


def fires(*alerts):
    """What a test of a fault has fire and clear; it gets them as `story.judge(*alerts)`."""
    FIRED.update(alert if isinstance(alert, str) else alert[0] for alert in alerts)
    return pytest.mark.parametrize("alerts", [alerts], ids=[""])


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path)


# What is written down

def test_alerts_ask_for_what_exists():
    found = {rule["alert"]: problems_of(rule["expr"], catalog()) for rule in rules()}
    assert not any(found.values()), found


def test_prometheus_takes_the_sample():
    call(needs("promtool"), "check", "config", ROOT / "deploy/prometheus/prometheus.yml")


def test_each_alert_has_its_page_and_each_page_its_alert():
    text = (ROOT / "deploy/RUNBOOK.md").read_text(encoding="utf-8")
    part = re.search(r"^## Alerts$(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    assert re.findall(r"^### (\w+)$", part, re.M) == [rule["alert"] for rule in rules()]
    for section in re.split(r"^### ", part, flags=re.M)[1:]:
        assert re.findall(r"^\*(\w+)\*", section, re.M) == ["Means", "Look", "Do"], section
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"].endswith(f"/RUNBOOK.md#{rule['alert'].lower()}")


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_ask_for_what_exists(name, tmp_path):
    board = json.loads((GRAFANA / f"{name}.json").read_text(encoding="utf-8"))
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert {"datasource", "account" if name in ("flow", "wechat") else "program"} <= variables
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        for target in panel["targets"]:
            assert problems_of(target["expr"], catalog()) == [], panel["title"]
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables | {"__rate_interval"}, panel["title"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            source, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            assert problems_of(f"sum by ({label}) ({source})", catalog()) == []
    path = tmp_path / "panels.yaml"
    path.write_text(as_rules(board), encoding="utf-8")
    call(needs("promtool"), "check", "rules", path)


def as_rules(board):
    """Its expressions as promtool takes them: it knows none of Grafana's variables of time."""
    expressions = [target["expr"].replace("$__rate_interval", "1m") for panel in board["panels"] for target in panel["targets"]]
    return json.dumps({"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]}]})


def test_every_metric_is_on_a_dashboard():
    text = "".join((GRAFANA / f"{name}.json").read_text(encoding="utf-8") for name in BOARDS)
    assert [name for name in catalog() if name not in text] == []


def test_every_alert_is_had_to_fire():
    assert {rule["alert"] for rule in rules()} == FIRED


# Faults

@fires("KabaoIngressRefuses", "KabaoAckSlow", "KabaoPushesNotUnderstood", "KabaoDown",
       ("KabaoProgramMissing", {"program": "kabao-ingress"}))
def test_pushes_are_not_taken(story, alerts, apply, config, run, pusher, broker):
    """A frozen broker; a wrong token; a dead ingress."""
    apply(config)
    ingress = run("ingress", config)
    push = pusher(ingress)
    assert push.secure(card_event(SUBMIT, code="0")).success
    story.scrape("before", ingress)

    broker.freeze()
    replies = {}
    threading.Thread(target=lambda: replies.update(late=push.secure(card_event(SUBMIT, code="1")))).start()
    time.sleep(1.5)  # the second is to be as late as is just taken
    slow = threading.Thread(target=lambda: replies.update(slow=push.secure(card_event(SUBMIT, code="2"))))
    slow.start()
    wait_for(lambda: "late" in replies, 10, "the first to be refused")
    broker.thaw()
    slow.join(20)
    assert replies["late"].status == 503 and replies["slow"].success, replies
    story.scrape("fault", ingress)
    assert all(push.secure(card_event(SUBMIT), msg_signature="0" * 40).status == 403 for _ in range(5))
    story.scrape("fault", ingress)
    ingress.kill()
    story.scrape("fault", ingress)

    ingress.start()
    wait_for(lambda: push.secure(card_event(SUBMIT, code="3")).success, 30, "pushes to be taken")
    story.scrape("cured", ingress)
    story.judge(*alerts, others=["KabaoProgramMissing"])  # of programs that this story is not about


@fires("KabaoLagOld", "KabaoWorkerStandsStill", "KabaoMysqlErrors", "KabaoMoreInstancesUseful", "KabaoPollAge")
def test_a_worker_stands_still(story, alerts, place, db):
    """The database goes away while an hour's records are to be done; then the pump hangs."""
    place.open(3, worker={"lanes": 2, "max_inflight": 4})
    program = place.start()
    place.wait_completed(place.send(place.script("put", number) for number in range(30)))
    wait_for(lambda: program.metric("kabao_consumer_lag_records") == 0, 10, "no lag")
    story.scrape("before", program)

    db.server.stop()
    for number in range(60):
        script = place.script("put", number)
        place.kafka.produce("event.wechat", script.key, script.value, script.headers,
                            timestamp_ms=int(time.time() * 1000) - 3600_000)
    program.wait_metric("kabao_useful_replicas", 3)
    program.wait_metric("kabao_mysql_errors_total")
    story.scrape("fault", program)
    before = program.metric("kabao_mysql_errors_total", code="2002")
    (child,) = program.children()
    with StoppedThread(threads(child)[1]):  # main makes the pump first
        program.wait_metric("kabao_poll_age_seconds", 10.1)
        program.wait_metric("kabao_mysql_errors_total", before + 7, code="2002")
        story.scrape("fault", program)

    db.server.start()
    place.kafka.wait_done("probe", "event.wechat")
    wait_for(lambda: program.metric("kabao_consumer_lag_records") == 0, 10, "no lag")
    story.scrape("cured", program)
    story.judge(*alerts, others=["KabaoProgramMissing"])


@fires("KabaoKeysParked", "KabaoParkedKeysGrow", "KabaoDeadLetters", "KabaoOutcomeUnknown", "KabaoRestarts")
def test_records_fail(story, alerts, place):
    """Keys that fail, a record that is refused, a call whose answer was lost, a worker that is killed."""
    place.open(1, worker={"lanes": 4, "park_after_ms": 200, "drain_timeout_ms": 3000, "crash_limit": 100})
    counter = Counter().start()
    program = place.start()
    place.wait_completed(place.send([place.script()]))
    story.scrape("before", program)

    place.send(place.script("retry", f"fails-{n}", Until="healed") for n in range(8))
    lost = place.effect(counter.url, "lost", Nature="once")
    counter.plan[lost.seq] = [LOST]
    place.send([place.script("reject", "refused"), lost])
    program.wait_metric("kabao_parked_keys", 8)
    program.wait_metric("kabao_dlq_total", 2)
    story.scrape("fault", program)
    for _ in range(3):
        started = program.metric("kabao_start_time_seconds")
        place.kill_child(program)
        wait_for(lambda: is_new(program, started), 20, "another child")  # noqa: B023
        story.scrape("fault", program, minutes=4)
    story.scrape("fault", program)

    place.heal("healed")
    program.wait_ready()
    wait_for(lambda: not place.parked() and program.metric("kabao_parked_keys") == 0, 30, "nothing parked")
    story.scrape("cured", program)
    story.judge(*alerts, others=["KabaoProgramMissing"])
    counter.stop()


def is_new(program, started):
    return program.probe("/metrics") == 200 and program.metric("kabao_start_time_seconds") != started


@fires("KabaoRebalances", "KabaoLateResults")
def test_a_group_without_rest(story, alerts, place):
    """A member comes and goes; one handler is deaf to the loss of its partition."""
    place.open(1, worker={"lanes": 4, "revoke_drain_ms": 100}, kafka={**QUICK_GROUP, "heartbeat.interval.ms": 100})
    program = place.start()
    place.wait_completed(place.send([place.script()]))
    story.scrape("before", program)

    for _ in range(5):
        with Guest(place, program):
            pass
    (deaf,) = place.send([place.script("hang", "deaf", Until="ended")])
    place.wait_begun(deaf)
    with Guest(place, program):
        place.heal("ended")
        program.wait_metric("kabao_late_results_dropped_total")
    place.wait_completed([deaf])
    story.scrape("fault", program)

    place.wait_committed()
    story.scrape("cured", program)
    story.judge(*alerts, others=["KabaoProgramMissing"])


class Guest:
    """A stranger in the worker's group, for a moment."""

    def __init__(self, place, program):
        self.program = program
        self.names = [place.kafka.name(topic) for topic in ("event.wechat", "redrive.probe")]
        self.settings = {"bootstrap.servers": place.kafka.bootstrap, "group.id": f"{place.kafka.prefix}-probe",
                         "partition.assignment.strategy": "range", "session.timeout.ms": 3000,
                         "heartbeat.interval.ms": 100, "enable.auto.commit": False, "log_level": 2}

    def assigned(self):
        return self.program.metric("kabao_rebalances_total", type="assigned")

    def __enter__(self):
        self.before = self.assigned()
        self.consumer = Consumer(self.settings)
        self.consumer.subscribe(self.names)
        wait_for(lambda: self.consumer.poll(0.02) or self.assigned() > self.before, 20, "a rebalance")

    def __exit__(self, *_):
        before = self.assigned()
        close(self.consumer)
        wait_for(lambda: self.assigned() > before, 20, "another rebalance")


@fires("KabaoWechatErrors", "KabaoTokenForced", "KabaoPathClosed")
def test_wechat_refuses(story, alerts, apply, config, run, start_sim, kafka, db):
    """Tokens that somebody else makes worthless; a path that is busy, and one that closes."""
    sim = start_sim(accounts(*(member(code=str(n)) for n in range(20)), forced_interval_s=0))
    config = config.with_(wechat={"base_url": sim.url}, token={"force_interval_s": 1})
    apply(config)
    programs = token, worker = run("token", config), run("member", config)
    codes = iter(range(20))

    def tell(count):
        for _ in range(count):
            kafka.produce("event.wechat", *event_record(SUBMIT, str(next(codes))))

    tell(2)
    worker.wait_metric("kabao_wechat_requests_total", 2, errcode="0")
    story.scrape("before", *programs)

    for forced in (1, 2):
        sim.control("token/invalidate", {"appid": APPID, "sticky": True})
        tell(1)
        token.wait_metric("kabao_token_fetch_total", forced, cause="forced")
        worker.wait_metric("kabao_processed_total", 2 + forced, outcome="ok")
    story.scrape("fault", *programs)
    sim.control("script", [{"path": USERINFO, "do": {"errcode": -1}}])
    tell(3)
    worker.wait_metric("kabao_wechat_requests_total", 3, errcode="-1")
    story.scrape("fault", *programs)
    worker.wait_metric("kabao_wechat_requests_total", 6, errcode="-1")
    story.scrape("fault", *programs)
    sim.control("script", [{"path": USERINFO, "times": 1, "do": {"errcode": 45009}}])
    worker.wait_metric("kabao_quota_blocked_seconds", 1, api=USERINFO)
    story.scrape("fault", *programs)

    for program in programs:
        program.stop()
    db.query("DELETE FROM quota")  # the day ends: WeChat's own limit, which nobody here can wait for
    for program in programs:
        program.start()
    kafka.wait_done("member", "event.wechat")
    story.scrape("cured", *programs)
    story.judge(*alerts, others=["KabaoProgramMissing", "KabaoWorkerStandsStill"])


@fires("KabaoTokenOld")
def test_a_token_is_not_replaced(story, alerts, apply, config, run, start_sim, kafka):
    """WeChat gives no token for hours. Their passing is what stands in state.token: the record that kabao-token itself
    wrote, three hours older."""
    sim = start_sim(accounts())
    config = config.with_(wechat={"base_url": sim.url})
    apply(config)
    token, worker = run("token", config), run("member", config)
    worker.wait_metric("kabao_token_age_seconds", 0)
    (record,) = [record for record in kafka.wait("state.token") if record.key == f"{APPID}:access_token"]
    story.scrape("before", token, worker)

    token.stop()
    worker.stop()
    kafka.delete("state.token")
    kafka.create("state.token", cleanup_policy="compact")
    then = datetime.now(UTC) - timedelta(hours=3)
    times = {"fetched_at": then, "expires_at": then + timedelta(hours=2)}
    value = {**record.json, **{name: at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for name, at in times.items()}}
    kafka.produce("state.token", record.key, value, record.headers)
    sim.control("script", [{"path": TOKEN, "do": {"status": 502}}])
    token.start()
    worker.start()
    worker.wait_metric("kabao_token_age_seconds", 10000)
    story.scrape("fault", token, worker)

    sim.control("script", [])
    wait_for(lambda: worker.metric("kabao_token_age_seconds") < 60, 30, "a new token")
    story.scrape("cured", token, worker)
    story.judge(*alerts, others=["KabaoProgramMissing"])


@fires("KabaoCrmFails", "KabaoCrmGone")
def test_the_crm_fails(story, alerts, apply, config, run, kafka, crm, tmp_path):  # noqa: F811
    """500 to all, then 410 to one type."""
    crm.secrets = [SECRET]
    config = config.with_(crm={"url": crm.url, "secret_file": write_secret(tmp_path / "crm.secret", SECRET),
                               "events": "kabao.wechat.*"})
    apply(config)
    program = run("crm", config)
    kafka.produce("event.wechat", *event_record("user_get_card", "0"))
    program.wait_metric("kabao_crm_requests_total", status="200")
    story.scrape("before", program)

    crm.on(status=500)
    for code in "123":
        kafka.produce("event.wechat", *event_record("user_get_card", code))
    for count in (2, 4):
        program.wait_metric("kabao_crm_requests_total", count, status="500")
        story.scrape("fault", program)
    crm.forget()
    kafka.wait_done("crm", "event.wechat")
    crm.on(status=410)
    kafka.produce("event.wechat", *event_record("user_del_card", "4"))
    program.wait_metric("kabao_crm_gone_total")
    story.scrape("fault", program)

    crm.forget()
    program.stop()
    program.start()
    kafka.produce("event.wechat", *event_record("user_del_card", "5"))
    program.wait_metric("kabao_crm_requests_total", status="200")
    story.scrape("cured", program)
    story.judge(*alerts, others=["KabaoProgramMissing"])


@fires(("KabaoOldSystemFails", {"account": "demo"}))
def test_the_old_system_fails(story, alerts, apply, config, run, kafka, oldsystem):  # noqa: F811
    old = oldsystem("compatible")
    config = config.with_({"account demo": {"forward_url": old.url}})
    apply(config)
    program = run("forward", config)
    kafka.produce("event.wechat", *event_record("user_get_card", "0"))
    program.wait_metric("kabao_forward_requests_total", outcome="taken")
    story.scrape("before", program)

    rule = old.on(status=500)
    for code in "123":
        kafka.produce("event.wechat", *event_record("user_get_card", code))
    for _ in range(2):
        seen = program.metric("kabao_forward_requests_total", outcome="failed") or 0
        program.wait_metric("kabao_forward_requests_total", seen + 2, outcome="failed")
        story.scrape("fault", program)
    old.forget(rule)
    kafka.wait_done("forward", "event.wechat")
    story.scrape("cured", program)
    story.judge(*alerts, others=["KabaoProgramMissing"])
