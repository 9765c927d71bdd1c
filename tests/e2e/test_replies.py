# SPDX-License-Identifier: Apache-2.0
"""Auto-replies: every kind of rule and reply in every push mode, opened and read by wechatpy where it is installed and
by the standard library everywhere; what a wrong file does; that no reply goes out before the broker has the record."""
import itertools
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from kit.config import APPID, ORIGINAL_ID, SECRETS, account, write_secret
from kit.judge import load_wechatpy
from kit.program import run_tool
from kit.push import card_event, decrypt, event
from kit.scale import count
from kit.servers import ROOT
from kit.waiting import wait_for

MODES = ("plain", "secure", "compatible")
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
serial = itertools.count(6265881059295447969)
WECHATPY = load_wechatpy("crypto", "replies")


def text(content):
    return {"type": "text", "content": content}


def keyword(reply, *keywords, mode="equal"):
    return {"match": "keyword", "mode": mode, "keywords": list(keywords), "reply": reply}


def on(name, reply, **key):
    return {"match": "event", "event": name, **key, "reply": reply}


def default(reply):
    return {"match": "default", "reply": reply}


def message(kind="text", content="hello", **fields):
    fields = {"text": {"Content": content}, "image": {"PicUrl": "http://p/1", "MediaId": "m1"},
              "voice": {"MediaId": "m2", "Format": "amr"}, "video": {"MediaId": "m3", "ThumbMediaId": "t"},
              "shortvideo": {"MediaId": "m4", "ThumbMediaId": "t"},
              "location": {"Location_X": "23.1", "Location_Y": "113.3", "Scale": 20, "Label": "shop"},
              "link": {"Title": "a", "Description": "b", "Url": "http://u"}, "a_new_one": {"Any": "thing"}}[kind] | fields
    return {"ToUserName": ORIGINAL_ID, "FromUserName": OPENID, "CreateTime": int(time.time()), "MsgType": kind,
            **fields, "MsgId": next(serial)}


class Rules:
    """The file of rules of one account."""

    def __init__(self, path, *rules):
        self.path = path
        self.write(*rules)

    def write(self, *rules):
        self.path.write_text(json.dumps({"rules": rules}, ensure_ascii=False, indent=1), encoding="utf-8")
        return self

    def put(self, text_of_file):
        self.path.write_text(text_of_file, encoding="utf-8")


def read_xml(body):
    """{element: text or list of inner elements}, by the standard library."""
    def inner(element):
        return {e.tag: inner(e) for e in element} if len(element) else element.text or ""
    return inner(ElementTree.fromstring(body))


