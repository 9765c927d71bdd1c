#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rows per second of kabao-store, real broker, real database, beside the same rows one by one (README.md)."""
import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("KABAO_BIN", str(HERE.parents[1] / "build/release/bin"))
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]

from confluent_kafka import Producer

from kit.config import APPID, CARD_ID, default_config
from kit.kafka import Kafka
from kit.program import BIN, Program, run_tool
from kit.servers import Broker, DatabaseServer
from kit.waiting import wait_for
from parts.measure import print_table, tree_cpu_ns

PARTITIONS = 12
RECORDS = 40000  # half of them pushes, one row each, half of them members, three rows each
ROWS = {"wechat_event": RECORDS // 2, "member": RECORDS // 2, "member_field": RECORDS}
SINGLE_S = 4
GOAL = 8


@dataclass(frozen=True)
class Figures:
    rate: float
    client_us: float  # CPU per row
    server_us: float


def headers(record_id, kind):
    return {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": record_id,
            "ce_source": f"/wechat/{APPID}", "ce_type": kind, "ce_time": "2026-01-02T03:04:05.678Z", "ce_appid": APPID,
            "traceparent": f"00-{record_id}-{record_id[:16]}-01"}


def make_records(salt="", since=1760000000):
    """(topic, key, id, type, value) of all records: a push of each card, then its member. Other salts are other
    records."""
    records = []
    for n in range(RECORDS // 2):
        code, at = f"{18255000000 + n:012}", since + n
        card = {"account": "demo", "appid": APPID, "card_id": CARD_ID, "card_code": code,
                "openid": f"oGRUFjk0a1b2c3d4e5f6{n:08}"}
        push = {**card, "to_user": "gh_7f083739789a", "create_time": at, "msg_type": "event", "event": "user_get_card",
                "fields": {"ToUserName": "gh_7f083739789a", "FromUserName": card["openid"], "CreateTime": str(at),
                           "MsgType": "event", "Event": "user_get_card", "CardId": CARD_ID, "UserCardCode": code,
                           "IsGiveByFriend": "0", "OuterStr": "shop-7"}}
        member = {**card, "version": at * 1000, "membership_number": code, "nickname": "小明", "sex": "MALE",
                  "bonus": n % 1000, "balance": 0, "status": "NORMAL", "has_active": True, "outer_str": "shop-7",
                  "form": {"USER_FORM_INFO_FLAG_MOBILE": "15521328888", "USER_FORM_INFO_FLAG_NAME": "张三"},
                  "raw": {"errcode": 0, "errmsg": "ok", "membership_number": code, "bonus": n % 1000}}
        key = f"{APPID}:{CARD_ID}:{code}"
        for topic, kind, value in (("event.wechat", "kabao.wechat.user_get_card", push),
                                   ("state.member", "kabao.member.changed", member)):
            record_id = hashlib.sha256(f"{topic}{n}{salt}".encode()).hexdigest()[:32]
            records.append((topic, key, record_id, kind, json.dumps(value, ensure_ascii=False)))
    return records


class Stage:
    """Broker and database; each round has topics and tables of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.records = make_records()
        self.file = directory / "records"
        self.file.write_text("".join(f"{id_}\t{value}\n" for _, _, id_, _, value in self.records), encoding="utf-8")
        self.broker = Broker(directory / "kafka")
        self.server = DatabaseServer(directory / "mariadb")
        self.rounds = 0

    def __enter__(self):
        try:
            self.broker.start()
            self.server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.broker.kill()
        self.server.kill()

    def prepare(self):
        """(settings, database) with topics and tables, made by the product's own tool."""
        self.rounds += 1
        database = self.server.create()
        config = default_config(self.directory, self.broker, f"bench{self.rounds}", database).with_(
            worker=None, topic={"partitions": PARTITIONS})
        ini = config.write(self.directory / "apply.ini")
        for words in (("topics", "apply"), ("migrate",)):
            done = run_tool("kabaoctl", *words, "--config", ini, "--yes")
            assert done.returncode == 0, f"kabaoctl {' '.join(words)}: {done.stdout}{done.stderr}"
        return config, database

    def produce(self, prefix, records):
        kafka = Kafka(self.broker.bootstrap, prefix, None)
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "partitioner": "murmur2_random",
                             "linger.ms": 20, "enable.idempotence": True, "log_level": 2})
        failed = []
        for topic, key, record_id, kind, value in records:
            producer.produce(kafka.name(topic), value, key, headers=headers(record_id, kind),
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        producer.flush(60)
        assert not failed, f"{len(failed)} records not produced: {failed[0]}"

    def server_cpu_ns(self):
        return tree_cpu_ns(self.server.process.pid)


def written(store):
    return int(store.metric("kabao_store_rows_total") or 0)


def check(database):
    """Every row of every record is there."""
    for table, expected in ROWS.items():
        (found,) = database.query(f"SELECT COUNT(*) AS count FROM `{table}`")
        assert found["count"] == expected, f"{table}: {found['count']} rows, not {expected}"


def run_store(stage, config, records):
    """From the first rows to the last: joining the group is not part of it."""
    stage.produce(config.get("topic", "prefix"), records)
    store = Program("store", config, stage.directory, f"store{stage.rounds}")
    try:
        store.start(ready=False)
        wait_for(lambda: store.probe("/healthz") is not None and written(store) > 0, 60,
                 lambda: f"the first rows; {store.log_text()[-2000:]}")
        first, begin, cpu, server = written(store), time.monotonic(), tree_cpu_ns(store.pid), stage.server_cpu_ns()
        wait_for(lambda: written(store) >= sum(ROWS.values()), 120,
                 lambda: f"all rows; {written(store)} of {sum(ROWS.values())}; {store.log_text()[-2000:]}")
        rows, seconds = written(store) - first, time.monotonic() - begin
        figures = Figures(rows / seconds, (tree_cpu_ns(store.pid) - cpu) / 1000 / rows,
                          (stage.server_cpu_ns() - server) / 1000 / rows)
        store.stop(60)
    finally:
        store.kill()
    return figures


def measure_store(stage):
    config, database = stage.prepare()
    figures = run_store(stage, config, stage.records)
    check(database)
    database.drop()
    return figures


def measure_single(stage, connections, seconds):
    _, database = stage.prepare()
    server, used = stage.server_cpu_ns(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([BIN / "single_row", stage.server.socket, stage.server.password_file, database.name,
                           stage.file, str(connections), str(seconds)],
                          check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows, us = map(int, done.stdout.split())
    cpu_us = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) * 1e6
    figures = Figures(rows / (us / 1e6), cpu_us / rows, (stage.server_cpu_ns() - server) / 1000 / rows)
    database.drop()
    return figures


def print_figures(taken):
    """taken: {name: [Figures of each round]}"""
    def median(name, get):
        return statistics.median(map(get, taken[name]))

    print_table(["", "rows/s", "client CPU us/row", "database CPU us/row"],
                [[name, *(f"{median(name, get):.{digits}f}" for get, digits in
                          ((lambda f: f.rate, 0), (lambda f: f.client_us, 1), (lambda f: f.server_us, 1)))]
                 for name in taken])
    for name in list(taken)[1:]:
        ratios = [store.rate / single.rate for store, single in zip(taken["kabao-store"], taken[name], strict=True)]
        print(f"kabao-store / {name}: {statistics.median(ratios):.1f}", end="")
        print(f", goal >= {GOAL}{'' if statistics.median(ratios) >= GOAL else '   MISSED'}"
              if name == "single rows, 1 connection" else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    rounds, seconds = (1, 2) if options.quick else (3, SINGLE_S)
    begun = time.monotonic()
    taken = {"kabao-store": [], "single rows, 1 connection": [], "single rows, 4 connections": []}
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, Stage(Path(directory)) as stage:
        for n in range(rounds):
            print(f"round {n + 1} of {rounds}", file=sys.stderr)
            taken["kabao-store"].append(measure_store(stage))
            taken["single rows, 1 connection"].append(measure_single(stage, 1, seconds))
            taken["single rows, 4 connections"].append(measure_single(stage, 4, seconds))
        print_figures(taken)
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
