# SPDX-License-Identifier: Apache-2.0
"""The worker engine, with kabao-store as its vehicle: starts that must wait or refuse, dead letters, servers that come
and go, stops under load, children and parents that die."""
import os
import re
import signal
import threading
import time

import pytest
from kit.config import APPID, CARD_ID
from kit.records import event_record
from kit.retention import delete_records
from kit.scale import count
from kit.waiting import wait_for

DRAIN_S = 25  # [worker] drain_timeout_ms


def produce(kafka, numbers, event="user_get_card"):
    """One event a number, each of a card of its own."""
    for n in numbers:
        kafka.produce("event.wechat", *event_record(event, code=f"{n:012d}"))


def rows(db):
    return db.query("SELECT COUNT(*) AS n FROM wechat_event")[0]["n"]


def wait_rows(db, n, timeout=60):
    wait_for(lambda: rows(db) >= n, timeout, lambda: f"{n} rows; {rows(db)}")
    assert rows(db) == n


def committed(kafka):
    return sum(kafka.committed(f"{kafka.prefix}-store", "event.wechat").values())


def stop_in_time(program, seconds=DRAIN_S):
    begun = time.monotonic()
    program.stop(seconds + 10)
    assert time.monotonic() - begun <= seconds + 1


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def store(apply, config, run):
    apply(config)
    return run("store", config)


def refused(run, config):
    program = run("store", config, ready=False)
    assert program.wait_exit(40) == 78
    return program.log_text()


def test_another_number_of_partitions_is_refused(apply, config, run):
    apply(config)
    log = refused(run, config.with_(topic={"partitions": 4}))
    assert re.search(r"event\.wechat\.v1 has 3 partitions, \[topic\] partitions says 4.*remedy", log), log


def test_missing_topics_are_refused(config, run):
    assert "kabaoctl topics apply" in refused(run, config)


def test_missing_tables_are_refused(config, run, kafka):
    kafka.create("event.wechat", "state.member", "event.activation", "event.binding", "result.wechat", "dlq.store",
                 "redrive.store")
    assert "kabaoctl migrate" in refused(run, config)


def test_a_start_waits_for_broker_and_database(apply, config, run, broker, db, kafka):
    apply(config)
    broker.stop()
    db.server.stop()
    program = run("store", config, ready=False)
    wait_for(lambda: program.probe("/healthz") == 200, 20, "the admin port")
    assert program.probe("/readyz") == 503
    assert program.metric("kabao_processed_total", outcome="ok") == 0
    broker.start()
    wait_for(lambda: any("mysql" in line.get("code", "") for line in program.log_lines("start.waits")), 30,
             "a word about the database")
    assert program.probe("/readyz") == 503
    db.server.start()
    program.wait_ready()
    produce(kafka, range(3))
    wait_rows(db, 3)


def test_a_start_that_waits_can_be_stopped(apply, config, run, broker):
    apply(config)
    broker.stop()
    program = run("store", config, ready=False)
    wait_for(lambda: program.probe("/healthz") == 200, 20, "the admin port")
    stop_in_time(program)


def test_a_record_at_the_size_limit_can_die(store, kafka):
    """What a producer may send at most, and the headers of a dead letter beside it."""
    key, _, headers = event_record("user_get_card", code="1")
    value = '{"event":"%s"}' % ("x" * 999_400)
    kafka.produce("event.wechat", key, value, headers)
    (letter,) = kafka.wait("dlq.store", 1)
    assert (letter.header("dlq-reason"), letter.value) == ("schema", value.encode())
    size = sum(len(name) + len(text) for name, text in letter.headers) + len(key) + len(value)
    assert size > 1_000_000


