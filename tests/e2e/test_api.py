# SPDX-License-Identifier: Apache-2.0
"""The ingress's HTTP API: every status it answers, who may what, and that a request is one command however often and
wherever it is sent."""
import hashlib
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.api import TOPICS, Api, StandIn, reload_clients, write_clients
from kit.config import APPID, CARD_ID, account
from kit.push import card_event
from kit.scale import count
from kit.waiting import concurrently, wait_for
from kit.web import Raw, request

ALL = {"token": "kbt_all_0123456789abcdef"}
SHOP = {"token": "kbt_shop_0123456789abcdef", "accounts": "demo", "types": "card.* bonus"}
OTHER = {"token": "kbt_other_0123456789abcdef", "accounts": "other"}
CLIENTS = {"all": ALL, "shop": SHOP, "other": OTHER}
ONCE = {"touser": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "msgtype": "text", "text": {"content": "您好"}}
CODE = "018255396048"


@pytest.fixture
def clients(tmp_path, config):
    """Two accounts and three clients; no topics yet."""
    return config.with_({
        "account other": account(tmp_path, "other", "wx1111111111111111", "gh_111111111111"),
        "ingress": {"api_tokens_file": write_clients(tmp_path / "clients.ini", CLIENTS), "loops": 2},
    })


@pytest.fixture
def settings(clients, kafka):
    kafka.create(*TOPICS)
    return clients


@pytest.fixture
def stand_in(settings, kafka):
    with StandIn(kafka) as worker:
        yield worker


def accepts(ingress):
    try:
        socket.create_connection(ingress.listen, 1).close()
    except OSError:
        return False
    return True


def outcome(ingress, name):
    return ingress.metric("kabao_ingress_requests_total", outcome=name) or 0


def test_without_a_tokens_file_there_is_no_api(settings, run):
    ingress = run("ingress", settings.with_(ingress={"api_tokens_file": None}))
    reply = request(ingress.listen, "POST", "/v1/commands/card.get", b"{}", {"Authorization": "Bearer x"})
    assert (reply.status, reply.body) == (404, "")
    assert outcome(ingress, "unknown_account") == 1


def test_a_command_becomes_one_record_and_its_result_an_answer(settings, run, kafka, stand_in):
    api = Api(run("ingress", settings).listen, SHOP["token"])
    stand_in.pause()
    reply = api.post("commands/card.get", b'{ "body" : {"card_id": "p1", "new": [1, "\xc3\xa9"]}, "account": "demo" }')
    assert (reply.status, reply.json, reply.headers["retry-after"]) == (202, {"id": reply.id}, "1")
    assert reply.headers["cache-control"] == "no-store"
    (record,) = kafka.wait("cmd.wechat", 1)
    assert record.value.decode() == '{"account":"demo","type":"card.get","body":{"card_id":"p1","new":[1,"é"]}}'
    assert (record.key, record.id, record.header("ce_type")) == (reply.id, reply.id, "kabao.command.card.get")
    running = api.get(reply.id)
    assert (running.status, running.headers["retry-after"], running.text) == (202, "1", "")
    head = api.ask("HEAD", f"/v1/commands/{reply.id}")
    assert head.status == 202
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.get, reply.id, Prefer="wait=20")
        stand_in.resume()
        done = waiting.result()
    assert (done.status, done.headers["preference-applied"]) == (200, "wait=20")
    assert done.json == {"account": "demo", "type": "card.get", "command_id": reply.id, "outcome": "done",
                         "errcode": 0, "errmsg": "ok", "at": done.json["at"], "answer": {"call": 1}}
    assert api.get(reply.id).text == done.text
    # Another client's view: of another account, of other types.
    assert "result.wechat" in Api(api.address, OTHER["token"]).get(reply.id).problem(404, "not-found")["detail"]
    quick = api.command("card.get", {"card_id": "p2"}, prefer="respond-async, wait=30", account="demo")
    assert (quick.status, quick.headers["preference-applied"]) == (200, "respond-async, wait=30")
    assert quick.json["outcome"] == "done"
    # The result wakes who waits for it.
    assert min(api.command("card.get", {"card_id": f"q{i}"}, prefer="wait=30", account="demo").seconds
               for i in range(5)) < 0.4
    stand_in.pause()
    late = api.command("card.get", {"card_id": "p3"}, prefer="wait=1", account="demo")
    assert (late.status, late.headers["preference-applied"]) == (202, "wait=1") and late.seconds >= 1
    assert api.get(late.id).status == 202


