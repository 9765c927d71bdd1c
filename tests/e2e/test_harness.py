# SPDX-License-Identifier: Apache-2.0
"""The harness itself, before anything of kabao runs: servers that stop, freeze and come back, the push crypto against
the published vectors, and a judge of records that does refuse."""
import contextlib
import http.client
import http.server
import json
import socket
import threading
import time
import urllib.parse
from xml.etree import ElementTree

import pytest
from confluent_kafka import KafkaException
from kit import push
from kit.config import APPID, CARD_ID, ORIGINAL_ID, SECRETS, Config
from kit.contract import Contract
from kit.kafka import Record
from kit.population import accounts, member, received
from kit.process import Process
from kit.program import Program, parse_metrics
from kit.waiting import concurrently, wait_for
from kit.web import Raw, request

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
KEY_APPID = "wxb11529c136998cb6"
SUBMIT = ("<xml><ToUserName><![CDATA[gh_3fcea188bf78]]></ToUserName>"
          "<FromUserName><![CDATA[obLatjlaNQKb8FqOvt1M1x1lIBFE]]></FromUserName><CreateTime>1432668700</CreateTime>"
          "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[submit_membercard_user_info]]></Event>"
          "<CardId><![CDATA[pbLatjtZ7v1BG_ZnTjbW85GYc_E8]]></CardId>"
          "<UserCardCode><![CDATA[018255396048]]></UserCardCode></xml>")
SUBMIT_ENCRYPTED = (
    "Q3stYC6hdFzMh9T8HCvyDOyNEQjRCoofhHdWHXRcTUkudSLr7nRf3uaLA0mTmRnEjznt2LskmfeppETL+ocdyMTZCmJHK6XjPbSvAsq3K0s0FOk/"
    "7palENKC91CnJS+9FBavXMbzmCqL93ifzt6o/OWT5QIQ6sex4J5R9rnlCgZbm2tF/4idWtIe+XsFsh6BfvOMC69SGIJRwmAKuTd2WY8sGu7UAsG2"
    "xLzsHLOcba6ZIAe+MVriSQnMEQX/OMMR9rzUpuwAdblXpsw7vmXR7rdZ7sAdzmh6YUkHb5ZTZK2vgFXxU/2ocFliTxjr1Ri/euq591p2SAY4qUX+"
    "TUrSn7mznEhmwPBQ5IBUuaEVUqgHdo38XOdkE913EXKSQw9/w56Eb2NugKapxMrWfGT8tXfrba1pHz9bFvQ/9af9RftUdPJlo8VEgi78laABIj8c"
    "NNYCc7iCX+bS3vXi0fgiKBdeYemNZJugjOPErbRmcrYTM0BNsSiIRHe7qnxxv7zo0P6HnaPnIVf+qUXjDfPsSLW8n6Gv8X7QnxRRuvZDBTE=")
ALPHABET_ENCRYPTED = ("Q3stYC6hdFzMh9T8HCvyDM02WZZrU2bL//SKQ3ixyKiDKy9wmeaxONUVOE0cPRkHUcp1j2Vj9XNVUNGSRVH4XjrOXb5Gx8A3"
                      "6DIi+TJz0ZY2enZPcrcclhWMj3wLUAYS")
WXJAVA_ENCRYPTED = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="


@pytest.mark.parametrize("token, timestamp, nonce, signature", [
    ("weixin", "1357982061", "1358161344", "335b26997f05c82243aad6b10a2d1853637e71a8"),
    ("huhujm", "1359208540", "1359227084", "efa917e2445cc9f0aa4386ca92f96de5a242e24e"),
    ("token1234567890", "1458864389", "2066297436", "f9c725922f6844701ba71e98031978e40023c09f"),
    ("kafkawx", "1432668701", "1372623149", "06d850131043679493ed2cd2c8fdf1861a6772b1"),
    ("a", "b", "c", "a9993e364706816aba3e25717850c26c9cd0d89d"),
])
def test_sign_matches_published_vectors(token, timestamp, nonce, signature):
    assert push.sign(token, timestamp, nonce) == signature


