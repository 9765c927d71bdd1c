# SPDX-License-Identifier: Apache-2.0
"""Every program is restarted, two instances each, one after the other, under a steady load: no push is refused, nothing
is done twice, each card's order stays. kit/stream.py sends, nginx with deploy/proxy/nginx.conf stands before."""
import collections
import fnmatch
import itertools
import json
import threading
import time

import pytest
from kit.bind import texts_file
from kit.config import APPID, CARD_ID, write_secret
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.population import accounts, member, received
from kit.probe import QUICK_GROUP
from kit.program import run_tool
from kit.proxy import Nginx
from kit.push import card_event, event
from kit.records import bonus_command, wechat_command
from kit.scale import count
from kit.stream import Stream
from kit.waiting import wait_for

WORKERS = ("token", "member", "activate", "bonus", "bind", "command", "store", "crm")
RATE = count(1000, 100)  # pushes a second
SENDERS = count(128, 16)
NEW_EVERY = count(40, 8)  # pushes of a sender: one of so many is of a card that was just received
SCAN_EVERY = 50
KEEPERS = 20  # cards whose points are changed
ROUNDS = {"ingress": 5}  # it is back in a moment; others once
SLOW = [{"path": path, "do": {"delay_ms": 50}} for path in ("/card/*", "/cgi-bin/message/*")]  # calls are in hand at a stop
INIT_BONUS, OLD_BONUS = 100, 460
EVENTS = "kabao.member.changed kabao.card.* kabao.activation.* kabao.bonus.changed kabao.binding.*".split()


class People:
    """Who does what: the pushes of each sender's own cards and persons."""

    def __init__(self, seconds):
        self.begun = int(time.time())
        each = int(RATE * seconds / SENDERS / NEW_EVERY) + 1
        self.codes = [[f"{sender:03d}{n:09d}" for n in range(each)] for sender in range(SENDERS)]
        self.unmet = [iter(codes) for codes in self.codes]
        self.cards = [[] for _ in range(SENDERS)]
        self.told = collections.Counter()  # pushes of a card so far
        persons = int(RATE * seconds / SENDERS / SCAN_EVERY) + 1
        self.persons = [[f"oGRUFjROLL{sender:03d}{n:015d}" for n in range(persons)] for sender in range(SENDERS)]
        self.strangers = [iter(persons) for persons in self.persons]

    def world(self):
        keepers = [member(code=code) for code in self.keepers()]
        new = [received(code=code, openid=self.owner(code)) for codes in self.codes for code in codes]
        users = [{"appid": APPID, "openid": who, "contact": "message", "last_contact": self.begun}
                 for persons in self.persons for who in persons]
        return {**accounts(*keepers, *new), "users": users}

    @staticmethod
    def keepers():
        return [f"999{n:09d}" for n in range(KEEPERS)]

    @staticmethod
    def owner(code):
        return f"oGRUFjCARD{code:0>18}"

    def scene(self, who):
        return f"bind-{who[-18:]:0>32}"

    def make_scenes(self, db):
        """As bind.start writes them."""
        rows = ",".join(f"('{APPID}','{self.scene(who)}','bind','user-{who}',NULL,NULL,MD5('{who}'),"
                        "UTC_TIMESTAMP(3)+INTERVAL 1 HOUR,NULL,NULL)" for persons in self.persons for who in persons)
        db.query(f"INSERT INTO scene VALUES {rows}")

    def push(self, sender, number):
        """In each sender's own order: one card is received, looked at, its form is sent, and all over."""
        if number % SCAN_EVERY == SCAN_EVERY - 1:
            who = next(self.strangers[sender])
            return event("SCAN", who, EventKey=self.scene(who), Ticket="gQH47joAAAAAAAAAASxodHRw")
        cards = self.cards[sender]
        if number % NEW_EVERY == 0:
            cards.append(next(self.unmet[sender]))
            return self._of_card("user_get_card", cards[-1])
        name = "submit_membercard_user_info" if number % (2 * NEW_EVERY) == 1 else "user_enter_session_from_card"
        return self._of_card(name, cards[number * 7 % len(cards)])

    def _of_card(self, name, code):
        self.told[code] += 1
        return {**card_event(name, code=code), "FromUserName": self.owner(code), "CreateTime": self.begun + self.told[code]}


