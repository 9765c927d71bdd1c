# SPDX-License-Identifier: Apache-2.0
"""Verification codes: right once and for a few tries, whoever asks and however often; delivered by the first channel
that takes them; in clear nowhere but in the message."""
import base64
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit.api import Api, write_clients
from kit.config import APPID, write_secret
from kit.crm import signature
from kit.kafka import everything
from kit.population import accounts
from kit.program import run_tool
from kit.scale import count
from kit.waiting import wait_for
from test_commands import CALLS, SHORT, System, in_seconds, path_rule

KEY = base64.b64encode(bytes(range(100, 132))).decode()
SMS_SECRET = "whsec_" + base64.b64encode(b"the secret of the short messages").decode()
TEMPLATE = {"template_id": "tmpl_login", "data": {"character_string1": {"value": "{code}"},
                                                  "thing2": {"value": "您的验证码是 {code}。"}}}
CUSTOM, NOTICE, SUBSCRIBE = (CALLS[f"message.{kind}"][1] for kind in ("custom", "template", "subscribe"))
PATHS = {"custom": CUSTOM, "template": NOTICE, "subscribe": SUBSCRIBE}
CLIENT = {"token": "kbt_verify_0123456789abcdef"}


def person(number):
    return f"oVerify{number:021d}"


class Sms:
    """The merchant's webhook: takes what it is signed for, answers with `statuses` and then 200, and with `page`."""

    def __init__(self):
        self.calls, self.statuses, self.page = [], [], b""
        sms = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sms.calls.append(({name.lower(): text for name, text in self.headers.items()}, body))
                self.send_response(sms.statuses.pop(0) if sms.statuses else 200)
                self.send_header("Content-Length", str(len(sms.page)))
                self.end_headers()
                self.wfile.write(sms.page)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/sms"

    def of(self, openid):
        """The bodies sent for one person, each signed and whole."""
        found = []
        for headers, body in list(self.calls):
            value = json.loads(body)
            assert headers["webhook-signature"] == signature(SMS_SECRET, headers["webhook-id"],
                                                             headers["webhook-timestamp"], body)
            assert set(value) == {"account", "appid", "openid", "purpose", "code", "expires_at"}
            if value["openid"] == openid:
                found.append(value)
        return found


class Verify(System):
    sms = directory = None

    def restart(self, worker=None, **settings):
        """The same one with other settings of [verify]."""
        self.worker.stop()
        self.worker = self.start("one", config=self.config.with_(verify=settings, worker=worker or {}))

    def send_code(self, openid, purpose="login", key=None, **body):
        return self.send("verify.send", {"openid": openid, "purpose": purpose, **body}, key=key or openid)

    def check(self, openid, code, purpose="login"):
        """Whether it is right, by a new command."""
        return self.verified(self.try_code(openid, code, purpose))

    def check_all(self, openid, codes, purpose="login"):
        """The same one after the other."""
        found = self.gather([self.try_code(openid, code, purpose) for code in codes])
        return [result.json["answer"]["verified"] for result, *_ in found]

    def try_code(self, openid, code, purpose="login", key=None):
        return self.send("verify.check", {"openid": openid, "purpose": purpose, "code": code}, key=key or openid)

    def verified(self, record):
        result = self.result(record)
        assert result["outcome"] == "done", result
        return result["answer"]["verified"]

    def messages(self, openid, channel="custom"):
        return [r["body"] for r in self.sim.requests(path=PATHS[channel]) if r["body"]["touser"] == openid]

    def codes(self, openid, channel="custom"):
        """Those that this person was sent."""
        texts = ([m["text"]["content"] for m in self.messages(openid)] if channel == "custom" else
                 [m["data"]["character_string1"]["value"] for m in self.messages(openid, channel)])
        return [re.search(r"(?<!\d)\d{6}(?!\d)", text)[0] for text in texts]

    def code(self, openid, **body):
        """A code is sent, and taken."""
        before = len(self.codes(openid))
        result = self.result(self.send_code(openid, **body))
        assert (result["outcome"], result["answer"]["channel"]) == ("done", "custom"), result
        assert len(self.codes(openid)) == before + 1
        return self.codes(openid)[-1]

    def row(self, openid, purpose="login"):
        (row,) = self.db.rows("verify_code", openid=openid, purpose=purpose)
        return row

    def bindings(self, **match):
        return [r.json for r in self.kafka.read("event.binding")
                if all(r.json.get(name) == value for name, value in match.items())]

    def age(self, seconds):
        """As if all codes had been made so much earlier."""
        self.db.query("UPDATE verify_code SET made_at = made_at - INTERVAL %s SECOND,"
                      " expires_at = expires_at - INTERVAL %s SECOND", seconds, seconds)


