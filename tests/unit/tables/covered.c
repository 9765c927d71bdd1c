/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/covered.h"

#include "base/rand.h"
#include "tests/unit/check.h"

enum { ROUNDS = 500, RANGES_MAX = 40, STEP_MAX = 6 };

static bool naive_has(const struct covered *c, int64_t off)
{
    bool inside = c->commit >= 0 && off < c->commit;

    for (size_t i = 0; c->commit >= 0 && i < c->range_count; i++)
        inside = inside || (off >= c->ranges[i].from && off < c->ranges[i].to);
    return inside;
}

static void test_covered_is_as_a_plain_search_says(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct offset_range ranges[RANGES_MAX];
        struct covered c = {.commit = (int64_t)rand_below(10) - 1,
                            .ranges = ranges,
                            .range_count = rand_below(RANGES_MAX + 1)};
        int64_t at = c.commit;

        for (size_t i = 0; i < c.range_count; i++) {
            ranges[i].from = at + rand_below(STEP_MAX);
            ranges[i].to = ranges[i].from + 1 + rand_below(STEP_MAX);
            at = ranges[i].to;
        }
        for (int64_t off = 0; off <= at + 2; off++)
            assert_int_equal(covered_has(&c, off), naive_has(&c, off));
    }
}

static void test_covered_without_a_commit_is_nothing(void **state)
{
    (void)state;
    static const struct offset_range range = {0, 100};
    const struct covered none = {.commit = -1, .ranges = &range, .range_count = 1};

    assert_false(covered_has(&none, 0));
    assert_false(covered_has(&none, 50));
    assert_false(covered_has(&none, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covered_is_as_a_plain_search_says),
        cmocka_unit_test(test_covered_without_a_commit_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
