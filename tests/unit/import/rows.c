/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of an import's file may say, and which cards get an account. */
#include "ctl/import_accounts.h"
#include "ctl/import_rows.h"
#include "tests/unit/check.h"

#include <string.h>

enum { ARENA_MAX = 1 << 16 };

static struct arena arena = ARENA_INIT(ARENA_MAX);

/* NULL: a good row. */
static const char *fault_of(const char *const cells[IMPORT_COLUMNS], struct import_card *card)
{
    struct str values[IMPORT_COLUMNS];

    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        values[i] = str_from(cells[i]);
    arena_reset(&arena);
    return import_row_read(values, &arena, card);
}

static void test_a_row_becomes_a_card(void **state)
{
    static const char *const full[IMPORT_COLUMNS] = {"pCard",   "018255396048",  "oPerson",
                                                     "uPerson", "138 0013-8000", "金卡 7"};
    static const char *const bare[IMPORT_COLUMNS] = {"pCard", "007", NULL, "", NULL, ""};
    struct import_card card;

    (void)state;
    assert_null(fault_of(full, &card));
    assert_true(str_eq(card.card_id, STR("pCard")) && str_eq(card.card_code, STR("018255396048")));
    assert_true(str_eq(card.openid, STR("oPerson")) && str_eq(card.unionid, STR("uPerson")));
    assert_true(str_eq(card.mobile, STR("+8613800138000")));
    assert_true(str_eq(card.membership_number, STR("金卡 7")));
    assert_null(fault_of(bare, &card));
    assert_true(str_eq(card.card_code, STR("007")));
    assert_false(str_is_set(card.openid) || str_is_set(card.unionid) || str_is_set(card.mobile) ||
                 str_is_set(card.membership_number));
}

static void test_bad_rows_are_named(void **state)
{
    static const char long_text[] =
        "0123456789012345678901234567890123456789012345678901234567890123"
        "4";

    static const struct {
        const char *cells[IMPORT_COLUMNS];
        const char *word;
    } cases[] = {
        {{"", "1", "", "", "", ""}, "card_id"},
        {{"p c", "1", "", "", "", ""}, "card_id"},
        {{long_text, "1", "", "", "", ""}, "card_id"},
        {{"p", "", "", "", "", ""}, "card_code"},
        {{"p", "1 2", "", "", "", ""}, "card_code"},
        {{"p", "\xe5\x8d\xa1", "", "", "", ""}, "card_code"},
        {{"p", long_text, "", "", "", ""}, "card_code"},
        {{"p", "1.82554E+11", "", "", "", ""}, "spreadsheet"},
        {{"p", "2e+05", "", "", "", ""}, "spreadsheet"},
        {{"p", "1", "o o", "", "", ""}, "openid"},
        {{"p", "1", "", "u u", "", ""}, "unionid"},
        {{"p", "1", "", "", "call me", ""}, "mobile"},
        {{"p", "1", "", "", "", long_text}, "membership_number"},
    };
    struct import_card card;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *fault = fault_of(cases[i].cells, &card);

        assert_non_null(fault);
        assert_non_null(strstr(fault, cases[i].word));
    }
}

static void test_a_code_with_letters_is_a_code(void **state)
{
    static const char *const codes[] = {"1E5", "E+1", "12E+XY", "A1E+2", "abc-DEF_9"};
    struct import_card card;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const char *const cells[IMPORT_COLUMNS] = {"p", codes[i], "", "", "", ""};

        assert_null(fault_of(cells, &card));
    }
}

static void test_only_active_cards_get_an_account(void **state)
{
    static const struct {
        struct import_card card;
        bool expected;
    } cases[] = {
        {{.active = {true, true}}, true},
        {{.active = {true, true}, .bonus = {true, 5}}, true},
        {{.active = {true, false}, .bonus = {true, 5}}, false},
        {{.bonus = {true, 0}}, true},
        {{.balance = {true, 5}}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(import_has_points(&cases[i].card), cases[i].expected);
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_becomes_a_card),
        cmocka_unit_test(test_bad_rows_are_named),
        cmocka_unit_test(test_a_code_with_letters_is_a_code),
        cmocka_unit_test(test_only_active_cards_get_an_account),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
