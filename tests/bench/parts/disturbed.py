# SPDX-License-Identifier: Apache-2.0
"""kabao-member's latencies with and without something beside it that takes its time, in turns."""
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import worker as bench

from kit.program import BIN
from parts.measure import pin, print_table


def parse_options(what, seconds, seconds_help):
    """--quick, --rounds, --seconds, and what a Stage asks for."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=seconds, help=seconds_help)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 10
    options.set, options.beside = [], None
    return options


def run(options, events, warm_up, measure):
    """{False: [Latency], True: [Latency]}, without and with the disturbance. `events` are made for the stage; then
    warm_up(stage, subject) starts the subject, and measure(stage, subject, seconds, disturbed) is a turn."""
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores: one for the worker, one for all else")
    pin(bench.LOAD_CORE)
    taken = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, \
            bench.Stage(Path(directory), events, options) as stage:
        subject = next(s for s in stage.subjects if isinstance(s, bench.Member))
        warm_up(stage, subject)
        for n in range(options.rounds):
            print(f"round {n + 1} of {options.rounds}", file=sys.stderr)
            for disturbed in ((True, False) if n % 2 else (False, True)):
                taken[disturbed].append(measure(stage, subject, options.seconds, disturbed))
        subject.stop()
    return taken


def print_figures(taken, names, whose, goal):
    """names: without, with; goal: by which share p99 may grow."""
    p99 = [bench.median(taken[disturbed], lambda lat: lat.p99_ms) for disturbed in (False, True)]
    print_table(["", "p50 ms", "p99 ms", "p99 of each round"], [
        [name, f"{bench.median(rounds, lambda lat: lat.p50_ms):.0f}", f"{bench.median(rounds, lambda lat: lat.p99_ms):.0f}",
         " ".join(f"{lat.p99_ms:.0f}" for lat in rounds)] for name, rounds in zip(names, taken.values(), strict=True)])
    grown = p99[1] / p99[0] - 1
    print(f"p99 of {whose} has grown by {grown * 100:.0f} %, goal < {goal * 100:.0f} %{'' if grown < goal else '   MISSED'}")


def main(options, events, warm_up, measure, names, whose, goal):
    begun = time.monotonic()
    print_figures(run(options, events, warm_up, measure), names, whose, goal)
    print(f"{time.monotonic() - begun:.0f} s, {BIN}")
