/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several results of a command stands. */
#include "tables/command_result.h"

#include "codec/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { JSON_SIZE = 400 };

struct result {
    const char *outcome;
    const char *at;
    const char *code; /* NULL: none */
};

/* Only the standing and the time may be looked at. */
static enum status read_result(const struct result *r, struct command_result *out, bool *counts)
{
    AUTO(json_freep) struct json *value = NULL;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct wechat_result result = {0};
    struct err err = {0};
    char text[JSON_SIZE];

    (void)snprintf(text, sizeof(text),
                   "{\"command_id\":\"c1\",\"outcome\":\"%s\",\"at\":\"%s\",\"error\":{\"code\":"
                   "\"%s\",\"message\":\"m\"}}",
                   r->outcome, r->at, r->code ? r->code : "x");
    assert_int_equal(json_parse(str_from(text), &value, &err), ST_OK);
    assert_int_equal(wechat_result_parse(value, &result, &err), ST_OK);
    *counts = command_result_counts(&result);
    return command_result_of(&arena, &result, out, &err);
}

static int standing_cmp(const struct result *a, const struct result *b)
{
    struct command_result left;
    struct command_result right;
    bool counts;

    assert_int_equal(read_result(a, &left, &counts), ST_OK);
    assert_int_equal(read_result(b, &right, &counts), ST_OK);
    assert_int_equal(strlen(left.standing), STANDING_SIZE - 1);
    return strcmp(left.standing, right.standing);
}

#define T1 "2026-01-02T03:04:05.001Z"
#define T2 "2026-01-02T03:04:05.002Z"

static void test_command_result_each_stands_before_the_next(void **state)
{
    static const struct result order[] = {
        {"done", T1, NULL},      {"rejected", T2, "wechat:40056"}, {"unknown", T2, NULL},
        {"failed", T1, "crash"}, {"rejected", T1, "replay"},       {"rejected", T2, "replay"},
    };

    (void)state;
    for (size_t i = 0; i + 1 < COUNT_OF(order); i++)
        assert_true(standing_cmp(&order[i], &order[i + 1]) > 0);
    assert_int_equal(standing_cmp(&order[0], &order[0]), 0);
}

static void test_command_result_equal_times_differ_by_content(void **state)
{
    const struct result a = {"failed", T1, "crash"};
    const struct result b = {"failed", T1, "wechat:-1"};

    (void)state;
    assert_int_not_equal(standing_cmp(&a, &b), 0);
    assert_true((standing_cmp(&a, &b) > 0) == (standing_cmp(&b, &a) < 0));
}

static void test_command_result_another_records_answer_does_not_count(void **state)
{
    const struct result other = {"rejected", T1, "idempotency"};
    const struct result refused = {"rejected", T1, "schema"};
    struct command_result row;
    bool counts = true;

    (void)state;
    assert_int_equal(read_result(&other, &row, &counts), ST_OK);
    assert_false(counts);
    assert_int_equal(read_result(&refused, &row, &counts), ST_OK);
    assert_true(counts);
}

/* Its row would have no time, and so never be old enough to be forgotten. */
static void test_command_result_without_a_time_is_refused(void **state)
{
    static const char *const bad[] = {"", "yesterday", "2026-13-02T03:04:05Z",
                                      "1970-01-01T00:00:00Z"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct result result = {"done", bad[i], NULL};
        struct command_result row;
        bool counts;

        assert_int_equal(read_result(&result, &row, &counts), ST_REJECT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_result_each_stands_before_the_next),
        cmocka_unit_test(test_command_result_equal_times_differ_by_content),
        cmocka_unit_test(test_command_result_another_records_answer_does_not_count),
        cmocka_unit_test(test_command_result_without_a_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