def wrong(code, number=1):
    return f"{(int(code) + number) % 1000000:06d}"


@pytest.fixture
def verify(apply, config, run, start_sim, kafka, db, tmp_path):
    def start(worker=None, people=None, log=None, partitions=3, **settings):
        sim = start_sim({**accounts(), **(people or {})})
        sms = Sms()
        ready = config.with_({
            "wechat": {"base_url": sim.url}, "worker": {**SHORT, **(worker or {})}, "topic": {"partitions": partitions},
            "log": {"level": log} if log else {},
            "verify": {"key_file": write_secret(tmp_path / "verify.key", KEY), "sms_url": sms.url,
                       "sms_secret_file": write_secret(tmp_path / "sms.secret", SMS_SECRET), **settings}})
        apply(ready)
        made = Verify(ready, run, sim, kafka, db)
        made.sms, made.directory = sms, tmp_path
        return made
    return start


@pytest.mark.deadline(240)
def test_a_code_is_right_once_and_for_a_few_tries(verify):
    v = verify(channels="custom", partitions=8, per_account_day=100000)
    v.script()
    right_once(v, person(1))
    a_check_that_comes_again_is_no_further_try(v, person(2))
    after_five_wrong_ones_none_is_right(v, person(3))
    an_older_or_expired_one_is_wrong(v, person(4))
    nobody_without_a_code_is_right(v, person(5))
    over_http_and_by_kabaoctl(v, person(8))
    v.start("two")
    the_right_one_among_many_at_once_is_right_once(v, person(6))
    guessing_from_many_instances_gives_no_sixth_try(v)
    what_waits_is_over_with_its_code(v, person(7))


def right_once(v, openid):
    code = v.code(openid)
    assert not v.check(openid, code, purpose="pay"), "another purpose"
    assert not v.check(person(99), code), "another person"
    assert v.check(openid, code) and not v.check(openid, code)
    (sent,) = v.bindings(kind="code_sent", openid=openid)
    (verified,) = v.bindings(kind="code_verified", openid=openid)
    assert (sent["purpose"], sent["account"]) == (verified["purpose"], verified["account"]) == ("login", "demo")
    assert sent["at"] < sent["expires_at"] and sent["at"] < verified["at"]


def a_check_that_comes_again_is_no_further_try(v, openid):
    code = v.code(openid)
    missed = v.try_code(openid, wrong(code))
    assert not v.verified(missed)
    for _ in range(6):
        v.kafka.produce("cmd.wechat", *missed)
    v.settle()
    assert v.row(openid)["tries"] == 1
    hit = v.try_code(openid, code)
    assert v.verified(hit)
    v.again(hit)
    first, second = v.gather([hit], 2)[0]
    assert (first.id, first.value) == (second.id, second.value)
    assert len({r.id for r in v.kafka.read("event.binding") if r.json.get("openid") == openid}) == 2


def after_five_wrong_ones_none_is_right(v, openid):
    code = v.code(openid)
    assert v.check_all(openid, [*(wrong(code, n) for n in range(1, 5)), code]) == [False] * 4 + [True]
    for purpose, attempts in (("five", None), ("two", 2)):
        code = v.code(openid, purpose=purpose, **({"attempts": attempts} if attempts else {}))
        tries = attempts or 5
        asked = [*(wrong(code, n) for n in range(1, tries + 1)), code, wrong(code)]
        assert v.check_all(openid, asked, purpose) == [False] * len(asked), "locked"
        assert v.row(openid, purpose)["tries"] == tries


