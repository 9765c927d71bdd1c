# SPDX-License-Identifier: Apache-2.0
"""A QR code on a page, from the command that makes it to the row that says who is whose: by records, and over HTTP."""
import base64
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit.api import write_clients
from kit.bind import TEXTS, texts_file
from kit.config import APPID, account, write_secret
from kit.population import accounts
from kit.scale import count
from kit.waiting import wait_for
from test_asyncapi import faults
from test_story import TOKEN, ByHttp, ByRecords, Story

KEY = base64.b64encode(bytes(range(100, 132))).decode()
OTHER = "wx00000000000000ff"
NEW, KNOWN, LATE = (f"oGRUFjSTORY{name:0>17}" for name in ("new", "known", "late"))


class Binding(Story):
    def __init__(self, sim, kafka, ingress, way, db, push):  # noqa: PLR0913 (the fixtures of a test)
        super().__init__(sim, kafka, ingress, way)
        self.db, self.push = db, push

    def ask(self, type_, account="demo", **body):
        """The answer to it."""
        result = self.way.command(type_, body, account=account)
        assert (result["type"], result["outcome"]) == (type_, "done"), result
        return result["answer"]

    def person(self, does, who, **more):
        """What he does, and its push; the moment when the push was acknowledged."""
        number = self.sim.control(does, {"appid": APPID, "openid": who, **more})["n"]
        self.sim.deliver(self.push, self.sim.pushes(number - 1)[:1])
        return time.monotonic()

    def scan(self, who, started):
        return self.person("scan", who, ticket=started["ticket"])

    def later(self, seconds=2):
        """WeChat counts seconds."""
        self.sim.control("clock", {"advance_s": seconds})

    def told(self, kind, scene, who=None):
        """The record of that kind."""
        def mine(records):
            return [r for r in records if (r.json["kind"], r.json.get("scene"), r.json.get("openid")) == (kind, scene, who)]

        return mine(self.kafka.wait("event.binding", mine, 30, f"{kind} {scene} {who}"))[0]

    def row(self, who, scene, ended=False):
        """As kabao-store has it."""
        def found():
            rows = self.db.rows("binding", appid=APPID, openid=who, scene=scene)
            return [row for row in rows if bool(row["unbound_at"]) == ended]

        return wait_for(found, 30, lambda: f"{who} {scene} ended={ended}; {self.db.rows('binding')}")[0]

    def message(self, who):
        """The last one that WeChat delivered to him, when all pushes are done with."""
        self.kafka.wait_done("bind", "event.wechat")
        return [m["body"]["text"]["content"] for m in self.sim.control(f"messages?openid={who}")["messages"]][-1]


@pytest.fixture(params=[ByRecords, ByHttp], ids=["records", "http"])
def binding(request, apply, config, run, pusher, start_sim, kafka, db, tmp_path):  # noqa: PLR0913
    world = accounts()
    world["accounts"].append({**world["accounts"][0], "appid": OTHER, "original_id": "gh_000000000000"})
    sim = start_sim(world)
    clients = write_clients(tmp_path / "clients.ini", {"shop": {"token": TOKEN}})
    ready = config.with_({"account demo": {"bind_texts_file": texts_file(tmp_path)},
                          "account other": account(tmp_path, "other", OTHER, "gh_000000000000")},
                         wechat={"base_url": sim.url}, ingress={"api_tokens_file": clients},
                         verify={"key_file": write_secret(tmp_path / "verify.key", KEY)})
    apply(ready)
    ingress, *workers = [run(name, ready, ready=False) for name in ("ingress", "token", "command", "bind", "store")]
    for program in (ingress, *workers):
        program.wait_ready()
    made = Binding(sim, kafka, ingress, request.param, db, pusher(ingress))
    yield made
    for record in kafka.read("event.binding"):
        assert faults("event.binding", record) == [], record
    assert kafka.read("dlq.bind") == [] == kafka.read("dlq.command") == kafka.read("dlq.store")


def test_who_scans_is_bound_until_he_leaves(binding):
    b = binding
    b.person("follow", KNOWN)
    b.later()
    scenes = {who: is_bound(b, who, who == NEW) for who in (NEW, KNOWN)}
    is_known_by_a_login(b, KNOWN)

    b.later()
    b.person("unfollow", NEW)
    assert b.told("unbound", scenes[NEW], NEW).json["user"] == f"user-{NEW}"
    assert b.row(NEW, scenes[NEW], ended=True)
    b.later()
    assert b.ask("bind.end", user=f"user-{KNOWN}") == {
        "unbound": [{"openid": KNOWN, "scene": scenes[KNOWN], "user": f"user-{KNOWN}"}]}
    assert b.told("unbound", scenes[KNOWN], KNOWN)
    assert b.row(KNOWN, scenes[KNOWN], ended=True)
    assert all(row["ended_at"] for row in b.db.rows("bound"))


