# SPDX-License-Identifier: Apache-2.0
"""kabao-forward: the old system gets every push once or more, in the order of its card, as WeChat would have sent it;
whatever it does, nothing of ours waits for it."""
import itertools
import re
import time

import pytest
from kit.config import APPID, account
from kit.oldsystem import ERROR_PAGE, oldsystem, read_xml  # noqa: F401 (oldsystem is a fixture)
from kit.probe import QUICK_GROUP
from kit.program import run_tool
from kit.push import card_event, event
from kit.records import event_record
from kit.scale import count
from kit.waiting import wait_for

EVENT = "user_view_card"
TRIES = 10  # GATE_TRIES
REPLY = ("<xml><ToUserName><![CDATA[o]]></ToUserName><FromUserName><![CDATA[gh]]></FromUserName><CreateTime>1</CreateTime>"
         "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>")


class System:
    def __init__(self, config, run, old, kafka, db):
        self.config, self.run, self.old, self.kafka, self.db = config, run, old, kafka, db
        self.times = itertools.count(1760000000)
        self.sent = {}  # code: [CreateTime], in order
        self.worker = None

    def start(self):
        self.worker = self.run("forward", self.config)
        return self.worker

    def record(self, code):
        at = next(self.times)
        self.sent.setdefault(code, []).append(str(at))
        return event_record(EVENT, code, at=at)

    def tell(self, *codes):
        """One push of each, as the ingress would have produced it."""
        for code in codes:
            self.kafka.produce("event.wechat", *self.record(code))

    def tell_all(self, numbers, cards):
        """So many of each card, by turns."""
        self.kafka.produce_many("event.wechat", [self.record(code) for _ in range(numbers) for code in cards])

    def taken(self, code):
        return [read_xml(message)["CreateTime"] for message in self.old.taken(code)]

    def wait_taken(self, timeout=60, without=()):
        """Every push was taken, each card's in their order."""
        def missing():
            return {code: len(times) for code, times in self.sent.items()
                    if code not in without and len(self.taken(code)) < len(times)}
        wait_for(lambda: not missing(), timeout, lambda: f"not taken: {missing()}\n{self.worker.log_text()[-2000:]}")
        for code, times in self.sent.items():
            if code not in without:
                assert self.taken(code) == times, code

    def letters(self, enough=1):
        return self.kafka.wait("dlq.forward", enough)

    def outcome(self, name):
        return self.worker.metric("kabao_forward_requests_total", account="demo", outcome=name) or 0

    def wait_outcome(self, name, at_least=1):
        self.worker.wait_metric("kabao_forward_requests_total", at_least, account="demo", outcome=name)


@pytest.fixture
def system(apply, config, run, oldsystem, kafka, db):  # noqa: F811
    def make(start=True, mode="secure", worker=None, kafka_=None, more=None, **settings):
        old = oldsystem(mode, settings.get("frame_appid", APPID))
        ready = config.with_({"account demo": {"forward_url": old.url, "push_mode": mode, **settings}, **(more or {})},
                             worker={"retry_max_ms": 100, **(worker or {})}, kafka={**QUICK_GROUP, **(kafka_ or {})})
        apply(ready)
        s = System(ready, run, old, kafka, db)
        if start:
            s.start()
        return s
    return make


# What goes out

