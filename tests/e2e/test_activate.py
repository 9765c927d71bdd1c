# SPDX-License-Identifier: Apache-2.0
"""kabao-activate: a card becomes active once for each receipt, by whom the account's `activation` says, in any order of
pushes, tickets and deaths."""
import json
import time
import urllib.parse

import pytest

from kit.config import APPID, CARD_ID
from kit.population import accounts
from kit.push import card_event
from kit.records import activation_request
from kit.scale import count
from kit.waiting import wait_for
from kit.web import request

GET, SUBMIT = "user_get_card", "submit_membercard_user_info"
ACTIVATE, USERINFO = "/card/membercard/activate", "/card/membercard/userinfo/get"
TEMP_INFO = "/card/membercard/activatetempinfo/get"
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
FORM = {"USER_FORM_INFO_FLAG_MOBILE": "15521328888"}
PAGE = "https://shop.example/welcome?from=card"


class System:
    def __init__(self, config, run, pusher, sim, kafka, db):
        self.sim, self.kafka, self.db, self.run, self.config = sim, kafka, db, run, config
        self.ingress, self.token, self.activate = (run(name, config, ready=False)
                                                   for name in ("ingress", "token", "activate"))
        for program in (self.ingress, self.token, self.activate):
            program.wait_ready()
        self.push = pusher(self.ingress)
        self.sent = 0

    def deliver(self):
        """What the platform would have pushed since the last time."""
        self.sim.deliver(self.push, after=self.sent)
        self.sent = self.sim.last_push()

    def later(self):
        """WeChat counts seconds: a receipt in the same one is no later."""
        self.sim.control("clock", {"advance_s": 2})

    def receive(self, code="018255396048", deliver=True, **more):
        self.sim.receive(code, **{"openid": OPENID, **more})
        if deliver:
            self.deliver()
        return code

    def open_page(self, code=None, method="GET", path="/wechat/demo/activate?", **fields):
        """The landing page, as WeChat opens it."""
        values = {"card_id": CARD_ID, "openid": OPENID, "outer_str": "12b", **fields}
        query = urllib.parse.urlencode({k: v for k, v in values.items() if v is not None})
        return request(self.ingress.listen, method, path + query)

    def request(self, code=None, key=None, at=None, **fields):
        """A record on cmd.activation; under this key, of this time where those are given."""
        own_key, value, headers = activation_request(code, **fields)
        self.kafka.produce("cmd.activation", key or own_key, value, headers | ({"ce_time": at} if at else {}))

    def settle(self, timeout=60):
        self.kafka.wait_done("activate", "event.wechat", timeout)
        before = None
        while before != (before := self.kafka.ends("cmd.activation")):  # what was moved under the card's key
            self.kafka.wait_done("activate", "cmd.activation", timeout)

    def events(self, kind, code=None):
        return [r for r in self.kafka.read("event.activation")
                if r.header("ce_type") == f"kabao.{kind}" and code in (None, r.json["card_code"])]

    def wait_events(self, kind, enough=1, code=None, timeout=30):
        self.kafka.wait("event.activation", lambda _: len(self.events(kind, code)) >= enough, timeout, kind)
        return self.events(kind, code)

    def activated(self, enough=1, code=None, timeout=30):
        return self.wait_events("card.activated", enough, code, timeout)

    def row(self, code="018255396048"):
        (row,) = self.db.rows("activation_wait", card_code=code)
        return row


@pytest.fixture
def system(apply, config, run, pusher, start_sim, kafka, db):
    def start(activation, script=None, **account):
        sim = start_sim(accounts(), script)
        ready = config.with_({"account demo": {"activation": activation, **account}}, wechat={"base_url": sim.url},
                             worker={"drain_timeout_ms": 5000})
        apply(ready)
        return System(ready, run, pusher, sim, kafka, db)
    return start


# The modes

