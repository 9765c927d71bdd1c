# SPDX-License-Identifier: Apache-2.0
"""kabao-bonus: the account is the truth, the card shows it, and no crash, repeat or stranger gives points twice."""
import hashlib
import json

import pytest
from kit.config import APPID, CARD_ID
from kit.population import accounts, member
from kit.probe import QUICK_GROUP
from kit.records import bonus_command, event_record
from kit.scale import count
from kit.waiting import wait_for

UPDATE, USERINFO = "/card/membercard/updateuser", "/card/membercard/userinfo/get"
SHOWN = 460  # what a card of the population shows at first
# An attempt may take 1.8 s of this, so that an intent is old 3.8 s after it was written.
SHORT = {"lanes": 8, "drain_timeout_ms": 3000, "retry_initial_ms": 50, "retry_max_ms": 300, "crash_limit": 100}


class System:
    """kabao-bonus beside the simulator; commands, pushes and activations as records."""

    def __init__(self, config, run, sim, kafka, db):
        self.config, self.run, self.sim, self.kafka, self.db = config, run, sim, kafka, db
        run("token", config, ready=False)
        self.workers = [self.start("one")]

    def start(self, name, ready=True):
        kafka = {**QUICK_GROUP, "group.instance.id": name}
        return self.run("bonus", self.config.with_(kafka=kafka), ready=ready)

    def command(self, code, mode, *, times=1, **fields):
        """Produces it; its record."""
        record = bonus_command(code, mode, **fields)
        for _ in range(times):
            self.kafka.produce("cmd.bonus", *record)
        return record

    def settle(self):
        for topic in ("cmd.bonus", "event.wechat", "event.activation"):
            self.kafka.wait_done("bonus", topic, 60)

    def results(self, count_=1, timeout=30):
        """{command_id: [value of each record]} once there are that many ids."""
        def ids(records):
            return len({record.json["command_id"] for record in records}) >= count_

        found = {}
        for record in self.kafka.wait("result.bonus", ids, timeout, f"{count_} results"):
            found.setdefault(record.json["command_id"], []).append(record.json)
        return found

    def result(self, record, timeout=30):
        """The value, which must be one however often it was told."""
        id_ = record[2]["ce_id"]
        wait_for(lambda: id_ in self.results(0), timeout, f"the result of {record}")
        (value, *others) = self.results(0)[id_]
        assert all(other == value for other in others)
        return value

    def account(self, code):
        (row,) = self.db.rows("bonus_account", appid=APPID, card_id=CARD_ID, card_code=code)
        return row

    def card(self, code):
        return self.sim.effects(code=code)[code]

    def calls(self, path):
        return len(self.sim.requests(path=path))

    def agree(self, code, bonus):
        """Account and card."""
        row = self.account(code)
        assert (code, row["bonus"], row["shown"], self.card(code)["bonus"]) == (code, bonus, bonus, bonus)

    def deliver(self, after=0, times=1):
        """WeChat's pushes since number `after`, as the ingress would; the number of the last."""
        pushes = self.sim.pushes(after)
        for push in pushes * times:
            key, text, headers = event_record(push["event"], push["code"])
            value = json.loads(text)
            value["fields"].update({name: str(field) for name, field in push["fields"].items()})
            headers["ce_id"] = hashlib.sha256(f"push {push['n']}".encode()).hexdigest()[:32]
            self.kafka.produce("event.wechat", key, value, headers)
        self.settle()
        return pushes[-1]["n"] if pushes else after

    def activate(self, code, id_, **more):
        key, _, headers = event_record("user_get_card", code)
        headers.update(ce_id=id_, ce_type="kabao.card.activated",
                       ce_dataschema="https://schemas.kabao.example/messages/event.activation.v1.schema.json")
        value = {"account": "demo", "appid": APPID, "card_id": CARD_ID, "card_code": code, "by": "kabao",
                 "activated_at": "2025-10-09T08:53:20.000Z", **more}
        self.kafka.produce("event.activation", key, value, headers)
        self.kafka.wait_done("bonus", "event.activation")

    def tables(self):
        return [self.db.query(f"CHECKSUM TABLE {table}")[0]["Checksum"] for table in ("bonus_account", "bonus_entry")]