@pytest.mark.parametrize("message, random16, encrypted, signed, signature", [
    ("我是中文abcd123", b"aaaabbbbccccdddd", WXJAVA_ENCRYPTED, ("pamtest", "1409304348", "xxxxxx"),
     "82c962d39941aa48552f90ef55aa323dc620cc10"),
    (SUBMIT, b"0123456789abcdef", SUBMIT_ENCRYPTED, ("kafkawx", "1432668701", "1372623149"),
     "e1727f40a4452584e0b90162f87b0e89dd545dbe"),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789abcdef", ALPHABET_ENCRYPTED, ("kafkawx", "1432668701", "1372623149"),
     "8b38560eb152bd54280fe0e309a57d4f2bfd7a5e"),
])
def test_frames_match_published_vectors(message, random16, encrypted, signed, signature):
    assert push.encrypt(message, KEY, KEY_APPID, random16) == encrypted
    assert push.decrypt(encrypted, KEY) == (message, KEY_APPID, random16)
    assert push.sign(*signed, encrypted) == signature


def test_xml_is_what_wechat_sends():
    fields = {"ToUserName": "gh_1", "CreateTime": 1, "Info": {"Type": "a]]>b"}, "Item": ["x", {"Y": 2}]}
    assert push.xml(fields) == ("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><CreateTime>1</CreateTime>"
                                "<Info><Type><![CDATA[a]]]]><![CDATA[>b]]></Type></Info>"
                                "<Item><![CDATA[x]]></Item><Item><Y>2</Y></Item></xml>")


def test_records_come_back_with_key_headers_and_gaps(kafka):
    kafka.create("event.wechat", partitions=2)
    kafka.produce("event.wechat", "k1", {"名": "值"}, {"ce_id": b"1", "traceparent": b"x"}, partition=0)
    kafka.produce("event.wechat", "k2", None, partition=1)
    records = kafka.wait("event.wechat", 2)
    assert {r.key: r.value and r.json for r in records} == {"k1": {"名": "值"}, "k2": None}
    assert [r.id for r in records if r.key == "k1"] == ["1"]
    partition, offset = kafka.again("event.wechat", next(r for r in records if r.key == "k1"))
    assert (partition, offset) == (0, 1)
    assert len(kafka.read("event.wechat")) == 3
    assert kafka.ends("event.wechat") == {0: 2, 1: 1}
    assert kafka.committed("nobody", "event.wechat") == {}
    assert kafka.read("state.member") == []


def test_every_record_of_every_topic_is_judged(kafka):
    kafka.create("event.wechat", "state.member", "redrive.member", "cmd.token")
    for topic, partition in (("event.wechat", 0), ("state.member", 2), ("state.member", 2), ("redrive.member", 1)):
        kafka.produce(topic, "k", None, partition=partition)
    kafka.check_records()  # what a test produced itself is not
    own, kafka._own = kafka._own, set()
    try:
        with pytest.raises(AssertionError, match="4 broken promises") as refused:
            kafka.check_records()
    finally:
        kafka._own = own
    lines = [line for line in str(refused.value).splitlines() if line.endswith("traceparent None")]
    assert sorted(line.split()[0] for line in lines) == [
        kafka.name("event.wechat"), kafka.name("state.member"), kafka.name("state.member")]


def test_broker_keeps_records_over_restart_and_kill(broker, kafka):
    kafka.create("event.wechat", partitions=1)
    address = broker.bootstrap
    kafka.produce("event.wechat", "k", "1")
    broker.restart()
    kafka.produce("event.wechat", "k", "2")
    broker.kill()
    broker.ensure_running()
    kafka.produce("event.wechat", "k", "3")
    assert [r.value for r in kafka.wait("event.wechat", 3)] == [b"1", b"2", b"3"]
    assert broker.bootstrap == address


