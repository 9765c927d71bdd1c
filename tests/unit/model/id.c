/* SPDX-License-Identifier: Apache-2.0 */
/* The identities of whole pushes are checked with the vectors of schemas/examples/identity. */
#include "model/id.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static void test_id_sorts_by_path_and_keeps_the_order_within_one(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA256);
    struct id_leaf sorted[] = {
        {.path = STR("A"), .text = STR("1")},
        {.path = STR("B"), .text = STR("2")},
        {.path = STR("B"), .text = STR("1")},
    };
    struct id_leaf mixed[] = {sorted[1], sorted[2], sorted[0]};
    struct id_leaf swapped[] = {sorted[2], sorted[1], sorted[0]};
    struct id a;
    struct id b;
    struct id c;

    (void)state;
    id_of_push(h, STR("wx"), sorted, COUNT_OF(sorted), &a);
    id_of_push(h, STR("wx"), mixed, COUNT_OF(mixed), &b);
    id_of_push(h, STR("wx"), swapped, COUNT_OF(swapped), &c);
    /* printf 'wxA\x1f1\x1eB\x1f2\x1eB\x1f1\x1e' | sha256sum | cut -c 1-32 */
    assert_string_equal(a.text, "ada920166a0bc02970373e3bc48628d8");
    assert_string_equal(b.text, a.text);
    assert_string_not_equal(c.text, a.text);
    id_of_push(h, STR("wx"), NULL, 0, &a);
    assert_string_equal(a.text, "2eb0f31d74a9c43844d3dfd59208eabe");
}

static void test_id_is_the_same_for_many_leaves_in_any_order(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA256);

    enum { MANY = 512 };
    struct id_leaf up[MANY];
    struct id_leaf down[MANY];
    char names[MANY][8];
    struct id a;
    struct id b;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%04d", i);
        up[i] = (struct id_leaf){.path = str_from(names[i]), .text = str_from(names[i])};
        down[MANY - 1 - i] = up[i];
    }
    id_of_push(h, STR("wx"), up, MANY, &a);
    id_of_push(h, STR("wx"), down, MANY, &b);
    assert_string_equal(a.text, b.text);
}

static void test_id_derives_from_parent_and_step(void **state)
{
    char longest[300];
    struct id a;
    struct id b;

    (void)state;
    /* printf 'f9efcbdcb7f929c97d7a7984840ac411\x1fmember' | sha256sum | cut -c 1-32 */
    id_derive(STR("f9efcbdcb7f929c97d7a7984840ac411"), STR("member"), &a);
    assert_string_equal(a.text, "04a33496ec3678e182e8fb593a3054cf");
    memset(longest, 'x', sizeof(longest));
    id_derive(str_of(longest, 256), STR("member"), &a);
    id_derive(str_of(longest, 257), STR("member"), &b);
    assert_string_not_equal(a.text, b.text);
    id_derive(str_of(longest, 300), STR("member"), &a);
    assert_string_not_equal(a.text, b.text);
}

static void test_id_keys_join_with_colons(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1024);

    (void)state;
    assert_true(str_eq(id_card_key(&arena, STR("wx"), STR("p1"), STR("018")), STR("wx:p1:018")));
    assert_true(str_eq(id_user_key(&arena, STR("wx"), STR("oG")), STR("wx:oG")));
    mem_fail_at(1, true);
    arena_done(&arena);
    assert_false(str_is_set(id_card_key(&arena, STR("wx"), STR("p1"), STR("018"))));
    assert_false(str_is_set(id_user_key(&arena, STR("wx"), STR("oG"))));
    mem_fail_at(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_sorts_by_path_and_keeps_the_order_within_one),
        cmocka_unit_test(test_id_is_the_same_for_many_leaves_in_any_order),
        cmocka_unit_test(test_id_derives_from_parent_and_step),
        cmocka_unit_test(test_id_keys_join_with_colons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
