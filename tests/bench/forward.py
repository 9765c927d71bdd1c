#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an old system behind `forward_url` does to everything else: from a push sent to its rows in MySQL, without
kabao-forward and beside it with an old system that is fast, slow, failing, or answers rubbish (README.md)."""
import argparse
import asyncio
import itertools
import multiprocessing
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import worker as bench  # also finds the kit

from kit.config import default_config
from kit.kafka import Kafka
from kit.oldsystem import ERROR_PAGE
from kit.population import accounts, member
from kit.process import free_port
from kit.program import BIN, Program, run_tool
from kit.push import card_event
from kit.servers import Broker, DatabaseServer
from kit.sim import Sim
from kit.stream import Stream
from kit.waiting import wait_for
from parts.measure import print_table, used_cpu_us

RATE = 150  # pushes a second, for the latencies: far from what a machine with nothing else to do can
BURST = 3000  # pushes as fast as they go, for events/s
SENDERS = 16
WARM_UP_S = 3
GOAL_GROWN = 0.25
# What the old system answers, and after how many seconds.
OLD = {"none": None, "fast": ("200 OK", "success", 0.002), "slow 4.9 s": ("200 OK", "success", 4.9),
       "failing": ("500 Internal Server Error", "", 0.002), "rubbish": ("200 OK", ERROR_PAGE, 0.002)}
TIMES = """CREATE TABLE bench_{t} (card_code VARCHAR(64) PRIMARY KEY, at DECIMAL(20,6))"""
TRIGGER = """CREATE TRIGGER bench_{t} AFTER INSERT ON {t} FOR EACH ROW
INSERT IGNORE INTO bench_{t} VALUES (NEW.card_code, UNIX_TIMESTAMP(SYSDATE(6)))"""
CPU = ("forward", "ours", "database", "broker")
TABLES = ("wechat_event", "member")


@dataclass(frozen=True)
class Figures:
    event: bench.Latency
    member: bench.Latency
    rate: float  # rows of members per second of a burst
    forwarded: float  # pushes that the old system took, of all
    sent: dict  # {outcome: requests}
    cpu_us: dict  # {who: per push}


def answer_forever(port, head, body, seconds):
    async def serve(reader, writer):
        answer = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in request.lower().split(b"\r\n")
                              if line.startswith(b"content-length:"))
                await reader.readexactly(length)
                await asyncio.sleep(seconds)
                writer.write(answer)
        except (OSError, EOFError):
            writer.close()

    async def main():
        async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
            await server.serve_forever()

    asyncio.run(main())


class Shop:
    """Everything of one turn: topics, tables, programs, an old system."""

    def __init__(self, stack, place, old, codes):
        directory = place.directory / f"turn{next(place.turns)}"
        directory.mkdir()
        self.kafka = Kafka(place.broker.bootstrap, f"bench{directory.name}", None)
        self.db = place.server.create()
        self.codes, self.place = iter(codes), place
        sim = Sim(directory, accounts(*(member(code=code) for code in codes)))
        stack.callback(sim.kill)
        config = default_config(directory, place.broker, self.kafka.prefix, self.db, sim.start().url)
        config = config.with_(topic={"partitions": bench.PARTITIONS}, worker={"lanes": None, "retry_initial_ms": 500,
                                                                              "retry_max_ms": 300000})
        if OLD[old]:
            port = free_port()
            config = config.with_({"account demo": {"forward_url": f"http://127.0.0.1:{port}/wechat"}})
            process = multiprocessing.Process(target=answer_forever, args=(port, *OLD[old]), daemon=True)
            process.start()
            stack.callback(process.kill)
        ini = config.write(directory / "tool.ini")
        for words in (("topics", "apply"), ("migrate",)):
            done = run_tool("kabaoctl", *words, "--yes", "--config", ini)
            assert done.returncode == 0, done.stdout + done.stderr
        for table in TABLES:
            self.db.query(TIMES.format(t=table))
            self.db.query(TRIGGER.format(t=table))
        names = ["ingress", "token", "member", "store"] + (["forward"] if OLD[old] else [])
        self.programs = {name: Program(name, config, directory, name) for name in names}
        for program in self.programs.values():
            stack.callback(program.kill)
            program.start(ready=False)
        for program in self.programs.values():
            program.wait_ready(60)

    def push(self, rate, count):
        """{code: when it was sent}; all rows are there when it returns, and how long that took in all."""
        sent = {}

        def choose(_sender, _number):
            code = next(self.codes)
            sent[code] = time.time()
            return card_event("user_view_card", code=code)

        begun = time.monotonic()
        before = self.rows("member")
        with Stream(self.programs["ingress"].listen, None, choose, rate, SENDERS) as stream:
            wait_for(lambda: len(sent) >= count, 300, "the load")
        refused = [s.reply for s in stream.all() if not s.reply.success]
        assert not refused, refused[:3]
        wait_for(lambda: self.rows("member") >= before + len(sent), 120, "a row for each push")
        return sent, time.monotonic() - begun

    def used(self):
        """{who: CPU}; ours is the pipeline of a push."""
        found = {name: used_cpu_us(program.pid) for name, program in self.programs.items()}
        return {"forward": found.pop("forward", 0), "ours": sum(found.values()),
                "database": used_cpu_us(self.place.server.process.pid), "broker": used_cpu_us(self.place.broker.process.pid)}

    def rows(self, table):
        return self.db.query(f"SELECT COUNT(*) AS n FROM bench_{table}")[0]["n"]

    def latency(self, table, sent):
        at = {row["card_code"]: float(row["at"]) for row in self.db.query(f"SELECT * FROM bench_{table}")}
        first = min(sent.values()) + WARM_UP_S
        return bench.percentiles(1000 * (at[code] - when) for code, when in sent.items() if when >= first)

    def figures(self, options):
        before = self.used()
        sent, _ = self.push(options.rate, options.rate * (options.seconds + WARM_UP_S))
        burst, seconds = self.push(100000, options.burst)
        outcomes = {}
        if "forward" in self.programs:
            for name, labels, value in self.programs["forward"].metrics():
                if name == "kabao_forward_requests_total":
                    outcomes[labels["outcome"]] = int(value)
        every = len(sent) + len(burst)
        for table in TABLES:
            assert self.rows(table) == every, f"{every} pushes, {self.rows(table)} rows of {table}"
        assert sum(self.kafka.ends("event.wechat").values()) == every
        for worker in ("member", "store"):
            assert not self.kafka.read(f"dlq.{worker}")
        return Figures(self.latency("wechat_event", sent), self.latency("member", sent), len(burst) / seconds,
                       outcomes.get("taken", 0) / every, outcomes,
                       {who: (used - before.get(who, 0)) / every for who, used in self.used().items()})


class Place:
    """The servers."""

    def __init__(self, stack, directory):
        self.directory, self.turns = directory, itertools.count(1)
        self.broker, self.server = Broker(directory / "kafka"), DatabaseServer(directory / "mysql")
        for server in (self.broker, self.server):
            stack.callback(server.kill)
            server.start()


def measure(place, old, options):
    codes = [f"{n:012}" for n in range(options.rate * (options.seconds + WARM_UP_S + 2) + options.burst + 20 * SENDERS)]
    with ExitStack() as stack:
        figures = Shop(stack, place, old, codes).figures(options)
    print(f"  {old}: member row p50 {figures.member.p50_ms:.0f} ms, p99 {figures.member.p99_ms:.0f} ms; "
          f"{figures.rate:.0f}/s; CPU us {({who: round(us) for who, us in figures.cpu_us.items()})}; "
          f"{figures.sent}", file=sys.stderr)
    return figures


def print_figures(taken):
    def median(rounds, get):
        return statistics.median(map(get, rounds))

    print_table(["old system", "event row p50", "p99", "member row p50", "p99 ms", "p99 of each round", "events/s",
                 *(f"CPU us {who}" for who in CPU), "taken by it", "requests"],
                [[old, *(f"{median(rounds, get):.0f}" for get in (
                    lambda f: f.event.p50_ms, lambda f: f.event.p99_ms, lambda f: f.member.p50_ms,
                    lambda f: f.member.p99_ms)), " ".join(f"{f.member.p99_ms:.0f}" for f in rounds),
                  f"{median(rounds, lambda f: f.rate):.0f}", *(f"{median(rounds, lambda f, w=who: f.cpu_us[w]):.0f}" for who in CPU),
                  f"{median(rounds, lambda f: f.forwarded) * 100:.0f} %",
                  " ".join(f"{name}:{n}" for name, n in rounds[-1].sent.items()) or "-"]
                 for old, rounds in taken.items()])
    alone = median(taken["none"], lambda f: f.member.p99_ms)
    for old, rounds in list(taken.items())[1:]:
        grown = median(rounds, lambda f: f.member.p99_ms) / alone - 1
        print(f"  {old}: p99 {grown * 100:+.0f} %, goal < +{GOAL_GROWN * 100:.0f} %{'' if grown < GOAL_GROWN else '   MISSED'}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(OLD), choices=list(OLD), help="some of the old systems")
    parser.add_argument("--seconds", type=int, default=30, help="at a fixed rate, in each turn")
    parser.add_argument("--rate", type=int, default=RATE, help="pushes a second")
    parser.add_argument("--burst", type=int, default=BURST, help="pushes as fast as they go, for events/s")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.burst = 1, 5, 500
    return options


def main():
    options = parse_options()
    begun = time.monotonic()
    taken = {old: [] for old in options.only}
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, ExitStack() as stack:
        place = Place(stack, Path(directory))
        for n in range(options.rounds):
            print(f"round {n + 1} of {options.rounds}", file=sys.stderr)
            for old in options.only[::-1 if n % 2 else 1]:
                taken[old].append(measure(place, old, options))
    print_figures(taken)
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")


if __name__ == "__main__":
    main()
