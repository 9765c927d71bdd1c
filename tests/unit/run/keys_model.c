/* SPDX-License-Identifier: Apache-2.0 */
/* The key scheduler against a naive model over random sequences. */
#include "base/mem.h"
#include "run/keys.h"
#include "tests/unit/check.h"
#include "tests/unit/seed.h"

enum { ROUNDS = 5, STEPS = 10000, KEYS = 7, PARTITIONS = 3, SLOTS = 64, DEPTH = 10, LANES = 4 };

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_RUNNING, SLOT_DEFERRED };

/* A key and the list of its items. */
struct slot {
    enum slot_state state;
    int32_t partition;
    size_t key; /* KEYS: without one */
    bool revoked;
    struct keys_item *items[DEPTH];
    size_t count;
    struct keys_item *taken[DEPTH]; /* by keys_take_next, the latest last */
    size_t taken_count;
    int64_t ready_step; /* then ready_ms: the order of becoming ready; equals in any order */
    int64_t ready_ms;
    int64_t due_ms;
    int64_t seen_step; /* by the last check among the deferred */
};

struct model {
    bool redrive_was_last;
    struct keys *keys;
    struct slot slots[SLOTS];
    bool draining[PARTITIONS]; /* between keys_drop and keys_revoke */
    int64_t now_ms;
    int64_t steps;
    size_t made; /* items */
    size_t gone; /* of them settled, dropped, or kept by who took them */
};

static struct str key_text(size_t key)
{
    static const char *const texts[KEYS] = {"", "a", "b", "aa", "\x01", "card:1", "card:2"};

    return key == KEYS ? (struct str){NULL, 0} : str_from(texts[key]);
}

static struct keys_item *make_item(struct model *m, struct seed *seed)
{
    struct keys_item *item = mem_zalloc(sizeof(*item));

    assert_non_null(item);
    item->redrive = seed_below(seed, 3) == 0;
    m->made++;
    return item;
}

static void forget_item(struct model *m, struct keys_item *item)
{
    assert_null(item->entry);
    assert_null(item->next);
    mem_free(item);
    m->gone++;
}

static void slot_insert(struct slot *s, size_t at, struct keys_item *item)
{
    assert_true(s->count < DEPTH);
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof(struct keys_item *));
    s->items[at] = item;
    s->count++;
}

static struct keys_item *slot_remove(struct slot *s, size_t at)
{
    struct keys_item *item = s->items[at];

    s->count--;
    memmove(&s->items[at], &s->items[at + 1], (s->count - at) * sizeof(struct keys_item *));
    return item;
}

static void slot_ready(struct model *m, struct slot *s, int64_t ready_ms)
{
    s->state = SLOT_READY;
    s->ready_step = m->steps;
    s->ready_ms = ready_ms;
}

/* What was taken stays with who took it. */
static void slot_leave_taken(struct model *m, struct slot *s)
{
    while (s->taken_count > 0)
        forget_item(m, s->taken[--s->taken_count]);
}

static struct slot *find_key(struct model *m, int32_t partition, size_t key)
{
    for (struct slot *s = m->slots; key < KEYS && s < m->slots + SLOTS; s++)
        if (s->state != SLOT_FREE && !s->revoked && s->partition == partition && s->key == key)
            return s;
    return NULL;
}

static struct slot *find_head(struct model *m, const struct keys_item *item)
{
    struct slot *s = m->slots;

    while (s < m->slots + SLOTS && (s->state == SLOT_FREE || s->items[0] != item))
        s++;
    assert_true(s < m->slots + SLOTS);
    return s;
}

static struct slot *some_slot(struct model *m, struct seed *seed, enum slot_state state)
{
    size_t from = seed_below(seed, SLOTS);

    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &m->slots[(from + i) % SLOTS];

        if (s->state == state)
            return s;
    }
    return NULL;
}

/* Nothing of a partition that is going away is deferred or put back. */
static bool may_stay(const struct model *m, const struct slot *s)
{
    return !s->revoked && !m->draining[s->partition];
}

static bool is_before(const struct slot *a, const struct slot *b)
{
    if (a->ready_step != b->ready_step)
        return a->ready_step < b->ready_step;
    return a->ready_ms < b->ready_ms;
}

static const struct slot *longest_ready(const struct model *m, bool redrive)
{
    const struct slot *best = NULL;

    for (const struct slot *s = m->slots; s < m->slots + SLOTS; s++)
        if (s->state == SLOT_READY && s->items[0]->redrive == redrive &&
            (!best || is_before(s, best)))
            best = s;
    return best;
}

static const struct slot *model_choice(const struct model *m, size_t redrive_lanes)
{
    const struct slot *live = longest_ready(m, false);
    const struct slot *redrive = longest_ready(m, true);
    size_t running = 0;

    for (const struct slot *s = m->slots; s < m->slots + SLOTS; s++)
        running += s->state == SLOT_RUNNING && s->items[0]->redrive;
    if (redrive && running == 0 && !(m->redrive_was_last && longest_ready(m, false)))
        return redrive;
    if (live)
        return live;
    return running < redrive_lanes ? redrive : NULL;
}

