/* SPDX-License-Identifier: Apache-2.0 */
/* The mock cluster answers no administration; what works on a real broker is tested end to end. */
#include "kafka/admin.h"

#include "tests/unit/kafka/cluster.h"

struct fixture {
    struct cluster cluster;
    char address[64];
    struct admin *admin;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct err err;

    fixture = (struct fixture){0};
    cluster_open(&fixture.cluster, fixture.address, sizeof(fixture.address));
    assert_int_equal(admin_open(&fixture.cluster.settings, &fixture.admin, &err), ST_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    admin_close(f->admin);
    cluster_close(&f->cluster);
    return 0;
}

static void test_admin_open_needs_servers(void **state)
{
    const struct settings_kafka none = {NULL, 0};
    struct admin *admin = NULL;
    struct err err;

    (void)state;
    assert_int_equal(admin_open(&none, &admin, &err), ST_FATAL);
    assert_null(admin);
}

static void test_admin_describe_tells_a_missing_topic(void **state)
{
    struct fixture *f = *state;
    struct admin_topic found = {.exists = true, .partitions = 7};
    struct err err;

    rd_kafka_mock_topic_set_error(f->cluster.mock, "test.none",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(admin_describe(f->admin, "test.none", deadline_in(PATIENCE_MS), &found, &err),
                     ST_OK);
    assert_false(found.exists);
    assert_int_equal(found.partitions, 0);
}

static void test_admin_waits_no_longer_than_told(void **state)
{
    const struct admin_topic want = {.partitions = 1, .replication = 1, .cleanup_policy = "delete"};
    struct fixture *f = *state;
    struct admin_topic found = {.partitions = 7};
    struct err err;

    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, -1), 0);
    assert_int_equal(admin_describe(f->admin, "t", deadline_in(200), &found, &err), ST_RETRY);
    assert_int_equal(found.partitions, 7);
    assert_int_equal(admin_create(f->admin, "t", &want, deadline_in(200), &err), ST_RETRY);
    assert_int_equal(admin_alter(f->admin, "t", &want, deadline_in(200), &err), ST_RETRY);
}

static void test_admin_create_refuses_impossible_shapes(void **state)
{
    const struct admin_topic want = {
        .partitions = -2, .replication = 1, .cleanup_policy = "delete"};
    struct fixture *f = *state;
    struct err err;

    assert_int_equal(admin_create(f->admin, "t", &want, deadline_in(200), &err), ST_FATAL);
    assert_string_equal(err.code, "kafka:topic");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_admin_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(open_needs_servers),
        CASE(describe_tells_a_missing_topic),
        CASE(waits_no_longer_than_told),
        CASE(create_refuses_impossible_shapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
