#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a running replay does to live events where the API path has a limit: latencies of kabao-member, with and without
one (README.md)."""
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import worker as bench  # also finds the kit

from confluent_kafka import Producer
from kit.program import BIN
from parts.measure import pin, print_table

LIMIT = 6000  # calls a minute
LIVE = 30  # events a second; the replay gets what they leave
REPLAYED = 50  # records for each second of live events: more than there is time for
GOAL_GROWN = 0.20
GET = "/card/membercard/userinfo/get"


def give_again(stage, subject, records):
    """As `kabaoctl replay` does: to the partition number they came from, which their key gives."""
    producer = Producer({"bootstrap.servers": stage.broker.bootstrap, "partitioner": "murmur2_random",
                         "enable.idempotence": True, "log_level": 2})
    for key, value, headers in records:
        producer.produce(subject.kafka.name("redrive.member"), value, key, headers=headers)
        producer.poll(0)
    assert producer.flush(60) == 0


def measure(stage, subject, seconds, replaying):
    live = stage.records[:int(LIVE * seconds)]
    again = stage.records[len(live):][:REPLAYED * seconds] if replaying else []
    events, members = subject.events.ends(), subject.members.ends()
    give_again(stage, subject, again)
    stage.produce(subject, live, LIVE)
    left = sum(members) + len(live) + len(again) - subject.members.size()
    stage.wait_members(subject, sum(members) + len(live) + len(again))
    keys = {key for key, _, _ in live}
    stored = {}
    for message in subject.members.read(members, subject.members.ends()):
        if message.key().decode() in keys:
            stored.setdefault(message.key(), message.timestamp()[1])
    sent = subject.events.read(events, subject.events.ends())
    assert len(stored) == len(sent) == len(live)
    assert not replaying or left > 0, "the replay was over before the live events"
    return bench.percentiles(stored[m.key()] - m.timestamp()[1] for m in sent)


def print_figures(alone, beside):
    p99 = [bench.median(taken, lambda lat: lat.p99_ms) for taken in (alone, beside)]
    print_table(["", "p50 ms", "p99 ms", "p99 of each round"], [
        [name, f"{bench.median(taken, lambda lat: lat.p50_ms):.0f}", f"{bench.median(taken, lambda lat: lat.p99_ms):.0f}",
         " ".join(f"{lat.p99_ms:.0f}" for lat in taken)] for name, taken in (("live", alone), ("beside a replay", beside))])
    grown = p99[1] / p99[0] - 1
    print(f"p99 of live events has grown by {grown * 100:.0f} %, goal <= {GOAL_GROWN * 100:.0f} %"
          f"{'' if grown <= GOAL_GROWN else '   MISSED'}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30, help="of live events in each round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 10
    options.set, options.beside = [f"quota:{GET}={LIMIT}/min"], None
    return options


def main():
    options = parse_options()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the worker, one for all else")
    pin(bench.LOAD_CORE)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, \
            bench.Stage(Path(directory), (LIVE + REPLAYED) * options.seconds, options) as stage:
        subject = next(s for s in stage.subjects if isinstance(s, bench.Member))
        subject.start(stage)
        taken = {False: [], True: []}
        measure(stage, subject, options.seconds, False)  # the broker's code is compiled while it runs
        for n in range(options.rounds):
            print(f"round {n + 1} of {options.rounds}", file=sys.stderr)
            for replaying in ((True, False) if n % 2 else (False, True)):
                taken[replaying].append(measure(stage, subject, options.seconds, replaying))
        subject.stop()
        print_figures(taken[False], taken[True])
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")


if __name__ == "__main__":
    main()