def test_broker_freezes_and_thaws(broker, kafka):
    kafka.create("event.wechat", partitions=1)
    kafka.produce("event.wechat", "k", "1")
    broker.freeze()
    with pytest.raises(KafkaException):
        kafka.ends("event.wechat", timeout=1)
    broker.thaw()
    kafka.produce("event.wechat", "k", "2")
    assert len(kafka.wait("event.wechat", 2)) == 2


def test_database_is_durable_utc_and_utf8(db):
    db.query("CREATE TABLE t (a VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, b INT)")
    db.query("INSERT INTO t VALUES (%s, 1), ('b', 2)", "卡包🎫")
    (settings,) = db.query("SELECT @@innodb_flush_log_at_trx_commit AS flushes, @@time_zone AS zone")
    assert settings == {"flushes": 1, "zone": "+00:00"}
    db.server.kill()
    db.server.ensure_running()
    assert db.rows("t", a="卡包🎫") == [{"a": "卡包🎫", "b": 1}]
    db.server.restart()
    assert len(db.wait_rows("t", 2)) == 2


def test_settings_become_ini():
    config = Config({"topic": {"prefix": "t1"}, "admin": {"listen": "x"}})
    changed = config.with_({"account demo": {"appid": "wx1"}}, topic={"partitions": 3, "prefix": None}, admin=None)
    assert changed.text() == "[topic]\npartitions = 3\n\n[account demo]\nappid = wx1\n"
    assert config.get("topic", "prefix") == "t1"


def test_processes_end_with_status_and_leave_nothing(tmp_path):
    process = Process(["sh", "-c", "trap 'exit 7' TERM; sleep 60 & echo up; wait"], tmp_path / "log").start()
    wait_for(lambda: "up" in process.log_text(), 10, "the shell")
    (child,) = process.children()
    assert process.terminate(10) == 7
    process.kill()
    wait_for(lambda: not _alive(child), 5, "the end of the child")


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


UPDATE, ACTIVATE = "/card/membercard/updateuser", "/card/membercard/activate"


class Platform:
    """The simulator's calls as a merchant makes them."""

    def __init__(self, sim):
        self.sim = sim
        answer = self.post("/cgi-bin/stable_token", grant_type="client_credential", appid=APPID, secret=SECRETS["secret"])
        self.token = answer["access_token"]

    token = ""

    def post(self, path, **body):
        """The answer; None when the connection was cut."""
        try:
            reply = request(("127.0.0.1", self.sim.port), "POST", f"{path}?access_token={self.token}",
                            json.dumps(body, ensure_ascii=False).encode())
        except (http.client.HTTPException, ConnectionError):
            return None
        return json.loads(reply.body)

    def card(self, path, code="018255396048", **body):
        return self.post(path, code=code, card_id=CARD_ID, **body)


def test_simulator_counts_what_was_done_to_a_card(start_sim):
    platform = Platform(start_sim(accounts(received())))
    sim = platform.sim
    sim.control("script", [{"path": ACTIVATE, "times": 1, "do": {"cut": "before"}},
                           {"path": ACTIVATE, "times": 1, "do": {"cut": "after"}},
                           {"path": UPDATE, "times": 1, "do": {"cut": "before"}},
                           {"path": UPDATE, "times": 1, "do": {"cut": "after"}}])
    assert platform.card(ACTIVATE, membership_number="N1", init_bonus=5) is None
    assert sim.effects()["018255396048"]["has_active"] is False
    assert platform.card(ACTIVATE, membership_number="N1", init_bonus=5) is None
    assert platform.card(ACTIVATE, membership_number="N2", init_bonus=7)["errcode"] == 0
    assert platform.card(UPDATE, bonus=25, add_bonus=20) is None
    assert sim.card("018255396048")["bonus"] == 5
    assert platform.card(UPDATE, bonus=25, add_bonus=20, record_bonus="消费") is None
    assert platform.card(UPDATE, bonus=25, add_bonus=20)["result_bonus"] == 25
    effects = sim.effects(code="018255396048")["018255396048"]
    assert {name: effects[name] for name in ("activations", "membership_number", "updates", "notices", "add_bonus_shown",
                                             "bonus")} == {
        "activations": 2, "membership_number": "N2", "updates": 2, "notices": 2, "add_bonus_shown": 40, "bonus": 25}
    notice = sim.card("018255396048")["notice_list"][0]
    assert (notice["about"], notice["add"], notice["value"], notice["text"]) == ("bonus", 20, 25, "消费")
    assert len(sim.requests(path=UPDATE, carried_out=True)) == 2
    (pushed,) = sim.pushes(event="update_member_card")
    assert pushed["fields"]["ModifyBonus"] == 20


