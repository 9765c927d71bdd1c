/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>

enum { MANY = 2000, KEY_SIZE = 32 };

static struct str numbered(char text[KEY_SIZE], size_t number)
{
    (void)snprintf(text, KEY_SIZE, "key-%zu", number);
    return str_from(text);
}

static void test_map_gets_what_was_put(void **state)
{
    (void)state;
    struct map *m = map_new();
    int a = 1;
    int b = 2;
    void *old = &a;

    assert_null(map_get(m, STR("k")));
    assert_true(map_put(m, STR("k"), &a, &old));
    assert_null(old);
    assert_true(map_put(m, STR("k"), &b, &old));
    assert_ptr_equal(old, &a);
    assert_true(map_put(m, STR("k"), &a, NULL));
    assert_int_equal(map_len(m), 1);
    assert_ptr_equal(map_get(m, STR("k")), &a);
    assert_ptr_equal(map_take(m, STR("k")), &a);
    assert_null(map_take(m, STR("k")));
    assert_int_equal(map_len(m), 0);
    assert_null(map_first(m));
    map_free(m, NULL);
    map_free(NULL, NULL);
}

static void test_map_keys_are_bytes_of_its_own(void **state)
{
    (void)state;
    struct map *m = map_new();
    char key[] = "a\0b";
    int values[3];

    assert_true(map_put(m, str_of(key, 3), &values[0], NULL));
    assert_true(map_put(m, str_of(key, 1), &values[1], NULL));
    assert_true(map_put(m, str_from(NULL), &values[2], NULL));
    key[0] = 'x'; // cppcheck-suppress unreadVariable
    assert_ptr_equal(map_get(m, STR("a\0b")), &values[0]);
    assert_ptr_equal(map_get(m, STR("a")), &values[1]);
    assert_ptr_equal(map_get(m, STR("")), &values[2]);
    assert_null(map_get(m, STR("x\0b")));
    map_free(m, NULL);
}

static void test_map_keeps_the_order_of_insertion(void **state)
{
    (void)state;
    struct map *m = map_new();
    size_t values[MANY];
    size_t next = 0;
    char text[KEY_SIZE];

    for (size_t i = 0; i < MANY; i++)
        assert_true(map_put(m, numbered(text, i), &values[i], NULL));
    assert_true(map_put(m, numbered(text, 0), &values[0], NULL));
    for (struct map_entry *e = map_first(m); e != NULL; e = map_next(e)) {
        assert_true(str_eq(map_key(e), numbered(text, next)));
        assert_ptr_equal(map_value(e), &values[next]);
        next++;
    }
    assert_int_equal(next, MANY);
    map_free(m, NULL);
}

static void test_map_may_lose_the_visited_entry(void **state)
{
    (void)state;
    struct map *m = map_new();
    size_t values[100];
    size_t visited = 0;
    char text[KEY_SIZE];

    for (size_t i = 0; i < 100; i++)
        assert_true(map_put(m, numbered(text, i), &values[i], NULL));
    for (struct map_entry *e = map_first(m); e != NULL; e = map_next(e))
        if (visited++ % 3 != 0)
            assert_non_null(map_take(m, map_key(e)));
    assert_int_equal(visited, 100);
    assert_int_equal(map_len(m), 34);
    for (struct map_entry *e = map_first(m); e != NULL; e = map_next(e))
        assert_non_null(map_take(m, map_key(e)));
    assert_int_equal(map_len(m), 0);
    map_free(m, NULL);
}

static void test_map_free_hands_over_every_value(void **state)
{
    (void)state;
    struct map *m = map_new();

    /* LeakSanitizer is the judge. */
    assert_true(map_put(m, STR("a"), mem_strdup("1"), NULL));
    assert_true(map_put(m, STR("b"), mem_strdup("2"), NULL));
    map_free(m, mem_free);
}

/* Every allocation of filling a map fails once: the put says so and nothing else changes. */
static void test_map_survives_every_failed_allocation(void **state)
{
    (void)state;
    size_t nth = 0;
    size_t values[MANY];
    size_t failed;

    do {
        struct map *m;
        char text[KEY_SIZE];

        failed = 0;
        nth = nth < 10 ? nth + 1 : nth + nth / 5;
        mem_fail_at(nth, false);
        m = map_new();
        if (m == NULL) {
            failed = 1;
            continue;
        }
        for (size_t i = 0; i < MANY; i++) {
            const size_t before = map_len(m);

            if (map_put(m, numbered(text, i), &values[i], NULL))
                continue;
            failed++;
            assert_int_equal(map_len(m), before);
            assert_null(map_get(m, numbered(text, i)));
            assert_true(map_put(m, numbered(text, i), &values[i], NULL));
        }
        assert_int_equal(map_len(m), MANY);
        for (size_t i = 0; i < MANY; i++)
            assert_ptr_equal(map_take(m, numbered(text, i)), &values[i]);
        map_free(m, NULL);
    } while (failed > 0);
    mem_fail_at(0, false);
    assert_true(nth > MANY);
}

/* Keys of both sides of the limit, in and out many times. */
static void test_map_packed_is_a_map(void **state)
{
    static int values[MANY];
    char text[KEY_SIZE + MAP_PACKED_KEY_MAX];
    struct map *m = map_new_packed();

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            const int width = (int)(i % 3 == 0 ? MAP_PACKED_KEY_MAX + 1 : MAP_PACKED_KEY_MAX);

            (void)snprintf(text, sizeof(text), "%0*zu", width, i);
            assert_true(map_put(m, str_from(text), &values[i], NULL));
            assert_ptr_equal(map_get(m, str_from(text)), &values[i]);
        }
        assert_int_equal(map_len(m), MANY);
        for (size_t i = 0; round < 2 && i < MANY; i++)
            assert_ptr_equal(map_take(m, map_key(map_first(m))), &values[i]);
    }
    map_free(m, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_gets_what_was_put),
        cmocka_unit_test(test_map_keys_are_bytes_of_its_own),
        cmocka_unit_test(test_map_keeps_the_order_of_insertion),
        cmocka_unit_test(test_map_may_lose_the_visited_entry),
        cmocka_unit_test(test_map_free_hands_over_every_value),
        cmocka_unit_test(test_map_survives_every_failed_allocation),
        cmocka_unit_test(test_map_packed_is_a_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
