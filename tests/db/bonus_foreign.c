/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of points against a real server: echoes, changes by others, activation, gifts. */
#include "tests/db/orders.h"
#include "tests/unit/check.h"

/* Echoes and changes by others */

static bool echo(const struct orders *l, const char *push, const char *code, int64_t delta)
{
    const struct bonus_echo told = {str_from(push), delta, 0};
    struct bonus_key key = orders_key(code);
    struct err err;
    bool found = false;

    must(bonus_entry_echo(l->db, &key, &told, &found, &err), &err);
    return found;
}

static void test_bonus_echo_is_consumed_once(void **state)
{
    struct orders *l = *state;
    struct order one = order_add("c1", "1", 10);
    struct order two = order_add("c2", "1", 10);
    struct order refused = order_add("c3", "1", 20);

    assert_int_equal(order_take(l, &one), BONUS_SEND);
    order_done(l, &one);
    assert_int_equal(order_take(l, &two), BONUS_SEND);
    assert_int_equal(order_take(l, &refused), BONUS_SEND);
    order_refuse(l, &refused);
    assert_false(echo(l, "p", "1", 11));
    assert_false(echo(l, "p", "2", 10));
    assert_false(echo(l, "p", "1", 20));
    assert_false(echo(l, "p", "1", 0));
    assert_true(echo(l, "p1", "1", 10));
    assert_true(echo(l, "p1", "1", 10)); /* again: the same entry */
    assert_true(echo(l, "p2", "1", 10));
    assert_false(echo(l, "p3", "1", 10));
    scratch_run(&l->scratch, "UPDATE bonus_entry SET at=at-INTERVAL 11 MINUTE");
    assert_true(echo(l, "p1", "1", 10)); /* replayed much later */
    scratch_run(&l->scratch, "UPDATE bonus_entry SET echoed_at=NULL,echo_id=NULL");
    assert_false(echo(l, "p1", "1", 10));
}

static enum bonus_verdict observe(const struct orders *l, struct order *o, const char *id,
                                  const struct bonus_seen *card, bool adopt)
{
    struct err err;

    order_clear(o, id, "1", card);
    o->word.adopt = adopt;
    for (int i = 0; i < 2; i++)
        must(bonus_observe(l->db, &o->word, &o->state, &o->verdict, &err), &err);
    return o->verdict;
}

static void test_bonus_foreign_change_joins_the_account_once(void **state)
{
    static const struct bonus_seen more = {{true, SHOWN + 60}, {false, 0}};
    struct orders *l = *state;
    struct order first = order_add("c1", "1", 10);
    struct order push;

    assert_int_equal(observe(l, &push, "p0", &more, true), BONUS_ANSWERED);
    assert_false(push.state.entry.found || orders_account(l, "1").found);
    assert_int_equal(order_take(l, &first), BONUS_SEND);
    order_done(l, &first);
    assert_int_equal(observe(l, &push, "p1", &more, true), BONUS_ANSWERED);
    assert_entry(&push, BONUS_OBSERVED, 50, SHOWN + 60);
    assert_account(l, "1", SHOWN + 60, 2);
    assert_int_equal(observe(l, &push, "p2", &more, true), BONUS_ANSWERED);
    assert_false(push.state.entry.found);
    assert_account(l, "1", SHOWN + 60, 2);
}

static void test_bonus_lost_answer_is_not_a_foreign_change(void **state)
{
    static const struct bonus_seen ours = {{true, SHOWN + 10}, {false, 0}};
    struct orders *l = *state;
    struct order first = order_add("c1", "1", 10);
    struct order push;

    assert_int_equal(order_take(l, &first), BONUS_SEND);
    order_fail(l, &first);
    assert_int_equal(observe(l, &push, "p1", &ours, true), BONUS_ANSWERED);
    assert_false(push.state.entry.found);
    assert_account(l, "1", SHOWN + 10, 1);
    assert_int_equal(orders_account(l, "1").shown.value, SHOWN + 10);
}

