/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "tests/unit/check.h"

static void test_mem_size_0_yields_a_pointer(void **state)
{
    (void)state;
    void *a = mem_alloc(0);
    void *b = mem_zalloc(0);
    void *c = mem_array(0, 8);
    void *d = mem_copy(NULL, 0);

    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
    mem_free_secret(NULL, 10);
}

static void test_mem_array_refuses_overflow(void **state)
{
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_null(mem_array(3, SIZE_MAX / 2));
}

static void test_mem_resize_keeps_contents_and_the_old_on_failure(void **state)
{
    (void)state;
    char *text = mem_strdup("abc");
    char *grown = mem_resize(text, 100);

    assert_string_equal(grown, "abc");
    mem_fail_at(1, false);
    assert_null(mem_resize(grown, 200));
    assert_string_equal(grown, "abc");
    mem_free_secret(grown, 100);
}

static void test_mem_fail_at_hits_the_nth_only(void **state)
{
    (void)state;
    AUTO(mem_freep) void *first = NULL;
    AUTO(mem_freep) void *third = NULL;

    mem_fail_at(2, false);
    first = mem_alloc(1);
    assert_non_null(first);
    assert_null(mem_zalloc(1));
    third = mem_copy("x", 1);
    assert_non_null(third);
}

static void test_mem_fail_at_sticks_until_it_is_ended(void **state)
{
    (void)state;
    AUTO(mem_freep) void *last = NULL;

    mem_fail_at(1, true);
    assert_null(mem_alloc(1));
    assert_null(mem_strdup("x"));
    mem_fail_at(0, false);
    last = mem_alloc(1);
    assert_non_null(last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_size_0_yields_a_pointer),
        cmocka_unit_test(test_mem_array_refuses_overflow),
        cmocka_unit_test(test_mem_resize_keeps_contents_and_the_old_on_failure),
        cmocka_unit_test(test_mem_fail_at_hits_the_nth_only),
        cmocka_unit_test(test_mem_fail_at_sticks_until_it_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
