/* SPDX-License-Identifier: Apache-2.0 */
#include "run/retry.h"

#include "tests/unit/check.h"

static const struct retry_policy POLICY = {
    .initial_ms = 500, .max_ms = 300000, .max_attempts = 300};

static int64_t delay(const struct retry_policy *policy, int64_t attempt, uint64_t random)
{
    int64_t delay_ms = -1;

    assert_true(retry_next(policy, attempt, random, &delay_ms));
    return delay_ms;
}

static void test_retry_doubles_up_to_the_ceiling(void **state)
{
    (void)state;
    int64_t most = POLICY.initial_ms;

    for (int64_t attempt = 1; attempt < POLICY.max_attempts; attempt++) {
        assert_int_equal(delay(&POLICY, attempt, 0), most);
        most = most * 2 < POLICY.max_ms ? most * 2 : POLICY.max_ms;
    }
}

static void test_retry_jitter_stays_within_the_upper_half(void **state)
{
    (void)state;
    int64_t lowest = INT64_MAX;

    for (uint64_t random = 0; random < 1000; random++) {
        int64_t d = delay(&POLICY, 1, random * 0x9E3779B97F4A7C15U);

        assert_in_range(d, POLICY.initial_ms / 2, POLICY.initial_ms);
        lowest = d < lowest ? d : lowest;
    }
    assert_in_range(lowest, POLICY.initial_ms / 2, POLICY.initial_ms / 2 + 10);
    assert_int_equal(delay(&POLICY, 1, (uint64_t)POLICY.initial_ms / 2), POLICY.initial_ms / 2);
}

static void test_retry_gives_up_after_max_attempts(void **state)
{
    (void)state;
    const struct retry_policy once = {.initial_ms = 1, .max_ms = 1, .max_attempts = 1};
    int64_t delay_ms = 7;

    assert_true(retry_next(&POLICY, POLICY.max_attempts - 1, 1, &delay_ms));
    delay_ms = 7;
    assert_false(retry_next(&POLICY, POLICY.max_attempts, 1, &delay_ms));
    assert_false(retry_next(&once, 1, 1, &delay_ms));
    assert_int_equal(delay_ms, 7);
}

static void test_retry_never_overflows(void **state)
{
    (void)state;
    const struct retry_policy wide = {
        .initial_ms = 3600000, .max_ms = 86400000, .max_attempts = 1000000};

    for (int64_t attempt = 1; attempt < 5000; attempt++)
        assert_in_range(delay(&wide, attempt, UINT64_MAX), wide.initial_ms / 2, wide.max_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_doubles_up_to_the_ceiling),
        cmocka_unit_test(test_retry_jitter_stays_within_the_upper_half),
        cmocka_unit_test(test_retry_gives_up_after_max_attempts),
        cmocka_unit_test(test_retry_never_overflows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
