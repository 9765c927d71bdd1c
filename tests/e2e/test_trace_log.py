# SPDX-License-Identifier: Apache-2.0
"""Span lines: at level trace the log tells each trace as one tree, over all programs, and nothing about persons; the
collector's configuration makes OTLP spans of it."""
import json
import os

import jsonschema
import pytest
from kit import otel
from kit.api import Api, write_clients
from kit.config import write_secret
from kit.crm import SECRET, crm  # noqa: F401 (crm is a fixture)
from kit.population import accounts, member
from kit.program import run_tool
from kit.push import card_event, xml
from kit.waiting import wait_for
from kit.web import request

SUBMIT = "submit_membercard_user_info"
USERINFO = "/card/membercard/userinfo/get"
TOKEN = "kbt_all_0123456789abcdef"
CODE, OPENID, PHONE = "018255396048", "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "15521328888"
KINDS = {"receive": "server", "produce": "producer", "handle": "consumer", "call": "client", "store": "client"}
FIELDS = {"time", "level", "program", "pid", "event", "trace", "span", "parent", "name", "kind", "start", "end", "status"}
ATTRIBUTES = {"account", "topic", "partition", "offset", "attempt", "outcome", "api", "errcode", "error_code", "rows"}


class Tree:
    """The span lines of one trace, each judged; they must form one tree."""

    def __init__(self, lines):
        self.spans = {line["span"]: line for line in lines}
        assert len(self.spans) == len(lines), "two spans of one id"
        for line in lines:
            self._judge(line)
        (self.root,) = [line for line in lines if "parent" not in line]
        assert all(line["parent"] in self.spans for line in lines if line is not self.root), lines

    @staticmethod
    def _judge(line):
        assert line["level"] == "trace" and KINDS[line["name"]] == line["kind"], line
        assert set(line) - FIELDS <= ATTRIBUTES, line
        assert line["status"] in ("ok", "error") and int(line["start"]) <= int(line["end"]), line
        text = json.dumps(line, ensure_ascii=False)
        assert not any(private in text for private in (CODE, OPENID, PHONE)), line

    def below(self, span, **match):
        """In order of their beginning; none begins before its parent, and none of the same program ends after it."""
        found = [s for s in self.spans.values() if s.get("parent") == span["span"]]
        for s in found:
            assert int(s["start"]) >= int(span["start"]), (span, s)
            if s["pid"] == span["pid"]:
                assert int(s["end"]) <= int(span["end"]), (span, s)
        found = [s for s in found if all(s.get(k) == v for k, v in match.items())]
        return sorted(found, key=lambda s: int(s["start"]))

    def one(self, span, **match):
        (found,) = self.below(span, **match)
        return found

    def shape(self, span=None):
        """As nested tuples of program and name, those of one time in order of their names."""
        span = span or self.root
        label = f"{span['program'].removeprefix('kabao-')} {span['name']}"
        return (label, *sorted((self.shape(s) for s in self.below(span)), key=str))


class World:
    def __init__(self, config, run, pusher, sim, kafka, names):
        self.sim, self.kafka, self.config = sim, kafka, config
        self.programs = {name: run(name, config, ready=False) for name in names}
        for program in self.programs.values():
            program.wait_ready()
        self.push = pusher(self.programs["ingress"])

    def span_lines(self, trace=None):
        lines = [line for program in self.programs.values() for line in program.log_lines("span")]
        return [line for line in lines if trace in (None, line["trace"])]

    def tree(self, record, shape):
        """The trace of a record, once it has as many spans as the shape."""
        trace, producer = record.header("traceparent").split("-")[1:3]
        wait_for(lambda: len(self.span_lines(trace)) >= spans_of(shape), 30, lambda: self.span_lines(trace))
        tree = Tree(self.span_lines(trace))
        assert tree.shape() == shape
        assert tree.spans[producer]["name"] == "produce" and tree.spans[producer]["offset"] == record.offset
        return tree


def spans_of(shape):
    return 1 + sum(spans_of(child) for child in shape[1:])


