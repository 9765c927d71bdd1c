/* SPDX-License-Identifier: Apache-2.0 */
/* The prepared statements of one connection, by their text; the longest unused goes first. For
 * mysql.c only. */
#pragma once

#include "db/mysql.h"

struct statements;

struct statements *statements_new(struct db *db); /* NULL: no memory */
void statements_free(struct statements *s);

/* What becomes of a result; either may be NULL. */
struct statement_use {
    int64_t *affected;
    db_row_fn *fn;
    void *arg;
};

/* As db_exec and db_query. */
MUST_CHECK enum status statements_run(struct statements *s, struct str sql,
                                      const struct db_value *values, size_t count,
                                      const struct statement_use *use, struct err *err);