def is_bound(b, who, first):
    """The scene of it."""
    user = f"user-{who}"
    started = b.ask("bind.start", user=user, ttl_s=3600)
    scene = started["scene"]
    pending = b.told("pending", scene)
    assert (pending.key, pending.json["user"], pending.json["expires_at"]) == (f"{APPID}:{scene}", user, started["expires_at"])
    assert started["url"]
    b.scan(who, started)
    bound, scanned = b.told("bound", scene, who), b.told("scanned", scene, who)
    at = bound.json["at"]
    of_scan = {"account": "demo", "appid": APPID, "openid": who, "scene": scene, "at": at}
    assert bound.json == {**of_scan, "kind": "bound", "user": user}
    assert scanned.json == {**of_scan, "kind": "scanned", "first_follow": first}
    assert (b.row(who, scene)["user"], b.message(who)) == (user, f"已绑定 {user}")
    return scene


def is_known_by_a_login(b, who):
    b.later()
    started = b.ask("bind.start")
    b.scan(who, started)
    assert "user" not in b.told("bound", started["scene"], who).json
    assert b.row(who, started["scene"])["user"] is None
    assert b.db.rows("bound", scene=started["scene"]) == [], "it binds to nobody"


def test_a_scene_that_is_used_expired_or_foreign_binds_nobody(binding):
    b = binding
    b.person("follow", LATE)
    used = b.ask("bind.start", user="u1")
    b.scan(NEW, used)
    b.told("bound", used["scene"], NEW)
    foreign = b.ask("bind.start", account="other", user="u1")["scene"]
    scans = [("used", used["scene"], used)]
    for scene in (foreign, "bind-" + "0" * 32):  # codes of this account that it never made as such
        scans.append(("unknown", scene, b.ask("qrcode.create", action_name="QR_STR_SCENE", expire_seconds=600,
                                              action_info={"scene": {"scene_str": scene}})))
    for reason, scene, started in scans:
        is_refused(b, reason, scene, started)
    b.later(200)  # WeChat's clock is ahead, and a scan is as old as WeChat says
    started = b.ask("bind.start", user="u1", ttl_s=60)
    is_refused(b, "expired", started["scene"], started)
    b.kafka.wait_done("store", "event.binding")
    assert [row["openid"] for row in b.db.rows("bound")] == [NEW] == [row["openid"] for row in b.db.rows("binding")]


def is_refused(b, reason, scene, started):
    b.later()
    b.scan(LATE, started)
    refused = b.told("refused", scene, LATE).json
    assert (refused["reason"], "user" in refused) == (reason, False)
    assert b.told("scanned", scene, LATE)
    assert b.message(LATE) == TEXTS[reason]


def test_who_scans_is_sent_a_code(binding):
    b = binding
    started = b.ask("verify.start", purpose="pay", user="u1")
    b.scan(NEW, started)
    sent = b.told("code_sent", started["scene"], NEW).json
    assert (sent["purpose"], sent["user"]) == ("pay", "u1")
    code = re.fullmatch(r"验证码 (\d{6})，5 分钟", b.message(NEW))[1]

    def check(purpose, tried):
        return b.ask("verify.check", openid=NEW, purpose=purpose, code=tried)["verified"]

    assert not check("pay", f"{(int(code) + 1) % 1000000:06d}") and not check("login", code)
    assert check("pay", code) and not check("pay", code)
    assert b.told("code_verified", None, NEW).json["purpose"] == "pay"
    b.kafka.wait_done("store", "event.binding")
    assert b.db.rows("bound") == [] == b.db.rows("binding"), "a code binds nobody"


# The page that waits

def page_of(b, scene, wait_s=30):
    """Its answer, and when that came."""
    return b.api.ask("GET", f"/v1/bindings/{scene}", None, {"Prefer": f"wait={wait_s}"}), time.monotonic()


def test_the_waiting_page_hears_of_it_within_a_second(binding):
    b = binding
    took = []
    for number in range(count(20, 5)):
        who = f"{KNOWN[:-4]}{number:04d}"
        known = number % 2 == 1
        if known:
            b.person("follow", who)
            b.later()
        type_, kind = ("verify.start", "code_sent") if number % 5 == 4 else ("bind.start", "bound")
        started = b.ask(type_, **({"purpose": "pay"} if kind == "code_sent" else {"user": f"u{number}"}))
        wait_for(lambda scene=started["scene"]: page_of(b, scene, 0)[0].status == 202, 10, "the page finds the scene")
        with ThreadPoolExecutor(1) as pool:
            page = pool.submit(page_of, b, started["scene"])
            acknowledged = b.scan(who, started)
            answer, answered = page.result()
        assert (answer.status, answer.headers.get("preference-applied")) == (200, "wait=30"), answer
        assert answer.json == b.told(kind, started["scene"], who).json
        took.append(answered - acknowledged)
    assert sorted(took)[len(took) // 2] < 1, took


def test_the_waiting_page_of_what_binds_nobody(binding):
    b = binding
    assert page_of(b, "bind-" + "0" * 32)[0].problem(404, "not-found")
    b.later(200)  # see above
    lapsed = b.ask("bind.start", user="u1", ttl_s=60)
    b.scan(NEW, lapsed)
    b.told("refused", lapsed["scene"], NEW)
    assert page_of(b, lapsed["scene"])[0].status == 410
    b.later()
    used = b.ask("bind.start", user="u1", ttl_s=600)
    b.later()
    b.scan(NEW, used)
    b.told("bound", used["scene"], NEW)
    b.scan(LATE, used)
    b.told("refused", used["scene"], LATE)
    answer, _ = page_of(b, used["scene"])
    assert (answer.status, answer.json["openid"]) == (200, NEW), "the first scan stands"
