# SPDX-License-Identifier: Apache-2.0
"""Every program serves the metrics that the catalogue says of it, all of them from the start, and no other."""
import re

import pytest
from kit.config import write_secret
from kit.population import accounts
from kit.program import BIN, parse_metrics
from kit.prometheus import catalog, check_page, page

CALLER = "EVERY WORKER WECHAT TOKENS"
GROUPS = {"ingress": "EVERY INGRESS", "token": "EVERY WORKER TOKENS FETCH", "crm": "EVERY WORKER CRM", "forward": "EVERY WORKER FORWARD",
          "store": "EVERY WORKER STORE", **dict.fromkeys(("member", "activate", "bonus", "bind", "command"), CALLER)}
NOT_INSTALLED = {"wxsim", "probe"}


def declared(text):
    """{name: (type, help)}"""
    helps = dict(re.findall(r"^# HELP (\w+) (.*)$", text, re.M))
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    assert helps.keys() == types.keys()
    return {name: (types[name], helps[name]) for name in types}


def test_every_program_is_known_here():
    assert {path.name.removeprefix("kabao-") for path in BIN.glob("kabao-*")} - NOT_INSTALLED == GROUPS.keys()


@pytest.fixture
def everything(apply, config, run, start_sim, tmp_path):
    ready = config.with_(wechat={"base_url": start_sim(accounts()).url}, crm={
        "url": "http://127.0.0.1:9", "secret_file": write_secret(tmp_path / "crm.secret", "whsec_a2FiYW8ta2FiYW8ta2FiYW8=")},
        verify={"key_file": write_secret(tmp_path / "verify.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")})
    apply(ready)
    programs = {name: run(name, ready, ready=False) for name in GROUPS}
    for program in programs.values():
        program.wait_ready(60)
    return programs


def test_each_serves_its_rows_and_no_other(everything):
    rows = catalog()
    for name, program in everything.items():
        text = page(program)
        mine = {row.name: row for row in rows.values() if row.group in GROUPS[name].split()}
        assert declared(text) == {row.name: (row.type, row.help) for row in mine.values()}, name
        seen = {}
        for sample, labels, _ in parse_metrics(text):
            row = mine.get(sample) or mine[re.sub("_(bucket|sum|count)$", "", sample)]
            assert set(labels) - {"le"} == set(row.labels), f"{name}: {sample}{labels}"
            seen.setdefault(row.name, []).append(labels)
        for row in mine.values():
            for labels in row.beforehand():
                assert any(labels.items() <= had.items() for had in seen.get(row.name, [])), f"{name}: {row.name}{labels}"
        assert check_page(text) == "", name
