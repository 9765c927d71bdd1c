/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static void test_arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena a = ARENA_INIT(0);
    unsigned char *before = NULL;

    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 300; size += 7) {
            unsigned char *memory = arena_alloc(&a, size);

            assert_non_null(memory);
            assert_ptr_not_equal(memory, before);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xAA, size);
            assert_non_null(arena_cstr(&a, STR("x")));
            before = memory;
        }
        arena_reset(&a);
    }
}

static void test_arena_ceiling_counts_what_is_handed_out(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena a = ARENA_INIT(10000);

    assert_non_null(arena_alloc(&a, 9000));
    assert_null(arena_alloc(&a, 1001));
    assert_non_null(arena_alloc(&a, 1000));
    assert_null(arena_alloc(&a, 0));
    assert_false(str_is_set(arena_dup(&a, STR(""))));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 10000));
}

static void test_arena_refuses_absurd_sizes(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena a = ARENA_INIT(0);
    volatile size_t absurd = SIZE_MAX; /* or the compiler warns of what is tried here */

    assert_null(arena_alloc(&a, absurd));
    assert_non_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, absurd - 8));
    arena_reset(&a);
    arena_done(&a);
    arena_done(&a);
}

static void test_arena_copies_close_with_nul(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena a = ARENA_INIT(0);
    const struct str copy = arena_dup(&a, STR("a\0b"));
    const struct str empty = arena_dup(&a, STR(""));
    const struct str printed = arena_printf(&a, "%s:%d", "card", 12);

    assert_true(str_eq(copy, STR("a\0b")));
    assert_int_equal(copy.ptr[3], '\0');
    assert_true(str_is_set(empty));
    assert_string_equal(printed.ptr, "card:12");
    assert_int_equal(printed.len, 7);
    assert_string_equal(arena_cstr(&a, STR("text")), "text");
    assert_false(str_is_set(arena_dup(&a, str_from(NULL))));
    assert_null(arena_cstr(&a, str_from(NULL)));
}

static void test_arena_survives_every_failed_allocation(void **state)
{
    (void)state;
    size_t got = 0;

    for (size_t nth = 1; got < 50; nth++) {
        AUTO(arena_done) struct arena a = ARENA_INIT(0);

        mem_fail_at(nth, true);
        for (got = 0; got < 50; got++)
            if (!str_is_set(arena_printf(&a, "%0*zu", 1000, got)))
                break;
        mem_fail_at(0, false);
        assert_int_equal(a.used, got * 1001);
        assert_non_null(arena_alloc(&a, 5000));
        assert_in_range(nth, 1, 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena_ceiling_counts_what_is_handed_out),
        cmocka_unit_test(test_arena_refuses_absurd_sizes),
        cmocka_unit_test(test_arena_copies_close_with_nul),
        cmocka_unit_test(test_arena_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
