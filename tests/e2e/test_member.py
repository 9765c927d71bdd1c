# SPDX-License-Identifier: Apache-2.0
"""kabao-member: an event only says "look"; what WeChat answers now becomes the member's state and row."""
import itertools

import pytest

from kit.config import APPID, CARD_ID
from kit.population import accounts, member
from kit.push import card_event
from kit.scale import count
from kit.waiting import wait_for

GET, SUBMIT, DELETE = "user_get_card", "submit_membercard_user_info", "user_del_card"
USERINFO = "/card/membercard/userinfo/get"


class System:
    """The way from a push to a row, run by separate programs."""

    def __init__(self, config, run, pusher, sim, kafka, db):
        self.sim, self.kafka, self.db = sim, kafka, db
        self.config = config
        self.programs = {name: run(name, config, ready=False) for name in ("ingress", "token", "member", "store")}
        for program in self.programs.values():
            program.wait_ready()
        self.push = pusher(self.programs["ingress"])

    def settle(self):
        """Until every record has been worked off by every worker."""
        self.kafka.wait_done("member", "event.wechat")
        self.kafka.wait_done("store", "event.wechat")
        self.kafka.wait_done("store", "state.member")


@pytest.fixture
def system(apply, config, run, pusher, start_sim, kafka, db):
    def start(*members, script=None, **account):
        sim = start_sim(accounts(*members, **account), script)
        ready = config.with_(wechat={"base_url": sim.url})
        apply(ready)
        return System(ready, run, pusher, sim, kafka, db)
    return start


def test_a_push_becomes_a_members_row(system):
    s = system(member())
    assert s.push.secure(card_event(SUBMIT, at=1760000000)).success
    (row,) = s.db.wait_rows("member", card_code="018255396048")
    assert (row["appid"], row["card_id"], row["openid"]) == (APPID, CARD_ID, "oGRUFjk0a1b2c3d4e5f6g7h8i9j0")
    assert (row["membership_number"], row["nickname"], row["bonus"]) == ("018255396048", "小明", 460)
    assert (row["status"], row["has_active"], row["mobile"]) == ("NORMAL", 1, "+8615521328888")
    assert row["version"] == 1760000000 * 1000
    fields = {f["name"]: f["value"] for f in s.db.wait_rows("member_field", 4)}
    assert fields == {"USER_FORM_INFO_FLAG_MOBILE": "15521328888", "USER_FORM_INFO_FLAG_NAME": "张三",
                      "兴趣": '["钢琴","舞蹈"]', "喜欢的电影": "活着"}
    (event,) = s.db.wait_rows("wechat_event")
    (record,) = s.kafka.read("event.wechat")
    assert event["event_id"] == record.id
    (state,) = s.kafka.wait("state.member", 1)
    assert state.header("traceparent").split("-")[1] == record.header("traceparent").split("-")[1]
    assert state.key == f"{APPID}:{CARD_ID}:018255396048"


def test_the_identity_card_number_goes_nowhere(system):
    number = "110105194912310021"
    s = system(member(form={"USER_FORM_INFO_FLAG_IDCARD": number, "USER_FORM_INFO_FLAG_NAME": "张三"}))
    assert s.push.secure(card_event(SUBMIT)).success
    s.db.wait_rows("member_field", 1)
    for record in s.kafka.read("state.member") + s.kafka.read("event.wechat"):
        assert number not in record.value.decode()
    assert s.db.rows("member_field", name="USER_FORM_INFO_FLAG_IDCARD") == []


def test_one_push_three_ways_is_one_row(system, run):
    s = system(member())
    other = s.push.__class__(run("ingress", s.config).listen)
    fields = card_event(SUBMIT, at=1760000000)
    assert s.push.plain(fields).success
    assert s.push.secure(fields).success
    assert other.compatible(fields).success
    s.settle()
    assert len(s.db.rows("wechat_event")) == 1
    assert len(s.db.rows("member")) == 1


def test_one_code_under_two_cards_is_two_members(system):
    other = "pGRUFjvOTHERcardTemplate0001"
    s = system(member(), member(card_id=other, bonus=7))
    assert s.push.secure(card_event(SUBMIT)).success
    assert s.push.secure(card_event(SUBMIT, card_id=other)).success
    rows = s.db.wait_rows("member", 2)
    assert {(r["card_id"], r["bonus"]) for r in rows} == {(CARD_ID, 460), (other, 7)}


