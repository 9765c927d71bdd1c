#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `kabaoctl plan-capacity` says of one instance, beside what that instance does (README.md)."""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]

import effects
from confluent_kafka import Producer
from kit.program import BIN, Program, run_tool
from kit.records import event_record
from kit.servers import Broker, DatabaseServer
from parts.measure import print_table, tree_cpu_ns

LANES = (8, 32)
PLANNED = 1000  # events a second that the model is asked about; its ceiling is that of one instance
STEADY = (0.2, 0.9)


class Members(effects.Round):
    """kabao-member over the same cards, an event each."""

    def __init__(self, *words):
        super().__init__(*words)
        self.programs[1] = Program("member", self.config, self.directory, "member")

    def send(self, number):
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random",
                             "enable.idempotence": True, "log_level": 2})
        for code in self.codes:
            key, value, headers = event_record("submit_membercard_user_info", code, at=1760000000 + number)
            producer.produce(self.kafka.name("event.wechat"), value, key, headers=list(headers.items()))
            producer.poll(0)
        assert producer.flush(60) == 0

    def sample(self):
        done = sum(self.kafka.ends("state.member").values())
        return effects.Sample(time.monotonic(), done, 0, tree_cpu_ns(self.programs[1].pid))


def measured(one):
    """(events/s, CPU us an event) of the middle of one event for each card."""
    one.send(1)
    total = effects.CARDS
    first, last = (one.wait(int(share * total)) for share in STEADY)
    one.wait(total)
    done = last.effects - first.effects
    return done / (last.at - first.at), (last.cpu_ns - first.cpu_ns) / 1000 / done


def planned(one, program, option):
    """(events/s, CPU us an event) by the model."""
    done = run_tool("kabaoctl", "plan-capacity", option, PLANNED, "--latency", effects.LATENCY_MS, "--json",
                    "--config", one.config.write(one.directory / "plan.ini"))
    assert done.returncode == 0, done.stderr
    (need,) = [need for need in json.loads(done.stdout)["programs"] if need["program"] == program]
    return need["events_per_second_of_one"], need["cores"] * 1e6 / need["events_per_second"]


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory:
        directory = Path(directory)
        broker, server = Broker(directory / "kafka"), DatabaseServer(directory / "mariadb")
        try:
            broker.start()
            server.start()
            for kind, program, option in ((Members, "kabao-member", "--pushes"), (effects.Round, "kabao-bonus", "--changes")):
                for lanes in LANES:
                    (directory / program).mkdir(exist_ok=True)
                    with kind(directory / program, broker, server.create(), lanes, program[-1]) as one:
                        (rate, cpu), (model_rate, model_cpu) = measured(one), planned(one, program, option)
                    rows.append([program, str(lanes), f"{rate:.0f}", f"{model_rate:.0f}", f"{rate / model_rate:.2f}",
                                 f"{cpu:.0f}", f"{model_cpu:.0f}"])
        finally:
            broker.kill()
            server.kill()
    print_table(["program", "lanes", "events/s", "model", "measured / model", "CPU us", "model"], rows)
    print(BIN)


if __name__ == "__main__":
    main()
