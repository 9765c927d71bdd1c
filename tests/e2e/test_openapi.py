# SPDX-License-Identifier: Apache-2.0
"""schemas/http/openapi.yaml and the ingress: neither says what the other does not do."""
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import SEED
from jsonschema import Draft202012Validator
from kit.api import Api, binding_record, later, write_clients
from kit.config import CARD_ID
from kit.openapi import PATH, Document, faults
from kit.population import accounts, member
from kit.program import run_tool
from kit.scale import count
from kit.servers import ROOT
from kit.waiting import wait_for

CODE = "018255396048"
ALL = {"token": "kbt_all_0123456789abcdef", "access_token": "true"}
NONE = {"token": "kbt_none_0123456789abcdef", "accounts": "demo", "types": "no.such"}
CLIENTS = {"all": ALL, "none": NONE}

COMMAND, BONUS, ACTIVATION = "/v1/commands/card.get", "/v1/bonus", "/v1/activations"
EXT, CHOOSE, PAGE = f"/v1/cards/{CARD_ID}/ext", "/v1/cards/choose", "/v1/jsapi-signature"
TOKEN = "/v1/accounts/demo/access-token"
NOBODY = "/v1/commands/" + "0" * 32
SCENES = {name: f"/v1/bindings/{name}-" + "0" * 32 for name in ("bind", "bind-bound", "verify-refused", "bind-none")}
SCENE = SCENES["bind"]
# What each route takes, and what it refuses for its content.
GOOD = {
    COMMAND: {"body": {"card_id": CARD_ID}},
    BONUS: {"card_id": CARD_ID, "card_code": CODE, "mode": "sync"},
    ACTIVATION: {"card_id": CARD_ID, "card_code": CODE, "membership_number": "M1"},
    EXT: {"outer_str": "poster-7"},
    CHOOSE: {"cardType": "MEMBER_CARD"},
    PAGE: {"url": "https://shop.example/"},
    TOKEN: {"bad": "one that never was"},
}
BAD = {COMMAND: {"body": {}}, BONUS: {"mode": "set"}, ACTIVATION: {"card_id": CARD_ID}, EXT: {"code": 1},
       CHOOSE: {"cardType": 7}, PAGE: {}, TOKEN: {}}
GETS = (NOBODY, TOKEN, SCENE)
# Only a request that is no HTTP gets this, and such a one has no method to speak of.
UNSEEN = {("getCommand", 400), ("getAccessToken", 400), ("getBinding", 400)}

PINS = (ROOT / "tests/tools/schemathesis.txt").read_text(encoding="ascii")
SCHEMATHESIS = Path(os.environ.get("KABAO_SCHEMATHESIS") or Path.home() / ".cache/kabao" / re.search(
    "^schemathesis==.*$", PINS, re.MULTILINE)[0].replace("==", "-"))
with_schemathesis = pytest.mark.skipif(not SCHEMATHESIS.is_dir(), reason="schemathesis is not to be had "
                                       "(tests/run.sh fetches it from PyPI)")
# Not positive_data_acceptance: what a type's own schema, an account or x-maxBytes says is beyond the document.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth")
# By itself it takes a member that no schema lists for a breach of every schema.
SETTINGS = "[generation]\nallow-extra-parameters = false\n"


@pytest.fixture(scope="module")
def document():
    return Document()


def schemathesis(*words, **more):
    return subprocess.run([sys.executable, *map(str, words)], check=False, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(SCHEMATHESIS), "PYTHONWARNINGS": "ignore"}, **more)


def quoted(text):
    return set(re.findall(r"`([a-z]+\.[a-z._]+)`", text))


