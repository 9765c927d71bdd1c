# SPDX-License-Identifier: Apache-2.0
"""The answers of WeChat's callback, row by row of the table in ingress/README.md, and what strangers send."""
import os
import signal
import socket
import struct

import pytest

from kit.config import APPID, CARD_ID, ORIGINAL_ID, SECRETS, account, write_secret
from kit.push import card_event, encrypt, encrypt_frame, event, pad, sign, xml
from kit.stream import KeptPusher
from kit.waiting import wait_for
from kit.web import Raw, request

SUBMIT = "submit_membercard_user_info"


@pytest.fixture
def ingress(apply, config, run):
    apply(config)
    return run("ingress", config)


@pytest.fixture
def push(ingress, pusher):
    return pusher(ingress)


def refused(ingress, reason):
    return ingress.metric("kabao_ingress_requests_total", outcome=reason) or 0


# Good pushes

def test_url_check_echoes(push):
    reply = push.check_url("5833258582299191661")
    assert (reply.status, reply.body) == (200, "5833258582299191661")


def test_url_check_of_an_encrypted_echostr_is_decrypted(push):
    echo = encrypt("5833258582299191661", SECRETS["aes_key"])
    timestamp, nonce = "1458300676", "260774613"
    token = SECRETS["callback_token"]
    reply = request(push.address, "GET", push.path({
        "signature": sign(token, timestamp, nonce), "msg_signature": sign(token, timestamp, nonce, echo),
        "timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes", "echostr": echo}))
    assert (reply.status, reply.body) == (200, "5833258582299191661")


@pytest.mark.parametrize("override", [{"signature": "0" * 40}, {"signature": None}, {"nonce": "other"},
                                      {"signature": "short"}, {"timestamp": None}])
def test_url_check_with_a_wrong_signature_is_forbidden(push, override):
    reply = push.check_url(**override)
    assert (reply.status, reply.body) == (403, "")


@pytest.mark.parametrize("mode", ["plain", "compatible", "secure"])
def test_a_push_becomes_one_record(push, kafka, mode):
    assert push.send(card_event(SUBMIT, code="018255396048"), mode).success
    (record,) = kafka.wait("event.wechat", 1)
    assert record.key == f"{APPID}:{CARD_ID}:018255396048"
    assert record.header("ce_type") == f"kabao.wechat.{SUBMIT}"
    assert record.json["card_code"] == "018255396048"
    assert record.json["fields"]["ToUserName"] == ORIGINAL_ID


def test_a_user_message_is_keyed_by_its_sender(push, kafka):
    fields = {"ToUserName": ORIGINAL_ID, "FromUserName": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "CreateTime": 1760000000,
              "MsgType": "text", "Content": "你好 ]]> & <b>", "MsgId": 6265881059295447969}
    assert push.secure(fields).success
    (record,) = kafka.wait("event.wechat", 1)
    assert record.key == f"{APPID}:oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
    assert record.header("ce_type") == "kabao.wechat.message.text"
    assert record.json["fields"]["Content"] == "你好 ]]> & <b>"
    assert record.json["msg_id"] == "6265881059295447969"


def test_the_trace_of_the_request_is_continued(push, kafka):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    path = push.path(push.query())
    body = xml(card_event(SUBMIT)).encode()
    assert request(push.address, "POST", path, body, {"traceparent": parent}).success
    (record,) = kafka.wait("event.wechat", 1)
    assert record.header("traceparent").split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert record.header("traceparent") != parent


def test_a_repeated_push_is_answered_and_not_produced(ingress, push, kafka):
    fields = card_event(SUBMIT, at=1760000000)
    for mode in ("plain", "secure", "compatible", "plain"):
        assert push.send(fields, mode).success
    assert len(kafka.wait("event.wechat", 1)) == 1
    assert ingress.metric("kabao_ingress_requests_total", outcome="duplicate") == 3


def test_the_previous_aes_key_still_fits(apply, config, run, pusher, kafka, tmp_path):
    previous = write_secret(tmp_path / "previous", SECRETS["aes_key_previous"])
    config = config.with_({"account demo": {"aes_key_previous_file": previous}})
    apply(config)
    push = pusher(run("ingress", config))
    assert push.secure(card_event(SUBMIT, code="1"), aes_key=SECRETS["aes_key_previous"]).success
    assert push.secure(card_event(SUBMIT, code="2")).success
    assert {r.json["card_code"] for r in kafka.wait("event.wechat", 2)} == {"1", "2"}


