#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a command over HTTP costs kabao-ingress beside a push, on the same core and connections (README.md)."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import ingress as bench  # also finds the kit

from kit.api import Api, write_clients
from kit.config import CARD_ID, Config, account, default_config
from kit.program import BIN, Program
from kit.waiting import wait_for
from parts.load import wrk
from parts.measure import pin, print_table

CONNECTIONS = (64, 256)
GOAL = 0.70
TOKEN = "kbt_bench_0123456789abcdef"
TYPE = "member.get"
TOPICS = ("event.wechat", "event.binding", "cmd.wechat", "cmd.bonus", "cmd.activation", "cmd.token", "result.wechat",
          "result.bonus", "state.token")
HEADERS = {"push": ("Content-Type: text/xml",),
           "command": ("Content-Type: application/json", f"Authorization: Bearer {TOKEN}")}


@dataclass(frozen=True)
class Figures(bench.Figures):
    rate: float


def write_requests(path):
    lines = []
    for n in range(bench.DIFFERENT):
        body = {"account": "plain", "body": {"card_id": CARD_ID, "code": f"{18255000000 + n:012}"}}
        lines += [f"/v1/commands/{TYPE}", json.dumps(body, separators=(",", ":"))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Stage(bench.Stage):
    """One ingress, asked in two ways."""

    def _start(self):
        os.environ["KABAO_KAFKA_EXTRA"] = "log.retention.check.interval.ms=5000"
        self.broker = bench.Broker(self.directory / "kafka")
        self.processes.append(self.broker)
        self.broker.start()
        self.kafka = bench.Kafka(self.broker.bootstrap, "bench", None)
        self.kafka.create(*TOPICS, partitions=bench.PARTITIONS, segment_bytes=64 << 20, retention_bytes=64 << 20)
        self.requests = {"push": bench.write_requests(self.directory / "push.requests", "plain"),
                         "command": write_requests(self.directory / "command.requests")}
        self.ingress = self._pinned(Program("ingress", self._config(), self.directory, "ingress")).start()
        host, port = self.ingress.listen
        self.subjects = [bench.Subject(kind, kind, self.ingress.pid, f"http://{host}:{port}", self.requests[kind])
                         for kind in ("push", "command")]
        api = Api(self.ingress.listen, TOKEN)
        target, body = self.requests["command"].read_text(encoding="utf-8").split("\n")[:2]
        wait_for(lambda: api.ask("POST", target, body.encode()).status == 202, 30, "a command that is taken")

    def _config(self):
        sections = default_config(self.directory, self.broker, "bench").sections
        del sections["account demo"]
        sections["account plain"] = account(self.directory, "plain", bench.APPIDS["plain"], push_mode="plain")
        sections["ingress"] = {"loops": 1, "recent_ids": 0, "api_tokens_file": write_clients(
            self.directory / "clients.ini", {"bench": {"token": TOKEN}})}
        sections["topic"]["partitions"] = bench.PARTITIONS
        return Config(sections)

    def take(self, subject, connections, seconds):
        figures = self.measure(subject, lambda s: wrk(s.url, s.requests, connections, seconds, HEADERS[s.kind]))
        self.catch_up()
        return Figures(figures.load, figures.cpu_us, figures.rss_mb, figures.load.rate)

    def catch_up(self):
        """What was asked is read back: the next turn does not pay for it."""
        before = -1
        while before != (before := bench.cpu_ns(self.ingress.pid) // 20_000_000):
            time.sleep(0.2)

    def check(self, answers):
        accepted = {"accepted": 0, "api_accepted": 0}
        wrong = []
        for name, labels, value in self.ingress.metrics():
            if name == "kabao_ingress_requests_total" and value:
                if labels["outcome"] in accepted:
                    accepted[labels["outcome"]] += int(value)
                elif labels["outcome"] != "api_refilling":  # before the first turn
                    wrong.append(f"{int(value)} requests ended as {labels['outcome']}")
        for topic, outcome, kind in (("event.wechat", "accepted", "push"), ("cmd.wechat", "api_accepted", "command")):
            stored = sum(self.kafka.ends(topic).values())
            if stored != accepted[outcome]:
                wrong.append(f"{accepted[outcome]} answered as {outcome}, {stored} records in {topic}")
            if accepted[outcome] < answers[kind]:
                wrong.append(f"the load generator counted {answers[kind]} answers, the ingress {accepted[outcome]}")
        return wrong


def run_rounds(stage, options):
    """{(connections, kind): [Figures of each round]}; the kinds take turns, the first one alternates."""
    seconds, rounds = (1, 1) if options.quick else (3, 5)
    figures = {}
    for subject in stage.subjects:  # the broker's code is compiled while it runs
        stage.take(subject, CONNECTIONS[-1], 1 if options.quick else bench.WARM_UP_S)
    for n in range(rounds):
        print(f"round {n + 1} of {rounds}", file=sys.stderr)
        for connections in CONNECTIONS:
            for subject in stage.subjects[::-1 if n % 2 else 1]:
                figures.setdefault((connections, subject.kind), []).append(stage.take(subject, connections, seconds))
    return figures


def median(taken, get):
    return statistics.median(map(get, taken))


def print_figures(figures):
    rows = []
    for (connections, kind), taken in sorted(figures.items(), key=lambda item: (item[0][0], item[0][1] != "push")):
        beside = figures[connections, "push"]
        ratio = statistics.median(f.rate / b.rate for f, b in zip(taken, beside, strict=True))
        cpu = statistics.median(f.cpu_us / b.cpu_us for f, b in zip(taken, beside, strict=True))
        rows.append([f"c{connections} {kind}", f"{median(taken, lambda f: f.rate):.0f}", f"{ratio:.2f}",
                     f"{median(taken, lambda f: f.cpu_us):.1f}", f"{cpu:.2f}",
                     f"{median(taken, lambda f: f.load.p50_ms):.2f}", f"{median(taken, lambda f: f.load.p99_ms):.2f}",
                     f"{max(f.rss_mb for f in taken):.0f}", str(sum(f.load.errors for f in taken))])
    print_table(["", "events/s", "x push", "CPU us", "x push", "p50 ms", "p99 ms", "RSS MB", "errors"], rows)
    for row in rows:
        if row[0].endswith("command"):
            print(f"  {row[0]}: {float(row[2]) * 100:.0f} % of a push's events/s, goal >= {GOAL * 100:.0f} %"
                  f"{'' if float(row[2]) >= GOAL else '   MISSED'}")


def profile(stage):
    data = stage.directory / "perf.data"
    subject = stage.subjects[1]
    recorder = subprocess.Popen(["perf", "record", "-q", "-g", "-F", "997", "-p", str(subject.pid), "-o", data, "--",
                                 "sleep", "4"], stdin=subprocess.DEVNULL)
    stage.take(subject, CONNECTIONS[0], 5)
    recorder.wait()
    subprocess.run(["perf", "report", "-i", data, "--no-children", "-g", "none", "--percent-limit", "0.7", "--stdio"],
                   check=False, stdin=subprocess.DEVNULL)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--profile", action="store_true", help="afterwards: where the time goes, by perf")
    return parser.parse_args()


def main():
    options = parse_options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the ingress, one for load and broker")
    if not shutil.which("wrk"):
        sys.exit("this benchmark needs wrk (package wrk)")
    pin(bench.LOAD_CORE)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, \
            Stage(Path(directory), options) as stage:
        figures = run_rounds(stage, options)
        print_figures(figures)
        errors = [f"c{connections} {kind}: {f.load.errors} requests failed"
                  for (connections, kind), taken in figures.items() for f in taken if f.load.errors]
        errors += stage.check({kind: sum(f.load.answers for (_, of), taken in figures.items() if of == kind
                                         for f in taken) for kind in HEADERS})
        if options.profile:
            profile(stage)
    for error in errors:
        print(f"ERROR: {error}")
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