def test_it_lists_every_type_and_every_problem(document, config, tmp_path):
    listed = document.whole["components"]["schemas"]["CommandType"]["enum"]
    assert listed == sorted(path.name.removesuffix(".schema.json") for path in (ROOT / "schemas/commands").iterdir())
    done = run_tool("kabaoctl", "command", "types", "--json", "--config", config.write(tmp_path / "types.ini"))
    types = json.loads(done.stdout)
    assert sorted(t["type"] for t in types) == listed
    told = document.operations["sendCommand"]["description"].split(";")
    assert quoted(told[0]) == {t["type"] for t in types if t["nature"] == "once"}
    assert quoted(told[1]) == {t["type"] for t in types if t["irreversible"]}
    source = (ROOT / "ingress/problem.c").read_text(encoding="utf-8")
    problems = re.findall(r'\[PROBLEM_\w+\] = \{\d+, "([^"]+)"', source)
    assert document.problem()["properties"]["type"]["enum"] == [
        f"https://schemas.kabao.example/problems/{name}" for name in problems]


def test_its_schemas_are_those_of_the_records(document):
    """All of a record's members, and every example satisfies its schema."""
    schemas = document.whole["components"]["schemas"]
    for name, record in (("Command", "cmd-wechat"), ("BonusChange", "cmd-bonus"), ("Activation", "cmd-activation")):
        whole = json.loads((ROOT / f"schemas/messages/{record}.schema.json").read_text(encoding="utf-8"))
        assert list(schemas[name]["properties"]) == list(whole["properties"])
        assert set(schemas[name].get("required", ())) == set(whole["required"]) - {"account", "type"}
        for kind in ("oneOf", "anyOf"):
            assert schemas[name].get(kind) == whole.get(kind)
    examples = 0
    for operation in document.operations.values():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in bodies + list(operation["responses"].values()):
            for media in body.get("content", {}).values():
                Draft202012Validator.check_schema(media["schema"])
                for example in media.get("examples", {}).values():
                    assert not faults(media["schema"], example["value"]), example
                    examples += 1
        for parameter in operation.get("parameters", ()):
            for example in parameter["examples"].values():
                assert not faults(parameter["schema"], example["value"]), example
    assert examples >= 10


def test_it_is_openapi(document):
    """What OpenAPI asks for beside its schema: a path stands once, its parameters are named, nothing is unused."""
    assert document.whole["openapi"].startswith("3.1.")
    assert len(document.operations) == sum(1 for item in document.whole["paths"].values()
                                           for method in item if method in ("get", "post"))
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in document.whole["paths"]]
    assert len(set(shapes)) == len(shapes), "two templates of one shape are one path"
    for path, item in document.whole["paths"].items():
        for method in set(item) & {"get", "post"}:
            given = item.get("parameters", []) + item[method].get("parameters", [])
            in_path = [p["name"] for p in given if p["in"] == "path"]
            assert sorted(in_path) == sorted(re.findall(r"\{(\w+)\}", path)) and all(
                p["required"] for p in given if p["in"] == "path")
    used = re.findall(r'"#/components/(\w+)/(\w+)"', PATH.read_text(encoding="utf-8"))
    defined = {(kind, name) for kind, items in document.whole["components"].items() for name in items}
    assert set(used) | {("securitySchemes", "token")} == defined


@with_schemathesis
def test_it_satisfies_the_schema_of_openapi():
    done = schemathesis("-c", "import sys, schemathesis\nschemathesis.openapi.from_path(sys.argv[1]).validate()", PATH)
    assert done.returncode == 0, done.stdout + done.stderr


