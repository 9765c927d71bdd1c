#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a card that fails does to everybody else: latencies of kabao-member at a fixed rate, with and without one
(README.md)."""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import worker as bench  # also finds the kit

from kit.waiting import wait_for
from kit.web import request
from parts import disturbed

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


def warm_up(stage, subject):
    bench.warm_up(stage, subject)
    subject.start(stage)


if __name__ == "__main__":
    given = disturbed.parse_options(__doc__, 60, "for which the card fails in each round")
    disturbed.main(given, int(RATE * (given.seconds + bench.WARM_UP_S)) + 1, warm_up, measure,
                   ("all is well", "a card fails"), "the others", GOAL_GROWN)
