/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/effect.h"

#include "base/hex.h"
#include "codec/crypto.h"
#include "tables/sql.h"

enum { US_PER_MS = 1000 };

/* Without gap locks under READ COMMITTED: two who begin the same effect wait, and never deadlock.
 */
static const char BEGIN[] =
    "INSERT INTO effect (effect_id,event_id,step,state,`until`,holder,request_hash,at)"
    " VALUES (?,?,?,'intent',UTC_TIMESTAMP(3)+INTERVAL ? MICROSECOND,?,?,UTC_TIMESTAMP(3))"
    " ON DUPLICATE KEY UPDATE step=effect.step";
static const char READ[] =
    "SELECT state,holder,TIMESTAMPDIFF(MICROSECOND,UTC_TIMESTAMP(3),`until`),request_hash,result"
    " FROM effect WHERE effect_id=? FOR UPDATE";
#define OLD_INTENT " WHERE effect_id=? AND state='intent' AND `until`<=UTC_TIMESTAMP(3)"
#define OWN_INTENT " WHERE effect_id=? AND holder=? AND state='intent'"
static const char TAKE_OVER[] =
    "UPDATE effect SET `until`=UTC_TIMESTAMP(3)+INTERVAL ? MICROSECOND,holder=?,event_id=?,"
    "at=UTC_TIMESTAMP(3)" OLD_INTENT;
static const char GIVE_UP[] = "UPDATE effect SET state='unknown',`until`=NULL,holder=?,event_id=?,"
                              "at=UTC_TIMESTAMP(3)" OLD_INTENT;
static const char DONE[] = "UPDATE effect SET state='done',`until`=NULL,result=?,holder=?,"
                           "at=UTC_TIMESTAMP(3) WHERE effect_id=? AND (state<>'done' OR holder=?)";
static const char WITHDRAW[] = "DELETE FROM effect" OWN_INTENT;
static const char RELEASE[] = "UPDATE effect SET `until`=UTC_TIMESTAMP(3)" OWN_INTENT;

/* Assigned from left to right, so state comes last. */
static const char DECIDE_DONE[] =
    "INSERT INTO effect (effect_id,event_id,step,state,holder,at)"
    " VALUES (?,'','','done','',UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE"
    " at=IF(state='unknown',VALUES(at),at),state=IF(state='unknown',VALUES(state),state)";
static const char DECIDE_AGAIN[] = "DELETE FROM effect WHERE effect_id=? AND state='unknown'";
static const char FORGET[] =
    "DELETE FROM effect WHERE state='done' AND at<UTC_TIMESTAMP(3)-INTERVAL ? DAY"
    " ORDER BY at LIMIT 500";

_Static_assert(EFFECT_FORGET_ROWS == 500, "the LIMIT of FORGET");

struct str effect_event_id(struct str event_id, char room[EFFECT_EVENT_ROOM])
{
    uint8_t hash[SHA256_LEN];

    if (event_id.len <= EFFECT_EVENT_MAX)
        return event_id;
    sha256(event_id, hash);
    hex_format(hash, sizeof(hash), room);
    return str_of(room, EFFECT_EVENT_ROOM - 1);
}

_Static_assert(EFFECT_EVENT_ROOM == 2 * SHA256_LEN + 1, "what it holds");

struct reading {
    struct str holder;
    struct arena *arena;
    struct effect_row row;
    bool found;
};

static enum effect_state state_of(struct str name)
{
    if (str_eq(name, STR("done")))
        return EFFECT_DONE;
    return str_eq(name, STR("intent")) ? EFFECT_INTENT : EFFECT_UNKNOWN;
}

/* Absent stays absent; false: no memory. */
static bool keep_text(struct arena *arena, const struct db_value *column, struct str *out)
{
    struct str text = sql_text(column);

    *out = arena_dup(arena, text);
    return str_is_set(*out) || !str_is_set(text);
}

static enum status keep_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct reading *r = arg;
    struct effect_row *row = &r->row;
    int64_t left_us = sql_int(&columns[2], 0);

    row->state = state_of(sql_text(&columns[0]));
    row->held = str_eq(sql_text(&columns[1]), r->holder);
    row->left_ms = left_us > 0 ? (left_us + US_PER_MS - 1) / US_PER_MS : 0;
    r->found = true;
    if (keep_text(r->arena, &columns[3], &row->request_hash) &&
        keep_text(r->arena, &columns[4], &row->result))
        return ST_OK;
    return err_retry(err, "memory", "no memory for the result of an effect");
}