static void test_bonus_foreign_change_is_to_be_undone(void **state)
{
    static const struct bonus_seen more = {{true, SHOWN + 50}, {false, 0}};
    static const struct bonus_seen back = {{true, SHOWN}, {false, 0}};
    struct orders *l = *state;
    struct order first = order_add("c1", "1", 0);
    struct order push;
    struct err err;

    assert_int_equal(order_take(l, &first), BONUS_SEND);
    order_done(l, &first);
    assert_int_equal(observe(l, &push, "p1", &more, false), BONUS_SEND);
    assert_entry(&push, BONUS_OPEN, 0, SHOWN);
    assert_true(bonus_is_stale(&push.state.account));
    must(bonus_done(l->db, &push.word, &back, &push.state, &err), &err);
    assert_entry(&push, BONUS_OBSERVED, 0, SHOWN);
    assert_account(l, "1", SHOWN, 1);
    assert_int_equal(observe(l, &push, "p1", &more, false), BONUS_ANSWERED);
    assert_true(push.state.entry.found);
}

/* Two were given up, and the first one's call had reached the card. */
static void test_bonus_lost_answer_under_a_later_failure(void **state)
{
    static const struct bonus_seen first = {{true, SHOWN + 10}, {true, 0}};
    static const struct bonus_seen more = {{true, SHOWN + 11}, {true, 0}};
    struct orders *l = *state;
    struct order one = order_add("c1", "1", 10);
    struct order two = order_add("c2", "1", 5);
    struct order push;

    one.word.card = &(const struct bonus_seen){{true, SHOWN}, {true, 0}};
    assert_int_equal(order_take(l, &one), BONUS_SEND);
    order_fail(l, &one);
    assert_int_equal(order_take(l, &two), BONUS_SEND);
    assert_int_equal(observe(l, &push, "p1", &first, true), BONUS_ANSWERED);
    assert_false(push.state.entry.found);
    order_fail(l, &two);
    assert_int_equal(observe(l, &push, "p2", &first, true), BONUS_ANSWERED);
    assert_account(l, "1", SHOWN + 15, 2);
    assert_int_equal(orders_account(l, "1").shown.value, SHOWN + 10);
    assert_int_equal(observe(l, &push, "p3", &more, true), BONUS_ANSWERED);
    assert_entry(&push, BONUS_OBSERVED, 1, SHOWN + 16);
}

static void test_bonus_balance_that_was_never_known_is_left(void **state)
{
    static const struct bonus_seen stored = {{true, SHOWN}, {true, 70}};
    struct orders *l = *state;
    struct order first = order_add("c1", "1", 0);
    struct order push;

    assert_int_equal(order_take(l, &first), BONUS_SEND);
    order_done(l, &first);
    assert_int_equal(observe(l, &push, "p1", &stored, false), BONUS_ANSWERED);
    assert_false(push.state.entry.found);
    assert_int_equal(observe(l, &push, "p2", &stored, true), BONUS_ANSWERED);
    assert_int_equal(orders_account(l, "1").balance.value, 70);
}

/* Activation and gifts */

static void open_account(const struct orders *l, const char *code, const struct bonus_seen *card,
                         struct bonus_start start)
{
    struct bonus_word word = {.id = STR("o"), .key = orders_key(code), .card = card};
    struct bonus_account account;
    struct err err;

    for (int i = 0; i < 2; i++)
        must(bonus_open(l->db, &word, &start, &account, &err), &err);
}

static void test_bonus_activation_opens_and_never_overwrites(void **state)
{
    static const struct bonus_seen fresh = {{true, 100}, {true, 7}};
    struct orders *l = *state;
    struct order o = order_add("c1", "3", 10);

    open_account(l, "1", &fresh, (struct bonus_start){{true, 100}, true});
    assert_account(l, "1", 100, 0);
    assert_int_equal(orders_account(l, "1").balance.value, 7);
    open_account(l, "2", &CARD, (struct bonus_start){{false, 0}, true});
    assert_account(l, "2", SHOWN, 0);
    assert_int_equal(order_take(l, &o), BONUS_SEND);
    order_done(l, &o);
    open_account(l, "3", &fresh, (struct bonus_start){{true, 100}, true});
    assert_account(l, "3", SHOWN + 10, 1);
    assert_int_equal(orders_account(l, "3").shown.value, 100);
    open_account(l, "4", &CARD, (struct bonus_start){{true, 100}, false});
    assert_account(l, "4", 100, 0);
    assert_int_equal(orders_account(l, "4").shown.value, SHOWN);
}

