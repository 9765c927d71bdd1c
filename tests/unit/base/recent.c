/* SPDX-License-Identifier: Apache-2.0 */
#include "base/recent.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>

enum { CAPACITY = 100, TTL_MS = 1000 };

static struct str key_of(char text[32], size_t number)
{
    (void)snprintf(text, 32, "key-%zu", number);
    return str_from(text);
}

static void test_recent_forgets_after_its_time(void **state)
{
    (void)state;
    AUTO(recent_freep) struct recent *r = recent_new(CAPACITY);

    assert_false(recent_has(r, STR("a"), 0));
    recent_add(r, STR("a"), 5000, TTL_MS);
    assert_true(recent_has(r, STR("a"), 5000));
    assert_true(recent_has(r, STR("a"), 5999));
    assert_false(recent_has(r, STR("a"), 6000));
    assert_false(recent_has(r, STR("b"), 5000));
    recent_add(r, STR("a"), 7000, TTL_MS);
    assert_true(recent_has(r, STR("a"), 7999));
}

static void test_recent_makes_room_by_the_oldest(void **state)
{
    (void)state;
    AUTO(recent_freep) struct recent *r = recent_new(CAPACITY);
    char text[32];

    for (size_t i = 0; i < CAPACITY; i++)
        recent_add(r, key_of(text, i), 0, TTL_MS);
    recent_add(r, key_of(text, 0), 0, TTL_MS); /* seen anew: now the youngest */
    recent_add(r, STR("one more"), 0, TTL_MS);
    assert_true(recent_has(r, key_of(text, 0), 0));
    assert_false(recent_has(r, key_of(text, 1), 0));
    for (size_t i = 2; i < CAPACITY; i++)
        assert_true(recent_has(r, key_of(text, i), 0));
}

static void test_recent_of_no_capacity_remembers_nothing(void **state)
{
    (void)state;
    AUTO(recent_freep) struct recent *r = recent_new(0);

    recent_add(r, STR("a"), 0, TTL_MS);
    assert_false(recent_has(r, STR("a"), 0));
    recent_free(NULL);
}

static void test_recent_short_of_memory_forgets(void **state)
{
    (void)state;
    struct recent *r = NULL;
    bool kept = false;

    for (size_t n = 1; !r; n++) {
        assert_in_range(n, 1, 20);
        mem_fail_at(n, false);
        r = recent_new(CAPACITY);
        mem_fail_at(0, false);
    }
    for (size_t n = 1; !kept; n++) {
        assert_in_range(n, 1, 20);
        mem_fail_at(n, false);
        recent_add(r, STR("a"), 0, TTL_MS);
        mem_fail_at(0, false);
        kept = recent_has(r, STR("a"), 0);
    }
    recent_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recent_forgets_after_its_time),
        cmocka_unit_test(test_recent_makes_room_by_the_oldest),
        cmocka_unit_test(test_recent_of_no_capacity_remembers_nothing),
        cmocka_unit_test(test_recent_short_of_memory_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