static void do_add(struct model *m, struct seed *seed)
{
    int32_t partition = (int32_t)seed_below(seed, PARTITIONS);
    size_t key = seed_below(seed, KEYS + 1);
    struct slot *s = find_key(m, partition, key);
    bool fresh = s == NULL;

    if (fresh)
        s = some_slot(m, seed, SLOT_FREE);
    if (!s || s->count == DEPTH || m->draining[partition])
        return;
    if (fresh) {
        *s = (struct slot){.partition = partition, .key = key};
        slot_ready(m, s, 0);
    }
    slot_insert(s, s->count, make_item(m, seed));
    assert_true(keys_add(m->keys, partition, key_text(key), s->items[s->count - 1]));
}

static void wake_due(struct model *m)
{
    for (struct slot *s = m->slots; s < m->slots + SLOTS; s++)
        if (s->state == SLOT_DEFERRED && s->due_ms <= m->now_ms)
            slot_ready(m, s, s->due_ms);
}

static void do_next(struct model *m, struct seed *seed)
{
    size_t redrive_lanes = 1 + seed_below(seed, LANES);
    const struct slot *expected;
    struct slot *s;
    struct keys_item *item;

    wake_due(m);
    expected = model_choice(m, redrive_lanes);
    item = keys_next(m->keys, m->now_ms, redrive_lanes);
    assert_true((item != NULL) == (expected != NULL));
    if (!item || !expected)
        return;
    s = find_head(m, item);
    assert_int_equal(s->state, SLOT_READY);
    m->redrive_was_last = item->redrive;
    assert_int_equal(item->redrive, expected->items[0]->redrive);
    assert_false(is_before(expected, s));
    s->state = SLOT_RUNNING;
}

static void do_settle(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_RUNNING);

    if (!s)
        return;
    assert_int_equal(keys_is_revoked(s->items[0]), s->revoked);
    slot_leave_taken(m, s);
    keys_settle(m->keys, s->items[0]);
    forget_item(m, slot_remove(s, 0));
    if (s->count == 0)
        s->state = SLOT_FREE;
    else
        slot_ready(m, s, 0);
}

static void do_defer(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_RUNNING);

    if (!s || !may_stay(m, s))
        return;
    slot_leave_taken(m, s);
    s->state = SLOT_DEFERRED;
    s->due_ms = m->now_ms + (int64_t)seed_below(seed, 60);
    keys_defer(m->keys, s->items[0], s->due_ms);
}

static void do_hold(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_DEFERRED);

    if (!s)
        return;
    s->state = SLOT_RUNNING;
    keys_hold(m->keys, s->items[0]);
}

static void do_wake(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_DEFERRED);

    if (!s)
        return;
    s->due_ms = m->now_ms + (int64_t)seed_below(seed, 100) - 20;
    keys_wake(m->keys, s->items[0], s->due_ms);
}

static void do_put_first(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_RUNNING);
    struct keys_item *item;

    if (!s || !may_stay(m, s) || s->count == DEPTH)
        return;
    item = make_item(m, seed);
    keys_put_first(m->keys, s->items[0], item);
    slot_insert(s, 0, item);
}

static void do_take_next(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_RUNNING);
    struct keys_item *item;

    if (!s || s->taken_count == DEPTH)
        return;
    item = keys_take_next(m->keys, s->items[0]);
    if (s->count == 1) {
        assert_null(item);
        return;
    }
    assert_ptr_equal(item, slot_remove(s, 1));
    assert_null(item->entry);
    s->taken[s->taken_count++] = item;
}

static void do_put_next(struct model *m, struct seed *seed)
{
    struct slot *s = some_slot(m, seed, SLOT_RUNNING);

    if (!s || !may_stay(m, s) || s->count == DEPTH || s->taken_count == 0)
        return;
    slot_insert(s, 1, s->taken[--s->taken_count]);
    keys_put_next(m->keys, s->items[0], s->items[1]);
}

/* In order, and never the running one. */
static void on_drop(void *arg, struct keys_item *item)
{
    struct model *m = arg;

    for (struct slot *s = m->slots; s < m->slots + SLOTS; s++) {
        size_t first = s->state == SLOT_RUNNING;

        if (s->state == SLOT_FREE || s->count <= first || s->items[first] != item)
            continue;
        assert_true(m->draining[s->partition] && !s->revoked);
        (void)slot_remove(s, first);
        forget_item(m, item);
        if (s->count == 0)
            s->state = SLOT_FREE;
        return;
    }
    fail_msg("dropped what was not queued");
}

