/* SPDX-License-Identifier: Apache-2.0 */
/* A row's values by the names of their columns. */
#pragma once

#include "db/table.h"
#include "tests/unit/check.h"

#include <string.h>

static inline const struct db_value *value_of(const struct table *table, const struct db_value *row,
                                              const char *column)
{
    assert_non_null(row);
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, column) == 0)
            return &row[i];
    fail_msg("%s has no column %s", table->name, column);
    return row; /* not reached */
}

static inline void assert_text(const struct table *table, const struct db_value *row,
                               const char *column, const char *expected)
{
    const struct db_value *value = value_of(table, row, column);

    assert_int_equal(value->type, DB_TEXT);
    if (!str_eq_cstr(value->value.text, expected))
        fail_msg("%s.%s is %.*s", table->name, column, STR_ARG(value->value.text));
}

static inline void assert_number(const struct table *table, const struct db_value *row,
                                 const char *column, int64_t expected)
{
    const struct db_value *value = value_of(table, row, column);

    assert_int_equal(value->type, DB_INT);
    assert_int_equal(value->value.i64, expected);
}

static inline void assert_time(const struct table *table, const struct db_value *row,
                               const char *column, int64_t expected_ms)
{
    const struct db_value *value = value_of(table, row, column);

    assert_int_equal(value->type, DB_TIME_MS);
    assert_int_equal(value->value.i64, expected_ms);
}

static inline void assert_absent(const struct table *table, const struct db_value *row,
                                 const char *column)
{
    assert_int_equal(value_of(table, row, column)->type, DB_NULL);
}

/* Keys come first, a guard names a column of the same table, no column stands twice. */
static inline void assert_sound(const struct table *table)
{
    bool keys_over = false;

    assert_in_range(table->column_count, 1, TABLE_COLUMNS_MAX);
    assert_true((table->columns[0].flags & COLUMN_KEY) != 0);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *c = &table->columns[i];
        size_t guards = 0;

        assert_false(keys_over && (c->flags & COLUMN_KEY));
        keys_over = keys_over || !(c->flags & COLUMN_KEY);
        for (size_t j = 0; j < table->column_count; j++) {
            assert_true(i == j || strcmp(c->name, table->columns[j].name) != 0);
            guards += c->guard && strcmp(c->guard, table->columns[j].name) == 0;
        }
        assert_int_equal(guards, c->guard ? 1 : 0);
    }
}
