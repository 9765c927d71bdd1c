/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "db/migrate.h"

enum { LOCK_S = 2 }; /* a moment for the server to see that a holder was killed */

/* Locks are the server's, not the database's: its name is part of the lock's. Hashed, because lock
 * names have 64 characters at most. */
static const struct str LOCK_SQL =
    STR_INIT("SELECT GET_LOCK(CONCAT('kabao.dlq.',MD5(CONCAT(DATABASE(),'/',?))),?)");

enum status database_open(const struct ctl *ctl, struct db **out, struct err *err)
{
    struct db *db = NULL;
    enum status rc = db_library_init(err);

    if (rc == ST_OK)
        rc = db_open(&ctl->settings->mysql, &db, err);
    if (rc == ST_OK)
        rc = migrate_check(db, err);
    if (rc != ST_OK) {
        db_close(db);
        return rc;
    }
    *out = db;
    return ST_OK;
}

void database_close(struct db *db)
{
    db_close(db);
    db_library_done();
}

static enum status keep_answer(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    bool *locked = arg;

    (void)count;
    (void)err;
    *locked = columns[0].type == DB_INT && columns[0].value.i64 == 1;
    return ST_OK;
}

enum status database_lock_letters(struct db *db, const char *worker, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(worker)), db_int(LOCK_S)};
    bool locked = false;
    enum status rc = db_query(db, LOCK_SQL, values, COUNT_OF(values), keep_answer, &locked, err);

    if (rc != ST_OK || locked)
        return rc;
    return err_retry(err, "locked", "another kabaoctl is at work on the dead letters of %s",
                     worker);
}
