/* SPDX-License-Identifier: Apache-2.0 */
#include "run/offsets.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/seed.h"

enum { ROUNDS = 40, STEPS = 600, LOG = 800, GAP_MAX = 5, RANGES_MAX = 16 };

/* Offsets, and how many are run through. */
enum { MANY = 1000000, FAR = 3 * MANY, FAR_END = FAR + MANY / 4 };

static void add(struct offsets *o, int64_t offset)
{
    assert_true(offsets_reserve(o));
    offsets_add(o, offset, offset * 10, offset * 100);
}

static void check_beyond(const struct offsets *o, const struct offset_range *want, size_t count)
{
    struct offset_range got[RANGES_MAX];

    assert_int_equal(offsets_done_beyond(o, got, RANGES_MAX), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got[i].from, want[i].from);
        assert_int_equal(got[i].to, want[i].to);
    }
}

#define CHECK_BEYOND(o, ...)                                      \
    check_beyond((o), (const struct offset_range[]){__VA_ARGS__}, \
                 sizeof((const struct offset_range[]){__VA_ARGS__}) / sizeof(struct offset_range))

static void test_offsets_nothing_is_committed_before_the_first(void **state)
{
    (void)state;
    AUTO(offsets_freep) struct offsets *o = offsets_new();
    int64_t timestamp_ms = 7;
    int64_t admitted_ms = 8;

    assert_int_equal(offsets_commit_point(o), -1);
    assert_int_equal(offsets_last(o), -1);
    assert_false(offsets_oldest(o, &timestamp_ms, &admitted_ms));
    assert_int_equal(timestamp_ms, 7);
    assert_int_equal(admitted_ms, 8);
    assert_false(offsets_was_done(o, 0));
    check_beyond(o, NULL, 0);
}

static void test_offsets_commit_is_the_lowest_unfinished(void **state)
{
    (void)state;
    AUTO(offsets_freep) struct offsets *o = offsets_new();
    int64_t timestamp_ms = 0;
    int64_t admitted_ms = 0;

    add(o, 10);
    add(o, 12);
    add(o, 19);
    assert_int_equal(offsets_commit_point(o), 10);
    offsets_done(o, 12);
    assert_int_equal(offsets_commit_point(o), 10);
    offsets_done(o, 10);
    assert_int_equal(offsets_commit_point(o), 19);
    assert_true(offsets_oldest(o, &timestamp_ms, &admitted_ms));
    assert_int_equal(timestamp_ms, 190);
    assert_int_equal(admitted_ms, 1900);
    offsets_done(o, 19);
    assert_int_equal(offsets_commit_point(o), 20);
    assert_int_equal(offsets_unfinished(o), 0);
    assert_int_equal(offsets_last(o), 19);
}

static void test_offsets_gaps_belong_to_done_neighbours_only(void **state)
{
    (void)state;
    AUTO(offsets_freep) struct offsets *o = offsets_new();
    struct offset_range one = {-1, -1};

    for (int64_t offset = 10; offset <= 90; offset += 10)
        add(o, offset);
    check_beyond(o, NULL, 0);
    offsets_done(o, 30);
    CHECK_BEYOND(o, {30, 31});
    offsets_done(o, 60);
    CHECK_BEYOND(o, {30, 31}, {60, 61});
    offsets_done(o, 40);
    CHECK_BEYOND(o, {30, 41}, {60, 61});
    offsets_done(o, 90);
    offsets_done(o, 50);
    CHECK_BEYOND(o, {30, 61}, {90, 91});
    assert_int_equal(offsets_done_beyond(o, &one, 1), 2);
    assert_int_equal(one.from, 30);
    assert_int_equal(one.to, 61);
    assert_int_equal(offsets_done_beyond(o, NULL, 0), 2);
    offsets_done(o, 10);
    offsets_done(o, 20);
    assert_int_equal(offsets_commit_point(o), 70);
    CHECK_BEYOND(o, {90, 91});
}