def test_on_receive_activates_with_number_and_points(system):
    s = system("on_receive", init_bonus=100, membership_number="prefix:VIP-SH-1")
    code = s.receive()
    (record,) = s.activated()
    assert record.key == f"{APPID}:{CARD_ID}:{code}"
    value = record.json
    assert (value["by"], value["membership_number"], value["init_bonus"]) == ("kabao", "VIP-SH-1018255396048", 100)
    assert (value["account"], value["openid"]) == ("demo", OPENID)
    card = s.sim.card(code)
    assert (card["has_active"], card["membership_number"], card["bonus"]) == (True, "VIP-SH-1018255396048", 100)
    assert s.sim.effects()[code]["activations"] == 1
    assert s.row()["receipt_id"] == s.kafka.read("event.wechat")[0].id
    assert s.row()["told_at"] is not None and s.row()["due_at"] is None


@pytest.mark.parametrize("activation", count(["none", "on_receive", "on_ticket", "crm"], ["on_receive", "crm"]))
def test_what_wechat_activates_is_told_once(system, activation):
    s = system(activation)
    code = s.receive(has_active=True, deliver=False)
    for second in range(5):
        assert s.push.send(card_event(SUBMIT, code=code, at=int(time.time()) + second, openid=OPENID)).success
    s.deliver()
    s.settle()
    (record,) = s.activated()
    assert (record.json["by"], record.json["membership_number"]) == ("wechat", code)
    assert "init_bonus" not in record.json
    assert s.sim.requests(path=ACTIVATE) == []


def test_none_never_activates_but_a_command_does(system):
    s = system("none", landing_url=PAGE)
    code = s.receive()
    ticket = s.sim.submit(code, FORM)
    s.deliver()
    assert s.open_page(**ticket).status == 302
    s.receive("2", has_active=True)
    s.settle()
    assert [r.json["by"] for r in s.activated()] == ["wechat"] and s.sim.requests(path=ACTIVATE) == []
    s.request(code, membership_number="M-1", init_bonus=7, init_balance=900)
    (record,) = s.activated(1, code)
    assert (record.json["membership_number"], record.json["init_bonus"]) == ("M-1", 7)
    assert (s.sim.card(code)["bonus"], s.sim.card(code)["balance"]) == (7, 900)


def test_the_landing_page_ends_in_an_active_card(system):
    s = system("on_ticket", landing_url=PAGE, init_bonus=20)
    code = s.receive()
    ticket = s.sim.submit(code, FORM)
    s.deliver()
    reply = s.open_page(**ticket)
    assert (reply.status, reply.body) == (302, "")
    assert reply.headers["location"] == f"{PAGE}&card_id={CARD_ID}&outer_str=12b"
    assert (reply.headers["cache-control"], reply.headers["referrer-policy"]) == ("no-store", "no-referrer")
    (record,) = s.activated()
    assert (record.json["by"], record.json["form"], record.json["init_bonus"]) == ("kabao", FORM, 20)
    assert s.sim.card(code)["has_active"]
    first, moved = s.kafka.wait("cmd.activation", 2)
    first, moved = (first, moved) if "card_code" not in first.json else (moved, first)
    assert first.key == f"{APPID}:{OPENID}"
    assert first.json["encrypt_code"] == ticket["encrypt_code"]
    assert first.json["activate_ticket"] == ticket["activate_ticket"]
    assert moved.key == f"{APPID}:{CARD_ID}:{code}" and moved.json["card_code"] == code
    assert s.open_page(**ticket).status == 302  # reloaded: the same again
    s.settle()
    assert len(s.kafka.read("cmd.activation")) == 2
    assert s.sim.effects()[code]["activations"] == 1 and len(s.activated()) == 1
    assert s.row()["form"] is None
    # The activate_url of a card without WeChat's form; and an address to which WeChat only appended.
    other = s.receive("2")
    reply = s.open_page(path="/wechat/demo/activate&", encrypt_code=s.sim.encrypt(other), openid=None, outer_str=None)
    assert reply.status == 302
    (record,) = s.activated(1, other)
    assert record.json["by"] == "kabao" and "form" not in record.json
    assert len(s.sim.requests(path=TEMP_INFO)) == 1


