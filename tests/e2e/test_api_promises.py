# SPDX-License-Identifier: Apache-2.0
"""What README.md of the ingress and of the workers promise to those who ask over HTTP: what is remembered and for how
long, who may ask after a reload, what is refused, and what becomes of a command whose worker, card or topic fails."""
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit.api import TOPICS, Api, StandIn, reload_clients, write_clients
from kit.config import CARD_ID
from kit.population import accounts
from kit.probe import QUICK_GROUP
from kit.program import run_tool
from kit.records import wechat_command, wechat_result
from kit.scale import count
from kit.waiting import concurrently, wait_for

ALL = {"token": "kbt_all_0123456789abcdef"}
SHOP = {"token": "kbt_shop_0123456789abcdef"}
NEW = {"token": "kbt_new_0123456789abcdef"}
CODE = "018255396048"
GET = {"body": {"card_id": CARD_ID}}
ACTIVATE, USERINFO = "/card/membercard/activate", "/card/membercard/userinfo/get"
SEND = "/cgi-bin/message/custom/send"


@pytest.fixture
def settings(tmp_path, config, kafka):
    """An ingress with its API, and topics; no worker."""
    kafka.create(*TOPICS)
    path = write_clients(tmp_path / "clients.ini", {"all": ALL, "shop": SHOP})
    return config.with_(ingress={"api_tokens_file": path})


class System:
    """An ingress, kabao-token and kabao-command beside the simulator."""

    def __init__(self, config, run, sim, kafka):
        self.config, self.run, self.sim, self.kafka = config, run, sim, kafka
        run("token", config, ready=False)
        self.worker = run("command", config)
        self.api = Api(run("ingress", config).listen, ALL["token"])

    def say(self, text, key, **members):
        """A message to a member: it must not go out twice."""
        body = {"touser": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "msgtype": "text", "text": {"content": text}}
        answer = self.api.command("message.custom", body, key, "wait=60", **members)
        assert answer.status == 200, answer
        return answer.json

    def said(self):
        return [request["body"]["text"]["content"] for request in self.sim.requests(path=SEND)]


@pytest.fixture
def system(tmp_path, apply, config, run, start_sim, kafka):
    def start(*members, script=None, **sections):
        sim = start_sim(accounts(*members), script)
        changes = {"ingress": {"api_tokens_file": write_clients(tmp_path / "clients.ini", {"all": ALL})},
                   "wechat": {"base_url": sim.url}, "worker": {"drain_timeout_ms": 5000}, "kafka": QUICK_GROUP,
                   **sections}
        ready = config.with_(changes)
        apply(ready)
        return System(ready, run, sim, kafka)
    return start


# What is remembered

def test_a_start_reads_what_the_window_holds(settings, run, kafka):
    """Records of before the start: those of the window are known, older ones are said to stand in the topic."""
    window_s, now_ms = 900, int(time.time() * 1000)
    commands = {}
    for name, age_s in (("old", window_s + 120), ("old and open", window_s + 120), ("young", window_s - 120),
                        ("open", window_s - 120)):
        commands[name] = wechat_command("card.get", GET["body"])
        at_ms = now_ms - age_s * 1000
        kafka.produce("cmd.wechat", *commands[name], partition=0, timestamp_ms=at_ms)
        if "open" not in name:
            kafka.produce("result.wechat", *wechat_result(commands[name]), partition=0, timestamp_ms=at_ms)
    api = Api(run("ingress", settings.with_(ingress={"api_window_s": window_s})).listen, ALL["token"])
    found = {name: api.get(command[2]["ce_id"]) for name, command in commands.items()}
    assert {name: answer.status for name, answer in found.items()} == {
        "old": 404, "old and open": 404, "young": 200, "open": 202}
    assert found["young"].text == wechat_result(commands["young"])[1]
    for name in ("old", "old and open"):
        assert kafka.name("result.wechat") in found[name].problem(404, "not-found")["detail"]


def test_what_the_window_has_left_is_the_workers_to_remember(settings, run, kafka):
    """The least window: a result leaves a running ingress; the same request again gets it from the worker."""
    api = Api(run("ingress", settings.with_(ingress={"api_window_s": 1})).listen, ALL["token"])
    with StandIn(kafka) as worker:
        done = api.command("card.get", GET["body"], "k", "wait=20")
        command_id = done.json["command_id"]
        gone = wait_for(lambda: (lambda a: a if a.status == 404 else None)(api.get(command_id)), 10, "the window's end")
        assert kafka.name("result.wechat") in gone.problem(404, "not-found")["detail"]
        again = api.command("card.get", GET["body"], "k", "wait=20")
        assert (again.status, again.text, worker.calls) == (200, done.text, 1)
    assert len(kafka.read("cmd.wechat")) == 2


