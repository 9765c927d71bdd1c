# SPDX-License-Identifier: Apache-2.0
"""Client signatures and the access token over HTTP, and kabaoctl api-token: every signature is computed again here,
and once more by wechatpy where it is installed."""
import base64
import hashlib
import http.client
import importlib.util
import json
import os
import re
import signal
import stat
import string
import time
from pathlib import Path

import pytest
from Cryptodome.Cipher import AES
from jsonschema import Draft202012Validator

from kit.config import APPID, CARD_ID, SECRETS
from kit.population import accounts
from kit.program import run_tool
from kit.push import event
from kit.servers import ROOT
from kit.waiting import concurrently, wait_for
from kit.web import Reply, request

EXT = f"/v1/cards/{CARD_ID}/ext"
CHOOSE = "/v1/cards/choose"
PAGE = "/v1/jsapi-signature"
TOKEN = "/v1/accounts/demo/access-token"
INPUTS = 1000


def load_wechatpy():
    """Its signer, from the one file that needs none of its dependencies; None where it is not installed."""
    package = importlib.util.find_spec("wechatpy")
    if package is None:
        return None
    spec = importlib.util.spec_from_file_location("wechatpy_utils", Path(package.origin).with_name("utils.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WeChatSigner


WeChatSigner = load_wechatpy()


def sorted_sha1(values, delimiter=b""):
    """wechat-api 7.2 and 7.3 by hashlib alone; both judges must agree before they judge."""
    own = hashlib.sha1(delimiter.join(sorted(value.encode() for value in values if value))).hexdigest()
    if WeChatSigner is not None:
        signer = WeChatSigner(delimiter=delimiter)
        signer.add_data(*(value for value in values if value))
        assert signer.signature == own
    return own


def page_sha1(ticket, nonce, timestamp, url):
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    own = hashlib.sha1(text.encode()).hexdigest()
    assert own == sorted_sha1(text.split("&", 3), b"&")
    return own


class Client:
    """One client of the API on a connection that it keeps."""

    def __init__(self, ingress, token):
        self.connection = http.client.HTTPConnection(*ingress.listen, timeout=20)
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method, path, body=None):
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        return Reply(reply.status, text, {name.lower(): value for name, value in reply.getheaders()}, 0)

    def post(self, path, body):
        return self.call("POST", path, body)

    def good(self, path, body):
        reply = self.post(path, body)
        assert reply.status == 200, reply
        return json.loads(reply.body)

    def token(self):
        reply = self.call("GET", TOKEN)
        assert reply.status == 200, reply
        return json.loads(reply.body)


def problem(reply, status):
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/problem+json"
    return json.loads(reply.body)


def tokens_file(path, **clients):
    """api_tokens_file: name={...keys}; each client's token is token-of-<name>."""
    sections = []
    for name, keys in clients.items():
        keys = {"sha256": hashlib.sha256(f"token-of-{name}".encode()).hexdigest(), **keys}
        sections.append(f"[token {name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    path.write_text("\n".join(sections), encoding="utf-8")
    return str(path)


@pytest.fixture
def clients(tmp_path):
    """The [ingress] section of an API. Client "all" may do everything."""
    path = tokens_file(tmp_path / "tokens.ini", all={"access_token": "true"}, signs={"types": "signature"},
                       wild={"types": "card.* sign*"}, cards={"types": "card.*"}, other={"accounts": "elsewhere"})
    return {"api_tokens_file": path}


@pytest.fixture
def place(apply, config, start_sim, clients):
    """Settings with an API over a simulator; nothing runs yet."""
    sim = start_sim(accounts())
    ready = config.with_(wechat={"base_url": sim.url}, ingress=clients)
    apply(ready)
    return ready, sim


@pytest.fixture
def place_without_topics(config, clients, kafka):
    """The same, but nobody has made those of tokens."""
    kafka.create("event.wechat", "cmd.wechat", "cmd.bonus", "cmd.activation", "result.wechat", "result.bonus")
    return config.with_(ingress=clients)


@pytest.fixture
def served(place, run, kafka):
    """(ingress, simulator): token and tickets are there."""
    config, sim = place
    run("token", config)
    kafka.wait("state.token", lambda records: len({r.key for r in records}) == 3)
    return run("ingress", config), sim


def ticket(sim, kind):
    """WeChat gives the same one until its last 5 minutes."""
    address = ("127.0.0.1", sim.port)
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRETS["secret"]}
    token = json.loads(request(address, "POST", "/cgi-bin/stable_token", json.dumps(body)).body)["access_token"]
    reply = request(address, "GET", f"/cgi-bin/ticket/getticket?access_token={token}&type={kind}")
    return json.loads(reply.body)["ticket"]


ALPHABET = string.ascii_letters + string.digits + "_-@.~ 卡é😀\"\\/"


def text(rng, longest):
    return "".join(rng.choices(ALPHABET, k=rng.randrange(longest + 1)))


def judge_ext(rng, client, api_ticket):
    card_id = "p" + "".join(rng.choices(string.ascii_letters + string.digits + "_-", k=rng.randrange(32)))
    body = {"account": "demo", "code": text(rng, 4), "openid": text(rng, 14), "outer_str": text(rng, 30),
            "fixed_begintimestamp": rng.randrange(2**32)}
    body = {key: value for key, value in body.items() if rng.random() < 0.7}
    answer = client.good(f"/v1/cards/{card_id}/ext", body)
    assert set(answer) == {"cardId", "cardExt"} and answer["cardId"] == card_id
    ext = json.loads(answer["cardExt"])
    sent = {key: value for key, value in body.items() if key != "account" and value != ""}
    assert ext == {**sent, **{key: ext[key] for key in ("timestamp", "nonce_str", "signature")}}
    assert ext["signature"] == sorted_sha1([api_ticket, card_id, sent.get("code", ""), sent.get("openid", ""),
                                            ext["timestamp"], ext["nonce_str"]])
    assert isinstance(ext["timestamp"], str) and abs(int(ext["timestamp"]) - time.time()) < 30
    return ext["nonce_str"]


def judge_choose(rng, client, api_ticket):
    body = {"shopId": text(rng, 15), "cardType": rng.choice(["", "MEMBER_CARD", "GROUPON"]), "cardId": text(rng, 8)}
    body = {key: value for key, value in body.items() if rng.random() < 0.7}
    answer = client.good(CHOOSE, {**body, "account": "demo"})
    sent = {key: body.get(key, "") for key in ("shopId", "cardType", "cardId")}
    assert answer == {**sent, "signType": "SHA1", **{key: answer[key] for key in ("timestamp", "nonceStr", "cardSign")}}
    assert answer["cardSign"] == sorted_sha1([api_ticket, APPID, *sent.values(), str(answer["timestamp"]),
                                              answer["nonceStr"]])
    return answer["nonceStr"]


def judge_page(rng, client, jsapi_ticket):
    url = f"https://shop.example/{text(rng, 40)}?a={text(rng, 20)}&b"
    answer = client.good(PAGE, {"account": "demo", "url": url + rng.choice(["", "#", "#/cards#" + text(rng, 5)])})
    assert set(answer) == {"appId", "timestamp", "nonceStr", "signature"} and answer["appId"] == APPID
    assert answer["signature"] == page_sha1(jsapi_ticket, answer["nonceStr"], answer["timestamp"], url)
    return answer["nonceStr"]


def test_a_thousand_random_inputs_are_signed_as_others_sign_them(served, rng):
    ingress, sim = served
    wx_card, jsapi = ticket(sim, "wx_card"), ticket(sim, "jsapi")
    client = Client(ingress, "token-of-all")
    judges = ((judge_ext, wx_card), (judge_choose, wx_card), (judge_page, jsapi))
    nonces = []
    for number in range(INPUTS):
        judge, made_with = judges[number % 3]
        nonces.append(judge(rng, client, made_with))
    assert len(set(nonces)) == INPUTS
    assert all(re.fullmatch("[0-9a-zA-Z]{16,32}", nonce) for nonce in nonces)


def test_who_may_sign(served):
    ingress, _ = served
    asked = ((EXT, {}), (CHOOSE, {}), (PAGE, {"url": "https://shop.example/"}))
    for path, body in asked:
        for name in ("all", "signs", "wild"):
            Client(ingress, f"token-of-{name}").good(path, body)
        for name in ("cards", "other"):
            assert problem(Client(ingress, f"token-of-{name}").post(path, body), 403)["type"].endswith("/forbidden")
        problem(Client(ingress, "nobody").post(path, body), 401)


REFUSED = (
    (EXT, {"code": "1" * 21}, "/code"),
    (EXT, {"code": 1}, "/code"),
    (EXT, {"openid": "o" * 65}, "/openid"),
    (EXT, {"opneid": "o"}, "/opneid"),
    (EXT, {"outer_str": "卡" * 43}, "/outer_str"),
    (EXT, {"fixed_begintimestamp": "1"}, "/fixed_begintimestamp"),
    (EXT, {"fixed_begintimestamp": -1}, "/fixed_begintimestamp"),
    (EXT, {"account": "nobody"}, "/account"),
    (CHOOSE, {"shopId": None}, "/shopId"),
    (CHOOSE, {"cardType": "T" * 33}, "/cardType"),
    (PAGE, {}, "/url"),
    (PAGE, {"url": ""}, "/url"),
    (PAGE, {"url": "u" * 4097}, "/url"),
    (TOKEN, {}, "/bad"),
    (TOKEN, {"bad": "t" * 1024}, "/bad"),
)


def test_what_does_not_fit_is_refused_with_the_place(place, run):
    client = Client(run("ingress", place[0]), "token-of-all")
    for path, body, pointer in REFUSED:
        told = problem(client.post(path, body), 422)
        assert [error["pointer"] for error in told["errors"]] == [pointer], (path, body)
    for card_id in ("p" * 33, "%00", "%ff", "a%2Fb"):
        assert client.post(f"/v1/cards/{card_id}/ext", {}).status in (404, 503), card_id


def test_every_schema_is_2020_12_and_takes_its_examples():
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "schemas/http").glob("*.schema.json")]
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
        for example in schema["examples"]:
            Draft202012Validator(schema).validate(example)
    assert len({schema["$id"] for schema in schemas}) == len(schemas) >= 4