@pytest.fixture
def system(apply, config, run, start_sim, kafka, db):
    def start(*members, script=None, template=None, worker=None, **account):
        sim = start_sim(accounts(*members, template=template), script)
        ready = config.with_({"account demo": account}, wechat={"base_url": sim.url}, worker={**SHORT, **(worker or {})})
        apply(ready)
        return System(ready, run, sim, kafka, db)
    return start


def codes(number):
    return [f"{n:06d}" for n in range(number)]


def test_commands_change_the_account_and_the_card(system):
    s = system(member("1"), member("2"), member("3"))
    first = s.command("1", "add", add_bonus=10, record_bonus="消费", times=3)
    assert s.result(first) == {"account": "demo", "appid": APPID, "card_id": CARD_ID, "card_code": "1", "mode": "add",
                               "command_id": first[2]["ce_id"], "outcome": "applied", "delta": 10, "balance_delta": 0,
                               "bonus": 470, "balance": 0, "rev": 1, "at": s.result(first)["at"],
                               "request_hash": hashlib.sha256(first[1].encode()).hexdigest()}
    s.settle()
    records = s.kafka.read("result.bonus")
    assert len(records) == 3 and len({(record.id, record.value) for record in records}) == 1
    s.agree("1", 470)
    assert (s.card("1")["notices"], s.card("1")["add_bonus_shown"]) == (1, 10)

    s.command("2", "set", bonus=100, balance=500, version=7, notify=False)
    money = s.command("2", "add", add_balance=-200, record_balance="停车")
    assert (s.result(money)["balance"], s.result(money)["version"], s.result(money)["delta"]) == (300, 7, 0)
    s.agree("2", 100)
    assert (s.card("2")["balance"], s.card("2")["notices"]) == (300, 1)

    fields = s.command("3", "set", version=1, custom_field_value1="金卡")
    assert s.result(fields)["outcome"] == "applied"
    sent = s.sim.requests(path=UPDATE)[-1]["body"]
    assert sent["custom_field_value1"] == "金卡" and not {"bonus", "balance", "add_bonus"} & sent.keys()
    assert s.card("3")["notices"] == 0


def test_what_is_refused_is_answered(system):
    s = system(member("1"), member("2"), template={"bonus_limit": 1000})
    rejected = {
        "schema": s.command("1", "set", bonus=5),
        "account": s.command("1", "add", add_bonus=5, account="other"),
        "range": s.command("1", "add", add_bonus=-461),
        "wechat:45022": s.command("1", "set", bonus=1001, version=3),
        "wechat:40056": s.command("nobody", "add", add_bonus=5),
    }
    good = s.command("2", "add", add_bonus=5)
    assert s.result(good)["outcome"] == "applied"
    key, value, headers = good
    s.kafka.produce("cmd.bonus", key, value.replace("5", "6"), headers)
    s.kafka.produce("cmd.bonus", key, "{", {**headers, "ce_id": "no-json"})
    s.kafka.produce("cmd.bonus", key, value, {k: v for k, v in headers.items() if k != "ce_id"})
    for code, record in rejected.items():
        result = s.result(record)
        assert (result["outcome"], result["error"]["code"]) == ("rejected", code)
    assert {letter.header("dlq-reason") for letter in s.kafka.wait("dlq.bonus", 2)} == {"malformed"}
    s.settle()
    records = [record for record in s.kafka.read("result.bonus") if record.json["command_id"] == headers["ce_id"]]
    assert [r.json.get("error", {}).get("code") for r in records] == [None, "idempotency"]
    assert len({record.id for record in records}) == 2
    s.agree("2", 465)
    s.agree("1", SHOWN)
    assert s.account("1")["version"] is None, "a refused version is not used up"
    assert s.result(rejected["wechat:45022"])["bonus"] == SHOWN
    assert s.result(s.command("1", "set", bonus=999, version=3))["outcome"] == "applied"
    assert s.db.rows("bonus_account", card_code="nobody") == []
    entry = s.db.rows("bonus_entry", command_id=headers["ce_id"])
    assert (entry[0]["delta"], entry[0]["outcome"]) == (5, "applied")


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_call_is_looked_up_and_not_told_twice(system, cut):
    s = system(member("1"), member("2"), member("3"),
               script=[{"path": UPDATE, "match": {"code": code}, "times": 1, "do": {"cut": cut}} for code in "123"])
    s.command("1", "add", add_bonus=10)
    s.command("2", "set", bonus=7, version=1)
    s.command("3", "add", add_bonus=1, custom_field_value1="金卡")
    s.results(3)
    for code, bonus in (("1", 470), ("2", 7), ("3", 461)):
        s.agree(code, bonus)
        assert s.card(code)["notices"] == 1
    updates = {code: s.card(code)["updates"] for code in "123"}
    assert updates == {"1": 1, "2": 1, "3": 2 if cut == "after" else 1}, "a field cannot be read: it is sent again"
    assert s.sim.card("3")["custom_field_value1"] == "金卡"


