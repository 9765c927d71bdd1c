/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/verify_code.h"

#include "base/clock.h"
#include "tables/sql.h"

enum { DAY_MS = 24 * 3600 * 1000, KEY_COLUMNS = 3 };

/* Without gap locks under READ COMMITTED: two who come at the same time wait for each other, and
 * then see one row. */
static const char CLAIM[] =
    "INSERT INTO verify_code (hash,nonce,made_by,tries_max,made_at,expires_at,appid,openid,purpose,"
    "tries) VALUES (?,?,?,?,?,?,?,?,?,0) ON DUPLICATE KEY UPDATE made_by=verify_code.made_by";
static const char LOAD[] = "SELECT hash,nonce,made_by,tries,tries_max,made_at,expires_at"
                           " FROM verify_code WHERE appid=? AND openid=? AND purpose=? FOR UPDATE";
#define OF_KEY " WHERE appid=? AND openid=? AND purpose=?"
static const char REPLACE[] = "UPDATE verify_code SET hash=?,nonce=?,made_by=?,tries_max=?,"
                              "made_at=?,expires_at=?,tries=0" OF_KEY;
static const char UNCLAIM[] = "DELETE FROM verify_code" OF_KEY;
static const char MISS[] =
    "UPDATE verify_code SET tries=tries+1" OF_KEY " AND made_by=? AND tries<tries_max";
static const char USE[] = "UPDATE verify_code SET tries=tries_max" OF_KEY " AND made_by=?";
static const char VOID[] = "UPDATE verify_code SET tries=0,tries_max=0" OF_KEY " AND made_by=?";

static const char COUNT_CLAIM[] = "INSERT INTO verify_count (appid,openid,day,codes)"
                                  " VALUES (?,?,?,0) ON DUPLICATE KEY UPDATE"
                                  " codes=verify_count.codes";
static const char COUNT_LOAD[] =
    "SELECT codes FROM verify_count WHERE appid=? AND openid=? AND day=? FOR UPDATE";
static const char COUNT_ADD[] =
    "UPDATE verify_count SET codes=codes+1 WHERE appid=? AND openid=? AND day=?";

static const char FORGET[] = "DELETE FROM verify_code WHERE expires_at<? ORDER BY expires_at"
                             " LIMIT 500";
static const char FORGET_COUNT[] = "DELETE FROM verify_count WHERE day<? ORDER BY day LIMIT 500";

_Static_assert(VERIFY_FORGET_ROWS == 500, "the LIMIT of FORGET and FORGET_COUNT");

/* Days begin at midnight in UTC+8. */
static int64_t day_of(int64_t wall_ms)
{
    return (clock_next_midnight_utc8(wall_ms) + DAY_MS / 3) / DAY_MS - 1;
}

/* The code */

struct reading {
    struct arena *arena;
    struct verify_row *row;
    bool found;
};

static enum status keep_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct reading *r = arg;
    struct verify_row *row = r->row;

    row->hash = arena_dup(r->arena, sql_text(&columns[0]));
    row->nonce = arena_dup(r->arena, sql_text(&columns[1]));
    row->made_by = arena_dup(r->arena, sql_text(&columns[2]));
    row->tries = sql_int(&columns[3], 0);
    row->tries_max = sql_int(&columns[4], 0);
    row->made_at_ms = sql_int(&columns[5], 0);
    row->expires_at_ms = sql_int(&columns[6], 0);
    r->found = true;
    if (str_is_set(row->hash) && str_is_set(row->nonce) && str_is_set(row->made_by))
        return ST_OK;
    return err_retry(err, "memory", "no memory for a verification code");
}

enum status verify_load(struct db *tx, struct arena *arena, struct verify_row *row, bool *found,
                        struct err *err)
{
    const struct db_value key[] = {db_text(row->appid), db_text(row->openid),
                                   db_text(row->purpose)};
    struct verify_row read = *row;
    struct reading r = {.arena = arena, .row = &read};
    enum status rc = db_query(tx, STR(LOAD), key, COUNT_OF(key), keep_row, &r, err);

    if (rc != ST_OK)
        return rc;
    *row = read;
    *found = r.found;
    return ST_OK;
}

/* CLAIM and REPLACE. */
static enum status write_row(struct db *tx, struct str sql, const struct verify_row *row,
                             struct err *err)
{
    const struct db_value values[] = {
        db_text(row->hash),     db_text(row->nonce),      db_text(row->made_by),
        db_int(row->tries_max), db_time(row->made_at_ms), db_time(row->expires_at_ms),
        db_text(row->appid),    db_text(row->openid),     db_text(row->purpose),
    };

    return db_exec(tx, sql, values, COUNT_OF(values), NULL, err);
}

/* UNCLAIM takes the key only. */
static enum status exec_key(struct db *tx, struct str sql, const struct verify_row *row,
                            size_t count, struct err *err)
{
    const struct db_value values[] = {db_text(row->appid), db_text(row->openid),
                                      db_text(row->purpose), db_text(row->made_by)};

    return db_exec(tx, sql, values, count, NULL, err);
}

enum status verify_miss(struct db *tx, const struct verify_row *row, struct err *err)
{
    return exec_key(tx, STR(MISS), row, KEY_COLUMNS + 1, err);
}

enum status verify_use(struct db *tx, const struct verify_row *row, struct err *err)
{
    return exec_key(tx, STR(USE), row, KEY_COLUMNS + 1, err);
}

