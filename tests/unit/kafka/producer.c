/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/producer.h"

#include "base/mem.h"
#include "kafka/tail.h"
#include "tests/unit/kafka/cluster.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { API_PRODUCE = 0, RECORDS = 200 };

static const char TOPIC[] = "test.events";

struct fixture {
    struct cluster cluster;
    char address[64];
    struct producer *producer;
};

/* What became of one record. */
struct outcome {
    int reports;
    int32_t partition;
    int64_t offset;
    char code[32];
};

static void on_delivery(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct outcome *outcome = arg;

    outcome->reports++;
    outcome->partition = partition;
    outcome->offset = offset;
    (void)str_copy(str_from(err != NULL ? err->code : ""), outcome->code, sizeof(outcome->code));
}

static void open_with(struct fixture *f, int64_t timeout_ms)
{
    const struct producer_conf conf = {
        .kafka = &f->cluster.settings,
        .client_id = "test",
        .message_timeout_ms = timeout_ms,
        .linger_ms = "0",
    };
    struct err err;

    assert_int_equal(producer_open(&conf, &f->producer, &err), ST_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    cluster_open(&fixture.cluster, fixture.address, sizeof(fixture.address));
    cluster_topic(&fixture.cluster, TOPIC);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    producer_close(f->producer, deadline_in(0));
    cluster_close(&f->cluster);
    return 0;
}

static enum status send_one(struct fixture *f, struct str key, struct str value,
                            struct outcome *outcome, struct err *err)
{
    const struct outgoing record = {.topic = TOPIC, .partition = -1, .key = key, .value = value};

    return producer_send(f->producer, &record, on_delivery, outcome, err);
}

static void serve_until_idle(struct fixture *f)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);

    while (producer_in_flight(f->producer) > 0 && !deadline_passed(patience))
        producer_poll(f->producer, 100);
    assert_int_equal(producer_in_flight(f->producer), 0);
}

static void test_producer_puts_keys_where_java_does(void **state)
{
    static struct outcome outcomes[RECORDS];
    static char keys[RECORDS][64];
    struct fixture *f = *state;
    struct err err;

    memset(outcomes, 0, sizeof(outcomes));
    open_with(f, 0);
    for (int i = 0; i < RECORDS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "wx0123:pGRUF\303\251:%d", i);
        assert_int_equal(send_one(f, str_from(keys[i]), STR("{}"), &outcomes[i], &err), ST_OK);
    }
    serve_until_idle(f);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(outcomes[i].reports, 1);
        assert_string_equal(outcomes[i].code, "");
        assert_true(outcomes[i].offset >= 0);
        assert_int_equal(outcomes[i].partition, record_partition(str_from(keys[i]), PARTITIONS));
    }
}

static void read_one(struct tail *tail, struct kafka_message **out)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);
    struct err err;

    *out = NULL;
    while (*out == NULL && !deadline_passed(patience))
        assert_int_equal(tail_poll(tail, 100, out, &err), ST_OK);
    assert_non_null(*out);
}

/* Sends a record to partition 2 and checks that it comes back as it went. */
static void check_round_trip(struct fixture *f, const struct outgoing *sent)
{
    const char *const topics[] = {TOPIC};
    const struct tail_conf conf = {
        .kafka = &f->cluster.settings,
        .topics = topics,
        .topic_count = 1,
        .from = TAIL_END,
    };
    struct outcome outcome = {0};
    struct kafka_message *message;
    const struct record *got;
    struct tail *tail;
    struct err err;

    assert_int_equal(tail_open(&conf, deadline_in(PATIENCE_MS), &tail, &err), ST_OK);
    assert_int_equal(producer_send(f->producer, sent, on_delivery, &outcome, &err), ST_OK);
    serve_until_idle(f);
    read_one(tail, &message);
    got = kafka_message_record(message);
    assert_string_equal(got->topic.ptr, TOPIC);
    assert_int_equal(got->partition, 2);
    assert_int_equal(got->offset, outcome.offset);
    assert_int_equal(got->timestamp_ms, sent->timestamp_ms);
    assert_int_equal(str_is_set(got->key), str_is_set(sent->key));
    assert_int_equal(str_is_set(got->value), str_is_set(sent->value));
    assert_true(str_eq(got->key, sent->key) && str_eq(got->value, sent->value));
    assert_int_equal(got->header_count, sent->header_count);
    for (size_t i = 0; i < got->header_count; i++) {
        assert_true(str_eq(got->headers[i].name, sent->headers[i].name));
        assert_true(str_eq(got->headers[i].value, sent->headers[i].value));
        assert_int_equal(str_is_set(got->headers[i].value), str_is_set(sent->headers[i].value));
    }
    kafka_message_free(message);
    tail_close(tail);
}