def test_accounts_are_told_apart(apply, config, run, pusher, kafka, tmp_path):
    other = account(tmp_path, name="other", appid="wxfedcba9876543210", secrets={"callback_token": "otherToken42"})
    config = config.with_({"account other": other})
    apply(config)
    ingress = run("ingress", config)
    mine = pusher(ingress)
    theirs = pusher(ingress, account="other", appid="wxfedcba9876543210",
                    secrets={"callback_token": "otherToken42"})
    assert mine.secure(card_event(SUBMIT)).success
    assert theirs.secure(card_event(SUBMIT)).success
    assert pusher(ingress, account="other", appid="wxfedcba9876543210").secure(card_event(SUBMIT)).status == 403
    records = kafka.wait("event.wechat", 2)
    assert {(r.json["account"], r.header("ce_appid")) for r in records} == {
        ("demo", APPID), ("other", "wxfedcba9876543210")}
    assert len({r.id for r in records}) == 2


# Refusals

def test_an_unknown_account_or_path_is_404(push):
    for path in ("/wechat/nobody", "/wechat/", "/wechat/demo/x", "/", "/wechat"):
        assert request(push.address, "POST", path, b"<xml/>").status == 404
        assert request(push.address, "GET", path).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405_with_allow(push, method):
    reply = request(push.address, method, "/wechat/demo")
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, POST"


def test_head_is_a_get_without_a_body(push):
    path = push.path(push.query(echostr="12345"))
    with Raw(push.address) as raw:
        raw.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = raw.read_until_closed()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("override", [{"signature": None}, {"signature": "0" * 40}, {"nonce": None}, {"timestamp": "1"}])
@pytest.mark.parametrize("mode", ["plain", "secure"])
def test_a_wrong_signature_is_403(ingress, push, override, mode):
    fields = card_event(SUBMIT)
    assert getattr(push, mode)(fields, **override).status == 403
    assert refused(ingress, "signature") == 1


def test_the_plain_signature_is_no_msg_signature(push):
    fields = card_event(SUBMIT)
    encrypted = encrypt(xml(fields), SECRETS["aes_key"])
    query = push.query(encrypted)
    query["msg_signature"] = query["signature"]
    assert push.post(xml({"ToUserName": ORIGINAL_ID, "Encrypt": encrypted}), query).status == 403
    del query["msg_signature"]
    assert push.post(xml({"ToUserName": ORIGINAL_ID, "Encrypt": encrypted}), query).status == 403


def test_a_plain_push_to_a_secure_account_is_403(apply, config, run, pusher):
    config = config.with_({"account demo": {"push_mode": "secure"}})
    apply(config)
    push = pusher(run("ingress", config))
    assert push.plain(card_event(SUBMIT)).status == 403
    assert push.secure(card_event(SUBMIT)).success


def frame(message, appid=APPID, length=None):
    data = message.encode()
    return bytes(16) + struct.pack(">I", len(data) if length is None else length) + data + appid.encode()


GOOD = xml(card_event(SUBMIT, at=1760000000))
WRONG_FRAMES = {
    "foreign appid": pad(frame(GOOD, appid="wx0000000000000000")),
    "no appid": pad(frame(GOOD, appid="")),
    "length too large": pad(frame(GOOD, length=1 << 31)),
    "length one too large": pad(frame(GOOD, length=len(GOOD.encode()) + len(APPID) + 1)),
    "length zero": pad(frame(GOOD, length=0)),
    "pad byte 0": frame(GOOD) + bytes(-len(frame(GOOD)) % 32 or 32),
    "pad byte 33": frame(GOOD) + bytes([33]) * (-len(frame(GOOD)) % 32 or 32),
    "uneven pad": pad(frame(GOOD))[:-2] + b"\x01" + pad(frame(GOOD))[-1:],
    "shorter than a frame": bytes([16]) * 16,
    "one block of padding": bytes([32]) * 32,
    "nothing": b"",
}


@pytest.mark.parametrize("wrong", WRONG_FRAMES)
def test_a_wrong_frame_is_400_without_detail(push, wrong):
    encrypted = encrypt_frame(WRONG_FRAMES[wrong], SECRETS["aes_key"])
    reply = push.post(xml({"ToUserName": ORIGINAL_ID, "Encrypt": encrypted}), push.query(encrypted))
    assert (reply.status, reply.body) == (400, "")


@pytest.mark.parametrize("text", ["", "A", "====", "AAAA" * 100, "not base64!", "AAAAA===", "A" * 64 + "\n",
                                  encrypt(GOOD, SECRETS["aes_key_previous"])],
                         ids=["nothing", "short", "padding", "zeros", "no base64", "padded wrongly", "a line", "another key"])