def an_older_or_expired_one_is_wrong(v, openid):
    old = v.code(openid)
    v.age(61)
    new = v.code(openid)
    assert new != old or len(set(v.codes(openid))) == 1
    assert not v.check(openid, old) and v.check(openid, new)
    late = v.code(openid, purpose="late", ttl_s=30)
    v.age(31)
    assert not v.check(openid, late, purpose="late")


def nobody_without_a_code_is_right(v, openid):
    assert not v.check(openid, "000000")
    assert v.db.rows("verify_code", openid=openid) == []


def over_http_and_by_kabaoctl(v, openid):
    ready = v.config.with_(ingress={"api_tokens_file": write_clients(v.directory / "clients.ini", {"one": CLIENT})})
    api = Api(v.run("ingress", ready).listen, CLIENT["token"])
    sent = api.command("verify.send", {"openid": openid, "purpose": "login"}, prefer="wait=20")
    assert (sent.status, sent.json["outcome"]) == (200, "done"), sent
    (code,) = v.codes(openid)
    checked = api.command("verify.check", {"openid": openid, "purpose": "login", "code": code}, prefer="wait=20")
    assert checked.json["answer"] == {"verified": True}
    started = api.command("bind.start", {}, prefer="wait=20")
    assert started.json["answer"]["scene"].startswith("bind-")
    done = run_tool("kabaoctl", "command", "types", "--json", "--config", v.worker.ini)
    types = {row["type"]: row["nature"] for row in json.loads(done.stdout)}
    assert {name: types[name] for name in types if name.split(".")[0] in ("bind", "verify", "oauth")} == dict.fromkeys(
        ("bind.end", "bind.start", "oauth.exchange", "verify.check", "verify.send", "verify.start"), "repeatable")
    wait_for(lambda: v.bindings(kind="code_verified", openid=openid), 20, "the record")


def the_right_one_among_many_at_once_is_right_once(v, openid):
    code = v.code(openid)
    tries = [v.try_code(openid, code, key=os.urandom(8).hex()) for _ in range(20)]
    assert sum(result.json["answer"]["verified"] for result, *_ in v.gather(tries)) == 1


def guessing_from_many_instances_gives_no_sixth_try(v):
    """Wrong codes all at once; afterwards the right one is wrong as well."""
    instances, people, guesses = count(8, 3), count(50, 6), 25
    for n in range(2, instances):
        v.start(f"more{n}")
    codes = {openid: v.code(openid) for openid in map(person, range(100, 100 + people))}
    tries = [v.try_code(openid, wrong(code, n), key=os.urandom(8).hex())
             for n in range(1, guesses + 1) for openid, code in codes.items()]
    found = v.gather(tries, timeout=count(300, 60))
    assert not any(result.json["answer"]["verified"] for result, *_ in found)
    assert {v.row(openid)["tries"] for openid in codes} == {5}
    last = [v.try_code(openid, code, key=os.urandom(8).hex()) for openid, code in codes.items()]
    assert not any(result.json["answer"]["verified"] for result, *_ in v.gather(last))
    assert all(len(found) == 1 for found in v.gather(tries + last))


def what_waits_is_over_with_its_code(v, openid):
    failing = cut_once(v, openid)
    v.age(400)
    assert v.outcome(failing) == ("expired", "verify:over")
    assert len(v.codes(openid)) == 1


def cut_once(v, openid):
    """A command whose first message nobody knows the end of."""
    v.script(path_rule(CUSTOM, {"errcode": -1}, match={"touser": openid}))
    record = v.send_code(openid)
    wait_for(lambda: v.messages(openid), 30, "the first try")
    return record


def test_limits(verify):
    v = verify(channels="custom", resend_s=60, per_openid_day=3, per_account_day=5)
    v.script()
    one, two, three = (person(n) for n in range(3))
    first = v.code(one)
    soon = v.send_code(one)
    assert v.outcome(soon) == ("rejected", "verify:resend")
    assert v.check(one, first), "the one before is still good"
    v.code(one, purpose="pay")
    v.age(61)
    v.again(soon)
    assert v.outcome(soon, count=2) == ("done", None)
    v.age(61)
    for _ in range(2):
        refused = v.send_code(one)
        assert v.outcome(refused) == ("rejected", "verify:limit")
        assert "openid" in v.result(refused)["error"]["message"]
    assert len(v.codes(one)) == 3
    v.code(two)
    v.code(two, purpose="pay")
    refused = v.send_code(three)
    assert v.outcome(refused) == ("rejected", "verify:limit") and "account" in v.result(refused)["error"]["message"]
    assert v.db.rows("verify_code", openid=three) == [] == v.messages(three)
    v.db.query("UPDATE verify_count SET day = day - 1")
    v.code(three)


