/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/consumer.h"

#include "kafka/producer.h"
#include "tests/unit/kafka/cluster.h"

#include <string.h>

enum { API_OFFSET_FETCH = 9, PER_PARTITION = 3, RECORDS = PARTITIONS * PER_PARTITION };

static const char TOPIC[] = "test.events";
static const char *const TOPICS[] = {TOPIC};

enum { HEARTBEAT = 12 }; /* its key in Kafka's protocol */

struct fixture {
    struct cluster cluster;
    char address[64];
    struct consumer *consumer;
    struct topic_partition seen[PARTITIONS]; /* as on_assign got them */
    char metadata[PARTITIONS][32];
    int64_t start_at;              /* on_assign moves every partition there; -1: leaves it */
    struct topic_partition commit; /* on_revoke commits it; topic NULL: nothing */
    int not_ready;                 /* so often on_assign asks for patience */
    int assigned;
    int revoked;
    bool lost;
    bool joined_in_revoke;
};

static enum status on_assign(void *arg, struct topic_partition *partitions, size_t count,
                             struct err *err)
{
    struct fixture *f = arg;

    if (f->not_ready > 0) {
        f->not_ready--;
        return err_retry(err, "test", "not ready");
    }
    f->assigned++;
    assert_int_equal(count, PARTITIONS);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(partitions[i].topic, TOPIC);
        f->seen[partitions[i].partition] = partitions[i];
        (void)str_copy(partitions[i].metadata, f->metadata[partitions[i].partition],
                       sizeof(f->metadata[0]));
        if (f->start_at >= 0)
            partitions[i].offset = f->start_at;
    }
    return ST_OK;
}

static void on_revoke(void *arg, const struct topic_partition *partitions UNUSED, size_t count,
                      bool lost)
{
    struct fixture *f = arg;
    struct err err;

    f->revoked++;
    f->lost = lost;
    f->joined_in_revoke = consumer_is_joined(f->consumer);
    assert_int_equal(count, PARTITIONS);
    if (f->commit.topic != NULL)
        assert_int_equal(consumer_commit(f->consumer, &f->commit, 1, true, &err), ST_OK);
}

static void on_delivery(void *arg, int32_t partition, int64_t offset UNUSED, const struct err *err)
{
    int *acknowledged = arg;

    assert_null(err);
    acknowledged[partition]++;
}

static void fill_topic(struct fixture *f)
{
    const struct producer_conf conf = {.kafka = &f->cluster.settings, .linger_ms = "0"};
    int acknowledged[PARTITIONS] = {0};
    struct producer *producer;
    struct err err;

    assert_int_equal(producer_open(&conf, &producer, &err), ST_OK);
    for (int i = 0; i < RECORDS; i++) {
        const struct outgoing record = {.topic = TOPIC, .partition = i % PARTITIONS};

        assert_int_equal(producer_send(producer, &record, on_delivery, acknowledged, &err), ST_OK);
    }
    producer_close(producer, deadline_in(PATIENCE_MS));
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(acknowledged[i], PER_PARTITION);
}