def test_what_cannot_be_decrypted_is_400(push, text):
    reply = push.post(xml({"ToUserName": ORIGINAL_ID, "Encrypt": text}), push.query(text.strip()))
    assert reply.status == 400


BAD_BODIES = {
    "nothing": "",
    "not xml": "hello",
    "json": '{"ToUserName":"x"}',
    "cut off": GOOD[:-10],
    "two roots": GOOD + GOOD,
    "dtd": "<!DOCTYPE xml []>" + GOOD,
    "external entity": '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><ToUserName>&a;</ToUserName></xml>',
    "entity bomb": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
                   "<xml><FromUserName>&b;</FromUserName></xml>",
    "unknown entity": GOOD.replace("<CreateTime>", "<X>&nbsp;</X><CreateTime>"),
    "100 levels": "<xml>" + "<a>" * 100 + "</a>" * 100 + "</xml>",
    "10,000 elements": "<xml>" + "<a>1</a>" * 5000 + "</xml>",
    "not utf-8": GOOD.encode().replace(b"gh_", b"gh\xff"),
    "nul": GOOD.encode().replace(b"gh_", b"gh\x00"),
    "latin-1": '<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD,
    "no sender": xml({k: v for k, v in card_event(SUBMIT).items() if k != "FromUserName"}),
    "no time": xml({k: v for k, v in card_event(SUBMIT).items() if k != "CreateTime"}),
    "no type": xml({k: v for k, v in card_event(SUBMIT).items() if k != "MsgType"}),
    "empty sender": xml({**card_event(SUBMIT), "FromUserName": ""}),
    "time in words": xml({**card_event(SUBMIT), "CreateTime": "yesterday"}),
}


@pytest.mark.parametrize("bad", BAD_BODIES)
def test_a_bad_body_is_400(push, kafka, bad):
    assert push.post(BAD_BODIES[bad], push.query()).status == 400
    assert push.secure(card_event(SUBMIT)).success
    assert len(kafka.wait("event.wechat", 1)) == 1


def test_a_bad_message_inside_a_good_frame_is_400(push):
    for message in ("hello", "<!DOCTYPE xml []>" + GOOD, "<xml>" + "<a>" * 100 + "</a>" * 100 + "</xml>"):
        encrypted = encrypt(message, SECRETS["aes_key"])
        assert push.post(xml({"ToUserName": ORIGINAL_ID, "Encrypt": encrypted}), push.query(encrypted)).status == 400


def test_a_large_body_is_413(ingress, push):
    assert push.post(b"x" * 65537, push.query()).status == 413
    reply = None
    with Raw(push.address) as raw:
        raw.send(f"POST {push.path(push.query())} HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n".encode())
        reply = raw.read_until_closed()
    assert reply.startswith(b"HTTP/1.1 413")
    wait_for(lambda: refused(ingress, "body_size") == 2, 10, "both counted")


