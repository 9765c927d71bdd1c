# SPDX-License-Identifier: Apache-2.0
"""Forgetting a person: after member.erase no table, no log and no compacted topic knows them, nor does a replay bring
them back; others are as they were."""
import base64
import json
import threading
import time

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from kit.bind import texts_file
from kit.config import APPID, CARD_ID, write_secret
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.population import accounts
from kit.program import run_tool
from kit.push import card_event, event
from kit.records import activation_request, event_record, wechat_command
from kit.retention import delete_records
from kit.scale import count
from kit.waiting import wait_for
from test_replay import INPUTS, VERIFY_KEY, System, as_they_came, differences, redrive

FORM = ("USER_FORM_INFO_FLAG_MOBILE", "USER_FORM_INFO_FLAG_NAME")
COMPACTED = {"cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
             "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "200"}


class Person:
    """All that says who somebody is."""

    def __init__(self, number):
        self.code = f"7700{number:08d}"
        self.openid = f"oGRUFjERASE{number:0>17}"
        self.unionid = f"uERASE{number:0>22}"
        self.phone = f"139{number:08d}"
        self.name = f"欧阳{chr(0x4e00 + number)}{chr(0x5e00 + number)}"

    @property
    def needles(self):
        return [self.openid, self.unionid, self.phone, self.name]

    @property
    def form(self):
        return dict(zip(FORM, (self.phone, self.name)))


def texts(value):
    """Every text a column may hold, Base64 undone."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    yield str(value)
    if isinstance(value, str) and '"headers"' in value:
        for part in value.split('"'):
            if len(part) > 8 and len(part) % 4 == 0:
                try:
                    yield base64.b64decode(part, validate=True).decode("utf-8", "replace")
                except ValueError:
                    continue


def found_in_tables(db, needles):
    """[(table, column, needle)] over every column of every table."""
    found = []
    for table in db.query("SELECT table_name AS t FROM information_schema.tables WHERE table_schema=DATABASE()"):
        for row in db.rows(table["t"]):
            found += [(table["t"], column, needle) for column, value in row.items() for text in texts(value)
                      for needle in needles if needle in text]
    return found


def found_in_records(records, needles):
    return [(record.topic, record.offset, needle) for record in records for needle in needles
            if needle in f"{record.key}" or needle.encode() in (record.value or b"")
            or needle.encode() in b"".join(value or b"" for _, value in record.headers)]


def erase(ini, code, *more):
    done = run_tool("kabaoctl", "member", "erase", code, "--json", "--config", ini, *more)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def next_second():
    """WeChat's clock counts seconds: what comes now came later."""
    begun = int(time.time())
    wait_for(lambda: int(time.time()) > begun, 5, "the next second")


@pytest.fixture
def system(apply, config, run, pusher, start_sim, crm, kafka, db, tmp_path):
    sim = start_sim(accounts())
    account = {"activation": "on_ticket", "landing_url": "https://shop.example/", "binding": "open",
               "binding_prefix": "m-", "bind_texts_file": texts_file(tmp_path), "init_bonus": 10}
    ready = config.with_({"account demo": account}, wechat={"base_url": sim.url}, log={"level": "debug"},
                         worker={"lanes": 16, "park_after_ms": 300, "retry_initial_ms": 50, "retry_max_ms": 1000},
                         verify={"key_file": write_secret(tmp_path / "verify.key", VERIFY_KEY)},
                         crm={"url": crm.url, "secret_file": write_secret(tmp_path / "crm.secret", SECRET),
                              "events": "*"})
    apply(ready)
    s = System(ready, run, pusher, sim, crm, kafka, db)
    s.config, s.ini = ready, ready.write(tmp_path / "erase.ini")
    yield s
    s.groups.close()


def life(s, people):
    """Cards, forms, scans, codes, points, gifts, coupons and pays, and commands about all of it."""
    sim = s.sim
    tickets = {}
    for p in people:
        sim.receive(p.code, p.openid, unionid=p.unionid, outer_str="12b")
        tickets[p] = sim.submit(p.code, p.form)
    s.deliver()
    for p in people:
        s.ask("member.temp_info", activate_ticket=tickets[p]["activate_ticket"])
        s.kafka.produce("cmd.activation", *activation_request(openid=p.openid, **tickets[p]))
        s.people("scan", p.openid, ticket=s.ask("bind.start", user=f"user of {p.code}", ttl_s=86400)["ticket"])
        s.people("scan", p.openid, ticket=s.ask("verify.start", purpose="pay")["ticket"])
        s.people("say", p.openid, type="text", text=f"我是{p.name}，{p.phone}")
    s.quiet()
    for p in people:
        s.command(p.code, "add", add_bonus=7)
        for name, more in (("user_consume_card", {"ConsumeSource": "FROM_API"}),
                           ("user_pay_from_pay_cell", {"TransId": f"T{p.code}", "Fee": "100", "OriginalFee": "120"}),
                           ("user_view_card", {})):
            assert s.push.send(card_event(name, p.code, openid=p.openid, **more)).success
        assert s.push.send(event("CLICK", p.openid, EventKey="member")).success
        assert s.push.send(card_event("user_consume_card", f"gone{p.code}", openid=p.openid)).success  # a dead letter
        s.ask("user.info", openid=p.openid)
        s.ask("member.get", card_id=CARD_ID, code=p.code)
        s.ask("code.get", card_id=CARD_ID, code=p.code)
        s.ask("member.find", openid=p.openid)
        s.ask("verify.send", openid=p.openid, purpose="login") if p is not people[0] else None
        s.ask("oauth.exchange", code=s.people("oauth-code", p.openid)["code"])
    giver, taker = people[0], people[1]
    sim.receive("gift0001", giver.openid)
    sim.receive("gift0002", taker.openid)
    s.quiet()
    sim.gift("gift0001", friend=taker.openid, new_code="gift0003")
    sim.gift("gift0002", friend=giver.openid, new_code="gift0004")
    s.quiet()


def compact(kafka, topic, needles):
    """What the broker's cleaner leaves of the topic; it takes nothing out of the segment that is being written."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    resource = ConfigResource(ConfigResource.Type.TOPIC, kafka.name(topic), COMPACTED)
    for future in admin.alter_configs([resource]).values():
        future.result(30)
    filler = iter(range(1000))

    def clean():
        turn = next(filler)
        for partition in range(kafka.topics()[topic]):
            kafka.produce(topic, f"filler {partition}", None if turn % 2 else "{}",
                          {"traceparent": f"00-{'1' * 32}-{'1' * 16}-01"}, partition=partition)
        kafka.close()  # read anew from the beginning
        return not found_in_records(kafka.read(topic), needles)

    wait_for(clean, 90, lambda: f"{topic} compacted; {found_in_records(kafka.read(topic), needles)[:5]}")


@pytest.mark.deadline(300)
def test_nothing_is_left_of_a_person_and_a_replay_brings_nobody_back(system):
    s = system
    p, other = Person(1), Person(2)
    life(s, [p, other])
    s.crm.on(lambda w: p.openid in w.body.decode() and w.type == "kabao.wechat.click", status=500)
    assert s.push.send(event("CLICK", p.openid, EventKey="parked")).success
    s.db.wait_rows("parked", worker="crm")
    wait_for(lambda: all(("wechat_event", "body", needle) in found_in_tables(s.db, [needle]) for needle in p.needles),
             20, "the person in the tables: else nothing would be shown")
    lives = {worker: as_they_came(s.kafka, topics) for worker, topics in INPUTS.items()}
    before = s.rows()
    next_second()

    told = erase(s.ini, f"{CARD_ID}:{p.code}", "--yes")
    assert told["erased"]["cards"] >= 2 and told["erased"]["parked"] >= 1, told
    wait_for(lambda: not s.db.rows("parked", worker="crm"), 60, "parked records become dead letters")
    s.quiet()
    assert found_in_tables(s.db, p.needles) == []
    whose = [*p.needles, p.code, "gift0001", "gift0004"]
    for key, change in differences(before, s.rows()):
        assert any(name in repr((key, before.get(key))) for name in whose) or key[0] in ("command_result", "effect"), (
            key, change)
    mine = [row for row in s.db.rows("wechat_event") if row["card_code"] == other.code]
    assert mine and all(row["openid"] == other.openid and row["body"] for row in mine)
    assert s.db.rows("member", card_code=other.code) == [before["member", APPID, CARD_ID, other.code]]
    assert s.db.rows("bonus_account", card_code=p.code) == [before["bonus_account", APPID, CARD_ID, p.code]]
    (row,) = s.db.rows("member", card_code=p.code)
    assert row["status"] and row["openid"] is row["mobile"] is None

    for words in (("member", "show", f"{CARD_ID}:{p.code}", "--reveal"), ("trace", p.code),
                  ("member", "history", f"{CARD_ID}:{p.code}", "--reveal"),
                  ("tail", "state.member", "--from", "beginning", "--max", "12", "--json")):
        shown = run_tool("kabaoctl", *words, "--config", s.ini)
        assert shown.returncode == 0, shown
        assert words[0] == "tail" or not [n for n in p.needles if n in shown.stdout], shown

    redrive(s, lives)
    s.quiet()
    assert found_in_tables(s.db, p.needles) == []
    last = {record.key: record.value for record in s.kafka.read("state.member")}
    assert last[f"{APPID}:{CARD_ID}:{p.code}"] is None and last[f"{APPID}:{CARD_ID}:gift0004"] is None
    assert last[f"{APPID}:{CARD_ID}:{other.code}"]

    again = erase(s.ini, f"{CARD_ID}:{p.code}", "--yes")
    assert again["erased"]["cards"] == 1
    next_second()
    anew = Person(1)
    anew.code = "770099999999"
    s.sim.receive(anew.code, anew.openid, unionid=anew.unionid)
    s.quiet()
    (row,) = s.db.rows("member", card_code=anew.code)
    assert (row["openid"], row["unionid"]) == (p.openid, p.unionid)
    assert s.db.rows("member", card_code=p.code)[0]["openid"] is None
    redrive(s, lives)
    s.quiet()
    assert {row["card_code"] for row in s.db.rows("member", openid=p.openid)} == {anew.code}
    next_second()
    s.kafka.produce("cmd.wechat", *wechat_command("member.erase", {"openid": p.openid}))
    s.quiet()
    assert found_in_tables(s.db, p.needles) == []
    assert found_in_tables(s.db, other.needles)

    for program in (s.ingress, *s.workers.values()):
        log = program.log_text()
        assert log and not [needle for needle in (*p.needles, *other.needles) if needle in log], program
    for topic in s.kafka.topics():
        if topic not in ("state.member", "state.token"):
            delete_records(s.kafka, topic, dict.fromkeys(s.kafka.ends(topic), -1))
    compact(s.kafka, "state.member", p.needles)
    for topic in s.kafka.topics():
        assert found_in_records(s.kafka.read(topic), p.needles) == [], topic


def hold_fence(db):
    """A connection that has the fence's row, as one who erases."""
    connection = db.connect()
    connection.begin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT generation FROM erased_fence WHERE id=1 FOR UPDATE")
    return connection


@pytest.fixture
def stores(apply, config, run, start_sim, db, kafka):
    """Two kabao-store, kabao-member and kabao-command; some people are erased while their records come."""
    sim = start_sim(accounts())
    ready = config.with_(wechat={"base_url": sim.url}, worker={"lanes": 16, "retry_initial_ms": 50})
    apply(ready)

    class Stores:
        pass

    s = Stores()
    s.config, s.sim, s.kafka, s.db, s.run = ready, sim, kafka, db, run
    s.token = run("token", ready)
    return s


def test_a_row_that_was_decided_before_is_not_written_after(stores):
    s = stores
    s.run("store", s.config)
    p = Person(3)
    s.kafka.produce("event.wechat", *event_record("user_view_card", "000000000001", openid="oGRUFjOTHER"))
    s.db.wait_rows("wechat_event")
    at = int(time.time()) - 5
    waiting = ("SELECT 1 FROM information_schema.processlist WHERE db=DATABASE() AND id<>CONNECTION_ID()"
               " AND command<>'Sleep' AND info LIKE '%%erased_fence%%'")
    with hold_fence(s.db) as connection, connection.cursor() as cursor:
        s.kafka.produce("event.wechat", *event_record("user_view_card", p.code, at=at, openid=p.openid))
        wait_for(lambda: s.db.query(waiting), 20, "kabao-store at the fence")
        cursor.execute("UPDATE erased_fence SET generation=generation+1 WHERE id=1")
        cursor.execute("INSERT INTO erased SELECT %s,SHA2(%s,256),UTC_TIMESTAMP(3),generation FROM erased_fence",
                       (APPID, f"{APPID}:{p.openid}"))
        connection.commit()
    s.db.wait_rows("wechat_event", 2)
    assert found_in_tables(s.db, p.needles) == []
    (row,) = s.db.rows("wechat_event", card_code=p.code)
    assert row["body"] is row["openid"] is None and row["event"] == "user_view_card"


def test_people_are_erased_while_their_pushes_come_and_workers_die(stores, rng):
    s = stores
    people = [Person(n) for n in range(10, 10 + count(200, 24))]
    gone, stay = people[::2], people[1::2]
    for p in people:
        s.sim.receive(p.code, p.openid, unionid=p.unionid)
        s.sim.submit(p.code, p.form, active=True)
    programs = {name: s.run(name.split()[0], s.config) for name in ("store 1", "store 2", "member", "command")}
    now = int(time.time())
    records = [event_record(name, p.code, at=now - age, openid=p.openid) for p in people
               for age in range(1, 9) for name in ("user_view_card", "update_member_card", "user_get_card")]
    rng.shuffle(records)
    commands = [wechat_command("member.erase", {"openid": p.openid} if n % 2 else
                               {"card_id": CARD_ID, "card_code": p.code}) for n, p in enumerate(gone)]
    problems = []

    def push():
        try:
            for record in records:
                s.kafka.produce("event.wechat", *record)
        except Exception as e:  # noqa: BLE001 (told below)
            problems.append(e)

    pushing = threading.Thread(target=push)
    pushing.start()
    # By openid at any time; by card once a row tells whose it is.
    for n, (p, command) in enumerate(zip(gone, commands)):
        if n % 2 == 0:
            s.db.wait_rows("member", card_code=p.code, openid=p.openid, timeout=60)
        s.kafka.produce("cmd.wechat", *command)
        if n == len(gone) // 2:
            for name in ("command", "store 1"):
                programs[name].kill()
                programs[name] = s.run(name.split()[0], s.config)
    pushing.join()
    assert not problems, problems

    def results():
        done = {r.json["command_id"]: r.json for r in s.kafka.read("result.wechat")}
        return all(command[2]["ce_id"] in done for command in commands)

    wait_for(results, 90, "every erasure is done")
    for worker, topic in (("member", "event.wechat"), ("store", "event.wechat"), ("store", "state.member"),
                          ("command", "cmd.wechat")):
        s.kafka.wait_done(worker, topic, 90)
    s.kafka.wait_done("store", "state.member", 60)
    assert found_in_tables(s.db, [needle for p in gone for needle in p.needles]) == []
    last = {record.key: record.value for record in s.kafka.read("state.member")}
    assert [p.code for p in gone if last.get(f"{APPID}:{CARD_ID}:{p.code}")] == []
    for p in stay:
        assert len(s.db.rows("wechat_event", openid=p.openid)) == 24
        (row,) = s.db.rows("member", card_code=p.code)
        assert (row["openid"], row["mobile"]) == (p.openid, f"+86{p.phone}")


@pytest.mark.parametrize("on_revoke", ["erase", "keep"])
def test_a_revocation_erases_where_the_settings_say_so(stores, pusher, on_revoke):
    s = stores
    s.config = s.config.with_({"account demo": {"on_revoke": on_revoke}})
    ingress = s.run("ingress", s.config)
    for name in ("store", "member", "command"):
        s.run(name, s.config)
    push = pusher(ingress)
    p = Person(5)
    s.sim.receive(p.code, p.openid, unionid=p.unionid)
    s.sim.submit(p.code, p.form, active=True)
    s.sim.deliver(push)
    s.db.wait_rows("member", card_code=p.code, openid=p.openid)
    s.kafka.wait_done("store", "state.member")
    # WeChat's clock may be ahead of ours, and its samples write names in both cases.
    for names in (("OpenID", "AppID"), ("openid", "appid")):
        fields = {**event("user_authorization_revoke", p.openid, int(time.time()) + 3, RevokeInfo="1"),
                  **dict(zip(names, (p.openid, APPID)))}
        assert push.send(fields).success
    if on_revoke == "keep":
        s.kafka.wait_done("member", "event.wechat")
        s.db.wait_rows("wechat_event", 2, event="user_authorization_revoke")
        assert s.kafka.read("cmd.wechat") == [] and s.db.rows("erased") == []
        assert s.db.rows("member", openid=p.openid)
        return
    s.kafka.wait("result.wechat", 2)
    s.db.wait_rows("wechat_event", 2, event="user_authorization_revoke")
    s.db.wait_rows("command_result", 2, type="member.erase", outcome="done")
    assert found_in_tables(s.db, p.needles) == []


def test_nobody_is_erased_without_being_asked_for(stores, tmp_path):
    s = stores
    s.run("store", s.config)
    ini = s.config.write(tmp_path / "erase.ini")
    s.kafka.produce("event.wechat", *event_record("user_view_card", "000000000002", openid="oGRUFjOTHER"))
    s.db.wait_rows("wechat_event")
    done = run_tool("kabaoctl", "member", "erase", "000000000002", "--config", ini)
    assert done.returncode == 64 and "--yes" in done.stderr, done
    assert run_tool("kabaoctl", "member", "erase", "nosuch", "--yes", "--config", ini).returncode == 64
    silent = run_tool("kabaoctl", "member", "erase", "000000000002", "--yes", "--wait", "1", "--config", ini)
    assert silent.returncode == 75 and "command wait" in silent.stderr, silent
    s.run("command", s.config)
    s.db.wait_rows("command_result", type="member.erase", outcome="done")
    (row,) = s.db.rows("wechat_event")
    assert row["openid"] is None
