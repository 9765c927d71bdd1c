#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes of points per second through kabao-bonus, and what MySQL has to do for each (README.md)."""
import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("KABAO_BIN", str(HERE.parents[1] / "build/release/bin"))
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]

from confluent_kafka import Producer

from kit.config import default_config
from kit.kafka import Kafka
from kit.population import accounts, member
from kit.program import BIN, Program, run_tool
from kit.records import bonus_command
from kit.servers import Broker, DatabaseServer
from kit.sim import Sim
from kit.waiting import wait_for
from parts.measure import memory_mb, print_table, tree_cpu_ns

LANES = (64, 256)
LATENCY_MS = 20  # of the simulated WeChat
CARDS, ADDS = 2000, 5  # of each card; the first opens the account and is not measured
STEADY = (0.1, 0.9)  # of the commands
GOAL_COMMITS = 0.2  # per effect, at 64 lanes


@dataclass(frozen=True)
class Sample:
    at: float
    effects: int
    commits: int
    cpu_ns: int


@dataclass(frozen=True)
class Figures:
    rate: float
    commits: float  # per effect
    cpu_us: float  # per effect
    rss_mb: float


class Round:
    """Topics, tables and cards of their own, and one kabao-bonus."""

    def __init__(self, directory, broker, database, lanes, number):
        prefix = f"effects{lanes}x{number}"
        self.directory = directory / prefix
        self.directory.mkdir()
        self.codes = [f"{18255000000 + n:012}" for n in range(CARDS)]
        self.sim = Sim(self.directory, accounts(*(member(code, bonus=0, has_active=True) for code in self.codes)))
        at = self.sim.argv.index("--log")
        self.sim.argv[at:at + 2] = ["--latency-ms", str(LATENCY_MS)]
        self.sim.start()
        self.database = database
        self.kafka = Kafka(broker.bootstrap, prefix, None)
        self.config = default_config(self.directory, broker, prefix, database, self.sim.url).with_(
            worker={"lanes": lanes, "retry_initial_ms": None, "retry_max_ms": None}, topic={"partitions": 12})
        ini = self.config.write(self.directory / "apply.ini")
        for words in (("topics", "apply"), ("migrate",)):
            done = run_tool("kabaoctl", *words, "--config", ini, "--yes")
            assert done.returncode == 0, f"kabaoctl {' '.join(words)}: {done.stdout}{done.stderr}"
        self.programs = [Program(name, self.config, self.directory, name) for name in ("token", "bonus")]

    def __enter__(self):
        for program in self.programs:
            program.start()
        return self

    def __exit__(self, *_):
        for process in (*self.programs, self.sim):
            process.kill()

    def send(self, number):
        """One `add` of every card."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random",
                             "linger.ms": 20, "enable.idempotence": True, "log_level": 2})
        failed = []
        for code in self.codes:
            key, value, headers = bonus_command(code, "add", f"{number}-{code}", add_bonus=number)
            producer.produce(self.kafka.name("cmd.bonus"), value, key, headers=list(headers.items()),
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        producer.flush(60)
        assert not failed, f"{len(failed)} commands not produced: {failed[0]}"

    def sample(self):
        status = {row["Variable_name"]: int(row["Value"]) for row in self.database.query("SHOW GLOBAL STATUS LIKE 'Com_commit'")}
        return Sample(time.monotonic(), sum(self.kafka.ends("result.bonus").values()), status["Com_commit"],
                      tree_cpu_ns(self.programs[1].pid))

    def wait(self, count):
        deadline = time.monotonic() + 300
        while (taken := self.sample()).effects < count:
            assert self.programs[1].running and time.monotonic() < deadline, \
                f"{taken.effects} of {count} results\n{self.programs[1].log_text()[-3000:]}"
            time.sleep(0.1)
        return taken

    def measure(self):
        self.send(1)
        self.wait(CARDS)
        for number in range(2, ADDS + 1):
            self.send(number)
        total = CARDS * (ADDS - 1)
        first, last = (self.wait(CARDS + int(share * total)) for share in STEADY)
        self.wait(CARDS + total)
        expected = sum(range(1, ADDS + 1))
        wait_for(lambda: all(card["bonus"] == expected for card in self.sim.cards()), 10, "every card right")
        (books,) = self.database.query("SELECT COUNT(*) n, SUM(bonus=%s AND shown=%s) good FROM bonus_account", expected,
                                       expected)
        assert books["n"] == books["good"] == CARDS, books
        done = last.effects - first.effects
        rss = sum(memory_mb(pid, "VmHWM") for pid in (self.programs[1].pid, *self.programs[1].children()))
        return Figures(done / (last.at - first.at), (last.commits - first.commits) / done,
                       (last.cpu_ns - first.cpu_ns) / 1000 / done, rss)


def median(figures, get):
    return statistics.median(map(get, figures))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    begun = time.monotonic()
    taken = {lanes: [] for lanes in LANES}
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory:
        directory = Path(directory)
        broker, server = Broker(directory / "kafka"), DatabaseServer(directory / "mariadb")
        try:
            broker.start()
            server.start()
            for n in range(1 if options.quick else options.rounds):
                for lanes in LANES:
                    with Round(directory, broker, server.create(), lanes, n) as one:
                        taken[lanes].append(one.measure())
        finally:
            broker.kill()
            server.kill()
    print_table(["lanes", "effects/s", "commits per effect", "CPU us", "RSS MB"],
                [[str(lanes), f"{median(figures, lambda f: f.rate):.0f}", f"{median(figures, lambda f: f.commits):.3f}",
                  f"{median(figures, lambda f: f.cpu_us):.0f}", f"{max(f.rss_mb for f in figures):.0f}"]
                 for lanes, figures in taken.items()])
    commits = median(taken[64], lambda f: f.commits)
    print(f"MySQL commits per effect at 64 lanes: {commits:.3f}, goal <= {GOAL_COMMITS}"
          f"{'' if commits <= GOAL_COMMITS else '   MISSED'}")
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")


if __name__ == "__main__":
    main()
