# SPDX-License-Identifier: Apache-2.0
"""codec/schema.c and python3-jsonschema judge every example alike, of records and of the bodies of commands; every
schema keeps to the declared subset."""
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
COMMANDS = ROOT / "schemas/commands"
SCHEMAS = sorted(MESSAGES.glob("*.schema.json")) + sorted(COMMANDS.glob("*.schema.json"))
POINTERS = "pointers.json"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")

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


@formats.checks("uri")
def is_uri(value):
    return not isinstance(value, str) or URI.fullmatch(value) is not None


def places_of(error):
    """Pointers of an error: of what is missing its own, as codec/schema.c tells it."""
    place = "".join(f"/{step}" for step in error.absolute_path)
    if error.validator == "required":
        return [f"{place}/{name}" for name in error.validator_value if name not in error.instance]
    return [place]


def folder_of(schema):
    folder = EXAMPLES / "commands" if schema.parent == COMMANDS else EXAMPLES
    return folder / schema.name.removesuffix(".schema.json")


def examples_of(schema):
    return [file for file in sorted(folder_of(schema).glob("*.json")) if file.name != POINTERS]


def ours(schema, files):
    """{file: None when accepted, else the pointer} as codec/schema.c judges."""
    done = subprocess.run([str(BIN / "schema_check"), str(schema), *map(str, files)], check=False,
                          capture_output=True, text=True)
    verdicts = {}
    for verdict, file, *fault in (line.split(" ", 3) for line in done.stdout.splitlines()):
        verdicts[file] = None if verdict == "ok" else fault[0].strip('"')
    assert set(verdicts) == {str(f) for f in files}, done.stderr
    return {file: verdicts[str(file)] for file in files}


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
        assert (mine[file] is None, theirs) == (expected, expected), file.name


@pytest.mark.parametrize("schema", sorted(COMMANDS.glob("*.schema.json")), ids=lambda s: s.name)
def test_what_is_wrong_in_a_command_is_named_by_its_pointer(schema):
    """pointers.json names each bad example, and where it is at fault; python3-jsonschema finds fault there too."""
    pointers = json.loads((folder_of(schema) / POINTERS).read_text(encoding="utf-8"))
    bad = [file for file in examples_of(schema) if file.name.startswith("bad-")]
    assert {file.name for file in bad} == set(pointers)
    assert {file.name: pointer for file, pointer in ours(schema, bad).items()} == pointers
    validator = Judge(json.loads(schema.read_text(encoding="utf-8")), format_checker=formats)
    for file in bad:
        found = validator.iter_errors(json.loads(file.read_text(encoding="utf-8")))
        assert pointers[file.name] in {place for error in found for place in places_of(error)}, file.name


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
def test_every_schema_is_2020_12_with_an_id_of_its_own(schema):
    document = json.loads(schema.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    others = [json.loads(s.read_text(encoding="utf-8"))["$id"] for s in SCHEMAS if s != schema]
    assert document["$id"] not in others
