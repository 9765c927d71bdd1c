/* SPDX-License-Identifier: Apache-2.0 */
#include "run/lease.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static const int64_t SECOND = 1000000;
static const int64_t MINUTE = 60000000;
static const int64_t DAY = 86400000000;
static const int64_t MINUTE_MS = 60000;
static const int64_t DAY_MS = 86400000;
/* 2025-10-09 16:00:00 UTC, a midnight in UTC+8. */
static const int64_t MIDNIGHT = 1760025600000000;

static struct lease_offer offer(const struct lease_rate *rate, int64_t now_us, int64_t spent_us,
                                int64_t want, double share)
{
    const struct lease_row row = {now_us, spent_us};

    return lease_offer(rate, &row, want, share);
}

static void test_lease_interval_is_a_minute_of_97_percent(void **state)
{
    (void)state;

    assert_int_equal(lease_rate(600, MINUTE_MS).interval_us, 103093);
    assert_int_equal(lease_rate(1, MINUTE_MS).interval_us, 61855671);
    assert_int_equal(lease_rate(1000000, MINUTE_MS).interval_us, 62);
    assert_int_equal(lease_rate(86400, DAY_MS).interval_us, SECOND);
    assert_int_equal(lease_rate(1000000000, DAY_MS).interval_us, 87);
    assert_int_equal(lease_rate(100, MINUTE_MS).most, 1);
    assert_int_equal(lease_rate(6000, MINUTE_MS).most, 24);
    assert_int_equal(lease_rate(100, DAY_MS).most, 1);
    assert_int_equal(lease_rate(1000000000, DAY_MS).most, 100);
}

static void test_lease_gives_a_burst_then_one_by_one(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(600, MINUTE_MS);
    struct lease_offer o = offer(&rate, MIDNIGHT, 0, 100, 1);

    assert_int_equal(o.count, 5);
    assert_int_equal(o.spent_us, MIDNIGHT + 5 * rate.interval_us);
    assert_int_equal(o.life_us, LEASE_LIFE_US);
    o = offer(&rate, MIDNIGHT, o.spent_us, 1, 1);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.spent_us, 0);
    assert_int_equal(o.wait_us, 5 * rate.interval_us - LEASE_BURST_US);
    o = offer(&rate, MIDNIGHT + o.wait_us, MIDNIGHT + 5 * rate.interval_us, 1, 1);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.spent_us, MIDNIGHT + 6 * rate.interval_us);
}

static void test_lease_of_a_slow_path_is_one(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(1, MINUTE_MS);
    struct lease_offer o = offer(&rate, MIDNIGHT, MIDNIGHT - DAY, 7, 1);

    assert_int_equal(o.count, 1);
    assert_int_equal(o.spent_us, MIDNIGHT + rate.interval_us);
    o = offer(&rate, MIDNIGHT + 59 * SECOND, o.spent_us, 7, 1);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.wait_us, rate.interval_us - 59 * SECOND - LEASE_BURST_US);
}

static void test_lease_of_a_replay_leaves_room_for_live_calls(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(600, MINUTE_MS);
    int64_t share_us = LEASE_BURST_US / 5;

    assert_int_equal(offer(&rate, MIDNIGHT, 0, 100, 0.2).count, 1);
    assert_int_equal(offer(&rate, MIDNIGHT, MIDNIGHT + share_us, 1, 0.2).count, 1);
    assert_int_equal(offer(&rate, MIDNIGHT, MIDNIGHT + share_us + 1, 1, 0.2).count, 0);
    assert_int_equal(offer(&rate, MIDNIGHT, MIDNIGHT + share_us + 1, 1, 0.2).wait_us, 1);
    assert_int_equal(offer(&rate, MIDNIGHT, MIDNIGHT + share_us + 1, 100, 1).count, 4);
}

static void test_lease_of_a_day_counts_from_midnight_in_china(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(1000, DAY_MS);
    int64_t noon = MIDNIGHT + DAY / 2;

    assert_int_equal(offer(&rate, noon, MIDNIGHT - 1, 5000, 1).count, 1000);
    assert_int_equal(offer(&rate, noon, MIDNIGHT + 999 * rate.interval_us, 7, 1).count, 1);
    assert_int_equal(offer(&rate, noon, MIDNIGHT + DAY, 1, 1).count, 0);
    assert_int_equal(offer(&rate, noon, MIDNIGHT + DAY, 1, 1).wait_us, DAY / 2);
    assert_int_equal(offer(&rate, MIDNIGHT + DAY, MIDNIGHT + DAY, 5000, 1).count, 1000);
    assert_int_equal(offer(&rate, noon, MIDNIGHT + 199 * rate.interval_us, 9, 0.2).count, 1);
    assert_int_equal(offer(&rate, noon, MIDNIGHT + 200 * rate.interval_us, 9, 0.2).count, 0);
}

static void test_lease_of_a_day_ends_before_midnight(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(1000, DAY_MS);

    assert_int_equal(offer(&rate, MIDNIGHT - 5 * SECOND / 2, 0, 1, 1).life_us, SECOND / 2);
    assert_int_equal(offer(&rate, MIDNIGHT - 2 * SECOND, 0, 1, 1).count, 0);
    assert_int_equal(offer(&rate, MIDNIGHT - 2 * SECOND, 0, 1, 1).wait_us, 2 * SECOND);
}

