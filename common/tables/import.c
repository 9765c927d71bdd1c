/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, and the report of what became of them. */
#include "tables/import.h"

#include "db/lock.h"
#include "tables/import_state.h"
#include "tables/sql.h"

enum { FORGET_ROWS = 5000 };

static const char NEWEST[] =
    "SELECT run_id,source,fingerprint,next_openid,total,seen,listed,started_at,finished_at,people,"
    "people_failed,imported,opened,gone,failed,not_found"
    " FROM import_run WHERE appid=? ORDER BY id DESC LIMIT 1";
static const char START[] = "INSERT INTO import_run (run_id,appid,source,fingerprint,total,"
                            "started_at) VALUES (?,?,?,?,?,UTC_TIMESTAMP(3))";
static const char SAVE[] =
    "UPDATE import_run SET total=?,seen=?,next_openid=?,listed=? WHERE run_id=?";
static const char FINISH[] =
    "UPDATE import_run SET people=?,people_failed=?,found=?,imported=?,opened=?,gone=?,failed=?,"
    "not_found=?,finished_at=UTC_TIMESTAMP(3) WHERE run_id=?";

#define OF_OTHERS " WHERE run_id IN (SELECT run_id FROM import_run WHERE appid=? AND run_id<>?)"
#define IN_STEPS  " LIMIT 5000"

_Static_assert(FORGET_ROWS == 5000, "the LIMIT of IN_STEPS");

static const char FORGET_CARDS[] = "DELETE FROM import_card" OF_OTHERS IN_STEPS;
static const char FORGET_PEOPLE[] = "DELETE FROM import_person" OF_OTHERS IN_STEPS;
static const char FORGET_DONE_CARDS[] =
    "DELETE FROM import_card WHERE run_id=? AND state='done'" IN_STEPS;
static const char FORGET_DONE_PEOPLE[] =
    "DELETE FROM import_person WHERE run_id=? AND state='done'" IN_STEPS;

static const char TAKE_BACK[] =
    "UPDATE import_card SET state='new' WHERE run_id=? AND state='sent'";
static const char COUNT_PEOPLE[] =
    "SELECT state,COUNT(*) FROM import_person WHERE run_id=? GROUP BY state";
static const char COUNT_CARDS[] =
    "SELECT state,COUNT(*) FROM import_card WHERE run_id=? GROUP BY state";
static const char COUNT_OPENED[] =
    "SELECT COUNT(*) FROM import_card WHERE run_id=? AND state='done' AND opened";
static const char NOT_FOUND[] =
    "SELECT COUNT(*) FROM member m WHERE m.appid=? AND COALESCE(m.status,'')<>'DELETE' AND NOT"
    " EXISTS (SELECT 1 FROM import_card c WHERE c.run_id=? AND c.card_id=m.card_id AND"
    " c.card_code=m.card_code)";
static const char STANDING[] =
    "SELECT (SELECT COUNT(*) FROM member WHERE appid=? AND COALESCE(status,'')<>'DELETE'),"
    "(SELECT COUNT(*) FROM bonus_account WHERE appid=?)";
static const char FAILED_CARDS[] =
    "SELECT NULL,card_id,card_code,state='gone',code,message FROM import_card WHERE run_id=? AND"
    " state IN ('failed','gone') ORDER BY state,card_id,card_code LIMIT 100";
static const char FAILED_PEOPLE[] =
    "SELECT openid,NULL,NULL,0,code,message FROM import_person WHERE run_id=? AND state='failed'"
    " ORDER BY openid LIMIT 100";
static const char CARD_REASONS[] =
    "SELECT code,0,COUNT(*) FROM import_card WHERE run_id=? AND state IN ('failed','gone')"
    " GROUP BY code ORDER BY code";
static const char PERSON_REASONS[] =
    "SELECT code,1,COUNT(*) FROM import_person WHERE run_id=? AND state='failed'"
    " GROUP BY code ORDER BY code";

_Static_assert(IMPORT_FAILURES_MAX == 100, "the LIMIT of FAILED_CARDS and FAILED_PEOPLE");

static const struct str STATES[] = {
    [IMPORT_NEW] = STR_INIT("new"),       [IMPORT_SENT] = STR_INIT("sent"),
    [IMPORT_LOOKED] = STR_INIT("looked"), [IMPORT_DONE] = STR_INIT("done"),
    [IMPORT_GONE] = STR_INIT("gone"),     [IMPORT_FAILED] = STR_INIT("failed"),
};