def test_simulator_counts_quotas_of_calls_that_change_cards(start_sim):
    quota = {UPDATE: {"per_minute": 2}, ACTIVATE: {"per_day": 1}}
    platform = Platform(start_sim(accounts(member(bonus=0), template={"bonus_limit": 10}, quota=quota)))
    assert platform.card(UPDATE, add_bonus=11)["errcode"] == 45022
    assert platform.card(UPDATE, add_bonus=10)["errcode"] == 0
    assert platform.card(UPDATE, add_bonus=0)["errcode"] == 45011
    assert platform.card(ACTIVATE, membership_number="1")["errcode"] == 0
    assert platform.card(ACTIVATE, membership_number="1")["errcode"] == 45009
    assert platform.sim.card("018255396048")["bonus"] == 10


def test_simulator_lives_through_a_card(start_sim):
    platform = Platform(start_sim(accounts()))
    sim = platform.sim
    code = sim.receive("111", openid="oWxsimFakeOpenid000000000001", outer_str="12b")
    handles = sim.submit(code, {"USER_FORM_INFO_FLAG_MOBILE": "15521328888"}, custom_form=[{"name": "兴趣", "value": "琴"}])
    info = platform.post("/card/membercard/activatetempinfo/get", activate_ticket=handles["activate_ticket"])["info"]
    assert info == {"common_field_list": [{"name": "USER_FORM_INFO_FLAG_MOBILE", "value": "15521328888"}],
                    "custom_field_list": [{"name": "兴趣", "value": "琴"}]}
    assert platform.post("/card/code/decrypt", encrypt_code=handles["encrypt_code"])["code"] == code
    assert platform.post("/card/code/decrypt", encrypt_code=sim.encrypt(code))["code"] == code
    short = sim.submit(code, ttl_s=0)["activate_ticket"]
    assert platform.post("/card/membercard/activatetempinfo/get", activate_ticket=short)["errcode"] == 72012
    platform.card(ACTIVATE, code, membership_number="N1", init_bonus=5)
    sim.foreign(code, bonus=50)
    seen = sim.last_push()
    sim.delete(code)
    assert platform.card(ACTIVATE, code, membership_number="N1")["errcode"] == 40127
    sim.receive(code)
    assert (sim.card(code)["bonus"], sim.card(code)["has_active"]) == (55, True)
    sim.delete(code)
    sim.receive(code, restore=False)
    assert (sim.card(code)["bonus"], sim.card(code)["has_active"]) == (0, False)
    new = sim.gift(code, "oWxsimFakeOpenid000000000002")
    assert platform.card(UPDATE, code, add_bonus=1)["errcode"] == 40127
    assert platform.card(UPDATE, new, add_bonus=1)["errcode"] == 0
    assert [(p["event"], p["code"]) for p in sim.pushes(seen)] == [
        ("user_del_card", code), ("user_get_card", code), ("user_del_card", code), ("user_get_card", code),
        ("user_gifting_card", code), ("user_get_card", new), ("update_member_card", new)]
    received_again = sim.pushes(seen, event="user_get_card")
    assert [p["fields"]["IsRestoreMemberCard"] for p in received_again] == [1, 0, 0]
    assert received_again[2]["fields"]["OldUserCardCode"] == code
    assert push.xml(received_again[0]["fields"]).startswith("<xml><ToUserName><![CDATA[")


