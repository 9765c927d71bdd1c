/* SPDX-License-Identifier: Apache-2.0 */
/* Upserts from column rows. Portable between MySQL 8 and MariaDB: VALUES(col), which both know. */
#include "db/table.h"

#include <assert.h>
#include <string.h>

static const struct column *version_column(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].flags & COLUMN_VERSION)
            return &table->columns[i];
    return NULL;
}

/* A column that others name as their guard. */
static bool is_guard(const struct table *table, const struct column *column)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].guard && strcmp(table->columns[i].guard, column->name) == 0)
            return true;
    return false;
}

/* Assignment order: plain columns, the guards of single columns, the row's version. */
enum rank { RANK_NONE, RANK_PLAIN, RANK_GUARD, RANK_VERSION };

static enum rank column_rank(const struct table *table, const struct column *column)
{
    if (column->flags & COLUMN_KEY)
        return RANK_NONE;
    if (column->flags & COLUMN_VERSION)
        return RANK_VERSION;
    return is_guard(table, column) ? RANK_GUARD : RANK_PLAIN;
}

/* Name of the column that decides whether this one may change; NULL: it always may. */
static const char *guard_of(const struct table *table, const struct column *column)
{
    const struct column *version = version_column(table);

    if (column->guard)
        return column->guard;
    if (is_guard(table, column))
        return column->name;
    return version ? version->name : NULL;
}

static void add_assignment(const struct table *table, const struct column *column, struct buf *out)
{
    const char *name = column->name;
    const char *guard = guard_of(table, column);

    if (column->flags & COLUMN_FIRST)
        buf_addf(out, "`%s`=COALESCE(`%s`,VALUES(`%s`))", name, name, name);
    else if (guard)
        buf_addf(out,
                 "`%s`=IF(`%s` IS NULL OR VALUES(`%s`)>=`%s`,COALESCE(VALUES(`%s`),`%s`),`%s`)",
                 name, guard, guard, guard, name, name, name);
    else
        buf_addf(out, "`%s`=COALESCE(VALUES(`%s`),`%s`)", name, name, name);
}

static size_t add_assignments(const struct table *table, enum rank rank, size_t done,
                              struct buf *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (column_rank(table, &table->columns[i]) != rank)
            continue;
        if (done++ > 0)
            buf_add_char(out, ',');
        add_assignment(table, &table->columns[i], out);
    }
    return done;
}

static void add_updates(const struct table *table, struct buf *out)
{
    size_t done = 0;

    if (!table->insert_only)
        for (enum rank rank = RANK_PLAIN; rank <= RANK_VERSION; rank++)
            done = add_assignments(table, rank, done, out);
    if (done == 0)
        buf_addf(out, "`%s`=`%s`", table->columns[0].name, table->columns[0].name);
}

static void add_places(size_t count, struct buf *out)
{
    buf_add_char(out, '(');
    for (size_t i = 0; i < count; i++)
        buf_add(out, i == 0 ? STR("?") : STR(",?"));
    buf_add_char(out, ')');
}

void table_upsert_sql(const struct table *table, size_t count, struct buf *out)
{
    assert(count > 0 && table->column_count > 0 && table->column_count <= TABLE_COLUMNS_MAX);
    buf_addf(out, "INSERT INTO `%s` (", table->name);
    for (size_t i = 0; i < table->column_count; i++)
        buf_addf(out, "%s`%s`", i == 0 ? "" : ",", table->columns[i].name);
    buf_add_cstr(out, ") VALUES ");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        add_places(table->column_count, out);
    }
    buf_add_cstr(out, " ON DUPLICATE KEY UPDATE ");
    add_updates(table, out);
}

static int cmp_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int cmp_double(double a, double b)
{
    return (a > b) - (a < b);
}

static int value_cmp(const struct db_value *a, const struct db_value *b)
{
    if (a->type != b->type)
        return cmp_i64(a->type, b->type);
    switch (a->type) {
    case DB_NULL: return 0;
    case DB_INT:
    case DB_TIME_MS: return cmp_i64(a->value.i64, b->value.i64);
    case DB_DOUBLE: return cmp_double(a->value.f64, b->value.f64);
    case DB_TEXT: return str_cmp(a->value.text, b->value.text);
    }
    return 0;
}

int table_row_cmp(const struct db_row *a, const struct db_row *b)
{
    for (size_t i = 0; i < a->table->column_count; i++) {
        int order;

        if (!(a->table->columns[i].flags & COLUMN_KEY))
            continue;
        order = value_cmp(&a->values[i], &b->values[i]);
        if (order != 0)
            return order;
    }
    return 0;
}
