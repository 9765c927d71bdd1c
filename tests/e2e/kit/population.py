# SPDX-License-Identifier: Apache-2.0
"""What the simulated platform knows at the start of a test."""
from kit.config import APPID, CARD_ID, ORIGINAL_ID, SECRETS


def member(code="018255396048", card_id=CARD_ID, **more):
    values = {"appid": APPID, "card_id": card_id, "code": code, "openid": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0",
              "nickname": "小明", "membership_number": code, "bonus": 460, "balance": 0, "sex": "MALE",
              "status": "NORMAL", "has_active": True,
              "form": {"USER_FORM_INFO_FLAG_MOBILE": "15521328888", "USER_FORM_INFO_FLAG_NAME": "张三"},
              "custom_form": [{"name": "兴趣", "value": "", "value_list": ["钢琴", "舞蹈"]}, {"name": "喜欢的电影", "value": "活着"}]}
    values.update(more)
    return {name: value for name, value in values.items() if value is not None}


def received(code="018255396048", **more):
    """A card that was received and not activated yet."""
    empty = {"bonus": 0, "has_active": False, "balance": None, "form": None, "custom_form": None, **more}
    return member(code, **empty)


def accounts(*members, template=None, **account):
    """One account, `demo`'s, and these members. template: more of the card's, {"bonus_limit": 1000}."""
    return {"accounts": [{"appid": APPID, "secret": SECRETS["secret"], "original_id": ORIGINAL_ID,
                          "callback_token": SECRETS["callback_token"], "aes_key": SECRETS["aes_key"], **account}],
            "templates": [{"appid": APPID, "card_id": CARD_ID, **(template or {})}],
            "members": list(members)}
