/* SPDX-License-Identifier: Apache-2.0 */
#include "http/loops.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdatomic.h>

enum { THREADS = 5 };

static void count(void *arg)
{
    (void)atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_loops_run_once_per_argument(void **state)
{
    (void)state;
    atomic_int counts[THREADS] = {0};
    void *args[THREADS];
    struct loops *l = NULL;
    struct err err = {0};

    for (size_t i = 0; i < THREADS; i++)
        args[i] = &counts[i];
    assert_int_equal(loops_start(count, args, THREADS, &l, &err), ST_OK);
    loops_join(l);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(atomic_load(&counts[i]), 1);
    loops_join(NULL);
}

static void test_loops_short_memory_is_told(void **state)
{
    (void)state;
    atomic_int counted = 0;
    void *args[] = {&counted};
    struct loops *l = NULL;
    struct err err = {0};

    mem_fail_at(1, false);
    assert_int_equal(loops_start(count, args, 1, &l, &err), ST_FATAL);
    assert_string_equal(err.code, "memory");
    assert_null(l);
    assert_int_equal(atomic_load(&counted), 0);
    assert_true(loops_default() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loops_run_once_per_argument),
        cmocka_unit_test(test_loops_short_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