def test_a_ticket_under_the_cards_own_key_needs_no_code(system):
    s = system("on_ticket")
    code = s.receive()
    s.request(encrypt_code=s.sim.encrypt(code), key=f"{APPID}:{CARD_ID}:{code}")
    assert s.activated()[0].json["card_code"] == code
    assert len(s.kafka.read("cmd.activation")) == 1


# What the page refuses with 400.
SHAPES = [{"encrypt_code": None}, {"encrypt_code": ""}, {"card_id": None}, {"card_id": "p" * 33},
          {"card_id": "p1<script>"}, {"openid": "o 1"}, {"openid": "o" * 129}, {"outer_str": "a\nb"},
          {"outer_str": "x" * 257}, {"encrypt_code": "a" * 1025}, {"encrypt_code": 'a"b'}, {"activate_ticket": "a;b"}]


def test_the_page_answers_by_the_table(apply, config, run, kafka, broker):
    on = config.with_({"account demo": {"activation": "on_ticket", "landing_url": "http://127.0.0.1:1/page#top"}})
    apply(on)
    ingress, off = run("ingress", on), run("ingress", config)

    def ask(method="GET", path="/wechat/demo/activate?", to=ingress, **fields):
        values = {"card_id": CARD_ID, "outer_str": "12b", "encrypt_code": "QUJD", **fields}
        query = urllib.parse.urlencode({k: v for k, v in values.items() if v is not None})
        return request(to.listen, method, path + query)

    for shape in SHAPES:
        assert (ask(**shape).status, shape) == (400, shape)
    assert ingress.metric("kabao_ingress_requests_total", account="demo", outcome="ticket_shape") == len(SHAPES)
    head = ask(method="HEAD")
    assert head.status == 302 and head.headers["location"].endswith(f"/page?card_id={CARD_ID}&outer_str=12b#top")
    post = ask(method="POST")
    assert (post.status, post.headers["allow"]) == (405, "GET, HEAD")
    for path in ("/wechat/demo/activated?", "/wechat/other/activate?", "/wechat/demo/activate/?", "/wechat/demo/?"):
        assert ask(path=path).status == 404
    assert ask(to=off).status == 404
    broker.freeze()
    reply = ask(encrypt_code="RlJPWkVO")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    broker.thaw()
    assert ask(encrypt_code="VEhBV0VE").status == 302
    kafka.wait("cmd.activation", lambda records: "VEhBV0VE" in {r.json["encrypt_code"] for r in records})
    assert "QUJD" not in {r.json["encrypt_code"] for r in kafka.read("cmd.activation")}


def test_bad_tickets_activate_nobody(system):
    s = system("on_ticket", landing_url=PAGE)
    code = s.receive()
    good = s.sim.submit(code, FORM)
    over = s.sim.submit(code, FORM, ttl_s=0)
    s.request(encrypt_code="AAAA+/==", openid=OPENID)
    s.request(encrypt_code=good["encrypt_code"], activate_ticket="AAAA+/==")
    s.request(encrypt_code=over["encrypt_code"], activate_ticket=over["activate_ticket"])
    letters = s.kafka.wait("dlq.activate", 3)
    assert {r.header("dlq-error-code") for r in letters} == {"wechat:40075", "wechat:72011", "wechat:72012"}
    assert {r.header("dlq-reason") for r in letters} == {"rejected"}
    tries = [r for r in s.sim.requests(path=TEMP_INFO) if r["errcode"] == 72012]
    assert len(tries) == 3
    assert not s.sim.card(code)["has_active"] and s.events("card.activated") == []
    s.request(encrypt_code=good["encrypt_code"], activate_ticket=good["activate_ticket"])
    assert s.activated()[0].json["form"] == FORM
    for bad in ({}, {"code": "1" * 21}, {"code": "123", "init_bonus": -1}, {"code": "404"}):
        s.request(**bad)
    letters = s.kafka.wait("dlq.activate", 7)
    assert [r.header("dlq-reason") for r in letters].count("schema") == 3
    assert "wechat:40056" in {r.header("dlq-error-code") for r in letters}


