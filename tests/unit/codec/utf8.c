/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static void test_utf8_accepts_what_is_well_formed(void **state)
{
    static const char *const texts[] = {
        "",
        "plain text longer than one machine word",
        "会员卡",
        "eight123é tail",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_true(utf8_valid(str_from(texts[i])));
    assert_true(utf8_valid(str_from(NULL)));
    assert_true(utf8_valid(STR("a\0b")));
}

static void test_utf8_refuses_what_is_not(void **state)
{
    static const char *const texts[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2 ",
        "\xE0\x9F\xBF",
        "\xE0\xA0",
        "\xE4\xBC",
        "\xE4\xBC\x28",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "12345678\xFF",
        "1234567\xE4\xBC",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (utf8_valid(str_from(texts[i])))
            fail_msg("case %zu was taken", i);
}

/* Every code point through its own encoding: the surrogates alone are refused. */
static void test_utf8_agrees_with_the_encoding_of_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0x800; c <= 0x110000; c++) {
        unsigned char text[4];
        size_t len = c < 0x10000 ? 3 : 4;
        bool valid = c < 0x110000 && !(c >= 0xD800 && c <= 0xDFFF);

        if (len == 3) {
            text[0] = (unsigned char)(0xE0 | c >> 12);
        } else {
            text[0] = (unsigned char)(0xF0 | c >> 18);
            text[1] = (unsigned char)(0x80 | (c >> 12 & 63));
        }
        text[len - 2] = (unsigned char)(0x80 | (c >> 6 & 63));
        text[len - 1] = (unsigned char)(0x80 | (c & 63));
        if (utf8_valid(str_of(text, len)) != valid)
            fail_msg("U+%04X", c);
    }
}

static void test_utf8_cuts_between_characters(void **state)
{
    struct str text = STR("a会员😀");

    (void)state;
    assert_int_equal(utf8_cut(text, 100).len, 11);
    assert_int_equal(utf8_cut(text, 11).len, 11);
    assert_int_equal(utf8_cut(text, 10).len, 7);
    assert_int_equal(utf8_cut(text, 7).len, 7);
    assert_int_equal(utf8_cut(text, 6).len, 4);
    assert_int_equal(utf8_cut(text, 3).len, 1);
    assert_int_equal(utf8_cut(text, 0).len, 0);
}

static void test_utf8_counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(STR("")), 0);
    assert_int_equal(utf8_length(STR("a会员😀")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_accepts_what_is_well_formed),
        cmocka_unit_test(test_utf8_refuses_what_is_not),
        cmocka_unit_test(test_utf8_agrees_with_the_encoding_of_every_code_point),
        cmocka_unit_test(test_utf8_cuts_between_characters),
        cmocka_unit_test(test_utf8_counts_code_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
