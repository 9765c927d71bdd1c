# SPDX-License-Identifier: Apache-2.0
"""kabao-probe: records that say what becomes of them (tests/probe/README.md), the journal of what was done, and who
judges it."""
import hashlib
import itertools
import json
import os
import signal
import time
from dataclasses import dataclass

import pytest
from confluent_kafka import Producer

from kit.commits import Commits
from kit.records import event_record
from kit.waiting import wait_for

TOPICS = ("event.wechat", "state.member", "state.token", "cmd.token", "dlq.probe", "redrive.probe")
COMMIT_S = 1.5  # what may pass between the end of a record and the commit that covers it, on a machine in use
QUICK_GROUP = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 700}  # a member that died is missed soon


@dataclass(frozen=True)
class Line:
    """One line of the journal: begin, made or kept of an effect, how it ended (ok wait retry reject fatal), or dead."""
    what: str
    pid: int
    thread: int
    at_ns: int
    topic: str = ""
    partition: int = -1
    offset: int = -1
    attempt: int = 0
    seq: int = -1
    key: str = ""

    @property
    def completes(self):
        return self.what in ("ok", "dead")

    @property
    def redriven(self):
        return ".redrive." in self.topic


class Journal:
    """What all instances did, in the order in which they wrote it; read further at each call."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.completed = {}  # seq: the line that completed it first
        self._at = 0

    def read(self):
        if self.path.exists():
            with open(self.path, "rb") as f:
                f.seek(self._at)
                whole, end, _ = f.read().rpartition(b"\n")
            self._at += len(whole) + len(end)
            for text in whole.decode().split("\n") if whole else []:
                self._take(text.split("\t"))
        return self.lines

    def _take(self, parts):
        what, pid, thread, at_ns, *record = parts
        if record:
            topic, partition, offset, attempt, seq, key = record
            record = topic, int(partition), int(offset), int(attempt), int(seq or -1), key
        line = Line(what, int(pid), int(thread), int(at_ns), *record)
        self.lines.append(line)
        if line.completes:
            self.completed.setdefault(line.seq, line)

    def of(self, what=None, seq=None, key=None):
        """Lines read so far that match."""
        return [line for line in self.lines if (what is None or line.what == what)
                and (seq is None or line.seq == seq) and (key is None or line.key == key)]


@dataclass(frozen=True)
class Script:
    """A record to be sent."""
    seq: int
    key: str
    value: str
    headers: dict
    fields: dict

    def produce(self, kafka, topic, partition=None, more=()):
        """By itself, with headers that only this record has; (partition, offset)."""
        return kafka.produce(topic, self.key, self.value, [*self.headers.items(), *more], partition)


class Judge:
    """Verdicts on a journal. `sent`: {seq: key}; `deaths`: {pid: monotonic ns}, infinite for those that live."""

    def __init__(self, lines, sent, deaths):
        self.lines = [line for line in lines if line.seq >= 0 and line.what not in ("made", "kept")]
        self.sent = sent
        self.deaths = dict(deaths)
        for line in lines:
            if deaths.get(line.pid) is None:
                self.deaths[line.pid] = max(self.deaths.get(line.pid) or 0, line.at_ns)

    def lost(self):
        """Sent and never completed."""
        done = {line.seq for line in self.lines if line.completes}
        return sorted(set(self.sent) - done)

    def disorder(self):
        """No record of a key begins before the one ahead of it is completed, nor while another of its key is open in
        a process that lives on."""
        found = []
        ahead = {}
        for seq in sorted(self.sent, reverse=True):
            ahead.setdefault(self.sent[seq], []).append(seq)  # the next one last
        open_by_key = {}
        for line in self.lines:
            queue = ahead.get(line.key, [])
            if line.what == "begin":
                if queue and line.seq > queue[-1]:
                    found.append(f"{line.key}: {line.seq} begins before {queue[-1]} is completed")
                other = open_by_key.get(line.key)
                if other and self.deaths[other.pid] > line.at_ns:
                    found.append(f"{line.key}: {line.seq} begins while {other.seq} is open in {other.pid}")
                open_by_key[line.key] = line
                continue
            other = open_by_key.get(line.key)
            if other and (other.pid, other.thread) == (line.pid, line.thread):
                del open_by_key[line.key]
            if line.completes and line.seq in queue:
                if queue[-1] != line.seq:
                    found.append(f"{line.key}: {line.seq} is completed before {queue[-1]}")
                queue.remove(line.seq)
        return found

    def repeats(self):
        """(the line that completed a record, the line that began it again)"""
        done, found = {}, []
        for line in self.lines:
            if line.completes:
                done[line.seq] = line
            elif line.what == "begin" and line.seq in done:
                found.append((done[line.seq], line))
        return found

    def unexcused(self, commit_s=COMMIT_S):
        """Repeats of what was not in hand, or done just then, when its process died."""
        return [(done, again) for done, again in self.repeats()
                if not self.deaths[done.pid] - commit_s * 1e9 <= done.at_ns <= self.deaths[done.pid] <= again.at_ns]


def longest_pause_s(lines, begin_ns=None, end_ns=None):
    """Without any record being completed."""
    times = sorted(line.at_ns for line in lines if line.completes)
    times = [at for at in times if (begin_ns or 0) <= at <= (end_ns or at)]
    times = ([begin_ns] if begin_ns else []) + times + ([end_ns] if end_ns else [])
    return max((b - a for a, b in itertools.pairwise(times)), default=0) / 1e9


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024


class Place:
    """One test's probes: settings, topics, tables, what was sent, the journal."""

    def __init__(self, directory, config, kafka, db, migrate, run):  # noqa: PLR0913 (the fixtures of a test)
        self.directory = directory
        self.kafka, self.db, self._migrate, self._run = kafka, db, migrate, run
        self.config = config
        self.journal = Journal(directory / "journal")
        self.sent = {}  # seq: key
        self.where = {}  # seq: (partition, offset)
        self.deaths = {}
        self._numbers = itertools.count()
        self._producer = None

    def open(self, partitions=3, changes=None, **sections):
        """Topics and tables; `changes` and `sections` change the settings, as Config.with_ does."""
        self.config = self.config.with_(changes, topic={"partitions": partitions}, **sections)
        self.kafka.create(*TOPICS, partitions=partitions)
        self._migrate(self.config)
        return self

    def start(self, ready=True, **sections):
        """One more instance."""
        return self._run("probe", self.config.with_(**sections), ready=ready, env={"PROBE_DIR": str(self.directory)})

    # Sending

    def script(self, do="", key=0, **fields):
        """A record: `do` are words of the probe, `fields` what they go by."""
        seq = next(self._numbers)
        fields = {"Seq": str(seq), "Do": do, **{name: str(value) for name, value in fields.items()}}
        key, text, headers = event_record("probe", f"{key:06d}" if isinstance(key, int) else key)
        value = json.loads(text)
        value["fields"].update(fields)
        value["account"] = fields.pop("Account", value["account"])
        text = json.dumps(value, ensure_ascii=False)
        headers["ce_id"] = hashlib.sha256(text.encode()).hexdigest()[:32]
        return Script(seq, key, text, headers, fields)

    def send(self, scripts, topic="event.wechat"):
        """All of them, acknowledged; to be judged. They are as the contract wants them."""
        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "enable.idempotence": True,
                                       "partitioner": "murmur2_random", "linger.ms": 5, "log_level": 2})
        scripts, problems = list(scripts), []
        for script in scripts:
            self._produce(topic, script, problems)
        left = self._producer.flush(60)
        assert not left and not problems, f"{left} records not sent; {problems[:3]}"
        return scripts

    def _produce(self, topic, script, problems):
        def on_delivery(error, message):
            if error is not None:
                problems.append(error)
                return
            self.sent[script.seq] = script.key
            self.where[script.seq] = (message.partition(), message.offset())

        while True:
            try:
                self._producer.produce(self.kafka.name(topic), script.value, script.key,
                                       headers=list(script.headers.items()), on_delivery=on_delivery)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def heal(self, name):
        """What is written `Until=name` fails no longer."""
        (self.directory / name).touch()

    # Looking

    def lines(self):
        return self.journal.read()

    def completed(self):
        """{seq: the line that completed it first}"""
        self.journal.read()
        return self.journal.completed

    def wait_completed(self, scripts, timeout=60):
        """Until all of these are completed, or that many of any."""
        if isinstance(scripts, int):
            wait_for(lambda: len(self.completed()) >= scripts, timeout,
                     lambda: f"{scripts} records completed; {len(self.completed())}")
            return
        wanted = {script.seq for script in scripts}
        wait_for(lambda: wanted <= self.completed().keys(), timeout,
                 lambda: f"{len(wanted)} records completed; missing {sorted(wanted - self.completed().keys())[:10]}")

    def wait_begun(self, script, times=1, timeout=30):
        """Until the record was tried so often; the lines."""
        wait_for(lambda: self.lines() and len(self.journal.of("begin", seq=script.seq)) >= times, timeout,
                 lambda: f"{times} tries of {script.seq}; {self.journal.of('begin', seq=script.seq)}")
        return self.journal.of("begin", seq=script.seq)

    def wait_started(self, times, timeout=30):
        """Until children have been started so often, over all instances."""
        wait_for(lambda: self.lines() and len(self.journal.of("start")) >= times, timeout,
                 lambda: f"{times} children; {len(self.journal.of('start'))}")

    def wait_committed(self, timeout=30):
        """Until the commit has passed everything, whatever is parked."""
        self.kafka.wait_done("probe", "event.wechat", timeout)

    def commits(self):
        return Commits(self.kafka.bootstrap, f"{self.kafka.prefix}-probe", self.kafka.name("event.wechat"))

    def parked(self, key=None):
        """Rows of table parked, in order of offset."""
        rows = self.db.rows("parked", worker="probe")
        text = (lambda value: value.decode() if isinstance(value, bytes) else value)
        return sorted((row for row in rows if key is None or text(row["record_key"]) == key),
                      key=lambda row: (row["part"], row["off"]))

    def wait_parked(self, count, key=None, timeout=30):
        wait_for(lambda: len(self.parked(key)) >= count, timeout,
                 lambda: f"{count} parked rows; {len(self.parked(key))}")
        return self.parked(key)

    def effect(self, url, key=0, do="effect", **fields):
        """A record that makes an effect at a counter's address (kit/counter.py)."""
        return self.script(do, key, Url=url, **fields)

    def effects(self, **where):
        """{event_id: row of table effect}"""
        return {row["event_id"]: row for row in self.db.rows("effect", **where)}

    def letters(self):
        """{seq: dead letter}"""
        return {record.json["fields"]["Seq"] and int(record.json["fields"]["Seq"]): record
                for record in self.kafka.read("dlq.probe")}

    # Ending processes

    def kill_child(self, program):
        """SIGKILL to what works; its parent starts another."""
        for pid in program.children():
            os.kill(pid, signal.SIGKILL)
            self.deaths[pid] = time.monotonic_ns()

    def kill_program(self, program):
        pids = program.children()
        program.kill()
        self.deaths.update(dict.fromkeys(pids, time.monotonic_ns()))

    # Judging

    def judge(self, without=()):
        """A judge of everything but the keys `without`."""
        lines = [line for line in self.lines() if line.key not in without and not line.redriven]
        alive = {line.pid: float("inf") for line in lines if line.pid not in self.deaths and is_alive(line.pid)}
        sent = {seq: key for seq, key in self.sent.items() if key not in without}
        return Judge(lines, sent, {**alive, **self.deaths})

    def all_is_well(self, without=(), dead=(), repeats=False):
        """Everything completed, in order, nothing dead but `dead`, nothing done again but what was in hand when its
        process died (`repeats`: no word about those)."""
        judge = self.judge(without)
        assert {line.seq for line in judge.lines if line.what == "dead"} == {script.seq for script in dead}
        assert not judge.lost(), f"{len(judge.lost())} lost: {judge.lost()[:10]}"
        assert not judge.disorder(), judge.disorder()[:10]
        assert repeats or not judge.unexcused(), f"{len(judge.unexcused())} done again: {judge.unexcused()[:5]}"
        return judge


@pytest.fixture
def place(tmp_path, config, kafka, db, migrate, run):  # noqa: PLR0913
    directory = tmp_path / "probe"
    directory.mkdir()
    return Place(directory, config, kafka, db, migrate, run)