def test_the_token_is_handed_out_to_who_may_have_it(served):
    ingress, sim = served
    reply = Client(ingress, "token-of-all").call("GET", TOKEN)
    answer = json.loads(reply.body)
    assert set(answer) == {"access_token", "expires_in"}
    assert answer["access_token"] in sim.control("tokens")["tokens"]
    assert 7000 < answer["expires_in"] <= 7200
    assert reply.headers["cache-control"] == "no-store"
    for name in ("signs", "other"):
        told = problem(Client(ingress, f"token-of-{name}").call("GET", TOKEN), 403)
        assert answer["access_token"] not in json.dumps(told)
        problem(Client(ingress, f"token-of-{name}").post(TOKEN, {"bad": answer["access_token"]}), 403)
    problem(Client(ingress, "nobody").call("GET", TOKEN), 401)


def fresh(sim):
    """How many tokens were made."""
    return sum(sim.fetches(APPID, kind)["fresh"] for kind in ("normal", "forced"))


def test_a_bad_token_is_reported_once_and_replaced_once(served, place, run, kafka):
    """Many systems find the same token bad at the same time, at two instances of kabao-ingress."""
    ingress, sim = served
    instances = [ingress, run("ingress", place[0])]
    client = Client(ingress, "token-of-all")
    bad = client.token()["access_token"]
    sim.control("token/expire", {"appid": APPID})
    before = fresh(sim)
    told = concurrently(lambda n: Client(instances[n % 2], "token-of-all").post(TOKEN, {"bad": bad}), range(40), 8)
    assert {(reply.status, reply.body) for reply in told} == {(202, "")}
    wait_for(lambda: client.token()["access_token"] != bad, 30, "another token")
    records = kafka.read("cmd.token")
    assert 1 <= len(records) <= 16, "those that came before the first was acknowledged"
    for record in records:
        assert record.key == APPID and record.header("ce_type") == "kabao.token.bad"
        assert (record.json["account"], record.json["kind"]) == ("demo", "access_token")
        assert record.json["fingerprint"] == hashlib.sha256(bad.encode()).hexdigest()[:16]
    for token in (bad, "one that never was"):
        assert client.post(TOKEN, {"bad": token}).status == 202
    kafka.wait_done("token", "cmd.token")
    assert len(kafka.read("cmd.token")) == len(records)
    assert fresh(sim) == before + 1


