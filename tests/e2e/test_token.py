# SPDX-License-Identifier: Apache-2.0
"""kabao-token: one fetch for everybody, limits that survive restarts, no token in clear anywhere."""
import json
import time

import pytest

from kit.config import APPID, SECRETS, write_secret
from kit.hub import Hub
from kit.population import accounts, member
from kit.program import run_tool
from kit.push import card_event
from kit.waiting import wait_for

SUBMIT = "submit_membercard_user_info"
USERINFO = "/card/membercard/userinfo/get"
FORCED_APART_MS = 30000


@pytest.fixture
def place(apply, config, start_sim):
    """Settings, topics and tables over a simulator; nothing of kabao runs yet."""
    def make(*members, script=None, changes=None, **account):
        sim = start_sim(accounts(*members, **account), script)
        ready = config.with_({**(changes or {}), "wechat": {"base_url": sim.url}})
        apply(ready)
        return ready, sim
    return make


def latest(kafka, kind):
    states = [r for r in kafka.read("state.token") if r.key == f"{APPID}:{kind}"]
    return max(states, key=lambda r: r.json["fetched_at"]) if states else None


def forced_times(sim):
    fetches = sim.control("counters")["tokens"][APPID]["last"]
    return [fetch["at_ms"] for fetch in fetches if fetch["kind"] == "forced"]


def test_token_and_tickets_are_fetched_sealed_and_compacted(place, run, kafka):
    config, sim = place()
    run("token", config)
    wait_for(lambda: all(latest(kafka, kind) for kind in ("access_token", "jsapi", "wx_card")), 30, "all three")
    state = latest(kafka, "access_token")
    assert state.header("ce_type") == "kabao.token.current"
    assert len(state.json["fingerprint"]) == 16
    assert sim.fetches(APPID, "normal")["fetches"] == 1


def test_the_status_names_no_token(place, run, kafka, tmp_path):
    config, _ = place()
    run("token", config)
    wait_for(lambda: latest(kafka, "wx_card"), 30, "the last ticket")
    ini = config.write(tmp_path / "status.ini")
    done = run_tool("kabaoctl", "token", "status", "--json", "--config", ini)
    assert done.returncode == 0, done.stderr
    rows = {row["kind"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {"access_token", "jsapi", "wx_card"}
    assert rows["access_token"]["fingerprint"] == latest(kafka, "access_token").json["fingerprint"]


def test_four_workers_and_an_expired_token_cost_one_fetch(place, run, kafka, pusher):
    config, sim = place(*(member(code=str(n)) for n in range(8)))
    token = run("token", config)
    wait_for(lambda: latest(kafka, "access_token"), 30, "the first token")
    token.stop()
    sim.control("token/expire", {"appid": APPID})
    before = sim.fetches(APPID, "normal")["fresh"]
    for name in ("ingress", "member", "member", "member"):
        program = run(name, config, ready=False)
        if name == "ingress":
            ingress = program
    token = run("token", config)
    ingress.wait_ready()
    push = pusher(ingress)
    for number in range(8):
        assert push.secure(card_event(SUBMIT, code=str(number))).success
    kafka.wait("state.member", 8, timeout=60)
    fresh = sim.fetches(APPID, "normal")["fresh"] + sim.fetches(APPID, "forced")["fresh"] - before
    assert fresh == 1


@pytest.mark.deadline(240)
def test_a_storm_of_40001_with_restarts_forces_once_per_30_s(place, run, kafka, pusher):
    """Normal mode goes on handing out the refused token, so that only force would help; and that is refused too."""
    config, sim = place(*(member(code=str(n)) for n in range(6)),
                        script=[{"path": USERINFO, "do": {"errcode": 40001}}])
    token = run("token", config)
    wait_for(lambda: latest(kafka, "access_token"), 30, "the first token")
    ingress = run("ingress", config)
    for _ in range(2):
        run("member", config)
    push = pusher(ingress)
    begun = time.monotonic()
    number = 0
    while time.monotonic() - begun < 40:
        assert push.secure(card_event(SUBMIT, code=str(number % 6), at=1760000000 + number)).success
        number += 1
        if number % 25 == 0:
            token.kill()
            token = run("token", config)
    times = forced_times(sim)
    assert times, "the storm never came to a forced fetch"
    assert all(b - a >= FORCED_APART_MS for a, b in zip(times, times[1:])), times
    assert len(times) <= 2 + 40 // 30


def test_a_forced_fetch_helps_where_normal_mode_does_not(place, run, kafka, pusher):
    config, sim = place(member())
    run("token", config)
    wait_for(lambda: latest(kafka, "access_token"), 30, "the first token")
    sim.control("token/invalidate", {"appid": APPID, "sticky": True})
    ingress = run("ingress", config)
    run("member", config)
    assert pusher(ingress).secure(card_event(SUBMIT)).success
    kafka.wait("state.member", 1, timeout=60)
    assert sim.fetches(APPID, "forced")["fetches"] == 1
    assert latest(kafka, "access_token").json["forced_today"] == 1


def test_a_restart_keeps_a_good_token(place, run, kafka):
    config, sim = place()
    token = run("token", config)
    wait_for(lambda: latest(kafka, "wx_card"), 30, "token and tickets")
    token.stop()
    token = run("token", config)
    other = run("token", config)
    token.wait_metric("kabao_token_age_seconds", at_least=0.001, account="demo")
    other.wait_metric("kabao_token_age_seconds", at_least=0.001, account="demo")
    assert sim.fetches(APPID, "normal")["fetches"] == 1


def test_a_hub_gives_the_token(place, run, kafka, pusher, tmp_path):
    """token_source = url: another system owns the token."""
    config, sim = place(member())
    with Hub(sim, APPID, SECRETS["secret"], bearer="hubBearer7") as hub:
        config = config.with_({"account demo": {
            "token_source": "url", "token_url": hub.url,
            "token_url_bearer_file": write_secret(tmp_path / "bearer", "hubBearer7")}})
        for name in ("token", "member"):
            run(name, config)
        assert pusher(run("ingress", config)).secure(card_event(SUBMIT)).success
        kafka.wait("state.member", 1)
        assert hub.served >= 1
        assert sim.fetches(APPID, "normal")["fetches"] == hub.served


def test_a_wrong_secret_keeps_it_running_and_says_so(place, run, tmp_path):
    wrong = write_secret(tmp_path / "wrong.secret", "f" * 32)
    config, sim = place(changes={"account demo": {"secret_file": wrong}})
    token = run("token", config)
    sim.wait_requests(1, path="/cgi-bin/stable_token")
    wait_for(lambda: "wechat:4" in token.log_text(), 20, "the errcode in the log")
    assert token.probe("/healthz") == 200


def test_no_token_in_clear_anywhere(place, run, kafka, pusher, db):
    config, sim = place(member())
    programs = [run(name, config) for name in ("token", "member", "store", "ingress")]
    assert pusher(programs[-1]).secure(card_event(SUBMIT)).success
    db.wait_rows("member", 1)
    wait_for(lambda: latest(kafka, "wx_card"), 30, "token and tickets")
    tokens = sim.control("tokens")["tokens"]
    assert tokens
    places = {f"log of {p.name}": p.log_text() for p in programs}
    places.update({f"metrics of {p.name}": json.dumps(p.metrics()) for p in programs})
    for topic in kafka.topics():
        for record in kafka.read(topic):
            places[f"{topic} {record.partition}:{record.offset}"] = (record.value or b"").decode("latin-1")
    for where, text in places.items():
        for token in tokens:
            assert token not in text, f"a token in clear in {where}"
