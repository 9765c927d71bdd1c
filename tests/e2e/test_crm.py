# SPDX-License-Identifier: Apache-2.0
"""kabao-crm: every event of the configured types reaches the CRM, signed and in the order of its card; what the CRM
answers with reaches its topic, once."""
import email.utils
import hashlib
import json
import os
import subprocess
import time

import pytest
from confluent_kafka import KafkaException
from kit.config import APPID, CARD_ID, write_secret
from kit.crm import SECRET, SECRET_PREVIOUS, crm  # noqa: F401 (crm is a fixture)
from kit.probe import QUICK_GROUP
from kit.scale import count
from kit.waiting import wait_for

ACTIVATED = "kabao.card.activated"
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
NO_SECRETS = [secret.removeprefix("whsec_") for secret in (SECRET, SECRET_PREVIOUS)]


class System:
    def __init__(self, config, run, crm, kafka):
        self.config, self.run, self.crm, self.kafka = config, run, crm, kafka
        self.ids = 0
        self.worker = None

    def start(self):
        self.worker = self.run("crm", self.config)
        return self.worker

    def tell(self, code, ce_type=ACTIVATED, topic="event.activation", value=None, **headers):
        """One record, as some worker would have produced it; its ce_id."""
        self.ids += 1
        if value is None:
            value = {"account": "demo", "appid": APPID, "card_id": CARD_ID, "card_code": code, "n": self.ids}
        named = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": f"{self.ids:032x}",
                 "ce_source": f"/wechat/{APPID}", "ce_type": ce_type, "ce_time": "2026-01-02T03:04:05.678Z",
                 "ce_subject": code, "ce_appid": APPID,
                 "traceparent": f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01", **headers}
        named = {name: text for name, text in named.items() if text is not None}
        self.kafka.produce(topic, f"{APPID}:{CARD_ID}:{code}", value, named)
        return named.get("ce_id")

    def tell_all(self, numbers, cards):
        """So many for each card, by turns: {code: [ce_id, ...]} in order."""
        told = {code: [] for code in cards}
        for _ in range(numbers):
            for code in cards:
                told[code].append(self.tell(code))
        return told

    def wait_done(self):
        self.kafka.wait_done("crm", "event.activation")

    def letters(self, enough):
        """Dead letters by ce_id."""
        return {letter.id: letter for letter in self.kafka.wait("dlq.crm", enough)}

    def no_letters(self):
        assert self.kafka.read("dlq.crm") == []

    def in_order(self, told):
        """All were taken, each in its turn and once."""
        for code, ids in told.items():
            assert [w.id for w in self.crm.of(subject=code, answered=200)] == ids, code

    def in_order_of_first(self, told):
        """The same where some came again, as after a crash."""
        for code, ids in told.items():
            assert list(dict.fromkeys(w.id for w in self.crm.of(subject=code, answered=200))) == ids, code


@pytest.fixture
def system(apply, config, run, crm, kafka, tmp_path):
    systems = []
    records = kafka

    def make(start=True, secrets=(SECRET,), worker=None, kafka=None, **settings):
        crm.secrets = list(secrets)
        names = ("secret_file", "secret_previous_file")
        files = {name: write_secret(tmp_path / name, secret) for name, secret in zip(names, secrets)}
        ready = config.with_(crm={"url": crm.url, "timeout_ms": 3000, **files, **settings}, worker=worker or {},
                             kafka=kafka or {})
        systems.append(System(ready, run, crm, records))
        if start:
            apply(ready)
            systems[-1].start()
        return systems[-1]

    yield make
    for s in systems:
        if s.worker is not None:
            s.worker.check_log(NO_SECRETS)


# What goes out

