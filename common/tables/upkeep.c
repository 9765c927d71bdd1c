/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/upkeep.h"

#include "db/lock.h"
#include "tables/command_result.h"

DECLARE_FREEP(struct db, db_close)

/* Who writes an event waits behind a DDL statement that waits for somebody's long SELECT: not for
 * long. */
static const char SESSION[] = "SET SESSION lock_wait_timeout=2";

static enum status forget_results(struct db *db, int64_t keep_months, struct deadline until,
                                  int64_t *forgotten, struct err *err)
{
    int64_t deleted = COMMAND_RESULT_FORGET_ROWS;
    enum status rc = ST_OK;

    while (rc == ST_OK && deleted == COMMAND_RESULT_FORGET_ROWS && !deadline_passed(until)) {
        rc = command_result_forget(db, keep_months, &deleted, err);
        if (rc == ST_OK)
            *forgotten += deleted;
    }
    return rc;
}

enum status upkeep_run(const struct settings_mysql *mysql, int64_t keep_months,
                       struct deadline until, struct upkeep *out, struct err *err)
{
    AUTO(db_closep) struct db *db = NULL;
    struct err second = {0};
    bool locked = false;
    enum status months;
    enum status results;
    enum status rc = db_open(mysql, &db, err);

    *out = (struct upkeep){.busy = false};
    if (rc == ST_OK)
        rc = db_script(db, STR(SESSION), err);
    if (rc == ST_OK)
        rc = db_lock(db, "upkeep", STR("store"), &locked, err);
    out->busy = rc == ST_OK && !locked;
    if (rc != ST_OK || !locked)
        return rc;
    months = months_keep(db, keep_months, &out->months, err);
    results = forget_results(db, keep_months, until, &out->results, &second);
    if (months == ST_OK && results != ST_OK)
        *err = second;
    return months != ST_OK ? months : results;
}