def test_a_report_that_was_not_taken_is_asked_for_again(place_without_topics, run, kafka):
    """202 says that the broker has it, or had it a moment ago: a 503 before that does not count, though what it was about
    waits for the broker and comes late, once more."""
    ingress = run("ingress", place_without_topics, ready=False)
    wait_for(lambda: ingress.log_lines("api.filled"), 20, "an ingress that listens and knows no token")
    client = Client(ingress, "token-of-all")
    said = []
    report = lambda: said.append(1) or client.post(TOKEN, {"bad": "the-first"})
    assert problem(report(), 503)["type"].endswith("/no-token")
    kafka.create("state.token")
    seal(kafka, "access_token", "the-first", 7200)
    wait_for(lambda: client.call("GET", TOKEN).status == 200, 20, "the token")
    assert problem(report(), 503)["type"].endswith("/broker")
    assert not ingress.log_lines("token.bad")
    kafka.create("cmd.token")
    wait_for(lambda: report().status == 202, 20, "the broker")
    most = len(said)
    assert report().status == 202
    records = kafka.wait("cmd.token", 2)
    assert len(records) < most and len(ingress.log_lines("token.bad")) == 1
    assert {record.json["fingerprint"] for record in records} == {hashlib.sha256(b"the-first").hexdigest()[:16]}


