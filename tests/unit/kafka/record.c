/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/record.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

/* From org.apache.kafka.common.utils.Utils of the Java client 4.1.0:
 * toPositive(murmur2(key)) % partitions. */
static const struct {
    const char *key;
    size_t len;
    int32_t of_12;
    int32_t of_7;
    int32_t of_1024;
} VECTORS[] = {
    {"", 0, 9, 2, 217},
    {"a", 1, 4, 5, 636},
    {"ab", 2, 2, 0, 554},
    {"abc", 3, 3, 4, 539},
    {"abcd", 4, 8, 5, 500},
    {"abcde", 5, 1, 4, 733},
    {"0", 1, 8, 3, 964},
    {"-1", 2, 3, 6, 907},
    {"wx0123456789abcdef", 18, 6, 4, 706},
    {"wx0123456789abcdef:access_token", 31, 1, 0, 401},
    {"wx0123456789abcdef:oGRUFjk0a1b2c3d4e5f6g7h8i9j0", 47, 6, 3, 206},
    {"wx0123456789abcdef:pGRUFjv0a1b2c3d4e5f6g7h8i9j0:018255396048", 60, 10, 0, 130},
    {"wx0123456789abcdef:pGRUFjv0a1b2c3d4e5f6g7h8i9j0:018255396049", 60, 9, 3, 665},
    {"\345\215\241\345\214\205", 6, 2, 1, 314},
    {"\344\274\232\345\221\230\345\215\241:\303\251:\360\237\230\200", 17, 3, 2, 347},
    {"\000", 1, 8, 0, 956},
    {"\377\200\000\001", 4, 0, 2, 464},
};

static void test_record_partition_is_that_of_the_java_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(VECTORS); i++) {
        const struct str key = str_of(VECTORS[i].key, VECTORS[i].len);

        assert_int_equal(record_partition(key, 12), VECTORS[i].of_12);
        assert_int_equal(record_partition(key, 7), VECTORS[i].of_7);
        assert_int_equal(record_partition(key, 1024), VECTORS[i].of_1024);
    }
}

static void test_record_partition_agrees_on_long_keys(void **state)
{
    char same[300];
    char every[256];

    (void)state;
    memset(same, 'k', sizeof(same));
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (char)i;
    assert_int_equal(record_partition(str_of(same, sizeof(same)), 12), 8);
    assert_int_equal(record_partition(str_of(same, sizeof(same)), 1024), 152);
    assert_int_equal(record_partition(str_of(every, sizeof(every)), 12), 10);
    assert_int_equal(record_partition(str_of(every, sizeof(every)), 1024), 118);
}

static void test_record_partition_of_one_is_zero(void **state)
{
    (void)state;
    assert_int_equal(record_partition(STR("anything"), 1), 0);
    assert_int_equal(record_partition((struct str){NULL, 0}, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_partition_is_that_of_the_java_client),
        cmocka_unit_test(test_record_partition_agrees_on_long_keys),
        cmocka_unit_test(test_record_partition_of_one_is_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
