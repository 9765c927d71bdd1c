/* SPDX-License-Identifier: Apache-2.0 */
#include "run/keys.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/run/seed.h"

enum { ROUNDS = 60, STEPS = 1500, KEYS = 7, PARTITIONS = 3, ITEMS = 4000, NO_KEY = KEYS };

/* What is scheduled here; the model keeps its own list of all. */
struct work {
    struct keys_item link; /* first */
    int32_t partition;
    size_t key; /* NO_KEY: a record without */
    bool queued;
    bool running;
    bool revoked;
    int64_t ready_at_ms;
};

static struct str key_text(size_t key)
{
    static const char *const texts[KEYS] = {"", "a", "b", "aa", "\x01", "card:1", "card:2"};

    return key == NO_KEY ? (struct str){NULL, 0} : str_from(texts[key]);
}

static struct work *as_work(struct keys_item *item)
{
    return (struct work *)item;
}

static void must_add(struct keys *k, struct work *w, int32_t partition, size_t key)
{
    *w = (struct work){.partition = partition, .key = key, .queued = true};
    assert_true(keys_add(k, partition, key_text(key), &w->link));
}

static void on_drop(void *arg, struct keys_item *item)
{
    size_t *dropped = arg;

    as_work(item)->queued = false;
    (*dropped)++;
}

static void test_keys_run_in_order_within_a_key(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct work w[4];

    must_add(k, &w[0], 0, 1);
    must_add(k, &w[1], 0, 1);
    must_add(k, &w[2], 0, 2);
    must_add(k, &w[3], 1, 1); /* the same key of another partition is another key */
    assert_ptr_equal(keys_next(k, 0), &w[0].link);
    assert_ptr_equal(keys_next(k, 0), &w[2].link);
    assert_ptr_equal(keys_next(k, 0), &w[3].link);
    assert_null(keys_next(k, 0));
    keys_settle(k, &w[0].link);
    assert_int_equal(keys_ready(k), 1);
    assert_ptr_equal(keys_next(k, 0), &w[1].link);
    keys_settle(k, &w[1].link);
    keys_settle(k, &w[2].link);
    keys_settle(k, &w[3].link);
    assert_null(keys_next(k, INT64_MAX));
    assert_false(keys_has(k, 0, key_text(1)));
}

static void test_keys_deferred_hold_up_only_themselves(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct work w[3];

    must_add(k, &w[0], 0, 1);
    must_add(k, &w[1], 0, 1);
    must_add(k, &w[2], 0, 2);
    assert_ptr_equal(keys_next(k, 0), &w[0].link);
    keys_defer(k, &w[0].link, 500);
    assert_int_equal(keys_next_due_ms(k), 500);
    assert_int_equal(keys_waiting(k), 1);
    assert_ptr_equal(keys_next(k, 499), &w[2].link);
    assert_null(keys_next(k, 499));
    assert_true(keys_has(k, 0, key_text(1)));
    assert_ptr_equal(keys_next(k, 500), &w[0].link);
    assert_int_equal(keys_next_due_ms(k), -1);
    keys_settle(k, &w[0].link);
    assert_ptr_equal(keys_next(k, 500), &w[1].link);
    keys_settle(k, &w[1].link);
    keys_settle(k, &w[2].link);
}

static void test_keys_dropped_and_revoked_make_room_at_once(void **state)
{
    (void)state;
    AUTO(keys_freep) struct keys *k = keys_new();
    struct work w[6];
    size_t dropped = 0;

    must_add(k, &w[0], 0, 1);
    must_add(k, &w[1], 0, 1);
    must_add(k, &w[2], 0, 2);
    must_add(k, &w[3], 0, 3);
    must_add(k, &w[4], 1, 1);
    assert_ptr_equal(keys_next(k, 0), &w[0].link);
    assert_ptr_equal(keys_next(k, 0), &w[2].link);
    keys_defer(k, &w[2].link, 1000);
    keys_drop(k, 0, on_drop, &dropped);
    assert_int_equal(dropped, 3);
    assert_true(w[0].queued && !w[1].queued && !w[2].queued && !w[3].queued && w[4].queued);
    assert_int_equal(keys_waiting(k), 0);
    assert_false(keys_is_revoked(&w[0].link));
    keys_revoke(k, 0);
    assert_true(keys_is_revoked(&w[0].link));
    must_add(k, &w[5], 0, 1); /* assigned anew, while the late one still runs */
    assert_ptr_equal(keys_next(k, 0), &w[4].link);
    assert_ptr_equal(keys_next(k, 0), &w[5].link);
    keys_settle(k, &w[0].link);
    assert_true(keys_has(k, 0, key_text(1)));
    keys_settle(k, &w[5].link);
    keys_settle(k, &w[4].link);
    assert_false(keys_has(k, 0, key_text(1)));
}

