/* SPDX-License-Identifier: Apache-2.0 */
#include "run/quota.h"

#include "log/log.h"
#include "metrics/catalog.h"
#include "run/breaker.h"
#include "tests/unit/check.h"
#include "wechat/client.h"

static const int64_t MINUTE_MS = 60000;
static const int64_t DAY_MS = 86400000;
static const int64_t SLACK_MS = 30000;

static char demo_name[] = "demo";
static char other_name[] = "other";
static char limited[] = "/card/limited";
static const struct account DEMO = {.name = demo_name};
static const struct account OTHER = {.name = other_name};
static struct quota_limit limits[] = {{limited, 600, 60000}};
static const struct settings SETTINGS = {
    .quota = {.limits = limits, .count = COUNT_OF(limits), .replay_share = 0.2},
};
static const char PATH[] = "/card/code/get";

static int setup(void **state)
{
    *state = metrics_new();
    log_init("test_run_quota", LOG_ERROR);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    metrics_free(*state);
    return 0;
}

static enum status admit(struct quota *q, const struct account *account, const char *path,
                         struct err *err)
{
    struct quota_path *found = quota_path(q, account, path);
    const struct quota_caller caller = {.until = deadline_in(SLACK_MS)};

    assert_non_null(found);
    return quota_admit(q, found, &caller, err);
}

/* How long the path stays closed; 0: it is open. */
static int64_t closed_ms(struct quota *q, const struct account *account, const char *path)
{
    struct err err = {0};

    if (admit(q, account, path, &err) == ST_OK)
        return 0;
    assert_true(str_starts(str_from(err.resource), STR("wechat:")));
    return deadline_left_ms(err.until);
}

static uint64_t calls;

/* A call for a key of its own. */
static bool report(struct quota *q, const struct account *account, const char *path, int errcode)
{
    const struct quota_outcome outcome = {
        .errcode = errcode, .began_ms = clock_mono_ms(), .key_hash = ++calls};
    struct quota_dark dark;

    return quota_report(q, quota_path(q, account, path), &outcome, &dark);
}

static void test_quota_is_open_until_told_otherwise(void **state)
{
    static const int codes[] = {0, -1, 40001, 40056, 40097, -1000, 123456};
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        (void)report(q, &DEMO, PATH, codes[i]);
    assert_int_equal(closed_ms(q, &DEMO, PATH), 0);
}

static void test_quota_minute_closes_this_path_of_this_account(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    struct err err = {0};

    (void)report(q, &DEMO, PATH, 45011);
    assert_in_range(closed_ms(q, &DEMO, PATH), MINUTE_MS - SLACK_MS, MINUTE_MS);
    assert_int_equal(closed_ms(q, &OTHER, PATH), 0);
    assert_int_equal(closed_ms(q, &DEMO, "/card/membercard/userinfo/get"), 0);
    assert_int_equal(admit(q, &DEMO, PATH, &err), ST_WAIT);
    assert_string_equal(err.resource, "wechat:demo:/card/code/get");
}

static void test_quota_day_closes_until_midnight_utc8(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    int64_t now_ms = clock_wall_ms();
    int64_t left_ms = clock_next_midnight_utc8(now_ms) - now_ms;

    (void)report(q, &DEMO, PATH, 45009);
    if (left_ms > DAY_MS - 2 * MINUTE_MS)
        return; /* too near to midnight */
    assert_in_range(closed_ms(q, &DEMO, PATH) + SLACK_MS, left_ms, left_ms + SLACK_MS);
}

/* Two clocks differ, a call began yesterday: a whole day is not lost for that. */
static void test_quota_day_that_has_just_begun_is_asked_about_again(void **state)
{
    static const int64_t midnight_ms = 1760025600000; /* 2025-10-09 16:00:00 UTC */

    (void)state;
    assert_int_equal(quota_closing_ms(ERRCODE_DAY, midnight_ms - 1), 1);
    assert_int_equal(quota_closing_ms(ERRCODE_DAY, midnight_ms), MINUTE_MS);
    assert_int_equal(quota_closing_ms(ERRCODE_DAY, midnight_ms + MINUTE_MS - 1), MINUTE_MS);
    assert_int_equal(quota_closing_ms(ERRCODE_DAY, midnight_ms + MINUTE_MS), DAY_MS - MINUTE_MS);
}

static void test_quota_alarm_closes_for_a_minute(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    (void)report(q, &DEMO, PATH, 40164);
    assert_in_range(closed_ms(q, &DEMO, PATH), MINUTE_MS - SLACK_MS, MINUTE_MS);
}

