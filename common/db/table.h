/* SPDX-License-Identifier: Apache-2.0 */
/* A table as data, as far as upserts need it. */
#pragma once

#include "base/buf.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>

enum column_flag {
    COLUMN_KEY = 1,     /* part of the unique key; never updated */
    COLUMN_VERSION = 2, /* the row's version: rows with a lower one change nothing (see guard) */
    COLUMN_FIRST = 4,   /* kept as first written: later rows only fill it when it is NULL, whatever
                           their version */
};

/* On a duplicate key a column takes the new value when that is not NULL ("absent never erases") and
 * the row's version is not lower than the stored one (a stored NULL is lower than all; a row
 * without a version changes nothing where one is stored). guard names another column of the same
 * table that versions this one column alone, for attributes that come only with some events; a row
 * gives it a value only together with the attribute. */
struct column {
    const char *name;
    unsigned flags;
    const char *guard; /* NULL: the COLUMN_VERSION column, or no guard where there is none */
};

/* Several of these may describe parts of one SQL table, each with the columns of one source; what
 * they leave out keeps its value, or gets its default in a new row. */
struct table {
    const char *name;
    const struct column *columns;
    size_t column_count;
    bool insert_only; /* immutable facts: a duplicate key changes nothing */
};

enum { TABLE_COLUMNS_MAX = 32 };

/* values holds table->column_count entries, in column order; borrowed until the call that takes it
 * returns. */
struct db_row {
    const struct table *table;
    const struct db_value *values;
};

/* INSERT ... VALUES (?,...),... ON DUPLICATE KEY UPDATE ... for count rows. Guards are compared
 * before any column changes (MySQL assigns left to right, so version columns come last). A key
 * that comes twice is applied in the order of the rows. Not INSERT IGNORE: that would swallow data
 * errors. */
void table_upsert_sql(const struct table *table, size_t count, struct buf *out);
/* Order of two rows of one table by its key columns, bytewise. */
int table_row_cmp(const struct db_row *a, const struct db_row *b);
