/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "db/lock.h"
#include "db/migrate.h"

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

enum status database_lock_letters(struct db *db, const char *worker, struct err *err)
{
    bool locked = false;
    enum status rc = db_lock(db, "dlq", str_from(worker), &locked, err);

    if (rc != ST_OK || locked)
        return rc;
    return err_retry(err, "locked", "another kabaoctl is at work on the dead letters of %s",
                     worker);
}
