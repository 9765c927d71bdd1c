/* SPDX-License-Identifier: Apache-2.0 */
/* Folding, with the library's own answer beside it for every character there is. */
#include "base/attr.h"
#include "codec/utf8.h"
#include "tests/unit/check.h"

#include <utf8proc.h>

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 4096, LAST = 0x10FFFF };

static void assert_folds(const char *text, const char *want)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);

    utf8_fold(str_from(text), &out);
    assert_true(buf_ok(&out));
    assert_true(str_eq_cstr(buf_str(&out), want));
}

static void test_utf8_fold_makes_alike_what_reads_alike(void **state)
{
    (void)state;
    assert_folds("", "");
    assert_folds("Points PLEASE 123", "points please 123");
    assert_folds("ＶＩＰ　会员，１２３！", "vip 会员,123!");
    assert_folds("积分“查询”。《卡》", "积分“查询”。《卡》");
    assert_folds("Straße", "strasse");
    assert_folds("ΣΑΣ", "σασ");
    assert_folds("ｶﾞ", "ガ");
    assert_folds("①Ⅷ℡", "1viiitel");
    assert_folds("e\xCC\x81", "é");
    assert_folds("积\xE2\x80\x8B分", "积分"); /* a zero-width blank */
    assert_folds("❤️", "❤");
    assert_folds("Hi 😀", "hi 😀");
}

/* Alone, and between ideographs, where the path without the library is taken as well. */
static void test_utf8_fold_is_the_librarys_for_every_character(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);

    (void)state;
    for (utf8proc_int32_t c = 1; c <= LAST; c++) {
        utf8proc_uint8_t text[12] = "\xE4\xB8\x80";
        utf8proc_ssize_t len = 3;
        utf8proc_uint8_t *want;

        if (!utf8proc_codepoint_valid(c))
            continue;
        len += utf8proc_encode_char(c, text + len);
        memcpy(text + len, "\xE9\xBF\xBF", 4);
        want = utf8proc_NFKC_Casefold(text);
        buf_clear(&out);
        utf8_fold(str_of(text, (size_t)len + 3), &out);
        assert_string_equal(out.ptr, (const char *)want);
        free(want);
    }
}

static void test_utf8_fold_fails_in_the_buffer(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4);

    (void)state;
    utf8_fold(STR("会员"), &out);
    assert_false(buf_ok(&out));
    buf_clear(&out);
    utf8_fold(STR("\xEF\xB7\xBA"), &out); /* three bytes become thirty-three */
    assert_false(buf_ok(&out));
    buf_clear(&out);
    utf8_fold(STR("a\xFF"), &out);
    assert_false(buf_ok(&out));
}

/* Sorting them costs their number squared: thousands of them are nothing that a person types. */
static void test_utf8_fold_counts_no_more_marks_than_a_letter_has(void **state)
{
    static const char *const pairs[][2] = {
        {"\u0301", "\u0316"}, /* above, below */
        {"\u0344", "\u0316"}, /* the first stands for two */
        {"\u0F81", "\uFF9E"}, /* no marks by their class, but they decompose into some */
        {"\u0301\u200D", "\u0316\u00AD"}, /* what is ignored does not stand between them */
        {"\uFF9E\u0488", "\u093E\u0334"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(1 << 16);
        AUTO(buf_done) struct buf folded = BUF_INIT(1 << 16);

        buf_add_cstr(&text, "é");
        for (int n = 0; n < 2000; n++)
            buf_add_cstr(&text, pairs[i][n >= 1000]);
        buf_add_cstr(&text, "会\u0301B");
        utf8_fold(buf_str(&text), &folded);
        assert_true(buf_ok(&folded));
        assert_in_range(folded.len, 32, 256);
        assert_true(str_starts(buf_str(&folded), STR("é")));
        assert_true(str_ends(buf_str(&folded), STR("会\u0301b")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_fold_makes_alike_what_reads_alike),
        cmocka_unit_test(test_utf8_fold_is_the_librarys_for_every_character),
        cmocka_unit_test(test_utf8_fold_fails_in_the_buffer),
        cmocka_unit_test(test_utf8_fold_counts_no_more_marks_than_a_letter_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