def test_the_configured_types_arrive_signed_and_as_they_are(system, kafka):
    s = system(events="kabao.member.changed kabao.card.* kabao.activation.* kabao.bonus.changed kabao.binding.*"
                      " kabao.wechat.user_pay_from_pay_cell")
    value = '{ "account":"demo", "小明":"\\u0041\\/é😀", "fee": 1.50, "big":12345678901234567890, "e":1E+2 }'
    sent = {s.tell("1", ce_type, topic, value): ce_type for ce_type, topic in (
        ("kabao.member.changed", "state.member"), (ACTIVATED, "event.activation"),
        ("kabao.activation.requested", "event.activation"), ("kabao.activation.pending", "event.activation"),
        ("kabao.bonus.changed", "result.bonus"), ("kabao.binding.bound", "event.binding"),
        ("kabao.wechat.user_pay_from_pay_cell", "event.wechat"))}
    s.tell("1", "kabao.wechat.user_get_card", "event.wechat")
    s.tell("1", "kabao.wechat.user_view_card", "event.wechat", "this is no JSON")
    s.tell("1", "kabao.member.imported", "state.member")
    kafka.produce("state.member", f"{APPID}:{CARD_ID}:1", None)
    s.worker.wait_metric("kabao_processed_total", len(sent), outcome="ok")
    s.worker.wait_metric("kabao_processed_total", 4, outcome="ignored")
    webhooks = s.crm.of()
    assert {w.id: w.type for w in webhooks} == sent and len(webhooks) == len(sent)
    for w in webhooks:
        assert w.body.endswith(b'"data":' + value.encode() + b"}"), w.body
        assert (w.json["source"], w.json["subject"], w.json["time"]) == (f"/wechat/{APPID}", "1",
                                                                          "2026-01-02T03:04:05.678Z")
    assert s.worker.metric("kabao_crm_requests_total", status="200") == len(sent)
    (w,) = s.crm.of(type=ACTIVATED)
    (record,) = [r for r in kafka.read("event.activation") if r.id == w.id]
    assert w.headers["traceparent"].split("-")[1] == record.header("traceparent").split("-")[1]
    s.no_letters()


def test_what_has_no_identity_is_a_dead_letter(system):
    s = system()
    s.tell("1", ce_id=None)
    fine = s.tell("1", ce_subject=None, ce_time=None)
    (letter,) = s.kafka.wait("dlq.crm", 1)
    assert letter.header("dlq-reason") == "malformed"
    (w,) = s.crm.wait(1)
    assert w.id == fine and not {"subject", "time"} & set(w.json)


def test_both_secrets_sign_while_one_replaces_the_other(system):
    s = system(secrets=(SECRET, SECRET_PREVIOUS))
    s.tell("1")
    (w,) = s.crm.wait(1)
    assert [w.signed_by(secret) for secret in (SECRET, SECRET_PREVIOUS)] == [True, True]
    assert w.problems == []


def test_it_does_not_start_without_an_address_or_a_secret(system, run, tmp_path):
    s = system(start=False)
    short = write_secret(tmp_path / "short", "whsec_c2hvcnQ=")
    for change in ({"url": None}, {"secret_file": None}, {"secret_file": short}, {"url": "http://crm.example/hooks"}):
        worker = run("crm", s.config.with_(crm=change), ready=False)
        assert worker.wait_exit() == 78, change
        assert "c2hvcnQ=" not in worker.log_text()


# Order, and a CRM that fails

def test_a_failing_card_delays_nobody_and_keeps_its_order(system):
    s = system(max_inflight=4)
    failing = s.crm.on(lambda w: w.json["subject"] == "bad", status=500)
    told = s.tell_all(count(100, 10), ["a", "b", "bad", "c"])
    wait_for(lambda: len(s.crm.of(answered=200)) == 3 * len(told["a"]), 30, "the others")
    tries = s.crm.wait(3, subject="bad")
    assert {w.id for w in tries} == {told["bad"][0]}, "webhook-id is the same over all tries, and none overtakes"
    s.crm.forget(failing)
    s.wait_done()
    s.in_order(told)
    s.no_letters()


def test_while_the_crm_is_away_everything_waits_and_no_attempt_counts(system):
    s = system(worker={"max_attempts": 3})
    before = s.tell_all(1, ["a", "b"])
    s.wait_done()
    s.crm.stop()
    told = s.tell_all(3, [f"{n}" for n in range(8)])
    wait_for(lambda: s.worker.log_lines("crm.dark"), 30, "the CRM is taken for away")
    s.worker.wait_metric("kabao_crm_requests_total", count(60, 7), count(90, 30), status="http:connect")
    s.crm.start()
    s.wait_done()
    s.in_order(before | told)
    assert len(s.crm.of()) == 2 + 3 * 8
    assert s.worker.metric("kabao_retries_total") in (None, 0)
    s.no_letters()


