# SPDX-License-Identifier: Apache-2.0
"""Tables that do not grow for ever: months of wechat_event, results of commands; and the migration to months while
somebody writes."""
import hashlib
import threading
import time

import pymysql
import pytest
from kit.program import ROOT, run_tool
from kit.records import event_record
from kit.waiting import wait_for

MONTHS = ("SELECT partition_name AS name FROM information_schema.partitions WHERE table_schema=DATABASE()"
          " AND table_name='wechat_event' ORDER BY partition_ordinal_position")
RECENT = "UTC_TIMESTAMP(3)"


def months(db):
    return [row["name"] for row in db.query(MONTHS)]


def month_names(db, first, last):
    """From so many months ago, or ahead, to so many."""
    return [db.query(f"SELECT DATE_FORMAT(UTC_TIMESTAMP()-INTERVAL ({n}) MONTH,'p%%Y%%m') AS name")[0]["name"]
            for n in range(first, last - 1, -1)]


def grow_old(db, first):
    """As if the table had been there for so many months, and nobody had made any ahead."""
    bounds = [db.query(f"SELECT DATE_FORMAT(UTC_TIMESTAMP()-INTERVAL ({n - 1}) MONTH,'%%Y-%%m-01') AS at")[0]["at"]
              for n in range(first, -1, -1)]
    parts = ",".join(f"PARTITION {name} VALUES LESS THAN ('{at}')"
                     for name, at in zip(month_names(db, first, 0), bounds, strict=True))
    db.query(f"ALTER TABLE wechat_event PARTITION BY RANGE COLUMNS (create_time) ({parts},"
             " PARTITION later VALUES LESS THAN (MAXVALUE))")


def add_events(db, **when):
    for name, at in when.items():
        db.query(f"INSERT INTO wechat_event (event_id,create_time,appid) VALUES (%s,{at},'wx1')", name)


def event_ids(db):
    return {row["event_id"] for row in db.query("SELECT event_id FROM wechat_event")}


def test_store_makes_and_drops_months_and_forgets_results(apply, config, run, db, kafka):
    apply(config)
    grow_old(db, 6)
    add_events(db, old="UTC_TIMESTAMP(3)-INTERVAL 5 MONTH", kept="UTC_TIMESTAMP(3)-INTERVAL 2 MONTH", now=RECENT,
               future="'9999-01-01'")
    for name, at in (("old", "UTC_TIMESTAMP()-INTERVAL 5 MONTH"), ("now", RECENT)):
        db.query(f"INSERT INTO command_result (command_id,outcome,standing,at) VALUES ('{name}','done','2',{at})")
    stores = [run("store", config.with_(store={"keep_months": 3}), ready=False) for _ in range(2)]
    for store in stores:
        store.wait_ready()
    wait_for(lambda: sum(s.metric("kabao_store_upkeep_total") or 0 for s in stores) == 2, 30, "both have looked")
    assert not any(s.metric("kabao_store_upkeep_total", outcome="failed") for s in stores)
    assert months(db) == [*month_names(db, 3, -3), "later"]
    assert event_ids(db) == {"kept", "now", "future"}
    assert [row["command_id"] for row in db.rows("command_result")] == ["now"]

    # What was dropped is given again: it is stored once more, and in nobody's way.
    at = int(time.time()) - 150 * 86400
    for _ in range(2):
        kafka.produce("event.wechat", *event_record("user_get_card", code="1", at=at))
    db.wait_rows("wechat_event", 1, card_code="1")
    kafka.wait_done("store", "event.wechat")
    assert len(db.rows("wechat_event", card_code="1")) == 1


def test_upkeep_that_fails_stops_nothing(apply, config, run, db, kafka):
    apply(config)
    grow_old(db, 0)
    add_events(db, now=RECENT)
    with pymysql.connect(unix_socket=db.server.socket, user="kabao", database=db.name,
                         password=db.server.password_file.read_text(encoding="ascii")) as reader:
        reader.cursor().execute("SELECT COUNT(*) FROM wechat_event")  # of an export that takes its time
        store = run("store", config)
        kafka.produce("event.wechat", *event_record("user_get_card", code="1"))
        db.wait_rows("wechat_event", 1, card_code="1")
        store.wait_metric("kabao_store_upkeep_total", outcome="failed")
        (line,) = store.log_lines("upkeep.failed")
        assert line["code"] == "mysql:1205"
        assert months(db) == [*month_names(db, 0, 0), "later"]
    kafka.produce("event.wechat", *event_record("user_get_card", code="2"))
    db.wait_rows("wechat_event", 1, card_code="2")
    assert store.probe("/healthz") == 200


