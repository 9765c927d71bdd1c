/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/bound.h"

#include "tables/sql.h"

#define LIVE  "SELECT openid,scene,user,bound_at FROM bound WHERE appid=? AND ended_at IS NULL"
#define ORDER " ORDER BY bound_at,openid,scene LIMIT 50 FOR UPDATE"
static const char OF_OPENID[] = LIVE " AND openid=?" ORDER;
static const char OF_USER[] = LIVE " AND user=?" ORDER;
static const char OF_OTHERS[] = LIVE " AND openid=? AND user<>?" ORDER;

_Static_assert(BOUND_LIST_MAX == 50, "the LIMIT of ORDER");

/* The row of the scene, and the one that tells when the openid unfollowed. */
static const char STANDS[] = "SELECT scene,bound_at,ended_at FROM bound"
                             " WHERE appid=? AND openid=? AND scene IN (?,'') FOR UPDATE";
static const char PUT[] =
    "INSERT INTO bound (appid,openid,scene,user,bound_at,ended_at) VALUES (?,?,?,?,?,?)"
    " ON DUPLICATE KEY UPDATE user=VALUES(user),"
    "bound_at=GREATEST(COALESCE(bound_at,VALUES(bound_at)),VALUES(bound_at)),"
    "ended_at=VALUES(ended_at)";
static const char END[] = "UPDATE bound SET ended_at=GREATEST(COALESCE(ended_at,?),?)"
                          " WHERE appid=? AND openid=? AND scene=?";
static const char LEFT[] = "INSERT INTO bound (appid,openid,scene,user,ended_at)"
                           " VALUES (?,?,'','',?) ON DUPLICATE KEY UPDATE"
                           " ended_at=GREATEST(ended_at,VALUES(ended_at))";

struct listing {
    struct bound_list *list;
    struct arena *arena;
    struct str appid;
};

static enum status list_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct listing *l = arg;
    struct bound row = {
        .appid = l->appid,
        .openid = arena_dup(l->arena, sql_text(&columns[0])),
        .scene = arena_dup(l->arena, sql_text(&columns[1])),
        .user = arena_dup(l->arena, sql_text(&columns[2])),
        .bound_at_ms = sql_int(&columns[3], 0),
    };

    if (!str_is_set(row.openid) || !str_is_set(row.scene) || !str_is_set(row.user))
        return err_retry(err, "memory", "no memory for a binding");
    l->list->items[l->list->count++] = row;
    return ST_OK;
}

enum status bound_load(struct db *tx, struct arena *arena, const struct bound *who,
                       struct bound_list *out, struct err *err)
{
    const bool of_openid = str_is_set(who->openid);
    const bool of_others = of_openid && str_is_set(who->user);
    const struct db_value key[] = {
        db_text(who->appid), db_text(of_openid ? who->openid : who->user), db_text(who->user)};
    struct bound_list list = {.items = arena_alloc(arena, BOUND_LIST_MAX * sizeof(*list.items))};
    struct listing l = {.list = &list, .arena = arena, .appid = who->appid};
    enum status rc;

    if (!list.items)
        return err_retry(err, "memory", "no memory for bindings");
    rc = db_query(tx,
                  of_others   ? STR(OF_OTHERS)
                  : of_openid ? STR(OF_OPENID)
                              : STR(OF_USER),
                  key, of_others ? 3 : 2, list_row, &l, err);
    if (rc == ST_OK)
        *out = list;
    return rc;
}

struct standing {
    int64_t bound_at_ms; /* of the scene's row; 0: there is none */
    int64_t ended_at_ms;
    int64_t left_at_ms;
};

static enum status stands_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    struct standing *s = arg;

    if (str_is_empty(sql_text(&columns[0]))) {
        s->left_at_ms = sql_int(&columns[2], 0);
        return ST_OK;
    }
    s->bound_at_ms = sql_int(&columns[1], 0);
    s->ended_at_ms = sql_int(&columns[2], 0);
    return ST_OK;
}

static enum status put(struct db *tx, const struct bound *row, int64_t ended_at_ms, struct err *err)
{
    const struct db_value values[] = {
        db_text(row->appid), db_text(row->openid),      db_text(row->scene),
        db_text(row->user),  db_time(row->bound_at_ms), db_time(ended_at_ms),
    };

    return db_exec(tx, STR(PUT), values, COUNT_OF(values), NULL, err);
}

enum status bound_put(struct db *tx, const struct bound *row, int64_t *ended_at_ms, struct err *err)
{
    const struct db_value key[] = {db_text(row->appid), db_text(row->openid), db_text(row->scene)};
    struct standing s = {.bound_at_ms = 0};
    enum status rc = db_query(tx, STR(STANDS), key, COUNT_OF(key), stands_row, &s, err);
    int64_t last = s.ended_at_ms > s.left_at_ms ? s.ended_at_ms : s.left_at_ms;
    const bool is_bound_since = s.ended_at_ms == 0 && s.bound_at_ms >= row->bound_at_ms;

    if (rc != ST_OK)
        return rc;
    if (is_bound_since || last <= row->bound_at_ms)
        last = 0;
    if (!is_bound_since)
        rc = put(tx, row, last, err);
    if (rc == ST_OK)
        *ended_at_ms = last;
    return rc;
}

enum status bound_end(struct db *tx, const struct bound *row, int64_t at_ms, struct err *err)
{
    const struct db_value values[] = {db_time(at_ms), db_time(at_ms), db_text(row->appid),
                                      db_text(row->openid), db_text(row->scene)};

    return db_exec(tx, STR(END), values, COUNT_OF(values), NULL, err);
}

enum status bound_left(struct db *tx, struct str appid, struct str openid, int64_t at_ms,
                       struct err *err)
{
    const struct db_value values[] = {db_text(appid), db_text(openid), db_time(at_ms)};

    return db_exec(tx, STR(LEFT), values, COUNT_OF(values), NULL, err);
}