enum status verify_void(struct db *tx, const struct verify_row *row, struct err *err)
{
    return exec_key(tx, STR(VOID), row, KEY_COLUMNS + 1, err);
}

/* The counts */

/* db_row_fn */
static enum status keep_count(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    int64_t *codes = arg;

    *codes = sql_int(&columns[0], 0);
    return ST_OK;
}

/* An empty openid: the account's. */
static enum status has_room(struct db *tx, const struct verify_row *row, struct str openid,
                            int64_t most, bool *room, struct err *err)
{
    const struct db_value key[] = {db_text(row->appid), db_text(openid),
                                   db_int(day_of(row->made_at_ms))};
    int64_t codes = 0;
    enum status rc = db_exec(tx, STR(COUNT_CLAIM), key, COUNT_OF(key), NULL, err);

    if (rc == ST_OK)
        rc = db_query(tx, STR(COUNT_LOAD), key, COUNT_OF(key), keep_count, &codes, err);
    if (rc == ST_OK)
        *room = codes < most;
    return rc;
}

static enum status add_one(struct db *tx, const struct verify_row *row, struct str openid,
                           struct err *err)
{
    const struct db_value key[] = {db_text(row->appid), db_text(openid),
                                   db_int(day_of(row->made_at_ms))};

    return db_exec(tx, STR(COUNT_ADD), key, COUNT_OF(key), NULL, err);
}

/* Everybody locks the openid's count before the account's. */
static enum status spend(struct db *tx, const struct verify_limits *limits,
                         const struct verify_row *row, enum verify_new *out, struct err *err)
{
    bool openid_has = false;
    bool account_has = false;
    enum status rc = has_room(tx, row, row->openid, limits->per_openid_day, &openid_has, err);

    if (rc == ST_OK && openid_has)
        rc = has_room(tx, row, STR(""), limits->per_account_day, &account_has, err);
    if (rc == ST_OK && openid_has && account_has)
        rc = add_one(tx, row, row->openid, err);
    if (rc == ST_OK && openid_has && account_has)
        rc = add_one(tx, row, STR(""), err);
    *out = !openid_has ? VERIFY_OPENID_FULL : account_has ? VERIFY_NEW : VERIFY_ACCOUNT_FULL;
    return rc;
}

/* A new one */

/* A clock that was set back far holds up nobody. */
static bool is_too_soon(const struct verify_row *before, const struct verify_row *now,
                        int64_t resend_ms)
{
    int64_t apart_ms = now->made_at_ms - before->made_at_ms;

    return apart_ms < resend_ms && apart_ms > -resend_ms;
}

/* The row is locked; fresh: by CLAIM, it is ours already. */
static enum status put_locked(struct db *tx, const struct verify_limits *limits,
                              const struct verify_row *row, bool fresh, enum verify_new *out,
                              struct err *err)
{
    enum status rc = spend(tx, limits, row, out, err);

    if (rc != ST_OK)
        return rc;
    if (*out == VERIFY_NEW)
        return fresh ? ST_OK : write_row(tx, STR(REPLACE), row, err);
    return fresh ? exec_key(tx, STR(UNCLAIM), row, KEY_COLUMNS, err) : ST_OK;
}

/* Locks the row there is, or writes this one: *fresh. Looked for first, because a transaction whose
 * COMMIT had no answer runs again and must find its own row as any other. */
static enum status claim(struct db *tx, struct arena *arena, const struct verify_row *row,
                         struct verify_row *stands, bool *fresh, struct err *err)
{
    bool found = false;
    enum status rc = verify_load(tx, arena, stands, &found, err);

    *fresh = false;
    if (rc != ST_OK || found)
        return rc;
    rc = write_row(tx, STR(CLAIM), row, err);
    if (rc == ST_OK)
        rc = verify_load(tx, arena, stands, &found, err);
    if (rc == ST_OK && !found)
        return err_retry(err, "mysql:repeat", "A code's row is gone in its own transaction");
    *fresh = rc == ST_OK && str_eq(stands->nonce, row->nonce);
    return rc;
}

enum status verify_put(struct db *tx, struct arena *arena, const struct verify_limits *limits,
                       struct verify_row *row, enum verify_new *out, struct err *err)
{
    struct verify_row stands = {
        .appid = row->appid, .openid = row->openid, .purpose = row->purpose};
    bool fresh = false;
    enum status rc = claim(tx, arena, row, &stands, &fresh, err);

    if (rc != ST_OK)
        return rc;
    if (!fresh && str_eq(stands.made_by, row->made_by)) {
        *row = stands;
        *out = VERIFY_SAME;
        return ST_OK;
    }
    if (!fresh && is_too_soon(&stands, row, limits->resend_ms)) {
        *out = VERIFY_TOO_SOON;
        return ST_OK;
    }
    return put_locked(tx, limits, row, fresh, out, err);
}

enum status verify_forget(struct db *db, int64_t *deleted, struct err *err)
{
    const int64_t now_ms = clock_wall_ms();
    const struct db_value expired[] = {db_time(now_ms - DAY_MS)};
    const struct db_value over[] = {db_int(day_of(now_ms) - 1)};
    int64_t codes = 0;
    int64_t counts = 0;
    enum status rc = db_exec(db, STR(FORGET), expired, 1, &codes, err);

    if (rc == ST_OK)
        rc = db_exec(db, STR(FORGET_COUNT), over, 1, &counts, err);
    if (rc == ST_OK)
        *deleted = codes + counts;
    return rc;
}