def test_a_form_without_a_ticket_is_pending_once(system):
    s = system("on_ticket", pending_after_s=1)
    code = s.receive()
    ticket = s.sim.submit(code, FORM)
    s.deliver()
    assert s.push.send(card_event(SUBMIT, code=code, openid=OPENID, at=int(time.time()) + 2)).success
    (record,) = s.wait_events("activation.pending")
    assert (record.key, record.json["openid"]) == (f"{APPID}:{CARD_ID}:{code}", OPENID)
    assert s.row()["overdue_at"] is not None and s.row()["due_at"] is None
    s.request(**ticket, openid=OPENID)  # late, and good all the same
    assert s.activated()[0].json["by"] == "kabao"
    s.settle()
    assert len(s.events("activation.pending")) == 1


@pytest.mark.parametrize("pending_after_s", [1, 3600])
def test_a_form_gives_the_receipt_time_to_come(system, pending_after_s):
    s = system("on_receive", pending_after_s=pending_after_s)
    code = s.receive(deliver=False)
    assert s.push.send(card_event(SUBMIT, code=code, openid=OPENID)).success
    s.settle()
    if pending_after_s == 1:
        s.activated()
    else:
        assert s.row()["due_at"] is not None and s.sim.requests(path=ACTIVATE) == []
    s.deliver()
    (record,) = s.activated()
    s.settle()
    assert record.json["by"] == "kabao" and len(s.activated()) == 1
    assert s.sim.effects()[code]["activations"] == 1


# The CRM

def test_crm_is_asked_with_the_form_and_its_answer_activates(system):
    s = system("crm", init_bonus=5, landing_url=PAGE)
    code = s.receive()
    ticket = s.sim.submit(code, FORM)
    assert s.open_page(**ticket).status == 302
    s.deliver()
    (asked,) = s.wait_events("activation.requested")
    assert asked.json["form"] == FORM and asked.json["openid"] == OPENID
    assert s.open_page(**ticket, outer_str="again").status == 302
    assert s.push.send(card_event(SUBMIT, code=code, openid=OPENID, at=int(time.time()) + 2)).success
    for _ in range(2):  # delivered twice: WeChat is asked for the form of a ticket once
        s.request(**ticket, openid=OPENID, request_id="f" * 32)
    s.settle()
    assert len(s.sim.requests(path=TEMP_INFO)) == 3
    assert not s.sim.card(code)["has_active"]
    row = s.row()
    assert 590 < (row["due_at"] - row["asked_at"]).total_seconds() < 610
    assert json.loads(row["form"]) == FORM
    s.request(code, membership_number="CRM-77", init_bonus=300)
    (record,) = s.activated()
    assert (record.json["membership_number"], record.json["init_bonus"]) == ("CRM-77", 300)
    assert (s.sim.card(code)["membership_number"], s.sim.card(code)["bonus"]) == ("CRM-77", 300)
    s.request(code, membership_number="CRM-78")
    s.settle()
    assert len(s.events("activation.requested")) == 1 and len(s.activated()) == 1
    assert s.sim.card(code)["membership_number"] == "CRM-77"


@pytest.mark.parametrize("fallback", ["activate", "leave"])
def test_a_silent_crm_ends_in_the_fallback(system, fallback):
    s = system("crm", activation_deadline_s=1, activation_fallback=fallback, init_bonus=5)
    code = s.receive()
    s.sim.submit(code, FORM)
    s.deliver()
    s.wait_events("activation.requested")  # without a ticket, after a moment, and without a form
    if fallback == "activate":
        (record,) = s.activated()
        assert (record.json["membership_number"], record.json["init_bonus"]) == (code, 5)
        return
    s.wait_events("activation.pending")
    assert s.row()["due_at"] is None and not s.sim.card(code)["has_active"]
    s.request(code, membership_number="LATE")
    assert s.activated()[0].json["membership_number"] == "LATE"


