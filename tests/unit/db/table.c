/* SPDX-License-Identifier: Apache-2.0 */
#include "db/table.h"

#include "tests/unit/check.h"

static const struct column GUARDED[] = {
    {"code", COLUMN_KEY, NULL}, {"version", COLUMN_VERSION, NULL}, {"unionid_at", 0, NULL},
    {"name", 0, NULL},          {"unionid", 0, "unionid_at"},      {"born_at", COLUMN_FIRST, NULL},
};
static const struct table GUARDED_TABLE = {"card", GUARDED, COUNT_OF(GUARDED), false};

static const struct column PLAIN[] = {
    {"a", COLUMN_KEY, NULL}, {"b", COLUMN_KEY, NULL}, {"c", 0, NULL}};
static const struct table PLAIN_TABLE = {"plain", PLAIN, COUNT_OF(PLAIN), false};
static const struct table FACTS_TABLE = {"facts", PLAIN, COUNT_OF(PLAIN), true};
static const struct table KEYS_TABLE = {"keys_only", PLAIN, 2, false};

static void assert_sql(const struct table *table, size_t count, const char *expected)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(65536);

    table_upsert_sql(table, count, &sql);
    assert_true(buf_ok(&sql));
    assert_string_equal(sql.ptr, expected);
}

static void test_table_unguarded_columns_keep_what_is_absent(void **state)
{
    (void)state;
    assert_sql(&PLAIN_TABLE, 2,
               "INSERT INTO `plain` (`a`,`b`,`c`) VALUES (?,?,?),(?,?,?)"
               " ON DUPLICATE KEY UPDATE `c`=COALESCE(VALUES(`c`),`c`)");
}

static void test_table_facts_and_keys_change_nothing(void **state)
{
    (void)state;
    assert_sql(&FACTS_TABLE, 1,
               "INSERT INTO `facts` (`a`,`b`,`c`) VALUES (?,?,?) ON DUPLICATE KEY UPDATE `a`=`a`");
    assert_sql(&KEYS_TABLE, 1,
               "INSERT INTO `keys_only` (`a`,`b`) VALUES (?,?) ON DUPLICATE KEY UPDATE `a`=`a`");
}

static void test_table_versions_are_assigned_last(void **state)
{
    (void)state;
    assert_sql(&GUARDED_TABLE, 1,
               "INSERT INTO `card` (`code`,`version`,`unionid_at`,`name`,`unionid`,`born_at`)"
               " VALUES (?,?,?,?,?,?) ON DUPLICATE KEY UPDATE "
               "`name`=IF(`version` IS NULL OR VALUES(`version`)>=`version`,"
               "COALESCE(VALUES(`name`),`name`),`name`),"
               "`unionid`=IF(`unionid_at` IS NULL OR VALUES(`unionid_at`)>=`unionid_at`,"
               "COALESCE(VALUES(`unionid`),`unionid`),`unionid`),"
               "`born_at`=COALESCE(`born_at`,VALUES(`born_at`)),"
               "`unionid_at`=IF(`unionid_at` IS NULL OR VALUES(`unionid_at`)>=`unionid_at`,"
               "COALESCE(VALUES(`unionid_at`),`unionid_at`),`unionid_at`),"
               "`version`=IF(`version` IS NULL OR VALUES(`version`)>=`version`,"
               "COALESCE(VALUES(`version`),`version`),`version`)");
}

static void test_table_sql_fails_with_its_buffer(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf sql = BUF_INIT(100);

    table_upsert_sql(&GUARDED_TABLE, 200, &sql);
    assert_false(buf_ok(&sql));
}

static int order_of(struct db_value a, struct db_value b)
{
    const struct db_value left[] = {db_int(1), a, db_int(9)};
    const struct db_value right[] = {db_int(1), b, db_int(0)};

    return table_row_cmp(&(struct db_row){&PLAIN_TABLE, left},
                         &(struct db_row){&PLAIN_TABLE, right});
}

static void test_table_rows_are_ordered_by_key_alone(void **state)
{
    (void)state;
    assert_int_equal(order_of(db_text(STR("x")), db_text(STR("x"))), 0);
    assert_true(order_of(db_text(STR("B")), db_text(STR("a"))) < 0);
    assert_true(order_of(db_text(STR("a")), db_text(STR("aa"))) < 0);
    assert_true(order_of(db_text(STR("\xff")), db_text(STR("a"))) > 0);
    assert_true(order_of(db_int(-1), db_int(1)) < 0);
    assert_true(order_of(db_int(INT64_MAX), db_int(INT64_MIN)) > 0);
    assert_true(order_of(db_time(2), db_time(1)) > 0);
    assert_true(order_of(db_null(), db_text(STR(""))) < 0);
    assert_true(order_of(db_text(STR("")), db_null()) > 0);
}

static void test_table_values_say_what_is_absent(void **state)
{
    (void)state;
    assert_int_equal(db_text((struct str){NULL, 0}).type, DB_NULL);
    assert_int_equal(db_text(STR("")).type, DB_TEXT);
    assert_int_equal(db_time(0).type, DB_NULL);
    assert_int_equal(db_time(-1).type, DB_TIME_MS);
    assert_int_equal(db_int(0).type, DB_INT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_unguarded_columns_keep_what_is_absent),
        cmocka_unit_test(test_table_facts_and_keys_change_nothing),
        cmocka_unit_test(test_table_versions_are_assigned_last),
        cmocka_unit_test(test_table_sql_fails_with_its_buffer),
        cmocka_unit_test(test_table_rows_are_ordered_by_key_alone),
        cmocka_unit_test(test_table_values_say_what_is_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