@pytest.fixture
def world(apply, config, run, pusher, start_sim, kafka, tmp_path):
    def start(names=("ingress", "token", "member", "store"), script=None, level="trace", **sections):
        sim = start_sim(accounts(member()), script)
        clients = write_clients(tmp_path / "clients.ini", {"shop": {"token": TOKEN}})
        ready = config.with_(sections, wechat={"base_url": sim.url}, log={"level": level} if level else {},
                             worker={"retry_initial_ms": 50, "retry_max_ms": 200},
                             ingress={"api_tokens_file": clients} if "command" in names else {})
        apply(ready)
        return World(ready, run, pusher, sim, kafka, names)
    return start


STORED = ("store handle", ("store store",))
# As far as the member: the push is stored, and looked up, and what was found is stored.
PUSHED = ("ingress receive", ("ingress produce", ("member handle", ("member call",), ("member produce", STORED)), STORED))


def test_a_pushs_trace_is_one_tree(world):
    w = world()
    assert w.push.secure(card_event(SUBMIT)).success
    (record,) = w.kafka.wait("event.wechat", 1)
    (state,) = w.kafka.wait("state.member", 1)
    tree = w.tree(record, PUSHED)
    assert (tree.root["account"], tree.root["outcome"], tree.root["status"]) == ("demo", "accepted", "ok")
    produced = tree.one(tree.root)
    assert produced["topic"] == w.kafka.name("event.wechat") and produced["partition"] == record.partition
    handled = tree.one(produced, program="kabao-member")
    assert (handled["topic"], handled["offset"], handled["attempt"]) == (produced["topic"], record.offset, 1)
    assert (handled["account"], handled["outcome"]) == ("demo", "done")
    call, sent = tree.below(handled)
    assert (call["api"], call["errcode"], call["account"], call["status"]) == (USERINFO, 0, "demo", "ok")
    (seen,) = w.sim.requests(path=USERINFO)
    assert seen["traceparent"] == f"00-{tree.root['trace']}-{call['span']}-01"
    assert state.header("traceparent") == f"00-{tree.root['trace']}-{sent['span']}-01"
    stored = tree.one(tree.one(sent))
    assert stored["rows"] > 0 and stored["status"] == "ok"


def test_a_commands_trace_is_one_tree_and_continues_the_clients(world):
    w = world(("ingress", "token", "command", "store"))
    parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    api = Api(w.programs["ingress"].listen, TOKEN)
    answer = api.post("commands/card.colors", {"body": {}}, "colors-1", "wait=20", traceparent=parent)
    assert answer.status == 200, answer
    (record,) = w.kafka.wait("cmd.wechat", 1)
    trace, above = parent.split("-")[1:3]
    w.kafka.wait_done("store", "result.wechat")
    wait_for(lambda: any("parent" in s and s["name"] == "receive" for s in w.span_lines(trace)), 10, "the request's span")
    lines = w.span_lines(trace)
    (received,) = [s for s in lines if s["name"] == "receive"]
    assert received.pop("parent") == above and record.header("traceparent").split("-")[1] == trace
    tree = Tree(lines)
    handled = tree.one(tree.one(tree.root), program="kabao-command")
    (seen,) = w.sim.requests(path="/card/getcolors")
    assert seen["traceparent"].split("-")[2] == tree.one(handled, name="call")["span"]
    result = tree.one(handled, name="produce", topic=w.kafka.name("result.wechat"))
    assert tree.shape(tree.one(result)) == STORED


def test_a_webhook_carries_the_id_of_its_call(world, crm, tmp_path):  # noqa: F811
    secret = write_secret(tmp_path / "crm", SECRET)
    w = world(("ingress", "token", "member", "store", "crm"),
              crm={"url": crm.url, "secret_file": secret, "events": "kabao.member.changed"})
    assert w.push.secure(card_event(SUBMIT)).success
    (record,) = w.kafka.wait("event.wechat", 1)
    told = ("crm handle", ("crm call",))
    tree = w.tree(record, ("ingress receive", ("ingress produce", ("member handle", ("member call",), (
        "member produce", told, STORED)), STORED)))
    (webhook,) = crm.of()
    (call,) = [s for s in tree.spans.values() if s["program"] == "kabao-crm" and s["name"] == "call"]
    assert webhook.headers["traceparent"] == f"00-{call['trace']}-{call['span']}-01" and call["api"] == "webhook"