class Walk:
    """A client whose every request and answer the document judges."""

    def __init__(self, document, ingress, client=ALL):
        self.document, self.api = document, Api(ingress.listen, client and client["token"])

    def ask(self, method, path, body=None, status=None, **headers):
        answer = self.api.ask(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        self.document.judge(method, path, body, answer)
        assert status is None or answer.status == status, (method, path, body, answer)
        return answer

    def everywhere(self, status, body=None, gets=GETS, posts=tuple(GOOD), **headers):
        for path in posts:
            self.ask("POST", path, GOOD[path] if body is None else body, status, **headers)
        for path in gets:
            self.ask("GET", path, None, status)


def test_every_answer_is_allowed_and_every_status_is_answered(document, config, apply, run, start_sim, broker, kafka,
                                                               tmp_path):
    sim = start_sim(accounts(member(CODE)), [{"path": "/card/get", "do": {"errcode": 0}}])
    settings = config.with_({"wechat": {"base_url": sim.url}, "ingress": {
        "api_tokens_file": write_clients(tmp_path / "clients.ini", CLIENTS), "api_max_body_bytes": 10000}})
    document.seen.clear()

    # It does not know yet what was asked before: topics that it only reads are missing.
    kafka.create("event.wechat", "cmd.wechat", "cmd.bonus", "cmd.activation", "cmd.token")
    ingress = run("ingress", settings, ready=False)
    walk = Walk(document, ingress)
    wait_for(lambda: _answers(walk), 20, "an ingress that is starting")
    walk.everywhere(503, posts=(COMMAND, BONUS), gets=(NOBODY, SCENE))

    # Nobody works yet.
    apply(settings)
    for path in (NOBODY, SCENE):
        wait_for(lambda path=path: walk.ask("GET", path).status == 404, 20, "an ingress that knows")
    Walk(document, ingress, None).everywhere(401)
    Walk(document, ingress, {"token": "wrong"}).everywhere(401)
    Walk(document, ingress, NONE).everywhere(403, gets=(TOKEN, SCENE))
    walk.everywhere(400, body=b"{", gets=())
    walk.everywhere(413, body=b"{" + b" " * 10000, gets=())
    walk.everywhere(415, gets=(), Content_Type="text/plain")
    for path, body in BAD.items():
        walk.ask("POST", path, body, 422)
    walk.ask("GET", "/v1/accounts/nobody/access-token", None, 422)
    for path in GETS:
        walk.ask("GET", path, b"x" * 10001, 413)
    walk.ask("GET", NOBODY, None, 404)
    walk.ask("POST", "/v1/commands/card.nothing", GOOD[COMMAND], 404)
    walk.ask("POST", "/v1/cards/" + "p" * 33 + "/ext", {}, 404)
    for path in ("/v1/", "/v1/nothing", "/v1/commands", "/v1/cards/a/b"):
        walk.ask("GET", path, None, 404)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in (*GOOD, SCENE):
            walk.ask(method, path, None, 405)
    walk.everywhere(503, posts=(EXT, CHOOSE, PAGE), gets=(TOKEN,))  # no token, no tickets
    for path, topic in ((COMMAND, "cmd.wechat"), (BONUS, "cmd.bonus")):
        taken = walk.ask("POST", path, GOOD[path], 202, Prefer="respond-async, wait=0")
        walk.ask("GET", taken.headers["location"], None, 202)
        walk.ask("HEAD", taken.headers["location"], None, 202)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(walk.ask, "POST", path, GOOD[path], None, Idempotency_Key="k", Prefer="wait=5")
            kafka.wait(topic, 2)
            walk.ask("POST", path, GOOD[path], 409, Idempotency_Key="k")
            waiting.result()
        walk.ask("POST", path, {**GOOD[path], "account": "demo", **(
            {"deadline": "2030-01-01T00:00:00Z"} if path == COMMAND else {"notify": False})}, 422, Idempotency_Key="k")
    for name, kind, more in (("bind", "pending", {"expires_at": later(600)}), ("bind-bound", "bound", {"openid": "o1"}),
                             ("verify-refused", "refused", {"openid": "o1", "reason": "undelivered"})):
        kafka.produce("event.binding", *binding_record(SCENES[name].rsplit("/", 1)[1], kind, **more))
    for name, status in (("bind", 202), ("bind-bound", 200), ("verify-refused", 410), ("bind-none", 404)):
        wait_for(lambda name=name, status=status: walk.ask("GET", SCENES[name]).status == status, 20, f"a scene: {name}")
        walk.ask("HEAD", SCENES[name], None, status)
    walk.ask("GET", SCENE, None, 202, Prefer="respond-async, wait=0")
    walk.ask("POST", ACTIVATION, GOOD[ACTIVATION], 202, Prefer="respond-async")
    walk.ask("POST", TOKEN, GOOD[TOKEN], 202)

    # All hands are full.
    busy = run("ingress", settings.with_(ingress={"api_max_waiting": 1}))
    full = Walk(document, busy)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(full.ask, "POST", COMMAND, GOOD[COMMAND], None, Prefer="wait=60")
        kafka.wait("cmd.wechat", 3)
        full.everywhere(429)
        busy.stop()
        assert waiting.result().status == 202

    # The broker is away.
    broker.freeze()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: walk.ask("POST", path, GOOD[path], 503), (ACTIVATION, COMMAND)))
    walk.ask("POST", TOKEN, GOOD[TOKEN], 202)  # not the current one: nothing to be sent
    broker.thaw()

    # All are at work.
    for name in ("token", "command", "bonus"):
        run(name, settings)
    kafka.wait("state.token", lambda records: len({r.key for r in records}) == 3)
    for path in (COMMAND, BONUS):
        done = walk.ask("POST", path, GOOD[path], 200, Prefer="wait=60")
        assert walk.ask("GET", f"/v1/commands/{done.json['command_id']}", None, 200).text == done.text
    for path in (EXT, CHOOSE, PAGE):
        wait_for(lambda path=path: walk.ask("POST", path, GOOD[path]).status == 200, 20, "tickets")
    token = walk.ask("GET", TOKEN, None, 200).json["access_token"]
    broker.freeze()
    walk.ask("POST", TOKEN, {"bad": token}, 503)
    broker.thaw()
    assert document.promised - document.seen == UNSEEN


