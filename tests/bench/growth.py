#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What two years of events cost: kabao-store's rows per second, look-ups, and forgetting, in a full database beside an
empty one (README.md)."""
import argparse
import hashlib
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import store as bench  # also finds the kit

import pymysql
from kit.config import APPID, CARD_ID
from kit.program import run_tool
from parts.measure import print_table

MONTHS = 24  # full ones, before this month
BATCH = 500000  # rows of one statement: a month, so that its pages are written once
CARDS = 500000
LOOKUPS = 300
GOAL = 1.1  # times the time on the empty tables
# An event by its number: its names are hashes, so that rows and indexes meet it in no order, as in life.
EVENT = """INSERT INTO wechat_event (event_id,create_time,appid,openid,card_id,card_code,event,body,trace,part,off)
SELECT MD5(CONCAT('e',seq)), %s + INTERVAL FLOOR(RAND(seq)*%s*86400) SECOND, '{appid}',
 CONCAT('oGRUFjk',SUBSTR(MD5(seq%%{cards}),1,21)), '{card}', LPAD(seq%%{cards},12,'0'), 'user_get_card', REPEAT('x',600),
 MD5(CONCAT('t',seq)), seq%%12, seq FROM seq_{{}}_to_{{}} ORDER BY 1""".format(appid=APPID, card=CARD_ID, cards=CARDS)
RESULT = """INSERT INTO command_result (command_id,account,type,outcome,errcode,answer,at,standing)
SELECT MD5(CONCAT('c',seq)),'demo','card.get','done',0,REPEAT('x',300), %s + INTERVAL FLOOR(RAND(seq)*%s*86400) SECOND,
 MD5(seq) FROM seq_{}_to_{}"""


def md5(text):
    return hashlib.md5(str(text).encode(), usedforsecurity=False).hexdigest()


LOOKED_FOR = {  # what `kabaoctl trace` asks for: a value of event n
    "event_id": lambda n: md5(f"e{n}"),
    "trace": lambda n: md5(f"t{n}"),
    "card_code": lambda n: f"{n % CARDS:012}",
    "openid": lambda n: f"oGRUFjk{md5(n % CARDS)[:21]}",
}


def prepare(stage, older):
    """(settings, database), whose first month is so many months ago, as if it had been kept since."""
    config, database = stage.prepare()
    if older:
        months = database.query("SELECT " + ",".join(
            f"DATE_FORMAT(UTC_TIMESTAMP()-INTERVAL {n} MONTH,'p%%Y%%m') AS n{n},"
            f"DATE_FORMAT(UTC_TIMESTAMP()-INTERVAL {n - 1} MONTH,'%%Y-%%m-01') AS b{n}" for n in range(older, -1, -1)))[0]
        parts = ",".join(f"PARTITION {months[f'n{n}']} VALUES LESS THAN ('{months[f'b{n}']}')"
                         for n in range(older, -1, -1))
        database.query(f"ALTER TABLE wechat_event REORGANIZE PARTITION {months['n0']} INTO ({parts})")
    return config, database


def fill(database, events):
    """Month by month, as they came."""
    begun, per_month, done = time.monotonic(), events // MONTHS, 0
    for n in range(MONTHS, 0, -1):
        (month,) = database.query(f"SELECT DATE_FORMAT(UTC_TIMESTAMP()-INTERVAL {n} MONTH,'%%Y-%%m-01') AS start")
        end = events if n == 1 else done + per_month
        while done < end:
            last = min(done + BATCH, end)
            database.query(EVENT.format(done + 1, last), month["start"], 28)
            database.query(RESULT.format(done // 10 + 1, last // 10), month["start"], 28)
            done = last
        print(f"  {done} events, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return done / (time.monotonic() - begun)


def percentiles(seconds):
    ordered = sorted(seconds)
    return statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99)] * 1000


class Reader:
    """One connection, as a tool has it."""

    def __init__(self, database):
        self.connection = pymysql.connect(
            unix_socket=database.server.socket, user="kabao", database=database.name, autocommit=True,
            password=database.server.password_file.read_text(encoding="ascii"), charset="utf8mb4")

    def __call__(self, sql, *args):
        with self.connection.cursor() as cursor:
            begun = time.perf_counter()
            count = cursor.execute(sql, args)
            cursor.fetchall()
            return time.perf_counter() - begun, count


def look_up(database, events):
    """{name: (p50, p99 in ms, rows a look-up finds)}"""
    read, chance, found = Reader(database), random.Random(1), {}
    for column, value in LOOKED_FOR.items():
        taken, rows = [], 0
        for _ in range(LOOKUPS):
            seconds, count = read(f"SELECT event_id,create_time,event,body,trace,part,off FROM wechat_event"
                                  f" WHERE {column}=%s ORDER BY create_time", value(chance.randint(1, max(events, 1))))
            taken.append(seconds)
            rows += count
        found[column] = (*percentiles(taken), rows / LOOKUPS)
    return found


def forget(database):
    """[(what, how long)] as kabao-store does it."""
    read, told = Reader(database), []
    months = [row["n"] for row in database.query(
        "SELECT partition_name AS n FROM information_schema.partitions WHERE table_schema=DATABASE()"
        " AND table_name='wechat_event' ORDER BY partition_ordinal_position")]
    (rows,) = database.query(f"SELECT COUNT(*) AS n FROM wechat_event PARTITION ({months[0]})")
    seconds, _ = read(f"ALTER TABLE wechat_event DROP PARTITION {months[0]}")
    told.append((f"drop a month of {rows['n']} events", f"{seconds * 1000:.0f} ms"))
    seconds, _ = read("ALTER TABLE wechat_event REORGANIZE PARTITION later INTO (PARTITION p209912 VALUES LESS THAN"
                      " ('2100-01-01'), PARTITION later VALUES LESS THAN (MAXVALUE))")
    told.append(("make a month", f"{seconds * 1000:.0f} ms"))
    taken, deleted = [], 0
    for _ in range(100):
        seconds, count = read("DELETE FROM command_result WHERE at<UTC_TIMESTAMP(3)-INTERVAL 20 MONTH"
                              " ORDER BY at LIMIT 500")
        taken.append(seconds)
        deleted += count
        if count < 500:
            break
    p50, p99 = percentiles(taken)
    told.append((f"delete 500 results of commands ({deleted / sum(taken):.0f} rows/s)", f"p50 {p50:.0f}, p99 {p99:.0f} ms"))
    return told


def migrate(stage, events):
    """How long V0010 takes on a table with so many rows, as it was before."""
    config, database = stage.prepare()
    database.query("DELETE FROM schema_version WHERE version>=10; DROP TABLE wechat_event")
    for script in ("V0001__members_and_events.sql",):
        database.query((HERE.parents[1] / "schemas/sql" / script).read_text(encoding="utf-8").replace("%", "%%"))
    for first in range(1, events, BATCH):
        database.query(EVENT.replace(",trace,part,off)", ")").replace(
            "\n MD5(CONCAT('t',seq)), seq%%12, seq FROM", " FROM").replace("REPEAT('x',600),", "REPEAT('x',600)").format(
                first, min(first + BATCH - 1, events)), time.strftime("%Y-%m-01"), 20)
    begun = time.monotonic()
    done = run_tool("kabaoctl", "migrate", "--yes", "--config", config.write(stage.directory / "migrate.ini"), timeout=3600)
    assert done.returncode == 0, done.stderr
    print(f"migrate: {events} events in {time.monotonic() - begun:.0f} s; it said: {(done.stderr + done.stdout).strip()}")
    database.drop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10000000, help="in the full table; a tenth as many results")
    parser.add_argument("--quick", action="store_true", help="100,000 events, one round")
    options = parser.parse_args()
    events, rounds = (100000, 1) if options.quick else (options.events, 3)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, bench.Stage(Path(directory)) as stage:
        migrate(stage, events // 20)
        subjects = {"empty": prepare(stage, 0), "full": prepare(stage, MONTHS)}
        rate = fill(subjects["full"][1], events)
        print(f"filled with {events} events and {events // 10} results, {rate:.0f} events/s")
        taken = {name: [] for name in subjects}
        for n in range(rounds):
            for name, (config, _) in subjects.items():
                print(f"round {n + 1} of {rounds}: {name}", file=sys.stderr)
                config, _ = again(stage, config)
                records = bench.make_records(f"{name}{n}", int(time.time()) - bench.RECORDS)
                taken[name].append(bench.run_store(stage, config, records))
        print_table(["kabao-store", "rows/s", "client CPU us/row", "database CPU us/row"],
                    [[name, *(f"{statistics.median(map(get, taken[name])):.{digits}f}" for get, digits in
                              ((lambda f: f.rate, 0), (lambda f: f.client_us, 1), (lambda f: f.server_us, 1)))]
                     for name in subjects])
        ratio = statistics.median(e.rate / f.rate for e, f in zip(taken["empty"], taken["full"], strict=True))
        print(f"empty / full: {ratio:.2f}, goal <= {GOAL}{'' if ratio <= GOAL else '   MISSED'}")
        for name, (_, database) in subjects.items():
            expected = rounds * bench.RECORDS // 2 + (events if name == "full" else 0)
            (found,) = database.query("SELECT COUNT(*) AS n FROM wechat_event")
            assert found["n"] == expected, f"{name}: {found['n']} events, not {expected}"
            looked = look_up(database, events if name == "full" else 0)
            print_table([f"look-up, {name}", "p50 ms", "p99 ms", "rows"],
                        [[column, f"{p50:.2f}", f"{p99:.2f}", f"{rows:.1f}"] for column, (p50, p99, rows) in looked.items()])
        print_table(["forgetting, full", ""], [list(line) for line in forget(subjects["full"][1])])
    print(f"{time.monotonic() - begun:.0f} s")


def again(stage, config):
    """The same database with topics of a new prefix: nobody reads what was there before."""
    stage.rounds += 1
    config = config.with_(topic={"prefix": f"bench{stage.rounds}"})
    done = run_tool("kabaoctl", "topics", "apply", "--config", config.write(stage.directory / "apply.ini"), "--yes")
    assert done.returncode == 0, f"kabaoctl topics apply: {done.stdout}{done.stderr}"
    return config, stage.rounds


if __name__ == "__main__":
    main()
