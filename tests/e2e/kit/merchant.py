# SPDX-License-Identifier: Apache-2.0
"""A merchant whose account has run for years: its members, the old system's own books, and what goes on in its shops."""
import csv
import json
import random
import threading

from kit.config import APPID, CARD_ID
from kit.oldsystem import read_xml
from kit.population import accounts, member
from kit.web import request

OWN_CODES = "pGRUFjv9z8y7x6w5v4u3t2s1r0o9"  # the template whose codes are the merchant's
TEMPLATES = CARD_ID, OWN_CODES
MENU = {"button": [{"type": "view", "name": "商城", "url": "https://shop.example/"}]}
WELCOME, KEYWORD, ANSWER = "欢迎", "积分", "积分请见会员卡"
REPLIES = {"is_add_friend_reply_open": 1, "is_autoreply_open": 1,
           "add_friend_autoreply_info": {"type": "text", "content": WELCOME},
           "keyword_autoreply_info": {"list": [{"rule_name": "points", "create_time": 1700000000, "reply_mode": "random_one",
                                                "keyword_list_info": [{"type": "text", "match_mode": "contain", "content": KEYWORD}],
                                                "reply_list_info": [{"type": "text", "content": ANSWER}]}]}}
PAUSE_S, REGULARS = 0.3, 5
UPDATE = "/card/membercard/updateuser"


def content():
    """A card as card/create takes it; WeChat activates it with its form."""
    base = {"logo_url": "http://mmbiz.qpic.cn/mmbiz/plain/0", "code_type": "CODE_TYPE_BARCODE", "brand_name": "商户",
            "title": "会员卡", "color": "Color010", "notice": "使用时出示", "description": "说明",
            "date_info": {"type": "DATE_TYPE_PERMANENT"}, "get_limit": 1, "can_give_friend": False}
    return {"base_info": base, "prerogative": "特权", "supply_bonus": True, "supply_balance": False, "wx_activate": True}


def openid(n):
    return f"oPerson{n:021d}"


def follows(n):
    return n % 3 != 2


def population(people):
    """Everybody has a card of each template, under one code; points tell them apart."""
    return [member(f"{n:012d}", card_id=card_id, openid=openid(n), bonus=1000 * n + t, form={
        "USER_FORM_INFO_FLAG_MOBILE": f"138{n:08d}"}) for n in range(people) for t, card_id in enumerate(TEMPLATES)]


def platform(people, quota):
    """What the simulator begins with."""
    known = accounts(*population(people), console_menu=MENU, autoreply=REPLIES, quota=quota, page_size=50)
    known["templates"] = [{"appid": APPID, "card_id": card_id, "use_custom_code": card_id == OWN_CODES, "content": content()}
                          for card_id in TEMPLATES]
    known["users"] = [{"appid": APPID, "openid": openid(n), "subscribe": follows(n)} for n in range(people)]
    return known


class Merchant:
    """What the old system knows: whom it had, and what pushes have told it since. token() gets it an access token."""

    def __init__(self, sim, old, cards, token):
        self.sim, self.old, self.token = sim, old, token
        self.had = {(card["card_id"], card["code"]): card for card in cards}
        self.updates = 0

    def change(self, key, add):
        """Points, as it always did; members are not told."""
        body = {"card_id": key[0], "code": key[1], "add_bonus": add, "notify_optional": {"is_notify_bonus": False}}
        reply = request(("127.0.0.1", self.sim.port), "POST", f"{UPDATE}?access_token={self.token()}", json.dumps(body))
        assert reply.status == 200 and json.loads(reply.body)["errcode"] == 0, reply
        self.updates += 1

    def told(self):
        """{card: [its pushes in the order in which they first came, as fields]}; who wrote no card is under None."""
        found = {}
        for message in dict.fromkeys(p.message for p in self.old.of()):
            fields = {name: value for name, value in read_xml(message).items() if name != "Encrypt"}
            pushes = found.setdefault((fields.get("CardId"), fields.get("UserCardCode")), [])
            if fields not in pushes:
                pushes.append(fields)
        return found

    def books(self):
        """{card: {openid, points}} by what was there and what it was told."""
        books = {key: {"openid": card["openid"], "points": card["bonus"]} for key, card in self.had.items()}
        for key, pushes in self.told().items():
            for fields in pushes:
                if fields.get("Event") == "user_get_card":
                    books[key] = {"openid": fields["FromUserName"], "points": 0}
                elif fields.get("Event") == "user_del_card":
                    del books[key]
                elif fields.get("Event") == "update_member_card":
                    books[key]["points"] += int(fields["ModifyBonus"])
        return books

    def write(self, path, keys=None, **changed):
        """Its members (or these of them) as a CSV; changed: {code: openid} of whom it has wrong."""
        books = self.books()
        with open(path, "w", encoding="utf-8", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(["card_id", "card_code", "openid", "mobile"])
            for key in books if keys is None else keys:
                mobile = self.had[key]["form"]["USER_FORM_INFO_FLAG_MOBILE"] if key in self.had else ""
                rows.writerow([*key, changed.get(key[1], books.get(key, {}).get("openid")), mobile])
        return path


class Life(threading.Thread):
    """What members, tills and the old system do, a few times a second, until it is stopped; half of it the regulars. No two changes of points are
    of one size (serial), so that no two pushes are the same; kept: cards that nobody throws away."""

    def __init__(self, sim, merchant, seed, serial, kept=()):
        super().__init__(daemon=True)
        self.sim, self.merchant, self.serial, self.kept = sim, merchant, serial, kept
        self.random = random.Random(seed)
        self.cards = list(merchant.books())
        self.quiet = threading.Event()
        self.broken = None

    def run(self):
        try:
            while not self.quiet.wait(PAUSE_S):
                self.step()
        except Exception as e:  # for stop() to tell
            self.broken = e

    def step(self):
        n, way = next(self.serial), self.random.random()
        key = self.random.choice(self.cards[:REGULARS] if self.random.random() < 0.5 else self.cards)
        if way < 0.5:
            self.sim.foreign(key[1], bonus=n, card_id=key[0])
        elif way < 0.8:
            self.merchant.change(key, n)
        elif way < 0.9:
            self.sim.control("say", {"appid": APPID, "openid": openid(0), "type": "text", "text": f"你好 {n}"})
        elif way < 0.95:
            self.sim.receive(f"9{n:011d}", openid(10**6 + n), key[0])
        elif key not in self.kept:
            self.cards.remove(key)
            self.sim.delete(key[1], key[0])

    def stop(self):
        self.quiet.set()
        self.join()
        if self.broken:
            raise self.broken
