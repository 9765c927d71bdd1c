/* SPDX-License-Identifier: Apache-2.0 */
#include "run/keys.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/check.h"

enum { NO_LIMIT = 1000, SOME = 500, MANY = 300000, MANY_MS = 5000 };

static const bool LIVE = false;
static const bool REDRIVE = true;

static void must_add(struct keys *k, struct keys_item *item, const char *key, bool redrive)
{
    item->redrive = redrive;
    assert_true(keys_add(k, 0, str_from(key), item));
}

static void must_next(struct keys *k, int64_t now_ms, struct keys_item *expected)
{
    assert_ptr_equal(keys_next(k, now_ms, NO_LIMIT), expected);
}

static void on_drop(void *arg, struct keys_item *item)
{
    size_t *dropped = arg;

    assert_null(item->entry);
    assert_null(item->next);
    (*dropped)++;
}

static void must_drop(struct keys *k, int32_t partition, size_t expected)
{
    size_t dropped = 0;

    keys_drop(k, partition, on_drop, &dropped);
    assert_int_equal(dropped, expected);
}

static void test_keys_run_in_order_within_a_key(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[4] = {0};

    must_add(k, &i[0], "a", LIVE);
    must_add(k, &i[1], "a", LIVE);
    must_add(k, &i[2], "b", LIVE);
    /* The same key of another partition is another key. */
    assert_true(keys_add(k, 40, STR("a"), &i[3]));
    must_next(k, 0, &i[0]);
    must_next(k, 0, &i[2]);
    must_next(k, 0, &i[3]);
    must_next(k, 0, NULL);
    keys_settle(k, &i[0]);
    assert_null(i[0].entry);
    assert_int_equal(keys_ready(k), 1);
    must_next(k, 0, &i[1]);
    keys_settle(k, &i[1]);
    keys_settle(k, &i[2]);
    keys_settle(k, &i[3]);
    must_next(k, INT64_MAX, NULL);
    assert_null(keys_find(k, 0, STR("a")));
}

static void test_keys_deferred_hold_up_only_themselves(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[4] = {0};

    must_add(k, &i[0], "a", LIVE);
    must_add(k, &i[1], "a", LIVE);
    must_add(k, &i[2], "b", LIVE);
    must_next(k, 0, &i[0]);
    assert_false(keys_is_deferred(&i[0]));
    keys_defer(k, &i[0], 500);
    must_add(k, &i[3], "a", LIVE);
    assert_true(keys_is_deferred(&i[0]) && keys_is_deferred(&i[3]));
    assert_int_equal(keys_next_due_ms(k), 500);
    assert_int_equal(keys_waiting(k), 1);
    assert_int_equal(keys_waiting_items(k), 3);
    must_next(k, 499, &i[2]);
    must_next(k, 499, NULL);
    must_next(k, 500, &i[0]);
    assert_int_equal(keys_next_due_ms(k), -1);
    assert_int_equal(keys_waiting_items(k), 0);
    keys_settle(k, &i[0]);
    must_next(k, 500, &i[1]);
    must_drop(k, 0, 1);
    keys_settle(k, &i[1]);
    keys_settle(k, &i[2]);
}

static void test_keys_without_a_name_are_records_of_their_own(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[3] = {0};

    must_add(k, &i[0], NULL, LIVE);
    must_add(k, &i[1], NULL, LIVE);
    assert_null(keys_find(k, 0, (struct str){NULL, 0}));
    assert_null(keys_find(k, 0, STR("")));
    must_add(k, &i[2], "", LIVE);
    assert_null(keys_find(k, 0, (struct str){NULL, 0}));
    assert_ptr_equal(keys_find(k, 0, STR("")), &i[2]);
    must_next(k, 0, &i[0]);
    must_next(k, 0, &i[1]);
    must_next(k, 0, &i[2]);
    for (size_t n = 0; n < COUNT_OF(i); n++)
        keys_settle(k, &i[n]);
}

static void test_keys_one_lane_serves_both_in_turn(void **state)
{
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item live[2] = {0};
    struct keys_item redrive[2] = {0};
    struct keys_item *const turns[] = {&redrive[0], &live[0], &redrive[1], &live[1]};

    (void)state;
    must_add(k, &live[0], "a", LIVE);
    must_add(k, &live[1], "b", LIVE);
    must_add(k, &redrive[0], "c", REDRIVE);
    must_add(k, &redrive[1], "d", REDRIVE);
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        assert_ptr_equal(keys_next(k, 0, 1), turns[i]);
        keys_settle(k, turns[i]);
    }
}

