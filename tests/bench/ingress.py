#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a push costs kabao-ingress on one core, with a real broker, beside a server that only says "ok" (README.md)."""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("KABAO_BIN", str(HERE.parents[1] / "build/release/bin"))
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]

from kit.config import CARD_ID, ORIGINAL_ID, Config, account, default_config
from kit.kafka import Kafka
from kit.process import Process
from kit.program import BIN, Program, clean_env
from kit.push import Pusher, card_event, encrypt, xml
from kit.servers import Broker
from kit.waiting import wait_for
from parts.load import h2load, wrk
from parts.measure import cpu_ns, memory_mb, pin, print_table

LOAD_CORE, SERVER_CORE = 0, 1
CONNECTIONS = (64, 256)
RATES = (1000, 5000, 20000)
PARTITIONS = 12
BODY_BYTES = 745  # of a plain push
WARM_UP_S = 6
DIFFERENT = 500  # pushes of one kind, sent in turn
APPIDS = {"plain": "wx0123456789abcdef", "secure": "wxfedcba9876543210"}
RULED = "wxrules0123456789a"  # appid of an account like plain, with RULES auto-replies that nothing here matches
RULES = 500
GOAL_RULES = 1.15  # CPU with them, without them 1
PAIRS = 20  # of a short turn with rules and one without
WORDS = "会员卡积分余额查询优惠券门店地址营业时间电话客服开卡激活生日礼物兑换活动报名退款物流发票"
GOAL_US = {"plain": (18, 2.5), "secure": (23, 3)}
GOAL_MS = {1000: (0.4, 4), 5000: (0.4, 4), 20000: (None, 10)}
GOAL_RSS_MB = 32


@dataclass(frozen=True)
class Subject:
    """Somebody who answers pushes."""
    name: str
    kind: str  # bare, plain, secure, text
    pid: int
    url: str
    requests: Path
    beside: str = ""  # the subject of the same pushes to an account without rules


@dataclass(frozen=True)
class Figures:
    load: object
    cpu_us: float  # per answer
    rss_mb: float


def card_push(n):
    """The member's name fills the body up to its size."""
    fields = card_event("submit_membercard_user_info", code=f"{18255000000 + n:012}", card_id=CARD_ID,
                        IsGiveByFriend=0, OuterStr="shop-7", UnionId="oBYHZuH7a1b2c3d4e5f6g7h8i9j0",
                        FriendUserName="", OldUserCardCode="", Remark="")
    return {**fields, "Remark": "x" * (BODY_BYTES - len(xml(fields)))}


def text_push(n):
    """6 to 35 characters as people type them: one in eight with an emoji, one in four with Latin letters; no digits,
    which all keywords have."""
    said = (WORDS[n % len(WORDS):] + WORDS)[:6 + n % 30]
    said = ("请问，" if n % 3 else "ＨＩ　") + said + ("？" if n % 2 else "") + ("Thanks" if n % 4 == 0 else "")
    return {"ToUserName": ORIGINAL_ID, "FromUserName": f"oGRUFjk0a1b2c3d4e5f6g7h{n:05}", "CreateTime": 1760000000 + n,
            "MsgType": "text", "Content": said + ("😀" if n % 8 == 0 else ""), "MsgId": 6265881059295447969 + n}


def write_requests(path, pusher, make, secure=False):
    """Signed requests for parts/push.lua."""
    lines = []
    for fields in map(make, range(DIFFERENT)):
        body, query = xml(fields), pusher.query()
        if secure:
            encrypted = encrypt(body, pusher.secrets["aes_key"], pusher.appid)
            body, query = xml({"ToUserName": fields["ToUserName"], "Encrypt": encrypted}), pusher.query(encrypted)
        lines += [pusher.path(query), body]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_rules(path):
    """Eight of ten rules have keywords, three each, that begin as the texts do; the others answer menu and QR codes."""
    def rule(n):
        reply = {"type": "text", "content": f"{n} {{openid}}"}
        if n % 10 == 8:
            return {"match": "event", "event": "CLICK", "key": f"V{n}", "reply": reply}
        if n % 10 == 9:
            return {"match": "event", "event": "subscribe", "key": f"shop-{n}", "reply": reply}
        words = [(WORDS[(n + k * 7) % len(WORDS):] + WORDS)[:1 + (n + k) % 4] + f"{n}" for k in range(3)]
        return {"match": "keyword", "mode": ("equal", "contain")[n % 2], "keywords": words, "reply": reply}
    path.write_text(json.dumps({"rules": [rule(n) for n in range(RULES)]}, ensure_ascii=False), encoding="utf-8")
    return str(path)