def test_two_cards_in_one_second_and_two_point_changes_are_two_each(system):
    s = system(member(code="1"), member(code="2"))
    at = 1760000000
    for fields in (card_event(GET, code="1", at=at), card_event(GET, code="2", at=at),
                   card_event("update_member_card", code="1", at=at, ModifyBonus=5, ModifyBalance=0),
                   card_event("update_member_card", code="1", at=at, ModifyBonus=6, ModifyBalance=0)):
        assert s.push.secure(fields).success
    assert len(s.db.wait_rows("wechat_event", 4)) == 4
    assert len(s.db.wait_rows("member", 2)) == 2


def test_a_deleted_card_keeps_its_row(system):
    s = system(member())
    assert s.push.secure(card_event(SUBMIT, at=1760000000)).success
    s.db.wait_rows("member", status="NORMAL")
    s.sim.control("members/delete", {"appid": APPID, "card_id": CARD_ID, "code": "018255396048", "forget": True})
    assert s.push.secure(card_event(DELETE, at=1760000100)).success
    (row,) = s.db.wait_rows("member", status="DELETE")
    assert (row["nickname"], row["bonus"], row["mobile"]) == ("小明", 460, "+8615521328888")


def test_a_view_is_looked_at_once_per_hour(system):
    s = system(member())
    for second in range(5):
        assert s.push.secure(card_event("user_view_card", at=1760000000 + second, OuterStr="menu")).success
    s.settle()
    assert len(s.sim.requests(path=USERINFO)) == 1
    assert len(s.db.rows("wechat_event")) == 5


def test_card_uses_are_stored(system):
    s = system(member())
    assert s.push.secure(card_event("user_consume_card", ConsumeSource="FROM_API", LocationName="")).success
    assert s.push.secure(card_event("user_pay_from_pay_cell", TransId="10022403432015000000000",
                                    LocationId=291710000, Fee=10000, OriginalFee=12000)).success
    uses = {u["kind"]: u for u in s.db.wait_rows("card_use", 2)}
    assert uses["pay"]["trans_id"] == "10022403432015000000000"
    assert (uses["pay"]["fee"], uses["pay"]["original_fee"], uses["pay"]["location_id"]) == (10000, 12000, "291710000")
    assert uses["consume"]["trans_id"] is None


# Each event of one card's life, and what it alone tells.
LIFE = [
    card_event(GET, at=1760000000, OuterStr="12b", OldUserCardCode="", IsRestoreMemberCard=0,
               UnionId="o6_bmasdasdsad6_2sgVt7hMZOPfL"),
    card_event(SUBMIT, at=1760000010),
    card_event(DELETE, at=1760000020),
    card_event(GET, at=1760000030, OuterStr="34c", OldUserCardCode="", IsRestoreMemberCard=1,
               UnionId="o6_bmasdasdsad6_2sgVt7hMZOPfL"),
]


def contents(db):
    member_rows = db.query("SELECT * FROM member ORDER BY appid, card_id, card_code")
    fields = db.query("SELECT * FROM member_field ORDER BY name")
    events = db.query("SELECT event_id, event FROM wechat_event ORDER BY event_id")
    return member_rows, fields, events


def code_of(number):
    return f"{number:012d}"


def life_of(number):
    return [{**fields, "UserCardCode": code_of(number)} for fields in LIFE]


@pytest.mark.deadline(300)
def test_every_order_of_a_cards_events_ends_in_the_same_row(system, rng):
    """All 24 orders of get, submit, delete, restore, each push up to three times; one card per order."""
    orders = list(itertools.permutations(range(len(LIFE)))) * count(4, 1)
    s = system(*(member(code=code_of(n), membership_number="M") for n in range(len(orders))))
    for number, order in enumerate(orders):
        life = life_of(number)
        sequence = [life[i] for i in order for _ in range(rng.randint(1, 3))]
        for fields in sequence:
            assert s.push.send(fields, rng.choice(["plain", "secure", "compatible"])).success
    s.settle()
    rows = s.db.query("SELECT * FROM member ORDER BY card_code")
    assert len(rows) == len(orders)
    for row in rows:
        row.pop("card_code")
    assert all(row == rows[0] for row in rows), [row for row in rows if row != rows[0]]
    assert rows[0]["outer_str"] == "34c"
    assert rows[0]["version"] == 1760000030 * 1000
    assert len(s.db.rows("wechat_event")) == 4 * len(orders)


