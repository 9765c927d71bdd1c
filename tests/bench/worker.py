#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an event costs kabao-member, with a real broker and a simulated WeChat, beside its handler without an engine
(README.md)."""
import argparse
import bisect
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("KABAO_BIN", str(HERE.parents[1] / "build/release/bin"))
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]

from confluent_kafka import Consumer, Producer, TopicPartition

from kit.config import APPID, SECRETS, default_config, write_secret
from kit.kafka import Kafka
from kit.population import accounts, member
from kit.process import Process
from kit.program import BIN, Program, clean_env, run_tool
from kit.records import event_record
from kit.servers import Broker, DatabaseServer
from kit.sim import Sim
from kit.waiting import wait_for
from kit.web import request
from parts.measure import cpu_ns, memory_mb, pin, print_table, tree_cpu_ns

LOAD_CORE, SUBJECT_CORE = 0, 1
PARTITIONS = 12
LANES = 512
LATENCY_MS = 20  # of the simulated WeChat
EVENTS = 60000  # of a backlog, each about another card
STEADY = (0.2, 0.95)  # of the backlog: without the start, and without what ends with fewer lanes at work
RATE = 2000  # per second, for the latencies
WARM_UP_S = 1.5  # of that rate
GOAL_RATE, GOAL_US, GOAL_RSS_MB, GOAL_ADDED = 10000, 70, 128, 0.15
COMMITS = "__consumer_offsets"


@dataclass(frozen=True)
class Latency:
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Latencies:
    """At a fixed rate, by the broker's own clock, from when it stored the event."""
    record: Latency  # until it stored the member
    commit: Latency  # until it stored an offset beyond the event
    rate: float  # members per second


@dataclass(frozen=True)
class Figures:
    rate: float
    cpu_us: float  # per event
    api_us: float  # the simulator's
    broker_us: float
    busy: float  # share of the load core's time
    rss_mb: float
    latencies: object


@dataclass(frozen=True)
class Sample:
    at: float
    records: int
    cpu_ns: int
    api_ns: int
    broker_ns: int
    load: tuple  # (busy, all) ticks of the load core