def seal(kafka, kind, token, expires_in_s, fetched_ago_s=0):
    """A record of state.token as kabao-token writes it."""
    key, nonce = f"{APPID}:{kind}", os.urandom(12)
    cipher = AES.new(base64.b64decode(SECRETS["seal_key"]), AES.MODE_GCM, nonce=nonce)
    cipher.update(key.encode())
    sealed = nonce + b"".join(cipher.encrypt_and_digest(token.encode()))
    moment = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    kafka.produce("state.token", key, {
        "account": "demo", "appid": APPID, "kind": kind, "sealed": base64.b64encode(sealed).decode(),
        "fingerprint": hashlib.sha256(token.encode()).hexdigest()[:16], "forced_today": 0,
        "expires_at": moment(time.time() + expires_in_s), "fetched_at": moment(time.time() - fetched_ago_s)},
        {"ce_specversion": "1.0", "ce_id": os.urandom(16).hex(), "ce_source": f"/wechat/{APPID}",
         "ce_type": "kabao.token.current"})


def test_a_rotation_is_seen_and_what_expired_is_not_handed_out(place, run, kafka):
    client = Client(run("ingress", place[0]), "token-of-all")
    for path, body in ((EXT, {}), (CHOOSE, {}), (PAGE, {"url": "u"})):
        reply = client.post(path, body)
        assert problem(reply, 503)["type"].endswith("/no-token") and int(reply.headers["retry-after"]) >= 1
    seal(kafka, "access_token", "the-first", 7200, fetched_ago_s=60)
    wait_for(lambda: client.call("GET", TOKEN).status == 200, 20, "the first token")
    assert client.token()["access_token"] == "the-first"
    seal(kafka, "access_token", "the-second", 4)
    wait_for(lambda: client.call("GET", TOKEN).body.find("the-first") < 0, 20, "the second token")
    answers = []

    def is_over():
        reply = client.call("GET", TOKEN)
        if reply.status == 200:
            answers.append(json.loads(reply.body))
        return reply if reply.status != 200 else None

    reply = wait_for(is_over, 20, "its end")
    assert all(answer["access_token"] == "the-second" and 0 <= answer["expires_in"] <= 4 for answer in answers)
    assert answers[-1]["expires_in"] == 0, "handed out to its end"
    assert problem(reply, 503)["type"].endswith("/no-token") and int(reply.headers["retry-after"]) >= 1


