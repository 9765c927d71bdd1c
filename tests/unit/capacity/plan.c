/* SPDX-License-Identifier: Apache-2.0 */
/* What a load asks of the programs: the arithmetic of kabaoctl plan-capacity. */
#include "ctl/capacity.h"
#include "tests/unit/check.h"

#include <string.h>

static char path[] = "/card/membercard/updateuser";
static struct quota_limit limits[] = {{path, 600, 60000}};

static struct settings settings_of(int64_t lanes)
{
    return (struct settings){
        .topic = {.partitions = 12, .event_retention_hours = 336},
        .worker = {.lanes = lanes},
        .crm = {.max_inflight = 32},
        .quota = {.limits = limits, .count = 1},
    };
}

static struct capacity plan(int64_t lanes, double pushes, double changes, double call_s)
{
    const struct settings settings = settings_of(lanes);
    const struct capacity_load load = {.pushes = pushes, .bonus = changes, .call_s = call_s};
    struct capacity out;

    capacity_plan(&settings, &load, &out);
    return out;
}

static const struct capacity_need *need_of(const struct capacity *c, const char *program)
{
    for (size_t i = 0; i < CAPACITY_PROGRAMS; i++)
        if (strcmp(c->programs[i].program, program) == 0)
            return &c->programs[i];
    fail_msg("no program %s", program);
    return NULL;
}

static void test_capacity_lanes_bound_what_one_instance_does(void **state)
{
    const struct capacity c = plan(64, 1000, 0, 0.195);
    const struct capacity_need *member = need_of(&c, "kabao-member");

    (void)state;
    assert_float_equal(member->lanes, 200, 0.5); /* 0.195 s for the call, 0.005 s for the rest */
    assert_float_equal(member->ceiling, 320, 0.5);
    assert_int_equal(member->instances, 4);
    assert_int_equal(need_of(&c, "kabao-ingress")->instances, 1);
    assert_float_equal(need_of(&c, "kabao-ingress")->ceiling, 0, 0);
}

static void test_capacity_cores_bound_it_where_calls_are_quick(void **state)
{
    const struct capacity c = plan(1024, 12000, 0, 0.001);

    (void)state;
    assert_int_equal(need_of(&c, "kabao-member")->instances, 3); /* 1.2 cores, half of one each */
}

static void test_capacity_of_no_load_is_one_of_each(void **state)
{
    const struct capacity c = plan(64, 0, 0, 0.2);

    (void)state;
    for (size_t i = 0; i < CAPACITY_PROGRAMS; i++)
        assert_int_equal(c.programs[i].instances, 1);
    assert_float_equal(c.kafka_gb, 0, 0);
}

static void test_capacity_shows_the_limits_that_are_set(void **state)
{
    const struct capacity c = plan(64, 100, 12, 0.2);

    (void)state;
    assert_int_equal(c.path_count, 1);
    assert_string_equal(c.paths[0].path, "/card/membercard/updateuser");
    assert_float_equal(c.paths[0].limit, 10, 1e-9);
    assert_float_equal(c.paths[0].calls, 12, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_lanes_bound_what_one_instance_does),
        cmocka_unit_test(test_capacity_cores_bound_it_where_calls_are_quick),
        cmocka_unit_test(test_capacity_of_no_load_is_one_of_each),
        cmocka_unit_test(test_capacity_shows_the_limits_that_are_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
