/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slots.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum { SIZE = 40, MANY = 5000, LARGE = 1000 };

static bool is_all(const unsigned char *bytes, size_t size, unsigned char wanted)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != wanted)
            return false;
    return true;
}

static void test_slots_are_zeroed_aligned_and_apart(void **state)
{
    unsigned char *taken[MANY];
    struct slots s;

    (void)state;
    slots_init(&s, SIZE);
    for (size_t i = 0; i < MANY; i++) {
        taken[i] = slots_alloc(&s, SIZE);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % alignof(max_align_t), 0);
        assert_true(is_all(taken[i], SIZE, 0));
        memset(taken[i], (int)(i % 251) + 1, SIZE);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_true(is_all(taken[i], SIZE, (unsigned char)(i % 251 + 1)));
    slots_done(&s);
}

static void test_slots_given_back_are_used_again(void **state)
{
    unsigned char *taken[MANY];
    struct slots s;
    const struct slots_block *newest;

    (void)state;
    slots_init(&s, SIZE);
    for (size_t i = 0; i < MANY; i++)
        taken[i] = slots_alloc(&s, SIZE);
    newest = s.blocks;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            memset(taken[i], 0xFF, SIZE);
            slots_give(&s, taken[i], SIZE);
        }
        for (size_t i = 0; i < MANY; i++) {
            taken[i] = slots_alloc(&s, SIZE / 2);
            assert_true(is_all(taken[i], SIZE / 2, 0));
        }
    }
    assert_ptr_equal(s.blocks, newest);
    slots_done(&s);
}

static void test_slots_leave_large_things_to_malloc(void **state)
{
    struct slots s;
    unsigned char *large;

    (void)state;
    slots_init(&s, SIZE);
    large = slots_alloc(&s, LARGE);
    assert_true(is_all(large, LARGE, 0));
    assert_null(s.blocks);
    slots_give(&s, large, LARGE);
    slots_give(&s, NULL, SIZE);
    slots_give(&s, NULL, LARGE);
    assert_null(s.given);
    slots_done(&s);
    slots_done(&s);

    slots_init(&s, 0);
    large = slots_alloc(&s, 1);
    assert_null(s.blocks);
    slots_give(&s, large, 1);
    slots_done(&s);
}

static void test_slots_survive_every_failed_allocation(void **state)
{
    struct slots s;
    void *taken = NULL;

    (void)state;
    slots_init(&s, SIZE);
    mem_fail_at(1, true);
    assert_null(slots_alloc(&s, SIZE));
    assert_null(slots_alloc(&s, LARGE));
    mem_fail_at(0, false);
    taken = slots_alloc(&s, SIZE);
    assert_non_null(taken);
    mem_fail_at(1, true);
    slots_give(&s, taken, SIZE);
    assert_ptr_equal(slots_alloc(&s, SIZE), taken);
    mem_fail_at(0, false);
    slots_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_slots_given_back_are_used_again),
        cmocka_unit_test(test_slots_leave_large_things_to_malloc),
        cmocka_unit_test(test_slots_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
