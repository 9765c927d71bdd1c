#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a running replay does to live events where the API path has a limit: latencies of kabao-member, with and without
one (README.md)."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import worker as bench  # also finds the kit

from confluent_kafka import Producer
from parts import disturbed

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


def warm_up(stage, subject):
    subject.start(stage)
    measure(stage, subject, given.seconds, False)  # the broker's code is compiled while it runs


if __name__ == "__main__":
    given = disturbed.parse_options(__doc__, 30, "of live events in each round")
    given.set = [f"quota:{GET}={LIMIT}/min"]
    disturbed.main(given, (LIVE + REPLAYED) * given.seconds, warm_up, measure, ("live", "beside a replay"), "live events",
                   GOAL_GROWN)
