/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/story.h"

#include "base/buf.h"
#include "tables/sql.h"

#include <assert.h>

enum { SQL_MAX = 4096 };

struct query {
    const char *table;
    const char *columns; /* separated by commas; "x AS y" is told as y */
    const char *where;
    size_t keys;
};

#define EVENT \
    "wechat_event", "event_id,create_time,appid,openid,card_id,card_code,event,trace,part,off"
#define CARD "appid=? AND card_id=? AND card_code=?"
#define ENTRY                                                                           \
    "bonus_entry", "command_id,appid,card_id,card_code,mode,delta,balance_delta,bonus," \
                   "balance,version,rev,outcome,error_code,error_message,at"

static const struct query QUERIES[] = {
    [STORY_EVENT] = {EVENT, "event_id=?", 1},
    /* The key holds the first 12 digits. */
    [STORY_EVENTS_OF_TRACE] = {EVENT, "trace=? ORDER BY create_time", 1},
    [STORY_EVENTS_OF_CODE] = {EVENT, "card_code=? ORDER BY create_time DESC", 1},
    [STORY_EVENTS_OF_CARD] = {EVENT, CARD " ORDER BY create_time DESC", 3},
    [STORY_EVENTS_OF_USER] = {EVENT, "openid=? ORDER BY create_time DESC", 1},
    /* The templates by a loose scan of the key, of which the code is the last part. */
    [STORY_CARDS] = {"member JOIN (SELECT DISTINCT appid a,card_id c FROM member) template"
                     " ON appid=a AND card_id=c",
                     "appid,card_id,card_code", "card_code=? ORDER BY appid,card_id", 1},
    [STORY_MEMBER] = {"member",
                      "appid,card_id,card_code,openid,unionid,membership_number,nickname,sex,"
                      "mobile,bonus,balance,status,has_active,previous_card_code,outer_str,"
                      "activated_at,version,updated_at",
                      CARD, 3},
    [STORY_MEMBER_FIELDS] = {"member_field", "name,value AS form,version", CARD " ORDER BY name",
                             3},
    [STORY_ACTIVATION] = {"activation",
                          "appid,card_id,card_code,membership_number,init_bonus,activated_by,"
                          "activated_at,event_id",
                          CARD, 3},
    [STORY_ACTIVATION_WAIT] = {"activation_wait",
                               "appid,card_id,card_code,receipt_id,received_at,restored,"
                               "previous_card_code,openid,submitted_at,ticket_id,ticket_at,acting,"
                               "asked_at,overdue_at,due_at,told_at",
                               CARD, 3},
    [STORY_BONUS_ACCOUNT] = {"bonus_account",
                             "appid,card_id,card_code,bonus,balance,shown,shown_balance,version,"
                             "rev,frozen,moved_to,updated_at",
                             CARD, 3},
    [STORY_BONUS_ENTRIES] = {ENTRY, CARD " ORDER BY at DESC", 3},
    [STORY_BONUS_ENTRY] = {ENTRY, "command_id=?", 1},
    [STORY_COMMAND_RESULT] = {"command_result", "command_id,account,type,outcome,errcode,errmsg,at",
                              "command_id=?", 1},
    [STORY_BINDINGS] = {"binding", "appid,openid,scene,user,bound_at,unbound_at",
                        "appid=? AND openid=? ORDER BY bound_at", 2},
    [STORY_CARD_USE] = {"card_use", "event_id,kind,location_id,trans_id,fee,original_fee,at",
                        "event_id=?", 1},
    [STORY_EFFECT] = {"effect", "effect_id,event_id,step,state,`until`,at", "effect_id=?", 1},
};

struct reading {
    struct story_row row;
    story_fn *fn;
    void *arg;
};

/* "a AS b" -> "b", "`until`" -> "until". */
static struct str shown_name(struct str column)
{
    size_t at;

    if (str_find(column, STR(" AS "), &at))
        column = str_skip(column, at + 4);
    return str_starts(column, STR("`")) ? str_of(column.ptr + 1, column.len - 2) : column;
}

static enum status read_row(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    struct reading *r = arg;

    assert(count == r->row.count);
    r->row.values = columns;
    return r->fn(r->arg, &r->row, err);
}

enum status story_read(struct db *db, const struct story_query *query, story_fn *fn, void *arg,
                       struct err *err)
{
    const struct query *q = &QUERIES[query->what];
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct reading r = {.row = {.table = q->table}, .fn = fn, .arg = arg};
    struct db_value values[STORY_KEYS_MAX + 1];
    struct str rest = str_from(q->columns);
    struct str column;

    while (str_cut(rest, ',', &column, &rest)) {
        assert(r.row.count < STORY_COLUMNS_MAX);
        r.row.names[r.row.count++] = shown_name(column);
    }
    for (size_t i = 0; i < q->keys; i++)
        values[i] = db_text(query->keys[i]);
    values[q->keys] = db_int(query->max > 0 && query->max < STORY_MAX ? query->max : STORY_MAX);
    buf_addf(&sql, "SELECT %s FROM %s WHERE %s LIMIT ?", q->columns, q->table, q->where);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_query(db, buf_str(&sql), values, q->keys + 1, read_row, &r, err);
}

static const struct db_value *find(const struct story_row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++)
        if (str_eq_cstr(row->names[i], name))
            return &row->values[i];
    return NULL;
}

struct str story_text(const struct story_row *row, const char *name)
{
    const struct db_value *value = find(row, name);

    return value && value->type == DB_TEXT ? value->value.text : (struct str){NULL, 0};
}

bool story_is_null(const struct story_row *row, const char *name)
{
    const struct db_value *value = find(row, name);

    return !value || value->type == DB_NULL;
}

int64_t story_int(const struct story_row *row, const char *name)
{
    const struct db_value *value = find(row, name);

    if (!value || (value->type != DB_INT && value->type != DB_TIME_MS))
        return 0;
    return value->value.i64;
}