@contextlib.contextmanager
def callback(answer):
    """A callback URL, and the pushes it got as dicts; answer(push) is what it says to the one that just came: a text,
    or None for 500."""
    got = []

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            encrypt = ElementTree.fromstring(body).findtext("Encrypt").strip()
            assert query["msg_signature"] == push.sign(SECRETS["callback_token"], query["timestamp"], query["nonce"], encrypt)
            message, _, _ = push.decrypt(encrypt, SECRETS["aes_key"])
            got.append({child.tag: (child.text or "").strip() for child in ElementTree.fromstring(message)})
            said = answer(got[-1])
            self.send_response(500 if said is None else 200)
            self.end_headers()
            self.wfile.write((said or "").encode())

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/wechat/demo", got
    finally:
        server.shutdown()
        server.server_close()


VISITOR = "oWxsimFakeOpenid000000000009"


def test_simulator_relays_its_pushes(start_sim):
    platform = Platform(start_sim(accounts(member(unionid=None), member("222", unionid="u2"))))
    sim, who = platform.sim, {"appid": APPID, "openid": VISITOR}
    code = platform.post("/cgi-bin/qrcode/create", action_name="QR_STR_SCENE", action_info={"scene": {"scene_str": "s1"}})
    tries = []
    with callback(lambda _: tries.append(1) or (None if len(tries) == 1 else "success")) as (url, got):
        sim.foreign("222", bonus=1)
        sim.relay(url)
        sim.foreign("018255396048", bonus=-5)
        sim.delete("018255396048")
        sim.receive("018255396048")
        assert sim.control("scan", {**who, "ticket": code["ticket"]})["event"] == "subscribe"
        assert sim.control("scan", {**who, "scene": "s1"})["event"] == "SCAN"
        said = sim.control("say", {**who, "type": "text", "text": "在吗 ]]> <b>"})
        sim.control("say", {**who, "type": "location"})
        sim.control("unfollow", who)
        wait_for(lambda: len(got) == 9, 10, lambda: f"nine deliveries: {got}")
    expected = [{name: str(value) for name, value in p["fields"].items()} for p in sim.pushes(after=1)]
    assert got == [expected[0], *expected]  # the first was refused once
    text = got[6]
    assert text == {"ToUserName": ORIGINAL_ID, "FromUserName": VISITOR, "CreateTime": text["CreateTime"],
                    "MsgType": "text", "Content": "在吗 ]]> <b>", "MsgId": str(said["msgid"])}
    assert (got[4]["EventKey"], got[5]["EventKey"], got[5]["Event"]) == ("qrscene_s1", "s1", "SCAN")
    assert got[4]["Ticket"] == code["ticket"]
    assert sim.control("replies") == {"replies": [], "last": 0, "good": 0, "bad": 0}


def sealed(fields, nonce="n", **changes):
    """A passive reply as secure mode has it."""
    encrypt = push.encrypt(push.xml(fields), SECRETS["aes_key"])
    stamp = int(time.time())
    return push.xml({"Encrypt": encrypt, "MsgSignature": push.sign(SECRETS["callback_token"], str(stamp), nonce, encrypt),
                     "TimeStamp": stamp, "Nonce": nonce, **changes})


