/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's token rules, on a clock of the test's own. */
#include "wxsim/token.h"

#include "tests/unit/check.h"

#include <string.h>

static const struct sim_token_rules rules = {
    .ttl_s = 7200, .bytes = 136, .forced_interval_s = 30, .forced_per_day = 20};

/* Noon UTC+8, so that a day's end is far. */
static const int64_t START_MS = INT64_C(1760000000000) / 86400000 * 86400000 + INT64_C(14400000);

struct kept {
    char text[SIM_TOKEN_MAX + 1];
};

static struct kept keep(struct sim_grant grant)
{
    struct kept kept = {.text = ""};

    assert_true(str_copy(grant.text, kept.text, sizeof(kept.text)));
    return kept;
}

static enum sim_token_state state(const struct sim_token_line *line, const struct kept *token,
                                  int64_t now_ms)
{
    return sim_token_check(line, str_from(token->text), now_ms);
}

static void test_token_normal_repeats_with_remaining_time(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct sim_grant first = sim_token_normal(&line, &rules, START_MS);
    const struct kept token = keep(first);
    const struct sim_grant again = sim_token_normal(&line, &rules, START_MS + 1000000);

    (void)unused;
    assert_true(first.fresh);
    assert_int_equal(first.expires_in_s, 7200);
    assert_int_equal(first.text.len, 136);
    assert_false(again.fresh);
    assert_int_equal(again.expires_in_s, 6200);
    assert_true(str_eq_cstr(again.text, token.text));
}

static void test_token_normal_never_hands_out_under_five_minutes(void **unused)
{
    struct sim_token_line line = {.count = 0};
    struct sim_grant grant;

    (void)unused;
    (void)sim_token_normal(&line, &rules, START_MS);
    grant = sim_token_normal(&line, &rules, START_MS + 6900000);
    assert_false(grant.fresh);
    assert_int_equal(grant.expires_in_s, 300);
    grant = sim_token_normal(&line, &rules, START_MS + 6900001);
    assert_true(grant.fresh);
    assert_int_equal(grant.expires_in_s, 7200);
}

static void test_token_old_works_five_minutes_beside_the_new(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept old = keep(sim_token_normal(&line, &rules, START_MS));
    const int64_t change_ms = START_MS + 7100000;
    const struct kept new = keep(sim_token_normal(&line, &rules, change_ms));

    (void)unused;
    assert_int_equal(state(&line, &old, change_ms + 299999), SIM_TOKEN_GOOD);
    assert_int_equal(state(&line, &old, change_ms + 300000), SIM_TOKEN_EXPIRED);
    assert_int_equal(state(&line, &new, change_ms + 300000), SIM_TOKEN_GOOD);
    assert_int_equal(state(&line, &new, change_ms + 7200000), SIM_TOKEN_EXPIRED);
}

static void test_token_forced_kills_the_old_at_once(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept old = keep(sim_token_normal(&line, &rules, START_MS));
    const struct sim_grant forced = sim_token_forced(&line, &rules, START_MS + 1);
    const struct kept new = keep(forced);

    (void)unused;
    assert_true(forced.fresh);
    assert_int_equal(state(&line, &old, START_MS + 1), SIM_TOKEN_RETIRED);
    assert_int_equal(state(&line, &new, START_MS + 1), SIM_TOKEN_GOOD);
}

static void test_token_forced_within_thirty_seconds_does_not_refresh(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept first = keep(sim_token_forced(&line, &rules, START_MS));
    struct sim_grant again = sim_token_forced(&line, &rules, START_MS + 29999);

    (void)unused;
    assert_false(again.fresh);
    assert_true(str_eq_cstr(again.text, first.text));
    again = sim_token_forced(&line, &rules, START_MS + 30000);
    assert_true(again.fresh);
    assert_int_equal(state(&line, &first, START_MS + 30000), SIM_TOKEN_RETIRED);
}