@pytest.mark.deadline(240)
def test_channels(verify):
    v = verify(channels="custom template subscribe webhook")
    the_first_one_that_takes_it(v)
    a_page_for_an_answer_is_a_yes(v, person(60))
    v.restart(channels="webhook template")
    who_cannot_be_reached_is_told_plainly(v)
    v.restart(channels="template subscribe")
    no_channel_is_open(v, person(70))
    v.restart(channels="custom")
    a_new_key_is_no_code_of_the_old_one(v, person(80))
    v.restart(channels="custom", worker={"retry_max_ms": 60000, "retry_initial_ms": 30000})
    a_deadline_ends_it(v)
    v.restart(key_file=None)
    it_is_off_without_a_key(v, person(90))


def the_first_one_that_takes_it(v):
    refusals = {"custom": (45015, 45047, 48002, 45087), "template": (43004, 40037, 43019, 47003), "subscribe": (43101,)}
    rules, expected = [], {}
    for channel in (*refusals, "webhook"):
        for code in refusals.get(channel, (0,)):
            # Refused by those before this one, and by this one: the next one has it.
            openid = person(len(expected))
            before = list(PATHS)[:list(PATHS).index(channel)] if channel in PATHS else [*PATHS]
            rules += [path_rule(PATHS[name], {"errcode": refusals[name][0]}, match={"touser": openid}) for name in before]
            if channel in PATHS:
                rules.append(path_rule(PATHS[channel], {"errcode": code}, match={"touser": openid}))
            following = [*PATHS, "webhook"][[*PATHS, "webhook"].index(channel) + (channel in PATHS)]
            expected[openid] = following
    v.script(*rules)
    sent = {openid: v.send_code(openid, **TEMPLATE) for openid in expected}
    for openid, result in v.results(sent).items():
        assert (result["outcome"], result["answer"]["channel"]) == ("done", expected[openid]), result
    tries = [v.try_code(openid, v.sms.of(openid)[0]["code"] if channel == "webhook" else v.codes(openid, channel)[-1])
             for openid, channel in expected.items()]
    assert all(result.json["answer"]["verified"] for result, *_ in v.gather(tries))
    template = v.messages(next(o for o, channel in expected.items() if channel == "template"), "template")[0]
    (code,) = re.findall(r"\d{6}", template["data"]["thing2"]["value"])
    assert template["data"]["character_string1"]["value"] == code and len(template["client_msg_id"]) == 32
    without_a_template_those_two_are_passed_over(v, person(50))


def without_a_template_those_two_are_passed_over(v, openid):
    v.script(path_rule(CUSTOM, {"errcode": 45015}))
    result = v.result(v.send_code(openid))
    assert result["answer"]["channel"] == "webhook" and "errcode" not in result
    assert v.messages(openid, "template") == [] == v.messages(openid, "subscribe")
    (call,) = v.sms.of(openid)
    assert (call["account"], call["appid"], call["purpose"]) == ("demo", APPID, "login")
    assert call["expires_at"] == result["answer"]["expires_at"]


def a_page_for_an_answer_is_a_yes(v, openid):
    v.script(path_rule(CUSTOM, {"errcode": 45015}))
    v.sms.page = b"x" * (2 << 20)
    result = v.result(v.send_code(openid))
    v.sms.page = b""
    assert (result["outcome"], result["answer"]["channel"]) == ("done", "webhook"), result
    assert v.check(openid, v.sms.of(openid)[0]["code"])