struct db_value import_state_value(enum import_state state)
{
    return db_text(STATES[state]);
}

enum status import_lock(struct db *db, struct str appid, bool *locked, struct err *err)
{
    return db_lock(db, "import", appid, locked, err);
}

/* Runs */

static enum status keep_run(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    struct import_run *run = arg;
    struct import_counts *counts = &run->counts;

    (void)str_copy(sql_text(&columns[0]), run->run_id, sizeof(run->run_id));
    (void)str_copy(sql_text(&columns[1]), run->source, sizeof(run->source));
    (void)str_copy(sql_text(&columns[2]), run->fingerprint, sizeof(run->fingerprint));
    (void)str_copy(sql_text(&columns[3]), run->next_openid, sizeof(run->next_openid));
    run->total = sql_int(&columns[4], 0);
    run->seen = sql_int(&columns[5], 0);
    run->listed = sql_int(&columns[6], 0) != 0;
    run->started_ms = sql_int(&columns[7], 0);
    run->finished_ms = sql_int(&columns[8], 0);
    counts->people[IMPORT_FAILED] = sql_int(&columns[10], 0);
    counts->people[IMPORT_DONE] = sql_int(&columns[9], 0) - counts->people[IMPORT_FAILED];
    counts->cards[IMPORT_DONE] = sql_int(&columns[11], 0);
    counts->opened = sql_int(&columns[12], 0);
    counts->cards[IMPORT_GONE] = sql_int(&columns[13], 0);
    counts->cards[IMPORT_FAILED] = sql_int(&columns[14], 0);
    counts->not_found = sql_int(&columns[15], 0);
    return ST_OK;
}

enum status import_newest(struct db *db, struct str appid, struct import_run *out, struct err *err)
{
    const struct db_value values[] = {db_text(appid)};
    struct import_run run = {0};
    enum status rc = db_query(db, STR(NEWEST), values, COUNT_OF(values), keep_run, &run, err);

    if (rc == ST_OK)
        *out = run;
    return rc;
}

/* "" is NULL. */
static struct db_value text_value(const char *text)
{
    return text[0] ? db_text(str_from(text)) : db_null();
}

enum status import_start(struct db *db, struct str appid, const struct import_run *run,
                         struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run->run_id)), db_text(appid),
                                      db_text(str_from(run->source)), text_value(run->fingerprint),
                                      db_int(run->total)};

    return db_exec(db, STR(START), values, COUNT_OF(values), NULL, err);
}

enum status import_save(struct db *db, const struct import_run *run, struct err *err)
{
    const struct db_value values[] = {db_int(run->total), db_int(run->seen),
                                      text_value(run->next_openid), db_int(run->listed),
                                      db_text(str_from(run->run_id))};

    return db_exec(db, STR(SAVE), values, COUNT_OF(values), NULL, err);
}

static int64_t sum_of(const int64_t counts[IMPORT_STATES])
{
    int64_t sum = 0;

    for (size_t i = 0; i < IMPORT_STATES; i++)
        sum += counts[i];
    return sum;
}

enum status import_finish(struct db *db, const struct import_run *run,
                          const struct import_counts *counts, struct err *err)
{
    const struct db_value values[] = {
        db_int(sum_of(counts->people)),
        db_int(counts->people[IMPORT_FAILED]),
        db_int(sum_of(counts->cards)),
        db_int(counts->cards[IMPORT_DONE]),
        db_int(counts->opened),
        db_int(counts->cards[IMPORT_GONE]),
        db_int(counts->cards[IMPORT_FAILED]),
        db_int(counts->not_found),
        db_text(str_from(run->run_id)),
    };

    return db_exec(db, STR(FINISH), values, COUNT_OF(values), NULL, err);
}

static enum status forget(struct db *db, struct str sql, const struct db_value *values,
                          size_t count, struct err *err)
{
    int64_t deleted = FORGET_ROWS;
    enum status rc = ST_OK;

    while (rc == ST_OK && deleted == FORGET_ROWS)
        rc = db_exec(db, sql, values, count, &deleted, err);
    return rc;
}

enum status import_forget(struct db *db, struct str appid, const char *run_id, struct err *err)
{
    const struct db_value values[] = {db_text(appid), db_text(str_from(run_id))};
    enum status rc = forget(db, STR(FORGET_CARDS), values, COUNT_OF(values), err);

