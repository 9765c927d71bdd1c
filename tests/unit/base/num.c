/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include "base/attr.h"
#include "base/rand.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const char *const NOT_INTEGERS[] = {
    "",   " ",    "+",   "-",   "--1",   "+-1",      " 1",    "1 ",
    "1a", "0x10", "1.0", "1e3", "1,000", "\xD9\xA1", "1_000", "9223372036854775808999",
};

static void test_num_integers_refuse_what_is_none(void **state)
{
    (void)state;
    int64_t i = 42;
    uint64_t u = 42;

    for (size_t n = 0; n < COUNT_OF(NOT_INTEGERS); n++) {
        assert_false(num_parse_i64(str_from(NOT_INTEGERS[n]), INT64_MIN, INT64_MAX, &i));
        assert_false(num_parse_u64(str_from(NOT_INTEGERS[n]), 0, UINT64_MAX, &u));
    }
    assert_false(num_parse_i64(str_from(NULL), INT64_MIN, INT64_MAX, &i));
    assert_false(num_parse_i64(STR("1\0"), INT64_MIN, INT64_MAX, &i));
    assert_false(num_parse_u64(STR("-1"), 0, UINT64_MAX, &u));
    assert_int_equal(i, 42);
    assert_int_equal(u, 42);
}

static void test_num_integers_reach_their_limits(void **state)
{
    (void)state;
    int64_t i;
    uint64_t u;

    assert_true(num_parse_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &i));
    assert_true(i == INT64_MIN);
    assert_true(num_parse_i64(STR("+9223372036854775807"), INT64_MIN, INT64_MAX, &i));
    assert_true(i == INT64_MAX);
    assert_false(num_parse_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &i));
    assert_false(num_parse_i64(STR("-9223372036854775809"), INT64_MIN, INT64_MAX, &i));
    assert_true(num_parse_i64(STR("-0"), 0, 0, &i));
    assert_true(num_parse_i64(STR("000000000000000000000000000001"), 0, 1, &i));
    assert_true(num_parse_u64(STR("18446744073709551615"), 0, UINT64_MAX, &u));
    assert_true(u == UINT64_MAX);
    assert_false(num_parse_u64(STR("18446744073709551616"), 0, UINT64_MAX, &u));
}

static void test_num_what_is_printed_parses_within_its_bounds_only(void **state)
{
    (void)state;

    for (int round = 0; round < 20000; round++) {
        /* Shifted, so that every magnitude comes up. */
        const int64_t value = (int64_t)(rand_u64() >> rand_below(63)) * (round % 2 ? -1 : 1);
        char text[24];
        int64_t back = 0;
        struct str s;

        (void)snprintf(text, sizeof(text), "%" PRId64, value);
        s = str_from(text);
        assert_true(num_parse_i64(s, value, value, &back));
        assert_true(back == value);
        if (value < INT64_MAX)
            assert_false(num_parse_i64(s, value + 1, INT64_MAX, &back));
        if (value > INT64_MIN)
            assert_false(num_parse_i64(s, INT64_MIN, value - 1, &back));
        assert_int_equal(num_parse_u64(s, 0, UINT64_MAX, &(uint64_t){0}), value >= 0);
    }
}

static void test_num_double_takes_decimals_only(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    ".",     ".5", "1.", "1e",    "1e+", "inf",
        "nan", "0x1p3", " 1", "1 ", "1e999", "--1", "1.5.2",
    };
    double value = 42;
    char big[80];

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(num_parse_double(str_from(bad[i]), -1e300, 1e300, &value));
    memset(big, '1', sizeof(big));
    assert_false(num_parse_double(str_of(big, sizeof(big)), -1e300, 1e300, &value));
    assert_true(value == 42);
    assert_true(num_parse_double(STR("-12.5e-1"), -2, 2, &value));
    assert_true(value == -1.25);
    assert_false(num_parse_double(STR("0.21"), 0, 0.2, &value));
    assert_true(num_parse_double(STR("0.2"), 0, 0.2, &value));
}

static void test_num_double_reads_back_what_it_wrote(void **state)
{
    (void)state;
    char text[NUM_DOUBLE_SIZE];

    num_format_double(0.1, text);
    assert_string_equal(text, "0.1");
    num_format_double(100000, text);
    assert_string_equal(text, "100000");
    num_format_double(-1.7976931348623157e308, text);
    assert_string_equal(text, "-1.7976931348623157e+308");
    for (int round = 0; round < 2000; round++) {
        const double value = (double)rand_u64() / (1 + (double)rand_u64());
        double back = 0;

        num_format_double(value, text);
        assert_true(num_parse_double(str_from(text), value, value, &back));
    }
}

static void test_num_ignores_the_locale(void **state)
{
    (void)state;
    char text[NUM_DOUBLE_SIZE];
    double value = 0;

    /* NOLINTBEGIN(concurrency-mt-unsafe): this process has one thread. */
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
        skip();
    num_format_double(1.5, text);
    assert_true(num_parse_double(STR("2.5"), 0, 10, &value));
    (void)setlocale(LC_NUMERIC, "C");
    /* NOLINTEND(concurrency-mt-unsafe) */
    assert_string_equal(text, "1.5");
    assert_true(value == 2.5);
}

static void test_num_size_knows_its_units(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"64", 64},
        {"64K", 65536},
        {"64 KiB", 65536},
        {"1 MiB", 1048576},
        {"2G", INT64_C(2147483648)},
        {"2g", INT64_C(2147483648)},
        {"1T", INT64_C(1) << 40},
        {"0", 0},
        {"", -1},
        {"K", -1},
        {"1 KB", -1},
        {"1KiBs", -1},
        {"1 ", -1},
        {" 1", -1},
        {"-1", -1},
        {"1.5M", -1},
        {"8388608T", -1},
        {"99999999999999999999", -1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = -1;
        const bool ok = num_parse_size(str_from(cases[i].text), 0, INT64_MAX, &value);

        assert_int_equal(ok, cases[i].value >= 0);
        assert_int_equal(value, cases[i].value);
    }
    assert_false(num_parse_size(STR("1K"), 0, 1023, &(int64_t){0}));
    assert_false(num_parse_size(STR("1K"), 1025, 2000, &(int64_t){0}));
}

static void test_num_add_saturates(void **state)
{
    (void)state;
    assert_true(num_add_i64(INT64_MAX, 1) == INT64_MAX);
    assert_true(num_add_i64(INT64_MIN, -1) == INT64_MIN);
    assert_true(num_add_i64(INT64_MAX, INT64_MIN) == -1);
    assert_true(num_add_i64(2, 3) == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_num_integers_refuse_what_is_none),
        cmocka_unit_test(test_num_integers_reach_their_limits),
        cmocka_unit_test(test_num_what_is_printed_parses_within_its_bounds_only),
        cmocka_unit_test(test_num_double_takes_decimals_only),
        cmocka_unit_test(test_num_double_reads_back_what_it_wrote),
        cmocka_unit_test(test_num_ignores_the_locale),
        cmocka_unit_test(test_num_size_knows_its_units),
        cmocka_unit_test(test_num_add_saturates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