def once_a_second(crm, times):
    at = [w.at for w in crm.of()][-times - 1:]
    return len(at) > times and all(0.9 < b - a < 3 for a, b in zip(at, at[1:]))


def test_a_crm_behind_a_failing_gateway_is_asked_once_a_second(system):
    s = system(worker={"max_attempts": 20})
    down = s.crm.on(status=502, body="<html>bad gateway</html>")
    told = s.tell_all(2, [f"{n}" for n in range(12)])
    wait_for(lambda: s.worker.log_lines("crm.dark"), 30, "the CRM is taken for away")
    wait_for(lambda: once_a_second(s.crm, 1), 30, "all but one a second waits")
    retries = s.worker.metric("kabao_retries_total")
    wait_for(lambda: once_a_second(s.crm, count(10, 3)), 60, "one a second")
    assert s.worker.metric("kabao_retries_total") == retries, "no attempt counts"
    s.crm.forget(down)
    s.wait_done()
    s.in_order(told)
    s.no_letters()


def test_passing_faults_are_tried_again(system):
    s = system(timeout_ms=500)
    faults = {"hang": {"hang": 30}, "cut": {"cut": True}, "half": {"cut": "half"}, "garbage": {"garbage": True},
              "500": {"status": 500}, "503": {"status": 503}, "408": {"status": 408}}
    for name, fault in faults.items():
        s.crm.on(lambda w, name=name: w.json["subject"] == name, times=1, **fault)
    told = {name: [s.tell(name)] for name in faults}
    s.wait_done()
    for name, (id,) in told.items():
        assert {w.id for w in s.crm.of(subject=name)} == {id}
        assert len(s.crm.of(subject=name)) == 2, name
    first, again = s.crm.of(subject="hang")
    assert 0.5 <= again.at - first.at < 12, "timeout_ms, and the wait"
    s.in_order(told)
    s.no_letters()