def core_ticks(core):
    """(busy, all) since the machine started."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            spent = list(map(int, ticks[:8]))
            return sum(spent) - spent[3] - spent[4], sum(spent)
    raise AssertionError(f"no cpu{core} in /proc/stat")


class Topic:
    """One topic by its full name, on a connection of its own: its ends, and the records between two ends."""

    def __init__(self, bootstrap, name):
        self.name = name
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False,
                                  "fetch.wait.max.ms": 10, "log_level": 2})
        self.count = len(self.consumer.list_topics(name, 20).topics[name].partitions)

    def ends(self):
        return [self.consumer.get_watermark_offsets(TopicPartition(self.name, p), 20)[1] for p in range(self.count)]

    def size(self):
        return sum(self.ends())

    def read(self, begin, end):
        """Messages of all partitions, `begin` and `end` as from `ends`."""
        wanted = {p for p in range(self.count) if begin[p] < end[p]}
        self.consumer.assign([TopicPartition(self.name, p, begin[p]) for p in wanted])
        deadline = time.monotonic() + 60
        messages = []
        while wanted:
            assert time.monotonic() < deadline, f"{self.name} not read to {end} in 60 s"
            for message in self.consumer.consume(1000, 0.2):
                assert message.error() is None, message.error()
                if message.offset() < end[message.partition()]:
                    messages.append(message)
                if message.offset() >= end[message.partition()] - 1:
                    wanted.discard(message.partition())
        self.consumer.unassign()
        return messages


class Subject:
    """Somebody who turns events into members, with topics of its own."""

    def __init__(self, name, stage, prefix, group):
        self.name = name
        self.prefix, self.group = prefix, group
        self.kafka = Kafka(stage.broker.bootstrap, prefix, None)
        self.config = default_config(stage.directory, stage.broker, prefix, stage.database, stage.sim.url).with_(
            worker={"lanes": LANES, "retry_initial_ms": None, "retry_max_ms": None}, topic={"partitions": PARTITIONS})
        ini = self.config.write(stage.directory / f"{prefix}.apply.ini")
        for words in (("topics", "apply"), ("migrate",)):
            done = run_tool("kabaoctl", *words, "--config", ini, "--yes")
            assert done.returncode == 0, f"kabaoctl {' '.join(words)}: {done.stdout}{done.stderr}"
        self.events = Topic(stage.broker.bootstrap, self.kafka.name("event.wechat"))
        self.members = Topic(stage.broker.bootstrap, self.kafka.name("state.member"))
        self.process = None
        self.starts = 0

    def start(self, stage):
        self.starts += 1
        self.process = self.make(stage, f"{self.prefix}{self.starts}")
        self.process.argv = ["taskset", "-c", str(SUBJECT_CORE), *self.process.argv]
        Process.start(self.process)

    def stop(self):
        status = self.process.terminate(60)
        assert status == 0, f"{self.name} ended with {status}:\n{self.process.log_text()[-3000:]}"

    def rss_mb(self):
        """The most it ever was, parent and child."""
        return sum(memory_mb(pid, "VmHWM") for pid in (self.process.pid, *self.process.children()))


class Member(Subject):
    def __init__(self, stage, binaries, label=""):
        super().__init__(f"kabao-member{label}", stage, f"member{label.strip()}", f"member{label.strip()}-member")
        self.binaries = Path(binaries)
        self.config = self.config.with_(stage.changes)

    def make(self, stage, label):
        program = Program("member", self.config, stage.directory, label)
        program.argv[0] = str(self.binaries / "kabao-member")
        return program


class Bare(Subject):
    def __init__(self, stage):
        super().__init__("bare_worker", stage, "bare", "bare_worker")

    def make(self, stage, label):
        ini = self.config.write(stage.directory / f"{label}.ini")
        return Process([BIN / "bare_worker", ini, stage.token_file], stage.directory / f"{label}.log", clean_env())


class Stage:
    """Broker, database and WeChat on one core, who is measured on the other."""

    def __init__(self, directory, events, options):
        self.directory = directory
        self.options = options
        self.changes = {}
        for setting in options.set:
            name, value = setting.split("=", 1)
            section, key = name.split(":", 1)
            self.changes.setdefault(section, {})[key] = value
        self.codes = [f"{18255000000 + n:012}" for n in range(events)]
        self.records = [event_record("submit_membercard_user_info", code) for code in self.codes]
        os.environ["KABAO_KAFKA_EXTRA"] = "log.message.timestamp.type=LogAppendTime"
        self.broker = Broker(directory / "kafka")
        self.server = DatabaseServer(directory / "mariadb")
        self.sim = Sim(directory, accounts(*map(member, self.codes)))
        at = self.sim.argv.index("--log")
        self.sim.argv[at:at + 2] = ["--latency-ms", str(LATENCY_MS)]
        self.token_file = directory / "token"
        self.subjects = []

    def __enter__(self):
        try:
            for process in (self.broker, self.server, self.sim):
                process.start()
            self.database = self.server.create()
            self.subjects = [Bare(self), Member(self, BIN)]
            if self.options.beside:
                self.subjects.append(Member(self, self.options.beside, " beside"))
            for subject in self.subjects[1:]:
                self._seal_token(subject)
            self._write_token()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (*(s.process for s in self.subjects if s.process), self.sim, self.broker, self.server):
            process.kill()

    def _seal_token(self, subject):
        """The token in state.token, by kabao-token."""
        token = Program("token", subject.config, self.directory, f"{subject.prefix}.token")
        try:
            token.start()
            subject.kafka.wait("state.token", 1)
            token.stop()
        finally:
            token.kill()

    def _write_token(self):
        """The same one in a file."""
        reply = request(("127.0.0.1", self.sim.port), "POST", "/cgi-bin/stable_token", json.dumps(
            {"grant_type": "client_credential", "appid": APPID, "secret": SECRETS["secret"]}))
        write_secret(self.token_file, json.loads(reply.body)["access_token"])

    def produce(self, subject, records, rate=None):
        """All of them; with a rate, so many per second."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "partitioner": "murmur2_random",
                             "linger.ms": 0 if rate else 20, "enable.idempotence": True, "log_level": 2})
        failed, begin = [], time.monotonic()
        for n, (key, value, headers) in enumerate(records):
            while rate and time.monotonic() < begin + n / rate:
                time.sleep(0.0005)
            producer.produce(subject.events.name, value, key, headers=headers,
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        producer.flush(60)
        assert not failed, f"{len(failed)} records not produced: {failed[0]}"

    def sample(self, subject):
        return Sample(time.monotonic(), subject.members.size(), tree_cpu_ns(subject.process.pid), cpu_ns(self.sim.pid),
                      tree_cpu_ns(self.broker.process.pid), core_ticks(LOAD_CORE))

    def wait_members(self, subject, count):
        """A sample with at least so many records in state.member."""
        deadline = time.monotonic() + 120
        while (taken := self.sample(subject)).records < count:
            assert subject.process.running and time.monotonic() < deadline, \
                f"{subject.name}: {taken.records} of {count} members\n{subject.process.log_text()[-3000:]}"
            time.sleep(0.2)  # looking is work for the broker
        return taken


def work_off(stage, subject):
    """(first, last) samples of the steady part of a backlog that is there when the subject starts."""
    begin, count = subject.members.ends(), len(stage.records)
    stage.produce(subject, stage.records)
    subject.start(stage)
    first, last = (stage.wait_members(subject, sum(begin) + share * count) for share in STEADY)
    stage.wait_members(subject, sum(begin) + count)
    check(subject, subject.members.read(begin, subject.members.ends()), stage.records)
    return first, last


def check(subject, messages, records):
    """One member for each event, and nothing else."""
    assert len(messages) == len(records), f"{subject.name}: {len(messages)} members of {len(records)} events"
    assert {m.key().decode() for m in messages} == {key for key, _, _ in records}, f"{subject.name}: other members"


def commits_of(messages, group, topic):
    """{partition: [(offset, when it was stored)]}, of keys and values of __consumer_offsets: (version, group, topic,
    partition) -> (version, offset, ...)."""
    def text(data, at):
        (size,) = struct.unpack_from(">h", data, at)
        return data[at + 2:at + 2 + size].decode(), at + 2 + size

    found = {}
    for message in sorted(messages, key=lambda m: (m.partition(), m.offset())):
        key, value = message.key(), message.value()
        if key is None or value is None or struct.unpack_from(">h", key)[0] > 1:
            continue
        named, at = text(key, 2)
        of, at = text(key, at)
        if (named, of) == (group, topic):
            (partition,) = struct.unpack_from(">i", key, at)
            found.setdefault(partition, []).append((struct.unpack_from(">q", value, 2)[0], message.timestamp()[1]))
    return found


def percentiles(values):
    values = sorted(values)
    return Latency(values[len(values) // 2], values[len(values) * 99 // 100])


def measure_latency(stage, subject, commits, seconds):
    records = stage.records[:int(RATE * (seconds + WARM_UP_S))]
    events, members, stored = subject.events.ends(), subject.members.ends(), commits.ends()
    stage.produce(subject, records, RATE)
    stage.wait_members(subject, sum(members) + len(records))
    wait_for(lambda: all(subject.kafka.committed(subject.group, "event.wechat").get(p, 0) >= end
                         for p, end in enumerate(subject.events.ends())), 30, f"the last commit of {subject.name}")
    written = subject.members.read(members, subject.members.ends())
    check(subject, written, records)
    member_at = {m.key(): m.timestamp()[1] for m in written}
    committed = commits_of(commits.read(stored, commits.ends()), subject.group, subject.events.name)
    messages = subject.events.read(events, subject.events.ends())
    begin = min(m.timestamp()[1] for m in messages) + WARM_UP_S * 1000
    steady = [m for m in messages if m.timestamp()[1] >= begin]

    def to_commit(message):
        points = committed[message.partition()]
        return points[bisect.bisect_right(points, (message.offset(), float("inf")))][1] - message.timestamp()[1]

    span_ms = max(member_at.values()) - min(member_at.values())
    return Latencies(percentiles(member_at[m.key()] - m.timestamp()[1] for m in steady),
                     percentiles(map(to_commit, steady)), len(records) * 1000 / span_ms)


def measure(stage, subject, commits, seconds):
    try:
        first, last = work_off(stage, subject)
        latencies = measure_latency(stage, subject, commits, seconds)
        rss_mb = subject.rss_mb()
        subject.stop()
    finally:
        if subject.process:
            subject.process.kill()
    done = last.records - first.records
    return Figures(done / (last.at - first.at), (last.cpu_ns - first.cpu_ns) / 1000 / done,
                   (last.api_ns - first.api_ns) / 1000 / done, (last.broker_ns - first.broker_ns) / 1000 / done,
                   (last.load[0] - first.load[0]) / (last.load[1] - first.load[1]), rss_mb, latencies)


def warm_up(stage, subject):
    """The broker's code is compiled while it runs: what comes first is slower for everybody."""
    try:
        work_off(stage, subject)
        subject.stop()
    finally:
        if subject.process:
            subject.process.kill()


def median(figures, get):
    return statistics.median(map(get, figures))


def times_bare(figures, bare):
    return statistics.median(f.cpu_us / b.cpu_us for f, b in zip(figures, bare, strict=True))


def row(subject, figures, bare):
    def milliseconds(get):
        return f"{median(figures, lambda f: get(f.latencies)):.0f}"

    # What bare_worker commits was handed over, not done.
    commit = [milliseconds(lambda lat: lat.commit.p50_ms), milliseconds(lambda lat: lat.commit.p99_ms)]
    return [subject.name, f"{median(figures, lambda f: f.rate):.0f}", f"{median(figures, lambda f: f.cpu_us):.1f}",
            f"{times_bare(figures, bare):.2f}", f"{max(f.rss_mb for f in figures):.0f}",
            milliseconds(lambda lat: lat.record.p50_ms), milliseconds(lambda lat: lat.record.p99_ms),
            *(["-", "-"] if isinstance(subject, Bare) else commit), f"{median(figures, lambda f: f.api_us):.0f}",
            f"{median(figures, lambda f: f.broker_us):.0f}", f"{median(figures, lambda f: f.busy) * 100:.0f}"]


def print_figures(taken):
    """taken: {subject: [Figures of each round]}, bare_worker first"""
    bare = next(iter(taken.values()))
    print_table(["", "events/s", "CPU us", "x bare", "RSS MB", "record p50", "p99 ms", "commit p50", "p99 ms", "API us",
                 "broker us", "load core %"], [row(subject, figures, bare) for subject, figures in taken.items()])
    for subject, figures in taken.items():
        held = median(figures, lambda f: f.latencies.rate)
        if held < 0.97 * RATE:
            print(f"NOT HELD: {RATE}/s by {subject.name}: {held:.0f}/s; its latencies are those of that rate")


def print_goals(taken):
    """Each goal beside what was measured; nothing depends on it."""
    def goal(name, measured, met, limit, unit):
        print(f"  {name}: {measured:.0f}{unit}, goal {limit}{unit}{'' if met else '   MISSED'}")

    bare, member_figures, *_ = taken.values()
    rate, cpu = (median(member_figures, get) for get in (lambda f: f.rate, lambda f: f.cpu_us))
    rss = max(f.rss_mb for f in member_figures)
    added = times_bare(member_figures, bare) - 1
    print("goals (medians of the rounds):")
    goal("events per second on one core", rate, rate >= GOAL_RATE, f">= {GOAL_RATE}", "/s")
    goal("CPU per event", cpu, cpu <= GOAL_US, f"<= {GOAL_US}", " us")
    goal("RSS, the most it ever was", rss, rss <= GOAL_RSS_MB, f"<= {GOAL_RSS_MB}", " MB")
    goal("what the engine adds to the CPU of bare_worker", added * 100, added <= GOAL_ADDED,
         f"<= {GOAL_ADDED * 100:.0f}", " %")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION:KEY=VALUE",
                        help="a setting of kabao-member, e.g. worker:max_inflight=4096")
    parser.add_argument("--beside", metavar="DIR", help="measures kabao-member of another build in the same rounds")
    return parser.parse_args()


def main():
    options = parse_options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the worker, one for all else")
    rounds, seconds, events = (1, 2, EVENTS // 3) if options.quick else (options.rounds, 4, EVENTS)
    pin(LOAD_CORE)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, \
            Stage(Path(directory), events, options) as stage:
        taken = {subject: [] for subject in stage.subjects}
        commits = Topic(stage.broker.bootstrap, COMMITS)
        for subject in stage.subjects:
            warm_up(stage, subject)
        for n in range(rounds):
            print(f"round {n + 1} of {rounds}", file=sys.stderr)
            for subject in stage.subjects[::-1 if n % 2 else 1]:
                taken[subject].append(measure(stage, subject, commits, seconds))
        print_figures(taken)
        print_goals(taken)
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