def test_simulator_judges_replies(start_sim):
    sim = start_sim(accounts(member()))
    who = {"appid": APPID, "openid": VISITOR}
    reply = {"ToUserName": VISITOR, "FromUserName": ORIGINAL_ID, "CreateTime": 1, "MsgType": "text", "Content": "欢迎"}
    news = {"ArticleCount": 2, "Articles": {"item": [{"Title": t, "Description": "", "PicUrl": "", "Url": "u"} for t in "ab"]}}
    answers = {
        "subscribe": sealed(reply),
        "silence": "success",
        "plain": push.xml(reply),
        "forged": sealed(reply, MsgSignature="0" * 40),
        "swapped": sealed({**reply, "ToUserName": ORIGINAL_ID, "FromUserName": VISITOR}),
        "many": sealed({**{k: v for k, v in reply.items() if k != "Content"}, "MsgType": "news", **news}),
    }
    with callback(lambda p: answers[p.get("Content", p.get("Event"))]) as (url, got):
        relay = sim.relay(url)
        sim.control("follow", who)
        for text in list(answers)[1:]:
            sim.control("say", {**who, "type": "text", "text": text})
        wait_for(lambda: len(got) == 2 + 3 * 4, 15, lambda: f"good ones once, bad ones three times: {got}")
        wait_for(lambda: sim.control("replies")["last"] == 13, 5, "the last report")
    heard = sim.control("replies?openid=" + VISITOR)
    assert (heard["last"], heard["good"], heard["bad"]) == (13, 1, 12)
    first, *others = heard["replies"]
    assert first == {"n": 1, "appid": APPID, "openid": VISITOR, "mode": "secure", "type": "text", "content": "欢迎",
                     "fields": {**reply, "CreateTime": "1"}}
    assert [r["bad"].split(":")[0] for r in others[::3]] == ["Encrypt", "MsgSignature", "ToUserName", "Articles"]
    assert others[9]["fields"]["Articles/item#2/Title"] == "b"
    assert "a reply that WeChat refuses: ToUserName" in relay.log_text()
    assert sim.control("replies", {**who, "push_type": "event", "answer": answers["many"]}) == {"ok": True, "reply": True}
    assert sim.control("replies", {**who, "answer": ""}) == {"ok": True, "reply": False}
    assert sim.control("replies?after=13")["replies"][0]["type"] == "news"


def test_simulator_exchanges_a_login_and_keeps_quiet(start_sim):
    sim = start_sim(accounts(member()))
    code = sim.control("oauth-code", {"appid": APPID, "openid": VISITOR})["code"]
    path = "/sns/oauth2/access_token"
    query = urllib.parse.urlencode({"appid": APPID, "secret": SECRETS["secret"], "code": code,
                                    "grant_type": "authorization_code"})
    answers = [json.loads(request(("127.0.0.1", sim.port), "GET", f"{path}?{query}").body) for _ in range(2)]
    assert (answers[0]["openid"], answers[1]["errcode"]) == (VISITOR, 40163)
    assert {answers[0][name] for name in ("access_token", "refresh_token")} <= set(sim.control("tokens")["tokens"])
    first, second = sim.requests(path=path)
    assert (first["carried_out"], second["carried_out"], second["errcode"]) == (True, False, 40163)
    assert first["appid"] == APPID and first["query"]["secret"] == "***" and first["query"]["code"] == code
    log = sim.requests_path.read_text(encoding="utf-8")
    assert not any(text in log for text in (SECRETS["secret"], answers[0]["access_token"], answers[0]["refresh_token"]))