static void test_token_forced_stops_at_twenty_until_midnight_utc8(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const int64_t midnight_ms = START_MS + INT64_C(43200000);

    (void)unused;
    for (int64_t i = 0; i < 20; i++)
        assert_true(sim_token_forced(&line, &rules, START_MS + i * 30000).fresh);
    assert_false(sim_token_forced(&line, &rules, START_MS + 600000).fresh);
    (void)sim_token_normal(&line, &rules, midnight_ms - 2);
    assert_false(sim_token_forced(&line, &rules, midnight_ms - 1).fresh);
    assert_true(sim_token_forced(&line, &rules, midnight_ms).fresh);
}

static void test_token_classic_is_new_each_time(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept one = keep(sim_token_classic(&line, &rules, START_MS));
    const struct kept two = keep(sim_token_classic(&line, &rules, START_MS + 1000));

    (void)unused;
    assert_string_not_equal(one.text, two.text);
    assert_int_equal(state(&line, &one, START_MS + 300999), SIM_TOKEN_GOOD);
    assert_int_not_equal(state(&line, &one, START_MS + 301000), SIM_TOKEN_GOOD);
    assert_int_equal(state(&line, &two, START_MS + 301000), SIM_TOKEN_GOOD);
}

static void test_token_expired_is_told_from_invalid(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept one = keep(sim_token_normal(&line, &rules, START_MS));
    struct kept two;

    (void)unused;
    sim_token_expire(&line, START_MS + 5);
    assert_int_equal(state(&line, &one, START_MS + 5), SIM_TOKEN_EXPIRED);
    two = keep(sim_token_normal(&line, &rules, START_MS + 5));
    assert_string_not_equal(one.text, two.text);
    sim_token_invalidate(&line, START_MS + 6, false);
    assert_int_equal(state(&line, &two, START_MS + 6), SIM_TOKEN_RETIRED);
    assert_true(sim_token_normal(&line, &rules, START_MS + 6).fresh);
    assert_int_equal(sim_token_check(&line, STR("nobody's"), START_MS), SIM_TOKEN_UNKNOWN);
}

static void test_token_sticky_needs_force(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept bad = keep(sim_token_normal(&line, &rules, START_MS));
    struct sim_grant grant;

    (void)unused;
    sim_token_invalidate(&line, START_MS, true);
    grant = sim_token_normal(&line, &rules, START_MS + 1);
    assert_false(grant.fresh);
    assert_true(str_eq_cstr(grant.text, bad.text));
    assert_int_equal(state(&line, &bad, START_MS + 1), SIM_TOKEN_RETIRED);
    assert_true(sim_token_forced(&line, &rules, START_MS + 2).fresh);
    assert_false(sim_token_normal(&line, &rules, START_MS + 3).fresh);
}

static void test_token_line_is_bounded(void **unused)
{
    struct sim_token_line line = {.count = 0};
    const struct kept first = keep(sim_token_classic(&line, &rules, START_MS));

    (void)unused;
    for (int i = 0; i < 3 * SIM_TOKEN_KEPT; i++)
        (void)sim_token_classic(&line, &rules, START_MS + i);
    assert_int_equal(line.count, SIM_TOKEN_KEPT);
    assert_int_equal(state(&line, &first, START_MS), SIM_TOKEN_UNKNOWN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_normal_repeats_with_remaining_time),
        cmocka_unit_test(test_token_normal_never_hands_out_under_five_minutes),
        cmocka_unit_test(test_token_old_works_five_minutes_beside_the_new),
        cmocka_unit_test(test_token_forced_kills_the_old_at_once),
        cmocka_unit_test(test_token_forced_within_thirty_seconds_does_not_refresh),
        cmocka_unit_test(test_token_forced_stops_at_twenty_until_midnight_utc8),
        cmocka_unit_test(test_token_classic_is_new_each_time),
        cmocka_unit_test(test_token_expired_is_told_from_invalid),
        cmocka_unit_test(test_token_sticky_needs_force),
        cmocka_unit_test(test_token_line_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