def test_a_gone_card_ends_in_the_same_row_whatever_the_order(system):
    """Deleted and unknown to WeChat since: the pushes before it find nothing, the row says DELETE."""
    orders = list(itertools.permutations(range(3)))
    s = system()
    for number, order in enumerate(orders):
        life = life_of(number)
        for i in order:
            assert s.push.secure(life[i]).success
    s.settle()
    rows = s.db.query("SELECT * FROM member ORDER BY card_code")
    assert [row["card_code"] for row in rows] == [code_of(n) for n in range(len(orders))]
    assert {row["status"] for row in rows} == {"DELETE"}
    letters = s.kafka.wait("dlq.member", 2 * len(orders))
    assert {(r.header("dlq-reason"), r.header("dlq-error-code")) for r in letters} == {("rejected", "wechat:40056")}


# WeChat's faults (wechat-api 13.3)

@pytest.mark.parametrize("fault", [{"errcode": -1}, {"status": 502}, {"truncate": True}, {"garbage": True},
                                   {"cut": "before"}, {"cut": "after"}])
def test_a_passing_fault_is_tried_again(system, fault):
    s = system(member(), script=[{"path": USERINFO, "times": 3, "do": fault}])
    assert s.push.secure(card_event(SUBMIT)).success
    s.db.wait_rows("member", 1)
    assert len(s.sim.requests(path=USERINFO)) >= 4
    assert s.programs["member"].metric("kabao_retries_total") == 3


def test_no_answer_is_tried_again_after_the_time_out(system, config):
    s = system(member(), script=[{"path": USERINFO, "times": 1, "do": {"hang": True}}])
    assert s.push.secure(card_event(SUBMIT)).success
    s.db.wait_rows("member", 1, timeout=40)


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_stale_token_is_replaced_and_the_call_repeated(system, code):
    s = system(member(), script=[{"path": USERINFO, "times": 1, "do": {"errcode": code}}])
    assert s.push.secure(card_event(SUBMIT)).success
    s.db.wait_rows("member", 1, timeout=60)
    assert len(s.kafka.wait("cmd.token", 1)) == 1


@pytest.mark.parametrize("code, at_least_s", [(45011, 30), (45009, 120)])
def test_a_closed_path_is_left_alone(system, code, at_least_s):
    s = system(member(), member(code="2"), script=[{"path": USERINFO, "do": {"errcode": code}}])
    for card in ("018255396048", "2"):
        assert s.push.secure(card_event(SUBMIT, code=card)).success
    worker = s.programs["member"]
    wait_for(lambda: (worker.metric("kabao_quota_blocked_seconds", api=USERINFO) or 0) > at_least_s, 20, "closed path")
    calls = len(s.sim.requests(path=USERINFO))
    assert s.push.secure(card_event(GET, code="2")).success
    s.kafka.wait_done("store", "event.wechat")
    assert len(s.sim.requests(path=USERINFO)) == calls <= 2
    assert worker.metric("kabao_retries_total") in (None, 0)
    assert s.kafka.read("dlq.member") == []


def test_a_refusal_is_a_dead_letter_with_its_reason(system):
    s = system()
    assert s.push.secure(card_event(SUBMIT)).success
    (letter,) = s.kafka.wait("dlq.member", 1)
    (record,) = s.kafka.read("event.wechat")
    assert (letter.key, letter.value) == (record.key, record.value)
    assert letter.headers[:len(record.headers)] == record.headers
    assert letter.header("dlq-reason") == "rejected"
    assert letter.header("dlq-error-code") == "wechat:40056"
    assert letter.header("dlq-original-topic") == record.topic
    assert letter.header("dlq-original-offset") == str(record.offset)
