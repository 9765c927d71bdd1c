/* SPDX-License-Identifier: Apache-2.0 */
#include "run/offsets.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/run/seed.h"

enum { ROUNDS = 200, STEPS = 400, GAP_MAX = 5 };

static void add(struct offsets *o, int64_t offset)
{
    assert_true(offsets_reserve(o));
    offsets_add(o, offset, offset * 10, offset * 100);
}

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

/* The naive model: everything ever added, in order. */
struct model {
    int64_t offsets[STEPS];
    bool done[STEPS];
    size_t count;
};

static int64_t model_point(const struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->done[i])
            return m->offsets[i];
    return m->count == 0 ? -1 : m->offsets[m->count - 1] + 1;
}

static size_t model_unfinished(const struct model *m)
{
    size_t left = 0;

    for (size_t i = 0; i < m->count; i++)
        left += !m->done[i];
    return left;
}

static void step(struct model *m, struct offsets *o, struct seed *seed, bool growing)
{
    size_t i = m->count;

    if (growing && m->count < STEPS) {
        int64_t last = m->count == 0 ? -1 : m->offsets[m->count - 1];

        m->offsets[i] = last + 1 + (int64_t)seed_below(seed, GAP_MAX);
        m->done[i] = false;
        m->count++;
        add(o, m->offsets[i]);
        return;
    }
    if (m->count == 0)
        return;
    i = seed_below(seed, m->count);
    if (m->done[i])
        return;
    m->done[i] = true;
    offsets_done(o, m->offsets[i]);
}

static void test_offsets_agree_with_a_naive_model(void **state)
{
    (void)state;
    struct seed seed = seed_start("offsets");

    for (int round = 0; round < ROUNDS; round++) {
        AUTO(offsets_freep) struct offsets *o = offsets_new();
        struct model m = {.count = 0};
        size_t growth = 1 + seed_below(&seed, 9);

        for (int i = 0; i < STEPS; i++) {
            step(&m, o, &seed, seed_below(&seed, 10) < growth);
            assert_int_equal(offsets_commit_point(o), model_point(&m));
            assert_int_equal(offsets_unfinished(o), model_unfinished(&m));
        }
    }
}

static void test_offsets_short_memory_changes_nothing(void **state)
{
    (void)state;
    AUTO(offsets_freep) struct offsets *o = offsets_new();

    mem_fail_at(1, false);
    assert_null(offsets_new());
    mem_fail_at(1, false);
    assert_false(offsets_reserve(o));
    assert_int_equal(offsets_commit_point(o), -1);
    for (int64_t i = 0; i < 64; i++)
        add(o, i);
    mem_fail_at(1, false);
    assert_false(offsets_reserve(o));
    assert_int_equal(offsets_last(o), 63);
    add(o, 64);
    offsets_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_nothing_is_committed_before_the_first),
        cmocka_unit_test(test_offsets_commit_is_the_lowest_unfinished),
        cmocka_unit_test(test_offsets_agree_with_a_naive_model),
        cmocka_unit_test(test_offsets_short_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