def test_bonus_and_activations(settings, run, kafka, stand_in):
    api = Api(run("ingress", settings).listen, ALL["token"])
    change = {"account": "demo", "card_id": CARD_ID, "card_code": CODE, "mode": "add", "add_bonus": 5}
    api.post("bonus", change).problem(400, "idempotency-key")
    done = api.post("bonus", change, key="k1", prefer="wait=30")
    assert (done.status, done.json["outcome"]) == (200, "applied")
    (record,) = kafka.read("cmd.bonus")
    assert (record.key, record.header("ce_type")) == (f"{APPID}:{CARD_ID}:{CODE}", "kabao.bonus.change")
    assert record.header("ce_subject") == CODE and record.json == change
    assert api.get(record.id).text == done.text
    again = api.post("bonus", dict(reversed(change.items())), key="k1")
    assert (again.status, again.text) == (200, done.text)
    (error,) = api.post("bonus", {**change, "mode": "set"}, key="k2").problem(422, "schema")["errors"]
    assert (error["pointer"], bool(error["detail"])) == ("", True)
    unkeyed = api.post("bonus", {"account": "demo", "card_id": CARD_ID, "card_code": CODE, "mode": "sync"})
    assert unkeyed.status == 202

    ticket = {"account": "demo", "card_id": CARD_ID, "encrypt_code": "abc=", "openid": "oGRUFjk0a1b2"}
    reply = api.post("activations", ticket, key="t1", prefer="wait=5")
    assert (reply.status, "location" in reply.headers, "preference-applied" in reply.headers) == (202, False, False)
    (record,) = kafka.wait("cmd.activation", 1)
    assert (record.key, record.json, record.id) == (f"{APPID}:oGRUFjk0a1b2", ticket, reply.json["id"])
    api.post("activations", {"account": "demo", "card_id": CARD_ID}).problem(422, "schema")


