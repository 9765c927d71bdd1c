# SPDX-License-Identifier: Apache-2.0
"""schemas/asyncapi.yaml says of the topics what the programs do."""
import json
import re

import pytest
import yaml
from jsonschema import Draft202012Validator
from kit.program import run_tool
from kit.servers import ROOT

DOCUMENT = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text(encoding="utf-8"))
CHANNELS, OPERATIONS, COMPONENTS = DOCUMENT["channels"], DOCUMENT["operations"], DOCUMENT["components"]
OBJECT, TEXT = {"type": "object"}, {"type": "string", "minLength": 1}
REF = {"type": "object", "required": ["$ref"], "properties": {"$ref": TEXT}, "additionalProperties": False}
EXTENSIONS = {"^x-[\\w.-]+$": {}}


def named(items):
    return {"type": "object", "minProperties": 1, "patternProperties": {r"^[a-zA-Z0-9._-]+$": items},
            "additionalProperties": False}


# The part of AsyncAPI 3.0.0 that is used here, closed: a member that the specification does not know is a mistake.
SHAPE = {
    "type": "object", "required": ["asyncapi", "info", "channels", "operations"], "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"}, "id": {"type": "string", "pattern": "^urn:"}, "defaultContentType": TEXT,
        "info": {"type": "object", "required": ["title", "version"], "additionalProperties": False,
                 "properties": {"title": TEXT, "version": TEXT, "description": TEXT, "license": OBJECT}},
        "channels": named({
            "type": "object", "required": ["address", "messages", "bindings"], "additionalProperties": False,
            "properties": {"address": TEXT, "title": TEXT, "description": TEXT, "messages": named(REF), "parameters": OBJECT,
                           "bindings": {"type": "object", "required": ["kafka"], "additionalProperties": False,
                                        "properties": {"kafka": {
                                            "type": "object", "required": ["partitions", "topicConfiguration"],
                                            "additionalProperties": False,
                                            "properties": {"topic": TEXT, "partitions": {"type": "integer"},
                                                           "replicas": {"type": "integer"}, "topicConfiguration": OBJECT,
                                                           "bindingVersion": {"const": "0.5.0"}}}}}}}),
        "operations": named({
            "type": "object", "required": ["action", "channel", "x-programs"], "additionalProperties": False,
            "patternProperties": EXTENSIONS,
            "properties": {"action": {"enum": ["send", "receive"]}, "channel": REF}}),
        "components": {"type": "object", "additionalProperties": False, "properties": {
            "messages": named({
                "type": "object", "required": ["bindings"], "additionalProperties": False, "patternProperties": EXTENSIONS,
                "properties": {"summary": TEXT, "traits": {"type": "array", "items": REF}, "headers": OBJECT,
                               "payload": {"type": "object", "required": ["schemaFormat", "schema"],
                                           "additionalProperties": False,
                                           "properties": {"schemaFormat": TEXT, "schema": REF}},
                               "bindings": {"type": "object", "required": ["kafka"]}}}),
            "messageTraits": named({"type": "object", "additionalProperties": False, "properties": {
                "contentType": TEXT, "description": TEXT, "headers": OBJECT}})}}}}


def target(ref):
    """What a $ref into this document names."""
    at = DOCUMENT
    for part in ref.removeprefix("#/").split("/"):
        at = at[part]
    return at