def _answers(walk):
    try:
        return walk.ask("GET", NOBODY)
    except OSError:  # it does not listen yet
        return None


@with_schemathesis
@pytest.mark.deadline(180)
def test_schemathesis_finds_no_breach(config, apply, run, start_sim, kafka, tmp_path):
    yes = [{"path": path, "do": {"errcode": 0}} for path in ("/card/*", "/cgi-bin/m*", "/cgi-bin/q*", "/cgi-bin/user*")]
    sim = start_sim(accounts(member(CODE)), yes)
    settings = config.with_({"wechat": {"base_url": sim.url}, "ingress": {
        "api_tokens_file": write_clients(tmp_path / "clients.ini", CLIENTS)}})
    apply(settings)
    for name in ("token", "command", "bonus", "activate"):
        run(name, settings)
    ingress = run("ingress", settings)
    kafka.wait("state.token", lambda records: len({r.key for r in records}) == 3)
    api = Api(ingress.listen, ALL["token"])
    wait_for(lambda: {api.ask("POST", path, GOOD[path]).status for path in (EXT, CHOOSE, PAGE)} == {200}, 20, "tickets")
    host, port = ingress.listen
    (tmp_path / "schemathesis.toml").write_text(SETTINGS, encoding="utf-8")
    seed = int(SEED) if SEED.isdigit() else sum(SEED.encode())
    done = schemathesis("-m", "schemathesis.cli", "run", PATH, "--url", f"http://{host}:{port}", "--seed", seed % 2**32,
                        "-H", f"Authorization: Bearer {ALL['token']}", "--checks", CHECKS, "--phases",
                        "examples,coverage,fuzzing", "--max-examples", count(1000, 40), "--no-shrink",
                        "--request-timeout", "20", "--generation-database", "none", "--continue-on-failure",
                        "--output-truncate", "true", "--warnings", "off", "--no-color", cwd=tmp_path)
    print(done.stdout[-8000:])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    refused = {labels["outcome"]: value for name, labels, value in ingress.metrics()
               if name == "kabao_ingress_requests_total" and value}
    assert not set(refused) & {f"api_{reason}" for reason in (
        "broker", "connections", "memory", "no_key", "no_token", "refilling", "stopping")}, refused
    assert {"api_accepted", "api_done", "api_schema", "api_json", "api_unauthorized"} <= set(refused), refused
    assert api.ask("POST", COMMAND, GOOD[COMMAND], {"Prefer": "wait=60"}).status == 200