STAND_IN = """#!/usr/bin/python3
import configparser, http.server, signal, sys
config = configparser.ConfigParser(interpolation=None)
config.read(sys.argv[2])
host, port = config["admin"]["listen"].split(":")
class Admin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'a_total{x="1"} 2\\na_total{x="2"} 3\\n')
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(config["stand-in"]["exit"])))
print('{"event":"up","prefix":"%s"}' % config["topic"]["prefix"], config["stand-in"]["says"], file=sys.stderr, sep="\\n")
sys.stderr.flush()
http.server.HTTPServer((host, int(port)), Admin).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch, config):
    """Settings under which run("member") starts a program that only has an admin port and an exit status."""
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin/kabao-member"
    path.write_text(STAND_IN, encoding="ascii")
    path.chmod(0o700)
    monkeypatch.setattr("kit.program.BIN", tmp_path / "bin")
    return config.with_({"stand-in": {"exit": 0, "says": "{}"}})


def test_programs_are_started_read_and_stopped(run, stand_in, kafka):
    first, second = run("member", stand_in), run("member", stand_in)
    assert first.metric("a_total") == 5
    assert first.metric("a_total", x="2") == 3
    assert first.metric("b") is None
    assert first.log_lines("up") == [{"event": "up", "prefix": kafka.prefix}]
    first.wait_metric("a_total", 3, x="2")
    first.stop()
    assert first.probe("/readyz") is None
    second.freeze()
    first.start()
    second.kill()
    assert not second.running and first.running


def test_programs_that_end_badly_are_told(run, stand_in):
    with pytest.raises(AssertionError, match="ended with 3"):
        run("member", stand_in.with_({"stand-in": {"exit": 3}})).stop()
    with pytest.raises(AssertionError, match="ended with 1"):
        run("member", stand_in.with_({"stand-in": None}))


def test_logs_are_searched(stand_in, tmp_path):
    for says, whose in (("x.c:1:2: runtime error: overflow", []), ("ERROR: AddressSanitizer: x", []), ("{hush}", ["hush"])):
        program = Program("member", stand_in.with_({"stand-in": {"says": says}}), tmp_path, f"log{len(says)}").start()
        program.stop()
        with pytest.raises(AssertionError):
            program.check_log(whose)


def test_waiting_names_what_was_missed():
    with pytest.raises(AssertionError, match="not within 0 s: the moon"):
        wait_for(lambda: False, 0, "the moon")
    assert concurrently(lambda n: n * n, range(5), 3) == [0, 1, 4, 9, 16]


def test_replies_that_come_together_are_read_apart():
    with socket.create_server(("127.0.0.1", 0)) as server, Raw(server.getsockname(), timeout=10) as raw:
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess" * 3)
            assert [raw.read_reply() for _ in range(3)] == [(200, b"success")] * 3


def test_metrics_page_is_read():
    page = '# HELP a b\n# TYPE a counter\na_total{x="1",y="q\\"uote"} 3\nb 1e-3\n'
    assert parse_metrics(page) == [("a_total", {"x": "1", "y": 'q\\"uote'}, 3.0), ("b", {}, 0.001)]
    with pytest.raises(AssertionError):
        parse_metrics("not a sample\n")


SCHEMA_ID = "https://schemas.example.org/x.schema.json"
GOOD = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "1", "ce_source": "/wechat/wx1",
        "ce_type": "kabao.wechat.subscribe", "ce_time": "2026-01-01T00:00:00Z", "ce_dataschema": SCHEMA_ID,
        "ce_appid": "wx1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def _record(value=b'{"a":1}', topic="t.event.wechat.v1", twice=(), **changes):
    headers = [(k, v.encode()) for k, v in {**GOOD, **changes}.items() if v is not None]
    headers += [(name, GOOD[name].encode()) for name in twice]
    return Record(topic, 0, 0, int(time.time() * 1000), "k", value, tuple(headers))


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "x.schema.json").write_text(
        '{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"%s","type":"object",'
        '"properties":{"a":{"type":"integer"}},"required":["a"]}' % SCHEMA_ID, encoding="utf-8")
    return Contract(folder, secrets=["hush"])


def test_judge_passes_good_records(judge):
    assert judge.problems(_record()) == []
    assert judge.problems(_record(None, "t.state.member.v1")) == []


@pytest.mark.parametrize("record, says", [
    (_record(traceparent=None), "traceparent"),
    (_record(twice=["traceparent"]), "header traceparent 2 times"),
    (_record(traceparent="00-" + "0" * 32 + "-b7ad6b7169203331-01"), "traceparent"),
    (_record(ce_id=None), "no ce_id"),
    (_record(ce_source="/wechat/wx2"), "ce_source"),
    (_record(ce_specversion="0.3"), "ce_specversion"),
    (_record(ce_app_id="1"), "attribute name ce_app_id"),
    (_record(ce_time="yesterday"), "ce_time"),
    (_record(b'{"a":"1"}'), "value at /a"),
    (_record(b"\xff"), "value"),
    (_record(None), "no value"),
    (_record(ce_dataschema="https://schemas.example.org/other"), "no file"),
    (_record(b'{"a":1,"b":"hush"}'), "a secret in clear"),
    (_record(topic="t.dlq.member.v1"), "no dlq-reason"),
])
def test_judge_refuses_bad_records(judge, record, says):
    assert any(problem.startswith(says) for problem in judge.problems(record)), judge.problems(record)