def test_after_the_window_another_body_under_a_key_is_refused_by_the_worker(settings, run, kafka):
    """Who waits is told, and GET shows it."""
    api = Api(run("ingress", settings.with_(ingress={"api_window_s": 4})).listen, ALL["token"])
    with StandIn(kafka) as worker:
        command_id = api.command("card.get", GET["body"], "k", "wait=20").json["command_id"]
        wait_for(lambda: api.get(command_id).status == 404, 10, "the window's end")
        other = api.command("card.get", {"card_id": "another"}, "k", "wait=3")
        assert (other.status, worker.calls) == (200, 1)
        assert (other.json["outcome"], other.json["error"]["code"]) == ("rejected", "idempotency")
        assert api.get(command_id).text == other.text


def test_a_result_wakes_who_waits_within_a_second(settings, run, kafka):
    """Nothing else comes along that would fill a batch of the feed."""
    api = Api(run("ingress", settings).listen, ALL["token"])

    def ask():
        answer = api.command("card.get", GET["body"], None, "wait=30")
        return answer, time.monotonic()

    took = {}
    with ThreadPoolExecutor(1) as pool:
        for number in range(count(100, 10)):
            waiting = pool.submit(ask)
            (command,) = (r for r in kafka.wait("cmd.wechat", number + 1) if r.id not in took)
            kafka.produce("result.wechat", *wechat_result((command.key, command.value, {"ce_id": command.id})))
            written = time.monotonic()
            answer, answered = waiting.result()
            assert (answer.status, answer.json["command_id"]) == (200, command.id)
            took[command.id] = round(answered - written, 3)
    print(f"seconds from a result to its answer: {sorted(took.values())}")
    assert max(took.values()) < 1


# Who may ask

GOOD = "[token all]\nsha256 = " + "0" * 64 + "\n"
# What stands in the file, and where it is wrong; "": nowhere in particular.
WRONG = [
    (GOOD + "[token x", ":3"),  # not closed
    (GOOD + "what is this\n", ":3"),
    ("sha256 = 12\n" + GOOD, ":1"),
    (GOOD + "[client x]\n", ":3"),
    (GOOD + "[token x y]\n", ":3"),
    (GOOD + "[token x]\nsha256 = 12\n", ":4"),
    (GOOD + "[token x]\nsha256 = " + "g" * 64 + "\n", ":4"),
    (GOOD + "[token x]\ncolour = red\n", ":4"),
    (GOOD + "[token x]\naccess_token = perhaps\n", ":4"),
    (GOOD + "[token all]\n", ":3"),
    (GOOD + "[token x]\naccounts = demo\n", ""),  # no sha256
    (GOOD + "[token x]\nsha256 = " + "0" * 64 + "\n", ""),  # that of another
    (None, ""),  # no such file
]


def test_a_wrong_list_of_clients_changes_nothing_and_a_right_one_all(settings, run, tmp_path):
    path = tmp_path / "clients.ini"
    ingress = run("ingress", settings)
    every, shop, new = (Api(ingress.listen, client["token"]) for client in (ALL, SHOP, NEW))
    nobody = "0" * 32
    for text, line in WRONG:
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
        told = reload_clients(ingress)
        assert (told["event"], told["level"], f"{path.name}{line}:" in told["error"]) == (
            "api.clients_kept", "error", True), (text, told)
        assert every.get(nobody).status == shop.get(nobody).status == 404, text
    write_clients(path, {"shop": SHOP, "new": {**NEW, "types": "bonus"}})
    assert reload_clients(ingress)["event"] == "api.clients_reloaded"
    assert every.get(nobody).problem(401, "unauthorized")
    assert shop.get(nobody).status == new.get(nobody).status == 404
    new.command("card.get", GET["body"]).problem(403, "forbidden")


# What is refused

CHANGE = {"card_id": CARD_ID, "card_code": CODE}
# A good body of each request but those of WeChat, and a member misspelt.
MISSPELT = [
    ("commands/card.get", GET, "dead_line"),
    ("bonus", {**CHANGE, "mode": "set", "bonus": 7, "version": 1}, "add-bonus"),
    ("activations", {**CHANGE, "membership_number": "M1"}, "init_bonuss"),
    (f"cards/{CARD_ID}/ext", {"outer_str": "poster-7"}, "fixed_begin_timestamp"),
    ("cards/choose", {"cardType": "MEMBER_CARD"}, "card_id"),
    ("jsapi-signature", {"url": "https://shop.example/"}, "uri"),
    ("accounts/demo/access-token", {"bad": "one that never was"}, "kind"),
]


def test_a_misspelt_member_is_refused_with_its_place(settings, run, tmp_path, kafka):
    write_clients(tmp_path / "clients.ini", {"all": {**ALL, "access_token": "true"}})
    api = Api(run("ingress", settings).listen, ALL["token"])
    for path, body, name in MISSPELT:
        assert api.post(path, body).status in (202, 503), path  # 503: there are no tickets to sign with
        for value in (1, None):
            (error,) = api.post(path, {**body, name: value}).problem(422, "schema")["errors"]
            assert (path, error["pointer"]) == (path, f"/{name}")
    assert len(kafka.read("cmd.wechat")) == len(kafka.read("cmd.bonus")) == len(kafka.read("cmd.activation")) == 1