class Clerk(threading.Thread):
    """Commands, ten a second: points of the keepers, and the stock."""

    def __init__(self, kafka):
        super().__init__(daemon=True)
        self.kafka, self.bonus, self.stock, self.ends = kafka, collections.defaultdict(list), [], threading.Event()

    def run(self):
        for n in itertools.count():
            if self.ends.wait(0.1):
                return
            if n % 5 == 4:
                command = wechat_command("card.modify_stock", {"card_id": CARD_ID, "increase_stock_value": 1})
                self.kafka.produce("cmd.wechat", *command)
                self.stock.append(command[2]["ce_id"])
            else:
                code = People.keepers()[n % KEEPERS]
                command = bonus_command(code, "add", add_bonus=1 + n % 3)
                self.kafka.produce("cmd.bonus", *command)
                self.bonus[code].append((command[2]["ce_id"], 1 + n % 3))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join(30)


class Shop:
    """Two of each program behind nginx, and what was asked of them."""

    def __init__(self, config, run, sim, kafka, db, crm, directory):  # noqa: PLR0913 (the fixtures of a test)
        self.config, self.sim, self.kafka, self.db, self.crm, self.directory = config, sim, kafka, db, crm, directory
        self.fleet = {name: [run(name, config, ready=False) for _ in range(2)] for name in ("ingress", *WORKERS)}
        for program in itertools.chain(*self.fleet.values()):
            program.wait_ready(60)
        self.nginx = Nginx(directory, [ingress.listen[1] for ingress in self.fleet["ingress"]]).start()

    def restart(self, name):
        """As systemctl restart does, one instance after the other; how long each was away."""
        took = []
        for program in self.fleet[name] * ROUNDS.get(name, 1):
            begun = time.monotonic()
            program.stop()
            program.start()
            took.append(round(time.monotonic() - begun, 1))
        return took

    def layout(self):
        """Of the database, all but its contents."""
        columns = self.db.query("SELECT * FROM information_schema.columns WHERE table_schema = DATABASE()"
                                " ORDER BY table_name, ordinal_position")
        keys = self.db.query("SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM"
                             " information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 3")
        return columns, keys, self.db.rows("schema_version")

    def tool(self, *words):
        done = run_tool("kabaoctl", *words, "--config", self.config.write(self.directory / "tool.ini"))
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def behind(self):
        """What the operator sees of records not yet done, parked and dead, over all workers that run."""
        rows = [row for row in json.loads(self.tool("lag", "--json")) if row["worker"] in self.fleet]
        return {name: sum(row[name] or 0 for row in rows) for name in ("lag", "parked", "dead")}

    def settle(self, timeout):
        """Until all is done, and what came of it. Dead letters are not behind."""
        ends = None
        while ends != (ends := {topic: self.kafka.ends(topic) for topic in self.kafka.topics()}):
            wait_for(lambda: not any(self.behind()[name] for name in ("lag", "parked")), timeout, self.behind)
        assert self.behind()["dead"] == 0


@pytest.fixture
def shop(apply, config, run, start_sim, kafka, db, crm, tmp_path):  # noqa: PLR0913 (the fixtures of a test)
    shops = []

    def open_shop(people):
        sim = start_sim(people.world(), SLOW)
        ready = config.with_({"account demo": {"activation": "on_receive", "init_bonus": INIT_BONUS,
                                               "bind_texts_file": texts_file(tmp_path)}},
                             kafka=QUICK_GROUP, wechat={"base_url": sim.url}, worker={"lanes": count(None, 16)},
                             crm={"url": crm.url, "secret_file": write_secret(tmp_path / "crm", SECRET)})
        apply(ready)
        people.make_scenes(db)
        shops.append(Shop(ready, run, sim, kafka, db, crm, tmp_path))
        return shops[-1]

    yield open_shop
    for made in shops:
        made.nginx.kill()


@pytest.mark.deadline(240)
def test_every_program_is_restarted_under_load(shop):
    people = People(count(240, 120))
    s = shop(people)
    address = ("127.0.0.1", s.nginx.port)
    with Stream(address, s.nginx.context(), people.push, RATE, SENDERS) as stream, Clerk(s.kafka) as clerk:
        wait_for(lambda: len(stream.all()) > 2 * RATE, 60, "the load")
        took = {name: s.restart(name) for name in s.fleet}
        is_not_changed_by_migrating_again(s)
        sent = len(stream.all())
        wait_for(lambda: len(stream.all()) > sent + RATE, 60, "the load, once all are back")
    print(f"{len(stream.all())} pushes in {stream.seconds:.0f} s; {took}; slowest answer "
          f"{max(sent.reply.seconds for sent in stream.all()):.2f} s")
    assert [sent.reply for sent in stream.refused()] == []
    s.settle(count(600, 60))
    print(f"settled {time.monotonic() - stream.begun - stream.seconds:.0f} s later")
    has_every_push_in_order(s, stream)
    has_the_rows(s, stream, people)
    has_activated_and_told_once(s, stream, people)
    has_changed_points_and_stock_once(s, clerk)
    has_told_the_crm(s)