static enum bonus_verdict move(const struct orders *l, struct order *o, const char *id,
                               const char *from, const char *to, const struct bonus_seen *old)
{
    static const struct bonus_seen empty = {{true, 0}, {false, 0}};
    struct bonus_gift gift = {&o->word, str_from(from), old};
    struct err err;

    order_clear(o, id, to, &empty);
    for (int i = 0; i < 2; i++)
        must(bonus_move(l->db, &gift, &o->state, &o->verdict, &err), &err);
    return o->verdict;
}

static void test_bonus_gift_moves_the_points_once(void **state)
{
    struct orders *l = *state;
    struct order before = order_add("c1", "2", 10);
    struct order hanging = order_add("c2", "2", 5);
    struct order late = order_add("c3", "2", 1);
    struct order gift;

    assert_int_equal(order_take(l, &before), BONUS_SEND);
    order_done(l, &before);
    assert_int_equal(order_take(l, &hanging), BONUS_SEND);
    assert_int_equal(move(l, &gift, "g1", "2", "1", NULL), BONUS_ANSWERED);
    assert_entry(&gift, BONUS_OBSERVED, SHOWN + 15, SHOWN + 15);
    assert_true(bonus_is_stale(&gift.state.account));
    assert_true(orders_account(l, "2").frozen);
    assert_string_equal(orders_account(l, "2").moved_to, "1");
    assert_int_equal(order_take(l, &late), BONUS_ANSWERED);
    assert_int_equal(late.state.entry.outcome, BONUS_REJECTED);
    assert_string_equal(late.state.entry.error_code, "moved");
    order_refuse(l, &hanging);
    assert_entry(&hanging, BONUS_APPLIED, 5, SHOWN + 15);
    assert_int_equal(order_take(l, &hanging), BONUS_ANSWERED);
    assert_account(l, "1", SHOWN + 15, 1);
    /* And back again; then the first gift is told once more. */
    assert_int_equal(move(l, &gift, "g2", "1", "2", NULL), BONUS_ANSWERED);
    assert_int_equal(move(l, &gift, "g1", "2", "1", NULL), BONUS_ANSWERED);
    assert_false(orders_account(l, "2").frozen);
    assert_true(orders_account(l, "1").frozen);
    assert_int_equal(orders_account(l, "2").bonus, SHOWN + 15);
}

static void test_bonus_gift_keeps_what_the_new_card_earned(void **state)
{
    static const struct bonus_seen empty = {{true, 0}, {false, 0}};
    struct orders *l = *state;
    struct order old = order_add("c1", "1", 10);
    struct order early = order_add("c2", "2", 3);
    struct order gift;

    early.word.card = &empty;
    assert_int_equal(order_take(l, &old), BONUS_SEND);
    assert_int_equal(order_take(l, &early), BONUS_SEND);
    assert_int_equal(move(l, &gift, "g1", "1", "2", NULL), BONUS_ANSWERED);
    assert_account(l, "2", SHOWN + 13, 2);
}

static void test_bonus_gift_of_a_card_without_an_account(void **state)
{
    static const struct bonus_seen none = {{false, 0}, {false, 0}};
    struct orders *l = *state;
    struct order gift;

    assert_int_equal(move(l, &gift, "g1", "1", "2", NULL), BONUS_LOOK);
    assert_int_equal(move(l, &gift, "g1", "1", "2", &none), BONUS_ANSWERED);
    assert_false(gift.state.entry.found || orders_account(l, "2").found);
    assert_int_equal(move(l, &gift, "g1", "1", "2", &CARD), BONUS_ANSWERED);
    assert_account(l, "2", SHOWN, 1);
    assert_true(orders_account(l, "1").frozen);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, orders_begin, NULL, &orders)

int main(int argc, char **argv)
{
    struct orders orders = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_bonus_echo_is_consumed_once),
        TEST(test_bonus_foreign_change_joins_the_account_once),
        TEST(test_bonus_lost_answer_is_not_a_foreign_change),
        TEST(test_bonus_lost_answer_under_a_later_failure),
        TEST(test_bonus_balance_that_was_never_known_is_left),
        TEST(test_bonus_foreign_change_is_to_be_undone),
        TEST(test_bonus_activation_opens_and_never_overwrites),
        TEST(test_bonus_gift_moves_the_points_once),
        TEST(test_bonus_gift_keeps_what_the_new_card_earned),
        TEST(test_bonus_gift_of_a_card_without_an_account),
    };
    int failed;

    if (argc != 3)
        return 64;
    orders_open(&orders, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    orders_close(&orders);
    return failed;
}