/* Every third time only that: the partition goes on. */
static void do_drop(struct model *m, struct seed *seed)
{
    int32_t partition = (int32_t)seed_below(seed, PARTITIONS);
    bool was_draining = m->draining[partition];

    m->draining[partition] = true;
    keys_drop(m->keys, partition, on_drop, m);
    for (const struct slot *s = m->slots; s < m->slots + SLOTS; s++)
        if (s->state != SLOT_FREE && s->partition == partition)
            assert_true(s->state == SLOT_RUNNING && s->count == 1);
    m->draining[partition] = was_draining || seed_below(seed, 3) > 0;
}

static void do_revoke(struct model *m)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        if (!m->draining[partition])
            continue;
        keys_revoke(m->keys, partition);
        m->draining[partition] = false;
        for (struct slot *s = m->slots; s < m->slots + SLOTS; s++)
            s->revoked = s->revoked || (s->state != SLOT_FREE && s->partition == partition);
    }
}

static void on_deferred(void *arg, struct keys_item *head)
{
    struct model *m = arg;
    struct slot *s = find_head(m, head);

    assert_int_equal(s->state, SLOT_DEFERRED);
    assert_int_equal(s->seen_step, m->steps - 1);
    s->seen_step = m->steps; /* once */
}

static void check_slot(struct model *m, struct slot *s)
{
    s->seen_step = m->steps - 1;
    if (s->state == SLOT_FREE)
        return;
    for (size_t i = 0; i < s->count; i++) {
        assert_ptr_equal(keys_head(s->items[i]), s->items[0]);
        assert_int_equal(keys_is_deferred(s->items[i]), s->state == SLOT_DEFERRED);
    }
    if (s->state == SLOT_RUNNING)
        assert_int_equal(keys_is_revoked(s->items[0]), s->revoked);
}

static void check_counts(const struct model *m)
{
    size_t lanes = 1 + (size_t)m->steps % LANES;
    size_t ready = 0;
    size_t waiting = 0;
    size_t waiting_items = 0;
    int64_t due_ms = -1;

    for (const struct slot *s = m->slots; s < m->slots + SLOTS; s++) {
        ready += s->state == SLOT_READY;
        if (s->state != SLOT_DEFERRED)
            continue;
        due_ms = waiting == 0 || s->due_ms < due_ms ? s->due_ms : due_ms;
        waiting++;
        waiting_items += s->count;
        assert_int_equal(s->seen_step, m->steps);
    }
    assert_int_equal(keys_ready(m->keys), ready);
    assert_int_equal(keys_waiting(m->keys), waiting);
    assert_int_equal(keys_waiting_items(m->keys), waiting_items);
    assert_int_equal(keys_next_due_ms(m->keys), due_ms);
    assert_int_equal(keys_has_next(m->keys, lanes), model_choice(m, lanes) != NULL);
}

static void check(struct model *m, struct seed *seed)
{
    int32_t partition = (int32_t)seed_below(seed, PARTITIONS);
    size_t key = seed_below(seed, KEYS + 1);
    const struct slot *s = find_key(m, partition, key);

    assert_ptr_equal(keys_find(m->keys, partition, key_text(key)), s ? s->items[0] : NULL);
    for (size_t i = 0; i < SLOTS; i++)
        check_slot(m, &m->slots[i]);
    keys_each_deferred(m->keys, on_deferred, m);
    check_counts(m);
}

static void step(struct model *m, struct seed *seed)
{
    typedef void step_fn(struct model * m, struct seed * seed);

    static const struct {
        size_t share; /* of 100 */
        step_fn *fn;
    } kinds[] = {
        {30, do_add}, {22, do_next},     {12, do_settle},   {10, do_defer},   {6, do_hold},
        {4, do_wake}, {5, do_put_first}, {6, do_take_next}, {4, do_put_next}, {1, do_drop},
    };

    size_t dice = seed_below(seed, 100);
    size_t kind = 0;

    while (dice >= kinds[kind].share)
        dice -= kinds[kind++].share;
    m->steps++;
    m->now_ms += (int64_t)seed_below(seed, 4);
    kinds[kind].fn(m, seed);
    if (seed_below(seed, 20) == 0)
        do_revoke(m);
    check(m, seed);
}

/* All that was made left the scheduler once. */
static void finish(struct model *m)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        m->draining[partition] = true;
        keys_drop(m->keys, partition, on_drop, m);
    }
    for (struct slot *s = m->slots; s < m->slots + SLOTS; s++) {
        if (s->state == SLOT_FREE)
            continue;
        slot_leave_taken(m, s);
        keys_settle(m->keys, s->items[0]);
        forget_item(m, slot_remove(s, 0));
    }
    assert_int_equal(m->gone, m->made);
    assert_int_equal(keys_ready(m->keys) + keys_waiting(m->keys), 0);
    keys_free(m->keys);
}

static void test_keys_agree_with_a_naive_model(void **state)
{
    (void)state;
    struct seed seed = seed_start("keys");

    for (int round = 0; round < ROUNDS; round++) {
        struct model m = {.keys = keys_new()};

        assert_non_null(m.keys);
        for (int i = 0; i < STEPS; i++)
            step(&m, &seed);
        finish(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