static void test_producer_records_come_back_byte_for_byte(void **state)
{
    const struct header headers[] = {
        {STR("ce_id"), STR("1")}, {STR("ce_id"), STR("again")},    {STR("empty"), STR("")},
        {STR("null"), {NULL, 0}}, {STR("bytes"), STR("\000\377")},
    };
    const struct str contents[] = {STR("{}"), STR(""), {NULL, 0}, STR("a\000b")};
    struct fixture *f = *state;

    open_with(f, 0);
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        const struct outgoing record = {
            .topic = TOPIC,
            .partition = 2,
            .timestamp_ms = 1700000000123,
            .key = contents[i],
            .value = contents[COUNT_OF(contents) - 1 - i],
            .headers = headers,
            .header_count = i == 0 ? 0 : COUNT_OF(headers),
        };

        check_round_trip(f, &record);
    }
}

static void test_producer_refuses_a_record_that_is_too_large(void **state)
{
    struct fixture *f = *state;
    const size_t size = 2U << 20;
    AUTO(mem_freep) char *large = mem_zalloc(size);
    struct outcome outcome = {0};
    struct err err;

    open_with(f, 0);
    assert_int_equal(send_one(f, STR("k"), str_of(large, size), &outcome, &err), ST_REJECT);
    assert_string_equal(err.code, "kafka:too-large");
    assert_int_equal(producer_in_flight(f->producer), 0);
    assert_int_equal(outcome.reports, 0);
}

static void test_producer_reports_each_record_once_when_full_and_closed(void **state)
{
    static char name[] = "queue.buffering.max.messages";
    static char two[] = "2";
    struct fixture *f = *state;
    struct outcome outcomes[3] = {0};
    struct err err;

    cluster_set(&f->cluster, (struct kafka_property){name, two});
    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    open_with(f, 0);
    assert_int_equal(send_one(f, STR("k"), STR("1"), &outcomes[0], &err), ST_OK);
    assert_int_equal(send_one(f, STR("k"), STR("2"), &outcomes[1], &err), ST_OK);
    assert_int_equal(send_one(f, STR("k"), STR("3"), &outcomes[2], &err), ST_RETRY);
    assert_string_equal(err.code, "kafka:queue-full");
    producer_close(f->producer, deadline_in(100));
    f->producer = NULL;
    assert_int_equal(outcomes[0].reports, 1);
    assert_int_equal(outcomes[1].reports, 1);
    assert_int_equal(outcomes[2].reports, 0);
    assert_string_equal(outcomes[1].code, "kafka:closed");
}

static void test_producer_gives_up_after_the_message_timeout(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    struct err err;

    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    open_with(f, 300);
    assert_int_equal(send_one(f, STR("k"), STR("v"), &outcome, &err), ST_OK);
    serve_until_idle(f);
    assert_int_equal(outcome.reports, 1);
    assert_string_equal(outcome.code, "kafka:timeout");
}

static void test_producer_survives_errors_that_pass(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    struct err err;

    open_with(f, 0);
    rd_kafka_mock_push_request_errors(f->cluster.mock, API_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR__TRANSPORT);
    assert_int_equal(send_one(f, STR("k"), STR("v"), &outcome, &err), ST_OK);
    serve_until_idle(f);
    assert_int_equal(outcome.reports, 1);
    assert_string_equal(outcome.code, "");
    assert_int_equal(outcome.offset, 0);
}

