/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static void test_rand_below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1, 2, 3, 7, 256, UINT32_C(0x80000001), UINT32_MAX};
    unsigned seen = 0;

    for (size_t i = 0; i < COUNT_OF(limits); i++)
        for (int round = 0; round < 200; round++)
            assert_true(rand_below(limits[i]) < limits[i]);
    /* 200 draws miss one of 7 with a chance of 10^-12. */
    for (int round = 0; round < 200; round++)
        seen |= 1U << rand_below(7);
    assert_int_equal(seen, 0x7F);
}

static void test_rand_bytes_fills_exactly(void **state)
{
    (void)state;
    unsigned char out[40] = {0};
    unsigned char zero[20] = {0};

    rand_bytes(out, 20);
    assert_memory_not_equal(out, zero, 20);
    assert_memory_equal(out + 20, zero, 20);
    rand_bytes(out, 0);
    assert_true(rand_u64() != rand_u64());
}

static void test_rand_pool_gives_other_bytes_each_time_and_refills(void **state)
{
    (void)state;
    struct rand_pool pool = {0};
    unsigned char all[RAND_POOL_SIZE];
    uint64_t before = 0;

    for (int round = 0; round < 1000; round++) {
        uint64_t taken;

        rand_pool_take(&pool, &taken, sizeof(taken));
        assert_true(taken != 0 && taken != before);
        before = taken;
    }
    rand_pool_take(&pool, all, sizeof(all));
    assert_int_equal(pool.left, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rand_below_stays_below_and_reaches_all),
        cmocka_unit_test(test_rand_bytes_fills_exactly),
        cmocka_unit_test(test_rand_pool_gives_other_bytes_each_time_and_refills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