def judged(body, push, encrypted):
    """The reply as a dict, read twice: here, and by wechatpy, who must find the same."""
    xml = push.open_reply(body) if encrypted else body
    told = read_xml(xml)
    assert (told["ToUserName"], told["FromUserName"]) == (OPENID, ORIGINAL_ID)
    assert abs(int(told["CreateTime"]) - time.time()) < 60
    if WECHATPY is not None:
        crypto, replies = WECHATPY
        if encrypted:
            outer = read_xml(body)
            opened = crypto.WeChatCrypto(SECRETS["callback_token"], SECRETS["aes_key"], push.appid).decrypt_message(
                body, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
            assert opened == xml
        reply = replies.deserialize_reply(xml)
        assert (reply.target, reply.source, reply.type) == (OPENID, ORIGINAL_ID, told["MsgType"])
        told["wechatpy"] = reply
    return told


@pytest.fixture
def start(apply, config, run, tmp_path, pusher):
    """start(*rules): (ingress, push, rules) of an account with these rules."""
    def make(*rules, more=None):
        file = Rules(tmp_path / "rules.json", *rules)
        settings = config.with_({"account demo": {"autoreply_file": str(file.path)}, **(more or {})})
        apply(settings)
        ingress = run("ingress", settings)
        return ingress, pusher(ingress), file
    return make


def ask(push, fields, mode="plain"):
    """The reply to a push; None where there is only `success`."""
    reply = push.send(fields, mode)
    assert reply.status == 200, reply
    if reply.body == "success":
        return None
    assert reply.headers["content-type"].startswith("application/xml")
    return judged(reply.body, push, mode != "plain")


def content(push, fields, mode="plain"):
    told = ask(push, fields, mode)
    return told and told["Content"]


NEWS = {"type": "news", "articles": [{"title": "T \"1\" & <b>", "description": "D ]]> 😀", "pic_url": "https://p/1.jpg?a=1&b=2",
                                      "url": "https://u/?s={scene}&o={openid}"}]}
MUSIC = {"type": "music", "title": "T", "description": "D", "music_url": "https://m/1", "hq_music_url": "https://m/2",
         "thumb_media_id": "thumb"}
REPLIES = {
    "text": (text("T \"1\" & ' <b> ]]> ]]]]>> 😀 {openid}"), {"Content": f"T \"1\" & ' <b> ]]> ]]]]>> 😀 {OPENID}"}),
    "image": ({"type": "image", "media_id": "M_1-x"}, {"Image": {"MediaId": "M_1-x"}}),
    "voice": ({"type": "voice", "media_id": "M2"}, {"Voice": {"MediaId": "M2"}}),
    "video": ({"type": "video", "media_id": "M3", "title": "T", "description": "D"},
              {"Video": {"MediaId": "M3", "Title": "T", "Description": "D"}}),
    "video bare": ({"type": "video", "media_id": "M3"}, {"Video": {"MediaId": "M3", "Title": "", "Description": ""}}),
    "music": (MUSIC, {"Music": {"Title": "T", "Description": "D", "MusicUrl": "https://m/1", "HQMusicUrl": "https://m/2",
                                "ThumbMediaId": "thumb"}}),
    "news": (NEWS, {"ArticleCount": "1", "Articles": {"item": {
        "Title": "T \"1\" & <b>", "Description": "D ]]> 😀", "PicUrl": "https://p/1.jpg?a=1&b=2",
        "Url": f"https://u/?s=&o={OPENID}"}}}),
    "transfer": ({"type": "transfer_customer_service"}, {}),
    "transfer to": ({"type": "transfer_customer_service", "kf_account": "a@gh_1"}, {"TransInfo": {"KfAccount": "a@gh_1"}}),
}


def same_by_wechatpy(told, want):
    """What wechatpy has of the parts, where it knows them (TransInfo it does not)."""
    reply = told["wechatpy"]
    if "Content" in want:
        assert reply.content == want["Content"]
    for name in ("Image", "Voice"):
        if name in want:
            assert getattr(reply, name.lower()) == want[name]["MediaId"]
    if "Video" in want and want["Video"]["Title"]:
        assert (reply.media_id, reply.title, reply.description) == ("M3", "T", "D")
    if "Music" in want:
        assert (reply.title, reply.music_url, reply.hq_music_url, reply.thumb_media_id) == (
            "T", "https://m/1", "https://m/2", "thumb")
    if "Articles" in want:
        (article,) = reply.articles
        item = want["Articles"]["item"]
        assert (article["title"], article["description"], article["image"], article["url"]) == (
            item["Title"], item["Description"], item["PicUrl"], item["Url"])


def test_every_reply_to_every_match_in_every_mode(start, kafka):
    """Nine replies, each behind an equal and a contained keyword, an event with key, and in turn the default."""
    rules, cases = [], []
    for n, (reply, want) in enumerate(REPLIES.values()):
        rules += [keyword(reply, f"equal {n}"), keyword(reply, f"part {n}.", mode="contain"),
                  on("CLICK", reply, key=f"K{n}")]
        cases += [(message(content=f"Equal {n}"), want), (message(content=f"a PART {n}. b"), want),
                  (event("CLICK", EventKey=f"K{n}"), want)]
    ingress, push, file = start(*rules)
    sent = 0
    for mode in MODES:
        for fields, want in cases:
            told = ask(push, {**fields, "CreateTime": fields["CreateTime"] + sent, "MsgId": next(serial)}, mode)
            assert {name: told[name] for name in want} == want
            if WECHATPY is not None:
                same_by_wechatpy(told, want)
            sent += 1
    for n, (reply, want) in enumerate(REPLIES.values()):
        file.write(default(reply))
        reload(ingress, n + 1)
        for mode in MODES:
            told = ask(push, message(content="anything"), mode)
            assert told["MsgType"] == reply["type"] and {name: told[name] for name in want} == want
            sent += 1
    assert len(kafka.wait("event.wechat", sent)) == sent
    assert ingress.metric("kabao_ingress_requests_total", outcome="accepted") == sent


def test_wechatpy_is_asked_where_it_is_installed():
    """Not skipped in silence: PYTHONPATH names it when tests/run.sh could fetch it."""
    installed = any("wechatpy" in path for path in sys.path)
    assert installed == (WECHATPY is not None)


def test_messages_of_every_type(start):
    """Only texts meet keywords; every user message meets the default, no event does."""
    _, push, _ = start(keyword(text("keyword"), "hello", mode="contain"), default(text("default")))
    for n, mode in enumerate(MODES):
        assert content(push, message(content="say hello"), mode) == "keyword"
        for kind in ("image", "voice", "video", "shortvideo", "location", "link", "a_new_one"):
            assert content(push, message(kind, Content="hello"), mode) == "default"
        for fields in (event("subscribe", at=n + 1), event("CLICK", at=n + 1, EventKey="hello"),
                       card_event("user_get_card", at=n + 1)):
            assert ask(push, fields, mode) is None


def test_the_first_rule_that_fits_and_what_counts_as_equal(start):
    _, push, _ = start(
        keyword(text("1"), "ＶＩＰ 会员", "Straße"), keyword(text("2"), "会员", mode="contain"),
        on("subscribe", text("3"), key="shop-7"), on("SUBSCRIBE", text("4")), on("subscribe", text("never"), key="late"),
        on("scan", text("5"), key="shop-7"), on("user_get_card", text("6 {card_code} {card_id} {scene}.")),
        default(text("7")), keyword(text("never"), "late"))
    for said, answer in (("vip 会员", "1"), ("　ｖｉｐ　会员　", "1"), ("STRASSE", "1"), ("vip会员", "2"), ("late", "7"),
                         ("", "7"), ("会", "7")):
        assert content(push, message(content=said)) == answer, said
    for fields, answer in ((event("subscribe", EventKey="qrscene_shop-7"), "3"), (event("subscribe"), "4"),
                           (event("subscribe", EventKey="qrscene_late"), "4"), (event("SCAN", EventKey="shop-7"), "5"),
                           (event("SCAN", EventKey="shop-8"), None), (event("unsubscribe"), None)):
        assert content(push, fields) == answer, fields
    got = card_event("user_get_card", code="018255396048")
    assert content(push, got) == f"6 018255396048 {got['CardId']} ."


def test_values_are_escaped_and_not_looked_through_again(start):
    scene = "{openid} ]]>&<a href=\"x\">'😀"
    _, push, _ = start(on("subscribe", text("[{scene}] {Openid")), on("SCAN", NEWS))
    assert content(push, event("subscribe", EventKey="qrscene_" + scene), "secure") == f"[{scene}] {{Openid"
    told = ask(push, event("SCAN", EventKey=scene))
    assert told["Articles"]["item"]["Url"] == (
        "https://u/?s=%7Bopenid%7D%20%5D%5D%3E%26%3Ca%20href%3D%22x%22%3E%27%F0%9F%98%80&o=" + OPENID)


def test_a_text_ends_at_2048_bytes_between_characters(start):
    """Right at the limit it is whole; a placeholder that makes it longer cuts it."""
    room, cases, rules = 2048 - len("{openid}"), [], []
    for letter in ("a", "é", "会", "😀"):
        size = len(letter.encode())
        fits = "b" * (2048 % size) + letter * (2048 // size)
        tail = "b" * (room % size) + letter * (room // size)
        rules += [keyword(text(fits), f"fits {size}"), keyword(text("{openid}" + tail), f"cut {size}")]
        cases.append((size, fits, tail))
    _, push, _ = start(*rules)
    for size, fits, tail in cases:
        assert content(push, message(content=f"fits {size}"), "secure") == fits
        cut = content(push, message(content=f"cut {size}"), "secure")
        assert (OPENID + tail).startswith(cut) and 2048 - size < len(cut.encode()) <= 2048


def test_a_reply_of_which_nothing_is_left_is_none(start):
    """WeChat would tell the user that the service is out of order."""
    ingress, push, _ = start(on("subscribe", text("{scene}")), default(text("{card_code} ")))
    assert content(push, event("subscribe", EventKey="qrscene_shop-7"), "secure") == "shop-7"
    assert ask(push, event("subscribe")) is None and ask(push, message(), "secure") is None
    assert ingress.log_lines("reply.unmade")[0]["code"] == "empty"


def test_a_repeated_push_gets_the_reply_again(start, kafka):
    ingress, push, _ = start(default(text("hello {openid}")))
    fields = message()
    bodies = [push.send(fields, "secure").body for _ in range(3)]
    assert {read_xml(push.open_reply(body))["Content"] for body in bodies} == {f"hello {OPENID}"}
    sealed = [read_xml(body) for body in bodies]
    for name in ("Encrypt", "Nonce", "MsgSignature"):
        assert len({part[name] for part in sealed}) == 3, name
    assert len({decrypt(part["Encrypt"], SECRETS["aes_key"])[2] for part in sealed}) == 3, "16 random bytes"
    assert len(kafka.wait("event.wechat", 1)) == 1
    assert ingress.metric("kabao_ingress_requests_total", outcome="duplicate") == 2


def test_the_reply_has_the_key_and_the_appid_that_the_push_had(start, tmp_path):
    previous = write_secret(tmp_path / "previous", SECRETS["aes_key_previous"])
    _, push, _ = start(default(text("a")), more={"account demo": {
        "aes_key_previous_file": previous, "frame_appid": "wx5823bf96d3bd56c7",
        "autoreply_file": str(tmp_path / "rules.json")}})
    push.appid = "wx5823bf96d3bd56c7"
    body = push.secure(message(), aes_key=SECRETS["aes_key_previous"]).body
    opened, appid, _ = decrypt(read_xml(body)["Encrypt"], SECRETS["aes_key_previous"])
    assert appid == "wx5823bf96d3bd56c7" and read_xml(opened)["Content"] == "a"


def test_accounts_have_rules_of_their_own(apply, config, run, pusher, tmp_path):
    mine = Rules(tmp_path / "mine.json", default(text("mine")))
    theirs = account(tmp_path, name="other", appid="wxfedcba9876543210",
                     autoreply_file=str(Rules(tmp_path / "theirs.json", default(text("theirs"))).path))
    none = account(tmp_path, name="third", appid="wxfedcba9876543211")
    config = config.with_({"account demo": {"autoreply_file": str(mine.path)}, "account other": theirs,
                           "account third": none})
    apply(config)
    ingress = run("ingress", config)
    assert content(pusher(ingress), message()) == "mine"
    assert content(pusher(ingress, account="other", appid="wxfedcba9876543210"), message()) == "theirs"
    assert ask(pusher(ingress, account="third", appid="wxfedcba9876543211"), message()) is None


def test_no_reply_before_the_broker_has_the_record(start, broker, kafka):
    ingress, push, _ = start(default(text("a")), on("subscribe", text("b")))
    assert content(push, message(), "secure") == "a"
    broker.freeze()
    fields = message()
    reply = push.send(fields, "secure")
    assert (reply.status, reply.body) == (503, "")
    broker.thaw()
    wait_for(lambda: push.send(fields, "plain").status == 200, 30, "pushes are taken again")
    assert content(push, fields) == "a"
    assert {record.json["msg_id"] for record in kafka.wait("event.wechat", 2)} >= {str(fields["MsgId"])}
    assert ingress.running


# The file


def reload(ingress, times, what="replies.reloaded"):
    ingress.signal(signal.SIGHUP)
    return wait_for(lambda: ingress.log_lines(what)[times - 1:], 20, what)[-1]


def rules_text(*rules):
    return '{"rules": [\n' + ",\n".join(json.dumps(rule, ensure_ascii=False) for rule in rules) + "\n]}"


GOOD = default(text("a"))
WRONG = {
    "cut off": (rules_text(GOOD)[:-3], 2, "JSON"),
    "no JSON at all": ("rules:\n  - match", 1, "JSON"),
    "a comma too many": ('{"rules": [\n' + json.dumps(GOOD) + ",\n]}", 3, "JSON"),
    "a key twice": ('{"rules": [\n{"match": "default",\n"match": "default"}]}', 3, "twice"),
    "not UTF-8": (rules_text(GOOD, GOOD).encode()[:-3] + b"\xff]}", 3, "JSON"),
    "no rules": ("\n\n{}", 3, "/rules is required"),
    "another member": ('{\n"rules": [],\n"rule": []}', 3, "/rule "),
    "unknown match": (rules_text(GOOD, {**GOOD, "match": "any"}), 3, "/rules/1/match"),
    "unknown mode": (rules_text(keyword(text("a"), "a", mode="regex")), 2, "/rules/0/mode"),
    "no keywords": (rules_text(GOOD, GOOD, keyword(text("a"))), 4, "/rules/2/keywords"),
    "an invisible keyword": (rules_text(keyword(text("a"), "b", "　\u200b")), 2, "/rules/0/keywords/1"),
    "no reply": (rules_text(GOOD, {"match": "default"}), 3, "/rules/1/reply is required"),
    "unknown reply": (rules_text(GOOD, default({"type": "card"})), 3, "/rules/1/reply/type"),
    "a part missing": (rules_text(GOOD, default({"type": "voice"})), 3, "/rules/1/reply/media_id is required"),
    "a part of another": (rules_text(default({**text("a"), "title": "b"})), 2, "/rules/0/reply/title"),
    "a key without event": (rules_text({**GOOD, "key": "a"}), 2, "/rules/0/key"),
    "unsubscribe": (rules_text(on("unsubscribe", text("a"))), 2, "/rules/0/event"),
    "two articles": (rules_text(GOOD, default({**NEWS, "articles": NEWS["articles"] * 2})), 3, "first article only"),
    "an unknown placeholder": (rules_text(GOOD, default(text("Hi {nickname}"))), 3, "{nickname}"),
    "too long": (rules_text(GOOD, default(text("会" * 682 + "abc"))), 3, "2048 bytes"),
    "no address": (rules_text(default({**MUSIC, "music_url": "m.mp3"})), 2, "/rules/0/reply/music_url"),
}


def test_a_wrong_file_changes_nothing_and_names_its_line(start):
    """Sent SIGHUP with each kind of error: the line and the reason in the log, and the old rules go on."""
    ingress, push, file = start(default(text("old")))
    for n, (wrong, line, reason) in enumerate(WRONG.values()):
        file.path.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
        told = reload(ingress, n + 1, "replies.kept")
        assert f"rules.json:{line}: " in told["error"] and reason in told["error"], (told, line, reason)
        assert told["account"] == "demo" and content(push, message()) == "old"
    file.path.unlink()
    assert "rules.json" in reload(ingress, len(WRONG) + 1, "replies.kept")["error"]
    file.write(default(text("new")))
    assert reload(ingress, 1)["rules"] == 1
    assert content(push, message()) == "new"


def test_a_wrong_file_stops_the_start_and_the_check(config, tmp_path, run, apply):
    file = Rules(tmp_path / "rules.json", GOOD)
    config = config.with_({"account demo": {"autoreply_file": str(file.path)}}, ingress={"listen": "127.0.0.1:0"})
    ini = config.write(tmp_path / "check.ini")
    assert run_tool("ingress", "--config", ini, "--check-config").returncode == 0
    file.put(rules_text(GOOD, default(text("{name}"))))
    done = run_tool("ingress", "--config", ini, "--check-config")
    assert done.returncode == 78 and "rules.json:3: /rules/1/reply/content" in done.stdout + done.stderr
    done = run_tool("ingress", "--config", ini)
    assert done.returncode == 78 and "rules.json:3: /rules/1/reply/content" in done.stdout + done.stderr
    file.path.unlink()
    assert run_tool("ingress", "--config", ini, "--check-config").returncode == 78


def test_reloads_under_load_drop_no_push(start, kafka):
    """Good and broken files in turn, while pushes come from several sides: each is answered by rules of one file."""
    reloads = count(200, 12)
    ingress, push, file = start(*versions(0))
    stop = threading.Event()
    answers, wrong = [], []

    def load(number):
        while not stop.is_set():
            try:
                told = [content(push, fields, MODES[number % 3]) for fields in (
                    message(content="key 7"), message("image"), event("CLICK", EventKey=f"{next(serial)}"))]
                answers.append(told)
            except Exception as error:  # whatever it is, the test names it
                wrong.append(error)
                return

    threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        for n in range(1, reloads + 1):
            seen = len(answers)
            file.write(*versions(n))
            reload(ingress, n)
            file.put("{")
            reload(ingress, n, "replies.kept")
            wait_for(lambda seen=seen: len(answers) > seen + 3 or wrong, 60, "pushes between reloads")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    for keyed, defaulted, clicked in answers:
        assert keyed.startswith("keyword ") and defaulted.startswith("default ") and clicked.startswith("click ")
    assert {int(told[0].split()[1]) for told in answers} >= {reloads}
    assert content(push, message(content="key 7")) == f"keyword {reloads}"
    assert len(kafka.wait("event.wechat", 3 * len(answers) + 1)) == 3 * len(answers) + 1
    assert ingress.metric("kabao_ingress_requests_total", outcome="accepted") == 3 * len(answers) + 1


def versions(n):
    return [keyword(text(f"keyword {n}"), *(f"key {k}" for k in range(20))), on("click", text(f"click {n}")),
            default(text(f"default {n}"))]


def test_a_thousand_rules_and_a_long_text(start):
    """The longest text counts up to 8 KiB; a match that stands behind is none."""
    rules = [keyword(text(f"{n}"), f"word{n}.", f"会员{n}。", mode=("equal", "contain")[n % 2]) for n in range(1000)]
    _, push, _ = start(*rules)
    for n in (0, 1, 500, 999):
        assert content(push, message(content=f"WORD{n}.")) == str(n)
        assert content(push, message(content=f"my 会员{n}。")) == (str(n) if n % 2 else None)
    assert content(push, message(content="会" * 2700 + "word999.")) == "999"
    assert content(push, message(content="会" * 2800 + "word999.")) is None
    assert ask(push, message(content="\ufdfa" * 8000), "secure") is None


def test_the_file_behind_links_is_the_one_of_the_moment(apply, config, run, pusher, tmp_path):
    """As Kubernetes mounts a ConfigMap: rules.json -> ..data/rules.json, and ..data is replaced by a rename. Two accounts
    have one file."""
    for n in (1, 2):
        (tmp_path / f"..v{n}").mkdir()
        rules_text_of_windows = "\ufeff" + rules_text(default(text(f"v{n} {{openid}}"))).replace("\n", "\r\n")
        (tmp_path / f"..v{n}" / "rules.json").write_text(rules_text_of_windows, encoding="utf-8")
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "rules.json").symlink_to("..data/rules.json")
    file = str(tmp_path / "rules.json")
    config = config.with_({"account demo": {"autoreply_file": file}, "account other": account(
        tmp_path, name="other", appid="wxfedcba9876543210", autoreply_file=file)})
    apply(config)
    ingress = run("ingress", config)
    both = pusher(ingress), pusher(ingress, account="other", appid="wxfedcba9876543210")
    assert [content(push, message(), "secure") for push in both] == [f"v1 {OPENID}"] * 2
    (tmp_path / "..new").symlink_to("..v2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    reload(ingress, 2)
    assert [content(push, message(), "secure") for push in both] == [f"v2 {OPENID}"] * 2


def cpu_s(program):
    """User and system time since its start."""
    fields = Path(f"/proc/{program.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_texts_that_are_made_to_cost(start):
    """Marks that have to be sorted, letters that fold to eighteen, and what a keyword begins with: no text holds up the
    loop. Each of the first took 0.16 s when marks were not counted."""
    ingress, push, _ = start(keyword(text("found"), "积分", mode="contain"), default(text("default")))
    before = cpu_s(ingress)
    for said in ("\u0344" * 2000 + "\u0316" * 2000, "\u0301\u200d" * 800 + "\u0316\u00ad" * 1000, "\ufdfa" * 2700,
                 "\U0001f468\u200d" * 1000, "积" * 2700, "{openid}" * 1000, "\u202e" * 2700, "\ufdd0" * 1000):
        for _ in range(15):
            assert content(push, message(content=said)) == "default"
    assert content(push, message(content="\u0344" * 1000 + "\u0316" * 1000 + "积\u200b分")) == "found"
    assert cpu_s(ingress) - before < 1.5


def test_the_schema_takes_the_examples():
    schema = json.loads((ROOT / "schemas/files/autoreply.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    for example in schema["examples"]:
        judge.validate(example)
    judge.validate({"rules": [default(reply) for reply, _ in REPLIES.values()]})
    (shown,) = re.findall(r'^    \{"rules".*?^    \]\}$', (ROOT / "ingress/README.md").read_text(encoding="utf-8"), re.M | re.S)
    judge.validate(json.loads(shown))
