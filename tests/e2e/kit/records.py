# SPDX-License-Identifier: Apache-2.0
"""Records as the ingress and the CRM would have produced them, for tests that begin behind those: (key, value,
headers), all texts."""
import hashlib
import json
import os
from datetime import UTC, datetime

from kit.config import APPID, CARD_ID, ORIGINAL_ID

RESULT_AT = "2026-01-02T03:04:05.678Z"

_SCHEMAS = "https://schemas.kabao.example/messages"


def _headers(ce_id, ce_type, topic, subject, time="2025-10-09T08:53:20Z"):
    """Those of a CloudEvent; what is None is left out."""
    headers = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": ce_id,
               "ce_source": f"/wechat/{APPID}", "ce_type": ce_type, "ce_time": time,
               "ce_subject": subject, "ce_dataschema": f"{_SCHEMAS}/{topic}.v1.schema.json", "ce_appid": APPID,
               "traceparent": f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"}
    return {name: text for name, text in headers.items() if text is not None}


def event_record(name, code, at=1760000000, openid="oGRUFjk0a1b2c3d4e5f6g7h8i9j0", card_id=CARD_ID):
    """One card event."""
    value = {"account": "demo", "appid": APPID, "to_user": ORIGINAL_ID, "openid": openid, "create_time": at,
             "msg_type": "event", "event": name, "card_id": card_id, "card_code": code,
             "fields": {"ToUserName": ORIGINAL_ID, "FromUserName": openid, "CreateTime": str(at), "MsgType": "event",
                        "Event": name, "CardId": card_id, "UserCardCode": code}}
    text = json.dumps(value, ensure_ascii=False)
    headers = _headers(hashlib.sha256(text.encode()).hexdigest()[:32], f"kabao.wechat.{name}", "event.wechat", code)
    return f"{APPID}:{card_id}:{code}", text, headers


def bonus_command(code, mode, command_id="", card_id=CARD_ID, **fields):
    """cmd.bonus: bonus_command("018255396048", "add", add_bonus=10). command_id "": one by chance; None: none."""
    value = {"account": "demo", "card_id": card_id, "card_code": code, "mode": mode, **fields}
    headers = _headers(os.urandom(16).hex() if command_id == "" else command_id, "kabao.bonus.change", "cmd.bonus", code)
    return f"{APPID}:{card_id}:{code}", json.dumps(value, ensure_ascii=False), headers


def activation_request(code=None, encrypt_code=None, openid=None, card_id=CARD_ID, request_id="", **fields):
    """cmd.activation: a ticket (encrypt_code=, activate_ticket=) or the CRM's answer (code, membership_number=)."""
    named = {"card_code": code, "encrypt_code": encrypt_code, "openid": openid}
    value = {"account": "demo", "card_id": card_id, **{k: v for k, v in named.items() if v is not None}, **fields}
    if code is not None:
        key = f"{APPID}:{card_id}:{code}"
    else:
        key = f"{APPID}:{openid or hashlib.sha256((encrypt_code or '').encode()).hexdigest()}"
    headers = _headers(os.urandom(16).hex() if request_id == "" else request_id, "kabao.activation.ticket",
                       "cmd.activation", code, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return key, json.dumps(value, ensure_ascii=False), headers


def wechat_command(type_, body=None, key=None, command_id="", account="demo", **fields):
    """cmd.wechat: wechat_command("card.delete", {"card_id": CARD_ID}, confirm=True). The key is the command's id."""
    value = {"account": account, "type": type_, "body": body, **fields}
    ce_id = os.urandom(16).hex() if command_id == "" else command_id
    headers = _headers(ce_id, f"kabao.command.{type_}", "cmd.wechat", None)
    text = json.dumps({name: member for name, member in value.items() if member is not None}, ensure_ascii=False)
    return key or ce_id, text, headers


def wechat_result(command, outcome="done", **fields):
    """result.wechat: what became of a command, given as wechat_command() made it."""
    key, text, headers = command
    named = json.loads(text)
    value = {"account": named["account"], "type": named["type"], "command_id": headers["ce_id"], "outcome": outcome,
             "at": RESULT_AT, **fields}
    ce_id = hashlib.sha256(f"{headers['ce_id']} {outcome}".encode()).hexdigest()[:32]
    return key, json.dumps(value, ensure_ascii=False), _headers(ce_id, "kabao.command.result", "result.wechat", None)