class Stage:
    """The broker and everybody who is measured, the servers on a core of their own."""

    def __init__(self, directory, options):
        self.directory = directory
        self.options = options
        self.processes = []
        self.subjects = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()

    def _start(self):
        os.environ["KABAO_KAFKA_EXTRA"] = "log.retention.check.interval.ms=5000"
        self.broker = Broker(self.directory / "kafka")
        self.processes.append(self.broker)
        self.broker.start()
        self.kafka = Kafka(self.broker.bootstrap, "bench", None)
        self.kafka.create("event.wechat", partitions=PARTITIONS, segment_bytes=64 << 20, retention_bytes=64 << 20)
        pushers = {mode: Pusher(None, mode, appid, seed=1) for mode, appid in APPIDS.items()}
        ruled = Pusher(None, "ruled", RULED, seed=1)
        to = lambda name, *how: write_requests(self.directory / f"{name}.requests", *how)
        self.requests = {"plain": to("plain", pushers["plain"], card_push),
                         "plain, rules": to("plain-rules", ruled, card_push),
                         "text": to("text", pushers["plain"], text_push),
                         "text, rules": to("text-rules", ruled, text_push),
                         "secure": to("secure", pushers["secure"], card_push, True)}
        self._start_bare()
        self.ingresses = [self._start_ingress(BIN, "")]
        if self.options.beside:
            self.ingresses.append(self._start_ingress(self.options.beside, " beside"))

    def _pinned(self, process):
        process.argv = ["taskset", "-c", str(SERVER_CORE), *process.argv]
        self.processes.append(process)
        return process

    def _start_bare(self):
        log = self.directory / "bare.log"
        bare = self._pinned(Process([BIN / "bare_http"], log, clean_env())).start()
        wait_for(lambda: log.read_text(encoding="ascii").endswith("\n"), 10, "the port of bare_http")
        self.subjects.append(Subject("bare", "bare", bare.pid, f"http://127.0.0.1:{log.read_text().strip()}",
                                     self.requests["plain"]))

    def _config(self):
        sections = default_config(self.directory, self.broker, "bench").sections
        del sections["account demo"]
        for mode, appid in APPIDS.items():
            sections[f"account {mode}"] = account(self.directory, mode, appid, push_mode=mode)
        rules = write_rules(self.directory / "rules.json")
        sections["account ruled"] = account(self.directory, "ruled", RULED, push_mode="plain", autoreply_file=rules)
        sections["ingress"] = {"loops": 1, "recent_ids": 0}
        sections["topic"]["partitions"] = PARTITIONS
        changes = {}
        for setting in self.options.set:
            name, value = setting.split("=", 1)
            section, key = name.split(":", 1)
            changes.setdefault(section, {})[key] = value
        return Config(sections).with_(changes)

    def _start_ingress(self, binaries, label):
        ingress = Program("ingress", self._config(), self.directory, f"ingress{label}")
        ingress.argv[0] = str(Path(binaries) / "kabao-ingress")
        self._pinned(ingress).start()
        host, port = ingress.listen
        for mode, appid in APPIDS.items():
            reply = Pusher(ingress.listen, mode, appid).send(card_event("user_get_card"), mode)
            assert reply.success, f"{mode}: {reply}"
        for name, requests in self.requests.items():
            kind, _, rules = name.partition(", ")
            self.subjects.append(Subject(name + label, kind, ingress.pid, f"http://{host}:{port}", requests,
                                         kind + label if rules else ""))
        return ingress

    def measure(self, subject, load):
        before = cpu_ns(subject.pid)
        done = load(subject)
        return Figures(done, (cpu_ns(subject.pid) - before) / 1000 / max(1, done.answers), memory_mb(subject.pid))

    def ends(self):
        """{outcome: pushes}, of all ingresses."""
        ends = {}
        for ingress in self.ingresses:
            for name, labels, value in ingress.metrics():
                if name == "kabao_ingress_requests_total":
                    ends[labels["outcome"]] = ends.get(labels["outcome"], 0) + int(value)
        return ends

    def stored(self):
        return sum(self.kafka.ends("event.wechat").values())

    def check(self, answers):
        """What is wrong with the run, whatever its figures: the counters of the ingress and the topic must agree with
        what the load generators were told. A push whose answer nobody waited for any more is no error."""
        with contextlib.suppress(AssertionError):  # what wrk left behind is being acknowledged; told below
            wait_for(lambda: self.ends().get("accepted", 0) == self.stored(), 10, "the last answers")
        ends, stored = self.ends(), self.stored()
        accepted = ends.pop("accepted", 0)
        wrong = [f"{value} pushes ended as {outcome}" for outcome, value in ends.items() if value > 0]
        if stored != accepted:
            wrong.append(f"{accepted} pushes answered `success`, {stored} records in the topic")
        if accepted < answers:
            wrong.append(f"the load generators counted {answers} answers, the ingress only {accepted}")
        return wrong