def refs(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from refs(item)


def merged(message):
    """Its headers with those of its traits."""
    headers = [target(trait["$ref"]).get("headers", {}) for trait in message["traits"]] + [message.get("headers", {})]
    return {"type": "object", "required": sum((h.get("required", []) for h in headers), []),
            "properties": {name: rule for h in headers for name, rule in h.get("properties", {}).items()}}


def faults(channel, record):
    """Of the headers of a record on that channel, by the one message there that has its type."""
    headers = {name: value.decode() for name, value in record.headers}
    rules = [merged(target(message["$ref"])) for message in CHANNELS[channel]["messages"].values()]
    fitting = [rule for rule in rules if Draft202012Validator(rule["properties"]["ce_type"]).is_valid(headers.get("ce_type"))]
    if len(fitting) != 1:
        return [f"{len(fitting)} messages of {channel} have type {headers.get('ce_type')}"]
    return [error.message for error in Draft202012Validator(fitting[0]).iter_errors(headers)]


def test_it_has_the_shape_of_asyncapi():
    Draft202012Validator.check_schema(SHAPE)
    assert [f"/{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in Draft202012Validator(SHAPE).iter_errors(DOCUMENT)] == []
    used = set()
    for ref in refs(DOCUMENT):
        if ref.startswith("#/"):
            assert target(ref) is not None, ref
        else:
            assert (ROOT / "schemas" / ref).is_file(), ref
        used.add(ref)
    for kind in ("messages", "messageTraits"):
        assert {f"#/components/{kind}/{name}" for name in COMPONENTS[kind]} <= used, "nothing is left over"
    for message in COMPONENTS["messages"].values():
        Draft202012Validator.check_schema(merged(message))


def topics_of(channel):
    """The names of its topics."""
    workers = channel.get("parameters", {}).get("worker", {}).get("enum", [None])
    return [channel["address"].replace("{worker}", worker or "") for worker in workers]


def test_every_topic_is_a_channel(tmp_path, config):
    ini = config.with_(topic={"prefix": None, "partitions": None, "replication_factor": None}).write(tmp_path / "p.ini")
    planned = {row["topic"]: row for row in json.loads(run_tool("kabaoctl", "topics", "plan", "--json", "--config", ini).stdout)}
    told = {topic: channel for channel in CHANNELS.values() for topic in topics_of(channel)}
    assert told.keys() == planned.keys()
    for topic, channel in told.items():
        kafka, row = channel["bindings"]["kafka"], planned[topic]
        assert kafka.get("topic", topic) == topic
        assert kafka["partitions"] == int(row["partitions"].split("/")[1]), topic
        wanted = kafka["topicConfiguration"]
        assert wanted["cleanup.policy"] == [row["cleanup"]], topic
        retention = f"{wanted['retention.ms'] // 3600000} h" if "retention.ms" in wanted else "-"
        assert retention == row["retention"], topic


def defines(prefix):
    text = (ROOT / "common/model/schema_ids.h").read_text(encoding="utf-8")
    return dict(re.findall(rf'#define ({prefix}\w+)\s+(?:SCHEMA_BASE )?"([^"]+)"', text))


def binding_kinds():
    schema = json.loads((ROOT / "schemas/messages/event-binding.schema.json").read_text(encoding="utf-8"))
    return set(schema["properties"]["kind"]["enum"])


def kinds_sent(*sources):
    """Kinds of event.binding in these files of workers/."""
    return {kind for source in sources for path in (ROOT / "workers").glob(source)
            for kind in re.findall(r'(?:\.kind = STR\(|tell_record\(c, reply, )"(\w+)"\)', path.read_text(encoding="utf-8"))}


def test_every_kind_of_binding_is_a_message_of_who_sends_it():
    messages = [target(message["$ref"]) for message in CHANNELS["event.binding"]["messages"].values()]
    told = {m["headers"]["properties"]["ce_type"]["const"].removeprefix("kabao.binding."): m for m in messages}
    assert len(told) == len(messages) and told.keys() == binding_kinds()
    examples = (ROOT / "schemas/examples/event-binding").glob("ok-*.json")
    assert {json.loads(path.read_text(encoding="utf-8"))["kind"] for path in examples} == told.keys()
    for program, sources in (("kabao-bind", ["bind.c", "bind/*.c"]), ("kabao-command", ["commands/*.c"])):
        assert {kind for kind, m in told.items() if program in m["x-programs"]} == kinds_sent(*sources), program
    assert {p for m in messages for p in m["x-programs"]} == set(OPERATIONS["send.event.binding"]["x-programs"])
    for kind, message in told.items():
        key = "<appid>:<scene>" if kind == "pending" else "<appid>:<openid>"
        assert message["bindings"]["kafka"]["key"]["description"] == key


def test_every_type_and_schema_is_a_message():
    rules = [(m["headers"]["properties"], m) for m in COMPONENTS["messages"].values() if "payload" in m]
    types = defines("CE_TYPE_")
    assert len(types) > 10
    for name, text in types.items():
        text += "pending" if name.endswith("_PREFIX") else ""  # an event, a command, a kind of event.binding
        assert [r for r, _ in rules if text == r["ce_type"].get("const") or
                re.search(r["ce_type"].get("pattern", "^$"), text)], name
    constants = {r["ce_type"]["const"] for r, _ in rules if "const" in r["ce_type"]}
    kinds = {f"kabao.binding.{kind}" for kind in binding_kinds()}
    assert constants <= set(types.values()) | kinds, "no type that the code does not know"
    schemas = {name: text for name, text in defines("SCHEMA_").items() if name != "SCHEMA_BASE"}
    told = set()
    for rule, message in rules:
        schema = json.loads((ROOT / "schemas" / message["payload"]["schema"]["$ref"]).read_text(encoding="utf-8"))
        assert rule["ce_dataschema"]["const"] == schema["$id"]
        told.add(schema["$id"].rsplit("/", 1)[1])
    assert told == set(schemas.values())


@pytest.mark.parametrize("message", [n for n, m in COMPONENTS["messages"].items() if "payload" in m])
def test_headers_as_programs_write_them_fit(message):
    rules = merged(COMPONENTS["messages"][message])
    ce_type = rules["properties"]["ce_type"]
    headers = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "1", "ce_source": "/wechat/wx1",
               "ce_time": "2026-01-02T03:04:05.678Z", "ce_appid": "wx1", "ce_subject": "018255396048",
               "ce_dataschema": rules["properties"]["ce_dataschema"]["const"],
               "ce_type": ce_type.get("const") or {"wechatEvent": "kabao.wechat.user_get_card",
                                                   "command": "kabao.command.card.get"}[message],
               "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    validator = Draft202012Validator(rules)
    assert [e.message for e in validator.iter_errors(headers)] == []
    assert not validator.is_valid({**headers, "ce_type": "kabao.other"})
    assert not validator.is_valid({name: text for name, text in headers.items() if name != "ce_id"})


def told(program):
    """The channels that the document says a program sends and receives."""
    return {action: {o["channel"]["$ref"].removeprefix("#/channels/") for o in OPERATIONS.values()
                     if o["action"] == action and program in o["x-programs"]} for action in ("send", "receive")}


def source(path):
    return (ROOT / path).read_text(encoding="utf-8")


def topics_in(text):
    return {t.lower().replace("_", ".", 1) for t in re.findall(r"\bTOPIC_((?:EVENT|STATE|CMD|RESULT)_\w+|DLQ|REDRIVE)\b", text)}


CMAKE = source("workers/CMakeLists.txt")
WORKERS = dict(re.findall(r"^add_worker\((\w+)([^)]*)\)", CMAKE, re.MULTILINE))
LIBRARIES = dict(re.findall(r"^add_library\((\w+) STATIC([^)]*)\)", CMAKE, re.MULTILINE))
EMITS = {name: topics_in(row) for name, row in re.findall(
    r"^const struct emit (EMIT_\w+) = \{(.*?)^\};", source("common/run/emit.c"), re.MULTILINE | re.DOTALL)}


def sources_of(worker):
    files, _, libraries = WORKERS[worker].partition("DEPS")
    files += " ".join(LIBRARIES.get(name, "") for name in libraries.split())
    return [source(f"workers/{file}") for file in (f"{worker}.c", *files.split())]


def listed(worker, member):
    """The channels of a worker's inputs or outputs, as its table has them."""
    found = re.search(rf"\.{member} = \{{(.*?)\}}", source(f"workers/{worker}.c"), re.DOTALL)
    return topics_in(found[1]) if found else set()


def test_operations_are_of_the_programs():
    for name, operation in OPERATIONS.items():
        assert name == f"{operation['action']}.{operation['channel']['$ref'].removeprefix('#/channels/')}"
    programs = {program for operation in OPERATIONS.values() for program in operation["x-programs"]}
    assert programs == {"kabao-ingress", "kabaoctl", *(f"kabao-{worker}" for worker in WORKERS)}
    (families,) = {tuple(CHANNELS[c]["parameters"]["worker"]["enum"]) for c in ("dlq", "redrive")}
    assert set(families) == set(WORKERS)


@pytest.mark.parametrize("worker", WORKERS)
def test_operations_are_what_a_worker_does(worker):
    reads, sends = listed(worker, "inputs"), listed(worker, "outputs")
    sources = sources_of(worker)
    emitted = set().union(*(EMITS[name] for text in sources for name in re.findall(r"&?\b(EMIT_\w+)", text)))
    if ".calls_wechat = true" in sources[0]:
        emitted.add("cmd.token")  # common/run/env.c
    assert emitted == sends
    if re.search(r"\.(calls_wechat|keeps_tokens) = true", sources[0]):
        reads.add("state.token")
    assert told(f"kabao-{worker}") == {"receive": reads | {"redrive"}, "send": sends | {"dlq"}}


def test_operations_are_what_the_ingress_does():
    reads, sends = set(), set()
    for path in (ROOT / "ingress").glob("*.c"):
        text = path.read_text(encoding="utf-8")
        rows = "".join(re.findall(r"\{TOPIC_\w+, take_\w+\}", text))  # of struct feed_source
        reads |= topics_in(rows)
        for function in text.split("\n}\n"):
            if "PROBLEM_NOT_FOUND" not in function:  # tells the caller where to look
                (reads if "tail_open(" in function else sends).update(
                    topics_in("".join(re.findall(r"topic_name\([^;]*", function))))
    assert told("kabao-ingress") == {"receive": reads, "send": sends}


def test_operations_are_what_kabaoctl_takes_part_in():
    """Where it produces it is a party to the topic; it may look at any other, which says nothing about the topic."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "workers/ctl").glob("*.c")]
    named = set().union(*(topics_in(text) for text in texts if "producer_open(" in text))
    assert set().union(*told("kabaoctl").values()) - {"state.token", "dlq"} == named
