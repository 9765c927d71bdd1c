/* SPDX-License-Identifier: Apache-2.0 */
/* Prefer and Idempotency-Key: what is read from them, what is none. */
#include "prefer.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

static void test_prefer_reads_what_it_knows(void **state)
{
    static const struct {
        const char *header;
        bool respond_async;
        bool has_wait;
        int wait_s;
    } rows[] = {
        {NULL, false, false, 0},
        {"", false, false, 0},
        {"wait=5", false, true, 5},
        {"respond-async, wait=10", true, true, 10},
        {"WAIT = 7 , Respond-Async", true, true, 7},
        {"wait=\"8\"", false, true, 8},
        {"wait=9;x=y, return=minimal", false, true, 9},
        {"wait=61", false, true, 60},
        {"wait=18446744073709551615", false, true, 60},
        {"wait=0", false, true, 0},
        {"wait=1, wait=2", false, true, 1},
        {"wait=x, wait=2", false, true, 2},
        {"wait", false, false, 0},
        {"wait=", false, false, 0},
        {"wait=-1", false, false, 0},
        {"wait=1.5", false, false, 0},
        {"wait=18446744073709551616", false, false, 0},
        {"foo=\"a, wait=3\", bar", false, false, 0},
        {"foo=\"a\\\", wait=3", false, false, 0},
        {",,;=,wait=4,", false, true, 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct prefer p = prefer_parse(str_from(rows[i].header));

        if (p.wait_s != rows[i].wait_s)
            print_error("%s\n", rows[i].header);
        assert_int_equal(p.respond_async, rows[i].respond_async);
        assert_int_equal(p.has_wait, rows[i].has_wait);
        assert_int_equal(p.wait_s, rows[i].wait_s);
    }
}

static void test_idempotency_key_quoted_or_not(void **state)
{
    static const char *const rows[][2] = {
        {"abc", "abc"},         {"\"abc\"", "abc"},
        {" \"a b\" ", "a b"},   {"\"a\\\"b\\\\\"", "a\"b\\"},
        {"a,b;c", "a,b;c"},     {"", NULL},
        {"\"\"", NULL},         {"\"a", NULL},
        {"a b", NULL},          {"a\"b", NULL},
        {"\"a\"b", NULL},       {"\"a\\b\"", NULL},
        {"\"a\\", NULL},        {"\"a\";p=1", NULL},
        {"\"\xc3\xa9\"", NULL}, {"\xc3\xa9", NULL},
        {"a\tb", NULL},         {"\"a\x7f\"", NULL},
        {"\\", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char key[IDEMPOTENCY_KEY_MAX + 1] = "";

        assert_int_equal(idempotency_key_parse(str_from(rows[i][0]), key), rows[i][1] != NULL);
        if (rows[i][1])
            assert_string_equal(key, rows[i][1]);
    }
}

static void test_idempotency_key_has_a_length(void **state)
{
    char text[IDEMPOTENCY_KEY_MAX + 3];
    char key[IDEMPOTENCY_KEY_MAX + 1];

    (void)state;
    memset(text, 'k', sizeof(text));
    assert_true(idempotency_key_parse(str_of(text, IDEMPOTENCY_KEY_MAX), key));
    assert_int_equal(strlen(key), IDEMPOTENCY_KEY_MAX);
    assert_false(idempotency_key_parse(str_of(text, IDEMPOTENCY_KEY_MAX + 1), key));
    text[0] = '"';
    text[IDEMPOTENCY_KEY_MAX + 1] = '"';
    assert_true(idempotency_key_parse(str_of(text, IDEMPOTENCY_KEY_MAX + 2), key));
    text[IDEMPOTENCY_KEY_MAX + 1] = 'k';
    text[IDEMPOTENCY_KEY_MAX + 2] = '"';
    assert_false(idempotency_key_parse(str_of(text, IDEMPOTENCY_KEY_MAX + 3), key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefer_reads_what_it_knows),
        cmocka_unit_test(test_idempotency_key_quoted_or_not),
        cmocka_unit_test(test_idempotency_key_has_a_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