def run_rounds(stage, options):
    """{(what, subject): [Figures of each round]}; the subjects take turns."""
    seconds, rounds = (1, 1) if options.quick else (2, 3)
    figures = {}

    def take(what, load):
        for subject in stage.subjects:
            if subject.kind in ("bare", *APPIDS) and not subject.beside:
                figures.setdefault((what, subject), []).append(stage.measure(subject, load))

    # The broker's code is compiled while it runs: what comes first is slower for everybody.
    for subject in stage.subjects:
        wrk(subject.url, subject.requests, CONNECTIONS[-1], 1 if options.quick or subject.kind == "bare" else WARM_UP_S)
    for n in range(rounds):
        print(f"round {n + 1} of {rounds}", file=sys.stderr)
        for connections in options.connections:
            take(f"c{connections}", lambda s, c=connections: wrk(s.url, s.requests, c, seconds))
        for rate in options.rates:
            take(f"{rate}/s", lambda s, r=rate: h2load(s.url, s.requests, r, seconds + 0.5, stage.directory))
    return figures


def run_pairs(stage, options):
    """{subject with rules: [(its Figures, those of the same pushes without)]}. One ingress, turns of a second: what else
    the machine does falls on both; who begins changes, so that neither has always the later half of it."""
    pairs = {}
    for subject in (s for s in stage.subjects if s.beside):
        (without,) = (s for s in stage.subjects if s.name == subject.beside)
        print(f"with and without rules: {subject.kind}", file=sys.stderr)
        for n in range(2 if options.quick else PAIRS):
            turns = [subject, without] if n % 2 else [without, subject]
            took = {s: stage.measure(s, lambda s: wrk(s.url, s.requests, CONNECTIONS[-1], 1)) for s in turns}
            pairs.setdefault(subject, []).append((took[subject], took[without]))
    return pairs


def median(list_of_figures, get):
    return statistics.median(map(get, list_of_figures))


def cells(what, figures, bare):
    cpu = median(figures, lambda f: f.cpu_us)
    return [what, f"{median(figures, lambda f: f.load.rate):.0f}", f"{cpu:.1f}",
            f"{statistics.median(f.cpu_us / b.cpu_us for f, b in zip(figures, bare, strict=True)):.2f}",
            f"{median(figures, lambda f: f.load.p50_ms):.2f}", f"{median(figures, lambda f: f.load.p99_ms):.2f}",
            f"{max(f.rss_mb for f in figures):.1f}", str(sum(f.load.errors for f in figures))]


