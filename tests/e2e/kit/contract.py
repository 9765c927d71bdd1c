# SPDX-License-Identifier: Apache-2.0
"""What every record of kabao must be: CloudEvents in binary mode, one traceparent, a value of its schema."""
import json
import re

import jsonschema

from kit.servers import ROOT

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_DLQ_REASONS = {"malformed", "schema", "rejected", "exhausted", "outcome-unknown", "crash", "expired"}
_DLQ_HEADERS = {"dlq-original-topic", "dlq-original-partition", "dlq-original-offset", "dlq-original-timestamp",
                "dlq-consumer-group", "dlq-attempts", "dlq-crashes", "dlq-first-failed-at", "dlq-last-failed-at",
                "dlq-reason", "dlq-error-code", "dlq-error-message", "dlq-worker", "kafka_dlt-original-topic"}


class Contract:
    def __init__(self, folder=ROOT / "schemas/messages", secrets=()):
        schemas = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.schema.json"))]
        self.secrets = [secret.encode() for secret in secrets]
        store = {schema["$id"]: schema for schema in schemas}
        self.validators = {
            name: jsonschema.Draft202012Validator(
                schema, resolver=jsonschema.RefResolver.from_schema(schema, store=store))
            for name, schema in store.items()}

    def problems(self, record):
        """Everything wrong with one record; empty when it is as promised."""
        short = record.topic.split(".", 1)[1]
        found = [f"header {name} {len(values)} times" for name, values in record.header_values().items()
                 if len(values) > 1]
        found += self._secrets_in(record)
        if short.startswith("dlq."):
            return found + self._dead_letter(record)
        if not _TRACEPARENT.match(record.header("traceparent") or ""):
            found.append(f"traceparent {record.header('traceparent')!r}")
        if record.value is None:
            return found if short.startswith("state.") else [*found, "no value on a topic that is not compacted"]
        return found + self._attributes(record) + self._value(record)

    def _secrets_in(self, record):
        content = b"\n".join([record.value or b"", *(value for _, value in record.headers)])
        return ["a secret in clear" for secret in self.secrets if secret in content]

    @staticmethod
    def _attributes(record):
        found = []
        if record.header("content-type") != "application/json":
            found.append(f"content-type {record.header('content-type')!r}")
        if record.header("ce_specversion") != "1.0":
            found.append(f"ce_specversion {record.header('ce_specversion')!r}")
        found += [f"no {name}" for name in ("ce_id", "ce_source", "ce_type", "ce_appid", "ce_time", "ce_dataschema")
                  if not record.header(name)]
        found += [f"attribute name {name}" for name, _ in record.headers
                  if name.startswith("ce_") and not re.fullmatch(r"ce_[a-z0-9]{1,20}", name)]
        if not (record.header("ce_type") or "").startswith("kabao."):
            found.append(f"ce_type {record.header('ce_type')!r}")
        if record.header("ce_source") != f"/wechat/{record.header('ce_appid')}":
            found.append(f"ce_source {record.header('ce_source')!r}")
        if record.header("ce_time") and not _TIME.match(record.header("ce_time")):
            found.append(f"ce_time {record.header('ce_time')!r}")
        return found

    def _value(self, record):
        try:
            value = json.loads(record.value.decode("utf-8"))
        except ValueError as e:
            return [f"value: {e}"]
        validator = self.validators.get(record.header("ce_dataschema"))
        if validator is None:
            return [f"no file in schemas/messages has $id {record.header('ce_dataschema')!r}"]
        return [f"value at /{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]

    @staticmethod
    def _dead_letter(record):
        found = [f"no {name}" for name in sorted(_DLQ_HEADERS - set(record.header_values()))]
        if record.header("dlq-reason") not in _DLQ_REASONS:
            found.append(f"dlq-reason {record.header('dlq-reason')!r}")
        for name in ("dlq-original-timestamp", "dlq-first-failed-at", "dlq-last-failed-at"):
            if not re.search(r"\.\d{3}(Z|[+-]\d\d:\d\d)$", record.header(name) or ""):
                found.append(f"{name} {record.header(name)!r}")
        return found