def test_a_ticket_that_expired_signs_nothing(place, run, kafka):
    seal(kafka, "wx_card", "an-old-one", -1, fetched_ago_s=7000)
    seal(kafka, "jsapi", "a-good-one", 600)
    client = Client(run("ingress", place[0]), "token-of-all")
    answer = client.good(PAGE, {"url": "https://shop.example/#top"})
    assert answer["signature"] == page_sha1("a-good-one", answer["nonceStr"], answer["timestamp"],
                                            "https://shop.example/")
    problem(client.post(EXT, {}), 503)


def test_without_a_seal_key_pushes_are_taken_and_the_setting_is_named(place, run, pusher):
    config = place[0].with_(token={"seal_key_file": None})
    ingress = run("ingress", config)
    client = Client(ingress, "token-of-all")
    for path, body in ((EXT, {}), (CHOOSE, {}), (PAGE, {"url": "u"}), (TOKEN, {"bad": "b"}), (TOKEN, None)):
        told = problem(client.call("GET" if body is None else "POST", path, body), 503)
        assert "[token] seal_key_file" in told["detail"]
    assert pusher(ingress).secure(event("subscribe")).success
    assert ingress.log_lines("api.tickets_off")


def test_no_token_and_no_ticket_in_clear_anywhere(served, kafka):
    ingress, sim = served
    client = Client(ingress, "token-of-all")
    tokens = [client.token()["access_token"], ticket(sim, "wx_card"), ticket(sim, "jsapi"), "token-of-all"]
    for path, body in ((EXT, {}), (CHOOSE, {}), (PAGE, {"url": "u"})):
        assert not any(token in json.dumps(client.good(path, body)) for token in tokens)
    client.post(TOKEN, {"bad": tokens[0]})
    client.post(TOKEN, {"bad": tokens[0], "account": 1})
    client.call("PUT", TOKEN, {"bad": tokens[0]})
    kafka.wait("cmd.token")
    places = {"log": ingress.log_text(), "metrics": json.dumps(ingress.metrics())}
    for topic in kafka.topics():
        for record in kafka.read(topic):
            places[f"{topic} {record.partition}:{record.offset}"] = (record.value or b"").decode("latin-1")
    for where, found in places.items():
        assert not any(token in found for token in tokens), f"a token in clear in {where}"


# kabaoctl api-token


@pytest.fixture
def ctl(tmp_path, config):
    """ctl("new", "shop"): kabaoctl api-token with api_tokens_file at ctl.path."""
    path = tmp_path / "made" / "tokens.ini"
    path.parent.mkdir()
    ini = config.with_(ingress={"api_tokens_file": str(path)}).write(tmp_path / "ctl.ini")

    def call(*words, yes=True):
        return run_tool("kabaoctl", "api-token", *words, "--config", ini, *(["--yes"] if yes else []))
    call.path = path
    return call


def made(done):
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    assert re.fullmatch("[A-Za-z0-9_-]{43}", token)
    return token


