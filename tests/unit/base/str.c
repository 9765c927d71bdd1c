/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

static const struct str ABSENT = {NULL, 0};

static void test_str_absent_is_harmless_everywhere(void **state)
{
    (void)state;
    struct str head = STR("untouched");
    struct str rest = STR("untouched");
    char out[4] = "abc";
    size_t at = 7;

    assert_false(str_is_set(str_from(NULL)));
    assert_false(str_is_set(str_of(NULL, 12)));
    assert_true(str_is_empty(str_of(NULL, 12)));
    assert_true(str_eq(ABSENT, STR("")));
    assert_true(str_eq_cstr(ABSENT, NULL));
    assert_false(str_eq(ABSENT, STR("a")));
    assert_int_equal(str_cmp(ABSENT, STR("")), 0);
    assert_true(str_starts(STR("abc"), ABSENT));
    assert_true(str_ends(STR("abc"), ABSENT));
    assert_false(str_is_set(str_skip(ABSENT, 3)));
    assert_false(str_is_set(str_trim(ABSENT)));
    assert_false(str_cut(ABSENT, ',', &head, &rest));
    assert_true(str_eq(head, STR("untouched")));
    assert_false(str_find(ABSENT, STR(""), &at));
    assert_int_equal(at, 7);
    assert_true(str_match(ABSENT, ABSENT));
    assert_true(str_copy(ABSENT, out, sizeof(out)));
    assert_string_equal(out, "");
    assert_int_equal(str_utf8_step(ABSENT), 0);
    assert_false(str_is_set(str_limit(ABSENT, 0)));
}

static void test_str_compares_bytes_past_nul(void **state)
{
    (void)state;
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_cmp(STR("a\0b"), STR("a\0c")) < 0);
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
    assert_true(str_hash(STR("a")) == 0xaf63dc4c8601ec8c); /* of the FNV reference vectors */
    assert_true(str_hash(ABSENT) == str_hash(STR("")));
    assert_true(str_cmp(STR("\xFF"), STR("a")) > 0);
    assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_ieq(STR("\xC3\x84"), STR("\xC3\xA4")));
    assert_false(str_ieq(STR("["), STR("{")));
    assert_true(str_starts(STR("qrscene_m"), STR("qrscene_")));
    assert_false(str_starts(STR("qr"), STR("qrscene_")));
    assert_true(str_ends(STR("x.json"), STR(".json")));
    assert_false(str_ends(STR("json"), STR(".json")));
}

static void test_str_trim_takes_ascii_space_only(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t\r\n\v\fa b\n ")), STR("a b")));
    assert_true(str_eq(str_trim(STR("   ")), STR("")));
    assert_true(str_eq(str_trim(STR("\xC2\xA0x")), STR("\xC2\xA0x")));
}

static void test_str_cut_yields_every_part_and_ends(void **state)
{
    (void)state;

    static const struct {
        struct str text;
        size_t count;
        struct str last;
    } cases[] = {
        {STR_INIT(""), 1, STR_INIT("")},    {STR_INIT("a"), 1, STR_INIT("a")},
        {STR_INIT("a,"), 2, STR_INIT("")},  {STR_INIT(",a"), 2, STR_INIT("a")},
        {STR_INIT(",,,"), 4, STR_INIT("")}, {STR_INIT("a,b,c"), 3, STR_INIT("c")},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str rest = cases[i].text;
        struct str part = ABSENT;
        size_t count = 0;

        while (str_cut(rest, ',', &part, &rest)) {
            assert_true(str_is_set(part));
            count++;
        }
        assert_int_equal(count, cases[i].count);
        assert_true(str_eq(part, cases[i].last));
    }
}

static void test_str_find_gives_the_first(void **state)
{
    (void)state;
    size_t at = 99;

    assert_true(str_find(STR("abcabc"), STR("bc"), &at));
    assert_int_equal(at, 1);
    assert_true(str_find(STR("abc"), STR(""), &at));
    assert_int_equal(at, 0);
    assert_false(str_find(STR("ab"), STR("abc"), &at));
}

/* The definition itself: a star takes nothing, or one byte and stays. */
static bool naive_match(struct str p, struct str s) // NOLINT(misc-no-recursion): the plainest form
{
    if (p.len == 0)
        return s.len == 0;
    if (p.ptr[0] == '*')
        return naive_match(str_skip(p, 1), s) || (s.len > 0 && naive_match(p, str_skip(s, 1)));
    return s.len > 0 && p.ptr[0] == s.ptr[0] && naive_match(str_skip(p, 1), str_skip(s, 1));
}

/* The number-th word over the letters, shortest first. */
static struct str word(uint32_t number, const char *letters, char out[16])
{
    const uint32_t base = (uint32_t)strlen(letters);
    size_t len = 0;

    while (number > 0) {
        out[len++] = letters[(number - 1) % base];
        number = (number - 1) / base;
    }
    return str_of(out, len);
}

