/* SPDX-License-Identifier: Apache-2.0 */
/* The database as a subcommand needs it. */
#pragma once

#include "ctl.h"
#include "db/mysql.h"
#include "db/writer.h"

/* Library, connection, and a look at the tables' version. ST_FATAL names the remedy where the
 * tables are not this program's. */
MUST_CHECK enum status database_open(const struct ctl *ctl, struct db **out, struct err *err);
/* The same without a limit on how long a statement may take. */
MUST_CHECK enum status database_open_patient(const struct ctl *ctl, struct db **out,
                                             struct err *err);
/* fn in a transaction of its own, some times again where a deadlock undid it: its outputs are set
 * anew each time. */
MUST_CHECK enum status database_do(struct db *db, writer_fn *fn, void *arg, struct err *err);
/* Also after a failed open. NULL is fine. */
void database_close(struct db *db);
/* Keeps every other kabaoctl from the dead letters of this worker, until the connection ends
 * (see db_lock). ST_RETRY: another has them. */
MUST_CHECK enum status database_lock_letters(struct db *db, const char *worker, struct err *err);
