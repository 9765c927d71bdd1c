# SPDX-License-Identifier: Apache-2.0
"""Every command of deploy/RUNBOOK.md is run on a system that has what it is about; those of deploy/OPERATING.md exist."""
import re
import time

import pytest
from kit.config import CARD_ID
from kit.crm import crm  # noqa: F401 (a fixture)
from kit.operator import CODE
from kit.program import run_tool
from kit.records import event_record
from kit.servers import ROOT
from kit.symptoms import SUBMIT, fails, system  # noqa: F401 (system is a fixture)


def runbook():
    text = (ROOT / "deploy/RUNBOOK.md").read_text(encoding="utf-8")
    return [command for command in dict.fromkeys(CODE.findall(" ".join(text.split())))
            if re.match(r"(kabaoctl|curl|journalctl|systemctl) \S", command)]


def test_every_command_that_is_written_down_exists():
    """Its words and options are those of --help."""
    written = [c for c in runbook() if c.startswith("kabaoctl")]
    readme = (ROOT / "deploy/OPERATING.md").read_text(encoding="utf-8").replace("\\|", "|")
    written += [c.split(" | ")[0] for c in CODE.findall(" ".join(readme.split())) if c.startswith("kabaoctl ")]
    listed = re.findall(r"^  ([a-z-]+(?: [a-z|-]+)?)\b", run_tool("kabaoctl", "--help").stdout, re.MULTILINE)
    commands = {f"{first} {word}".strip() for line in listed
                for first, _, words in [line.partition(" ")] for word in words.split("|")}
    for command in dict.fromkeys(written):
        words = command.split()[1:]
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in commands), None)
        assert name, f"{command}: none of {sorted(commands)}"
        text = run_tool("kabaoctl", *name.split(), "--help").stdout
        for option in re.findall(r"--[a-z-]+", command):
            assert option in text, f"{command}: {option} is no option"


@pytest.mark.deadline(240)
def test_every_command_of_the_runbook_runs(system):  # noqa: F811
    """Before each there is what it is about: an open letter of each kind, a parked key."""
    s = system
    s.need("token", "member", "store", "bonus", "crm", "ingress")
    s.tell("000005")
    s.db.wait_rows("wechat_event")
    s.need("command")
    s.script(fails("000005"), {"path": "/card/modifystock", "do": {"cut": "before"}})
    s.command("card.modify_stock", {"card_id": CARD_ID, "increase_stock_value": 1})
    unknown = s.letter("command", "outcome-unknown")

    def prepare(command):
        named = next((name for name in ("crm", "forward") if f" {name}" in command), "member")
        worker = "command" if "--as" in command or "outcome" in command else named
        place = unknown if worker == "command" else letter(s, worker, "rejected")
        if " parked " in command and not s.db.rows("parked"):
            s.tell("000005")
            s.db.wait_rows("parked")
        key = event_record(SUBMIT, "000005")[0]
        return {"WORKER": worker, "P:O": place, "R": "rejected", "K": key, "KEY": key, "ID": "000005", "ACCOUNT": "demo",
                "A": "demo", "PORT": "9103", "N": "50"}

    for command in runbook():
        names = prepare(command)
        asks = command.startswith("kabaoctl") and command != "kabaoctl check"  # that asks with --live only
        if asks and "--yes" in run_tool("kabaoctl", *command.split()[1:3], "--help").stdout:
            command += " --yes"  # a person is asked on a terminal; here is none
        status, said = s.operator.run(command, names)
        assert status == 0, f"{command}: {status}\n{said}"


def letter(s, worker, reason):
    """One more dead letter, as a worker writes them; its place."""
    key, value, headers = event_record("user_get_card", "000005", at=time.time_ns() // 1000000 % 10**9)
    died = [("dlq-original-topic", s.kafka.name("event.wechat")), ("dlq-original-partition", "0"),
            ("dlq-original-offset", "0"), ("dlq-attempts", "1"), ("dlq-reason", reason), ("dlq-error-code", "wechat:40003"),
            ("dlq-error-message", "no")]
    partition, offset = s.kafka.produce(f"dlq.{worker}", key, value, [*headers.items(), *died])
    return f"{partition}:{offset}"
