/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of points against a real server: what a command makes of them, however often it is
 * told. */
#include "base/rand.h"
#include "tests/db/orders.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static void test_bonus_first_command_begins_with_what_the_card_shows(void **state)
{
    struct orders *l = *state;
    struct order o = order_add("c1", "1", 10);

    o.word.card = NULL;
    assert_int_equal(order_take(l, &o), BONUS_LOOK);
    assert_false(orders_account(l, "1").found);
    o.word.card = &CARD;
    assert_int_equal(order_take(l, &o), BONUS_SEND);
    assert_entry(&o, BONUS_OPEN, 10, SHOWN + 10);
    assert_account(l, "1", SHOWN + 10, 1);
    assert_true(bonus_is_stale(&o.state.account));
    order_done(l, &o);
    assert_entry(&o, BONUS_APPLIED, 10, SHOWN + 10);
    assert_false(bonus_is_stale(&o.state.account));
    assert_int_equal(order_take(l, &o), BONUS_ANSWERED);
    assert_account(l, "1", SHOWN + 10, 1);
}

static void test_bonus_another_command_of_the_same_id_changes_nothing(void **state)
{
    struct orders *l = *state;
    struct order o = order_add("c1", "1", 10);
    struct order other = order_add("c1", "1", 20);

    other.hash[0] = 'b';
    assert_int_equal(order_take(l, &o), BONUS_SEND);
    assert_int_equal(order_take(l, &other), BONUS_CONFLICT);
    order_fail(l, &other);
    assert_false(other.state.entry.found);
    order_refuse(l, &other);
    assert_false(other.state.entry.found);
    order_done(l, &o);
    assert_entry(&o, BONUS_APPLIED, 10, SHOWN + 10);
}

/* Chains use a member's number as code of several templates, in several accounts. */
static void test_bonus_cards_of_one_code_are_told_apart(void **state)
{
    struct orders *l = *state;
    struct order here = order_add("c1", "1", 10);
    struct order template = order_add("c2", "1", 20);
    struct order elsewhere = order_add("c3", "1", 30);
    const struct bonus_echo push = {STR("p1"), 30, 0};
    bool found = true;
    struct err err;

    template.word.key.card_id = STR("p2");
    elsewhere.word.key.appid = STR("wx2");
    assert_int_equal(order_take(l, &here), BONUS_SEND);
    assert_int_equal(order_take(l, &template), BONUS_SEND);
    assert_int_equal(order_take(l, &elsewhere), BONUS_SEND);
    order_done(l, &elsewhere);
    assert_entry(&elsewhere, BONUS_APPLIED, 30, SHOWN + 30);
    assert_account(l, "1", SHOWN + 10, 1);
    assert_int_equal(orders_account(l, "1").shown.value, SHOWN);
    must(bonus_entry_echo(l->db, &here.word.key, &push, &found, &err), &err);
    assert_false(found);
    assert_int_equal(scratch_int(&l->scratch, "SELECT COUNT(*) FROM bonus_account"), 3);
}

static void test_bonus_set_goes_by_version(void **state)
{
    struct orders *l = *state;
    struct order five = order_set("s5", "1", 500, 5);
    struct order four = order_set("s4", "1", 400, 4);
    struct order again = order_set("s5b", "1", 501, 5);
    struct order six = order_set("s6", "1", 600, 6);
    struct order more = order_add("a", "1", 1);

    assert_int_equal(order_take(l, &five), BONUS_SEND);
    order_done(l, &five);
    assert_int_equal(order_take(l, &four), BONUS_ANSWERED);
    assert_entry(&four, BONUS_SKIPPED, 0, 500);
    assert_int_equal(order_take(l, &again), BONUS_ANSWERED);
    assert_entry(&again, BONUS_SKIPPED, 0, 500);
    assert_int_equal(order_take(l, &more), BONUS_SEND);
    order_done(l, &more);
    assert_int_equal(orders_account(l, "1").version.value, 5);
    assert_int_equal(order_take(l, &six), BONUS_SEND);
    assert_entry(&six, BONUS_OPEN, 99, 600);
    assert_account(l, "1", 600, 3);
}

static void test_bonus_refusal_gives_value_and_version_back(void **state)
{
    struct orders *l = *state;
    struct order five = order_set("s5", "1", 500, 5);
    struct order six = order_set("s6", "1", 600, 6);

    assert_int_equal(order_take(l, &five), BONUS_SEND);
    order_done(l, &five);
    assert_int_equal(order_take(l, &six), BONUS_SEND);
    order_refuse(l, &six);
    assert_entry(&six, BONUS_REJECTED, 0, 500);
    assert_string_equal(six.state.entry.error_code, "wechat:45022");
    assert_account(l, "1", 500, 3);
    assert_int_equal(orders_account(l, "1").version.value, 5);
    six = order_set("s6b", "1", 600, 6);
    assert_int_equal(order_take(l, &six), BONUS_SEND);
    order_done(l, &six);
    assert_account(l, "1", 600, 4);
}