static void test_producer_reports_what_the_broker_refuses(void **state)
{
    struct fixture *f = *state;
    const struct deadline patience = deadline_in(PATIENCE_MS);
    struct outcome outcomes[2] = {0};
    int32_t partitions = 0;
    enum status rc;
    struct err err;

    open_with(f, 0);
    rd_kafka_mock_push_request_errors(f->cluster.mock, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(send_one(f, STR("k"), STR("1"), &outcomes[0], &err), ST_OK);
    serve_until_idle(f);
    assert_string_equal(outcomes[0].code, "kafka:authorization");
    /* Refused until the next metadata says otherwise. */
    while ((rc = send_one(f, STR("k"), STR("2"), &outcomes[1], &err)) == ST_RETRY &&
           !deadline_passed(patience))
        assert_int_equal(
            producer_topic(f->producer, TOPIC, deadline_in(PATIENCE_MS), &partitions, &err), ST_OK);
    assert_int_equal(rc, ST_OK);
    serve_until_idle(f);
    assert_string_equal(outcomes[1].code, "");
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};

    return poll(&watched, 1, timeout_ms) == 1;
}

static void test_producer_descriptor_rings_for_reports(void **state)
{
    struct fixture *f = *state;
    struct outcome outcomes[2] = {0};
    struct err err;
    int fd;

    open_with(f, 0);
    fd = producer_fd(f->producer);
    producer_drain(f->producer);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        assert_int_equal(send_one(f, STR("k"), STR("v"), &outcomes[i], &err), ST_OK);
        while (outcomes[i].reports == 0) {
            assert_true(is_readable(fd, PATIENCE_MS));
            producer_drain(f->producer);
        }
        assert_false(is_readable(fd, 0));
    }
    assert_int_equal(producer_fd(f->producer), fd);
}

static void test_producer_topic_tells_what_is_there(void **state)
{
    struct fixture *f = *state;
    int32_t partitions = -1;
    struct err err;

    open_with(f, 0);
    assert_int_equal(
        producer_topic(f->producer, TOPIC, deadline_in(PATIENCE_MS), &partitions, &err), ST_OK);
    assert_int_equal(partitions, PARTITIONS);
    rd_kafka_mock_topic_set_error(f->cluster.mock, "test.none",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(
        producer_topic(f->producer, "test.none", deadline_in(PATIENCE_MS), &partitions, &err),
        ST_FATAL);
    assert_string_equal(err.code, "kafka:topic");
    assert_non_null(strstr(err.text, "kabaoctl topics apply"));
    assert_int_equal(partitions, PARTITIONS);
    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    assert_int_equal(producer_topic(f->producer, TOPIC, deadline_in(300), &partitions, &err),
                     ST_RETRY);
}

static void test_producer_send_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    enum status rc = ST_RETRY;
    struct err err;
    size_t nth = 0;

    open_with(f, 0);
    while (rc != ST_OK) {
        mem_fail_at(++nth, true);
        rc = send_one(f, STR("k"), STR("v"), &outcome, &err);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || rc == ST_RETRY);
        assert_int_equal(producer_in_flight(f->producer), rc == ST_OK ? 1 : 0);
        assert_true(nth < 20);
    }
    serve_until_idle(f);
    assert_int_equal(outcome.reports, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_producer_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(puts_keys_where_java_does),
        CASE(records_come_back_byte_for_byte),
        CASE(refuses_a_record_that_is_too_large),
        CASE(reports_each_record_once_when_full_and_closed),
        CASE(gives_up_after_the_message_timeout),
        CASE(survives_errors_that_pass),
        CASE(reports_what_the_broker_refuses),
        CASE(descriptor_rings_for_reports),
        CASE(topic_tells_what_is_there),
        CASE(send_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