static void test_lease_heals_what_no_clock_can_have_meant(void **state)
{
    (void)state;
    const struct lease_rate minute = lease_rate(600, MINUTE_MS);
    const struct lease_rate day = lease_rate(1000, DAY_MS);
    struct lease_offer o = offer(&minute, MIDNIGHT, MIDNIGHT + 2 * MINUTE + 1, 1, 1);

    assert_int_equal(o.count, 0);
    assert_int_equal(o.spent_us, MIDNIGHT + 2 * MINUTE);
    assert_int_equal(o.wait_us, 2 * MINUTE);
    o = offer(&day, MIDNIGHT, MIDNIGHT + 2 * DAY + 1, 1, 1);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.spent_us, MIDNIGHT + DAY);
    assert_int_equal(o.wait_us, DAY);
}

/* One process */

static void test_lease_is_asked_for_by_one_and_used_by_all(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(6000, MINUTE_MS);
    const struct lease_offer three = {.count = 3, .life_us = LEASE_LIFE_US};
    struct lease l = {0};

    assert_int_equal(lease_take(&l, &rate, 1), LEASE_ASK);
    assert_int_equal(lease_take(&l, &rate, 2), LEASE_AWAIT);
    assert_int_equal(lease_want(&l, &rate, 2, 2), 3);
    assert_true(lease_filled(&l, &three, 3));
    assert_int_equal(lease_take(&l, &rate, 4), LEASE_GO);
    assert_int_equal(lease_take(&l, &rate, LEASE_LIFE_US), LEASE_GO);
    assert_int_equal(lease_take(&l, &rate, LEASE_LIFE_US), LEASE_ASK);
}

static void test_lease_lapses(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(6000, MINUTE_MS);
    const struct lease_offer three = {.count = 3, .life_us = LEASE_LIFE_US};
    struct lease l = {0};

    assert_int_equal(lease_take(&l, &rate, 1), LEASE_ASK);
    assert_true(lease_filled(&l, &three, 3));
    assert_int_equal(lease_take(&l, &rate, 1 + LEASE_LIFE_US), LEASE_ASK);
    assert_false(lease_filled(&l, &three, 1 + 2 * LEASE_LIFE_US));
    assert_int_equal(lease_take(&l, &rate, 2 + 2 * LEASE_LIFE_US), LEASE_ASK);
}

static void test_lease_refused_is_not_asked_for_again(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(600, MINUTE_MS);
    const struct lease_offer none = {.wait_us = 70000};
    struct lease l = {0};

    assert_int_equal(lease_take(&l, &rate, 1), LEASE_ASK);
    assert_false(lease_filled(&l, &none, 10));
    assert_int_equal(lease_take(&l, &rate, 70009), LEASE_WAIT);
    assert_int_equal(lease_turn(&l, &rate, 11), 70010);
    assert_int_equal(lease_turn(&l, &rate, 12), 70010 + rate.interval_us);
    assert_int_equal(lease_take(&l, &rate, 70010), LEASE_ASK);
    assert_int_equal(lease_want(&l, &rate, 0, 70010), 2);
    lease_failed(&l, SECOND, 70011);
    assert_int_equal(lease_take(&l, &rate, 70010 + SECOND), LEASE_WAIT);
}

static void test_lease_turns_are_never_far_off(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(60, MINUTE_MS);
    struct lease l = {.opens_us = MINUTE};
    int64_t last_us = 0;

    for (int i = 0; i < 1000; i++)
        last_us = lease_turn(&l, &rate, SECOND + i);
    assert_in_range(last_us, MINUTE + 4 * SECOND, MINUTE + 5 * SECOND);
    assert_in_range(lease_turn(&l, &rate, 2 * MINUTE), 2 * MINUTE, 2 * MINUTE);
}

static void test_lease_grows_while_it_is_used_up_in_time(void **state)
{
    (void)state;
    const struct lease_rate rate = lease_rate(60000, MINUTE_MS);
    struct lease l = {0};
    int64_t want = 0;

    for (int64_t now_us = 1; now_us < 10; now_us++) {
        assert_int_equal(lease_take(&l, &rate, now_us), LEASE_ASK);
        want = lease_want(&l, &rate, 0, now_us);
        assert_true(lease_filled(&l, &(struct lease_offer){.count = want, .life_us = LEASE_LIFE_US},
                                 now_us));
        while (l.left > 0)
            assert_int_equal(lease_take(&l, &rate, now_us), LEASE_GO);
    }
    assert_int_equal(want, rate.most);
    l.left = 200;
    assert_int_equal(lease_take(&l, &rate, 10 + LEASE_LIFE_US), LEASE_ASK);
    assert_int_equal(lease_want(&l, &rate, 0, 10 + LEASE_LIFE_US), rate.most - 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease_interval_is_a_minute_of_97_percent),
        cmocka_unit_test(test_lease_gives_a_burst_then_one_by_one),
        cmocka_unit_test(test_lease_of_a_slow_path_is_one),
        cmocka_unit_test(test_lease_of_a_replay_leaves_room_for_live_calls),
        cmocka_unit_test(test_lease_of_a_day_counts_from_midnight_in_china),
        cmocka_unit_test(test_lease_of_a_day_ends_before_midnight),
        cmocka_unit_test(test_lease_heals_what_no_clock_can_have_meant),
        cmocka_unit_test(test_lease_is_asked_for_by_one_and_used_by_all),
        cmocka_unit_test(test_lease_lapses),
        cmocka_unit_test(test_lease_refused_is_not_asked_for_again),
        cmocka_unit_test(test_lease_turns_are_never_far_off),
        cmocka_unit_test(test_lease_grows_while_it_is_used_up_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
