#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a card that fails does to everybody else: latencies of kabao-member at a fixed rate, with and without one
(README.md)."""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import worker as bench  # also finds the kit

from kit.program import BIN
from kit.waiting import wait_for
from kit.web import request
from parts.measure import pin, print_table

RATE = 500  # per second: far from the worker's limit, so that waiting is the engine's doing
BAD_EVERY = 50  # every so many events one about the card that fails
BAD_CODE = "018255000000"
GOAL_GROWN = 0.10
GET = "/card/membercard/userinfo/get"


def script(stage, rules):
    reply = request(("127.0.0.1", stage.sim.port), "POST", "/sim/script", json.dumps(rules))
    assert reply.status == 200, reply.body


def is_bad(message):
    return message.key().decode().endswith(BAD_CODE)


def measure(stage, subject, seconds, failing):
    """Latency from the event in the broker to the member in the broker, of all but the card that fails; the offset that
    is committed passes that card while it fails."""
    good = stage.records[1:int(RATE * (seconds + bench.WARM_UP_S)) + 1]
    bad = stage.records[0]
    records = [r for n, record in enumerate(good) for r in ([record, bad] if n % BAD_EVERY == 0 else [record])]
    script(stage, [{"path": GET, "match": {"code": BAD_CODE}, "do": {"errcode": -1}}] if failing else [])
    events, members = subject.events.ends(), subject.members.ends()
    stage.produce(subject, records, RATE)
    wanted = sum(members) + (len(good) if failing else len(records))
    stage.wait_members(subject, wanted)
    ends = subject.events.ends()

    def committed():
        at = subject.kafka.committed(subject.group, "event.wechat")
        return all(at.get(p, 0) >= end for p, end in enumerate(ends))

    wait_for(committed, 60, "the commit beyond everything, the failing card's events with it")
    script(stage, [])
    stage.wait_members(subject, sum(members) + len(records))
    sent = [m for m in subject.events.read(events, ends) if not is_bad(m)]
    stored = {m.key(): m.timestamp()[1] for m in subject.members.read(members, subject.members.ends()) if not is_bad(m)}
    begin = min(m.timestamp()[1] for m in sent) + bench.WARM_UP_S * 1000
    return bench.percentiles(stored[m.key()] - m.timestamp()[1] for m in sent if m.timestamp()[1] >= begin)


def print_figures(alone, beside):
    p99 = [bench.median(taken, lambda lat: lat.p99_ms) for taken in (alone, beside)]
    print_table(["", "p50 ms", "p99 ms", "p99 of each round"], [
        [name, f"{bench.median(taken, lambda lat: lat.p50_ms):.0f}", f"{bench.median(taken, lambda lat: lat.p99_ms):.0f}",
         " ".join(f"{lat.p99_ms:.0f}" for lat in taken)] for name, taken in (("all is well", alone), ("a card fails", beside))])
    grown = p99[1] / p99[0] - 1
    print(f"p99 of the others has grown by {grown * 100:.0f} %, goal < {GOAL_GROWN * 100:.0f} %"
          f"{'' if grown < GOAL_GROWN else '   MISSED'}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60, help="for which the card fails in each round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 10
    options.set, options.beside = [], None
    return options


def main():
    options = parse_options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the worker, one for all else")
    pin(bench.LOAD_CORE)
    begun = time.monotonic()
    count = int(RATE * (options.seconds + bench.WARM_UP_S)) + 1
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, \
            bench.Stage(Path(directory), count, options) as stage:
        subject = next(s for s in stage.subjects if isinstance(s, bench.Member))
        bench.warm_up(stage, subject)
        subject.start(stage)
        taken = {False: [], True: []}
        for n in range(options.rounds):
            print(f"round {n + 1} of {options.rounds}", file=sys.stderr)
            for failing in ((True, False) if n % 2 else (False, True)):
                taken[failing].append(measure(stage, subject, options.seconds, failing))
        subject.stop()
        print_figures(taken[False], taken[True])
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")


if __name__ == "__main__":
    main()
