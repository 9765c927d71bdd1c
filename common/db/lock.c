/* SPDX-License-Identifier: Apache-2.0 */
#include "db/lock.h"

#include <assert.h>
#include <string.h>

enum { WAIT_S = 2 }; /* a moment for the server to see that a holder was killed */

/* https://dev.mysql.com/doc/refman/8.0/en/locking-functions.html */
enum { NAME_MAX_CHARACTERS = 64, HASH_CHARACTERS = 32 };

_Static_assert(sizeof("kabao..") - 1 + DB_LOCK_KIND_MAX + HASH_CHARACTERS <= NAME_MAX_CHARACTERS,
               "the name of a lock");

/* Locks are the server's, not the database's: its name is part of the lock's. */
static const struct str LOCK =
    STR_INIT("SELECT GET_LOCK(CONCAT('kabao.',?,'.',MD5(CONCAT(DATABASE(),'/',?))),?)");

static enum status keep_answer(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err UNUSED)
{
    bool *locked = arg;

    *locked = columns[0].type == DB_INT && columns[0].value.i64 == 1;
    return ST_OK;
}

enum status db_lock(struct db *db, const char *kind, struct str name, bool *locked, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(kind)), db_text(name), db_int(WAIT_S)};
    bool got = false;
    enum status rc;

    assert(strlen(kind) <= DB_LOCK_KIND_MAX);
    rc = db_query(db, LOCK, values, COUNT_OF(values), keep_answer, &got, err);
    if (rc == ST_OK)
        *locked = got;
    return rc;
}
