# SPDX-License-Identifier: Apache-2.0
"""schemas/http/openapi.yaml as the judge of requests and answers."""
import json
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from kit.servers import ROOT

PATH = ROOT / "schemas/http/openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete", "options", "trace")


def _read(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def _pointed(value, pointer):
    for part in pointer.split("/")[1:]:
        part = unquote(part).replace("~1", "/").replace("~0", "~")
        value = value[int(part) if isinstance(value, list) else part]
    return value


def _whole(value, path, document):
    """Without references: what they name stands in their place, whichever file it is in."""
    if isinstance(value, list):
        return [_whole(item, path, document) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        assert set(value) == {"$ref"}, value
        name, _, pointer = value["$ref"].partition("#")
        there = (path.parent / name).resolve() if name else path
        found = document if there == path else _read(there)
        return _whole(_pointed(found, pointer), there, found)
    return {key: _whole(item, path, document) for key, item in value.items() if key not in ("$schema", "$id")}


def faults(schema, value):
    return [f"{error.json_path}: {error.message}"
            for error in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value)]


class Document:
    def __init__(self):
        self.source = _read(PATH)
        self.whole = _whole(self.source, PATH, self.source)
        self.seen = set()  # (operationId, status) of the answers judged

    @property
    def operations(self):
        return {op["operationId"]: op for item in self.whole["paths"].values()
                for method, op in item.items() if method in METHODS}

    @property
    def promised(self):
        """Every (operationId, status)."""
        return {(name, int(status)) for name, op in self.operations.items() for status in op["responses"]}

    def problem(self):
        return self.whole["components"]["schemas"]["Problem"]

    def find(self, path):
        """The path item, or None."""
        parts = [unquote(part) for part in path.split("?")[0].split("/")]
        for template, item in self.whole["paths"].items():
            wanted = template.split("/")
            if len(wanted) == len(parts) and all(w == p or (w.startswith("{") and p) for w, p in zip(wanted, parts)):
                return item
        return None

    def judge(self, method, path, body, answer):
        """Asserts that the document allows this answer (kit.api.Answer); a body it does not allow must be refused."""
        item = self.find(path)
        named = "GET" if method == "HEAD" else method
        operation = item and item.get(named.lower())
        if operation is None:
            assert answer.status in ((405, 401) if item else (404, 401)), (method, path, answer)
            assert answer.status != 405 or answer.headers["allow"], answer
            self._content({"application/problem+json": {"schema": self.problem()}}, method, answer)
            return
        assert str(answer.status) in operation["responses"], (method, path, answer)
        response = operation["responses"][str(answer.status)]
        self._headers(response.get("headers", {}), answer)
        self._content(response.get("content"), method, answer)
        if method == "POST" and 200 <= answer.status < 300:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            sent = body if isinstance(body, bytes) else json.dumps(body)
            assert not faults(schema, json.loads(sent)), (path, sent, faults(schema, json.loads(sent)))
        self.seen.add((operation["operationId"], answer.status))

    @staticmethod
    def _headers(headers, answer):
        for name, header in headers.items():
            found = answer.headers.get(name.lower())
            assert found is not None or not header.get("required"), (name, answer)
            if found is not None:
                value = int(found) if header["schema"].get("type") == "integer" else found
                assert not faults(header["schema"], value), (name, answer)

    @staticmethod
    def _content(content, method, answer):
        kind = answer.headers.get("content-type", "").split(";")[0]
        if method == "HEAD" or content is None:
            assert answer.text == "" and (method == "HEAD" or not kind), answer
            return
        assert kind in content, answer
        assert not faults(content[kind]["schema"], answer.json), (faults(content[kind]["schema"], answer.json), answer)
