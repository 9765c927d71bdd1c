# SPDX-License-Identifier: Apache-2.0
"""deploy/otel/collector.yaml without a collector: its operators and statements, interpreted as the manuals of
OpenTelemetry's filelog receiver, transform processor (OTTL) and otlpjson connector describe them."""
import json
import re

import yaml

from kit.servers import ROOT

FILE = ROOT / "deploy/otel/collector.yaml"

_BODY = re.compile(r'^\{\s*"resourceSpans"\s*:\s*\[')  # what the otlpjson connector takes for traces
_TOKEN = re.compile(r'\s*("(?:\\.|[^\\"])*"|log\.attributes|log\.body|[A-Za-z_]+|[][(),]|==|!=)')
_FILTER = re.compile(r'attributes\.(\w+) != "(\w+)"')


class Statement:
    """One OTTL statement of the few forms that are used here: set(PATH, VALUE) [where PATH ==|!= VALUE]."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            assert match, f"not understood: {text[at:]!r}"
            self.tokens.append(match[1])
            at = match.end()
        self._expect("set")
        self._expect("(")
        self.target = self._value()
        self._expect(",")
        self.value = self._value()
        self._expect(")")
        self.condition = None
        if self.tokens:
            self._expect("where")
            self.condition = self._value(), self.tokens.pop(0), self._value()
        assert not self.tokens, self.tokens

    def _expect(self, token):
        found = self.tokens.pop(0)
        assert found == token, (token, found)

    def _list(self, end):
        values = []
        while self.tokens[0] != end:
            values.append(self._value())
            if self.tokens[0] == ",":
                self.tokens.pop(0)
        self._expect(end)
        return values

    def _value(self):
        token = self.tokens.pop(0)
        if token.startswith('"'):
            return "text", json.loads(token)
        if token == "nil":
            return "text", None
        if token == "[":
            return "list", self._list("]")
        if token == "log.attributes":
            self._expect("[")
            (_, name), = self._list("]")
            return "attribute", name
        if token == "log.body":
            return "body", None
        assert token in ("Concat", "Int"), token
        self._expect("(")
        return token, self._list(")")

    def _read(self, value, log):
        kind, what = value
        if kind == "attribute":
            return log["attributes"].get(what)
        if kind == "list":
            return [self._read(v, log) for v in what]
        if kind == "Int":
            (number,) = (self._read(v, log) for v in what)
            assert isinstance(number, (int, float)), number
            return int(number)
        if kind == "Concat":
            values, delimiter = (self._read(v, log) for v in what)
            assert not any(isinstance(v, float) for v in values), f"{values}: a float's text is not the number's"
            return delimiter.join("<nil>" if v is None else str(v) for v in values)
        return what

    def run(self, log):
        if self.condition:
            left, operator, right = self.condition
            if (self._read(left, log) == self._read(right, log)) != (operator == "=="):
                return
        kind, name = self.target
        if kind == "body":
            log["body"] = self._read(self.value, log)
        else:
            log["attributes"][name] = self._read(self.value, log)


class Collector:
    """Lines of a log in, spans out."""

    def __init__(self, receiver):
        self.config = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        self.operators = self.config["receivers"][receiver]["operators"]
        (processor,) = self.config["service"]["pipelines"]["logs/lines"]["processors"]
        self.statements = [Statement(s) for s in self.config["processors"][processor]["log_statements"]]

    def _operate(self, log):
        """False: the entry is dropped."""
        for operator in self.operators:
            kind = operator["type"]
            if kind == "json_parser":
                source = log["body"]
                for name in operator.get("parse_from", "body").split(".")[1:]:
                    source = source[name]
                try:
                    log["attributes"].update(json.loads(source, parse_int=float))  # numbers become float64
                except ValueError:
                    assert operator["on_error"].startswith("drop")
                    return False
            else:
                assert kind == "filter", kind
                name, wanted = _FILTER.fullmatch(operator["expr"]).groups()
                if log["attributes"].get(name) != wanted:  # what matches is dropped
                    return False
        return True

    def otlp(self, body):
        """The OTLP JSON that the connector gets of one log entry, None where there is none."""
        log = {"attributes": {}, "body": body}
        if not self._operate(log):
            return None
        for statement in self.statements:
            statement.run(log)
        assert _BODY.match(log["body"]), log["body"]
        return json.loads(log["body"])
