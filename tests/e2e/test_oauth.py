# SPDX-License-Identifier: Apache-2.0
"""oauth.exchange: whose code it is, and nothing more; neither AppSecret nor a user's token leaves the program."""
import pytest
from kit.config import APPID, SECRETS
from kit.population import accounts
from test_commands import SHORT, System, path_rule
from test_verify import everywhere

PATH = "/sns/oauth2/access_token"
UNIONID = "o6_bmasdasdsad6_2sgVt7hMZOPfL"


@pytest.fixture
def system(apply, config, run, start_sim, kafka, db):
    def start(worker=None, **secret):
        people = {"users": [{"appid": APPID, "openid": "oWeb1", "unionid": UNIONID}, {"appid": APPID, "openid": "oWeb2"}]}
        sim = start_sim({**accounts(), **people})
        ready = config.with_({"wechat": {"base_url": sim.url}, "worker": {**SHORT, **(worker or {})}, "log": {"level": "trace"}})
        apply(ready)
        made = System(ready, run, sim, kafka, db)
        if secret:
            made.worker.stop()
            made.worker = made.start("two", config=ready.with_({"account demo": secret}))
        return made
    return start


def code_of(s, openid, **more):
    return s.sim.control("oauth-code", {"appid": APPID, "openid": openid, **more})["code"]


def exchange(s, code):
    return s.send("oauth.exchange", {"code": code})


def test_a_code_names_its_person_once(system):
    s = system()
    base = code_of(s, "oWeb1")
    asked = {
        "base": exchange(s, base),
        "userinfo": exchange(s, code_of(s, "oWeb1", scope="snsapi_userinfo")),
        "snapshot": exchange(s, code_of(s, "oWeb2", snapshot=True)),
        "odd": exchange(s, "no such code & secret=x"),
    }
    results = s.results(asked)
    assert results["base"]["answer"] == {"openid": "oWeb1", "scope": "snsapi_base"} and results["base"]["errcode"] == 0
    assert results["userinfo"]["answer"] == {"openid": "oWeb1", "scope": "snsapi_userinfo", "unionid": UNIONID}
    assert results["snapshot"]["answer"] == {"openid": "oWeb2", "scope": "snsapi_base", "is_snapshotuser": 1}
    assert (results["odd"]["outcome"], results["odd"]["error"]["code"]) == ("rejected", "wechat:40029")
    s.again(asked["base"])
    assert s.outcome(asked["base"], count=2) == ("done", None), "the same command has the same answer"
    used = exchange(s, base)
    assert s.outcome(used) == ("rejected", "wechat:40163")
    s.sim.control("script", [path_rule(PATH, {"errcode": 42003, "errmsg": "code expired"})])
    assert s.outcome(exchange(s, "expired")) == ("rejected", "wechat:42003")
    assert s.kafka.read("dlq.command") == []
    assert {r["method"] for r in s.sim.requests(path=PATH)} == {"GET"}
    nothing_leaks(s)


def nothing_leaks(s):
    secrets = [SECRETS["secret"], *s.sim.control("tokens")["tokens"]]
    assert len(secrets) > 2
    for place, text in everywhere(s).items():
        for secret in secrets:
            assert secret not in text, f"{secret} in {place}"


@pytest.mark.parametrize("secret_file", [None, "/nowhere/appsecret"])
def test_without_the_secret_it_is_off(system, secret_file):
    s = system(secret_file=secret_file)
    error = s.result(exchange(s, code_of(s, "oWeb1")))["error"]
    assert error["code"] == "oauth" and "[account demo] secret_file is not set" in error["message"]
    assert s.sim.requests(path=PATH) == []


def test_faults_leave_no_secret_behind(system):
    s = system(worker={"max_attempts": 2})
    rules = {"cut": {"cut": "after"}, "garbage": {"garbage": True}, "page": {"status": 502},
             "echo": {"errcode": 41004, "errmsg": f"bad secret {SECRETS['secret']}"},
             "wrong": {"errcode": 40001, "errmsg": f"invalid credential {SECRETS['secret']}"},
             "blocked": {"errcode": 40125, "errmsg": "invalid appsecret"}}
    s.sim.control("script", [path_rule(PATH, do, match={"code": code}) for code, do in rules.items()])
    sent = {code: exchange(s, code) for code in rules}
    for name in ("cut", "garbage", "page"):
        assert s.outcome(sent[name])[0] == "failed", name
    assert s.outcome(sent["echo"]) == ("rejected", "wechat:41004")
    assert "(withheld)" in s.result(sent["echo"])["error"]["message"]
    assert s.records(sent["wrong"]) == [] == s.records(sent["blocked"]), "an operator may mend it"
    nothing_leaks(s)


def test_an_answer_that_was_lost_leaves_a_used_code(system):
    s = system()
    s.sim.control("script", [path_rule(PATH, {"cut": "after"}, times=1)])
    assert s.outcome(exchange(s, code_of(s, "oWeb1"))) == ("rejected", "wechat:40163")
