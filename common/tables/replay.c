/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/replay.h"

#include "db/lock.h"
#include "tables/sql.h"

/* <=> finds NULL, too. */
static const char UNFINISHED[] =
    "SELECT run_id,`by`,records,sent,started_at,saved_at,state FROM replay"
    " WHERE worker=? AND from_at=? AND to_at=? AND record_key<=>? AND type<=>?"
    " ORDER BY id DESC LIMIT 1";
static const char START[] =
    "INSERT INTO replay (worker,from_at,to_at,record_key,type,run_id,`by`,records,state,started_at,"
    "saved_at) VALUES (?,?,?,?,?,?,?,?,'running',?,?)";
static const char SAVE[] = "UPDATE replay SET sent=?,state=?,saved_at=?,ended_at=? WHERE run_id=?";
static const char SAVE_PLACE[] =
    "INSERT INTO replay_place (run_id,topic,part,next_off,sent) VALUES (?,?,?,?,?)"
    " ON DUPLICATE KEY UPDATE next_off=VALUES(next_off),sent=VALUES(sent)";
static const char PLACES[] = "SELECT topic,part,next_off,sent FROM replay_place WHERE run_id=?";

static const char *const STATES[] = {
    [REPLAY_RUNNING] = "running",
    [REPLAY_STOPPED] = "stopped",
    [REPLAY_DONE] = "done",
};

enum { RANGE_VALUES = 5 };

static void set_range(struct db_value values[RANGE_VALUES], const struct replay_range *range)
{
    values[0] = db_text(range->worker);
    values[1] = db_time(range->from_ms);
    values[2] = db_time(range->to_ms);
    values[3] = db_text(range->key);
    values[4] = db_text(range->type);
}

enum status replay_lock(struct db *db, struct str worker, bool *locked, struct err *err)
{
    return db_lock(db, "replay", worker, locked, err);
}

static enum status keep_run(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    struct replay_run *run = arg;

    if (str_eq_cstr(sql_text(&columns[6]), STATES[REPLAY_DONE]))
        return ST_OK;
    (void)str_copy(sql_text(&columns[0]), run->run_id, sizeof(run->run_id));
    (void)str_copy(sql_text(&columns[1]), run->by, sizeof(run->by));
    run->records = sql_int(&columns[2], 0);
    run->sent = sql_int(&columns[3], 0);
    run->started_ms = sql_int(&columns[4], 0);
    run->saved_ms = sql_int(&columns[5], 0);
    return ST_OK;
}

enum status replay_unfinished(struct db *db, const struct replay_range *range,
                              struct replay_run *out, struct err *err)
{
    struct db_value values[RANGE_VALUES];
    struct replay_run run = {0};
    enum status rc;

    set_range(values, range);
    rc = db_query(db, STR(UNFINISHED), values, COUNT_OF(values), keep_run, &run, err);
    if (rc == ST_OK)
        *out = run;
    return rc;
}

enum status replay_start(struct db *db, const struct replay_range *range,
                         const struct replay_run *run, struct err *err)
{
    struct db_value values[RANGE_VALUES + 5];

    set_range(values, range);
    values[RANGE_VALUES] = db_text(str_from(run->run_id));
    values[RANGE_VALUES + 1] = db_text(str_from(run->by));
    values[RANGE_VALUES + 2] = db_int(run->records);
    values[RANGE_VALUES + 3] = db_time(run->started_ms);
    values[RANGE_VALUES + 4] = db_time(run->started_ms);
    return db_exec(db, STR(START), values, COUNT_OF(values), NULL, err);
}

enum status replay_save(struct db *db, const struct replay_run *run, enum replay_state state,
                        struct err *err)
{
    const struct db_value values[] = {
        db_int(run->sent),
        db_text(str_from(STATES[state])),
        db_time(run->saved_ms),
        state == REPLAY_RUNNING ? db_null() : db_time(run->saved_ms),
        db_text(str_from(run->run_id)),
    };

    return db_exec(db, STR(SAVE), values, COUNT_OF(values), NULL, err);
}

/* Places */

enum status replay_save_place(struct db *db, const char *run_id, const struct replay_place *place,
                              struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id)), db_text(place->topic),
                                      db_int(place->part), db_int(place->next),
                                      db_int(place->sent)};

    return db_exec(db, STR(SAVE_PLACE), values, COUNT_OF(values), NULL, err);
}

struct listing {
    replay_place_fn *fn;
    void *arg;
};

static enum status list_place(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err)
{
    const struct listing *listing = arg;
    const struct replay_place place = {
        .topic = sql_text(&columns[0]),
        .part = (int32_t)sql_int(&columns[1], 0),
        .next = sql_int(&columns[2], 0),
        .sent = sql_int(&columns[3], 0),
    };

    return listing->fn(listing->arg, &place, err);
}

enum status replay_places(struct db *db, const char *run_id, replay_place_fn *fn, void *arg,
                          struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id))};
    struct listing listing = {fn, arg};

    return db_query(db, STR(PLACES), values, COUNT_OF(values), list_place, &listing, err);
}