def test_a_fallback_that_wechat_refuses_is_told_as_pending(system):
    s = system("crm", activation_deadline_s=1, script=[{"path": ACTIVATE, "do": {"errcode": 72001, "effect": False}}])
    code = s.receive()
    s.sim.submit(code, FORM)
    s.deliver()
    s.wait_events("activation.pending")
    wait_for(lambda: s.row()["overdue_at"], 30, "overdue")
    assert s.row()["due_at"] is None and s.row()["acting"] is None
    assert len(s.sim.requests(path=ACTIVATE)) == 1 and s.kafka.read("dlq.activate") == []
    assert s.activate.log_lines("activation.refused")


def test_of_a_card_that_went_the_crm_is_asked_again(system):
    """It comes back within the minute by which clocks may differ."""
    s = system("crm")
    code = s.receive()
    s.sim.submit(code, FORM)
    s.deliver()
    s.wait_events("activation.requested")
    s.sim.delete(code)
    assert s.push.send(card_event(SUBMIT, code=code, openid=OPENID, at=int(time.time()) + 1)).success
    wait_for(lambda: s.row()["due_at"] is None, 30, "given up")
    s.later()
    s.sim.receive(code, OPENID, restore=False)
    s.sim.submit(code, FORM)
    s.deliver()
    first, second = s.wait_events("activation.requested", 2)
    assert first.id != second.id
    wait_for(lambda: s.row()["due_at"], 30, "awaited")


def test_what_is_due_outlives_the_worker_and_waits_for_an_owner(system, run):
    s = system("crm", activation_deadline_s=3)
    codes = [f"{n:012d}" for n in range(10)]
    for code in codes:
        s.sim.receive(code, OPENID)
        s.sim.submit(code, FORM)
    s.deliver()
    s.wait_events("activation.requested", len(codes))
    s.activate.kill()
    others = [run("activate", s.config) for _ in range(2)]
    assert {r.json["card_code"] for r in s.activated(len(codes))} == set(codes)
    assert all(e["activations"] == 1 for e in s.sim.effects().values())
    assert all(other.running for other in others)


# Receipts: restored, given away, gone

def test_a_restored_card_keeps_its_points(system):
    """Restored as it was; and as one that must be activated anew."""
    s = system("on_receive", init_bonus=100, membership_number="prefix:M-")
    code, other = s.receive(), s.receive("2")
    s.activated(2)
    s.sim.foreign(code, bonus=50)
    s.sim.delete(code)
    s.sim.control("members", {"appid": APPID, "card_id": CARD_ID, "code": other, "has_active": False, "bonus": 30,
                              "membership_number": "OLD-7"})
    s.later()
    s.sim.receive(code, OPENID)
    restored = card_event(GET, code=other, at=int(time.time()) + 5, openid=OPENID, IsRestoreMemberCard=1)
    assert s.push.send(restored).success
    s.deliver()
    records = s.activated(2, code)
    assert [r.json["by"] for r in records] == ["kabao", "wechat"] and "init_bonus" not in records[1].json
    assert records[0].id != records[1].id
    assert (s.sim.card(code)["bonus"], s.sim.effects()[code]["activations"]) == (150, 1)
    first, second = s.activated(2, other)
    assert (first.json["init_bonus"], second.json.get("init_bonus")) == (100, None)
    assert (second.json["by"], second.json["membership_number"]) == ("kabao", "OLD-7")
    again = s.sim.requests(path=ACTIVATE)[-1]
    assert "init_bonus" not in again["body"]


def test_a_form_of_a_life_that_no_push_told_of(system):
    """The restored card's own user_get_card comes late: the form is not lost, and nothing is done twice."""
    s = system("on_ticket", landing_url=PAGE)
    code = s.receive()
    s.request(encrypt_code=s.sim.encrypt(code))
    s.activated()
    s.sim.delete(code)
    s.sim.receive(code, OPENID, restore=False)
    ticket = s.sim.submit(code, FORM)
    s.request(**ticket, openid=OPENID)
    first, second = s.activated(2)
    assert first.id != second.id and second.json["form"] == FORM
    s.deliver()
    s.settle()
    assert len(s.activated(2)) == 2
    assert s.sim.effects()[code]["activations"] == 2


