/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, and receipts in any order. */
#include "activate/rules.h"

#include "tests/unit/check.h"

#include <string.h>

enum { T = 1760000000 };

static int64_t at(int64_t second)
{
    return (T + second) * 1000;
}

static void same(struct str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void test_rules_numbers_fit_wechat(void **state)
{
    static const struct {
        const char *rule;
        const char *code;
        const char *number;
    } cases[] = {
        {"code", "018255396048", "018255396048"},
        {"code", "", ""},
        {"code", "12345678901234567890", "12345678901234567890"},
        {"code", "x12345678901234567890", "12345678901234567890"},
        {"prefix:M-", "018255396048", "M-018255396048"},
        {"prefix:VIP-SH-1", "1234567890123", "VIP-SH-1234567890123"},
        {"prefix:VIP-SH-1", "018255396048", "VIP-SH-1018255396048"},
        {"prefix:12345678901234567890", "018255396048", "12345678901234567890"},
        /* "a" would fit beside a cut character only */
        {"prefix:12345678901234567", "\xe4\xbd\xa0\xe5\xa5\xbd", "12345678901234567\xe5\xa5\xbd"},
        {"prefix:123456789012345678", "\xe4\xbd\xa0\xe5\xa5\xbd", "123456789012345678"},
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        same(membership_number(cases[i].rule, str_from(cases[i].code), &arena), cases[i].number);
}

static struct activation_wait card(void)
{
    return (struct activation_wait){
        .appid = STR("wx1"), .card_id = STR("p1"), .card_code = STR("c1")};
}

static void test_rules_names_follow_card_and_receipt(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_wait row = card();
    char long_id[300];

    (void)state;
    same(activation_name(&row, receipt_name(&row), &arena), "wx1:p1:c1#-");
    row.receipt_id = STR("r1");
    same(activation_name(&row, receipt_name(&row), &arena), "wx1:p1:c1#r1");
    same(receipt_id(STR("f9efcbdcb7f929c97d7a7984840ac411"), &arena),
         "f9efcbdcb7f929c97d7a7984840ac411");
    memset(long_id, 'a', sizeof(long_id));
    assert_int_equal(receipt_id(str_of(long_id, sizeof(long_id)), &arena).len, 32);
}

static void test_rules_every_order_of_receipts_ends_the_same(void **state)
{
    static const struct receipt receipts[] = {
        {.id = STR_INIT("c"), .at_ms = 1000},
        {.id = STR_INIT("a"), .at_ms = 2000, .restored = true},
        {.id = STR_INIT("b"), .at_ms = 2000, .openid = STR_INIT("o")},
    };
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    (void)state;
    for (size_t o = 0; o < COUNT_OF(orders); o++) {
        struct activation_wait row = card();

        for (size_t i = 0; i < 6; i++)
            (void)receipt_take(&row, &receipts[orders[o][i / 2]]);
        same(row.receipt_id, "b");
        assert_int_equal(row.received_at_ms, 2000);
        assert_false(row.restored);
        same(row.openid, "o");
        assert_false(receipt_take(&row, &receipts[2]));
    }
}

/* What was asked before a receipt belongs to the one before; what came after it stays. */
static void test_rules_a_receipt_forgets_what_is_older(void **state)
{
    const struct receipt receipt = {.id = STR("r2"), .at_ms = at(1000)};
    struct activation_wait row = card();

    (void)state;
    row.receipt_id = STR("r1");
    row.received_at_ms = at(0);
    row.told_at_ms = row.seen_at_ms = at(5);
    row.asked_at_ms = at(100);
    row.overdue_at_ms = at(1000) - CLOCKS_DIFFER_MS;
    row.due_at_ms = at(700);
    row.ticket_at_ms = at(1001);
    row.ticket_id = STR("t");
    row.form = STR("{}");
    assert_true(receipt_take(&row, &receipt));
    assert_true(row.told_at_ms == 0 && row.seen_at_ms == at(5));
    assert_true(row.asked_at_ms == 0 && row.due_at_ms == 0);
    assert_true(row.overdue_at_ms != 0 && str_is_set(row.form) && str_is_set(row.ticket_id));
}

static void test_rules_a_question_already_asked_for_a_late_receipt_stands(void **state)
{
    const struct receipt receipt = {.id = STR("r1"), .at_ms = at(0)};
    struct activation_wait row = card();

    (void)state;
    row.asked_at_ms = at(2);
    row.due_at_ms = at(602);
    assert_true(receipt_take(&row, &receipt));
    assert_true(row.asked_at_ms == at(2) && row.due_at_ms == at(602));
}

static void test_rules_an_untold_life_has_one_name(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct receipt late = {.id = STR("r2"), .at_ms = at(40)};
    const struct receipt next = {.id = STR("r3"), .at_ms = at(90)};
    struct activation_wait row = card();
    struct activation_wait twin;

    (void)state;
    row.receipt_id = STR("r1");
    row.received_at_ms = at(0);
    row.told_at_ms = at(1);
    twin = row;
    assert_true(receipt_invent(&row, at(50), &arena));
    assert_true(receipt_invent(&twin, at(51), &arena));
    assert_true(str_eq(row.receipt_id, twin.receipt_id) && row.receipt_id.len == 33);
    assert_true(row.restored && row.told_at_ms == 0 && row.received_at_ms == at(50));
    assert_false(receipt_take(&row, &late));
    assert_true(receipt_take(&row, &next));
    /* A clock that was set back changes nothing. */
    twin.received_at_ms = at(500);
    assert_true(receipt_invent(&twin, at(3), &arena));
    assert_int_equal(twin.received_at_ms, at(500) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_numbers_fit_wechat),
        cmocka_unit_test(test_rules_names_follow_card_and_receipt),
        cmocka_unit_test(test_rules_every_order_of_receipts_ends_the_same),
        cmocka_unit_test(test_rules_a_receipt_forgets_what_is_older),
        cmocka_unit_test(test_rules_a_question_already_asked_for_a_late_receipt_stands),
        cmocka_unit_test(test_rules_an_untold_life_has_one_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
