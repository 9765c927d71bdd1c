/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/reconcile.h"

#include "db/lock.h"
#include "tables/sql.h"

#include <assert.h>

/* So many are counted by one statement: none takes long, however large the table is. */
enum { COUNT_STEP = 100000 };

static const char NEWEST[] =
    "SELECT run_id,total,checked,repaired,skipped,failed,last_card_id,last_card_code,started_at,"
    "finished_at FROM reconcile WHERE appid=? ORDER BY id DESC LIMIT 1";
static const char START[] = "INSERT INTO reconcile (run_id,appid,total,started_at,saved_at)"
                            " VALUES (?,?,?,UTC_TIMESTAMP(3),UTC_TIMESTAMP(3))";
static const char SAVE[] =
    "UPDATE reconcile SET checked=?,repaired=?,skipped=?,failed=?,last_card_id=?,last_card_code=?,"
    "saved_at=UTC_TIMESTAMP(3),finished_at=IF(?,UTC_TIMESTAMP(3),NULL) WHERE run_id=?";
static const char ADD_FAILURE[] =
    "INSERT INTO reconcile_failure (run_id,card_id,card_code,outcome,error_code,error_message)"
    " VALUES (?,?,?,?,?,?) ON DUPLICATE KEY UPDATE outcome=outcome";
static const char FORGET_AHEAD[] = "DELETE FROM reconcile_failure WHERE run_id=? AND"
                                   " (card_id>? OR (card_id=? AND card_code>?))";
static const char FAILURES[] =
    "SELECT card_id,card_code,outcome,error_code,error_message FROM reconcile_failure"
    " WHERE run_id=? ORDER BY card_id,card_code LIMIT 100";

#define BEHIND                                             \
    " FROM bonus_account WHERE appid=? AND NOT frozen AND" \
    " (card_id>? OR (card_id=? AND card_code>?))"
#define IN_ORDER " ORDER BY card_id,card_code LIMIT "

static const char PAGE[] = "SELECT card_id,card_code" BEHIND IN_ORDER "500";
/* The last of a step, and how many there are where the step is the last one. */
static const char STEP[] = "SELECT card_id,card_code" BEHIND IN_ORDER "99999,1";
static const char REST[] = "SELECT COUNT(*)" BEHIND;

_Static_assert(RECONCILE_FAILURES_MAX == 100, "the LIMIT of FAILURES");
_Static_assert(RECONCILE_PAGE == 500, "the LIMIT of PAGE");
_Static_assert(COUNT_STEP == 99999 + 1, "the LIMIT of STEP");

static enum status keep_int(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    int64_t *value = arg;

    *value = sql_int(&columns[0], 0);
    return ST_OK;
}

enum status reconcile_lock(struct db *db, struct str appid, bool *locked, struct err *err)
{
    return db_lock(db, "reconcile", appid, locked, err);
}

/* Runs */

static void keep_card(const struct db_value columns[2], struct reconcile_card *card)
{
    (void)str_copy(sql_text(&columns[0]), card->card_id, sizeof(card->card_id));
    (void)str_copy(sql_text(&columns[1]), card->card_code, sizeof(card->card_code));
}

static enum status keep_run(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    struct reconcile_run *run = arg;

    *run = (struct reconcile_run){
        .total = sql_int(&columns[1], 0),
        .checked = sql_int(&columns[2], 0),
        .repaired = sql_int(&columns[3], 0),
        .skipped = sql_int(&columns[4], 0),
        .failed = sql_int(&columns[5], 0),
        .started_ms = sql_int(&columns[8], 0),
        .finished_ms = sql_int(&columns[9], 0),
    };
    (void)str_copy(sql_text(&columns[0]), run->run_id, sizeof(run->run_id));
    keep_card(&columns[6], &run->last);
    return ST_OK;
}

enum status reconcile_newest(struct db *db, struct str appid, struct reconcile_run *out,
                             struct err *err)
{
    const struct db_value values[] = {db_text(appid)};
    struct reconcile_run run = {0};
    enum status rc = db_query(db, STR(NEWEST), values, COUNT_OF(values), keep_run, &run, err);

    if (rc == ST_OK)
        *out = run;
    return rc;
}

enum status reconcile_start(struct db *db, struct str appid, const struct reconcile_run *run,
                            struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run->run_id)), db_text(appid),
                                      db_int(run->total)};

    return db_exec(db, STR(START), values, COUNT_OF(values), NULL, err);
}