static void test_keys_redrive_has_one_lane_first_and_its_share_last(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item live[2] = {0};
    struct keys_item redrive[4] = {0};

    must_add(k, &live[0], "a", LIVE);
    must_add(k, &live[1], "b", LIVE);
    must_add(k, &redrive[0], "c", REDRIVE);
    must_add(k, &redrive[1], "d", REDRIVE);
    must_add(k, &redrive[2], "e", REDRIVE);
    must_add(k, &redrive[3], "c", REDRIVE);
    assert_ptr_equal(keys_next(k, 0, 2), &redrive[0]);
    assert_ptr_equal(keys_next(k, 0, 2), &live[0]);
    assert_true(keys_has_next(k, 1));
    assert_ptr_equal(keys_next(k, 0, 2), &live[1]);
    assert_false(keys_has_next(k, 1));
    assert_null(keys_next(k, 0, 1));
    assert_true(keys_has_next(k, 2));
    assert_ptr_equal(keys_next(k, 0, 2), &redrive[1]);
    assert_false(keys_has_next(k, 2));
    assert_null(keys_next(k, 0, 2));
    assert_int_equal(keys_ready(k), 1); /* still to be done */
    keys_settle(k, &redrive[1]);
    assert_ptr_equal(keys_next(k, 0, 2), &redrive[2]);
    keys_defer(k, &redrive[2], 10);
    keys_settle(k, &redrive[0]);
    assert_ptr_equal(keys_next(k, 0, 1), &redrive[3]);
    assert_null(keys_next(k, 10, 1));
    keys_settle(k, &redrive[3]);
    assert_ptr_equal(keys_next(k, 10, 1), &redrive[2]);
    keys_settle(k, &redrive[2]);
    keys_settle(k, &live[0]);
    keys_settle(k, &live[1]);
}

static void test_keys_are_of_the_class_of_their_first_item(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item mixed[3] = {0};
    struct keys_item redrive[2] = {0};

    must_add(k, &mixed[0], "a", LIVE);
    must_add(k, &mixed[1], "a", REDRIVE);
    must_add(k, &mixed[2], "a", LIVE);
    assert_ptr_equal(keys_next(k, 0, 1), &mixed[0]);
    keys_settle(k, &mixed[0]);
    must_add(k, &redrive[0], "b", REDRIVE);
    must_add(k, &redrive[1], "c", REDRIVE);
    assert_ptr_equal(keys_next(k, 0, 1), &mixed[1]);
    assert_null(keys_next(k, 0, 1));
    keys_settle(k, &mixed[1]);
    assert_ptr_equal(keys_next(k, 0, 1), &mixed[2]);
    assert_ptr_equal(keys_next(k, 0, 1), &redrive[0]);
    /* What a live record stands before is no redrive, even if that runs now. */
    assert_null(keys_next(k, 0, 1));
    keys_settle(k, &mixed[2]);
    keys_settle(k, &redrive[0]);
    assert_ptr_equal(keys_next(k, 0, 1), &redrive[1]);
    keys_settle(k, &redrive[1]);
}

static void test_keys_held_do_not_wait_for_their_time(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[3] = {0};

    must_add(k, &i[0], "a", REDRIVE);
    must_add(k, &i[1], "a", REDRIVE);
    must_add(k, &i[2], "b", REDRIVE);
    must_next(k, 0, &i[0]);
    keys_defer(k, &i[0], 1000);
    keys_hold(k, &i[0]);
    assert_false(keys_is_deferred(&i[0]));
    assert_int_equal(keys_waiting(k), 0);
    assert_int_equal(keys_waiting_items(k), 0);
    assert_int_equal(keys_next_due_ms(k), -1);
    assert_null(keys_next(k, 1000, 1)); /* its share is taken by what is held */
    assert_ptr_equal(keys_next(k, 1000, 2), &i[2]);
    keys_defer(k, &i[0], 2000);
    assert_int_equal(keys_waiting_items(k), 2);
    keys_hold(k, &i[0]);
    keys_settle(k, &i[0]);
    must_next(k, 1000, &i[1]);
    keys_settle(k, &i[1]);
    keys_settle(k, &i[2]);
}