static void test_offsets_restored_but_untouched_say_what_was_committed(void **state)
{
    (void)state;
    static const struct offset_range done[] = {{3, 5}, {5, 6}, {9, 12}};
    AUTO(offsets_freep) struct offsets *o = offsets_new();
    AUTO(offsets_freep) struct offsets *empty = offsets_new();
    int64_t untouched = 7;

    assert_true(offsets_restore(o, 0, done, COUNT_OF(done)));
    assert_int_equal(offsets_commit_point(o), 0);
    assert_int_equal(offsets_last(o), -1);
    assert_int_equal(offsets_unfinished(o), 0);
    assert_false(offsets_oldest(o, &untouched, &untouched));
    CHECK_BEYOND(o, {3, 6}, {9, 12});
    for (int64_t offset = 0; offset < 15; offset++)
        assert_true(offsets_was_done(o, offset) ==
                    ((offset >= 3 && offset < 6) || (offset >= 9 && offset < 12)));
    add(o, 2);
    offsets_done(o, 2);
    assert_int_equal(offsets_commit_point(o), 6);
    CHECK_BEYOND(o, {9, 12});

    assert_true(offsets_restore(empty, 500, NULL, 0));
    assert_int_equal(offsets_commit_point(empty), 500);
    assert_int_equal(offsets_last(empty), 499);
    add(empty, 503);
    assert_int_equal(offsets_commit_point(empty), 503);
}

static void test_offsets_done_before_let_the_commit_pass(void **state)
{
    (void)state;
    static const struct offset_range done[] = {{12, 14}, {20, 30}};
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    assert_true(offsets_restore(o, 10, done, COUNT_OF(done)));
    add(o, 10);
    assert_int_equal(offsets_commit_point(o), 10);
    CHECK_BEYOND(o, {12, 14}, {20, 30});
    add(o, 11);
    add(o, 12);
    assert_int_equal(offsets_unfinished(o), 2);
    assert_true(offsets_was_done(o, 12) && offsets_was_done(o, 13) && !offsets_was_done(o, 14));
    offsets_done(o, 11);
    CHECK_BEYOND(o, {11, 14}, {20, 30});
    offsets_done(o, 10);
    assert_int_equal(offsets_commit_point(o), 14);
    CHECK_BEYOND(o, {20, 30});
    add(o, 13);
    assert_true(offsets_was_done(o, 13));
    assert_int_equal(offsets_commit_point(o), 14);
    add(o, 19);
    assert_int_equal(offsets_commit_point(o), 19);
    CHECK_BEYOND(o, {20, 30});
    offsets_done(o, 19);
    assert_int_equal(offsets_commit_point(o), 30);
    assert_int_equal(offsets_last(o), 19);
    check_beyond(o, NULL, 0);
    add(o, 25);
    assert_int_equal(offsets_unfinished(o), 0);
    assert_int_equal(offsets_commit_point(o), 30);
    add(o, 29);
    add(o, 31);
    assert_false(offsets_was_done(o, 31));
    assert_int_equal(offsets_commit_point(o), 31);
}

static void test_offsets_what_is_not_there_any_more_is_no_range(void **state)
{
    (void)state;
    static const struct offset_range done[] = {{12, 14}, {20, 30}, {40, 50}};
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    assert_true(offsets_restore(o, 10, done, COUNT_OF(done)));
    add(o, 11);
    add(o, 25);
    CHECK_BEYOND(o, {25, 30}, {40, 50});
    add(o, 60);
    CHECK_BEYOND(o, {25, 26});
    assert_false(offsets_was_done(o, 60));
    offsets_done(o, 11);
    assert_int_equal(offsets_commit_point(o), 60);
    check_beyond(o, NULL, 0);
}

/* The naive model: every offset of a log with its state. */
enum entry { ABSENT, UNREAD, UNFINISHED, DONE };

struct model {
    enum entry log[LOG];
    bool before[LOG]; /* restored as done */
    int64_t next;     /* none below is read any more; -1: any */
};

static void model_fill(struct model *m, struct seed *seed)
{
    size_t next = seed_below(seed, GAP_MAX);

    *m = (struct model){.next = -1};
    for (; next < LOG; next += 1 + seed_below(seed, GAP_MAX))
        m->log[next] = UNREAD;
}

static bool model_is_done(const struct model *m, int64_t offset)
{
    return offset < m->next ? m->log[offset] == DONE : m->before[offset];
}

