# SPDX-License-Identifier: Apache-2.0
"""Records as the ingress would have produced them, for tests that begin behind it."""
import hashlib
import json
import os

from kit.config import APPID, CARD_ID, ORIGINAL_ID

_SCHEMA = "https://schemas.kabao.example/messages/event.wechat.v1.schema.json"


def event_record(name, code, at=1760000000, openid="oGRUFjk0a1b2c3d4e5f6g7h8i9j0", card_id=CARD_ID):
    """(key, value, headers) of one card event; all texts."""
    value = {"account": "demo", "appid": APPID, "to_user": ORIGINAL_ID, "openid": openid, "create_time": at,
             "msg_type": "event", "event": name, "card_id": card_id, "card_code": code,
             "fields": {"ToUserName": ORIGINAL_ID, "FromUserName": openid, "CreateTime": str(at), "MsgType": "event",
                        "Event": name, "CardId": card_id, "UserCardCode": code}}
    text = json.dumps(value, ensure_ascii=False)
    headers = {"content-type": "application/json", "ce_specversion": "1.0",
               "ce_id": hashlib.sha256(text.encode()).hexdigest()[:32], "ce_source": f"/wechat/{APPID}",
               "ce_type": f"kabao.wechat.{name}", "ce_time": "2025-10-09T08:53:20Z", "ce_subject": code,
               "ce_dataschema": _SCHEMA, "ce_appid": APPID,
               "traceparent": f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"}
    return f"{APPID}:{card_id}:{code}", text, headers