enum status reconcile_save(struct db *db, const struct reconcile_run *run, bool finished,
                           struct err *err)
{
    const bool began = run->last.card_id[0] != '\0';
    const struct db_value values[] = {
        db_int(run->checked),
        db_int(run->repaired),
        db_int(run->skipped),
        db_int(run->failed),
        began ? db_text(str_from(run->last.card_id)) : db_null(),
        began ? db_text(str_from(run->last.card_code)) : db_null(),
        db_int(finished),
        db_text(str_from(run->run_id)),
    };

    assert(run->checked == run->repaired + run->skipped + run->failed);
    return db_exec(db, STR(SAVE), values, COUNT_OF(values), NULL, err);
}

/* Failures */

enum status reconcile_add_failure(struct db *db, const char *run_id,
                                  const struct reconcile_failure *failure, struct err *err)
{
    const struct db_value values[] = {
        db_text(str_from(run_id)), db_text(failure->card_id),    db_text(failure->card_code),
        db_text(failure->outcome), db_text(failure->error_code), db_text(failure->error_message),
    };

    return db_exec(db, STR(ADD_FAILURE), values, COUNT_OF(values), NULL, err);
}

enum status reconcile_forget_ahead(struct db *db, const struct reconcile_run *run, struct err *err)
{
    const struct db_value card_id = db_text(str_from(run->last.card_id));
    const struct db_value values[] = {db_text(str_from(run->run_id)), card_id, card_id,
                                      db_text(str_from(run->last.card_code))};

    return db_exec(db, STR(FORGET_AHEAD), values, COUNT_OF(values), NULL, err);
}

struct listing {
    reconcile_failure_fn *fn;
    void *arg;
};

static enum status list_failure(void *arg, const struct db_value *columns, size_t count UNUSED,
                                struct err *err)
{
    const struct listing *listing = arg;
    const struct reconcile_failure failure = {
        .card_id = sql_text(&columns[0]),
        .card_code = sql_text(&columns[1]),
        .outcome = sql_text(&columns[2]),
        .error_code = sql_text(&columns[3]),
        .error_message = sql_text(&columns[4]),
    };

    return listing->fn(listing->arg, &failure, err);
}

enum status reconcile_failures(struct db *db, const char *run_id, reconcile_failure_fn *fn,
                               void *arg, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    struct listing listing = {fn, arg};

    return db_query(db, STR(FAILURES), values, COUNT_OF(values), list_failure, &listing, err);
}

/* Accounts */

enum { BEHIND_VALUES = 4 };

static void set_behind(struct db_value values[BEHIND_VALUES], struct str appid,
                       const struct reconcile_card *behind)
{
    values[0] = db_text(appid);
    values[1] = db_text(str_from(behind->card_id));
    values[2] = values[1];
    values[3] = db_text(str_from(behind->card_code));
}

struct page {
    struct reconcile_card *cards;
    size_t count;
    size_t room;
};

static enum status keep_place(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    struct page *page = arg;

    assert(page->count < page->room);
    keep_card(columns, &page->cards[page->count++]);
    return ST_OK;
}

enum status reconcile_page(struct db *db, struct str appid, const struct reconcile_card *behind,
                           struct reconcile_card *out, size_t *count, struct err *err)
{
    struct db_value values[BEHIND_VALUES];
    struct page page = {.cards = out, .room = RECONCILE_PAGE};
    enum status rc;

    set_behind(values, appid, behind);
    rc = db_query(db, STR(PAGE), values, COUNT_OF(values), keep_place, &page, err);
    if (rc == ST_OK)
        *count = page.count;
    return rc;
}

/* *found: there are that many, and *place is the last of them. */
static enum status count_step(struct db *db, struct str appid, struct reconcile_card *place,
                              bool *found, struct err *err)
{
    struct db_value values[BEHIND_VALUES];
    struct reconcile_card last = {0};
    struct page page = {.cards = &last, .room = 1};
    enum status rc;

    set_behind(values, appid, place);
    rc = db_query(db, STR(STEP), values, COUNT_OF(values), keep_place, &page, err);
    *found = rc == ST_OK && page.count > 0;
    if (*found)
        *place = last;
    return rc;
}

enum status reconcile_count(struct db *db, struct str appid, const struct reconcile_card *behind,
                            int64_t *count, struct err *err)
{
    struct db_value values[BEHIND_VALUES];
    struct reconcile_card place = *behind;
    int64_t steps = 0;
    int64_t rest = 0;
    bool found = true;
    enum status rc = ST_OK;

    while (rc == ST_OK && found) {
        rc = count_step(db, appid, &place, &found, err);
        steps += found ? 1 : 0;
    }
    if (rc != ST_OK)
        return rc;
    set_behind(values, appid, &place);
    rc = db_query(db, STR(REST), values, COUNT_OF(values), keep_int, &rest, err);
    if (rc == ST_OK)
        *count = steps * COUNT_STEP + rest;
    return rc;
}