static int64_t model_point(const struct model *m)
{
    int64_t point = m->next;

    for (int64_t i = 0; i < m->next; i++)
        if (m->log[i] == UNFINISHED)
            return i;
    while (point >= 0 && point < LOG && m->before[point])
        point++;
    return point;
}

static size_t model_unfinished(const struct model *m)
{
    size_t left = 0;

    for (size_t i = 0; i < LOG; i++)
        left += m->log[i] == UNFINISHED;
    return left;
}

static size_t model_beyond(const struct model *m, struct offset_range *out)
{
    size_t count = 0;
    bool open = false;

    for (int64_t i = model_point(m); i >= 0 && i < LOG; i++) {
        if (model_is_done(m, i)) {
            if (!open)
                out[count++].from = i;
            open = true;
            out[count - 1].to = i + 1;
        } else if (i >= m->next || m->log[i] != ABSENT) {
            open = false;
        }
    }
    return count;
}

static void check_model(const struct model *m, const struct offsets *o, struct seed *seed)
{
    static struct offset_range want[LOG];
    static struct offset_range got[LOG];
    size_t count = model_beyond(m, want);
    size_t max = seed_below(seed, count + 2);
    size_t told = max < count ? max : count;

    assert_int_equal(offsets_commit_point(o), model_point(m));
    assert_int_equal(offsets_unfinished(o), model_unfinished(m));
    assert_int_equal(offsets_last(o), m->next < 0 ? -1 : m->next - 1);
    assert_int_equal(offsets_done_beyond(o, got, max), count);
    if (told > 0)
        assert_memory_equal(got, want, told * sizeof(*want));
}

static void read_next(struct model *m, struct offsets *o)
{
    int64_t offset = m->next < 0 ? 0 : m->next;

    while (offset < LOG && m->log[offset] == ABSENT)
        offset++;
    if (offset >= LOG)
        return;
    assert_true(offsets_was_done(o, offset) == m->before[offset]);
    add(o, offset);
    assert_true(offsets_was_done(o, offset) == m->before[offset]);
    m->log[offset] = m->before[offset] ? DONE : UNFINISHED;
    m->next = offset + 1;
}

static void finish_one(struct model *m, struct offsets *o, struct seed *seed)
{
    size_t from = seed_below(seed, LOG);

    for (size_t i = 0; i < LOG; i++) {
        size_t offset = (from + i) % LOG;

        if (m->log[offset] != UNFINISHED)
            continue;
        m->log[offset] = DONE;
        offsets_done(o, (int64_t)offset);
        return;
    }
}

/* Of what is told to be done, the lowest ranges are kept, mostly all. */
static void restart(struct model *m, struct offsets **o, struct seed *seed)
{
    static struct offset_range done[LOG];
    int64_t commit = offsets_commit_point(*o);
    size_t count = offsets_done_beyond(*o, done, LOG);

    offsets_free(*o);
    *o = offsets_new();
    assert_non_null(*o);
    memset(m->before, 0, sizeof(m->before));
    m->next = commit;
    if (commit < 0)
        return;
    if (seed_below(seed, 4) == 0)
        count = seed_below(seed, count + 1);
    assert_true(offsets_restore(*o, commit, done, count));
    for (size_t i = 0; i < count; i++)
        for (int64_t offset = done[i].from; offset < done[i].to; offset++)
            m->before[offset] = true;
    for (int64_t offset = commit; offset < LOG; offset++)
        m->log[offset] = m->log[offset] == ABSENT ? ABSENT : UNREAD;
    assert_int_equal(offsets_commit_point(*o), commit);
}

static void test_offsets_agree_with_a_naive_model(void **state)
{
    (void)state;
    struct seed seed = seed_start("offsets");
    static struct model m;

    for (int round = 0; round < ROUNDS; round++) {
        struct offsets *o = offsets_new();
        size_t growth = 1 + seed_below(&seed, 9);
        size_t steadiness = 20 + seed_below(&seed, STEPS);

        model_fill(&m, &seed);
        for (int i = 0; i < STEPS; i++) {
            if (seed_below(&seed, steadiness) == 0)
                restart(&m, &o, &seed);
            else if (seed_below(&seed, 10) < growth)
                read_next(&m, o);
            else
                finish_one(&m, o, &seed);
            check_model(&m, o, &seed);
        }
        offsets_free(o);
    }
}