def is_not_changed_by_migrating_again(s):
    before = s.layout()
    s.tool("migrate", "--yes")
    assert s.layout() == before


# What became of it

def name_of(fields):
    """What tells a push from all others."""
    return fields["FromUserName"], fields["CreateTime"], fields["Event"]


def first_of(items):
    return list(dict.fromkeys(items))


def has_every_push_in_order(s, stream):
    wanted, found, ids = collections.defaultdict(list), collections.defaultdict(list), {}
    for sent in stream.all():
        wanted[sent.fields.get("UserCardCode", sent.fields["FromUserName"])].append(name_of(sent.fields))
    records = s.kafka.read("event.wechat", 60)
    for record in records:
        value = record.json
        name = (value["openid"], value["create_time"], value["event"])
        found[value.get("card_code", value["openid"])].append(name)
        assert ids.setdefault(name, record.id) == record.id, f"{name} under two ids"
    assert len(set(ids.values())) == len(ids) == len(stream.all())
    assert {card: first_of(names) for card, names in found.items()} == wanted
    print(f"{len(records) - len(ids)} pushes became a record twice")


def has_the_rows(s, stream, people):
    rows = s.db.rows("wechat_event")
    assert sorted(row["event_id"] for row in rows) == sorted({r.id for r in s.kafka.read("event.wechat")})
    last = {}
    for sent in stream.all():
        if sent.fields["Event"] in ("user_get_card", "submit_membercard_user_info"):
            last[sent.fields["UserCardCode"]] = sent.fields["CreateTime"] * 1000
    members = {row["card_code"]: row for row in s.db.rows("member")}
    assert {code: members[code]["version"] for code in last} == last
    assert set(members) == set(last) and all(row["activated_at"] for row in members.values())
    assert set(last) == {code for codes in people.cards for code in codes}


def has_activated_and_told_once(s, stream, people):
    cards = sorted(code for codes in people.cards for code in codes)
    effects = s.sim.effects()
    assert {code: effects[code]["activations"] for code in cards} == dict.fromkeys(cards, 1)
    assert {effects[code]["bonus"] for code in cards} == {INIT_BONUS}
    assert sorted(row["card_code"] for row in s.db.rows("activation")) == cards
    accounts_of = {row["card_code"]: row["bonus"] for row in s.db.rows("bonus_account")}
    assert {code: accounts_of[code] for code in cards} == dict.fromkeys(cards, INIT_BONUS)
    scanned = sorted(sent.fields["FromUserName"] for sent in stream.all() if sent.fields["Event"] == "SCAN")
    assert scanned and sorted(row["openid"] for row in s.db.rows("binding")) == scanned
    assert s.sim.control("totals")["totals"][APPID]["custom_messages"] == len(scanned)


def has_changed_points_and_stock_once(s, clerk):
    results = collections.defaultdict(list)
    for record in s.kafka.read("result.bonus"):
        results[record.json["card_code"]].append((record.json["command_id"], record.json["delta"]))
        assert record.json["outcome"] == "applied", record
    assert {code: first_of(told) for code, told in results.items()} == clerk.bonus
    sums = {code: sum(delta for _, delta in told) for code, told in clerk.bonus.items()}
    effects = s.sim.effects()
    assert {code: effects[code]["add_bonus_shown"] for code in sums} == sums
    assert {code: effects[code]["bonus"] - OLD_BONUS for code in sums} == sums
    account = {row["card_code"]: row["bonus"] - OLD_BONUS for row in s.db.rows("bonus_account")}
    assert {code: account[code] for code in sums} == sums
    assert clerk.stock and s.sim.control("totals")["totals"][APPID]["stock_changes"] == len(clerk.stock)
    done = {row["command_id"]: row["outcome"] for row in s.db.rows("command_result")}
    assert done == dict.fromkeys(clerk.stock, "done")


def has_told_the_crm(s):
    topics = ("state.member", "event.activation", "result.bonus", "event.binding")
    wanted = collections.defaultdict(list)  # by key: what is told of a card keeps its order within a topic
    for record in itertools.chain(*(s.kafka.read(topic) for topic in topics)):
        if any(fnmatch.fnmatchcase(record.header("ce_type"), pattern) for pattern in EVENTS):
            wanted[record.topic, record.key].append(record.id)
    settled = s.crm.of(answered=200)
    place = {id_: n for n, id_ in enumerate(first_of(webhook.id for webhook in settled))}
    assert set(place) == set(itertools.chain(*wanted.values()))
    for ids in wanted.values():
        assert first_of(ids) == sorted(set(ids), key=place.get)
    print(f"{len(place)} webhooks, {len(settled) - len(place)} of them again")