def test_what_was_asked_of_an_earlier_life_is_passed_over(system):
    s = system("on_ticket")
    code = s.receive()
    long_ago = "2025-10-09T08:53:20Z"
    wait_for(lambda: s.db.rows("activation_wait"), 30, "the receipt")
    s.request(code, at=long_ago)
    s.request(encrypt_code=s.sim.encrypt(code), at=long_ago)  # its time goes with it to the card's key
    wait_for(lambda: len(s.activate.log_lines("activation.overtaken")) == 2, 30, "both passed over")
    assert s.sim.requests(path=ACTIVATE) == [] == s.kafka.read("dlq.activate")
    s.request(code)
    s.activated()


def test_what_is_found_active_is_told_with_the_requests_time(system):
    """Which a repetition after a crash has too."""
    s = system("on_ticket")
    code = s.receive(has_active=True, deliver=False)
    s.request(code, at="2025-10-09T08:53:20Z")
    (record,) = s.activated()
    assert (record.json["by"], record.json["activated_at"][:19]) == ("wechat", "2025-10-09T08:53:20")


@pytest.mark.parametrize("on_gift", ["fresh", "transfer"])
def test_a_gift_is_a_new_card(system, on_gift):
    s = system("on_receive", init_bonus=100, on_gift=on_gift)
    old = s.receive()
    s.activated()
    new = s.sim.gift(old, friend="oGRUFjFRIEND000000000000000f")
    s.deliver()
    (record,) = s.activated(1, code=new)
    assert (record.json["previous_card_code"], record.json["on_gift"]) == (old, on_gift)
    assert record.json.get("init_bonus") == (100 if on_gift == "fresh" else None)
    assert s.sim.card(new)["bonus"] == (100 if on_gift == "fresh" else 0)


def test_a_card_that_is_gone_is_nobodys_concern_until_it_comes_back(system):
    going = {"path": ACTIVATE, "match": {"code": "2"}, "do": {"errcode": 40127, "effect": False}}
    s = system("on_receive", script=[going])
    code = s.receive(deliver=False)
    s.sim.delete(code)
    s.receive("2")
    s.settle()
    assert s.events("card.activated") == [] == s.kafka.read("dlq.activate")
    assert any(line["code"] == "card:gone" for line in s.activate.log_lines("card.gone"))
    assert [r["body"]["code"] for r in s.sim.requests(path=ACTIVATE)] == ["2"]
    assert s.row("2")["acting"] is None and s.row("2")["told_at"] is None
    assert s.db.rows("effect") == []
    s.later()
    s.sim.receive(code, OPENID)
    s.deliver()
    assert s.activated()[0].json["by"] == "kabao"
    s.sim.delete(code)
    s.request(code, membership_number="OVER")  # was active before it went: nobody's fault
    s.settle()
    assert s.kafka.read("dlq.activate") == []


# Faults and deaths

FAULTS = [{"errcode": -1, "effect": False}, {"errcode": -1, "effect": True}, {"cut": "before"}, {"cut": "after"},
          {"status": 502, "effect": True}, {"truncate": True}]


def test_every_fault_ends_in_one_activation(system):
    codes = {f"{n:012d}": fault for n, fault in enumerate(FAULTS)}
    s = system("on_receive", init_bonus=9, script=[{"path": ACTIVATE, "match": {"code": code}, "times": 1, "do": fault}
                                                   for code, fault in codes.items()])
    for code in codes:
        s.sim.receive(code, OPENID)
    s.deliver()
    for record in s.activated(len(codes), timeout=60):
        assert (record.json["by"], record.json["init_bonus"]) == ("kabao", 9)
    effects = s.sim.effects()
    assert {code: effects[code]["activations"] for code in codes} == dict.fromkeys(codes, 1)
    s.settle()
    assert all(s.row(code)["told_at"] and not s.row(code)["acting"] for code in codes)


# The call during which the worker dies; None: after the card has become active.
DEATHS = [USERINFO, ACTIVATE, None]


