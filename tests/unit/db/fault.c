/* SPDX-License-Identifier: Apache-2.0 */
#include "db/fault.h"

#include "metrics/catalog.h"
#include "tests/unit/check.h"

#include <string.h>

struct expectation {
    unsigned number;
    const char *sqlstate;
    enum status status;
    unsigned flags;
};

static const struct expectation EXPECTED[] = {
    {1205, "HY000", ST_RETRY, FAULT_AGAIN},
    {1213, "40001", ST_RETRY, FAULT_AGAIN | FAULT_RACE},
    {1290, "HY000", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {1040, "08004", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {1053, "08S01", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {2002, "HY000", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {2006, "HY000", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {2013, "HY000", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {5014, "HY000", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {2026, "HY000", ST_FATAL, FAULT_LOST},
    {1045, "28000", ST_FATAL, 0},
    {1044, "42000", ST_FATAL, 0},
    {1142, "42000", ST_FATAL, 0},
    {1054, "42S22", ST_FATAL, 0},
    {1146, "42S02", ST_FATAL, 0},
    {1064, "42000", ST_FATAL, 0},
    {1406, "22001", ST_REJECT, 0},
    {1264, "22003", ST_REJECT, 0},
    {1366, "HY000", ST_REJECT, FAULT_QUOTES},
    {1048, "23000", ST_REJECT, 0},
    {1062, "23000", ST_REJECT, FAULT_QUOTES},
    {3819, "HY000", ST_REJECT, 0},
    /* No row: by class. */
    {9001, "22999", ST_REJECT, FAULT_QUOTES},
    {9002, "23999", ST_REJECT, FAULT_QUOTES},
    {9003, "40999", ST_RETRY, FAULT_AGAIN},
    {9004, "42999", ST_FATAL, 0},
    {9005, "08999", ST_RETRY, FAULT_AGAIN | FAULT_LOST},
    {9006, "HY000", ST_RETRY, FAULT_QUOTES},
};

static void test_fault_says_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(EXPECTED); i++) {
        struct fault fault = fault_find(EXPECTED[i].number, EXPECTED[i].sqlstate);

        assert_int_equal(fault.number, EXPECTED[i].number);
        assert_int_equal(fault.status, EXPECTED[i].status);
        assert_int_equal(fault.flags, EXPECTED[i].flags);
    }
}

static void assert_text(unsigned number, const char *message, const char *expected)
{
    const struct fault fault = fault_find(number, "HY000");
    struct err err;

    assert_int_equal(fault_err(&fault, message, &err), fault.status);
    assert_string_equal(err.text, expected);
}

static void test_fault_text_leaves_values_out(void **state)
{
    (void)state;
    assert_text(1062, "Duplicate entry 'oGRUFj-secret' for key 'PRIMARY'",
                "Duplicate entry '...' for key 'PRIMARY'");
    assert_text(1062, "Duplicate entry 'it's' for 'x' for key 'PRIMARY'",
                "Duplicate entry '...' for key 'PRIMARY'");
    assert_text(1366, "Incorrect string value: '\\xF0\\x9F' for column `d`.`t`.`nickname` at row 1",
                "Incorrect string value: '...' for column `d`.`t`.`nickname` at row 1");
    assert_text(1292, "Truncated incorrect DOUBLE value: 'openid",
                "Truncated incorrect DOUBLE value: '...'");
    assert_text(1292, "'", "'...'");
    assert_text(1406, "Data too long for column 'nickname' at row 3",
                "Data too long for column 'nickname' at row 3");
    assert_text(2006, "", "");
}

static void test_fault_code_names_the_number(void **state)
{
    (void)state;
    const struct fault fault = fault_find(1406, "22001");
    struct err err;

    assert_int_equal(fault_err(&fault, "Data too long", &err), ST_REJECT);
    assert_string_equal(err.code, "mysql:1406");
    assert_int_equal(err.reason, REASON_REJECTED);
}

static void test_fault_counts_failures_of_the_database_alone(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *m = metrics_new();
    const struct fault away = fault_find(2002, "HY000");
    const struct fault data = fault_find(1062, "23000");
    struct err err = {0};

    fault_count(m, fault_err(&away, "gone", &err), &err);
    fault_count(NULL, ST_RETRY, &err);
    fault_count(m, fault_err(&data, "twice", &err), &err);
    fault_count(m, err_retry(&err, "memory", "short"), &err);
    assert_true(metric_value(metric_1(m, &METRIC_MYSQL_ERRORS, "2002")) == 1);
    assert_true(metric_value(metric_1(m, &METRIC_MYSQL_ERRORS, "1062")) == 0);
    assert_true(metric_value(metric_1(m, &METRIC_MYSQL_ERRORS, "")) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_says_what_to_do),
        cmocka_unit_test(test_fault_text_leaves_values_out),
        cmocka_unit_test(test_fault_code_names_the_number),
        cmocka_unit_test(test_fault_counts_failures_of_the_database_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