@pytest.mark.parametrize("mode", ["plain", "secure", "compatible"])
def test_pushes_arrive_as_wechat_sent_them(system, pusher, mode):
    """Put into our own ingress they are the same pushes: it has their ce_id already."""
    s = system(mode=mode)
    ingress = s.run("ingress", s.config)
    push = pusher(ingress)
    odd = "a]]>b ]] > <&> \"'\n😀 ]]]]>>"
    sent = [card_event("user_get_card", IsGiveByFriend=0, OuterStr=odd, UnionId=""),
            event("subscribe", EventKey="qrscene_1", Ticket="T"),
            {**event("-"), "MsgType": "text", "Event": None, "Content": odd, "MsgId": 6265881059295447969},
            event("pic_weixin", SendPicsInfo={"Count": 2, "PicList": {"item": [{"PicMd5Sum": "1"}, {"PicMd5Sum": "2"}]}}),
            event("brand-new", a=["1", {"b": ["2", ""]}, "3"], C="x")]
    sent = [{name: value for name, value in fields.items() if value is not None} for fields in sent]
    for fields in sent:
        assert push.send(fields, mode).success
    got = sorted(s.old.wait(len(sent)), key=lambda p: [f.get("Event") for f in sent].index(p.event))

    def texts(value):
        if isinstance(value, dict):
            return {name: texts(inner) for name, inner in value.items()}
        return [texts(inner) for inner in value] if isinstance(value, list) else str(value)

    assert [p.fields for p in got] == [texts(fields) for fields in sent]
    assert [list(p.fields) for p in got] == [list(fields) for fields in sent], "in their order"
    for p in got:
        aes = push.encrypted(p.message) if mode == "secure" else None
        assert (push.post(*aes) if aes else push.post(p.message, push.query())).success
    assert ingress.metric("kabao_ingress_requests_total", outcome="duplicate") == len(sent)
    s.wait_outcome("taken", len(sent))


def test_a_platforms_appid_stands_in_the_frame(system):
    s = system(frame_appid="wx45f133bf6fce646e")
    s.tell("1")
    s.wait_taken()


def test_what_nobody_else_gets_costs_nothing(system, tmp_path):
    """An account without forward_url is passed over; where none has one, records are not even read."""
    other = account(tmp_path, "other", "wxother0000000001", "gh_other")
    s = system(more={"account other": other})
    key, value, headers = event_record(EVENT, "1")
    s.kafka.produce("event.wechat", key, value.replace('"demo"', '"other"').replace(APPID, "wxother0000000001"), headers)
    s.tell("2")
    s.wait_taken()
    s.worker.wait_metric("kabao_processed_total", 2, outcome="ok")
    assert len(s.old.all()) == 1
    s.worker.stop()
    idle = s.run("forward", s.config.with_({"account demo": {"forward_url": None}}))
    s.kafka.produce("event.wechat", key, "this is no JSON", headers)
    idle.wait_metric("kabao_processed_total", 1, outcome="ignored")
    assert len(s.old.all()) == 1 and s.kafka.read("dlq.forward") == []


# What the old system says

def test_one_push_that_is_refused_for_ever_is_tried_ten_times(system):
    """Then it is a dead letter, its card goes on, and no other card has waited. Redriven, it arrives."""
    s = system()
    rule = s.old.on(lambda p: p.code == "bad" and p.fields["CreateTime"] == s.sent["bad"][0], status=500)
    s.tell("bad", "bad", "1", "2")
    s.wait_taken(without=["bad"])
    (letter,) = s.letters()
    assert letter.header("dlq-reason") == "exhausted" and letter.header("dlq-error-code") == "http:500"
    assert len(s.old.of(answered=500)) == TRIES
    wait_for(lambda: s.taken("bad") == s.sent["bad"][1:], 20, "the card goes on")
    s.old.forget(rule)
    ini = s.config.write(s.worker.ini.parent / "ctl.ini")
    assert run_tool("kabaoctl", "dlq", "replay", "forward", "--yes", "--config", ini).returncode == 0
    wait_for(lambda: set(s.taken("bad")) == set(s.sent["bad"]), 20, "what was refused arrives")