enum status effect_begin(struct db *tx, const struct effect_intent *intent, struct arena *arena,
                         struct effect_row *stands, struct err *err)
{
    const struct db_value values[] = {
        db_text(intent->id),     db_text(intent->event_id),
        db_text(intent->step),   db_int(intent->lasts_ms * US_PER_MS),
        db_text(intent->holder), db_text(intent->request_hash),
    };
    struct reading r = {.holder = intent->holder, .arena = arena};
    enum status rc = db_exec(tx, STR(BEGIN), values, COUNT_OF(values), NULL, err);

    if (rc == ST_OK)
        rc = db_query(tx, STR(READ), values, 1, keep_row, &r, err);
    if (rc != ST_OK)
        return rc;
    if (!r.found)
        return err_retry(err, "mysql:repeat", "An effect's row is gone in its own transaction");
    *stands = r.row;
    return ST_OK;
}

enum status effect_take_over(struct db *tx, const struct effect_intent *intent, bool *taken,
                             struct err *err)
{
    const struct db_value values[] = {db_int(intent->lasts_ms * US_PER_MS), db_text(intent->holder),
                                      db_text(intent->event_id), db_text(intent->id)};
    int64_t matched = 0;
    enum status rc = db_exec(tx, STR(TAKE_OVER), values, COUNT_OF(values), &matched, err);

    if (rc == ST_OK)
        *taken = matched == 1;
    return rc;
}

enum status effect_give_up(struct db *tx, const struct effect_intent *intent, struct err *err)
{
    const struct db_value values[] = {db_text(intent->holder), db_text(intent->event_id),
                                      db_text(intent->id)};

    return db_exec(tx, STR(GIVE_UP), values, COUNT_OF(values), NULL, err);
}

static enum status write_done(struct db *tx, const struct effect_intent *intent, struct str result,
                              int64_t *matched, struct err *err)
{
    const struct db_value values[] = {db_text(result), db_text(intent->holder), db_text(intent->id),
                                      db_text(intent->holder)};

    return db_exec(tx, STR(DONE), values, COUNT_OF(values), matched, err);
}

enum status effect_done(struct db *tx, const struct effect_intent *intent, struct str result,
                        struct arena *arena, struct effect_row *stands, struct err *err)
{
    struct effect_row mine = {.state = EFFECT_DONE, .held = true, .result = result};
    struct effect_row found = {0};
    int64_t matched = 0;
    enum status rc = write_done(tx, intent, result, &matched, err);

    if (rc == ST_OK && matched == 0) { /* the row is another's fact, or gone */
        rc = effect_begin(tx, intent, arena, &found, err);
        if (rc == ST_OK && found.state == EFFECT_DONE && !found.held)
            mine = found;
        else if (rc == ST_OK)
            rc = write_done(tx, intent, result, &matched, err);
    }
    if (rc == ST_OK)
        *stands = mine;
    return rc;
}

static enum status exec_own(struct db *tx, struct str sql, const struct effect_intent *intent,
                            struct err *err)
{
    const struct db_value values[] = {db_text(intent->id), db_text(intent->holder)};

    return db_exec(tx, sql, values, COUNT_OF(values), NULL, err);
}

enum status effect_withdraw(struct db *tx, const struct effect_intent *intent, struct err *err)
{
    return exec_own(tx, STR(WITHDRAW), intent, err);
}

enum status effect_release(struct db *tx, const struct effect_intent *intent, struct err *err)
{
    return exec_own(tx, STR(RELEASE), intent, err);
}

enum status effect_decide(struct db *db, struct str id, bool done, struct err *err)
{
    const struct db_value values[] = {db_text(id)};

    return db_exec(db, done ? STR(DECIDE_DONE) : STR(DECIDE_AGAIN), values, 1, NULL, err);
}

enum status effect_forget(struct db *db, int64_t *deleted, struct err *err)
{
    const struct db_value values[] = {db_int(EFFECT_KEPT_DAYS)};

    return db_exec(db, STR(FORGET), values, 1, deleted, err);
}