def who_cannot_be_reached_is_told_plainly(v):
    one, two, three, four, five = (person(100 + n) for n in range(5))
    v.script(path_rule(NOTICE, {"errcode": 43004, "errmsg": "require subscribe hint: [x]"}))
    v.sms.statuses = [422]
    record = v.send_code(one, **TEMPLATE)
    result = v.result(record)
    assert (result["outcome"], result["errcode"], result["error"]["code"]) == ("rejected", 43004, "wechat:43004")
    assert result["errmsg"].startswith("require subscribe hint")
    (call,) = v.sms.of(one)
    assert not v.check(one, call["code"]), "it is void"
    v.again(record)
    assert v.outcome(record, count=2) == ("rejected", "verify:over")
    v.sms.statuses = [403]
    result = v.result(v.send_code(two))
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "sms:403") and "errcode" not in result
    assert [r for n in (one, two) for r in v.bindings(kind="code_sent", openid=n)] == [] == v.kafka.read("dlq.command")
    v.script(path_rule(NOTICE, {"errcode": 40003}))
    v.sms.statuses = [410]
    assert v.outcome(v.send_code(three, **TEMPLATE)) == ("rejected", "wechat:40003")
    for data in ({"thing2": {"value": "code"}}, {"thing2": {"value": "{code}" + "x" * 70000}}):
        error = v.result(v.send_code(four, **{**TEMPLATE, "data": data}))["error"]
        assert (error["code"], error["pointer"]) == ("schema", "/body/data")
    assert v.db.rows("verify_code", openid=four) == []
    v.sms.statuses = [503]
    assert v.outcome(v.send_code(five)) == ("done", None)
    codes = [call["code"] for call in v.sms.of(five)]
    assert len(codes) == 2 and len(set(codes)) == 1, "the same one again"


def no_channel_is_open(v, openid):
    v.script()
    result = v.result(v.send_code(openid))
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "verify")
    assert "template_id" in result["error"]["message"] and v.db.rows("verify_code", openid=openid) == []


def a_new_key_is_no_code_of_the_old_one(v, openid):
    """What the command would send again could never be right."""
    cut = cut_once(v, openid)
    v.restart(channels="custom", key_file=write_secret(v.directory / "new.key", base64.b64encode(bytes(32)).decode()))
    assert v.outcome(cut) == ("rejected", "verify:over")
    assert len(v.codes(openid)) == 1 and not v.check(openid, v.codes(openid)[0])


def a_deadline_ends_it(v):
    closed, late = person(200), person(201)
    before = len(v.sim.requests(path=CUSTOM))
    v.script(path_rule(CUSTOM, {"errcode": 45011}))
    closed = v.send_code(closed, key="a")
    v.sim.wait_requests(before + 1, path=CUSTOM)
    late = v.send("verify.send", {"openid": late, "purpose": "login"}, deadline=in_seconds(2))
    assert v.outcome(late) == ("expired", "deadline")
    assert v.records(closed) == [] and len(v.sim.requests(path=CUSTOM)) == before + 1


def it_is_off_without_a_key(v, openid):
    v.script()
    asked = len(v.sim.requests(path=CALLS["qrcode.create"][1]))
    records = [v.send_code(openid), v.try_code(openid, "123456"), v.send("verify.start", {"purpose": "login"})]
    for record in records:
        error = v.result(record)["error"]
        assert error["code"] == "verify" and "[verify] key_file is not set" in error["message"]
    assert v.db.rows("verify_code", openid=openid) == []
    assert len(v.sim.requests(path=CALLS["qrcode.create"][1])) == asked


def test_killed_in_the_middle_it_sends_the_same_code_once(verify):
    people = {"users": [{"appid": APPID, "openid": person(n)} for n in (1, 2)]}
    v = verify(people=people, channels="template custom")
    v.script(path_rule(NOTICE, {"hang": True, "effect": True}, times=1, match={"touser": person(1)}),
             path_rule(NOTICE, {"hang": True, "effect": False}, times=1, match={"touser": person(2)}), yes=False)
    sent = {n: v.send_code(person(n), **TEMPLATE) for n in (1, 2)}
    v.sim.wait_requests(2, path=NOTICE)
    v.worker.kill()
    v.worker = v.start("two")
    assert {result["answer"]["channel"] for result in v.results(sent).values()} == {"template"}
    for n in (1, 2):
        first, again = v.messages(person(n), "template")
        assert first == again, "client_msg_id and code are the same"
        (message,) = [m for m in v.sim.control("messages")["messages"] if m["openid"] == person(n)]
        assert v.check(person(n), v.codes(person(n), "template")[0])
        assert len(v.db.rows("verify_count", openid=person(n))) == 1
        assert v.db.rows("verify_count", openid=person(n))[0]["codes"] == 1, "counted once"