def http_date(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def test_retry_after_counts_for_the_whole_crm(system):
    """As seconds with 429, as a date with 503."""
    s = system(worker={"max_attempts": 2})
    told = {}
    for number, (status, after) in enumerate(((429, lambda: "2"), (503, lambda: http_date(3))), 1):
        closing = s.crm.on(times=1, status=status, headers={"Retry-After": after()})
        told |= s.tell_all(1, [f"{status}"])
        (asked,) = s.crm.wait(1, subject=f"{status}")[:1]
        wait_for(lambda: len(s.worker.log_lines("crm.closed")) == number, 10, "the CRM is closed")
        told |= s.tell_all(2, [f"b{status}", f"c{status}"])
        s.wait_done()
        s.crm.forget(closing)
        later = [w.at - asked.at for w in s.crm.of() if w.at > asked.at]
        assert 1.9 < min(later) < 6, later
    s.in_order(told)
    assert len(s.crm.of()) == 12
    assert s.worker.metric("kabao_retries_total") in (None, 0)
    s.no_letters()


def test_retry_after_with_another_failure_counts_for_its_card(system):
    s = system()
    s.crm.on(lambda w: w.json["subject"] == "a", times=1, status=500, headers={"Retry-After": "2"})
    told = s.tell_all(1, ["a"])
    (asked,) = s.crm.wait(1)
    told |= s.tell_all(1, ["b"])
    (other,) = s.crm.wait(1, subject="b")
    assert other.at - asked.at < 1.5
    s.wait_done()
    assert s.crm.of(subject="a")[1].at - asked.at > 1.9
    s.in_order(told)


def test_a_crm_that_takes_its_time_gets_max_inflight_at_a_time(system):
    s = system(max_inflight=2)
    s.crm.on(hang=0.3)
    begun = time.monotonic()
    told = s.tell_all(1, [f"{n}" for n in range(8)])
    s.wait_done()
    s.in_order(told)
    times = sorted(w.at for w in s.crm.of())
    assert all(c - a > 0.25 for a, c in zip(times, times[2:])), [at - begun for at in times]


# Refusals

def test_410_stops_that_type_until_the_program_restarts(system):
    s = system(max_inflight=4)
    gone = s.crm.on(lambda w: w.type == ACTIVATED, status=410)
    first = s.tell("a")
    assert s.letters(1).keys() == {first}
    more = [s.tell(code) for code in ("a", "b", "c")]
    other = s.tell("a", "kabao.activation.requested")
    letters = s.letters(4)
    assert letters.keys() == {first, *more}
    assert {(r.header("dlq-reason"), r.header("dlq-error-code")) for r in letters.values()} == {("rejected", "crm:410")}
    s.crm.wait(1, id=other)
    assert len(s.crm.of(type=ACTIVATED)) == 1, "asked once"
    (line,) = s.worker.log_lines("crm.gone")
    assert line["level"] == "error"
    assert s.worker.metric("kabao_crm_gone_total", type=ACTIVATED) == 1
    s.worker.stop()
    s.crm.forget(gone)
    s.start()
    again = s.tell("a")
    s.crm.wait(1, id=again, answered=200)


def test_a_refusal_is_a_dead_letter_and_a_redirect_is_not_followed(system):
    s = system()
    codes = (302, 307, 400, 401, 404, 422)
    ids = {}
    for code in codes:
        s.crm.on(lambda w, code=code: w.json["subject"] == f"{code}", status=code, body={"openid": OPENID},
                 headers={"Location": s.crm.url, "Retry-After": "60"})
        ids[s.tell(f"{code}")] = code
    fine = s.tell("fine")
    letters = s.letters(len(codes))
    assert {id: (r.header("dlq-reason"), r.header("dlq-error-code")) for id, r in letters.items()} == {
        id: ("rejected", f"crm:{code}") for id, code in ids.items()}
    s.crm.wait(1, id=fine)
    assert len(s.crm.of()) == len(codes) + 1, "each is asked once"
    assert OPENID not in s.worker.log_text() + "".join(r.header("dlq-error-message") for r in letters.values())


# Commands in the answer

def bonus(code="018255396048", **more):
    return {"type": "kabao.bonus.change", "data": {"account": "demo", "card_id": CARD_ID, "card_code": code,
                                                   "mode": "add", "add_bonus": 10, "record_bonus": "生日 \"礼物\"", **more}}


def ticket(**more):
    return {"type": "kabao.activation.ticket", "data": {"account": "demo", "card_id": CARD_ID, **more}}


def call(type, data_type=None, **data):
    """A command to WeChat; its type stands in the data only where data_type says so."""
    return {"type": f"kabao.command.{type}",
            "data": {"account": "demo", **({"type": data_type} if data_type else {}), **data}}


def derived(webhook_id, place):
    return hashlib.sha256(f"{webhook_id}\x1fcommand/{place}".encode()).hexdigest()[:32]


def test_commands_of_the_answer_reach_their_topics_once(system, kafka):
    s = system()
    commands = [bonus(), ticket(card_code="7", membership_number="M7"), ticket(encrypt_code="e/+=", openid=OPENID),
                ticket(encrypt_code="e/+="), bonus("9")]
    s.crm.on(times=1, body={"ok": True, "commands": commands})
    s.crm.on(body="\ufeff" + json.dumps({"commands": commands}, indent=1))
    webhook_id = s.tell("018255396048")
    s.wait_done()
    (asked,) = kafka.read("event.activation")
    kafka.again("event.activation", asked)
    s.wait_done()
    assert [w.id for w in s.crm.of()] == [webhook_id] * 2
    changes, tickets = kafka.read("cmd.bonus"), kafka.read("cmd.activation")
    assert (len(changes), len(tickets)) == (4, 6)
    by_id = {r.id: r for r in changes + tickets}
    assert by_id.keys() == {derived(webhook_id, place) for place in range(5)}, "a second delivery is the same commands"
    keys = [f"{APPID}:{CARD_ID}:018255396048", f"{APPID}:{CARD_ID}:7", f"{APPID}:{OPENID}",
            f"{APPID}:{hashlib.sha256(b'e/+=').hexdigest()}", f"{APPID}:{CARD_ID}:9"]
    for place, command in enumerate(commands):
        record = by_id[derived(webhook_id, place)]
        assert record.key == keys[place]
        assert record.json == command["data"]
        assert record.header("ce_type") == command["type"]
        assert record.header("ce_subject") == command["data"].get("card_code")
        assert record.header("traceparent").split("-")[1] == asked.header("traceparent").split("-")[1]
    s.no_letters()


def test_an_answer_may_ask_for_any_call_to_wechat(system, kafka):
    s = system(events="kabao.card.* kabao.wechat.*")
    commands = [call("card.get", body={"card_id": CARD_ID, "未知": "é😀"}),
                call("card.delete", "card.delete", confirm=True, body={"card_id": CARD_ID}, reply_to="crm.results"),
                call("card.colors"), bonus()]
    s.crm.on(body={"commands": commands})
    of_a_card = s.tell("7")
    kafka.produce("event.wechat", None, {"account": "demo"}, {
        "content-type": "application/json", "ce_specversion": "1.0", "ce_id": "keyless", "ce_source": f"/wechat/{APPID}",
        "ce_type": "kabao.wechat.text", "ce_appid": APPID})
    s.wait_done()
    kafka.wait_done("crm", "event.wechat")
    records = {r.id: r for r in kafka.read("cmd.wechat")}
    assert records.keys() == {derived(id, place) for id in (of_a_card, "keyless") for place in range(3)}
    for place, command in enumerate(commands[:3]):
        record = records[derived(of_a_card, place)]
        assert record.json == {"type": command["type"].removeprefix("kabao.command."), **command["data"]}
        assert record.header("ce_type") == command["type"]
        assert record.key == f"{APPID}:{CARD_ID}:7", "in the order of the card whose event asked for it"
        assert records[derived("keyless", place)].key == derived("keyless", place)
    assert len(kafka.read("cmd.bonus")) == 2
    s.no_letters()


def test_an_answer_without_commands_is_fine(system):
    s = system()
    answers = ["", "ok", "<html>", "[]", "null", "12", '"{"', "{}", '{"commands":null}', '{"commands":[]}', '{"x":[1]}',
               b"\xff\xfe"]
    for n, body in enumerate(answers):
        s.crm.on(lambda w, n=n: w.json["subject"] == f"{n}", body=body, status=204 if not body else 202)
    told = {f"{n}": [s.tell(f"{n}")] for n in range(len(answers))}
    s.wait_done()
    assert len(s.crm.of()) == len(told)
    s.no_letters()
    assert s.kafka.read("cmd.bonus") == []


BAD = {
    "cut": (json.dumps({"commands": [bonus()]})[:-2], ""),
    "twice": ('{"commands":[],"commands":[]}', ""),
    "no-array": ({"commands": {"type": "x"}}, "/commands is"),
    "many": ({"commands": [bonus()] * 101}, "/commands has more than 100"),
    "card": ({"commands": [bonus(), bonus(card_code=7)]}, "/commands/1/data/card_code "),
    "required": ({"commands": [bonus(), {"type": "kabao.bonus.change", "data": {}}]}, "/commands/1/data"),
    "no-data": ({"commands": [{"type": "kabao.bonus.change"}]}, "/commands/0/data"),
    "no-object": ({"commands": ["kabao.bonus.change"]}, "/commands/0/type "),
    "account": ({"commands": [bonus(account="other")]}, "/commands/0/data/account "),
    "type": ({"commands": [bonus(), ticket(card_code="1"), {"type": "kabao.x", "data": {}}]}, "/commands/2/type "),
    "call": ({"commands": [call("card.get", body={"card_id": CARD_ID}), call("card.get", body={"card_id": 7})]},
             "/commands/1/data/body/card_id "),
    "call-body": ({"commands": [bonus(), call("card.get")]}, "/commands/1/data/body/card_id is required"),
    "call-type": ({"commands": [call("card.gat")]}, "/commands/0/type is no command"),
    "call-other": ({"commands": [call("card.get", "card.list", body={"card_id": CARD_ID})]}, "/commands/0/data/type "),
    "call-confirm": ({"commands": [call("card.delete", body={"card_id": CARD_ID})]}, "/commands/0/data/confirm "),
    "call-account": ({"commands": [{"type": "kabao.command.card.colors", "data": {"account": "other"}}]},
                     "/commands/0/data/account "),
    "call-no-account": ({"commands": [{"type": "kabao.command.card.colors", "data": {}}]},
                        "/commands/0/data/account is required"),
    "call-no-data": ({"commands": [{"type": "kabao.command.card.colors"}]}, "/commands/0/data must be"),
    "call-array": ({"commands": [{"type": "kabao.command.card.colors", "data": []}]}, "/commands/0/data must be"),
    "no-card": ({"commands": [ticket(openid=OPENID)]}, "/commands/0/data"),
}


def test_a_bad_command_is_named_and_none_of_its_answer_is_sent(system):
    s = system()
    for name, (body, _) in BAD.items():
        s.crm.on(lambda w, name=name: w.json["subject"] == name, body=body)
    s.crm.on(lambda w: w.json["subject"] == "large", body="x" * (1 << 20) + "x")
    ids = {s.tell(name): name for name in [*BAD, "large"]}
    letters = {ids[id]: letter for id, letter in s.letters(len(ids)).items()}
    s.wait_done()
    large = letters.pop("large")
    assert (large.header("dlq-reason"), large.header("dlq-error-code")) == ("rejected", "http:size")
    for name, letter in letters.items():
        assert (letter.header("dlq-reason"), letter.header("dlq-error-code")) == ("schema", "crm:answer"), name
        text = letter.header("dlq-error-message")
        assert f"the CRM's answer: {BAD[name][1]}" in text, text
        assert "礼物" not in text and OPENID not in text
    assert s.kafka.read("cmd.bonus") == s.kafka.read("cmd.activation") == s.kafka.read("cmd.wechat") == []
    assert len(s.crm.of()) == len(ids), "the CRM said yes: it is not asked again"
    assert OPENID not in s.worker.log_text()


# Crashes

def test_a_killed_worker_sends_the_same_webhook_again(system, kafka):
    """In the middle of a call, and again and again under load."""
    s = system(timeout_ms=10000, kafka=QUICK_GROUP)
    hanging = s.crm.on(hang=60)
    told = s.tell_all(1, ["a"])
    s.crm.wait(1)
    s.worker.kill()
    s.crm.forget(hanging)
    s.crm.on(lambda w: w.data["n"] % 3 == 0, hang=0.05, body={"commands": [bonus()]})
    for code, ids in s.tell_all(count(200, 12), [f"{n}" for n in range(6)]).items():
        told[code] = ids
    for part in (1, 2, 3):
        s.start()
        s.crm.wait(part * count(250, 15), timeout=60)
        s.worker.kill()
    s.start()
    s.wait_done()
    assert len(s.crm.of(subject="a")) >= 2
    s.in_order_of_first(told)
    asked = {w.id for w in s.crm.of() if w.data["n"] % 3 == 0 and w.json["subject"] != "a"}
    assert {r.id for r in kafka.read("cmd.bonus")} == {derived(id, 0) for id in asked}
    s.no_letters()


def test_commands_wait_for_a_broker_that_is_away(system, kafka, broker):
    s = system()

    def freeze(webhook):
        broker.freeze()
        return True

    s.crm.on(freeze, times=1, body={"commands": [bonus()]})
    s.crm.on(body={"commands": [bonus()]})
    webhook_id = s.tell("a")
    s.crm.wait(1, id=webhook_id, answered=200)
    broker.thaw()

    def carried():
        try:
            return {r.id for r in kafka.read("cmd.bonus")} == {derived(webhook_id, 0)}
        except KafkaException:
            return False

    wait_for(carried, 60, "the command")
    s.wait_done()
    s.no_letters()


# TLS

def test_https_is_checked_against_ca_file(system, crm, run, tmp_path):
    own, other = (certificate(tmp_path, name) for name in ("own", "other"))
    crm.stop()
    crm.certificate = own
    crm.start()
    s = system(ca_file=own[0])
    s.wait_done()
    s.tell("a")
    s.crm.wait(1, answered=200)
    s.worker.stop()
    stranger = s.config.with_(crm={"ca_file": other[0]})
    worker = run("crm", stranger)
    id = s.tell("a")
    worker.wait_metric("kabao_crm_requests_total", 2, status="http:tls")
    assert len(s.crm.of()) == 1
    worker.stop()
    s.start()
    s.crm.wait(1, id=id, answered=200)
    s.no_letters()


def certificate(folder, name):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0],
                    "-keyout", files[1]], check=True, capture_output=True, timeout=60)
    return tuple(map(str, files))
