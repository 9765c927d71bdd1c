/* SPDX-License-Identifier: Apache-2.0 */
#include "config/suggest.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static const char *suggest(const char *word)
{
    static const char *const words[] = {"listen", "loops", "max_body_bytes", "max_connections"};
    struct suggestion s = {.word = str_from(word)};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        suggest_try(&s, words[i]);
    return s.best;
}

static void test_suggest_finds_the_nearest_word(void **state)
{
    (void)state;
    assert_string_equal(suggest("listn"), "listen");
    assert_string_equal(suggest("LISTEN"), "listen");
    assert_string_equal(suggest("lops"), "loops");
    assert_string_equal(suggest("max_body_byte"), "max_body_bytes");
    assert_string_equal(suggest("maxconnections"), "max_connections");
}

static void test_suggest_leaves_strangers_alone(void **state)
{
    char endless[200] = {0};

    (void)state;
    assert_null(suggest("colour"));
    assert_null(suggest(""));
    for (size_t i = 0; i < sizeof(endless) - 1; i++)
        endless[i] = 'l';
    assert_null(suggest(endless));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggest_finds_the_nearest_word),
        cmocka_unit_test(test_suggest_leaves_strangers_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