static int set_up(void **state)
{
    static char wait_name[] = "fetch.wait.max.ms";
    static char wait_value[] = "10";
    static struct fixture fixture;

    fixture = (struct fixture){.start_at = -1};
    cluster_open(&fixture.cluster, fixture.address, sizeof(fixture.address));
    cluster_set(&fixture.cluster, (struct kafka_property){wait_name, wait_value});
    cluster_topic(&fixture.cluster, TOPIC);
    fill_topic(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    consumer_close(f->consumer);
    cluster_close(&f->cluster);
    return 0;
}

static enum status open_on(struct fixture *f, const char *const *topics, struct err *err)
{
    const struct consumer_conf conf = {
        .kafka = &f->cluster.settings,
        .client_id = "test",
        .group = "test-group",
        .topics = topics,
        .topic_count = 1,
        .events = {on_assign, on_revoke, f},
    };

    return consumer_open(&conf, &f->consumer, err);
}

static void close_it(struct fixture *f)
{
    consumer_close(f->consumer);
    f->consumer = NULL;
}

/* Reads until every partition gave up to offset PER_PARTITION - 1; returns how many records came,
 * which must be in order. */
static int read_to_end(struct fixture *f, int64_t first)
{
    const struct deadline patience = deadline_in(PATIENCE_MS);
    int64_t next[PARTITIONS];
    int left = PARTITIONS;
    int count = 0;

    for (size_t i = 0; i < COUNT_OF(next); i++)
        next[i] = first;
    while (left > 0) {
        struct kafka_message *message = NULL;
        const struct record *record;
        struct err err;

        assert_false(deadline_passed(patience));
        if (consumer_poll(f->consumer, 100, &message, &err) != ST_OK || message == NULL)
            continue;
        record = kafka_message_record(message);
        assert_int_equal(record->offset, next[record->partition]++);
        left -= record->offset == PER_PARTITION - 1 ? 1 : 0;
        count++;
        kafka_message_free(message);
    }
    return count;
}

static void expect_nothing(struct fixture *f)
{
    struct kafka_message *message = NULL;
    struct err err;

    assert_int_equal(consumer_poll(f->consumer, 300, &message, &err), ST_OK);
    assert_null(message);
}

static void test_consumer_starts_nothing_before_its_owner_is_ready(void **state)
{
    struct fixture *f = *state;
    struct err err;

    f->not_ready = 3;
    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_int_equal(read_to_end(f, 0), RECORDS);
    assert_int_equal(f->not_ready, 0);
    assert_int_equal(f->assigned, 1);
    close_it(f);
    assert_int_equal(f->revoked, 1);
}

static void test_consumer_resumes_from_the_commit_with_its_metadata(void **state)
{
    struct fixture *f = *state;
    const struct topic_partition commits[] = {{TOPIC, 0, 1, STR("2-3,5"), -1},
                                              {TOPIC, 1, 1, {NULL, 0}, -1},
                                              {TOPIC, 2, 1, {NULL, 0}, -1},
                                              {TOPIC, 3, 1, {NULL, 0}, -1}};
    struct err err;

    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_false(consumer_is_joined(f->consumer));
    assert_int_equal(read_to_end(f, 0), RECORDS);
    assert_true(consumer_is_joined(f->consumer));
    assert_int_equal(f->seen[0].offset, -1);
    assert_int_equal(consumer_end_offset(f->consumer, TOPIC, 0), PER_PARTITION);
    assert_int_equal(consumer_end_offset(f->consumer, "other", 0), -1);
    assert_int_equal(consumer_partition_count(f->consumer, TOPIC, deadline_in(PATIENCE_MS)),
                     PARTITIONS);
    assert_int_equal(consumer_commit(f->consumer, commits, 3, true, &err), ST_OK);
    f->commit = commits[3];
    close_it(f);
    assert_int_equal(f->revoked, 1);
    assert_false(f->lost);
    assert_false(f->joined_in_revoke);

    f->commit.topic = NULL;
    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_int_equal(read_to_end(f, 1), RECORDS - PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(f->seen[i].offset, 1);
    assert_string_equal(f->metadata[0], "2-3,5");
    assert_string_equal(f->metadata[1], "");
    assert_int_equal(f->assigned, 2);
}

static void test_consumer_starts_where_its_owner_says(void **state)
{
    struct fixture *f = *state;
    struct err err;

    f->start_at = 2;
    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_int_equal(read_to_end(f, 2), PARTITIONS);
}

static void test_consumer_waits_for_the_commits_before_it_starts(void **state)
{
    struct fixture *f = *state;
    const struct deadline patience = deadline_in(PATIENCE_MS);
    struct kafka_message *message = NULL;
    enum status rc = ST_OK;
    struct err err;

    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    rd_kafka_mock_push_request_errors(f->cluster.mock, API_OFFSET_FETCH, 2,
                                      RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_UNKNOWN);
    while (rc == ST_OK && !deadline_passed(patience)) {
        rc = consumer_poll(f->consumer, 100, &message, &err);
        assert_null(message);
    }
    assert_int_equal(rc, ST_RETRY);
    assert_int_equal(f->assigned, 0);
    assert_false(consumer_is_joined(f->consumer));
    assert_int_equal(read_to_end(f, 0), RECORDS);
    assert_int_equal(f->assigned, 1);
}

static void test_consumer_pause_loses_and_repeats_nothing(void **state)
{
    const struct topic_partition all[] = {{.topic = TOPIC, .partition = 0},
                                          {.topic = TOPIC, .partition = 1},
                                          {.topic = TOPIC, .partition = 2},
                                          {.topic = TOPIC, .partition = 3}};
    struct fixture *f = *state;
    struct kafka_message *message = NULL;
    struct err err;

    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    while (!consumer_is_joined(f->consumer)) {
        assert_int_equal(consumer_poll(f->consumer, 100, &message, &err), ST_OK);
        assert_null(message);
    }
    assert_int_equal(consumer_pause(f->consumer, all, COUNT_OF(all), &err), ST_OK);
    expect_nothing(f);
    assert_int_equal(consumer_resume(f->consumer, all, COUNT_OF(all), &err), ST_OK);
    assert_int_equal(read_to_end(f, 0), RECORDS);
}

/* librdkafka keeps what was paused paused, whoever had it meanwhile. */
static void test_consumer_reads_on_after_losing_what_was_paused(void **state)
{
    const struct topic_partition all[] = {{.topic = TOPIC, .partition = 0},
                                          {.topic = TOPIC, .partition = 1},
                                          {.topic = TOPIC, .partition = 2},
                                          {.topic = TOPIC, .partition = 3}};
    const struct deadline patience = deadline_in(PATIENCE_MS);
    struct fixture *f = *state;
    struct kafka_message *message = NULL;
    struct err err;

    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    while (!consumer_is_joined(f->consumer)) {
        assert_int_equal(consumer_poll(f->consumer, 100, &message, &err), ST_OK);
        assert_null(message);
    }
    assert_int_equal(consumer_pause(f->consumer, all, COUNT_OF(all), &err), ST_OK);
    rd_kafka_mock_push_request_errors(f->cluster.mock, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    while (f->revoked == 0 || !consumer_is_joined(f->consumer)) {
        assert_false(deadline_passed(patience));
        (void)(consumer_poll(f->consumer, 100, &message, &err) == ST_OK);
        kafka_message_free(message);
        message = NULL;
    }
    assert_true(f->lost);
    (void)read_to_end(f, 0);
}

static void test_consumer_commit_minds_the_limit_of_metadata(void **state)
{
    static char text[COMMIT_METADATA_MAX + 1];
    const struct topic_partition commit = {TOPIC, 0, 1, {text, sizeof(text)}, -1};
    struct fixture *f = *state;
    struct err err;

    memset(text, 'x', sizeof(text));
    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_int_equal(consumer_commit(f->consumer, &commit, 1, true, &err), ST_REJECT);
    assert_string_equal(err.code, "kafka:metadata");
    assert_int_equal(consumer_commit(f->consumer, NULL, 0, true, &err), ST_OK);
}

static void test_consumer_needs_its_topics(void **state)
{
    static const char *const none[] = {"test.none"};
    struct fixture *f = *state;
    struct err err;

    rd_kafka_mock_topic_set_error(f->cluster.mock, none[0],
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(open_on(f, none, &err), ST_FATAL);
    assert_string_equal(err.code, "kafka:topic");
    assert_non_null(strstr(err.text, "kabaoctl topics apply"));
}

static void test_consumer_close_ends_when_the_broker_is_gone(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(open_on(f, TOPICS, &err), ST_OK);
    assert_int_equal(read_to_end(f, 0), RECORDS);
    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    close_it(f);
    assert_int_equal(f->revoked, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_consumer_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(resumes_from_the_commit_with_its_metadata),
        CASE(starts_nothing_before_its_owner_is_ready),
        CASE(starts_where_its_owner_says),
        CASE(waits_for_the_commits_before_it_starts),
        CASE(pause_loses_and_repeats_nothing),
        CASE(reads_on_after_losing_what_was_paused),
        CASE(commit_minds_the_limit_of_metadata),
        CASE(needs_its_topics),
        CASE(close_ends_when_the_broker_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