def test_a_client_made_by_kabaoctl_is_known_after_sighup(apply, config, run, ctl):
    first = made(ctl("new", "shop", "--accounts", "demo", "--types", "signature card.*"))
    apply(config)
    ingress = run("ingress", config.with_(ingress={"api_tokens_file": str(ctl.path)}))
    problem(Client(ingress, first).call("GET", TOKEN), 403)
    second = made(ctl("new", "hub", "--access-token"))
    problem(Client(ingress, second).call("GET", TOKEN), 401)
    ingress.signal(signal.SIGHUP)
    wait_for(lambda: Client(ingress, second).call("GET", TOKEN).status != 401, 20, "the new list")
    problem(Client(ingress, second).call("GET", TOKEN), 503)
    problem(Client(ingress, first).call("GET", TOKEN), 403)
    assert first not in ingress.log_text() and second not in ingress.log_text()


def test_the_file_has_hashes_only_and_keeps_what_it_had(ctl):
    first = made(ctl("new", "shop"))
    assert stat.S_IMODE(ctl.path.stat().st_mode) == 0o600
    ctl.path.chmod(0o640)
    ctl.path.write_text("# ours\n" + ctl.path.read_text().rstrip("\n"), encoding="utf-8")
    before = ctl.path.read_text()
    done = ctl("new", "hub", "--accounts", "demo", "--types", "signature bonus", "--access-token", "--json")
    told = json.loads(done.stdout)
    text_now = ctl.path.read_text()
    assert text_now == before + (f"\n\n[token hub]\nsha256 = {hashlib.sha256(told['token'].encode()).hexdigest()}\n"
                                 "accounts = demo\ntypes = signature bonus\naccess_token = true\n")
    assert told["name"] == "hub" and told["token"] != first
    assert first not in text_now and told["token"] not in text_now
    assert stat.S_IMODE(ctl.path.stat().st_mode) == 0o640
    assert [path.name for path in ctl.path.parent.iterdir()] == [ctl.path.name]
    assert "SIGHUP" in done.stderr and told["token"] not in done.stderr


def test_what_kabaoctl_refuses_changes_nothing(ctl, tmp_path, config):
    made(ctl("new", "shop"))
    before = ctl.path.read_text()
    assert ctl("new", "hub", yes=False).returncode == 64, "without a terminal it needs --yes"
    for words in (("new", "shop"), ("new", "SHOP"), ("new", "a b"), ("new", "a]"), ("new", ""), ("new", "n" * 65),
                  ("old", "x"), ("new", "x", "--accounts", "demo nobody"), ("new", "x", "--types", "a\nsha256 = b"),
                  ("new", "x", "--types", ""), ("new", "x", "--types", " "), ("new",)):
        done = ctl(*words)
        assert done.returncode == 64 and done.stdout == "" and done.stderr, words
    ctl.path.with_name("tokens.ini.new").touch()
    done = ctl("new", "hub")
    assert done.returncode == 75 and "tokens.ini.new" in done.stderr
    ctl.path.with_name("tokens.ini.new").unlink()
    assert ctl.path.read_text() == before
    ctl.path.write_text("[token shop\n", encoding="utf-8")
    assert ctl("new", "hub").returncode == 78
    assert ctl.path.read_text() == "[token shop\n"
    bare = config.write(tmp_path / "bare.ini")
    done = run_tool("kabaoctl", "api-token", "new", "hub", "--config", bare, "--yes")
    assert done.returncode == 78 and "api_tokens_file" in done.stderr


def test_clients_made_at_the_same_time_are_all_kept_or_told_so(ctl):
    done = concurrently(lambda n: (n, ctl("new", f"client-{n}")), range(12), 6)
    kept = {f"client-{n}" for n, result in done if result.returncode == 0}
    assert {result.returncode for _, result in done} <= {0, 75}
    assert kept and set(re.findall(r"^\[token (.*)\]$", ctl.path.read_text(), re.MULTILINE)) == kept