static void test_keys_short_memory_changes_nothing(void **state)
{
    (void)state;
    struct keys *k = keys_new();
    struct work w;
    bool added = false;

    for (size_t n = 1; !added; n++) {
        assert_in_range(n, 1, 20);
        w = (struct work){.partition = 0};
        mem_fail_at(n, false);
        added = keys_add(k, 0, STR("k"), &w.link);
        mem_fail_at(0, false);
        assert_int_equal(keys_ready(k), added ? 1 : 0);
        assert_true(keys_has(k, 0, STR("k")) == added);
    }
    assert_ptr_equal(keys_next(k, 0), &w.link);
    keys_settle(k, &w.link);
    keys_free(k);
    keys_free(NULL);
}

/* The naive model: all items in order of arrival, looked through from the start. */
struct model {
    struct keys *keys;
    struct work all[ITEMS];
    size_t count;
    size_t dropped;
    int64_t now_ms;
};

static bool is_same_key(const struct work *a, const struct work *b)
{
    return a->partition == b->partition && a->key == b->key && a->key != NO_KEY;
}

/* Nothing of its key stands before it. */
static bool is_first(const struct model *m, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (m->all[j].queued && !m->all[j].revoked && is_same_key(&m->all[j], &m->all[i]))
            return false;
    return true;
}

static bool may_run(const struct model *m, size_t i)
{
    const struct work *w = &m->all[i];

    return w->queued && !w->running && w->ready_at_ms <= m->now_ms && is_first(m, i);
}

static size_t count_able(const struct model *m)
{
    size_t able = 0;

    for (size_t i = 0; i < m->count; i++)
        able += may_run(m, i);
    return able;
}

static struct work *some_running(struct model *m, struct seed *seed)
{
    size_t from = m->count ? seed_below(seed, m->count) : 0;

    for (size_t i = 0; i < m->count; i++) {
        struct work *w = &m->all[(from + i) % m->count];

        if (w->queued && w->running)
            return w;
    }
    return NULL;
}

static void do_add(struct model *m, struct seed *seed)
{
    if (m->count < ITEMS)
        must_add(m->keys, &m->all[m->count++], (int32_t)seed_below(seed, PARTITIONS),
                 seed_below(seed, KEYS + 1));
}

static void do_next(struct model *m)
{
    size_t able = count_able(m);
    struct keys_item *item = keys_next(m->keys, m->now_ms);

    if (able == 0) {
        assert_null(item);
        return;
    }
    assert_non_null(item);
    assert_true(may_run(m, (size_t)(as_work(item) - m->all)));
    as_work(item)->running = true;
    assert_int_equal(keys_ready(m->keys), able - 1);
}

static void do_end(struct model *m, struct seed *seed)
{
    struct work *w = some_running(m, seed);

    if (!w)
        return;
    assert_true(keys_is_revoked(&w->link) == w->revoked);
    w->running = false;
    if (!w->revoked && seed_below(seed, 3) == 0) {
        w->ready_at_ms = m->now_ms + (int64_t)seed_below(seed, 50);
        keys_defer(m->keys, &w->link, w->ready_at_ms);
    } else {
        w->queued = false;
        keys_settle(m->keys, &w->link);
    }
}

static void do_revoke(struct model *m, struct seed *seed)
{
    int32_t partition = (int32_t)seed_below(seed, PARTITIONS);
    size_t wanted = 0;

    for (size_t i = 0; i < m->count; i++)
        wanted += m->all[i].queued && !m->all[i].running && m->all[i].partition == partition;
    m->dropped = 0;
    keys_drop(m->keys, partition, on_drop, &m->dropped);
    assert_int_equal(m->dropped, wanted);
    keys_revoke(m->keys, partition);
    for (size_t i = 0; i < m->count; i++)
        m->all[i].revoked =
            m->all[i].revoked || (m->all[i].queued && m->all[i].partition == partition);
}

static void step(struct model *m, struct seed *seed)
{
    size_t dice = seed_below(seed, 100);

    m->now_ms += (int64_t)seed_below(seed, 4);
    if (dice < 40)
        do_add(m, seed);
    else if (dice < 70)
        do_next(m);
    else if (dice < 99)
        do_end(m, seed);
    else
        do_revoke(m, seed);
}

static void finish(struct model *m)
{
    size_t dropped = 0;

    for (size_t i = 0; i < m->count; i++)
        if (m->all[i].queued && m->all[i].running)
            keys_settle(m->keys, &m->all[i].link);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        keys_drop(m->keys, partition, on_drop, &dropped);
    assert_int_equal(keys_ready(m->keys) + keys_waiting(m->keys), 0);
    keys_free(m->keys);
    mem_free(m);
}

static void test_keys_agree_with_a_naive_model(void **state)
{
    (void)state;
    struct seed seed = seed_start("keys");

    for (int round = 0; round < ROUNDS; round++) {
        struct model *m = mem_zalloc(sizeof(*m));

        assert_non_null(m);
        m->keys = keys_new();
        assert_non_null(m->keys);
        for (int i = 0; i < STEPS; i++)
            step(m, &seed);
        finish(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_run_in_order_within_a_key),
        cmocka_unit_test(test_keys_deferred_hold_up_only_themselves),
        cmocka_unit_test(test_keys_dropped_and_revoked_make_room_at_once),
        cmocka_unit_test(test_keys_short_memory_changes_nothing),
        cmocka_unit_test(test_keys_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
