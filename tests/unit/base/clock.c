/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/attr.h"
#include "base/rand.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void test_clock_formats_what_the_c_library_says(void **state)
{
    (void)state;

    for (int round = 0; round < 20000; round++) {
        /* The years 0 to 9999. */
        const int64_t span_s = INT64_C(62167219200) + INT64_C(253402300799);
        const time_t s = (time_t)(rand_u64() % (uint64_t)span_s) - INT64_C(62167219200);
        struct tm tm;
        char expected[96];
        char out[CLOCK_RFC3339_SIZE];
        int64_t back = 0;

        assert_non_null(gmtime_r(&s, &tm));
        (void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.678Z",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        clock_format_rfc3339((int64_t)s * 1000 + 678, out);
        assert_string_equal(out, expected);
        assert_true(clock_parse_rfc3339(out, strlen(out), &back));
        assert_true(back == (int64_t)s * 1000 + 678);
    }
}

static void test_clock_formats_years_out_of_reach_as_the_nearest(void **state)
{
    (void)state;
    char out[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(INT64_MAX, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
    clock_format_rfc3339(INT64_MIN, out);
    assert_string_equal(out, "0000-01-01T00:00:00.000Z");
    clock_format_rfc3339(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
}

static void test_clock_parses_every_form(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T08:00:00+08:00", 0},
        {"1969-12-31T23:30:00.5-00:30", 500},
        {"1970-01-01T00:00:00.1239999999999999999999Z", 123},
        {"1970-01-01T00:00:00.04-00:00", 40},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"1998-12-31T23:59:60Z", INT64_C(915148800000)},
        {"1998-12-31T15:59:60.123-08:00", INT64_C(915148800123)},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ms = -1;

        assert_true(clock_parse_rfc3339(cases[i].text, strlen(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_clock_refuses_what_is_no_rfc_3339(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04Z",
        "2026-1-02T03:04:05Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:00Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:60Z",
        "1998-12-31T23:58:60Z",
        "1998-12-31T22:59:60Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,1Z",
        "2026-01-02T03:04:05+0800",
        "2026-01-02T03:04:05+08",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+08:60",
        "2026-01-02T03:04:05Z ",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05+08:00Z",
        "+026-01-02T03:04:05Z",
        "2026-01--2T03:04:05Z",
        "2026-01-02T+3:04:05Z",
        "\340\247\252026-01-02T03:04:05Z",
    };
    int64_t ms = 42;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (clock_parse_rfc3339(bad[i], strlen(bad[i]), &ms))
            fail_msg("%s", bad[i]);
    assert_false(clock_parse_rfc3339(NULL, 0, &ms));
    assert_false(clock_parse_rfc3339("2026-01-02T03:04:05Z\0", 21, &ms));
    assert_int_equal(ms, 42);
}

/* Every cut of a good text is a bad one. */
static void test_clock_refuses_every_cut(void **state)
{
    (void)state;
    static const char text[] = "2026-01-02T03:04:05.678+08:00";
    int64_t ms;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_false(clock_parse_rfc3339(text, len, &ms));
    assert_true(clock_parse_rfc3339(text, sizeof(text) - 1, &ms));
}

static void test_clock_midnight_is_strictly_after(void **state)
{
    (void)state;
    /* 2026-01-02T16:00:00Z is midnight of the third in UTC+8. */
    const int64_t midnight = INT64_C(1767369600000);

    assert_int_equal(clock_next_midnight_utc8(midnight - 1), midnight);
    assert_int_equal(clock_next_midnight_utc8(midnight), midnight + 86400000);
    assert_int_equal(clock_next_midnight_utc8(midnight - 86400000), midnight);
    assert_int_equal(clock_next_midnight_utc8(-1), 57600000);
}

static void test_clock_deadlines(void **state)
{
    (void)state;
    const struct deadline soon = deadline_in(1000);
    const struct deadline later = deadline_in(60000);

    assert_true(deadline_passed(deadline_in(0)));
    assert_true(deadline_passed(deadline_in(INT64_MIN)));
    assert_false(deadline_passed(deadline_none()));
    assert_true(deadline_left_ms(deadline_none()) == INT64_MAX);
    assert_int_equal(deadline_left_ms(deadline_in(-5)), 0);
    assert_in_range(deadline_left_ms(later), 1, 60000);
    assert_true(deadline_left_ms(deadline_in(INT64_MAX)) > 0);
    assert_int_equal(deadline_min(soon, later).at_ms, soon.at_ms);
    assert_int_equal(deadline_min(later, soon).at_ms, soon.at_ms);
    assert_int_equal(deadline_min(deadline_none(), soon).at_ms, soon.at_ms);
    assert_int_equal(deadline_min(soon, deadline_none()).at_ms, soon.at_ms);
    assert_int_equal(deadline_min(deadline_none(), deadline_none()).at_ms, 0);
}

static void test_clock_monotonic_never_goes_back(void **state)
{
    (void)state;
    int64_t before = clock_mono_ns();

    for (int i = 0; i < 1000; i++) {
        const int64_t now = clock_mono_ns();

        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_mono_ms() >= before / 1000000);
    assert_true(clock_wall_ms() > INT64_C(1577836800000));
}

static void test_deadline_timespec_can_be_waited_for(void **state)
{
    struct timespec at = deadline_timespec((struct deadline){1234567});
    struct timespec never = deadline_timespec(deadline_none());

    (void)state;
    assert_int_equal(at.tv_sec, 1234);
    assert_int_equal(at.tv_nsec, 567000000);
    assert_true(never.tv_sec > clock_mono_ms() / 1000 + 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_timespec_can_be_waited_for),
        cmocka_unit_test(test_clock_formats_what_the_c_library_says),
        cmocka_unit_test(test_clock_formats_years_out_of_reach_as_the_nearest),
        cmocka_unit_test(test_clock_parses_every_form),
        cmocka_unit_test(test_clock_refuses_what_is_no_rfc_3339),
        cmocka_unit_test(test_clock_refuses_every_cut),
        cmocka_unit_test(test_clock_midnight_is_strictly_after),
        cmocka_unit_test(test_clock_deadlines),
        cmocka_unit_test(test_clock_monotonic_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
