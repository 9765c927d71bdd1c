# SPDX-License-Identifier: Apache-2.0
"""kabao-command: every type by a table, each outcome a caller can meet, and no call made twice that must not be."""
import base64
import hashlib
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit.config import APPID, CARD_ID
from kit.population import accounts, member, received
from kit.probe import QUICK_GROUP
from kit.program import run_tool
from kit.records import wechat_command
from kit.servers import ROOT
from kit.waiting import wait_for

EXAMPLES = ROOT / "schemas/examples/commands"
TYPES = sorted(path.name for path in EXAMPLES.iterdir())

# What the platform's pages say (wechat-api.md), not what common/wechat/calls.c says.
GET, POST = "GET", "POST"
CALLS = {
    "autoreply.get": (GET, "/cgi-bin/get_current_autoreply_info"),
    "callback.check": (POST, "/cgi-bin/callback/check"),
    "card.activate_url": (POST, "/card/membercard/activate/geturl"),
    "card.colors": (GET, "/card/getcolors"),
    "card.create": (POST, "/card/create"),
    "card.delete": (POST, "/card/delete"),
    "card.form.set": (POST, "/card/membercard/activateuserform/set"),
    "card.get": (POST, "/card/get"),
    "card.landing_page": (POST, "/card/landingpage/create"),
    "card.list": (POST, "/card/batchget"),
    "card.modify_stock": (POST, "/card/modifystock"),
    "card.mpnews_html": (POST, "/card/mpnews/gethtml"),
    "card.paycell": (POST, "/card/paycell/set"),
    "card.paygift.add": (POST, "/card/paygiftcard/add"),
    "card.paygift.delete": (POST, "/card/paygiftcard/delete"),
    "card.paygift.get": (POST, "/card/paygiftcard/getbyid"),
    "card.paygift.list": (POST, "/card/paygiftcard/batchget"),
    "card.qrcode": (POST, "/card/qrcode/create"),
    "card.selfconsume": (POST, "/card/selfconsumecell/set"),
    "card.test_whitelist": (POST, "/card/testwhitelist/set"),
    "card.update": (POST, "/card/update"),
    "code.check": (POST, "/card/code/checkcode"),
    "code.consume": (POST, "/card/code/consume"),
    "code.decrypt": (POST, "/card/code/decrypt"),
    "code.deposit": (POST, "/card/code/deposit"),
    "code.deposit_count": (POST, "/card/code/getdepositcount"),
    "code.get": (POST, "/card/code/get"),
    "code.mark": (POST, "/card/code/mark"),
    "code.unavailable": (POST, "/card/code/unavailable"),
    "code.update": (POST, "/card/code/update"),
    "media.upload": (POST, "/cgi-bin/media/upload"),
    "media.uploadimg": (POST, "/cgi-bin/media/uploadimg"),
    "member.activate": (POST, "/card/membercard/activate"),
    "member.get": (POST, "/card/membercard/userinfo/get"),
    "member.temp_info": (POST, "/card/membercard/activatetempinfo/get"),
    "member.update": (POST, "/card/membercard/updateuser"),
    "menu.create": (POST, "/cgi-bin/menu/create"),
    "menu.current": (GET, "/cgi-bin/get_current_selfmenu_info"),
    "menu.delete": (GET, "/cgi-bin/menu/delete"),
    "menu.get": (GET, "/cgi-bin/menu/get"),
    "message.custom": (POST, "/cgi-bin/message/custom/send"),
    "message.subscribe": (POST, "/cgi-bin/message/subscribe/bizsend"),
    "message.template": (POST, "/cgi-bin/message/template/send"),
    "qrcode.create": (POST, "/cgi-bin/qrcode/create"),
    "quota.clear": (POST, "/cgi-bin/clear_quota"),
    "quota.get": (POST, "/cgi-bin/openapi/quota/get"),
    "user.cards": (POST, "/card/user/getcardlist"),
    "user.info": (GET, "/cgi-bin/user/info"),
    "user.list": (GET, "/cgi-bin/user/get"),
}
ONCE = {"card.create", "card.modify_stock", "card.paygift.add", "message.custom", "message.subscribe"}
IRREVERSIBLE = {"card.delete", "code.consume", "code.unavailable"}
OURS = {"member.find"}  # no call to WeChat
# test_verify.py, test_bind_commands.py, test_erase.py, test_oauth.py: what is asked of WeChat for them, if anything, is in their code
ELSEWHERE = {"bind.end", "bind.start", "member.erase", "oauth.exchange", "verify.check", "verify.send", "verify.start"}
MEDIA = {"media.upload", "media.uploadimg"}  # what WeChat gets is a form with the file
CREATE, CODE_GET = CALLS["card.create"][1], CALLS["code.get"][1]
USERINFO = CALLS["member.get"][1]

