/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "db/lock.h"
#include "db/migrate.h"

enum { TRIES = 10 };

typedef enum status open_fn(const struct settings_mysql *settings, struct db **out,
                            struct err *err);

static enum status open_by(open_fn *open, const struct ctl *ctl, struct db **out, struct err *err)
{
    struct db *db = NULL;
    enum status rc = db_library_init(err);

    if (rc == ST_OK)
        rc = open(&ctl->settings->mysql, &db, err);
    if (rc == ST_OK)
        rc = migrate_check(db, err);
    if (rc != ST_OK) {
        db_close(db);
        return rc;
    }
    *out = db;
    return ST_OK;
}

enum status database_open(const struct ctl *ctl, struct db **out, struct err *err)
{
    return open_by(db_open, ctl, out, err);
}

enum status database_open_patient(const struct ctl *ctl, struct db **out, struct err *err)
{
    return open_by(db_open_patient, ctl, out, err);
}

static enum status do_once(struct db *db, writer_fn *fn, void *arg, struct err *err)
{
    enum status rc = db_begin(db, err);

    if (rc != ST_OK)
        return rc;
    rc = fn(db, arg, err);
    if (rc == ST_OK)
        return db_commit(db, err);
    if (!db_is_lost(db))
        db_rollback(db);
    return rc;
}

enum status database_do(struct db *db, writer_fn *fn, void *arg, struct err *err)
{
    enum status rc = do_once(db, fn, arg, err);

    for (int i = 1; i < TRIES && rc == ST_RETRY && !db_is_lost(db) && db_must_repeat(db); i++)
        rc = do_once(db, fn, arg, err);
    return rc;
}

void database_close(struct db *db)
{
    db_close(db);
    db_library_done();
}

enum status database_lock_letters(struct db *db, const char *worker, struct err *err)
{
    bool locked = false;
    enum status rc = db_lock(db, "dlq", str_from(worker), &locked, err);

    if (rc != ST_OK || locked)
        return rc;
    return err_retry(err, "locked", "another kabaoctl is at work on the dead letters of %s",
                     worker);
}