/* As a key is moved to MySQL: what stands behind the first item leaves the queue, in order. */
static void test_keys_move_behind_what_stands_for_them(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item stub = {0};
    struct keys_item i[4] = {0};

    for (size_t n = 0; n < 3; n++)
        must_add(k, &i[n], "a", LIVE);
    must_next(k, 0, &i[0]);
    keys_put_first(k, &i[0], &stub);
    assert_ptr_equal(keys_head(&i[2]), &stub);
    assert_ptr_equal(keys_take_next(k, &stub), &i[0]);
    assert_null(i[0].entry);
    assert_ptr_equal(keys_take_next(k, &stub), &i[1]);
    assert_ptr_equal(keys_take_next(k, &stub), &i[2]);
    assert_null(keys_take_next(k, &stub));
    keys_put_next(k, &stub, &i[2]);
    keys_put_next(k, &stub, &i[1]);
    must_add(k, &i[3], "a", LIVE);
    keys_defer(k, &stub, 10);
    assert_int_equal(keys_waiting_items(k), 4);
    assert_ptr_equal(keys_find(k, 0, STR("a")), &stub);
    must_next(k, 10, &stub);
    keys_settle(k, &stub);
    for (size_t n = 1; n < 4; n++) {
        must_next(k, 10, &i[n]);
        keys_settle(k, &i[n]);
    }
    assert_null(keys_find(k, 0, STR("a")));
}

static void test_keys_count_what_stands_first_in_the_share(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item stub[2] = {{.redrive = true}, {.redrive = false}};
    struct keys_item i[3] = {0};

    must_add(k, &i[0], "a", LIVE);
    must_next(k, 0, &i[0]);
    must_add(k, &i[1], "b", REDRIVE);
    keys_put_first(k, &i[0], &stub[0]);
    assert_false(keys_has_next(k, 1));
    keys_put_first(k, &stub[0], &stub[1]);
    assert_ptr_equal(keys_next(k, 0, 1), &i[1]);
    keys_settle(k, &i[1]);
    keys_settle(k, &stub[1]);
    assert_ptr_equal(keys_next(k, 0, 1), &stub[0]);
    keys_settle(k, &stub[0]);
    must_next(k, 0, &i[0]);
    keys_settle(k, &i[0]);
}

static void test_keys_wake_earlier_or_later(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[3] = {0};

    must_add(k, &i[0], "a", LIVE);
    must_add(k, &i[1], "b", LIVE);
    must_add(k, &i[2], "c", LIVE);
    for (size_t n = 0; n < 3; n++) {
        must_next(k, 0, &i[n]);
        keys_defer(k, &i[n], 100 + (int64_t)n);
    }
    keys_wake(k, &i[0], 300);
    keys_wake(k, &i[2], 50);
    assert_int_equal(keys_next_due_ms(k), 50);
    assert_int_equal(keys_waiting_items(k), 3);
    must_next(k, 50, &i[2]);
    must_next(k, 200, &i[1]);
    must_next(k, 299, NULL);
    must_next(k, 300, &i[0]);
    for (size_t n = 0; n < 3; n++)
        keys_settle(k, &i[n]);
}

static void test_keys_come_due_in_order_of_time(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[SOME] = {0};
    int64_t due_ms = 0;
    int64_t count = 0;

    for (size_t n = 0; n < SOME; n++) {
        must_add(k, &i[n], NULL, LIVE);
        must_next(k, 0, &i[n]);
        keys_defer(k, &i[n], 1 + (int64_t)(n * 7919 % 1009)); /* no two at a time */
    }
    for (size_t n = 0; n < SOME; n += 3) {
        keys_hold(k, &i[n]);
        keys_settle(k, &i[n]);
        count++;
    }
    while ((due_ms = keys_next_due_ms(k)) >= 0) {
        struct keys_item *item = keys_next(k, due_ms, NO_LIMIT);

        assert_non_null(item);
        assert_int_equal(1 + (item - i) * 7919 % 1009, due_ms);
        assert_int_equal(keys_ready(k), 0);
        keys_settle(k, item);
        count++;
    }
    assert_int_equal(count, SOME);
}