# An attempt may take 1.8 s of this, so that an intent is old 3.8 s after it was written.
SHORT = {"lanes": 8, "drain_timeout_ms": 3000, "retry_initial_ms": 50, "retry_max_ms": 300, "crash_limit": 100}
YES = [{"path": "/*", "do": {"errcode": 0}}]  # the simulator carries nothing out and says ok


def examples(type_, kind):
    return {path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((EXAMPLES / type_).glob(f"{kind}-*.json"))}


def example(type_):
    return next(iter(examples(type_, "ok").values()))


def path_rule(path, do, **more):
    return {"path": path, "do": do, **more}


def in_seconds(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class System:
    """kabao-command beside the simulator; commands and results as records."""

    def __init__(self, config, run, sim, kafka, db):
        self.config, self.run, self.sim, self.kafka, self.db = config, run, sim, kafka, db
        run("token", config, ready=False)
        self.worker = self.start("one")

    def start(self, name, ready=True, config=None):
        kafka = {**QUICK_GROUP, "group.instance.id": name}
        return self.run("command", (config or self.config).with_(kafka=kafka), ready=ready)

    def script(self, *rules, yes=True):
        """Answers by these rules; every other card or message call is answered with ok and changes nothing."""
        others = [path_rule(path, {"errcode": 0}) for _, path in CALLS.values()] if yes else []
        self.sim.control("script", [*rules, *others])

    def send(self, type_, body=None, timestamp_ms=None, **fields):
        if type_ in IRREVERSIBLE:
            fields.setdefault("confirm", True)
        record = wechat_command(type_, body, **fields)
        self.kafka.produce("cmd.wechat", *record, timestamp_ms=timestamp_ms)
        return record

    def again(self, record):
        self.kafka.produce("cmd.wechat", *record)
        self.settle()

    def settle(self, timeout=60):
        self.kafka.wait_done("command", "cmd.wechat", timeout)

    def gather(self, records, count=1, timeout=60, topic="result.wechat"):
        """For each record its results, once each has `count`."""
        found = {}

        def met():
            found.clear()
            for result in self.kafka.read(topic):
                found.setdefault(result.json["command_id"], []).append(result)
            return all(len(found.get(record[2]["ce_id"], ())) >= count for record in records)

        wait_for(met, timeout, lambda: f"{count} results of each of {records[:5]}; there are {len(found)}")
        return [found.get(record[2]["ce_id"], []) for record in records]

    def records(self, record, topic="result.wechat"):
        return self.gather([record], 0, topic=topic)[0]

    def result(self, record, count=1):
        """The value of the newest of `count` results."""
        return self.gather([record], count)[0][-1].json

    def results(self, records, count=1):
        """{name: its newest result} of {name: record}."""
        return {name: found[-1].json for name, found in zip(records, self.gather([*records.values()], count))}

    def outcome(self, record, **more):
        result = self.result(record, **more)
        return result["outcome"], result.get("error", {}).get("code")

    def calls(self, type_):
        return self.sim.requests(path=CALLS[type_][1])

    def ctl(self, *words):
        done = run_tool("kabaoctl", *words, "--config", self.worker.ini, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def system(apply, config, run, start_sim, kafka, db):
    def start(*members, worker=None, sections=None, script=None):
        sim = start_sim(accounts(*members), script)
        ready = config.with_({"wechat": {"base_url": sim.url}, "worker": {**SHORT, **(worker or {})},
                              **(sections or {})})
        apply(ready)
        return System(ready, run, sim, kafka, db)
    return start


def test_the_table_is_whole():
    assert set(TYPES) == set(CALLS) | OURS | ELSEWHERE
    for type_ in TYPES:
        assert examples(type_, "ok") and examples(type_, "bad"), type_


def sent_body(type_, request):
    if CALLS[type_][0] == POST:
        return request["body"]
    return {name: value for name, value in request["query"].items() if name != "access_token"}


@pytest.mark.deadline(240)
def test_every_example_of_every_type(system):
    s = system()
    s.script()
    good_examples_reach_their_path_unchanged(s)
    bad_ones_are_refused_with_their_pointer(s)
    what_is_no_command_is_refused_by_name(s)
    a_repeated_command_is_answered_alike_and_another_one_refused(s)


def good_examples_reach_their_path_unchanged(s):
    sent = [(type_, name, body, s.send(type_, body)) for type_ in TYPES if type_ not in ELSEWHERE
            for name, body in examples(type_, "ok").items() if "url" not in body or type_ not in MEDIA]
    for (type_, name, body, record), (found_record, *_) in zip(sent, s.gather([record for *_, record in sent])):
        result = found_record.json
        assert found_record.key == record[0]
        assert (type_, name, result["outcome"]) == (type_, name, "done"), result
        assert (result["account"], result["type"], result["command_id"]) == ("demo", type_, record[2]["ce_id"])
        if type_ in OURS:
            continue
        assert result["errcode"] == 0 and result["errmsg"].startswith("ok"), result
        if type_ in MEDIA:
            assert [r["method"] for r in s.calls(type_)] == [POST]
            continue
        expected = {k: str(v) for k, v in body.items()} if CALLS[type_][0] == GET else body
        if type_ == "message.template":
            expected = {**expected, "client_msg_id": expected.get("client_msg_id", record[2]["ce_id"])}
        found = [r for r in s.calls(type_) if sent_body(type_, r) == expected]
        assert found and all(r["method"] == CALLS[type_][0] for r in found), (type_, name, s.calls(type_))
        if CALLS[type_][0] == POST:
            assert list(found[0]["body"]) == list(expected), "members in their order"


def bad_ones_are_refused_with_their_pointer(s):
    before = len(s.sim.requests())
    sent = []
    for type_ in TYPES:
        pointers = json.loads((EXAMPLES / type_ / "pointers.json").read_text(encoding="utf-8"))
        sent += [(type_, name, pointers[name], s.send(type_, body)) for name, body in examples(type_, "bad").items()]
    for (type_, name, pointer, record), (found, *_) in zip(sent, s.gather([record for *_, record in sent])):
        error = found.json["error"]
        assert (type_, name, found.json["outcome"], error["code"], error["pointer"]) == (
            type_, name, "rejected", "schema", "/body" + pointer)
    assert len(s.sim.requests()) == before and s.kafka.read("dlq.command") == []


def what_is_no_command_is_refused_by_name(s):
    before = len(s.sim.requests())
    body = {"card_id": CARD_ID}
    refused = {
        "type": (s.send("card.destroy", body), "/type"),
        "account": (s.send("card.get", body, account="other"), "/account"),
        "confirm": (s.send("card.delete", body, confirm=False), "/confirm"),
        "reply_to": (s.send("card.get", body, reply_to="elsewhere"), "/reply_to"),
        "schema": (s.send("card.get", body, deadline="tomorrow"), "/deadline"),
    }
    for code, (record, pointer) in refused.items():
        error = s.result(record)["error"]
        assert (s.result(record)["outcome"], error["code"], error["pointer"]) == ("rejected", code, pointer)
    long = s.result(s.send("user.info", {**example("user.info"), "more": "x" * 20_000}))
    assert (long["outcome"], long["error"]["code"], long["error"]["pointer"]) == ("rejected", "schema", "/body")
    key, value, headers = wechat_command("card.get", body)
    s.kafka.produce("cmd.wechat", key, "{", headers)
    s.kafka.produce("cmd.wechat", key, value, {k: v for k, v in headers.items() if k != "ce_id"})
    letters = s.kafka.wait("dlq.command", 2)
    assert {letter.header("dlq-reason") for letter in letters} == {"malformed"}
    assert len(s.sim.requests()) == before


def a_repeated_command_is_answered_alike_and_another_one_refused(s):
    before = len(s.calls("card.create"))
    record = s.send("card.create", example("card.create"))
    assert s.outcome(record) == ("done", None)
    s.again(record)
    first, second = s.records(record)
    assert (first.id, first.value) == (second.id, second.value) and len(s.calls("card.create")) == before + 1
    key, value, headers = record
    s.again((key, value + " ", headers))
    assert s.outcome(record, count=3) == ("rejected", "idempotency")
    assert len({r.id for r in s.records(record)}) == 2 and len(s.calls("card.create")) == before + 1


@pytest.mark.deadline(240)
def test_each_error_code_has_its_outcome(system):
    s = system()
    types = [*CALLS]

    s.script(*(path_rule(CALLS[t][1], {"errcode": 40097, "errmsg": "invalid args hint: [x]"}) for t in types))
    final = {t: s.send(t, example(t)) for t in types}
    for type_, result in s.results(final).items():
        assert (type_, result["outcome"], result["errcode"], result["error"]["code"]) == (
            type_, "rejected", 40097, "wechat:40097")
        assert type_ == "member.activate" or result["errmsg"].startswith("invalid args hint: [x]")
        s.kafka.produce("cmd.wechat", *final[type_])
    s.settle()
    s.script()
    for type_, record in final.items():
        s.kafka.produce("cmd.wechat", *record)
    for one, two, done in s.gather([*final.values()], 3):
        assert done.json["outcome"] == "done", "a command that was refused is tried again"
        assert one.id == two.id != done.id

    s.sim.control("token/invalidate", {"appid": APPID})
    renewed = {t: s.send(t, example(t)) for t in types}
    assert {result["outcome"] for result in s.results(renewed).values()} == {"done"}

    s.script(*(path_rule(CALLS[t][1], {"errcode": -1}, times=1) for t in types if t != "member.get"))
    once = ONCE | {"member.update"}  # its example tells the member
    busy = {t: s.send(t, example(t)) for t in types}
    for type_, result in s.results(busy).items():
        assert (type_, result["outcome"]) == (type_, "unknown" if type_ in once else "done")
    letters = s.kafka.wait("dlq.command", len(once))
    assert {letter.header("dlq-reason") for letter in letters} == {"outcome-unknown"}
    coupons_are_refused_plainly(s)


def test_a_closed_path_waits_and_a_deadline_ends_it(system):
    s = system(worker={"retry_max_ms": 60000, "retry_initial_ms": 30000})
    s.script(path_rule("/card/get", {"errcode": 45011}), path_rule("/card/update", {"errcode": -1}))
    waiting = s.send("card.get", {"card_id": CARD_ID})
    s.sim.wait_requests(1, path="/card/get")
    late = in_seconds(2.5)
    closed = s.send("card.get", {"card_id": CARD_ID}, deadline=late)
    failing = s.send("card.update", example("card.update"), deadline=late)
    past = s.send("card.get", {"card_id": CARD_ID}, deadline=in_seconds(-3600))
    for record in (closed, failing, past):
        assert s.outcome(record) == ("expired", "deadline")
    for record in (closed, failing):
        after = datetime.fromisoformat(s.result(record)["at"]) - datetime.fromisoformat(late)
        assert -timedelta(milliseconds=1) < after < timedelta(seconds=2), after
    assert len(s.sim.requests(path="/card/get")) == 1 == len(s.sim.requests(path="/card/update"))
    assert s.records(waiting) == [] == s.kafka.read("dlq.command")


@pytest.mark.deadline(200)
def test_killed_around_card_create_never_makes_two(system):
    s = system()
    bodies = {True: examples("card.create", "ok")["ok-member.json"], False: examples("card.create", "ok")["ok-gift.json"]}
    s.script(*(path_rule(CREATE, {"hang": True, "effect": effect}, times=1,
                         match={"card.card_type": body["card"]["card_type"]}) for effect, body in bodies.items()))
    sent = {effect: s.send("card.create", body) for effect, body in bodies.items()}
    s.sim.wait_requests(2, path=CREATE)
    s.worker.kill()
    s.worker = s.start("two")
    assert {result["outcome"] for result in s.results(sent).values()} == {"unknown"}
    letters = {letter.id: letter for letter in s.kafka.wait("dlq.command", 2)}
    assert {letter.header("dlq-reason") for letter in letters.values()} == {"outcome-unknown"}
    for record in sent.values():
        s.kafka.produce("cmd.wechat", *record)
    assert {result["outcome"] for result in s.results(sent, 2).values()} == {"unknown"}
    assert len(s.calls("card.create")) == 2, "none twice"
    for effect, record in sent.items():
        letter = letters[record[2]["ce_id"]]
        s.ctl("dlq", "replay", "command", f"{letter.partition}:{letter.offset}", "--as", "done" if effect else "again")
    assert {result["outcome"] for result in s.results(sent, 3).values()} == {"done"}
    made = [r["body"] for r in s.calls("card.create")]
    assert [made.count(bodies[effect]) for effect in (True, False)] == [1, 2], "again only where a person says so"


def test_after_a_cut_the_card_is_asked(system):
    """Of two commands of each type one happened before the connection was cut."""
    codes = {"code.consume": ("CONSUMED", "1", "2"), "code.unavailable": ("UNAVAILABLE", "3", "4")}
    s = system(*(member(code) for code in "1234"))
    bodies = {("card.delete", happened): {"card_id": f"p{happened}"} for happened in (True, False)}
    bodies |= {("code.update", happened): {"code": f"old{happened}", "new_code": f"new{happened}"}
               for happened in (True, False)}
    for type_, (status, there, not_there) in codes.items():
        bodies |= {(type_, True): {"code": there, "card_id": CARD_ID}, (type_, False): {"code": not_there, "card_id": CARD_ID}}
        s.sim.control("members", {"appid": APPID, "card_id": CARD_ID, "code": there, "status": status})
    s.sim.control("script", [
        *(path_rule(CALLS[type_][1], {"cut": "before"}, times=1, match=body) for (type_, _), body in bodies.items()),
        *(path_rule(CALLS[type_][1], {"errcode": 0}) for type_, _ in bodies),
        path_rule("/card/get", {"errcode": 40073}, match={"card_id": "pTrue"}), path_rule("/card/get", {"errcode": 0}),
        *(path_rule(CODE_GET, {"errcode": 40056}, match={"code": code}) for code in ("oldTrue", "newFalse")),
        *(path_rule(CODE_GET, {"errcode": 0}, match={"code": code}) for code in ("newTrue", "oldFalse"))])
    sent = {(type_, happened): s.send(type_, body) for (type_, happened), body in bodies.items()}
    results = s.results(sent)
    for (type_, happened), result in results.items():
        assert (type_, happened, result["outcome"]) == (type_, happened, "done")
        calls = [r for r in s.calls(type_) if r["body"] == bodies[type_, happened]]
        assert (type_, happened, len(calls)) == (type_, happened, 1 if happened else 2)
    answer = results["code.consume", True]["answer"]
    assert answer == {"card": {"card_id": CARD_ID}, "openid": member()["openid"]}
    assert s.kafka.read("dlq.command") == []


def test_what_cannot_be_taken_back_is_not_replayed(system):
    s = system(worker={"max_attempts": 1})
    s.script(*(path_rule(path, {"errcode": -1}, times=1) for path in ("/card/delete", CALLS["message.template"][1])))
    record = s.send("card.delete", {"card_id": CARD_ID})
    message = s.send("message.template", example("message.template"))
    plain = s.send("card.get", {"card_id": CARD_ID})
    assert s.outcome(record) == s.outcome(message) == ("failed", "exhausted") and s.outcome(plain) == ("done", None)
    letters = s.kafka.wait("dlq.command", 2)
    assert {letter.header("dlq-reason") for letter in letters} == {"exhausted"}
    s.ctl("dlq", "replay", "command")
    assert s.outcome(record, count=2) == ("rejected", "replay")
    assert s.outcome(message, count=2) == ("unknown", "outcome-unknown"), "the replay's own time says nothing"
    assert len(s.calls("card.delete")) == len(s.calls("message.template")) == 1
    assert s.outcome(s.send("card.delete", {"card_id": CARD_ID})) == ("done", None), "a new command may"


def test_results_go_where_reply_to_says(system, kafka, config, run):
    sections = {"topic": {"reply_to_allowed": f"{kafka.name('replies')} {kafka.name('more')}"}}
    kafka.create("replies", "more")
    s = system(sections=sections)
    s.script()
    answered = s.send("card.get", {"card_id": CARD_ID}, key="k", reply_to=kafka.name("replies"))
    refused = s.send("card.get", {}, reply_to=kafka.name("replies"))
    for record in (answered, refused):
        s.result(record)
        wait_for(lambda record=record: s.records(record, "replies"), 20, "the reply")
        ours, theirs = s.records(record), s.records(record, "replies")
        assert [(r.id, r.key, r.value) for r in ours] == [(r.id, r.key, r.value) for r in theirs]
    assert kafka.read("more") == []
    missing = s.config.with_({"topic": {"reply_to_allowed": kafka.name("nowhere")}})
    program = run("command", missing, ready=False)
    assert program.wait_exit(30) == 78
    assert "reply_to_allowed names " + kafka.name("nowhere") in program.log_text()
    program.kill()


def test_template_messages_may_be_sent_again_while_wechat_remembers_them(system):
    s = system()
    path = CALLS["message.template"][1]
    body = {name: value for name, value in example("message.template").items() if name != "client_msg_id"}
    s.script(path_rule(path, {"cut": "after"}, times=2))
    young = s.send("message.template", body)
    s.sim.wait_requests(1, path=path)
    ten_minutes_ago = int(datetime.now(UTC).timestamp() * 1000) - 600_000
    old = s.send("message.template", body, timestamp_ms=ten_minutes_ago)
    assert (s.outcome(young), s.outcome(old)) == (("done", None), ("unknown", "outcome-unknown"))
    ids = [r["body"]["client_msg_id"] for r in s.calls("message.template")]
    assert sorted(ids) == sorted([young[2]["ce_id"]] * 2 + [old[2]["ce_id"]])


def test_a_template_message_that_was_cut_is_not_sent_when_it_may_come_twice(system):
    """Too late, whatever the calls between said of themselves; and after the deadline it is not called unsent."""
    s = system()
    path = CALLS["message.template"][1]
    body = {name: value for name, value in example("message.template").items() if name != "client_msg_id"}
    s.script(*(path_rule(path, {"cut": "after"}, times=1, match={"touser": user}) for user in ("refused", "late")),
             path_rule(path, {"errcode": 61450}, times=60, match={"touser": "refused"}))
    nearly = int(datetime.now(UTC).timestamp() * 1000) - 540_000 + 8_000
    refused = s.send("message.template", {**body, "touser": "refused"}, timestamp_ms=nearly)
    late = s.send("message.template", {**body, "touser": "late"}, deadline=in_seconds(3))
    for record in (refused, late):
        assert s.outcome(record) == ("unknown", "outcome-unknown")
    assert len([r for r in s.calls("message.template") if r["body"]["touser"] == "late"]) == 1


def coupons_are_refused_plainly(s):
    s.script(path_rule(CREATE, {"errcode": 48001, "errmsg": "api unauthorized"}))
    record = s.send("card.create", examples("card.create", "ok")["ok-cash.json"])
    result = s.result(record)
    assert (result["outcome"], result["errcode"], result["error"]["code"]) == ("rejected", 48001, "wechat:48001")
    assert result["errmsg"].startswith("api unauthorized")
    assert "2021-04-01" in result["error"]["message"] and result["error"]["pointer"] == "/body/card/card_type"


def test_member_activate_is_the_activation_of_kabao_activate(system):
    code = "018255396048"
    s = system(received(code))
    body = {"membership_number": "AAA00000001", "code": code, "card_id": CARD_ID, "init_bonus": 100,
            "init_custom_field_value1": "白银"}
    s.sim.control("script", [path_rule(CALLS["member.activate"][1], {"cut": "after"}, times=1)])
    record = s.send("member.activate", body)
    assert s.outcome(record) == ("done", None)
    other = s.send("member.activate", {**body, "membership_number": "BBB"})
    assert s.outcome(other) == ("done", None)
    assert s.result(other)["answer"] == {"membership_number": "AAA00000001"}, "an active card stays as it is"
    assert s.sim.effects(code=code)[code]["activations"] == 1
    (told,) = s.kafka.read("event.activation")
    name = f"activate\x1f{APPID}:{CARD_ID}:{code}#-"
    assert told.id == hashlib.sha256(name.encode()).hexdigest()[:32]
    assert (told.json["by"], told.json["membership_number"]) == ("kabao", "AAA00000001")
    (request,) = s.calls("member.activate")
    assert request["body"] == body
    gone = s.send("member.activate", {**body, "code": "nobody"})
    assert s.outcome(gone) == ("rejected", "wechat:40056")


def test_member_find_answers_from_the_tables(system, db):
    s = system()
    rows = [("c1", "1", "o1", "u1", "M1", "+8615521328888"), ("c1", "2", "o2", "u1", "M2", "+8613000000000"),
            ("c2", "1", "o1", None, "M1", None)]
    for card_id, code, openid, unionid, number, mobile in rows:
        db.query("INSERT INTO member (appid,card_id,card_code,openid,unionid,membership_number,mobile,status,bonus,"
                 "activated_at) VALUES (%s,%s,%s,%s,%s,%s,%s,'NORMAL',5,'2026-01-02 03:04:05.678')",
                 APPID, card_id, code, openid, unionid, number, mobile)
    expected = {
        ("mobile", "155 2132 8888"): [("c1", "1")], ("mobile", "+8615521328888"): [("c1", "1")],
        ("membership_number", "M1"): [("c1", "1"), ("c2", "1")], ("openid", "o1"): [("c1", "1"), ("c2", "1")],
        ("unionid", "u1"): [("c1", "1"), ("c1", "2")], ("openid", "nobody"): [],
    }
    sent = {search: s.send("member.find", dict([search])) for search in expected}
    for search, record in sent.items():
        result = s.result(record)
        cards = result["answer"]["cards"]
        assert (search, [(c["card_id"], c["card_code"]) for c in cards]) == (search, expected[search])
        assert "errcode" not in result
    (card,) = s.result(sent["mobile", "155 2132 8888"])["answer"]["cards"]
    assert card == {"card_id": "c1", "card_code": "1", "openid": "o1", "unionid": "u1", "membership_number": "M1",
                    "status": "NORMAL", "bonus": 5, "activated_at": "2026-01-02T03:04:05.678Z"}
    one = s.send("member.find", {"openid": "o1", "card_id": "c2"})
    assert [c["card_id"] for c in s.result(one)["answer"]["cards"]] == ["c2"]
    bad = s.result(s.send("member.find", {"mobile": "no number"}))
    assert (bad["error"]["code"], bad["error"]["pointer"]) == ("schema", "/body/mobile")
    assert s.sim.requests(path=USERINFO) == []


class Upstream(BaseHTTPRequestHandler):
    """Answers that the simulator does not give: by path."""

    answers = {}

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        text = json.dumps(self.answers[self.path.split("?")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_answers_of_every_size_and_a_command_from_the_settings(system, upstream, rng):
    url = ("https://mp.weixin.qq.com/bizmall/activatemembercard?action=preshow&encrypt_card_id=a%2Bb%3D%3D"
           "&outer_str=123&biz=MzA4MTU=%3D#wechat_redirect")
    ok = {"errcode": 0, "errmsg": "ok"}
    Upstream.answers = {
        "/card/membercard/activate/geturl": {**ok, "url": url},
        "/card/get": {**ok, "text": "x" * 900_000},
        "/card/batchget": {**ok, "text": base64.b64encode(rng.randbytes(786_300)).decode()},  # just below 1 MiB
        "/card/code/getdepositcount": {**ok, "text": "x" * 1_100_000},
        "/card/update": {"errcode": 0, "errmsg": "o\n" * 9000, "text": "x" * 100_000},
        "/card/new/thing": {**ok, "thing": 1.50, "more": [{"a": None}]},
        "/card/new/closed": {"errcode": 99999, "errmsg": "no"},
    }
    s = system()
    s.worker.stop()
    new = {"path": "/card/new/thing", "nature": "once"}
    closed = {"path": "/card/new/closed", "nature": "repeatable", "final": "99999"}
    s.worker = s.start("two", config=s.config.with_({"wechat": {"base_url": upstream}, "command card.thing": new,
                                                     "command card.closed": closed}))
    extra = s.result(s.send("card.activate_url", {"card_id": CARD_ID}))
    assert extra["answer"] == {"url": url, "extraData": {"encrypt_card_id": "a+b==", "outer_str": "123",
                                                         "biz": "MzA4MTU=="}}
    assert len(s.result(s.send("card.get", {"card_id": CARD_ID}))["answer"]["text"]) == 900_000
    for type_ in ("card.list", "code.deposit_count", "card.update"):
        record = s.send(type_, example(type_))
        result = s.result(record)
        assert (type_, result["outcome"], result["errcode"], result["error"]["code"]) == (type_, "done", 0, "size")
        assert "answer" not in result
    assert result["errmsg"] == "o\n" * 256
    s.again(record)
    first, second = s.records(record)
    assert (first.id, first.value) == (second.id, second.value)
    thing = s.send("card.thing", {"any": ["body"]})
    assert s.outcome(thing) == ("done", None)
    assert b'"answer":{"thing":1.5,"more":[{"a":null}]}' in s.records(thing)[0].value
    assert s.outcome(s.send("card.closed", {})) == ("rejected", "wechat:99999")