def test_every_refusal_is_a_problem(settings, run, kafka):
    ingress = run("ingress", settings.with_(ingress={"api_max_body_bytes": 100000},
                                            topic={"reply_to_allowed": "crm.replies erp.replies"}))
    api, shop = Api(ingress.listen, ALL["token"]), Api(ingress.listen, SHOP["token"])
    good = {"account": "demo", "body": {"card_id": "p1"}}

    for token in (None, "wrong", "x" * 3000, ""):
        reply = Api(ingress.listen, token).post("commands/card.get", good)
        assert reply.problem(401, "unauthorized") and reply.headers["www-authenticate"] == "Bearer"
    reply = Api(ingress.listen).ask("POST", "/v1/x", good, {"Authorization": f"Basic {ALL['token']}"})
    reply.problem(401, "unauthorized")

    shop.command("user.info", {"openid": "o"}, account="demo").problem(403, "forbidden")
    shop.command("card.get", {"card_id": "p"}, account="other").problem(403, "forbidden")
    shop.command("card.get", {"card_id": "p"}, account="nobody").problem(403, "forbidden")

    for path in ("/v1/", "/v1/nothing", "/v1/commands", "/v1/commands/", "/v1/commands//", "/v1//bonus", "/v1/bonus/",
                 "/v1/Bonus", "/v1/commands/a/b", "/v1/commands/%2e%2e", "/v1/./bonus", "/v1/x/../bonus",
                 "/v1/commands/a%2Fb", "/v1/commands/a%00", "/v1/commands/%ff", "/v1/commands/%zz", "/v1/a/b/c/d/e"):
        api.get(path).problem(404, "not-found")
    assert request(ingress.listen, "GET", "/V1/bonus").status == 404
    api.command("card.nothing", {}, account="demo").problem(404, "type")
    api.get("0" * 32).problem(404, "not-found")

    for method, path, allow in (("GET", "/v1/bonus", "POST"), ("PUT", "/v1/bonus", "POST"),
                                ("DELETE", "/v1/commands/x", "GET, HEAD, POST"), ("OPTIONS", "/v1/activations", "POST")):
        reply = api.ask(method, path)
        assert reply.problem(405, "method") and reply.headers["allow"] == allow
    assert api.ask("HEAD", "/v1/bonus").status == 405

    for content_type in ("text/plain", "application/json; charset=gbk", "application/jsonx", None):
        api.post("commands/card.get", good, Content_Type=content_type).problem(415, "media-type")
    api.post("commands/card.get", good, Content_Encoding="gzip").problem(415, "media-type")

    for body in (b"", b"{", b"[]", b"null", b'"x"', b'{"body":{"card_id":"\xff"}}', b'{"a":1,"a":2}', b"{} {}",
                 b"[" * 5000):
        api.post("commands/card.get", body).problem(400, "json")

    def fault(kind, body, status_kind="schema", **members):
        (error,) = api.post(f"commands/{kind}", {"account": "demo", "body": body, **members}).problem(
            422, status_kind)["errors"]
        assert error["detail"]
        return error["pointer"]

    assert fault("card.get", {}) == "/body/card_id"
    assert fault("card.get", {"card_id": "p" * 40}) == "/body/card_id"
    assert fault("card.get", "text") == "/body"
    assert fault("card.get", {"card_id": "p"}, deadline="tomorrow") == "/deadline"
    assert fault("card.get", {"card_id": "p"}, dead_line="2030-01-01T00:00:00Z") == "/dead_line"
    assert fault("card.get", {"card_id": "p"}, **{"a/b~c": 1}) == "/a~1b~0c"
    assert fault("card.get", {"card_id": "p"}, type="card.create") == "/type"
    assert fault("card.get", {"card_id": "p"}, "account", account="nobody") == "/account"
    assert fault("card.get", {"card_id": "p"}, "account", account=7) == "/account"
    assert fault("card.get", {"card_id": "p"}, "account", account=None) == "/account"
    (error,) = api.command("card.get", {"card_id": "p"}).problem(422, "account")["errors"]
    assert error["pointer"] == "/account"
    long = "/v1/" + "%20" * 2000
    assert "instance" not in json.loads(api.ask("GET", long).text)
    assert fault("card.delete", {"card_id": "p"}, "confirm") == "/confirm"
    assert fault("card.get", {"card_id": "p"}, "reply-to", reply_to="kabao.cmd.bonus.v1") == "/reply_to"
    assert api.command("card.get", {"card_id": "p"}, account="demo", reply_to="erp.replies", type="card.get",
                       deadline="2030-01-01T00:00:00Z").status == 202
    assert api.command("card.delete", {"card_id": "p"}, account="demo", confirm=True).status == 202

    api.command("message.custom", ONCE, account="demo").problem(400, "idempotency-key")
    silent = {"card_id": "p", "code": "1", "custom_field_value1": "金卡"}
    told = {**silent, "notify_optional": {"is_notify_custom_field1": True}}
    api.command("member.update", told, account="demo").problem(400, "idempotency-key")
    assert api.command("member.update", silent, account="demo").status == 202
    for key in ('""', '"a', 'a b', '"a\\b"', '"' + "k" * 256 + '"', "k" * 256, "schlüssel".encode().decode("latin-1"),
                '"a";p=1'):
        reply = api.post("commands/card.get", good, Idempotency_Key=key)
        reply.problem(400, "idempotency-key")
    def twice(name, *values):
        lines = "".join(f"{name}: {value}\r\n" for value in values)
        data = json.dumps(good).encode()
        with Raw(ingress.listen) as raw:
            raw.send(f"POST /v1/commands/card.get HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ALL['token']}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n{lines}\r\n".encode() + data)
            return raw.read_reply()[0]

    assert twice("Idempotency-Key", '"a"', '"b"') == 400 == twice("Idempotency-Key", "a", "a")
    assert twice("Prefer", "respond-async", "wait=0") == 202
    for key in ("plain-key", '"quoted \\"key\\""', '"' + "k" * 255 + '"'):
        assert api.post("commands/card.get", good, Idempotency_Key=key).status == 202

    # The limit of the API, before the body is read; the callback keeps its own.
    large = b'{"account":"demo","body":{"card_id":"p","x":"' + b"x" * 90000 + b'"}}'
    assert api.post("commands/card.get", large).status == 202
    api.post("commands/card.get", large + b" " * 20000).problem(413, "too-large")
    Api(ingress.listen, "wrong").post("commands/card.get", large).problem(401, "unauthorized")
    with Raw(ingress.listen) as raw:
        raw.send(f"POST /v1/bonus HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ALL['token']}\r\n"
                 "Content-Length: 100001\r\n\r\n".encode())
        status, body = raw.read_reply()
        assert (status, json.loads(body)["status"]) == (413, 413)
    with Raw(ingress.listen) as raw:  # without a length
        raw.send(b"POST /v1/bonus HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(9):
            raw.send(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert raw.read_reply()[0] == 401
    assert request(ingress.listen, "POST", "/wechat/demo", b"x" * 65537).status == 413
    with Raw(ingress.listen) as raw:  # a head without end
        raw.send(b"GET /v1/bonus HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 30000)
        assert raw.read_until_closed()[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 414", b"HTTP/1.1 400", b"")

    wanted = {"unauthorized", "forbidden", "not_found", "type", "method", "media_type", "json", "schema", "account",
              "confirm", "reply_to", "idempotency_key", "too_large", "accepted"}
    assert not [name for name in wanted if not outcome(ingress, f"api_{name}")]
    assert len(kafka.wait("cmd.wechat", 8)) == 8


def test_one_command_per_key(settings, run, kafka, stand_in):
    """On the instance that took it, on another, after a restart; the same value or another."""
    here, there = (run("ingress", settings) for _ in range(2))
    api, twin = Api(here.listen, ALL["token"]), Api(there.listen, ALL["token"])

    def say(client, key="k", text="您好", prefer=None):
        return client.command("message.custom", {**ONCE, "text": {"content": text}}, key, prefer, account="demo")

    stand_in.pause()
    first = say(api)
    assert (first.status, say(api).headers["location"]) == (202, first.headers["location"])
    say(api, text="other").problem(422, "idempotency")
    # The other instance knows it by the topic.
    wait_for(lambda: twin.get(first.id).status == 202, 10, "the other instance knows the command")
    assert (say(twin).status, say(twin).id) == (202, first.id)
    say(twin, text="other").problem(422, "idempotency")
    # Other clients, accounts and keys are other commands.
    ids = {first.id, say(api, key="k2").id, api.command("message.custom", ONCE, "k", account="other").id,
           api.command("card.get", {"card_id": "p"}, "k", account="demo").id,
           Api(here.listen, SHOP["token"]).command("card.get", {"card_id": "p"}, "k", account="demo").id}
    assert len(ids) == 5

    # While the first is open: 409 here, and there it may wait as well.
    with ThreadPoolExecutor(2) as pool:
        opened = pool.submit(say, api, "k3", prefer="wait=30")
        (third,) = [r.id for r in kafka.wait("cmd.wechat", 6) if r.id not in ids]
        say(api, "k3").problem(409, "conflict")
        wait_for(lambda: twin.get(third).status == 202, 10, "the other instance knows the command")
        waits_there = pool.submit(say, twin, "k3", prefer="wait=30")
        stand_in.resume()
        results = [opened.result(), waits_there.result()]
    assert [r.status for r in results] == [200, 200] and results[0].text == results[1].text

    # Done: the same answer everywhere, also after a restart.
    for client in (api, twin):
        wait_for(lambda client=client: say(client).status == 200, 10, "the result")
        assert say(client).text == api.get(first.id).text
    there.stop()
    there = run("ingress", settings)
    twin = Api(there.listen, ALL["token"])
    assert say(twin).text == api.get(first.id).text == twin.get(first.id).text
    say(twin, text="other").problem(422, "idempotency")
    assert stand_in.calls == 6 == len(kafka.read("cmd.wechat"))


def test_a_second_record_under_an_id_never_takes_the_firsts_result(settings, run, kafka, stand_in):
    """Two instances that do not know of each other yet take two bodies under one key: the worker is the judge."""
    api = Api(run("ingress", settings).listen, ALL["token"])
    done = api.command("card.get", {"card_id": "p1"}, "k", "wait=30", account="demo")
    assert done.json["outcome"] == "done"
    (record,) = kafka.read("cmd.wechat")
    kafka.produce("cmd.wechat", record.key, record.value.replace(b"p1", b"p2"), record.headers)
    rejected = kafka.wait("result.wechat", 2)[-1].json
    assert (rejected["outcome"], rejected["error"]["code"]) == ("rejected", "idempotency")
    marker = api.command("card.get", {"card_id": "p3"}, "k2", "wait=30", account="demo")
    assert marker.status == 200
    assert api.get(record.id).text == done.text
    assert api.command("card.get", {"card_id": "p1"}, "k", account="demo").text == done.text
    # A key whose first use is forgotten: the rejection is what is to be seen.
    forgotten = hashlib.sha256(b"all\x1fdemo\x1fcard.get\x1fold").hexdigest()[:32]
    stand_in.first[forgotten] = (b"another value", None)
    reply = api.command("card.get", {"card_id": "p4"}, "old", account="demo")
    assert reply.id == forgotten
    seen = wait_for(lambda: (lambda r: r if r.status == 200 else None)(api.get(forgotten)), 10, "the rejection")
    assert seen.json["error"]["code"] == "idempotency"


def test_repeats_over_instances_with_restarts(settings, run, kafka, stand_in):
    keys = count(1000, 40)
    ingresses = [run("ingress", settings) for _ in range(2)]

    def send(i):
        api = Api(ingresses[i % 2].listen, ALL["token"])
        return api.command("message.custom", ONCE, f"k{i % keys}", account="demo").status

    statuses = concurrently(send, range(keys * 5), 16)
    ingresses[0].stop()
    ingresses[0] = run("ingress", settings)
    statuses += concurrently(send, range(keys * 10), 16)
    assert set(statuses) <= {200, 202, 409}
    wait_for(lambda: stand_in.calls >= keys, 20, "all commands")
    api = Api(ingresses[0].listen, ALL["token"])
    assert concurrently(lambda i: api.command("message.custom", ONCE, f"k{i}", "wait=20", account="demo").status,
                        range(keys), 8) == [200] * keys
    assert stand_in.calls == keys


def test_waiting_requests_leave_room_for_pushes(settings, run, kafka, pusher, stand_in):
    """As many as may wait do; the next gets 429, pushes go through, and a stop answers all who wait."""
    many = 24
    ingress = run("ingress", settings.with_(ingress={"api_max_waiting": many, "loops": 1}))
    api, push = Api(ingress.listen, ALL["token"]), pusher(ingress)
    stand_in.pause()
    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(api.command, "card.get", {"card_id": f"p{i}"}, None, "wait=60", account="demo")
                   for i in range(many)]
        kafka.wait("cmd.wechat", many)
        refused = api.command("card.get", {"card_id": "p"}, account="demo")
        refused.problem(429, "too-many")
        took = [push.send(card_event("user_get_card", code=str(10**11 + i))) for i in range(20)]
        assert all(reply.success for reply in took)
        assert max(reply.seconds for reply in took) < 2
        begun = time.monotonic()
        ingress.signal(signal.SIGTERM)
        assert {w.result().status for w in waiting} == {202}
        assert time.monotonic() - begun < 4  # not at the end of the 6 s that a stop may take
    ingress.await_stop()


def test_waiting_requests_never_have_more_than_half_of_the_connections(settings, run, kafka, pusher, stand_in):
    ingress = run("ingress", settings.with_(ingress={"max_connections": 16, "loops": 1}))
    api = Api(ingress.listen, ALL["token"])
    stand_in.pause()
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(api.command, "card.get", {"card_id": f"p{i}"}, None, "wait=60", account="demo")
                   for i in range(12)]
        ingress.wait_metric("kabao_ingress_requests_total", 4, outcome="api_too_many")
        assert pusher(ingress).send(card_event("user_get_card")).success
        ingress.signal(signal.SIGTERM)
        assert sorted(w.result().status for w in waiting) == [202] * 8 + [429] * 4
    ingress.await_stop()


def test_what_the_broker_does_not_take_is_not_left_open(settings, run, kafka):
    ingress = run("ingress", settings.with_(ingress={"api_max_body_bytes": 4 << 20}))
    api = Api(ingress.listen, ALL["token"])
    for _ in range(2):
        api.command("card.get", {"card_id": "p", "x": "x" * (2 << 20)}, "k", account="demo").problem(413, "too-large")
    assert api.command("card.get", {"card_id": "p"}, "k", account="demo").status == 202


def test_who_waits_may_leave_or_lose_the_right_to_ask(settings, run, kafka, stand_in, tmp_path):
    """A client that left keeps its place until its time is over; one that the list no longer has gets its answer."""
    ingress = run("ingress", settings.with_(ingress={"api_max_waiting": 12, "loops": 1}))
    api, shop = Api(ingress.listen, ALL["token"]), Api(ingress.listen, SHOP["token"])
    body = json.dumps({"account": "demo", "body": {"card_id": "p"}}).encode()
    stand_in.pause()
    left = [Raw(ingress.listen) for _ in range(11)]
    for i, raw in enumerate(left):
        raw.send(f"POST /v1/commands/card.get HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ALL['token']}\r\n"
                 f"Content-Type: application/json\r\nPrefer: wait={2 + i % 2 * 58}\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        if i >= 8:  # before its record is acknowledged
            raw.close()
    taken = {record.id for record in kafka.wait("cmd.wechat", 11)}
    for raw in left:
        raw.close()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shop.command, "card.get", {"card_id": "p"}, None, "wait=60", account="demo")
        (last,) = {record.id for record in kafka.wait("cmd.wechat", 12)} - taken
        api.get(last).problem(429, "too-many")
        write_clients(tmp_path / "clients.ini", {"all": ALL})
        assert reload_clients(ingress)["event"] == "api.clients_reloaded"
        stand_in.resume()
        assert waiting.result().status == 200
    wait_for(lambda: api.get(last).status == 200, 10, "room")
    shop.get(last).problem(401, "unauthorized")


def test_a_wrong_tokens_file_refuses_the_start(settings, tmp_path, run):
    (tmp_path / "wrong.ini").write_text("[token x]\nsha256 = 12\n", encoding="utf-8")
    ingress = run("ingress", settings.with_(ingress={"api_tokens_file": tmp_path / "wrong.ini"}), ready=False)
    assert ingress.wait_exit(20) == 78
    assert "wrong.ini:2" in ingress.log_lines()[-1]["error"]


def test_without_the_broker(settings, run, broker, kafka, pusher):
    """503 within the callback's time; and until the topics were read, pushes go through and commands wait."""
    ingress = run("ingress", settings)
    api = Api(ingress.listen, ALL["token"])
    broker.freeze()
    try:
        reply = api.command("card.get", {"card_id": "p"}, "k", account="demo")
        reply.problem(503, "broker")
        assert reply.seconds < 5
    finally:
        broker.thaw()
    # The very same request may be sent again, and a command it may have become is not lost.
    wait_for(lambda: api.command("card.get", {"card_id": "p"}, "k", account="demo").status == 202, 20, "the broker")
    assert {record.id for record in kafka.wait("cmd.wechat", 1)} == {
        api.command("card.get", {"card_id": "p"}, "k", account="demo").id}


def test_until_the_topics_were_read_commands_wait_and_pushes_do_not(clients, run, kafka, pusher):
    kafka.create(*(topic for topic in TOPICS if topic != "result.bonus"))
    ingress = run("ingress", clients.with_(ingress={"api_window_s": 3}), ready=False)
    api = Api(ingress.listen, ALL["token"])
    wait_for(lambda: ingress.probe("/readyz") == 503 and ingress.log_lines("api.feed_waits"), 20, "a waiting feed")
    wait_for(lambda: accepts(ingress), 20, "a listening ingress")
    api.command("card.get", {"card_id": "p"}, account="demo").problem(503, "refilling")
    api.get("0" * 32).problem(503, "refilling")
    assert pusher(ingress).send(card_event("user_get_card")).success
    assert ingress.probe("/readyz") == 503
    kafka.create("result.bonus")
    ingress.wait_ready()
    with StandIn(kafka):
        done = api.command("card.get", {"card_id": "p"}, "k", "wait=20", account="demo")
    assert done.status == 200
    command_id = done.json["command_id"]
    assert api.get(command_id).status == 200
    # What is older than api_window_s is forgotten here, and says where to look.
    gone = wait_for(lambda: (lambda r: r if r.status == 404 else None)(api.get(command_id)), 10, "the window's end")
    assert f"{kafka.prefix}.result.wechat.v1" in gone.problem(404, "not-found")["detail"]


def test_slow_and_silent_clients_cost_little(settings, run, pusher):
    ingress = run("ingress", settings.with_(ingress={"loops": 1}))
    slow = [socket.create_connection(ingress.listen) for _ in range(50)]
    for connection in slow:
        connection.sendall(f"POST /v1/bonus HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ALL['token']}\r\n"
                           "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{".encode())
    api = Api(ingress.listen, ALL["token"])
    assert api.command("card.get", {"card_id": "p"}, account="demo").status == 202
    assert pusher(ingress).send(card_event("user_get_card")).success
    for connection in slow:
        connection.close()
