# SPDX-License-Identifier: Apache-2.0
"""The lives of a member card and of a coupon, from the first picture to the last call: by records, and over HTTP."""
import base64
import hashlib
import json
from itertools import count

import pytest
from kit.api import Api, write_clients
from kit.config import APPID
from kit.population import accounts
from kit.records import bonus_command, wechat_command
from kit.waiting import wait_for

TOKEN = "kbt_all_0123456789abcdef"
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
COUPON = "pGRUFjc0upon1b2c3d4e5f6g7h8i"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0").decode()
PICTURE = {"filename": "logo.png", "content_type": "image/png", "content_base64": PNG}


def base_info(logo, **more):
    return {"logo_url": logo, "brand_name": "海底捞", "code_type": "CODE_TYPE_BARCODE", "title": "会员卡",
            "color": "Color010", "notice": "使用时向服务员出示此卡", "description": "不可与其他优惠同享",
            "date_info": {"type": "DATE_TYPE_PERMANENT"}, "sku": {"quantity": 1000}, "get_limit": 1,
            "use_custom_code": False, "can_give_friend": False, **more}


def card(logo):
    return {"card": {"card_type": "MEMBER_CARD", "member_card": {
        "background_pic_url": logo, "base_info": base_info(logo), "prerogative": "用卡可享受9折优惠", "supply_bonus": True,
        "bonus_cleared": "每年12月30日清零", "bonus_rules": "每消费1元获得1积分", "supply_balance": False, "wx_activate": True,
        "custom_field1": {"name_type": "FIELD_NAME_TYPE_LEVEL", "url": "https://shop.example/level"}}}}


class ByRecords:
    """As an integrator with Kafka asks."""

    def __init__(self, kafka, _):
        self.kafka = kafka

    def _result(self, record, topic):
        def found(records):
            return [r for r in records if r.json["command_id"] == record[2]["ce_id"]]

        return found(self.kafka.wait(topic, found, 60, f"the result of {record[1]}"))[-1].json

    def command(self, type_, body, **fields):
        record = wechat_command(type_, body, **fields)
        self.kafka.produce("cmd.wechat", *record)
        return self._result(record, "result.wechat")

    def bonus(self, card_id, code, **fields):
        record = bonus_command(code, "add", card_id=card_id, **fields)
        self.kafka.produce("cmd.bonus", *record)
        return self._result(record, "result.bonus")


class ByHttp:
    """As one without: POST, wait, and look again."""

    def __init__(self, _, api):
        self.api = api
        self.keys = count()

    def _ask(self, path, body):
        answer = self.api.post(path, body, f"story-{next(self.keys)}", "wait=60")
        assert (answer.status, answer.headers.get("preference-applied")) == (200, "wait=60"), (path, answer)
        assert self.api.get(answer.json["command_id"]).text == answer.text
        return answer.json

    def command(self, type_, body, **fields):
        return self._ask(f"commands/{type_}", {"body": body, **fields})

    def bonus(self, card_id, code, **fields):
        return self._ask("bonus", {"card_id": card_id, "card_code": code, "mode": "add", **fields})


class Story:
    def __init__(self, sim, kafka, ingress, way):
        self.sim, self.kafka = sim, kafka
        self.api = Api(ingress.listen, TOKEN)
        self.way = way(kafka, self.api)

    def done(self, type_, body, **fields):
        """WeChat's answer to it."""
        result = self.way.command(type_, body, **fields)
        assert (result["type"], result["outcome"], result["errcode"]) == (type_, "done", 0), result
        return result["answer"]

    def refused(self, type_, body, **fields):
        """Its error code."""
        result = self.way.command(type_, body, **fields)
        assert result["outcome"] == "rejected", result
        return result["error"]["code"]

    def template(self, card_id):
        (found,) = (t for t in self.sim.control("state")["templates"] if t["card_id"] == card_id)
        return found

    def member(self, code, **expected):
        """The newest state.member of the card, once it is as expected."""
        def newest():
            found = [r.json for r in self.kafka.read("state.member") if r.json["card_code"] == code]
            return found and all(found[-1].get(k) == v for k, v in expected.items()) and found[-1]

        return wait_for(newest, 30, lambda: f"{expected}; there is {self.kafka.read('state.member')}")