def test_retries_a_dead_letter_and_its_replay_continue_the_trace(world, tmp_path):
    w = world(script=[{"path": USERINFO, "times": 2, "do": {"status": 503}},
                      {"path": USERINFO, "times": 1, "do": {"errcode": 40003}}])
    assert w.push.secure(card_event(SUBMIT)).success
    (record,) = w.kafka.wait("event.wechat", 1)
    (letter,) = w.kafka.wait("dlq.member", 1)
    assert letter.header("traceparent") == record.header("traceparent")
    w.kafka.wait_done("member", "event.wechat")
    done = run_tool("kabaoctl", "dlq", "replay", "member", "--yes", "--config", w.config.write(tmp_path / "ctl.ini"))
    assert done.returncode == 0, done.stderr
    w.kafka.wait("state.member", 1)
    tried, buried = ("member handle", ("member call",)), ("member handle", ("member call",), ("member produce",))
    again = ("member handle", ("member call",), ("member produce", STORED))
    tree = w.tree(record, ("ingress receive", ("ingress produce", *sorted((tried, tried, buried, again, STORED), key=str))))
    handled = tree.below(tree.one(tree.root), program="kabao-member")
    assert [(s["outcome"], s["attempt"], s["status"]) for s in handled] == [
        ("retry", 1, "error"), ("retry", 2, "error"), ("dead", 3, "error"), ("done", 1, "ok")]
    assert [s.get("error_code") for s in handled] == ["http:503", "http:503", "wechat:40003", None]
    calls = [tree.one(s, name="call") for s in handled]
    assert [(s.get("errcode"), s.get("error_code")) for s in calls] == [
        (None, "http:503"), (None, "http:503"), (40003, None), (0, None)]
    assert [r["traceparent"].split("-")[2] for r in w.sim.requests(path=USERINFO)] == [s["span"] for s in calls]
    assert tree.one(handled[2], name="produce")["topic"] == w.kafka.name("dlq.member")
    assert handled[3]["topic"] == w.kafka.name("redrive.member")


def test_below_level_trace_and_for_traces_not_sampled_there_are_none(world):
    w = world(level=None)
    assert w.push.secure(card_event(SUBMIT)).success
    (record,) = w.kafka.wait("event.wechat", 1)
    w.kafka.wait("state.member", 1)
    (seen,) = w.sim.requests(path=USERINFO)
    assert seen["traceparent"] == record.header("traceparent")  # nobody stands between who wrote no span
    w.kafka.wait_done("store", "state.member")
    assert w.span_lines() == []


def test_a_trace_that_is_not_sampled_has_no_lines(world):
    w = world()
    parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"
    path, body = w.push.path(w.push.query()), xml(card_event(SUBMIT)).encode()
    assert request(w.push.address, "POST", path, body, {"traceparent": parent}).success
    (record,) = w.kafka.wait("event.wechat", 1)
    (state,) = w.kafka.wait("state.member", 1)
    assert {r.header("traceparent")[:36] for r in (record, state)} == {parent[:36]}
    assert {r.header("traceparent")[-3:] for r in (record, state)} == {"-00"}
    w.kafka.wait_done("store", "state.member")
    assert w.span_lines(parent.split("-")[1]) == []


# Spans of OTLP (opentelemetry-proto 1.x, trace.proto; its JSON: 64-bit integers are texts of digits, enumerations are
# numbers, ids are lower-case hex).

