/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/sql.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static void test_sql_statements_have_few_lengths(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf sql = BUF_INIT(100);
    struct db_value values[8] = {db_int(1), db_int(2)};

    assert_int_equal(sql_chunk(1, 32), 1);
    assert_int_equal(sql_chunk(31, 32), 16);
    assert_int_equal(sql_chunk(32, 32), 32);
    assert_int_equal(sql_chunk(1000, 32), 32);
    sql_places(&sql, 3);
    assert_string_equal(sql.ptr, "(?,?,?)");
    sql_pad(values, 2, COUNT_OF(values));
    for (size_t i = 1; i < COUNT_OF(values); i++)
        assert_int_equal(values[i].value.i64, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql_statements_have_few_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