def test_what_is_no_event_is_dead_at_once(store, kafka, db):
    key, value, headers = event_record("user_get_card", code="1")
    odd = {**headers, "x-bytes": b"\x00\xff\x80", "dlq-theirs": b"stays"}
    without_id = {name: text for name, text in odd.items() if name != "ce_id"}
    kafka.produce("event.wechat", key, value, without_id, partition=1, timestamp_ms=1760000000123)
    kafka.produce("event.wechat", key, b"{\xff not JSON", odd, partition=1)
    kafka.produce("event.wechat", key, b'{"event":"user_get_card"}', odd, partition=1)
    kafka.produce("event.wechat", None, value, headers)
    letters = sorted(kafka.wait("dlq.store", 3), key=lambda r: int(r.header("dlq-original-offset")))
    wait_rows(db, 1)
    assert [r.header("dlq-reason") for r in letters] == ["malformed", "malformed", "schema"]
    first, second, third = letters
    assert {r.key for r in letters} == {key}
    assert (first.value, second.value, third.value) == (value.encode(), b"{\xff not JSON", b'{"event":"user_get_card"}')
    for letter, original in ((first, without_id), (second, odd), (third, odd)):
        kept = [(n, v) for n, v in letter.headers if n in original]
        assert kept == [(n, v if isinstance(v, bytes) else v.encode()) for n, v in original.items()]
        assert not [n for n, _ in letter.headers if n.startswith("__")]
    assert first.header("dlq-original-topic") == kafka.name("event.wechat")
    assert first.header("kafka_dlt-original-topic") == kafka.name("event.wechat")
    assert (first.header("dlq-original-partition"), first.header("dlq-original-offset")) == ("1", "0")
    assert first.header("dlq-original-timestamp") == "2025-10-09T08:53:20.123Z"
    assert (first.header("dlq-attempts"), first.header("dlq-crashes")) == ("1", "0")
    assert (first.header("dlq-worker"), first.header("dlq-consumer-group")) == ("store", f"{kafka.prefix}-store")
    assert abs(first.timestamp_ms / 1000 - time.time()) < 60
    assert store.metric("kabao_dlq_total", reason="malformed") == 2
    assert store.metric("kabao_processed_total", outcome="dead") == 3
    kafka.wait_done("store", "event.wechat")


def test_a_row_that_cannot_be_stored_dies_alone(store, kafka, db):
    produce(kafka, range(20))
    kafka.produce("event.wechat", *event_record("user_get_card", code="9" * 65))
    produce(kafka, range(20, 40))
    wait_rows(db, 40)
    (letter,) = kafka.wait("dlq.store", 1)
    assert (letter.header("dlq-reason"), letter.header("dlq-error-code")) == ("rejected", "mysql:1406")
    kafka.wait_done("store", "event.wechat")


def test_records_of_no_interest_pass(store, kafka):
    key, value, headers = event_record("user_get_card", code="1")
    kafka.produce("event.wechat", key, value, {**headers, "ce_type": "com.example.other"})
    kafka.produce("state.member", f"{APPID}:{CARD_ID}:1", None)
    kafka.wait_done("store", "event.wechat")
    kafka.wait_done("store", "state.member")
    store.wait_metric("kabao_processed_total", 2, outcome="ignored")
    assert kafka.read("dlq.store") == []


def test_the_database_goes_and_comes_back(store, kafka, db):
    produce(kafka, range(10))
    wait_rows(db, 10)
    db.server.stop()
    produce(kafka, range(10, 60))
    wait_for(lambda: store.probe("/readyz") == 503, 30, "readyz red")
    assert store.probe("/healthz") == 200
    wait_for(lambda: store.metric("kabao_consumer_lag_records", topic=kafka.name("event.wechat")) == 50, 20, "the lag")
    wait_for(lambda: store.metric("kabao_consumer_lag_seconds") > 0.5, 20, "the lag in seconds")
    assert store.metric("kabao_inflight_records") == 50
    assert store.metric("kabao_oldest_inflight_seconds") > 0
    db.server.start()
    wait_rows(db, 60)
    kafka.wait_done("store", "event.wechat")
    wait_for(lambda: store.probe("/readyz") == 200, 30, "readyz green")
    wait_for(lambda: store.metric("kabao_consumer_lag_records") == 0, 20, "no lag")
    assert not store.metric("kabao_retries_total"), "nobody's fault, so no attempt"
    assert kafka.read("dlq.store") == []


def test_a_group_without_commits_is_as_far_behind_as_its_topics_are(apply, config, run, kafka, db):
    apply(config)
    produce(kafka, range(30))
    delete_records(kafka, "event.wechat", {number: -1 for number in range(3)})
    store = run("store", config.with_(worker={"max_inflight": 2}))
    assert store.metric("kabao_consumer_lag_records") == 0, "what retention took waits for nobody"
    assert store.metric("kabao_useful_replicas") == 0
    db.server.stop()
    produce(kafka, range(60))
    wait_for(lambda: store.metric("kabao_consumer_lag_records", topic=kafka.name("event.wechat")) == 60, 20,
             lambda: f"all of the lag; {store.metric('kabao_consumer_lag_records')}")
    assert store.metric("kabao_useful_replicas") == 3
    db.server.start()
    kafka.wait_done("store", "event.wechat")
    wait_for(lambda: store.metric("kabao_consumer_lag_records") == 0, 20, "no lag")