static void test_bonus_refusal_leaves_later_changes(void **state)
{
    struct orders *l = *state;
    struct order first = order_set("s1", "1", 500, 1);
    struct order second = order_set("s2", "1", 700, 2);

    assert_int_equal(order_take(l, &first), BONUS_SEND);
    assert_int_equal(order_take(l, &second), BONUS_SEND);
    order_refuse(l, &first);
    assert_account(l, "1", 660, 3);
    assert_int_equal(orders_account(l, "1").version.value, 2);
}

static void test_bonus_refused_before_there_was_an_account(void **state)
{
    struct orders *l = *state;
    struct order o = order_add("c1", "1", 10);

    order_refuse(l, &o);
    assert_true(o.state.entry.found && !o.state.entry.bonus.set);
    assert_int_equal(o.state.entry.outcome, BONUS_REJECTED);
    assert_int_equal(order_take(l, &o), BONUS_ANSWERED);
    assert_false(orders_account(l, "1").found);
}

static void test_bonus_failed_stays_in_the_account_until_it_is_done(void **state)
{
    struct orders *l = *state;
    struct order o = order_add("c1", "1", 5);
    struct order later = order_add("c2", "1", 10);

    order_fail(l, &o);
    assert_false(o.state.entry.found);
    assert_int_equal(order_take(l, &o), BONUS_SEND);
    order_fail(l, &o);
    assert_entry(&o, BONUS_FAILED, 5, SHOWN + 5);
    assert_string_equal(o.state.entry.error_code, "exhausted");
    assert_int_equal(order_take(l, &later), BONUS_SEND);
    order_done(l, &later);
    assert_account(l, "1", SHOWN + 15, 2);
    assert_int_equal(order_take(l, &o), BONUS_SEND);
    order_done(l, &o);
    assert_entry(&o, BONUS_APPLIED, 5, SHOWN + 5);
    assert_string_equal(o.state.entry.error_code, "");
    order_fail(l, &o);
    assert_entry(&o, BONUS_APPLIED, 5, SHOWN + 5);
    assert_account(l, "1", SHOWN + 15, 2);
}

static void test_bonus_values_below_zero_or_too_large_are_refused(void **state)
{
    static const int64_t bad[] = {-SHOWN - 1, INT64_MAX, INT64_MIN};
    struct orders *l = *state;
    char id[8];

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct order o;

        (void)snprintf(id, sizeof(id), "c%zu", i);
        o = order_add(id, "1", bad[i]);
        assert_int_equal(order_take(l, &o), BONUS_ANSWERED);
        assert_entry(&o, BONUS_REJECTED, 0, SHOWN);
        assert_string_equal(o.state.entry.error_code, "range");
        assert_account(l, "1", SHOWN, 0);
    }
}

static void test_bonus_balance_begins_with_the_cards(void **state)
{
    static const struct bonus_seen stored = {{true, SHOWN}, {true, 1000}};
    struct orders *l = *state;
    struct order points = order_add("c1", "1", 10);
    struct order money = order_add("c2", "1", 0);

    assert_int_equal(order_take(l, &points), BONUS_SEND);
    order_done(l, &points);
    assert_false(orders_account(l, "1").balance.set);
    money.command.add_bonus.set = false;
    money.command.add_balance = (struct opt_i64){true, 500};
    money.word.card = NULL;
    assert_int_equal(order_take(l, &money), BONUS_LOOK);
    money.word.card = &stored;
    assert_int_equal(order_take(l, &money), BONUS_SEND);
    assert_int_equal(money.state.account.balance.value, 1500);
    assert_int_equal(money.state.entry.balance_delta, 500);
    order_refuse(l, &money);
    assert_int_equal(orders_account(l, "1").balance.value, 1000);
    assert_account(l, "1", SHOWN + 10, 3);
}

static void test_bonus_balance_that_a_card_refuses_is_none(void **state)
{
    struct orders *l = *state;
    struct order money = order_add("c1", "1", 0);

    money.command.add_balance = (struct opt_i64){true, 500};
    assert_int_equal(order_take(l, &money), BONUS_SEND);
    order_refuse(l, &money);
    assert_false(orders_account(l, "1").balance.set);
    assert_false(bonus_is_stale(&money.state.account));
}

static void test_bonus_sync_tells_what_differs(void **state)
{
    static const struct bonus_seen drifted = {{true, 3}, {false, 0}};
    struct orders *l = *state;
    struct order first = order_add("c1", "1", 0);
    struct order same;
    struct order other;

    assert_int_equal(order_take(l, &first), BONUS_SEND);
    order_done(l, &first);
    order_init(&same, "y1", "1", "sync");
    assert_int_equal(order_take(l, &same), BONUS_ANSWERED);
    assert_entry(&same, BONUS_SKIPPED, 0, SHOWN);
    order_init(&other, "y2", "1", "sync");
    other.word.card = NULL;
    assert_int_equal(order_take(l, &other), BONUS_LOOK);
    other.word.card = &drifted;
    assert_int_equal(order_take(l, &other), BONUS_SEND);
    other.word.card = NULL;
    assert_int_equal(order_take(l, &other), BONUS_SEND);
    order_done(l, &other);
    assert_entry(&other, BONUS_APPLIED, 0, SHOWN);
    assert_account(l, "1", SHOWN, 1);
}