@pytest.mark.deadline(300)
def test_a_death_changes_nothing(system, run):
    s = system("on_receive", init_bonus=9)
    for number, path in enumerate(DEATHS * count(10, 1)):
        code = f"{number:012d}"
        done = len(s.sim.requests(path=path)) if path else 0
        s.sim.control("script", [{"path": path, "times": 1, "do": {"delay_ms": 3000}}] if path else [])
        s.receive(code)
        if path:
            s.sim.wait_requests(done + 1, path=path)
        else:
            wait_for(lambda: s.sim.card(code)["has_active"], 30, "active")
        s.activate.kill()
        s.sim.control("script", [])
        s.activate = run("activate", s.config)
        (record, *rest) = s.activated(1, code=code, timeout=60)
        assert {(r.id, r.value) for r in rest} <= {(record.id, record.value)}
        assert (record.json["by"], record.json["init_bonus"]) == ("kabao", 9)
        assert s.sim.effects()[code]["activations"] == 1


def storm(s, rng, number, mode):
    """One card's life: received, its form submitted five times, perhaps the page opened, three times deleted and
    restored. Its pushes, in any order, some twice."""
    code = f"{number:012d}"
    start = int(time.time()) - 600
    receipts = [card_event(GET, code=code, at=start + 100 * n, openid=OPENID, IsRestoreMemberCard=int(n > 0),
                           OldUserCardCode="") for n in range(4)]
    s.sim.receive(code, OPENID)
    for _ in range(3):
        s.sim.delete(code)
        s.sim.receive(code, OPENID)
    acts = [(s.push.send, fields) for fields in receipts]
    acts += [(s.push.send, card_event(SUBMIT, code=code, at=start + 310 + n, openid=OPENID)) for n in range(5)]
    acts += [(s.push.send, card_event("user_del_card", code=code, at=start + 50 + 100 * n, openid=OPENID))
             for n in range(3)]
    ticket = s.sim.submit(code, FORM)
    if mode == "on_ticket":
        acts.append((lambda fields: s.open_page(**fields), ticket))
    acts += rng.sample(acts, 4)
    rng.shuffle(acts)
    return code, [(code, send, fields) for send, fields in acts]


@pytest.mark.parametrize("mode", ["on_receive", "on_ticket", "crm"])
@pytest.mark.deadline(300)
def test_any_order_and_deaths_end_in_one_activation(system, run, rng, mode):
    s = system(mode, init_bonus=100, landing_url=PAGE, activation_deadline_s=2, membership_number="prefix:M-")
    lives = [storm(s, rng, number, mode) for number in range(count(200, 12))]
    acts = [act for _, acts in lives for act in acts]
    rng.shuffle(acts)
    kills = set(rng.sample(range(len(acts)), count(20, 3)))
    for number, (_, send, fields) in enumerate(acts):
        reply = send(fields)
        assert reply.status in (200, 302), reply
        if number in kills:
            s.activate.kill()
            s.activate = run("activate", s.config, ready=False)
    s.activate.wait_ready()
    s.settle(120)
    codes = {code for code, _ in lives}
    wait_for(lambda: codes <= {r.json["card_code"] for r in s.events("card.activated")}, 60, "all are active")
    s.settle(60)
    effects = s.sim.effects()
    assert {code: effects[code]["activations"] for code in codes} == dict.fromkeys(codes, 1)
    for code in codes:
        records = s.events("card.activated", code)
        by_id = {}
        for record in records:
            assert by_id.setdefault(record.id, record.value) == record.value
        assert sum("init_bonus" in json.loads(value) for value in by_id.values()) <= 1
        assert [json.loads(v)["by"] for v in by_id.values()].count("kabao") == 1
        assert len(by_id) <= 4
        assert s.sim.card(code)["membership_number"] == f"M-{code}"
        asked = {r.id for r in s.events("activation.requested", code)}
        assert len(asked) <= (4 if mode == "crm" else 0)
    assert s.kafka.read("dlq.activate") == []
    assert s.db.rows("activation_wait", due_at=None, acting=None) and not [
        row for row in s.db.rows("activation_wait") if row["due_at"] or row["acting"] or not row["told_at"]]
