/* SPDX-License-Identifier: Apache-2.0 */
/* A list out of the database: a table for people, a list of objects for programs. */
#pragma once

#include "codec/jsonw.h"
#include "ctl.h"
#include "db/mysql.h"

#include <stddef.h>

struct listing {
    const struct ctl *ctl;
    struct text_table *table; /* for people */
    struct jsonw *json;       /* for programs: a list that is open */
    void *arg;
};

/* Adds what there is to list: objects if ctl->json, else rows. */
typedef enum status listing_fn(struct listing *l, struct db *db, struct err *err);

/* columns: of the table, NULL-terminated. Opens the database, runs fn, prints. An exit code. */
int listing_run(const struct ctl *ctl, const char *const *columns, listing_fn *fn, void *arg);
/* A row of the table: a cell per column. */
MUST_CHECK enum status listing_row(struct listing *l, const struct str *cells, struct err *err);