def test_a_large_chunked_body_is_413(push):
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    with Raw(push.address) as raw:
        raw.send(f"POST {push.path(push.query())} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        try:
            raw.send(chunk * 4)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert raw.read_until_closed().startswith(b"HTTP/1.1 413")


def test_refusals_are_counted_by_reason_and_logged_sparsely(ingress, push):
    for _ in range(50):
        assert push.plain(card_event(SUBMIT), signature="0" * 40).status == 403
    assert refused(ingress, "signature") == 50
    lines = ingress.log_lines("callback.refused")
    assert 1 <= len(lines) < 50
    assert lines[0]["reason"] == "signature"


# Connections

def test_length_and_chunked_together_are_refused(push):
    with Raw(push.address) as raw:
        raw.send(f"POST {push.path(push.query())} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode())
        answer = raw.read_until_closed()
    assert answer.startswith(b"HTTP/1.1 400") or answer == b""
    assert answer.count(b"HTTP/1.1 ") <= 1


def raw_push(push, fields, more=""):
    body = xml(fields)
    return (f"POST {push.path(push.query())} HTTP/1.1\r\nHost: x\r\n{more}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}").encode()


def test_pipelined_pushes_are_each_answered(push, kafka):
    with Raw(push.address) as raw:
        raw.send(b"".join(raw_push(push, card_event(SUBMIT, code=str(i))) for i in range(3)))
        for _ in range(3):
            assert raw.read_reply() == (200, b"success")
    assert {r.json["card_code"] for r in kafka.wait("event.wechat", 3)} == {"0", "1", "2"}


def test_a_half_closed_connection_gets_its_answer(push):
    with Raw(push.address) as raw:
        raw.send(raw_push(push, card_event(SUBMIT))).half_close()
        assert b"\r\n\r\nsuccess" in raw.read_until_closed()


def test_slow_heads_and_bodies_are_cut_off(ingress, push):
    head = raw_push(push, card_event(SUBMIT))
    with Raw(push.address) as silent, Raw(push.address) as slow_head, Raw(push.address) as slow_body:
        slow_head.send(head[:20])
        slow_body.send(head[:-20])
        for raw in (silent, slow_head, slow_body):
            assert raw.read_until_closed() == b""
    assert push.plain(card_event(SUBMIT)).success
    wait_for(lambda: refused(ingress, "slow") >= 2, 10, "cut connections counted")


def test_a_client_that_leaves_costs_nothing(ingress, push, kafka):
    for i in range(20):
        with Raw(push.address) as raw:
            raw.send(raw_push(push, card_event(SUBMIT, code=str(i))))
    assert len(kafka.wait("event.wechat", 20)) == 20
    assert push.plain(card_event(SUBMIT)).success


def test_too_many_connections_are_503(apply, config, run, pusher):
    config = config.with_(ingress={"max_connections": 4, "loops": 1})
    apply(config)
    ingress = run("ingress", config)
    push = pusher(ingress)
    held = [Raw(push.address) for _ in range(4)]
    for raw in held:
        raw.send(b"POST /wechat/demo HTTP/1.1\r\n")
    wait_for(lambda: push.plain(card_event(SUBMIT)).status == 503, 10, "503 above the limit")
    reply = push.plain(card_event(SUBMIT))
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    for raw in held:
        raw.close()
    wait_for(lambda: push.plain(card_event(SUBMIT)).success, 10, "pushes are taken again")


def test_random_bytes_never_bring_it_down(ingress, push, rng):
    for _ in range(200):
        with Raw(push.address) as raw:
            raw.send(rng.randbytes(rng.randrange(1, 2000)))
    assert push.secure(card_event(SUBMIT)).success


# Identity

def test_what_differs_is_told_apart(push, kafka):
    at = 1760000000
    pushes = [
        event("user_get_card", at=at, CardId=CARD_ID, UserCardCode="1"),
        event("user_get_card", at=at, CardId=CARD_ID, UserCardCode="2"),
        event("update_member_card", at=at, CardId=CARD_ID, UserCardCode="1", ModifyBonus=5, ModifyBalance=0),
        event("update_member_card", at=at, CardId=CARD_ID, UserCardCode="1", ModifyBonus=6, ModifyBalance=0),
        event("TEMPLATESENDJOBFINISH", at=at, MsgID=1, Status="success"),
        event("TEMPLATESENDJOBFINISH", at=at, MsgID=2, Status="success"),
    ]
    for fields in pushes:
        assert push.secure(fields).success
    assert len({r.id for r in kafka.wait("event.wechat", len(pushes))}) == len(pushes)


def test_the_same_push_to_another_ingress_has_the_same_id(apply, config, run, pusher, kafka):
    apply(config)
    fields = card_event(SUBMIT, at=1760000000)
    for mode in ("plain", "secure", "compatible"):
        assert pusher(run("ingress", config)).send(fields, mode).success
    records = kafka.wait("event.wechat", 3)
    assert len({r.id for r in records}) == 1
    assert len({r.value for r in records}) == 1
    assert len({r.partition for r in records}) == 1


def test_form_fields_to_drop_never_reach_a_topic(apply, config, run, pusher, kafka):
    apply(config)
    push = pusher(run("ingress", config))
    secret = "11010519491231" + os.urandom(4).hex()
    assert push.secure(card_event(SUBMIT, USER_FORM_INFO_FLAG_IDCARD=secret)).success
    (record,) = kafka.wait("event.wechat", 1)
    assert secret not in record.value.decode()


def test_a_stopping_ingress_takes_what_comes_on_connections_that_are_there(ingress, kafka):
    """A proxy's kept connections: nobody can tell whether a push is on its way when they are closed."""
    kept = [KeptPusher(ingress.listen, None, seed=n) for n in range(3)]
    assert all(push.plain(card_event("user_get_card", code=f"a{n}")).success for n, push in enumerate(kept))
    ingress.signal(signal.SIGTERM)
    wait_for(lambda: socket.socket().connect_ex(ingress.listen) != 0, 10, "nobody new is let in")
    took = [push.plain(card_event("user_get_card", code=f"b{n}")) for n, push in enumerate(kept)]
    assert [(reply.success, reply.headers.get("connection")) for reply in took] == [(True, "close")] * 3
    ingress.await_stop()
    assert len(kafka.read("event.wechat")) == 6
