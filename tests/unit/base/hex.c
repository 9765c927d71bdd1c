/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

#include "tests/unit/check.h"

static void test_hex_reads_back_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256] = {0};
    char text[2 * 256 + 1];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    hex_format(bytes, sizeof(bytes), text);
    assert_true(hex_parse(str_from(text), back, sizeof(back)));
    assert_memory_equal(bytes, back, sizeof(back));
    hex_format((const uint8_t[]){0x0F, 0xA0}, 2, text);
    assert_string_equal(text, "0fa0");
    hex_format(bytes, 0, text);
    assert_string_equal(text, "");
}

static void test_hex_refuses_other_lengths_and_digits(void **state)
{
    (void)state;
    uint8_t out[2] = {1, 2};

    assert_false(hex_parse(STR("00f"), out, 2));
    assert_false(hex_parse(STR("00ff0"), out, 2));
    assert_false(hex_parse(STR("00ff00"), out, 2));
    assert_false(hex_parse(STR("00fg"), out, 2));
    assert_false(hex_parse(STR("0 ff"), out, 2));
    assert_false(hex_parse(str_from(NULL), out, 2));
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], 2);
    assert_true(hex_parse(STR("aAfF"), out, 2));
    assert_int_equal(out[0], 0xAA);
    assert_int_equal(out[1], 0xFF);
    assert_true(hex_parse(STR(""), out, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_reads_back_every_byte),
        cmocka_unit_test(test_hex_refuses_other_lengths_and_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