/* Of what mem_fail_at(nth, false) granted: how many allocations were not made. */
static size_t unused_allocations(size_t nth)
{
    for (size_t unused = 0; unused < nth; unused++) {
        AUTO(mem_freep) char *memory = mem_alloc(1);

        if (!memory)
            return unused + 1;
    }
    return 0;
}

static void test_offsets_memory_follows_what_is_unfinished(void **state)
{
    (void)state;
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    add(o, 0);
    mem_fail_at(1, false);
    for (int64_t offset = 1; offset <= MANY; offset++) {
        add(o, offset);
        offsets_done(o, offset);
    }
    CHECK_BEYOND(o, {1, MANY + 1});
    for (int64_t offset = MANY + 1; offset <= MANY + 25; offset++) /* some stay, with gaps */
        add(o, offset * 2);
    for (int64_t offset = FAR; offset < FAR_END; offset++) {
        add(o, offset);
        offsets_done(o, offset);
    }
    assert_int_equal(unused_allocations(1), 1);
    assert_int_equal(offsets_unfinished(o), 26);
    assert_int_equal(offsets_commit_point(o), 0);
    CHECK_BEYOND(o, {1, MANY + 1}, {FAR, FAR_END});
}

/* A window in which each second one stays for long: the ring grows to what that needs, no further.
 */
static void test_offsets_memory_is_bounded_for_any_order(void **state)
{
    (void)state;

    enum { WINDOW = 2000, RINGS_MAX = 7 /* of 64 to 4096 spans */ };
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    mem_fail_at(RINGS_MAX + 1, false);
    for (int64_t offset = 0; offset < MANY / 4; offset++) {
        add(o, offset);
        if (offset % 2 == 1)
            offsets_done(o, offset);
        if (offset % 2 == 0 && offset >= WINDOW)
            offsets_done(o, offset - WINDOW + (offset % 4 == 0 ? 2 : -2));
    }
    assert_in_range(unused_allocations(RINGS_MAX + 1), 1, RINGS_MAX + 1);
    assert_in_range(offsets_unfinished(o), WINDOW / 2, WINDOW / 2 + 1);
}

static void test_offsets_short_memory_changes_nothing(void **state)
{
    (void)state;
    static const struct offset_range done[] = {{70, 80}};
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    mem_fail_at(1, false);
    assert_null(offsets_new());
    mem_fail_at(1, false);
    assert_false(offsets_restore(o, 0, done, COUNT_OF(done)));
    assert_false(offsets_was_done(o, 70));
    mem_fail_at(1, false);
    assert_false(offsets_reserve(o));
    assert_int_equal(offsets_commit_point(o), -1);
    assert_true(offsets_restore(o, 0, done, COUNT_OF(done)));
    for (int64_t i = 0; i < 64; i++)
        add(o, i);
    mem_fail_at(1, false);
    assert_false(offsets_reserve(o));
    assert_int_equal(offsets_last(o), 63);
    CHECK_BEYOND(o, {70, 80});
    offsets_done(o, 30);
    offsets_done(o, 31);
    mem_fail_at(1, false);
    assert_true(offsets_reserve(o)); /* in what joining the two gave back */
    mem_fail_at(0, false);
    offsets_add(o, 64, 0, 0);
    add(o, 65);
    CHECK_BEYOND(o, {30, 32}, {70, 80});
    offsets_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_nothing_is_committed_before_the_first),
        cmocka_unit_test(test_offsets_commit_is_the_lowest_unfinished),
        cmocka_unit_test(test_offsets_gaps_belong_to_done_neighbours_only),
        cmocka_unit_test(test_offsets_restored_but_untouched_say_what_was_committed),
        cmocka_unit_test(test_offsets_done_before_let_the_commit_pass),
        cmocka_unit_test(test_offsets_what_is_not_there_any_more_is_no_range),
        cmocka_unit_test(test_offsets_agree_with_a_naive_model),
        cmocka_unit_test(test_offsets_memory_follows_what_is_unfinished),
        cmocka_unit_test(test_offsets_memory_is_bounded_for_any_order),
        cmocka_unit_test(test_offsets_short_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