@pytest.fixture(params=[ByRecords, ByHttp], ids=["records", "http"])
def story(request, apply, config, run, start_sim, kafka, tmp_path):
    world = accounts()
    world["templates"] = [{"appid": APPID, "card_id": COUPON, "card_type": "GROUPON", "quantity": 100, "content": {
        "base_info": base_info("http://mmbiz.qpic.cn/mmbiz/old/0"), "deal_detail": "双人套餐"}}]
    sim = start_sim(world)
    clients = write_clients(tmp_path / "clients.ini", {"shop": {"token": TOKEN}})
    ready = config.with_(wechat={"base_url": sim.url}, ingress={"api_tokens_file": clients})
    apply(ready)
    for name in ("token", "member", "command", "bonus"):
        run(name, ready)
    ingress = run("ingress", ready)
    host, port = ingress.listen
    sim.relay(f"http://{host}:{port}/wechat/demo")
    return Story(sim, kafka, ingress, request.param)


def test_the_life_of_a_member_card(story):
    sim = story.sim
    logo = story.done("media.uploadimg", PICTURE)["url"]
    card_id = story.done("card.create", card(logo))["card_id"]
    assert story.template(card_id)["content"]["base_info"]["logo_url"] == logo
    form = {"can_modify": False, "common_field_id_list": ["USER_FORM_INFO_FLAG_MOBILE"]}
    story.done("card.form.set", {"card_id": card_id, "required_form": form})
    assert story.template(card_id)["form"]["required_form"] == form
    assert story.done("card.qrcode", {"action_name": "QR_CARD", "action_info": {"card": {
        "card_id": card_id, "outer_str": "poster-7"}}})["url"]

    code = sim.receive(openid=OPENID, card_id=card_id, outer_str="poster-7")
    story.member(code, card_id=card_id, has_active=False, outer_str="poster-7")
    name = {"card_id": card_id, "code": code}
    story.done("member.activate", {**name, "membership_number": "M-1024", "init_bonus": 100})
    assert story.done("member.get", name)["bonus"] == 100
    changed = story.way.bonus(card_id, code, add_bonus=30, record_bonus="消费30元")
    assert (changed["outcome"], changed["bonus"]) == ("applied", 130)
    story.done("member.update", {**name, "custom_field_value1": "黄金",
                                 "notify_optional": {"is_notify_custom_field1": True}})
    told = story.done("card.update", {"card_id": card_id, "member_card": {
        "base_info": {"service_phone": "020-66666666"}}})
    assert told == {"send_check": False}
    story.member(code, bonus=130, has_active=True, membership_number="M-1024")
    held = sim.card(code, card_id)
    assert (held["status"], held["has_active"], held["bonus"], held["membership_number"], held["custom_field_value1"],
            held["activations"]) == ("NORMAL", True, 130, "M-1024", "黄金", 1)
    assert story.template(card_id)["content"]["base_info"]["service_phone"] == "020-66666666"

    story.done("code.unavailable", {**name, "reason": "退款"}, confirm=True)
    assert sim.card(code, card_id)["status"] == "UNAVAILABLE"
    assert story.refused("code.get", name) == "wechat:40127"
    story.done("card.delete", {"card_id": card_id}, confirm=True)
    assert story.template(card_id)["status"] == "CARD_STATUS_DELETE"
    assert story.kafka.read("dlq.command") == [] == story.kafka.read("dlq.bonus")


def test_the_life_of_a_coupon(story):
    sim = story.sim
    assert story.done("media.uploadimg", PICTURE)["url"].startswith("http://mmbiz.qpic.cn/")
    shown = story.done("card.get", {"card_id": COUPON})["card"]
    assert (shown["card_type"], shown["groupon"]["deal_detail"]) == ("GROUPON", "双人套餐")

    signed = wait_for(lambda: (lambda r: r if r.status == 200 else None)(
        story.api.post(f"cards/{COUPON}/ext", {"outer_str": "menu", "openid": OPENID})), 20, "a ticket").json
    ext = json.loads(signed["cardExt"])
    (ticket,) = (t for t in sim.control("tokens")["tokens"] if hashlib.sha1("".join(sorted(
        [t, COUPON, OPENID, ext["timestamp"], ext["nonce_str"]])).encode()).hexdigest() == ext["signature"])
    assert ticket and signed["cardId"] == COUPON and ext["outer_str"] == "menu"

    code = sim.receive(openid=OPENID, card_id=COUPON, outer_str=ext["outer_str"])
    wait_for(lambda: [r for r in story.kafka.read("event.wechat")
                      if (r.json["event"], r.json["card_code"]) == ("user_get_card", code)], 30, "the push")
    assert story.done("code.decrypt", {"encrypt_code": sim.encrypt(code, COUPON)})["code"] == code
    assert story.done("code.get", {"code": code})["can_consume"] is True
    done = story.done("code.consume", {"code": code}, confirm=True)
    assert (done["card"]["card_id"], done["openid"]) == (COUPON, OPENID)
    assert sim.card(code, COUPON)["status"] == "CONSUMED"
    assert story.refused("code.consume", {"code": code}, confirm=True) == "wechat:40099"
    assert story.kafka.read("dlq.command") == []