static void test_quota_closings_only_move_later(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    int64_t now_ms = clock_wall_ms();
    int64_t left_ms = clock_next_midnight_utc8(now_ms) - now_ms;

    if (left_ms < 3 * MINUTE_MS || left_ms > DAY_MS - 2 * MINUTE_MS)
        return; /* too near to midnight to tell them apart */
    (void)report(q, &DEMO, PATH, 45009);
    (void)report(q, &DEMO, PATH, 45011);
    (void)report(q, &DEMO, PATH, 0);
    assert_true(closed_ms(q, &DEMO, PATH) > 2 * MINUTE_MS);
}

static void test_quota_shows_what_is_closed(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    (void)report(q, &DEMO, "/card/other", 45011);
    quota_collect(q);
    assert_true(metric_value(metric_1(*state, &METRIC_QUOTA_BLOCKED, "/card/other")) > 30);
}

static void test_quota_darkens_a_path_that_answers_nobody(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    struct err err = {0};

    for (int i = 1; i < BREAKER_FAILURES; i++)
        assert_false(report(q, &DEMO, PATH, WECHAT_NO_ANSWER));
    assert_true(report(q, &DEMO, PATH, WECHAT_BUSY));
    assert_in_range(closed_ms(q, &DEMO, PATH), 1, BREAKER_PROBE_MS);
    assert_int_equal(admit(q, &DEMO, PATH, &err), ST_WAIT);
    assert_string_equal(err.resource, "wechat:demo:/card/code/get");
    assert_int_equal(closed_ms(q, &OTHER, PATH), 0);
}

static void test_quota_takes_any_answer_for_light(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    for (int i = 1; i < BREAKER_FAILURES; i++)
        (void)report(q, &DEMO, PATH, WECHAT_NO_ANSWER);
    assert_false(report(q, &DEMO, PATH, 40056));
    assert_false(report(q, &DEMO, PATH, WECHAT_NO_ANSWER));
    assert_int_equal(closed_ms(q, &DEMO, PATH), 0);
}

static void test_quota_shows_the_account_that_is_closed_longest(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    (void)report(q, &DEMO, "/card/both", 45011);
    (void)report(q, &OTHER, "/card/both", 0);
    quota_collect(q);
    assert_true(metric_value(metric_1(*state, &METRIC_QUOTA_BLOCKED, "/card/both")) > 30);
}

static void test_quota_path_is_one_for_each_account(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    char copy[] = "/card/code/get";

    assert_ptr_equal(quota_path(q, &DEMO, PATH), quota_path(q, &DEMO, copy));
    assert_ptr_not_equal(quota_path(q, &DEMO, PATH), quota_path(q, &OTHER, PATH));
}

static void test_quota_of_a_limited_path_waits_without_a_database(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);
    struct err err = {0};

    assert_int_equal(admit(q, &DEMO, limited, &err), ST_WAIT);
    assert_string_equal(err.resource, "wechat:demo:/card/limited");
    assert_in_range(deadline_left_ms(err.until), 100, 6000);
    assert_int_equal(closed_ms(q, &DEMO, PATH), 0);
    quota_collect(q);
    assert_true(metric_value(metric_1(*state, &METRIC_QUOTA_BLOCKED, limited)) == 0);
}

static void test_quota_has_news_once_a_path_closed_here(void **state)
{
    AUTO(quota_freep) struct quota *q = quota_new(&SETTINGS, *state);

    (void)report(q, &DEMO, PATH, 0);
    assert_false(quota_has_news(q));
    (void)report(q, &DEMO, PATH, 45011);
    assert_true(quota_has_news(q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota_is_open_until_told_otherwise),
        cmocka_unit_test(test_quota_darkens_a_path_that_answers_nobody),
        cmocka_unit_test(test_quota_takes_any_answer_for_light),
        cmocka_unit_test(test_quota_minute_closes_this_path_of_this_account),
        cmocka_unit_test(test_quota_day_closes_until_midnight_utc8),
        cmocka_unit_test(test_quota_day_that_has_just_begun_is_asked_about_again),
        cmocka_unit_test(test_quota_alarm_closes_for_a_minute),
        cmocka_unit_test(test_quota_closings_only_move_later),
        cmocka_unit_test(test_quota_shows_what_is_closed),
        cmocka_unit_test(test_quota_shows_the_account_that_is_closed_longest),
        cmocka_unit_test(test_quota_path_is_one_for_each_account),
        cmocka_unit_test(test_quota_of_a_limited_path_waits_without_a_database),
        cmocka_unit_test(test_quota_has_news_once_a_path_closed_here),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