def test_rubbish_is_no_answer_and_a_reply_is_one(system):
    s = system()
    s.old.on(lambda p: p.code == "rubbish", times=2, body=ERROR_PAGE)
    s.old.on(lambda p: p.code == "large", times=1, body="x" * (1 << 20))
    s.old.on(lambda p: p.code == "moved", times=1, status=302, headers={"Location": s.old.address("/elsewhere")})
    s.old.on(lambda p: p.code == "reply", body=REPLY)
    s.old.on(lambda p: p.code == "empty", body="")
    s.old.on(lambda p: p.code == "cut", times=1, cut="half")
    s.old.on(lambda p: p.code == "garbage", times=1, garbage=True)
    for code in ("reply", "rubbish", "empty", "large", "moved", "cut", "garbage"):
        s.tell(code)
        s.worker.wait_metric("kabao_processed_total", sum(map(len, s.sent.values())), outcome="ok")
    s.wait_taken()
    s.worker.wait_metric("kabao_processed_total", 7, outcome="ok")
    assert {name: s.outcome(name) for name in ("taken", "replied", "rubbish", "refused", "failed", "silent")} == {
        "taken": 6, "replied": 1, "rubbish": 3, "refused": 1, "failed": 0, "silent": 2}
    assert s.worker.metric("kabao_forward_request_seconds_count") == 13
    assert s.kafka.read("dlq.forward") == []


def test_who_does_not_answer_in_five_seconds_is_asked_again(system):
    s = system(worker={"lanes": 4})
    s.old.on(lambda p: p.code == "slow", times=1, hang=30)
    s.tell("slow", "slow", *"123")
    s.wait_taken(5, without=["slow"])
    s.wait_outcome("silent")
    assert 4.5 < s.worker.metric("kabao_forward_request_seconds_sum") < 8
    s.wait_taken()


# When it is away

def test_down_for_long_and_back(system, run, pusher):
    """Everything waits in Kafka but what memory holds, one push a second tries; ours goes on. Back, it gets all of it in
    order."""
    s = system(worker={"max_inflight": 20})
    ingress, store = run("ingress", s.config), run("store", s.config)
    s.tell("first")
    s.wait_taken()
    s.old.stop()
    cards = [f"{n:03d}" for n in range(count(300, 40))]
    s.tell_all(count(10, 5), cards)
    wait_for(lambda: "forward.dark" in s.worker.log_text(), 10, "the old system is found dark")
    tried, began = s.outcome("unreachable"), time.monotonic()
    fields = card_event("user_get_card", code="ours")
    assert pusher(ingress).send(fields).success
    s.sent["ours"] = [str(fields["CreateTime"])]
    s.db.wait_rows("wechat_event", card_code="ours", timeout=30)
    assert 10 <= s.worker.metric("kabao_inflight_records") <= 20
    assert s.db.rows("parked", worker="forward") == []
    assert s.outcome("unreachable") - tried <= (time.monotonic() - began) + 2
    assert s.kafka.read("dlq.forward") == []
    s.old.start()
    s.wait_taken(count(300, 60))
    s.kafka.wait_done("forward", "event.wechat")
    assert s.kafka.read("dlq.forward") == [] and s.db.rows("parked", worker="forward") == []
    store.stop()


def test_an_error_for_all_is_nobodys_fault(system):
    """A maintenance page for every push: no attempt is counted once five cards have seen it."""
    s = system()
    s.tell("0")
    s.wait_taken()
    rule = s.old.on(body=ERROR_PAGE)
    s.tell_all(3, "123456789")
    wait_for(lambda: "forward.dark" in s.worker.log_text(), 20, "dark")
    s.old.forget(rule)
    s.wait_taken()
    assert s.kafka.read("dlq.forward") == []


@pytest.mark.deadline(120)
def test_a_killed_worker_goes_on_in_order(system, rng):
    """kill -9 in the midst, while the old system fails at random and cuts answers that it has taken."""
    s = system(kafka_={"group.instance.id": "one"})
    s.old.on(lambda _: rng.random() < 0.05, status=503)
    s.old.on(lambda _: rng.random() < 0.05, cut=True)
    s.old.on(hang=0.002, body="success")
    cards = [f"{n:02d}" for n in range(count(100, 20))]
    for _ in range(count(20, 3)):
        s.tell_all(10, cards)
        s.old.wait(len(s.old.of()) + count(200, 40))
        s.worker.kill()
        s.start()
    s.wait_taken()
    assert s.kafka.read("dlq.forward") == []
    assert not re.search(r"oGRUFj|kafkawx", s.worker.log_text()), "no openid, no token in the log"
