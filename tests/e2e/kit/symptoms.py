# SPDX-License-Identifier: Apache-2.0
"""The tables "What is wrong?" of deploy/OPERATING.md, the faults of their rows, and the programs they are made on."""
import json
import re
import time

import pytest

from kit.config import write_secret
from kit.crm import SECRET
from kit.operator import Operator, inline, section
from kit.population import accounts, member
from kit.probe import QUICK_GROUP
from kit.records import event_record, wechat_command

SUBMIT = "submit_membercard_user_info"
SCENARIOS = {}  # a row's name: (scenario, what is known before)


class Row:
    def __init__(self, group, line):
        _, self.sees, ask, says, do, _ = re.split(r"(?<!\\)\|", line)
        self.group, self.name = group, re.search(r"<!-- ([a-z0-9-]+) -->", do)[1]
        self.ask, self.says = inline(ask), inline(says)
        self.cure = [command for command in inline(do) if re.match(r"kabaoctl .*--yes", command)]


def rows():
    found, group = [], None
    for line in section("OPERATING.md", "What is wrong?").splitlines():
        if line.startswith("### "):
            group = line[4:]
        elif line.startswith("| ") and not line.startswith("| you see"):
            found.append(Row(group, line))
    return found


def fault(name, **names):
    """Marks the scenario of a row: a generator that makes the fault and yields what stands for the row's words; with a
    second yield the cause is mended, and the row's cure is run. `names`: what is known before."""
    def mark(function):
        assert name not in SCENARIOS
        SCENARIOS[name] = function, names
        return function
    return mark


class System:
    """Programs that rows of a group share; each starts when it is needed first."""

    def __init__(self, config, run, sim, kafka, db, broker, pusher, crm, folder):  # noqa: PLR0913
        self.config, self.sim, self.kafka, self.db, self.broker, self.crm = config, sim, kafka, db, broker, crm
        self.folder, self._run, self._pusher = folder, run, pusher
        self.programs = {}
        self.operator = Operator(folder, config, self.programs)

    def need(self, *names, changes=None, **sections):
        """The programs, running; changed settings begin one anew."""
        for name in names:
            now = self.programs.get(name)
            if changes or sections:
                self.stop(name)
            elif now and now.running:
                continue
            self.programs[name] = self._run(name, self.config.with_(changes, **sections), ready=False)
        for name in names:
            self.programs[name].wait_ready()
        return self.programs[names[-1]]

    def stop(self, *names):
        for name in names:
            if name in self.programs and self.programs[name].running:
                self.programs[name].stop()

    def push(self):
        return self._pusher(self.need("ingress"))

    def tell(self, code, name=SUBMIT, at=None):
        key, text, headers = event_record(name, code, at=int(time.time()) if at is None else at)
        self.kafka.produce("event.wechat", key, text, headers)
        return headers["ce_id"]

    def command(self, kind, body, **fields):
        """Its id."""
        key, text, headers = wechat_command(kind, body, **fields)
        self.kafka.produce("cmd.wechat", key, text, headers)
        return headers["ce_id"]

    def script(self, *rules):
        self.sim.control("script", list(rules))

    def letter(self, worker, reason, number=1):
        """The place of the latest dead letter of that reason, once there are so many."""
        def enough(letters):
            return len([r for r in letters if r.header("dlq-reason") == reason]) >= number
        letters = [r for r in self.kafka.wait(f"dlq.{worker}", enough) if r.header("dlq-reason") == reason]
        return f"{letters[-1].partition}:{letters[-1].offset}"

    def open_letters(self, worker):
        return json.loads(self.operator.run(f"kabaoctl dlq ls {worker} --json")[1])


@pytest.fixture
def system(apply, config, run, start_sim, kafka, db, broker, pusher, crm, tmp_path):  # noqa: PLR0913 (the fixtures of a test)
    crm.secrets = [SECRET]
    sim = start_sim(accounts(*(member(code=f"{n:06d}") for n in range(40)), forced_interval_s=0))
    ready = config.with_(wechat={"base_url": sim.url, "timeout_ms": 3000}, kafka=QUICK_GROUP,
                         worker={"park_after_ms": 200, "lanes": 4, "drain_timeout_ms": 5000},
                         crm={"url": crm.url, "secret_file": write_secret(tmp_path / "crm.secret", SECRET),
                              "events": "kabao.wechat.*"})
    apply(ready)
    return System(ready, run, sim, kafka, db, broker, pusher, crm, tmp_path)


def fails(code, errcode=-1, path="/card/membercard/userinfo/get"):
    """The simulator's rule: calls for this card end so."""
    return {"path": path, "match": {"code": code}, "do": {"errcode": errcode}}