def test_events_keep_where_they_stood_and_their_trace(apply, config, run, db, kafka):
    apply(config)
    key, value, headers = event_record("user_get_card", code="1")
    place = kafka.produce("event.wechat", key, value, headers)
    store = run("store", config)
    db.wait_rows("wechat_event", 1)
    again = {**headers, "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    kafka.produce("event.wechat", key, value, again)  # a delivery too many: the first stays
    dead = {"dlq-original-topic": kafka.name("event.wechat"), "dlq-original-partition": "2",
            "dlq-original-offset": "4711"}
    key2, value2, headers2 = event_record("user_get_card", code="2")
    kafka.produce("redrive.store", key2, value2, {**headers2, **dead}, partition=2)
    key3, value3, headers3 = event_record("user_get_card", code="3")
    del headers3["traceparent"]
    kafka.produce("redrive.store", key3, value3, {**headers3, "dlq-original-offset": "x"}, partition=0)
    db.wait_rows("wechat_event", 3)
    kafka.wait_done("store", "event.wechat")
    found = {row["card_code"]: (row["trace"], row["part"], row["off"]) for row in db.rows("wechat_event")}
    assert found == {"1": (headers["traceparent"][3:35], *place), "2": (headers2["traceparent"][3:35], 2, 4711),
                     "3": (None, None, None)}
    store.stop()


class Writer(threading.Thread):
    """A worker of the release before, which knows nothing of months: it writes each event and tries again where it must."""

    def __init__(self, db):
        super().__init__()
        self.db, self.written, self.ends = db, [], threading.Event()

    def run(self):
        while not self.ends.is_set():
            name = hashlib.md5(str(len(self.written)).encode(), usedforsecurity=False).hexdigest()
            try:
                self.db.query("SET SESSION lock_wait_timeout=1; INSERT INTO wechat_event (event_id,create_time,appid,"
                              f"card_id,card_code,event,body) VALUES ('{name}',UTC_TIMESTAMP(3),'wx1','c','d','e','')")
                self.written.append(name)
            except pymysql.err.OperationalError as error:
                assert error.args[0] in (1205, 1412, 1615), error


@pytest.mark.parametrize("rows", [60000])
def test_migration_to_months_while_somebody_writes(config, db, rows, tmp_path):
    for script in sorted((ROOT / "schemas/sql").glob("V*.sql")):
        if script.name < "V0010":
            db.query(script.read_text(encoding="utf-8").replace("%", "%%"))
            db.query("INSERT INTO schema_version VALUES (%s,'x',UTC_TIMESTAMP(3))", int(script.name[1:5]))
    db.query("INSERT INTO wechat_event (event_id,create_time,appid,body) SELECT MD5(CONCAT('old',seq)),"
             f"UTC_TIMESTAMP()-INTERVAL seq%%40 MONTH,'wx1',REPEAT('x',300) FROM seq_1_to_{rows}")
    writer = Writer(db)
    writer.start()
    try:
        wait_for(lambda: len(writer.written) > 5, 10, "somebody writes")
        done = run_tool("kabaoctl", "migrate", "--yes", "--config", config.write(tmp_path / "kabao.ini"))
        assert done.returncode == 0 and "V0010" in done.stdout, done
        before = len(writer.written)
        wait_for(lambda: len(writer.written) > before + 5, 10, "they still write")
    finally:
        writer.ends.set()
        writer.join()
    assert db.query("SELECT COUNT(*) AS n FROM wechat_event")[0]["n"] == rows + len(writer.written)
    assert set(writer.written) <= event_ids(db)
    assert months(db) == [*month_names(db, 36, -3), "later"]
