# SPDX-License-Identifier: Apache-2.0
"""codec/schema.c and python3-jsonschema judge every example alike; every schema keeps to the declared subset."""
import json
import re
import subprocess
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from kit.program import BIN
from kit.servers import ROOT

MESSAGES = ROOT / "schemas/messages"
EXAMPLES = ROOT / "schemas/examples"
SCHEMAS = sorted(MESSAGES.glob("*.schema.json"))
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

formats = FormatChecker(formats=())


def max_bytes(_validator, limit, value, _schema):
    if isinstance(value, str) and len(value.encode()) > limit:
        yield ValidationError(f"is longer than {limit} bytes")


Judge = validators.extend(Draft202012Validator, {"x-maxBytes": max_bytes})


@formats.checks("date-time")
def is_date_time(value):
    if not isinstance(value, str):
        return True
    if RFC3339.fullmatch(value) is None:
        return False
    try:
        return bool(datetime.fromisoformat(value.upper().replace("Z", "+00:00")))
    except ValueError:
        return False


def examples_of(schema):
    return sorted((EXAMPLES / schema.name.removesuffix(".schema.json")).glob("*.json"))


def ours(schema, files):
    """{file: accepted} as codec/schema.c judges."""
    done = subprocess.run([str(BIN / "schema_check"), str(schema), *map(str, files)], check=False,
                          capture_output=True, text=True)
    verdicts = dict(line.split(" ")[1::-1] for line in done.stdout.splitlines())
    assert set(verdicts) == {str(f) for f in files}, done.stderr
    return {file: verdicts[str(file)] == "ok" for file in files}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
def test_both_judges_agree_on_every_example(schema):
    files = examples_of(schema)
    assert any(f.name.startswith("ok-") for f in files), "no good example"
    assert any(f.name.startswith("bad-") for f in files), "no bad example"
    validator = Judge(json.loads(schema.read_text(encoding="utf-8")), format_checker=formats)
    mine = ours(schema, files)
    for file in files:
        theirs = validator.is_valid(json.loads(file.read_text(encoding="utf-8")))
        expected = file.name.startswith("ok-")
        assert (mine[file], theirs) == (expected, expected), file.name


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
def test_every_schema_is_2020_12_with_an_id_of_its_own(schema):
    document = json.loads(schema.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    others = [json.loads(s.read_text(encoding="utf-8"))["$id"] for s in SCHEMAS if s != schema]
    assert document["$id"] not in others