    return rc == ST_OK ? forget(db, STR(FORGET_PEOPLE), values, COUNT_OF(values), err) : rc;
}

enum status import_forget_done(struct db *db, const char *run_id, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    enum status rc = forget(db, STR(FORGET_DONE_CARDS), values, COUNT_OF(values), err);

    return rc == ST_OK ? forget(db, STR(FORGET_DONE_PEOPLE), values, COUNT_OF(values), err) : rc;
}

enum status import_take_back(struct db *db, const char *run_id, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};

    return db_exec(db, STR(TAKE_BACK), values, COUNT_OF(values), NULL, err);
}

/* Counting */

static enum status keep_state(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    int64_t *counts = arg;

    for (size_t i = 0; i < IMPORT_STATES; i++)
        if (str_eq(sql_text(&columns[0]), STATES[i]))
            counts[i] = sql_int(&columns[1], 0);
    return ST_OK;
}

static enum status keep_int(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    int64_t *value = arg;

    *value = sql_int(&columns[0], 0);
    return ST_OK;
}

enum status import_count(struct db *db, const char *run_id, struct import_counts *out,
                         struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    struct import_counts counts = {.not_found = out->not_found};
    enum status rc = db_query(db, STR(COUNT_PEOPLE), values, 1, keep_state, counts.people, err);

    if (rc == ST_OK)
        rc = db_query(db, STR(COUNT_CARDS), values, 1, keep_state, counts.cards, err);
    if (rc == ST_OK)
        rc = db_query(db, STR(COUNT_OPENED), values, 1, keep_int, &counts.opened, err);
    if (rc == ST_OK)
        *out = counts;
    return rc;
}

enum status import_not_found(struct db *db, const char *run_id, struct str appid, int64_t *count,
                             struct err *err)
{
    const struct db_value values[] = {db_text(appid), db_text(str_from(run_id))};

    return db_query(db, STR(NOT_FOUND), values, COUNT_OF(values), keep_int, count, err);
}

static enum status keep_pair(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    int64_t **values = arg;

    *values[0] = sql_int(&columns[0], 0);
    *values[1] = sql_int(&columns[1], 0);
    return ST_OK;
}

enum status import_standing(struct db *db, struct str appid, int64_t *members, int64_t *accounts,
                            struct err *err)
{
    const struct db_value values[] = {db_text(appid), db_text(appid)};
    int64_t *out[] = {members, accounts};

    return db_query(db, STR(STANDING), values, COUNT_OF(values), keep_pair, out, err);
}

/* The report */

struct listing {
    import_failure_fn *fn;
    import_reason_fn *reason_fn;
    void *arg;
};

static enum status list_failure(void *arg, const struct db_value *columns, size_t count UNUSED,
                                struct err *err)
{
    const struct listing *listing = arg;
    const struct import_failure failure = {
        .openid = sql_text(&columns[0]),
        .card_id = sql_text(&columns[1]),
        .card_code = sql_text(&columns[2]),
        .gone = sql_int(&columns[3], 0) != 0,
        .code = sql_text(&columns[4]),
        .message = sql_text(&columns[5]),
    };

    return listing->fn(listing->arg, &failure, err);
}

enum status import_failures(struct db *db, const char *run_id, import_failure_fn *fn, void *arg,
                            struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    struct listing listing = {.fn = fn, .arg = arg};
    enum status rc = db_query(db, STR(FAILED_CARDS), values, 1, list_failure, &listing, err);

    return rc == ST_OK ? db_query(db, STR(FAILED_PEOPLE), values, 1, list_failure, &listing, err)
                       : rc;
}

static enum status list_reason(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err)
{
    const struct listing *listing = arg;

    return listing->reason_fn(listing->arg, sql_text(&columns[0]), sql_int(&columns[1], 0) != 0,
                              sql_int(&columns[2], 0), err);
}

enum status import_reasons(struct db *db, const char *run_id, import_reason_fn *fn, void *arg,
                           struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    struct listing listing = {.reason_fn = fn, .arg = arg};
    enum status rc = db_query(db, STR(CARD_REASONS), values, 1, list_reason, &listing, err);

    return rc == ST_OK ? db_query(db, STR(PERSON_REASONS), values, 1, list_reason, &listing, err)
                       : rc;
}