static void test_keys_dropped_and_revoked_make_room_at_once(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item i[8] = {0};
    struct keys_item stub = {0};

    for (size_t n = 0; n < 3; n++)
        must_add(k, &i[n], "a", LIVE);
    must_add(k, &i[3], "b", LIVE);
    must_add(k, &i[4], "c", LIVE);
    assert_true(keys_add(k, 1, STR("a"), &i[5]));
    assert_true(keys_add(k, -1, (struct str){NULL, 0}, &i[7]));
    must_drop(k, 2, 0);
    keys_revoke(k, 2);
    must_next(k, 0, &i[0]);
    keys_put_first(k, &i[0], &stub);
    assert_ptr_equal(keys_take_next(k, &stub), &i[0]); /* the taker's from here on */
    must_next(k, 0, &i[3]);
    keys_defer(k, &i[3], 1000);
    must_drop(k, 0, 4);
    assert_int_equal(keys_waiting(k), 0);
    assert_int_equal(keys_waiting_items(k), 0);
    assert_false(keys_is_revoked(&stub));
    keys_revoke(k, 0);
    assert_true(keys_is_revoked(&stub));
    assert_null(keys_take_next(k, &stub));
    assert_null(keys_find(k, 0, STR("a")));
    must_add(k, &i[6], "a", LIVE); /* assigned anew, while the late one still runs */
    must_drop(k, -1, 1);
    must_next(k, 0, &i[5]);
    must_next(k, 0, &i[6]);
    must_drop(k, 0, 0);
    keys_settle(k, &stub);
    assert_ptr_equal(keys_find(k, 0, STR("a")), &i[6]);
    keys_settle(k, &i[6]);
    keys_settle(k, &i[5]);
    assert_null(keys_find(k, 0, STR("a")));
    assert_int_equal(keys_ready(k), 0);
}

static void test_keys_short_memory_changes_nothing(void **state)
{
    (void)state;
    struct keys *k = keys_new();
    struct keys_item item;
    bool added = false;

    for (size_t n = 1; !added; n++) {
        assert_in_range(n, 1, 20);
        item = (struct keys_item){0};
        mem_fail_at(n, false);
        added = keys_add(k, 0, STR("k"), &item);
        mem_fail_at(0, false);
        assert_int_equal(keys_ready(k), added ? 1 : 0);
        assert_true((keys_find(k, 0, STR("k")) != NULL) == added);
    }
    mem_fail_at(1, true);
    assert_ptr_equal(keys_find(k, 0, STR("k")), &item);
    must_next(k, 0, &item);
    keys_defer(k, &item, 1);
    must_next(k, 1, &item);
    mem_fail_at(0, false);
    keys_settle(k, &item);
    keys_free(k);
    keys_free(NULL);
}

/* Half of them ready, half deferred. */
static void test_keys_drop_many_without_delay(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct keys_item *items = mem_array(MANY, sizeof(*items));
    int64_t started_ms;

    assert_non_null(items);
    for (int32_t n = 0; n < MANY; n++)
        assert_true(keys_add(k, n % 2, (struct str){NULL, 0}, &items[n]));
    for (int32_t n = 0; n < MANY / 2; n++) {
        must_next(k, 0, &items[n]);
        keys_defer(k, &items[n], 1 + n % 1000);
    }
    started_ms = clock_mono_ms();
    must_drop(k, 0, MANY / 2);
    must_drop(k, 1, MANY / 2);
    assert_in_range(clock_mono_ms() - started_ms, 0, MANY_MS);
    assert_int_equal(keys_ready(k) + keys_waiting(k) + keys_waiting_items(k), 0);
    mem_free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_run_in_order_within_a_key),
        cmocka_unit_test(test_keys_deferred_hold_up_only_themselves),
        cmocka_unit_test(test_keys_without_a_name_are_records_of_their_own),
        cmocka_unit_test(test_keys_redrive_has_one_lane_first_and_its_share_last),
        cmocka_unit_test(test_keys_one_lane_serves_both_in_turn),
        cmocka_unit_test(test_keys_are_of_the_class_of_their_first_item),
        cmocka_unit_test(test_keys_held_do_not_wait_for_their_time),
        cmocka_unit_test(test_keys_move_behind_what_stands_for_them),
        cmocka_unit_test(test_keys_count_what_stands_first_in_the_share),
        cmocka_unit_test(test_keys_wake_earlier_or_later),
        cmocka_unit_test(test_keys_come_due_in_order_of_time),
        cmocka_unit_test(test_keys_dropped_and_revoked_make_room_at_once),
        cmocka_unit_test(test_keys_short_memory_changes_nothing),
        cmocka_unit_test(test_keys_drop_many_without_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
