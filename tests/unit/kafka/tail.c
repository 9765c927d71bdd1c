/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/tail.h"

#include "kafka/producer.h"
#include "tests/unit/kafka/cluster.h"

static const char TOPIC[] = "test.state";
static const char *const TOPICS[] = {TOPIC};

struct fixture {
    struct cluster cluster;
    char address[64];
    struct producer *producer;
    struct tail *tail;
};

static int set_up(void **state)
{
    static char wait_name[] = "fetch.wait.max.ms";
    static char wait_value[] = "10";
    static struct fixture fixture;
    struct producer_conf conf = {.linger_ms = "0"};
    struct err err;

    fixture = (struct fixture){0};
    cluster_open(&fixture.cluster, fixture.address, sizeof(fixture.address));
    cluster_set(&fixture.cluster, (struct kafka_property){wait_name, wait_value});
    cluster_topic(&fixture.cluster, TOPIC);
    conf.kafka = &fixture.cluster.settings;
    assert_int_equal(producer_open(&conf, &fixture.producer, &err), ST_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    tail_close(f->tail);
    producer_close(f->producer, deadline_in(0));
    cluster_close(&f->cluster);
    return 0;
}

static void on_delivery(void *arg UNUSED, int32_t partition UNUSED, int64_t offset UNUSED,
                        const struct err *err)
{
    assert_null(err);
}

static void produce(struct fixture *f, int32_t partition, int count)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);
    const struct outgoing record = {.topic = TOPIC, .partition = partition, .value = STR("{}")};
    struct err err;

    for (int i = 0; i < count; i++)
        assert_int_equal(producer_send(f->producer, &record, on_delivery, NULL, &err), ST_OK);
    while (producer_in_flight(f->producer) > 0 && !deadline_passed(patience))
        producer_poll(f->producer, 100);
    assert_int_equal(producer_in_flight(f->producer), 0);
}

static void open_as(struct fixture *f, struct tail_conf conf)
{
    struct err err;

    conf.kafka = &f->cluster.settings;
    conf.client_id = "test";
    conf.topics = TOPICS;
    conf.topic_count = 1;
    assert_int_equal(tail_open(&conf, deadline_in(PATIENCE_MS), &f->tail, &err), ST_OK);
}

static void open_from(struct fixture *f, enum tail_from from)
{
    open_as(f, (struct tail_conf){.from = from});
}

static int read_to_end(struct fixture *f)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);
    int count = 0;

    while (!tail_at_end(f->tail)) {
        struct kafka_message *message = NULL;
        struct err err;

        assert_false(deadline_passed(patience));
        assert_int_equal(tail_poll(f->tail, 100, &message, &err), ST_OK);
        count += message != NULL ? 1 : 0;
        kafka_message_free(message);
    }
    return count;
}

static void expect_next(struct fixture *f, int32_t partition, int64_t offset)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);
    struct kafka_message *message = NULL;
    struct err err;

    while (message == NULL && !deadline_passed(patience))
        assert_int_equal(tail_poll(f->tail, 100, &message, &err), ST_OK);
    assert_non_null(message);
    assert_int_equal(kafka_message_record(message)->partition, partition);
    assert_int_equal(kafka_message_record(message)->offset, offset);
    kafka_message_free(message);
}

static void test_tail_of_nothing_is_at_its_end(void **state)
{
    struct fixture *f = *state;

    open_from(f, TAIL_BEGINNING);
    assert_true(tail_at_end(f->tail));
    produce(f, 1, 1);
    expect_next(f, 1, 0);
}

static void test_tail_is_at_end_after_the_last_record(void **state)
{
    struct fixture *f = *state;

    produce(f, 0, 5);
    produce(f, 3, 2);
    open_from(f, TAIL_BEGINNING);
    assert_false(tail_at_end(f->tail));
    assert_int_equal(read_to_end(f), 7);
    produce(f, 2, 1);
    assert_true(tail_at_end(f->tail));
    expect_next(f, 2, 0);
}

static void test_tail_from_the_end_skips_what_stands(void **state)
{
    struct fixture *f = *state;

    produce(f, 0, 5);
    open_from(f, TAIL_END);
    assert_true(tail_at_end(f->tail));
    produce(f, 0, 1);
    expect_next(f, 0, 5);
}

/* The mock cluster answers a look-up by time as if there were no such record. */
static void test_tail_gives_all_where_times_cannot_be_looked_up(void **state)
{
    struct fixture *f = *state;
    const struct tail_conf conf = {.from = TAIL_TIME, .from_wall_ms = 1000, .or_all = true};

    produce(f, 0, 5);
    produce(f, 3, 2);
    open_as(f, conf);
    assert_int_equal(read_to_end(f), 7);
    assert_false(tail_lacks(f->tail));
}

static void test_tail_with_an_end_where_times_cannot_be_looked_up_gives_all(void **state)
{
    struct fixture *f = *state;
    const struct tail_conf conf = {
        .from = TAIL_TIME, .from_wall_ms = 1000, .or_all = true, .to_wall_ms = 2000};

    produce(f, 0, 5);
    open_as(f, conf);
    assert_int_equal(read_to_end(f), 5);
}

static void test_tail_from_a_time_gives_what_comes_by_itself(void **state)
{
    struct fixture *f = *state;

    produce(f, 0, 5);
    open_as(f, (struct tail_conf){.from = TAIL_TIME, .from_wall_ms = 1000});
    assert_true(tail_at_end(f->tail));
    produce(f, 0, 1);
    expect_next(f, 0, 5);
}

static void test_tail_needs_its_topics(void **state)
{
    static const char *const none[] = {TOPIC, "test.none"};
    struct fixture *f = *state;
    const struct tail_conf conf = {
        .kafka = &f->cluster.settings,
        .topics = none,
        .topic_count = 2,
    };
    struct err err;

    rd_kafka_mock_topic_set_error(f->cluster.mock, none[1],
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(tail_open(&conf, deadline_in(PATIENCE_MS), &f->tail, &err), ST_FATAL);
    assert_string_equal(err.code, "kafka:topic");
}

static void test_tail_open_gives_up_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    const struct tail_conf conf = {
        .kafka = &f->cluster.settings,
        .topics = TOPICS,
        .topic_count = 1,
    };
    struct err err;

    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    assert_int_equal(tail_open(&conf, deadline_in(300), &f->tail, &err), ST_RETRY);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_tail_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(of_nothing_is_at_its_end),
        CASE(is_at_end_after_the_last_record),
        CASE(from_the_end_skips_what_stands),
        CASE(needs_its_topics),
        CASE(open_gives_up_at_its_deadline),
        CASE(gives_all_where_times_cannot_be_looked_up),
        CASE(with_an_end_where_times_cannot_be_looked_up_gives_all),
        CASE(from_a_time_gives_what_comes_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