def print_figures(figures):
    bare = {what: taken for (what, subject), taken in figures.items() if subject.kind == "bare"}
    print_table(["", "events/s", "CPU us", "x bare", "p50 ms", "p99 ms", "RSS MB", "errors"],
                [cells(f"{what} {subject.name}", taken, bare[what]) for (what, subject), taken in figures.items()])


def print_pairs(pairs):
    """Returns {subject: the median of its ratios}."""
    ratios = {subject: sorted(f.cpu_us / o.cpu_us for f, o in taken) for subject, taken in pairs.items()}
    print_table(["CPU us", "with", "without", "x: a quarter below", "median", "a quarter above"],
                [[subject.name, f"{median([f for f, _ in taken], lambda f: f.cpu_us):.1f}",
                  f"{median([o for _, o in taken], lambda o: o.cpu_us):.1f}",
                  *(f"{cut:.3f}" for cut in statistics.quantiles(ratios[subject], n=4))]
                 for subject, taken in pairs.items()])
    return {subject: statistics.median(found) for subject, found in ratios.items()}


def print_goals(stage, figures, ratios):
    """Each goal beside what was measured; nothing depends on it."""
    def goal(name, measured, limit, unit):
        print(f"  {name}: {measured:.2f} {unit}, goal <= {limit}{'' if measured <= limit else '   MISSED'}")

    print("goals (medians of the rounds):")
    for subject, ratio in ratios.items():
        goal(f"{subject.name}, CPU of the same without", ratio, GOAL_RULES, "x")
    for (what, subject), taken in figures.items():
        if subject.kind not in APPIDS:
            continue
        if what.startswith("c"):
            us, times = GOAL_US[subject.kind]
            goal(f"{what} {subject.name}, CPU per event (about {times} x bare)", median(taken, lambda f: f.cpu_us), us,
                 "us")
            continue
        p50, p99 = GOAL_MS[int(what[:-2])]
        if p50:
            goal(f"{what} {subject.name}, p50", median(taken, lambda f: f.load.p50_ms), p50, "ms")
        goal(f"{what} {subject.name}, p99", median(taken, lambda f: f.load.p99_ms), p99, "ms")
    for ingress in stage.ingresses:
        goal("RSS, the most it ever was", memory_mb(ingress.pid, "VmHWM"), GOAL_RSS_MB, "MB")


def find_errors(stage, figures, pairs):
    taken = [(f"{what} {subject.name}", subject, f) for (what, subject), found in figures.items() for f in found]
    taken += [(subject.name, subject, f) for subject, found in pairs.items() for both in found for f in both]
    wrong = [f"{name}: {f.load.errors} requests failed" for name, _, f in taken if f.load.errors]
    wrong += stage.check(sum(f.load.answers for _, subject, f in taken if subject.kind != "bare"))
    for what, subject in figures:
        if not what.endswith("/s"):
            continue
        held = median(figures[what, subject], lambda f: f.load.rate)
        if held < 0.97 * int(what[:-2]):
            print(f"NOT HELD: {what} {subject.name}: {held:.0f}/s; its latencies are those of that rate")
    return wrong


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION:KEY=VALUE",
                        help="a setting of the ingress, e.g. kafka:linger.ms=1")
    parser.add_argument("--beside", metavar="DIR", help="measures kabao-ingress of another build in the same rounds")
    parser.add_argument("--connections", type=int, nargs="*", default=CONNECTIONS)
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, choices=RATES)
    return parser.parse_args()


def main():
    options = parse_options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the servers, one for load and broker")
    if not (shutil.which("wrk") and shutil.which("h2load")):
        sys.exit("this benchmark needs wrk and h2load (packages wrk and nghttp2-client)")
    pin(LOAD_CORE)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, Stage(Path(directory), options) as stage:
        figures = run_rounds(stage, options)
        pairs = run_pairs(stage, options)
        print_figures(figures)
        ratios = print_pairs(pairs)
        print_goals(stage, figures, ratios)
        errors = find_errors(stage, figures, pairs)
    for error in errors:
        print(f"ERROR: {error}")
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