# What becomes of a command

# Which of WeChat's answers about a card come late, and how many of each. The pushes come during the first of them.
LATE = ({}, {USERINFO: 1}, {ACTIVATE: 1}, {USERINFO: 2, ACTIVATE: 1})


def test_one_activation_by_a_command_and_kabao_activate_at_once(system, run, pusher):
    """The card's pushes come while the command has it in hand."""
    codes = {f"{n:012d}": LATE[n % len(LATE)] for n in range(count(300, 8))}
    s = system(script=[{"path": path, "match": {"code": code}, "times": times, "do": {"delay_ms": 1500}}
                       for code, late in codes.items() for path, times in late.items()],
               **{"account demo": {"activation": "on_receive", "init_bonus": 9}})
    run("activate", s.config)
    push = pusher(run("ingress", s.config))

    def live(code):
        body = {"code": code, "card_id": CARD_ID, "membership_number": "M" + code, "init_bonus": 100}
        s.sim.receive(code, openid="oGRUFjk0a1b2c3d4e5f6g7h8i9j0")
        s.sim.submit(code)
        command = s.api.command("member.activate", body, code)
        for path in list(codes[code])[:1]:
            wait_for(lambda: [r for r in s.sim.requests(path=path) if r["body"]["code"] == code], 30, f"{path} {code}")
        s.sim.deliver(push, [p for p in s.sim.pushes() if p["code"] == code])
        return s.api.get(command.id, Prefer="wait=60")

    answers = concurrently(live, codes, 8)
    assert [(a.status, a.json["outcome"]) for a in answers] == [(200, "done")] * len(codes)
    s.kafka.wait_done("activate", "event.wechat")
    assert {code: card["activations"] for code, card in s.sim.effects().items()} == dict.fromkeys(codes, 1)
    told = {record.id: record.json for record in s.kafka.read("event.activation")}
    assert sorted((value["card_code"], value["by"]) for value in told.values()) == [(code, "kabao") for code in codes]
    shown = {code: s.sim.card(code)["membership_number"] for code in codes}
    assert {value["card_code"]: value["membership_number"] for value in told.values()} == shown
    assert {a.json["answer"]["membership_number"] for a in answers} == set(shown.values())


def test_a_reply_topic_that_goes_away_costs_no_command_and_no_second_call(system, kafka, db):
    """The result stands in result.wechat; the log names the topic. Nothing is tried again for the reply's sake."""
    kafka.create("replies")
    replies = kafka.name("replies")
    s = system(script=[{"path": SEND, "do": {"errcode": 0}}], topic={"reply_to_allowed": replies})
    texts = ["before", "gone", "still gone", "gone for good"]
    assert s.say(texts[0], "k0", reply_to=replies)["outcome"] == "done"
    kafka.wait("replies", 1)
    kafka.delete("replies")
    for number, text in enumerate(texts[1:], 1):
        assert s.say(text, f"k{number}", reply_to=replies)["outcome"] == "done"
        s.worker.wait_metric("kabao_processed_total", number + 1, outcome="ok")
    s.kafka.wait_done("command", "cmd.wechat")
    assert s.said() == texts and not db.rows("parked")
    assert {r.json["outcome"] for r in kafka.read("result.wechat")} == {"done"} and kafka.read("dlq.command") == []
    told = s.worker.log_lines("command.reply_to")
    assert [line["code"] for line in told] == ["kafka:topic"] * 3 and all(replies in line["error"] for line in told)


@pytest.mark.deadline(180)
def test_a_command_that_kills_its_worker_is_told_as_failed(system):
    """At the third death; a replay that goes well takes the place of that."""
    s = system(script=[{"path": "/card/get", "do": {"hang": True}}])
    command_id = s.api.command("card.get", GET["body"]).id
    for deaths in range(1, 4):
        s.sim.wait_requests(deaths, path="/card/get")
        (child,) = s.worker.children()
        os.kill(child, signal.SIGKILL)
    failed = s.api.get(command_id, Prefer="wait=60")
    assert (failed.status, failed.json["outcome"], failed.json["error"]["code"]) == (200, "failed", "crash")
    (letter,) = s.kafka.wait("dlq.command", 1)
    assert (letter.id, letter.header("dlq-reason"), letter.header("dlq-crashes")) == (command_id, "crash", "3")
    assert len(s.sim.requests(path="/card/get")) == 3
    s.sim.control("script", [{"path": "/card/get", "do": {"errcode": 0}}])
    done = run_tool("kabaoctl", "dlq", "replay", "command", "--config", s.worker.ini, "--yes")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: s.api.get(command_id).json["outcome"] == "done", 30, "the replay's result")