static void assert_match_agrees(struct str pattern, struct str text)
{
    if (str_match(pattern, text) != naive_match(pattern, text))
        fail_msg("pattern %.*s text %.*s", STR_ARG(pattern), STR_ARG(text));
}

/* All patterns of up to 6 letters, all texts of up to 7. */
static void test_str_match_agrees_with_its_definition(void **state)
{
    (void)state;
    char pattern[16];
    char text[16];

    for (uint32_t p = 0; p < 1093; p++)
        for (uint32_t t = 0; t < 255; t++)
            assert_match_agrees(word(p, "ab*", pattern), word(t, "ab", text));
}

static void test_str_match_is_not_exponential(void **state)
{
    (void)state;
    char text[20000];

    memset(text, 'a', sizeof(text));
    assert_false(str_match(STR("*a*a*a*a*a*a*a*a*a*a*a*b"), str_of(text, sizeof(text))));
}

static void test_str_finds_a_word_of_a_list(void **state)
{
    static const struct str list = STR_INIT("  a.b  *c\t d ");

    (void)state;
    assert_true(str_has_word(list, STR("a.b")));
    assert_true(str_has_word(list, STR("*c")));
    assert_true(str_has_word(list, STR("d")));
    assert_false(str_has_word(list, STR("a")));
    assert_false(str_has_word(list, STR("xc")));
    assert_false(str_has_word(list, STR("a.b  *c")));
    assert_false(str_has_word(list, STR("")));
    assert_false(str_has_word(ABSENT, ABSENT));
    assert_true(str_has_match(list, STR("xc")));
    assert_true(str_has_match(list, STR("a.b")));
    assert_false(str_has_match(list, STR("cx")));
    assert_false(str_has_match(STR(" "), STR("")));
    assert_true(str_has_match(STR("*"), STR("")));
}

static void test_str_copy_cuts_and_says_so(void **state)
{
    (void)state;
    char out[4];

    assert_true(str_copy(STR("abc"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(str_copy(STR("abcd"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(str_copy(STR(""), out, 0));
}

static void test_str_utf8_step_follows_rfc_3629(void **state)
{
    (void)state;

    static const struct {
        struct str text;
        size_t step;
    } cases[] = {
        {STR_INIT(""), 0},
        {STR_INIT("a"), 1},
        {STR_INIT("\0"), 1},
        {STR_INIT("\xC3\xA9"), 2},
        {STR_INIT("\xE5\x8D\xA1"), 3},
        {STR_INIT("\xF0\x9F\x98\x80"), 4},
        {STR_INIT("\xF4\x8F\xBF\xBF"), 4},
        {STR_INIT("\x80"), 0},             /* a continuation alone */
        {STR_INIT("\xC0\x80"), 0},         /* overlong NUL */
        {STR_INIT("\xC1\xBF"), 0},         /* overlong */
        {STR_INIT("\xE0\x9F\xBF"), 0},     /* overlong */
        {STR_INIT("\xED\xA0\x80"), 0},     /* a surrogate */
        {STR_INIT("\xF0\x8F\xBF\xBF"), 0}, /* overlong */
        {STR_INIT("\xF4\x90\x80\x80"), 0}, /* past U+10FFFF */
        {STR_INIT("\xF5\x80\x80\x80"), 0},
        {STR_INIT("\xFF"), 0},
        {STR_INIT("\xE5\x8D"), 0}, /* cut */
        {STR_INIT("\xE5\x8D?"), 0},
        {STR_INIT("\xC3"), 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(str_utf8_step(cases[i].text), cases[i].step);
}

static void test_str_limit_keeps_characters_whole(void **state)
{
    (void)state;
    const struct str text = STR("a\xC3\xA9\xE5\x8D\xA1\xF0\x9F\x98\x80!");
    const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    for (size_t max = 0; max < COUNT_OF(ends); max++)
        assert_int_equal(str_limit(text, max).len, ends[max]);
    /* What is no UTF-8 is cut where it stands. */
    assert_int_equal(str_limit(STR("\x80\x80\x80\x80\x80\x80"), 5).len, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str_absent_is_harmless_everywhere),
        cmocka_unit_test(test_str_compares_bytes_past_nul),
        cmocka_unit_test(test_str_trim_takes_ascii_space_only),
        cmocka_unit_test(test_str_cut_yields_every_part_and_ends),
        cmocka_unit_test(test_str_find_gives_the_first),
        cmocka_unit_test(test_str_match_agrees_with_its_definition),
        cmocka_unit_test(test_str_match_is_not_exponential),
        cmocka_unit_test(test_str_finds_a_word_of_a_list),
        cmocka_unit_test(test_str_copy_cuts_and_says_so),
        cmocka_unit_test(test_str_utf8_step_follows_rfc_3629),
        cmocka_unit_test(test_str_limit_keeps_characters_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
