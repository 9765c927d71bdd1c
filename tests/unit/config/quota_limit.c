/* SPDX-License-Identifier: Apache-2.0 */
#include "config/quota_limit.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static void test_quota_limit_reads_and_prints_both_periods(void **state)
{
    static const struct {
        struct str text;
        int64_t count;
        int64_t per_ms;
    } cases[] = {
        {STR_INIT("1/min"), 1, 60000},
        {STR_INIT("1000000/min"), 1000000, 60000},
        {STR_INIT("1/day"), 1, 86400000},
        {STR_INIT("1000000000/day"), 1000000000, 86400000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf_done) struct buf out = BUF_INIT(64);
        struct quota_limit limit = {0};

        assert_true(quota_limit_parse(cases[i].text, &limit));
        assert_int_equal(limit.count, cases[i].count);
        assert_int_equal(limit.per_ms, cases[i].per_ms);
        assert_null(limit.path);
        quota_limit_format(&limit, &out);
        assert_true(str_eq(buf_str(&out), cases[i].text));
    }
}

static void test_quota_limit_refuses_anything_else(void **state)
{
    static const struct str texts[] = {
        STR_INIT(""),         STR_INIT("600"),         STR_INIT("/min"),
        STR_INIT("0/min"),    STR_INIT("-1/min"),      STR_INIT("+1/min"),
        STR_INIT("1.5/min"),  STR_INIT("600/hour"),    STR_INIT("600/Min"),
        STR_INIT("600 /min"), STR_INIT("600/min "),    STR_INIT("600/min/day"),
        STR_INIT("600/"),     STR_INIT("1000001/min"), STR_INIT("1000000001/day"),
        STR_INIT("1e3/day"),  STR_INIT("unlimited"),   STR_INIT("99999999999999999999/day"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct quota_limit limit = {.count = 7, .per_ms = 8};

        if (quota_limit_parse(texts[i], &limit))
            fail_msg("\"%.*s\" should be refused", STR_ARG(texts[i]));
        assert_int_equal(limit.count, 7);
        assert_int_equal(limit.per_ms, 8);
    }
    assert_false(quota_limit_parse((struct str){0}, &(struct quota_limit){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota_limit_reads_and_prints_both_periods),
        cmocka_unit_test(test_quota_limit_refuses_anything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
