/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client.h"

#include "kafka/conf.h"
#include "tests/unit/kafka/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs kafka_check over one more property beside a server. */
static enum status check_one(const char *name, const char *value, struct err *err)
{
    char servers[] = "bootstrap.servers";
    char address[] = "127.0.0.1:1";
    char given_name[64];
    char given_value[64];
    struct kafka_property properties[] = {{servers, address}, {given_name, given_value}};
    const struct settings_kafka settings = {properties, COUNT_OF(properties)};

    assert_true(str_copy(str_from(name), given_name, sizeof(given_name)));
    assert_true(str_copy(str_from(value), given_value, sizeof(given_value)));
    return kafka_check(&settings, err);
}

static void test_client_check_accepts_properties_of_both_kinds(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(check_one("session.timeout.ms", "9000", &err), ST_OK);
    assert_int_equal(check_one("linger.ms", "0.2", &err), ST_OK);
    assert_int_equal(check_one("compression.type", "lz4", &err), ST_OK);
    assert_int_equal(check_one("auto.offset.reset", "latest", &err), ST_OK);
}

static void test_client_check_names_what_it_refuses(void **state)
{
    static const char *const bad[][2] = {
        {"linger.sm", "1"},
        {"linger.ms", "soon"},
        {"session.timeout.ms", "-1"},
        {"compression.type", "rar"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char want[64];
        struct err err = {0};

        (void)snprintf(want, sizeof(want), "[kafka] %s: ", bad[i][0]);
        assert_int_equal(check_one(bad[i][0], bad[i][1], &err), ST_FATAL);
        assert_memory_equal(err.text, want, strlen(want));
    }
}

static void test_client_check_finds_what_only_fails_together(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(check_one("linger.ms", "900000", &err), ST_FATAL);
    assert_memory_equal(err.text, "[kafka] ", 8);
    assert_int_equal(check_one("max.poll.interval.ms", "1000", &err), ST_FATAL);
    assert_memory_equal(err.text, "[kafka] ", 8);
}

static void test_client_check_refuses_what_kabao_keeps(void **state)
{
    static const char *const kept[] = {
        "acks",
        "request.required.acks",
        "allow.auto.create.topics",
        "partitioner",
        "enable.auto.commit",
        "partition.assignment.strategy",
        "group.id",
        "enable.idempotence",
        "enable.auto.offset.store",
        "isolation.level",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        struct err err = {0};

        assert_int_equal(check_one(kept[i], "1", &err), ST_FATAL);
        assert_non_null(strstr(err.text, kept[i]));
        assert_non_null(strstr(err.text, "set by kabao"));
    }
}

static void test_client_check_asks_for_servers(void **state)
{
    char servers[] = "bootstrap.servers";
    char empty[] = "";
    struct kafka_property property = {servers, empty};
    const struct settings_kafka settings[] = {{NULL, 0}, {&property, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        struct err err = {0};

        assert_int_equal(kafka_check(&settings[i], &err), ST_FATAL);
        assert_non_null(strstr(err.text, "[kafka] bootstrap.servers"));
        assert_non_null(strstr(err.text, "KABAO_KAFKA_BOOTSTRAP_SERVERS"));
    }
}

/* One row of librdkafka's own table: "name | C/P | ...". */
static void compare_kind(char *line)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " |", &rest);
    const char *column = strtok_r(NULL, " |", &rest);
    enum kafka_kind want = KAFKA_CLIENT;

    if (name == NULL || column == NULL || strlen(column) != 1 || strchr("CP*", column[0]) == NULL)
        return;
    if (column[0] == 'C')
        want = KAFKA_CONSUMER;
    else if (column[0] == 'P')
        want = KAFKA_PRODUCER;
    if (kafka_property_kind(name) != want)
        fail_msg("%s is of kind %s", name, column);
}

static void test_client_knows_the_kind_of_every_property(void **state)
{
    char *table = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&table, &size);
    char *rest = NULL;

    (void)state;
    assert_non_null(stream);
    rd_kafka_conf_properties_show(stream);
    assert_int_equal(fclose(stream), 0);
    assert_true(size > 10000);
    for (char *line = strtok_r(table, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        compare_kind(line);
    free(table);
}

static void test_client_error_says_what_to_do(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(kafka_error(RD_KAFKA_RESP_ERR__QUEUE_FULL, "t", &err), ST_RETRY);
    assert_string_equal(err.code, "kafka:queue-full");
    assert_int_equal(kafka_error(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "t", &err), ST_REJECT);
    assert_int_equal(err.reason, REASON_REJECTED);
    assert_int_equal(kafka_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "t", &err), ST_FATAL);
    assert_string_equal(err.code, "kafka:topic");
    assert_int_equal(kafka_error(RD_KAFKA_RESP_ERR_NOT_COORDINATOR, "t", &err), ST_RETRY);
    assert_string_equal(err.code, "kafka:NOT_COORDINATOR");
}

static void test_client_ping_tells_a_broker_from_none(void **state)
{
    struct cluster cluster;
    char address[64];
    struct err err = {0};

    (void)state;
    cluster_open(&cluster, address, sizeof(address));
    assert_int_equal(kafka_ping(&cluster.settings, deadline_in(PATIENCE_MS), &err), ST_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(cluster.mock, -1), 0);
    assert_int_equal(kafka_ping(&cluster.settings, deadline_in(300), &err), ST_RETRY);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_check_accepts_properties_of_both_kinds),
        cmocka_unit_test(test_client_check_names_what_it_refuses),
        cmocka_unit_test(test_client_check_finds_what_only_fails_together),
        cmocka_unit_test(test_client_check_refuses_what_kabao_keeps),
        cmocka_unit_test(test_client_check_asks_for_servers),
        cmocka_unit_test(test_client_knows_the_kind_of_every_property),
        cmocka_unit_test(test_client_error_says_what_to_do),
        cmocka_unit_test(test_client_ping_tells_a_broker_from_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