def test_a_sent_code_stands_in_clear_nowhere(verify, run):
    """Six digits may turn up by accident: of each way of delivery three codes are sent, and two are never found."""
    v = verify(log="trace", worker={"max_attempts": 2})
    store = run("store", v.config)
    ways = {"custom": [], "template": [45015], "subscribe": [45015, 43004], "webhook": [45015, 43004, 43101]}
    unhappy = {"refused": {"errcode": 40003, "errmsg": "invalid openid"}, "cut": {"cut": "after"}}
    names = {way: [f"{way}-{n}" for n in range(3)] for way in (*ways, *unhappy)}
    rules = [path_rule(path, {"errcode": code}, match={"touser": name}) for way, codes in ways.items()
             for path, code in zip(PATHS.values(), codes) for name in names[way]]
    rules += [path_rule(path, do, match={"touser": name}) for way, do in unhappy.items()
              for path in PATHS.values() for name in names[way]]
    v.script(*rules)
    everybody = [name for some in names.values() for name in some]
    sent = {name: v.send_code(name, **TEMPLATE) for name in everybody}
    outcomes = {name: (result["outcome"], result.get("answer", {}).get("channel"))
                for name, result in v.results(sent).items()}
    assert all(outcomes[name] == ("done", way) for way in ways for name in names[way]), outcomes
    store.wait_metric("kabao_processed_total", len(everybody), outcome="ok")
    run_tool("kabaoctl", "dlq", "list", "command", "--config", v.worker.ini)
    codes = {name: sent_codes(v, name) for name in everybody}
    assert all(len(some) == 1 for some in codes.values()), codes
    texts = {**everywhere(v), "the store's log": store.log_text()}
    assert '"level":"debug"' in texts["the worker's log"]
    for place, text in texts.items():
        for way, some in names.items():
            found = [name for name in some if re.search(rf"(?<![0-9a-f]){next(iter(codes[name]))}(?![0-9a-f])", text)]
            assert len(found) < 2, f"codes sent by {way} stand in {place}"


def sent_codes(v, openid):
    return ({call["code"] for call in v.sms.of(openid)}
            | {code for channel in PATHS for code in v.codes(openid, channel)})


def everywhere(s):
    """{place: all that is written there}, of a kabao-command and its surroundings."""
    return {**topics(s), **tables(s), "the worker's log": s.worker.log_text(), "the metrics": str(s.worker.metrics())}


def topics(s):
    found = {}
    for record in everything(s.kafka.bootstrap, {s.kafka.name(t): n for t, n in s.kafka.topics().items()}):
        found.setdefault(record.topic, []).append(repr((record.key, record.value, record.headers)))
    assert any(".result.wechat" in name for name in found)
    return {f"topic {name}": "\n".join(lines) for name, lines in found.items()}


def tables(s):
    names = [next(iter(row.values())) for row in s.db.query("SHOW TABLES")]
    assert "verify_code" in names and "effect" in names
    return {f"table {name}": "\n".join(map(repr, s.db.rows(name))) for name in names}


def test_a_bad_key_or_secret_refuses_the_start(config, run, tmp_path):
    good = config.with_(verify={"key_file": write_secret(tmp_path / "verify.key", KEY), "sms_url": "http://127.0.0.1:1/sms",
                                "sms_secret_file": write_secret(tmp_path / "sms.secret", SMS_SECRET)})
    short = write_secret(tmp_path / "short", base64.b64encode(b"too short").decode())
    for key, value, said in (("key_file", short, "not 32 bytes as Base64"), ("key_file", "/nonexistent/x", "key_file"),
                             ("sms_secret_file", None, "sms_secret_file"), ("sms_secret_file", short, "sms_secret_file")):
        program = run("command", good.with_(verify={key: value}), ready=False)
        assert program.wait_exit(30) == 78
        assert said in program.log_text(), program.log_text()