# What happens to the first call of a card, and whether it reaches the card.
KILLS = {
    "before the intent": [{"path": USERINFO, "do": {"hang": True}}],
    "after the intent": [{"path": UPDATE, "do": {"hang": True, "effect": False}}],
    "call applied": [{"path": UPDATE, "do": {"hang": True, "effect": True}}],
    "after done": [],
}


@pytest.mark.deadline(200)
def test_killed_at_every_step(system, rng):
    rounds = [(at, n) for n in range(count(10, 1)) for at in KILLS]
    cards = {(at, n, mode): f"{number:04d}" for number, (at, n, mode) in
             enumerate((at, n, mode) for at, n in rounds for mode in ("add", "set", "quiet"))}
    s = system(*(member(code) for code in cards.values()))
    told = {}
    for at, n in rounds:
        mine = {mode: cards[at, n, mode] for mode in ("add", "set", "quiet")}
        s.sim.control("script", [{**rule, "times": 1, "match": {"code": code}} for rule in KILLS[at]
                                 for code in mine.values()])
        told[mine["add"]] = s.command(mine["add"], "add", add_bonus=10), SHOWN + 10, 1
        told[mine["set"]] = s.command(mine["set"], "set", bonus=7, version=1), 7, 1
        told[mine["quiet"]] = s.command(mine["quiet"], "add", add_bonus=-10, notify=False), SHOWN - 10, 0
        if KILLS[at]:
            path = KILLS[at][0]["path"]
            wait_for(lambda: {r["body"]["code"] for r in s.sim.requests(path=path)} >= set(mine.values()), 30, at)
        else:
            for code in mine.values():
                s.result(told[code][0])
        s.workers[0].kill()
        s.workers = [s.start("one", ready=False)]
    for code, (record, bonus, notices) in told.items():
        result = s.result(record, 60)
        assert (result["outcome"], result["bonus"]) == ("applied", bonus)
        s.agree(code, bonus)
        assert s.card(code)["notices"] <= notices
    s.settle()
    assert all(s.account(code)["rev"] == 1 for code in told)
    assert s.kafka.read("dlq.bonus") == []