NANOS = {"type": "string", "pattern": "^[1-9][0-9]{18}$"}
KEY_VALUES = {"type": "array", "items": {
    "type": "object", "required": ["key", "value"], "additionalProperties": False, "properties": {
        "key": {"type": "string", "pattern": "^[a-z.]+$"},
        "value": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False, "properties": {
            "stringValue": {"type": "string", "minLength": 1}, "intValue": {"type": "string", "pattern": "^-?[0-9]+$"}}}}}}


def message(required, **properties):
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def one(item):
    return {"type": "array", "minItems": 1, "maxItems": 1, "items": item}


SPAN = message(["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"],
               traceId={"type": "string", "pattern": "^(?!0+$)[0-9a-f]{32}$"},
               spanId={"type": "string", "pattern": "^(?!0+$)[0-9a-f]{16}$"},
               parentSpanId={"type": "string", "pattern": "^(?!0+$)[0-9a-f]{16}$"},
               name={"type": "string", "minLength": 1}, kind={"enum": [2, 3, 4, 5]}, startTimeUnixNano=NANOS,
               endTimeUnixNano=NANOS, attributes=KEY_VALUES, status=message([], code={"const": 2}))
TRACES = message(["resourceSpans"], resourceSpans=one(message(
    ["resource", "scopeSpans"], resource=message(["attributes"], attributes=KEY_VALUES),
    scopeSpans=one(message(["scope", "spans"], scope=message(["name"], name={"type": "string"}), spans=one(SPAN))))))
KIND_NUMBERS = {"server": 2, "client": 3, "producer": 4, "consumer": 5}


def values(attributes):
    pairs = [(a["key"], *a["value"].values()) for a in attributes]
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def test_the_collector_makes_spans_of_the_lines(world):
    w = world(script=[{"path": USERINFO, "times": 1, "do": {"status": 503}}])
    assert w.push.secure(card_event(SUBMIT)).success
    w.kafka.wait("state.member", 1)
    w.kafka.wait_done("store", "state.member")
    wait_for(lambda: any(s["name"] == "receive" for s in w.span_lines()), 10, "the request's span")
    files, journal = otel.Collector("filelog"), otel.Collector("journald")
    assert files.otlp("no JSON, as a library prints it") is None
    seen = []
    for text in [text for program in w.programs.values() for text in program.log_text().splitlines()]:
        line, made = json.loads(text), files.otlp(text)
        assert (made is not None) == (line["event"] == "span"), text
        assert journal.otlp({"MESSAGE": text}) == made
        if made is None:
            continue
        jsonschema.validate(made, TRACES)
        (resource,) = made["resourceSpans"]
        span = resource["scopeSpans"][0]["spans"][0]
        assert values(resource["resource"]["attributes"])["service.name"] == line["program"]
        assert (span["traceId"], span["spanId"], span.get("parentSpanId")) == (
            line["trace"], line["span"], line.get("parent"))
        assert (span["name"], span["kind"]) == (line["name"], KIND_NUMBERS[line["kind"]])
        assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (line["start"], line["end"])
        assert span["status"] == ({"code": 2} if line["status"] == "error" else {})
        given = values(span["attributes"])
        assert len(given) == len(set(line) - FIELDS) + 1 + ("topic" in line), (line, given)  # pid, messaging.system
        assert all(str(line[name]) in given.values() for name in set(line) - FIELDS), (line, given)
        seen.append(line["name"])
    assert set(seen) == set(KINDS)


def test_the_collectors_pipelines_name_what_is_there():
    config = otel.Collector("filelog").config
    parts = {kind: set(config[kind]) for kind in ("receivers", "processors", "connectors", "exporters")}
    for pipeline in config["service"]["pipelines"].values():
        assert set(pipeline["receivers"]) <= parts["receivers"] | parts["connectors"]
        assert set(pipeline["exporters"]) <= parts["exporters"] | parts["connectors"]
        assert set(pipeline["processors"]) <= parts["processors"]
    pods = config["receivers"]["filelog/pods"]["operators"]
    assert pods[0] == {"type": "container"} and pods[1:] == config["receivers"]["filelog"]["operators"]