def test_a_frozen_database_is_survived(store, kafka, db):
    produce(kafka, range(5))
    wait_rows(db, 5)
    db.server.freeze()
    produce(kafka, range(5, 25))
    wait_for(lambda: store.probe("/readyz") == 503, 40, "readyz red")
    db.server.thaw()
    wait_rows(db, 25)
    assert kafka.read("dlq.store") == []


def test_the_broker_goes_and_comes_back(store, kafka, db, broker):
    produce(kafka, range(10))
    wait_rows(db, 10)
    child = store.children()
    broker.stop()
    wait_for(lambda: store.probe("/readyz") == 503, 30, "readyz red")
    assert store.probe("/healthz") == 200
    broker.start()
    produce(kafka, range(10, 20))
    wait_rows(db, 20)
    kafka.wait_done("store", "event.wechat", 60)
    wait_for(lambda: store.probe("/readyz") == 200, 30, "readyz green")
    assert store.children() == child


@pytest.mark.deadline(240)
def test_a_stop_under_load_redoes_nothing(apply, config, run, kafka, db):
    apply(config)
    total = count(20000, 1500)
    produce(kafka, range(total))
    done = 0
    for _ in range(4):
        program = run("store", config.with_(worker={"max_inflight": 200}))
        program.wait_metric("kabao_processed_total", min(150, total - done))
        stop_in_time(program)
        assert committed(kafka) == rows(db), "all that was done is committed"
        done = rows(db)
    program = run("store", config)
    wait_rows(db, total)
    assert program.metric("kabao_processed_total") == total - done
    assert program.metric("kabao_late_results_dropped_total") == 0


@pytest.mark.deadline(240)
@pytest.mark.parametrize("server", ["database", "broker"])
@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_a_stop_while_a_server_is_away(store, kafka, db, broker, server, how):
    produce(kafka, range(30))
    wait_rows(db, 30)
    away = db.server if server == "database" else broker
    getattr(away, how)()
    if server == "database":
        produce(kafka, range(30, 90))
        wait_for(lambda: store.metric("kabao_inflight_records") == 60, 20, "records in hand")
    stop_in_time(store)


def test_a_second_signal_ends_at_once(store, kafka, db):
    db.server.freeze()
    produce(kafka, range(30))
    wait_for(lambda: store.metric("kabao_inflight_records") == 30, 20, "records in hand")
    store.signal(signal.SIGTERM)
    wait_for(lambda: store.log_lines("stopping"), 10, "the first signal")
    assert store.running
    store.signal(signal.SIGTERM)
    assert store.wait_exit(5) == 1


def test_a_signal_to_parent_and_child_alike_is_one(store, kafka, db):
    produce(kafka, range(50))
    store.wait_metric("kabao_processed_total")
    os.killpg(store.pid, signal.SIGINT)
    assert store.wait_exit(DRAIN_S) == 0
    assert committed(kafka) == rows(db)


def test_a_child_that_is_killed_is_replaced(store, kafka, db):
    produce(kafka, range(10))
    wait_rows(db, 10)
    (child,) = store.children()
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: store.children() not in ([], [child]), 10, "another child")
    produce(kafka, range(10, 20))
    wait_rows(db, 20)
    (died,) = store.log_lines("supervisor.child_died")
    assert died["signal"] == signal.SIGKILL


def test_a_child_ends_with_its_parent(store):
    (child,) = store.children()
    store.signal(signal.SIGKILL)
    store.wait_exit(5)
    wait_for(lambda: not is_alive(child), 5, "the child's end")


@pytest.mark.deadline(240)
def test_instances_share_and_take_over(apply, config, run, kafka, db):
    apply(config)
    total = count(20000, 1200)
    programs = [run("store", config)]
    producer = threading.Thread(target=produce, args=(kafka, range(total)))
    producer.start()
    for _ in range(2):
        programs.append(run("store", config))
    wait_for(lambda: rows(db) >= total // 4, 60, "a quarter")
    programs[0].stop()
    wait_for(lambda: rows(db) >= total // 2, 60, "half")
    programs[1].kill()
    producer.join()
    programs[2].wait_metric("kabao_rebalances_total", 2, type="assigned")
    produce(kafka, range(total, total + 30))
    wait_rows(db, total + 30, 90)
    kafka.wait_done("store", "event.wechat", 60)
    assert kafka.read("dlq.store") == []
