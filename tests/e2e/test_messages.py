# SPDX-License-Identifier: Apache-2.0
"""What users say becomes records, and is answered by customer messages as long as WeChat allows it."""
import json
import time

import pytest
from kit.config import APPID
from kit.population import accounts
from kit.probe import QUICK_GROUP
from kit.records import wechat_command
from kit.waiting import wait_for

WHO = "oGRUFjMESSAGES00000000000001"
HOURS_48 = 48 * 3600
MOST = 5  # answers to one message

# What the platform's pages name (wechat-api.md 2.5), with texts of our own.
SAID = {
    "text": {"Content": "你好 ]]> & <b>\"'\n👨‍👩‍👧 e\u0301 " + "会" * 600},
    "image": {"PicUrl": "http://mmbiz.qpic.cn/p?a=1&b=2", "MediaId": "image-1"},
    "voice": {"MediaId": "voice-1", "Format": "amr"},
    "video": {"MediaId": "video-1", "ThumbMediaId": "thumb-1"},
    "shortvideo": {"MediaId": "short-1", "ThumbMediaId": "thumb-2"},
    "location": {"Location_X": "23.134521", "Location_Y": "113.358803", "Scale": "20", "Label": "广州 & \"海珠\""},
    "link": {"Title": "公众平台 <1>", "Description": "", "Url": "https://u.example/?a=1&b=2"},
}


class System:
    """ingress and kabao-command over one simulator that pushes what its users say."""

    def __init__(self, config, run, sim, kafka):
        self.sim, self.kafka = sim, kafka
        self.ingress = run("ingress", config, ready=False)
        run("token", config, ready=False)
        run("command", config.with_(kafka=QUICK_GROUP))
        self.ingress.wait_ready()
        sim.control("follow", {"appid": APPID, "openid": WHO})
        sim.relay("http://{}:{}/wechat/demo".format(*self.ingress.listen))

    def say(self, kind, fields):
        text = {"text": fields["Content"]} if kind == "text" else {"fields": fields}
        return str(self.sim.control("say", {"appid": APPID, "openid": WHO, "type": kind, **text})["msgid"])

    def heard(self, count):
        self.kafka.wait("event.wechat", count)
        return {record.json["msg_id"]: record for record in self.kafka.read("event.wechat")}

    def last_said(self, seconds_ago):
        self.sim.control("users", {"appid": APPID, "openid": WHO, "contact": "message",
                                   "last_contact": int(time.time()) - seconds_ago})

    def answer(self, openid, text):
        """The result of message.custom."""
        record = wechat_command("message.custom", {"touser": openid, "msgtype": "text", "text": {"content": text}})
        self.kafka.produce("cmd.wechat", *record)
        found = []

        def met():
            found[:] = [r.json for r in self.kafka.read("result.wechat") if r.json["command_id"] == record[2]["ce_id"]]
            return found

        wait_for(met, 30, "the result of message.custom")
        return found[-1]

    def told(self):
        return [m["body"]["text"]["content"] for m in self.sim.control("messages")["messages"]
                if m["kind"] == "custom" and m["openid"] == WHO]


@pytest.fixture
def system(apply, config, run, start_sim, kafka):
    sim = start_sim(accounts())
    ready = config.with_({"wechat": {"base_url": sim.url}})
    apply(ready)
    return System(ready, run, sim, kafka)


def test_whatever_users_say_becomes_a_record(system):
    said = {system.say(kind, fields): kind for kind, fields in SAID.items()}
    records = system.heard(len(said))
    assert set(records) == set(said)
    for msg_id, kind in said.items():
        record = records[msg_id]
        assert record.header("ce_type") == f"kabao.wechat.message.{kind}"
        assert record.key == f"{APPID}:{WHO}"
        value = record.json
        assert (value["openid"], value["msg_type"], value["account"]) == (WHO, kind, "demo")
        assert {name: value["fields"].get(name, "") for name in SAID[kind]} == SAID[kind]
        (push,) = [p for p in system.sim.pushes(event=f"message.{kind}")]
        assert {name: str(text) for name, text in push["fields"].items() if text != ""}.items() <= value["fields"].items()
    assert system.sim.control("replies")["last"] == 0, "no rules, no replies"


def test_a_message_is_answered_within_48_hours(system):
    msg_id = system.say("text", {"Content": "几点开门？"})
    openid = system.heard(1)[msg_id].json["openid"]
    assert system.answer(openid, "九点 😀")["outcome"] == "done"
    system.last_said(HOURS_48 - 60)
    for n in range(MOST):
        assert system.answer(openid, f"late {n}")["outcome"] == "done"
    spent = system.answer(openid, "one too many")
    assert (spent["outcome"], spent["errcode"], spent["error"]["code"]) == ("rejected", 45047, "wechat:45047")
    system.last_said(HOURS_48 + 1)
    over = system.answer(openid, "too late")
    assert (over["outcome"], over["errcode"], over["error"]["code"]) == ("rejected", 45015, "wechat:45015"), json.dumps(over)
    assert over["errmsg"] and "answer" not in over
    system.say("image", SAID["image"])  # he writes again
    assert system.answer(openid, "here we are")["outcome"] == "done"
    assert system.told() == ["九点 😀", *(f"late {n}" for n in range(MOST)), "here we are"]
