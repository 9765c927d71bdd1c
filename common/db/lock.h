/* SPDX-License-Identifier: Apache-2.0 */
/* A lock by name, kept by the server for one connection: one program at a time does a job. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>

enum { DB_LOCK_KIND_MAX = 25 };

/* Takes "kabao.KIND.<hash of the database's name and of name>" (GET_LOCK), waiting 2 s at most;
 * *locked false: another connection has it. The server allows a lock's name 64 characters: kind has
 * DB_LOCK_KIND_MAX at most, name as many as it likes. Programs of two releases keep each other off
 * only while they make the same name of it.
 *
 * The lock belongs to the connection, which may hold several: no COMMIT ends it, db_close does. A
 * connection that is lost has lost it too, as soon as the server sees so, and is never opened again
 * under its holder: the holder's next statement fails. What it does outside the database until then
 * may meet the next holder. Status as of db_query. */
MUST_CHECK enum status db_lock(struct db *db, const char *kind, struct str name, bool *locked,
                               struct err *err);
