/* SPDX-License-Identifier: Apache-2.0 */
/* The index beside the plain search it stands for. */
#include "base/mem.h"
#include "replies_index.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { WORDS = 300, TEXTS = 3000, WORD_SIZE = 32, TEXT_SIZE = 64, LETTERS_MAX = 6 };

struct word {
    char text[WORD_SIZE];
    bool whole;
};

/* Few letters of one to four bytes, so that words begin alike and contain each other. */
static void make_text(uint64_t *seed, unsigned letters_max, char *out, size_t size)
{
    static const char *const letters[] = {"a", "b", "é", "会", "员", "😀"};
    unsigned letters_left;

    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    letters_left = 1 + (unsigned)(*seed >> 33) % letters_max;
    out[0] = '\0';
    while (letters_left-- > 0) {
        const size_t used = strlen(out);

        *seed = *seed * UINT64_C(6364136223846793005) + 1;
        (void)snprintf(out + used, size - used, "%s", letters[(*seed >> 33) % 6]);
    }
}

static uint32_t search(const struct word *words, const char *text)
{
    for (uint32_t i = 0; i < WORDS; i++)
        if (words[i].whole ? strcmp(words[i].text, text) == 0 : strstr(text, words[i].text) != NULL)
            return i;
    return REPLIES_NO_RULE;
}

static void test_index_finds_what_a_search_finds(void **state)
{
    static struct word words[WORDS];
    struct replies_index *x = replies_index_new();
    uint64_t seed = 7;
    unsigned none = 0;

    (void)state;
    for (uint32_t i = 0; i < WORDS; i++) {
        make_text(&seed, LETTERS_MAX, words[i].text, WORD_SIZE);
        words[i].whole = i % 3 == 0 || strlen(words[i].text) < 8;
    }
    for (uint32_t i = WORDS; i-- > 0;) /* the order of adding must not count */
        assert_true(replies_index_add(x, str_from(words[i].text), words[i].whole, i));
    for (int i = 0; i < TEXTS; i++) {
        char text[TEXT_SIZE];

        make_text(&seed, 2 * LETTERS_MAX, text, sizeof(text));
        none += search(words, text) == REPLIES_NO_RULE;
        assert_int_equal(replies_index_find(x, str_from(text)), search(words, text));
    }
    assert_in_range(none, TEXTS / 20, TEXTS * 19 / 20);
    replies_index_free(x);
}

static void test_index_without_words_or_text_finds_nothing(void **state)
{
    struct replies_index *x = replies_index_new();

    (void)state;
    assert_int_equal(replies_index_find(x, STR("text")), REPLIES_NO_RULE);
    assert_true(replies_index_add(x, STR("text"), false, 3));
    assert_int_equal(replies_index_find(x, (struct str){0}), REPLIES_NO_RULE);
    assert_int_equal(replies_index_find(x, STR("tex")), REPLIES_NO_RULE);
    assert_int_equal(replies_index_find(x, STR("a text ")), 3);
    replies_index_free(x);
    replies_index_free(NULL);
}

static void test_index_survives_short_memory(void **state)
{
    (void)state;
    for (size_t n = 1; n < 20; n++) {
        struct replies_index *x;
        char word[WORD_SIZE];
        bool ok = true;

        mem_fail_at(n, true);
        x = replies_index_new();
        for (int i = 0; x && ok && i < 200; i++) {
            (void)snprintf(word, sizeof(word), "%d", i);
            ok = replies_index_add(x, str_from(word), false, 1);
        }
        mem_fail_at(0, false);
        ok = ok && x;
        replies_index_free(x);
        if (ok)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_finds_what_a_search_finds),
        cmocka_unit_test(test_index_without_words_or_text_finds_nothing),
        cmocka_unit_test(test_index_survives_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
