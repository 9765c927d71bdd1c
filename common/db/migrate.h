/* SPDX-License-Identifier: Apache-2.0 */
/* Forward-only migrations: schemas/sql/V0001__name.sql ..., embedded at build time. DDL knows no
 * transaction: every statement of a migration can be repeated (IF NOT EXISTS), so that one that was
 * killed half-way is simply applied again. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

struct migration {
    int version;
    const char *name;
    struct str sql;
};

/* All that are built in, ascending. */
const struct migration *migrate_all(size_t *count);
/* The schema_version table's highest entry; 0 when there is none yet. */
MUST_CHECK enum status migrate_version(struct db *db, int *version, struct err *err);
/* ST_OK when the database's version is the newest built in; ST_FATAL otherwise, with the remedy
 * (kabaoctl migrate, or upgrade). */
MUST_CHECK enum status migrate_check(struct db *db, struct err *err);

/* A migration that is missing. */
struct migrate_step {
    const struct migration *migration;
    struct str
        rebuilds; /* the table it takes long over (a line "-- Rebuilds TABLE"); absent: none */
    int64_t rows; /* of that table, about; 0: none yet */
};

typedef void migrate_step_fn(void *arg, const struct migrate_step *step);
/* Tells what migrate_apply would apply, in its order. */
MUST_CHECK enum status migrate_plan(struct db *db, migrate_step_fn *fn, void *arg, struct err *err);
/* Applies what is missing under a named lock (GET_LOCK), one by one; done (may be NULL) is told
 * after each. A second runner waits, for an hour at most (ST_RETRY). A database that is newer than
 * this program is left alone (ST_FATAL). db comes from db_open_patient. */
typedef void migrate_done_fn(void *arg, const struct migration *migration);
MUST_CHECK enum status migrate_apply(struct db *db, migrate_done_fn *done, void *arg,
                                     struct err *err);
