/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/parked.h"

#include "tests/unit/check.h"

#include <string.h>

static void test_parked_key_is_itself_or_its_hash(void **state)
{
    (void)state;
    char room[PARKED_KEY_ROOM];
    char again[PARKED_KEY_ROOM];
    char bytes[PARKED_KEY_MAX + 1] = "";
    struct str key = str_of(bytes, PARKED_KEY_MAX);
    struct str stored;

    memset(bytes, 'a', sizeof(bytes));
    assert_ptr_equal(parked_key(key, room).ptr, bytes);
    assert_int_equal(parked_key(key, room).len, PARKED_KEY_MAX);
    assert_false(str_is_set(parked_key((struct str){NULL, 0}, room)));
    key.len++;
    stored = parked_key(key, room);
    assert_true(str_eq(
        stored, STR("sha256:02425c0f5b0dabf3d2b9115f3f7723a02ad8bcfb1534a0d231614fd42b8188f6")));
    assert_true(str_eq(parked_key(stored, again), stored));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parked_key_is_itself_or_its_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