/* Whatever happens in whatever order, the account is what it began with and what its entries
 * changed. */
static void test_bonus_entries_add_up_to_the_account(void **state)
{
    enum { ORDERS = 300 };

    struct orders *l = *state;
    int64_t versions = 0;

    for (int i = 0; i < ORDERS; i++) {
        struct order o;
        char id[16];

        (void)snprintf(id, sizeof(id), "r%d", i);
        if (rand_below(3) == 0)
            o = order_set(id, "1", rand_below(1000), versions + rand_below(5) - 2);
        else
            o = order_add(id, "1", (int64_t)rand_below(400) - 200);
        if (o.command.version.value > versions)
            versions = o.command.version.value;
        if (order_take(l, &o) != BONUS_SEND)
            continue;
        switch (rand_below(3)) {
        case 0: order_refuse(l, &o); break;
        case 1: order_fail(l, &o); break;
        default: order_done(l, &o); break;
        }
    }
    assert_int_equal(scratch_int(&l->scratch, "SELECT bonus-(SELECT CAST(SUM(delta) AS SIGNED)"
                                              " FROM bonus_entry) FROM bonus_account"),
                     SHOWN);
    assert_int_equal(scratch_int(&l->scratch, "SELECT COUNT(*) FROM bonus_entry"
                                              " WHERE outcome='rejected' AND delta<>0"),
                     0);
    assert_true(orders_account(l, "1").bonus >= 0);
}

static void test_bonus_old_entries_are_forgotten_but_open_ones(void **state)
{
    struct orders *l = *state;
    struct order one = order_add("c1", "1", 10);
    struct order open = order_add("c2", "1", 10);
    int64_t deleted = 0;
    struct err err;

    assert_int_equal(order_take(l, &one), BONUS_SEND);
    order_done(l, &one);
    assert_int_equal(order_take(l, &open), BONUS_SEND);
    must(bonus_entry_forget(l->db, &deleted, &err), &err);
    assert_int_equal(deleted, 0);
    scratch_run(&l->scratch, "UPDATE bonus_entry SET at=at-INTERVAL 61 DAY");
    must(bonus_entry_forget(l->db, &deleted, &err), &err);
    assert_int_equal(deleted, 1);
    assert_int_equal(
        scratch_int(&l->scratch, "SELECT COUNT(*) FROM bonus_entry WHERE command_id='c2'"), 1);
}

static void test_bonus_ids_of_any_kind_are_told_apart(void **state)
{
    char room[2][BONUS_ID_ROOM];
    char longest[300];
    struct str a;
    struct str b;

    (void)state;
    memset(longest, 'x', sizeof(longest));
    a = bonus_id(str_of(longest, sizeof(longest)), room[0]);
    b = bonus_id(str_of(longest, sizeof(longest) - 1), room[1]);
    assert_true(a.len == BONUS_ID_ROOM - 1 && b.len == a.len && !str_eq(a, b));
    assert_int_equal(bonus_id(str_of(longest, 255), room[0]).len, 255);
    a = bonus_id(STR("order "), room[0]);
    assert_int_equal(a.len, BONUS_ID_ROOM - 1);
    assert_true(str_eq_cstr(bonus_id(STR("order"), room[1]), "order"));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, orders_begin, NULL, &orders)

int main(int argc, char **argv)
{
    struct orders orders = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_bonus_first_command_begins_with_what_the_card_shows),
        TEST(test_bonus_another_command_of_the_same_id_changes_nothing),
        TEST(test_bonus_cards_of_one_code_are_told_apart),
        TEST(test_bonus_set_goes_by_version),
        TEST(test_bonus_refusal_gives_value_and_version_back),
        TEST(test_bonus_refusal_leaves_later_changes),
        TEST(test_bonus_refused_before_there_was_an_account),
        TEST(test_bonus_failed_stays_in_the_account_until_it_is_done),
        TEST(test_bonus_values_below_zero_or_too_large_are_refused),
        TEST(test_bonus_balance_begins_with_the_cards),
        TEST(test_bonus_balance_that_a_card_refuses_is_none),
        TEST(test_bonus_sync_tells_what_differs),
        TEST(test_bonus_entries_add_up_to_the_account),
        TEST(test_bonus_old_entries_are_forgotten_but_open_ones),
        TEST(test_bonus_ids_of_any_kind_are_told_apart),
    };
    int failed;

    if (argc != 3)
        return 64;
    orders_open(&orders, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    orders_close(&orders);
    return failed;
}
