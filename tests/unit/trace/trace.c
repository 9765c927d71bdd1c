/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/trace.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN   "00f067aa0ba902b7"
#define PARENT "00-" ID "-" SPAN "-01"

static void test_trace_start_is_well_formed_and_new(void **state)
{
    (void)state;
    struct trace a;
    struct trace b;
    struct trace parsed;

    trace_start(&a);
    trace_start(&b);
    assert_int_equal(trace_text(&a).len, 55);
    assert_true(str_starts(trace_text(&a), STR("00-")));
    assert_true(str_ends(trace_text(&a), STR("-01")));
    assert_false(str_eq(trace_id(&a), trace_id(&b)));
    assert_true(trace_parse(trace_text(&a), &parsed));
    assert_string_equal(parsed.text, a.text);
}

static void test_trace_child_keeps_the_trace_and_renews_the_span(void **state)
{
    (void)state;
    struct trace parent;
    struct trace child;

    assert_true(trace_parse(STR("00-" ID "-" SPAN "-00"), &parent));
    trace_child(&parent, &child);
    assert_true(str_eq(trace_id(&child), STR(ID)));
    assert_true(str_ends(trace_text(&child), STR("-00")));
    assert_int_equal(trace_text(&child).len, 55);
    assert_string_not_equal(child.text, parent.text);
    assert_true(trace_parse(trace_text(&child), &parent));
    trace_child(&child, &child);
    assert_true(trace_parse(trace_text(&child), &parent));
}

static void test_trace_parse_takes_later_versions_as_00(void **state)
{
    (void)state;
    struct trace t;

    assert_true(trace_parse(STR("cc-" ID "-" SPAN "-01-what-the-future-holds"), &t));
    assert_string_equal(t.text, PARENT);
    assert_true(trace_parse(STR("01-" ID "-" SPAN "-01"), &t));
    assert_string_equal(t.text, PARENT);
}

static void test_trace_parse_refuses_what_is_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        PARENT "-",
        PARENT "0",
        PARENT " ",
        " " PARENT,
        "ff-" ID "-" SPAN "-01",
        "cc-" ID "-" SPAN "-01x",
        "0x-" ID "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" ID "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
        "00-" ID "-" SPAN "-0G",
        "00_" ID "-" SPAN "-01",
        "00-" ID "_" SPAN "-01",
        "00-" ID "-" SPAN "_01",
    };
    struct trace t = {"untouched"};

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (trace_parse(str_from(bad[i]), &t))
            fail_msg("%s", bad[i]);
    for (size_t len = 0; len < strlen(PARENT); len++)
        assert_false(trace_parse(str_of(PARENT, len), &t));
    assert_false(trace_parse(str_from(NULL), &t));
    assert_string_equal(t.text, "untouched");
}

static void test_trace_pooled_ids_are_well_formed_and_new(void **state)
{
    (void)state;
    struct rand_pool pool = {0};
    struct trace before = {""};

    for (int round = 0; round < 200; round++) {
        struct trace started;
        struct trace child;
        struct trace read;

        trace_start_pooled(&pool, &started);
        assert_true(trace_parse(trace_text(&started), &read));
        assert_string_not_equal(started.text, before.text);
        trace_child_pooled(&pool, &started, &child);
        assert_true(trace_parse(trace_text(&child), &read));
        assert_true(str_eq(trace_id(&child), trace_id(&started)));
        assert_string_not_equal(child.text, started.text);
        before = started;
    }
}

static void test_trace_id_is_absent_before_a_start(void **state)
{
    const struct trace none = {""};

    (void)state;
    assert_false(str_is_set(trace_id(&none)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_start_is_well_formed_and_new),
        cmocka_unit_test(test_trace_child_keeps_the_trace_and_renews_the_span),
        cmocka_unit_test(test_trace_parse_takes_later_versions_as_00),
        cmocka_unit_test(test_trace_parse_refuses_what_is_malformed),
        cmocka_unit_test(test_trace_pooled_ids_are_well_formed_and_new),
        cmocka_unit_test(test_trace_id_is_absent_before_a_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
