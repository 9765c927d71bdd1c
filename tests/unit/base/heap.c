/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include "tests/unit/check.h"
#include "tests/unit/seed.h"

#include <stdlib.h>

enum { MANY = 500, STEPS = 20000, TIMES = 100 };

static int64_t earliest(const struct heap_node *nodes, const bool *is_in)
{
    int64_t at = INT64_MAX;

    for (size_t i = 0; i < MANY; i++)
        if (is_in[i] && nodes[i].at < at)
            at = nodes[i].at;
    return at;
}

static void test_heap_first_is_the_earliest_whatever_is_done(void **state)
{
    struct heap_node nodes[MANY] = {0};
    bool is_in[MANY] = {0};
    struct seed seed = seed_start("heap");
    struct heap h = {0};
    size_t count = 0;

    (void)state;
    assert_true(heap_reserve(&h, MANY));
    for (int step = 0; step < STEPS; step++) {
        size_t i = seed_below(&seed, MANY);
        int64_t at = (int64_t)seed_below(&seed, TIMES);

        if (!is_in[i]) {
            nodes[i].owner = &nodes[i];
            heap_add(&h, &nodes[i], at);
            is_in[i] = true;
            count++;
        } else if (at % 2 == 0) {
            heap_move(&h, &nodes[i], at);
        } else {
            heap_remove(&h, &nodes[i]);
            is_in[i] = false;
            count--;
        }
        assert_int_equal(h.count, count);
        if (count == 0)
            assert_null(heap_first(&h));
        else
            assert_int_equal(heap_first(&h)->at, earliest(nodes, is_in));
    }
    heap_done(&h);
}

static void test_heap_gives_all_back_in_order(void **state)
{
    struct heap_node nodes[MANY] = {0};
    struct heap h = {0};
    int64_t last = INT64_MIN;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        assert_true(heap_reserve(&h, i + 1));
        heap_add(&h, &nodes[i], (int64_t)(i * 7919 % MANY));
    }
    for (struct heap_node *first = heap_first(&h); first; first = heap_first(&h)) {
        assert_true(first->at >= last);
        last = first->at;
        heap_remove(&h, first);
    }
    assert_int_equal(last, MANY - 1);
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_first_is_the_earliest_whatever_is_done),
        cmocka_unit_test(test_heap_gives_all_back_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