@pytest.mark.deadline(300)
def test_many_adds_doubled_shuffled_and_killed(system, rng):
    """Account, card and a model agree; and all of it once more changes nothing."""
    cards = codes(count(500, 20))
    s = system(*(member(code) for code in cards))
    model = dict.fromkeys(cards, SHOWN)
    orders = []
    for _ in range(count(10000, 250)):
        code, delta = rng.choice(cards), rng.randint(1, 50)
        model[code] += delta
        orders.append(bonus_command(code, "add", add_bonus=delta, notify=rng.random() < 0.5))
    deliveries = [order for order in orders for _ in range(rng.randint(1, 3))]
    rng.shuffle(deliveries)
    kills = count(200, 4)
    for number, order in enumerate(deliveries):
        s.kafka.produce("cmd.bonus", *order)
        share = number / len(deliveries)
        if 0.2 < share < 0.6 and len(s.workers) == 1:
            s.workers += [s.start("two", ready=False), s.start("three", ready=False)]
        if share > 0.8 and len(s.workers) == 3:
            s.workers.pop().stop()
            s.workers.pop().stop()
        if number % (len(deliveries) // kills) == 0:
            at = rng.randrange(len(s.workers))
            s.workers[at].kill()
            s.workers[at] = s.start(("one", "two", "three")[at], ready=False)
    found = s.results(len(orders), 200)
    s.settle()
    assert len(found) == len(orders)
    assert all(value["outcome"] == "applied" for values in found.values() for value in values)
    assert all(values.count(values[0]) == len(values) for values in found.values())
    for code, bonus in model.items():
        s.agree(code, bonus)
    assert sum(row["delta"] for row in s.db.rows("bonus_entry")) == sum(model.values()) - SHOWN * len(cards)
    assert sum(s.card(code)["notices"] for code in cards) <= sum(json.loads(order[1])["notify"] for order in orders)

    tables, updates = s.tables(), s.calls(UPDATE)
    for order in orders:
        s.kafka.produce("cmd.bonus", *order)
    s.settle()
    assert (s.tables(), s.calls(UPDATE)) == (tables, updates)


def test_the_highest_version_wins(system, rng):
    s = system(member("1"), member("2"))
    orders = [bonus_command("1", "set", bonus=version * 10, version=version) for version in range(1, 51)] * 2
    rng.shuffle(orders)
    for order in orders:
        s.kafka.produce("cmd.bonus", *order)
    s.command("2", "add", add_bonus=1)
    s.settle()
    found = s.results(51)
    highest = 0
    for order in dict.fromkeys(order[2]["ce_id"] for order in orders):
        (value, again) = found[order]
        assert value == again
        version = next(json.loads(o[1])["version"] for o in orders if o[2]["ce_id"] == order)
        assert value["outcome"] == ("applied" if version > highest else "skipped")
        highest = max(highest, version)
        assert value["version"] == highest
    s.agree("1", 500)
    assert s.account("1")["version"] == 50


def test_an_exhausted_add_is_shown_by_the_next_and_done_by_a_redrive(system):
    s = system(member("1"), member("2"), worker={"max_attempts": 2},
               script=[{"path": UPDATE, "match": {"code": "1"}, "times": 2, "do": {"errcode": 61450}},
                       {"path": UPDATE, "match": {"code": "2"}, "times": 1, "do": {"cut": "after"}},
                       {"path": USERINFO, "match": {"code": "2"}, "after": 1, "times": 1, "do": {"errcode": 61450}}])
    first, cut = s.command("1", "add", add_bonus=5), s.command("2", "add", add_bonus=5)
    for record in (first, cut):
        failed = s.result(record)
        assert (failed["outcome"], failed["delta"], failed["bonus"]) == ("failed", 5, 465)
        assert failed["error"]["code"] == "exhausted"
    letters = s.kafka.wait("dlq.bonus", 2)
    for code in "12":
        s.result(s.command(code, "add", add_bonus=10))
        s.agree(code, 475)
    updates, notices = s.calls(UPDATE), [s.card(code)["notices"] for code in "12"]
    for letter in letters:
        s.kafka.produce("redrive.bonus", letter.key, letter.value, letter.headers,
                        int(letter.header("dlq-original-partition")))
    for record in (first, cut):
        s.kafka.wait("result.bonus", lambda all_, id_=record[2]["ce_id"]: [
            r.json["outcome"] for r in all_ if r.json["command_id"] == id_] == ["failed", "applied"])
    for code in "12":
        s.agree(code, 475)
    assert s.calls(UPDATE) - updates <= 1, "the one that was cut is only looked up"
    assert [s.card(code)["notices"] for code in "12"] == notices
    assert len({r.id for r in s.kafka.read("result.bonus") if r.json["command_id"] == first[2]["ce_id"]}) == 2


def test_a_redriven_set_brings_no_older_text_back(system):
    s = system(member("1"), worker={"max_attempts": 2},
               script=[{"path": UPDATE, "times": 2, "do": {"errcode": 61450}}])
    old = s.command("1", "set", bonus=5, version=5, custom_field_value1="金卡")
    assert s.result(old)["outcome"] == "failed"
    s.result(s.command("1", "set", bonus=6, version=6, custom_field_value1="白金"))
    (letter,) = s.kafka.wait("dlq.bonus", 1)
    s.kafka.produce("redrive.bonus", letter.key, letter.value, letter.headers,
                    int(letter.header("dlq-original-partition")))
    s.kafka.wait("result.bonus", lambda all_: [r.json["outcome"] for r in all_] == ["failed", "applied", "applied"])
    s.agree("1", 6)
    assert s.sim.card("1")["custom_field_value1"] == "白金"


def test_what_a_failed_add_left_on_the_card_is_not_adopted_again(system):
    s = system(member("1"), worker={"max_attempts": 2},
               script=[{"path": UPDATE, "times": 1, "do": {"cut": "after"}},
                       {"path": USERINFO, "after": 1, "times": 1, "do": {"errcode": 61450}}])
    assert s.result(s.command("1", "add", add_bonus=5))["outcome"] == "failed"
    seen = s.deliver()
    s.sim.foreign("1", bonus=50)
    s.deliver(seen)
    s.agree("1", SHOWN + 5 + 50)


def test_a_card_that_is_gone_is_passed_over(system):
    """Events of it come late, or again: nothing is to be seen, and no dead letter tells of it. Points still move."""
    s = system(member("1"), member("2"), member("3", bonus=0))
    for code in "12":
        s.result(s.command(code, "add", add_bonus=10))
    bonus, seen = s.tables()[0], s.deliver()
    s.sim.foreign("1", bonus=50)
    s.sim.control("script", [{"path": path, "do": {"errcode": 40056}} for path in (USERINFO, UPDATE)])
    s.deliver(seen)
    s.activate("1", "a-1", init_bonus=100)
    s.activate("3", "a-3", init_bonus=100)
    assert s.tables()[0] == bonus and s.db.rows("bonus_account", card_code="3") == []
    for _ in range(2):
        s.activate("3", "gift", previous_card_code="2", on_gift="transfer")
        assert (s.account("3")["bonus"], s.account("2")["moved_to"]) == (470, "3")
    s.settle()
    assert s.kafka.read("dlq.bonus") == []


def test_commands_with_another_key_end_in_the_same_account(system):
    """The slow one's answer comes last and tells of less than the account holds: that is sent again, silently."""
    s = system(member("1"), script=[{"path": UPDATE, "times": 1, "do": {"delay_ms": 1000}}])
    slow = s.command("1", "add", add_bonus=10)
    s.sim.wait_requests(1, path=UPDATE)
    _, value, headers = bonus_command("1", "add", add_bonus=1)
    s.kafka.produce("cmd.bonus", "another key", value, headers)
    for record in (slow, ("another key", value, headers)):
        assert s.result(record)["outcome"] == "applied"
    s.settle()
    s.agree("1", SHOWN + 11)
    assert s.card("1")["notices"] == 2


def test_changes_by_others_join_the_account(system):
    s = system(member("1"), member("2"))
    for code in "12":
        s.result(s.command(code, "add", add_bonus=10))
    seen, userinfos, updates = 0, s.calls(USERINFO), s.calls(UPDATE)
    seen = s.deliver(seen)
    assert (s.calls(USERINFO), s.calls(UPDATE)) == (userinfos, updates), "our own changes come back"
    s.deliver(0)
    assert (s.calls(USERINFO), s.calls(UPDATE)) == (userinfos, updates), "once more: they are the same"

    s.sim.foreign("1", bonus=50)
    seen = s.deliver(seen, times=2)
    (push,) = [r for r in s.kafka.wait("result.bonus", 3) if r.json["outcome"] == "observed"][:1]
    assert (push.json["delta"], push.json["bonus"], push.json["rev"]) == (50, 520, 2) and "mode" not in push.json
    assert s.result(s.command("1", "add", add_bonus=10))["bonus"] == 530
    s.agree("1", SHOWN + 10 + 50 + 10)
    s.sim.foreign("2", balance=70)
    seen = s.deliver(seen)
    assert (s.account("2")["balance"], s.account("2")["bonus"]) == (70, 470)
    assert s.calls(UPDATE) == updates + 1 and s.sim.last_push() == seen


def test_changes_by_others_are_undone(system):
    s = system(member("1"), foreign_points="revert")
    s.result(s.command("1", "add", add_bonus=10))
    seen, notices = s.deliver(), s.card("1")["notices"]
    for _ in range(3):
        s.sim.foreign("1", bonus=50, balance=-3)
        seen = s.deliver(seen)
    s.agree("1", 470)
    assert s.card("1")["balance"] == 0
    assert (s.card("1")["updates"], s.card("1")["notices"]) == (4, notices)
    while s.sim.last_push() > seen:
        seen = s.deliver(seen)
    assert s.card("1")["updates"] == 4, "no loop"
    observed = [r.json for r in s.kafka.read("result.bonus") if r.json["outcome"] == "observed"]
    assert [(value["delta"], value["bonus"], value["rev"]) for value in observed] == [(0, 470, 1)] * 3


def test_the_first_change_by_others_opens_the_account(system):
    """With what the card shows now, whatever happened before; nothing is told, nothing set back."""
    s = system(member("1"), member("2", has_active=False), member("3"), foreign_points="revert")
    for code in "123":
        s.sim.foreign(code, bonus=50, balance=7)
    s.sim.delete("3", forget=True)
    seen = s.deliver(times=2)
    s.agree("1", SHOWN + 50)
    assert (s.account("1")["balance"], s.account("1")["shown_balance"]) == (7, 7)
    assert [row["card_code"] for row in s.db.rows("bonus_account")] == ["1"], "2 waits for its activation, 3 is gone"
    assert s.kafka.read("result.bonus") == [] and s.calls(UPDATE) == 0
    s.sim.foreign("1", bonus=1)
    s.deliver(seen)
    s.agree("1", SHOWN + 50)


def test_sync_shows_the_account_silently(system):
    s = system(member("1"), member("2"))
    s.result(s.command("1", "add", add_bonus=10))
    s.sim.foreign("1", bonus=-100, balance=5)
    assert s.result(s.command("1", "sync"))["outcome"] == "applied"
    s.agree("1", 470)
    assert (s.card("1")["balance"], s.card("1")["notices"]) == (0, 1)
    updates = s.calls(UPDATE)
    for code in "12":
        assert s.result(s.command(code, "sync", times=2))["outcome"] == "skipped"
    s.settle()
    assert s.calls(UPDATE) == updates
    assert (s.account("2")["bonus"], s.account("2")["rev"]) == (SHOWN, 0)


def test_activation_opens_the_account(system):
    s = system(member("new", bonus=100), member("old", bonus=100), member("tap"), member("given", bonus=0))
    s.activate("new", "a-new", init_bonus=100)
    s.agree("new", 100)
    s.activate("tap", "a-tap", by="wechat")
    s.agree("tap", SHOWN)
    s.result(s.command("old", "add", add_bonus=20))
    s.sim.control("members", {"appid": APPID, "card_id": CARD_ID, "code": "old", "bonus": 50})  # activated anew
    notices = s.card("old")["notices"]
    s.activate("old", "a-old", init_bonus=50)
    s.agree("old", 120)
    assert s.card("old")["notices"] == notices
    updates, tables = s.calls(UPDATE), s.tables()
    for code, id_, more in (("new", "a-new", {"init_bonus": 100}), ("old", "a-old", {"init_bonus": 50})):
        s.activate(code, id_, **more)
    assert (s.calls(UPDATE), s.tables()) == (updates, tables)
    assert s.result(s.command("new", "add", add_bonus=1))["bonus"] == 101
    s.activate("given", "a-given", previous_card_code="new", on_gift="fresh")
    s.agree("given", 0)
    assert not s.account("new")["frozen"]


def test_a_gift_takes_the_points_along(system):
    """With one command in flight for the old code, and one that comes too late."""
    s = system(member("1"), script=[{"path": UPDATE, "match": {"code": "1"}, "after": 1, "times": 1,
                                     "do": {"cut": "before"}}])
    s.result(s.command("1", "add", add_bonus=10))
    flying = s.command("1", "add", add_bonus=5)
    s.sim.wait_requests(2, path=UPDATE)
    s.sim.gift("1", friend="oGRUFjkFRIEND", new_code="2")
    s.activate("2", "gift", previous_card_code="1", on_gift="transfer")
    s.agree("2", 475)
    assert s.result(flying)["outcome"] == "applied"
    late = s.result(s.command("1", "add", add_bonus=1))
    assert (late["outcome"], late["error"]["code"]) == ("rejected", "moved") and "2" in late["error"]["message"]
    assert s.result(s.command("2", "add", add_bonus=1))["bonus"] == 476
    (old,) = s.db.rows("bonus_account", card_code="1")
    assert (old["frozen"], old["moved_to"], old["bonus"]) == (1, "2", 475)
    moved = s.results()["gift"][0]
    assert (moved["outcome"], moved["card_code"], moved["delta"], moved["bonus"]) == ("observed", "2", 475, 475)
    tables, updates = s.tables(), s.calls(UPDATE)
    s.activate("2", "gift", previous_card_code="1", on_gift="transfer")
    assert (s.tables(), s.calls(UPDATE)) == (tables, updates)
    s.agree("2", 476)
