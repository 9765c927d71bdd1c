/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/erase.h"

#include "base/buf.h"
#include "base/num.h"
#include "kafka/topics.h"
#include "tables/parked.h"
#include "tables/sql.h"

#include <stdio.h>
#include <string.h>

enum { STEP_ROWS = 500, SCAN_ROWS = 1000, FRIENDS_MAX = 500, SQL_MAX = 8192 };

#define STEP " LIMIT 500"
_Static_assert(STEP_ROWS == 500, "the LIMIT of STEP");

/* What a stage does, and for whom. */
enum stage_kind { FOR_OPENID, FOR_CARD, FRIENDS, SCAN, PARKED, LAST };

struct stage {
    enum stage_kind kind;
    const char *sql;  /* FOR_*: takes appid and the id, then `at`; SCAN: up to WHERE */
    bool by_version;  /* `at` is in ms */
    const char *id;   /* SCAN: the table's key */
    const char *from; /* SCAN: the table */
    const char *text; /* SCAN: in what is looked */
};

#define OF_OPENID " WHERE appid=? AND openid=?"
#define OF_CARD   " WHERE appid=? AND card_id=? AND card_code=?"

/* Of any time: what an import was told it may still do. */
#define OF_RUNS " import_run r JOIN "
#define IMPORT_CARDS                                         \
    "import_card c ON c.run_id=r.run_id SET "                \
    "c.openid=NULL,c.unionid=NULL,c.membership_number=NULL," \
    "c.mobile=NULL"
#define IMPORTED                                                                              \
    " AND ? IS NOT NULL AND COALESCE(c.openid,c.unionid,c.membership_number,c.mobile) IS NOT" \
    " NULL"

/* In this order: see erase_cursor. Friends' rows are found by the person's own pushes. */
static const struct stage STAGES[] = {
    {.kind = FRIENDS},
    {FOR_OPENID,
     .sql = "DELETE FROM binding" OF_OPENID " AND COALESCE(bound_at,unbound_at)<=?" STEP},
    {FOR_OPENID, .sql = "DELETE FROM bound" OF_OPENID " AND COALESCE(bound_at,ended_at)<=?" STEP},
    {FOR_OPENID, .sql = "UPDATE scene SET openid=NULL,user=NULL" OF_OPENID " AND used_at<=?" STEP},
    {FOR_OPENID, .sql = "DELETE FROM verify_code" OF_OPENID " AND made_at<=?" STEP},
    {FOR_OPENID,
     .sql = "DELETE FROM verify_count" OF_OPENID " AND day<=DATEDIFF(?,'1970-01-01')+1" STEP},
    {FOR_OPENID, .sql = "UPDATE replay SET record_key=CONCAT('sha256:',SHA2(record_key,256))"
                        " WHERE record_key=CONCAT(?,':',?) AND started_at<=?" STEP},
    {FOR_OPENID, .sql = "DELETE p FROM" OF_RUNS "import_person p ON p.run_id=r.run_id"
                        " WHERE r.appid=? AND p.openid=? AND ? IS NOT NULL"},
    {FOR_OPENID, .sql = "UPDATE" OF_RUNS IMPORT_CARDS " WHERE r.appid=? AND c.openid=?" IMPORTED},
    {FOR_CARD, .sql = "UPDATE" OF_RUNS IMPORT_CARDS
                      " WHERE r.appid=? AND c.card_id=? AND c.card_code=?" IMPORTED},
    {SCAN, .sql = "UPDATE command_result SET answer=NULL,errmsg=NULL,error=NULL",
     .id = "command_id", .from = "command_result", .text = "CONCAT_WS(' ',answer,errmsg,error)"},
    {SCAN, .sql = "UPDATE effect SET result=NULL", .id = "effect_id", .from = "effect",
     .text = "result"},
    {.kind = PARKED},
    {FOR_CARD, .sql = "UPDATE wechat_event SET openid=NULL,body=NULL" OF_CARD
                      " AND create_time<=? AND (openid IS NOT NULL OR body IS NOT NULL)" STEP},
    {FOR_OPENID,
     .sql = "UPDATE wechat_event SET openid=NULL,body=NULL" OF_OPENID " AND create_time<=?" STEP},
    {FOR_CARD, .sql = "UPDATE activation SET membership_number=NULL" OF_CARD
                      " AND COALESCE(activated_at<=?,TRUE) AND membership_number IS NOT NULL" STEP},
    {FOR_CARD, .sql = "DELETE FROM member_field" OF_CARD " AND version<=?" STEP,
     .by_version = true},
    {.kind = LAST},
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for an erasure");
}

/* Steps */

bool erase_is_done(const struct erase_cursor *at)
{
    return at->stage >= (int64_t)COUNT_OF(STAGES);
}

static void next_stage(struct erase_cursor *to)
{
    to->stage++;
    to->item = 0;
    to->after[0] = '\0';
}

/* On to the next of count, or to the next stage. */
static void next_item(struct erase_cursor *to, size_t count)
{
    to->item++;
    to->after[0] = '\0';
    if (to->item >= (int64_t)count)
        next_stage(to);
}

static enum status change_rows(struct db *tx, const struct erase_person *p,
                               const struct stage *stage, struct erase_cursor *to, int64_t *rows,
                               struct err *err)
{
    const bool of_card = stage->kind == FOR_CARD;
    const size_t items = of_card ? p->card_count : p->openids.count;
    struct db_value values[4] = {db_text(p->appid)};
    size_t count = 1;
    int64_t affected = 0;
    enum status rc;

    if (to->item >= (int64_t)items) {
        next_stage(to);
        return ST_OK;
    }
    if (of_card) {
        values[count++] = db_text(p->cards[to->item].card_id);
        values[count++] = db_text(p->cards[to->item].card_code);
    } else {
        values[count++] = db_text(p->openids.items[to->item]);
    }
    values[count++] = stage->by_version ? db_int(p->at_ms) : db_time(p->at_ms);
    rc = db_exec(tx, str_from(stage->sql), values, count, &affected, err);
    if (rc != ST_OK)
        return rc;
    *rows = affected;
    if (affected < STEP_ROWS)
        next_item(to, items);
    return ST_OK;
}

/* Others' pushes that name the person: cards that were given */

static const char FRIENDS_OF[] =
    "SELECT DISTINCT JSON_UNQUOTE(JSON_EXTRACT(body,'$.fields.FriendUserName')) FROM wechat_event"
    " WHERE appid=? AND openid=? AND event IN ('user_gifting_card','user_get_card')"
    " AND create_time<=? AND body IS NOT NULL LIMIT 500";
static const char UNNAME[] =
    "UPDATE wechat_event SET body=REPLACE(body,CONCAT('\"',?,'\"'),'\"erased\"')"
    " WHERE appid=? AND openid=? AND event IN ('user_gifting_card','user_get_card')"
    " AND create_time<=? AND LOCATE(CONCAT('\"',?,'\"'),body)>0";

_Static_assert(FRIENDS_MAX == 500, "the LIMIT of FRIENDS_OF");

struct friends {
    struct arena arena;
    struct str names[FRIENDS_MAX];
    size_t count;
};

static void friends_done(struct friends *f)
{
    arena_done(&f->arena);
}

static enum status take_friend(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err)
{
    struct friends *f = arg;
    const struct str name = sql_text(&columns[0]);

    if (str_is_empty(name))
        return ST_OK;
    f->names[f->count] = arena_dup(&f->arena, name);
    return str_is_set(f->names[f->count++]) ? ST_OK : no_memory(err);
}

static enum status unname(struct db *tx, const struct erase_person *p, struct erase_cursor *to,
                          int64_t *rows, struct err *err)
{
    AUTO(friends_done) struct friends friends = {.count = 0};
    enum status rc = ST_OK;

    if (to->item < (int64_t)p->openids.count) {
        const struct db_value me = db_text(p->openids.items[to->item]);
        const struct db_value key[] = {db_text(p->appid), me, db_time(p->at_ms)};

        rc = db_query(tx, STR(FRIENDS_OF), key, COUNT_OF(key), take_friend, &friends, err);
        for (size_t i = 0; rc == ST_OK && i < friends.count; i++) {
            const struct db_value row[] = {me, key[0], db_text(friends.names[i]), key[2], me};
            int64_t affected = 0;

            rc = db_exec(tx, STR(UNNAME), row, COUNT_OF(row), &affected, err);
            *rows += affected;
        }
    }
    if (rc == ST_OK)
        next_item(to, p->openids.count);
    return rc;
}

/* Tables without a key by person: walked through */

enum { LISTS = 3 };

static void lists_of(const struct erase_person *p, const struct erase_list *out[LISTS])
{
    out[0] = &p->openids;
    out[1] = &p->unionids;
    out[2] = &p->phones;
}

static enum status keep_after(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    char *after = arg;

    (void)str_copy(sql_text(&columns[0]), after, ERASE_AFTER_SIZE);
    return ST_OK;
}

/* Where a step of a walk ends; "": at the table's end. */
static enum status find_end(struct db *tx, const struct stage *stage, const char *after,
                            char end[ERASE_AFTER_SIZE], struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    const struct db_value key[] = {db_text(str_from(after))};

    end[0] = '\0';
    buf_addf(&sql, "SELECT %s FROM %s WHERE %s>? ORDER BY %s LIMIT %d,1", stage->id, stage->from,
             stage->id, stage->id, SCAN_ROWS - 1);
    return db_query(tx, buf_str(&sql), key, COUNT_OF(key), keep_after, end, err);
}

/* Appends the condition and its values; how many there are now. */
static size_t add_needles(const struct erase_person *p, const struct stage *stage, struct buf *sql,
                          struct db_value *values, size_t count)
{
    const struct erase_list *lists[LISTS];

    lists_of(p, lists);
    buf_add_cstr(sql, " AND (FALSE");
    for (size_t l = 0; l < COUNT_OF(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++) {
            buf_addf(sql, " OR LOCATE(?,%s)>0", stage->text);
            values[count++] = db_text(lists[l]->items[i]);
        }
    buf_add_cstr(sql, ")");
    return count;
}

/* What lies between to->after and the end. */
static enum status change_found(struct db *tx, const struct erase_person *p,
                                const struct erase_cursor *to, const char *end, int64_t *rows,
                                struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    const struct stage *stage = &STAGES[to->stage];
    struct db_value values[2 + LISTS * ERASE_IDS_MAX] = {db_text(str_from(to->after))};
    size_t count = 1;

    buf_addf(&sql, "%s WHERE %s>?", stage->sql, stage->id);
    if (end[0]) {
        buf_addf(&sql, " AND %s<=?", stage->id);
        values[count++] = db_text(str_from(end));
    }
    count = add_needles(p, stage, &sql, values, count);
    if (!buf_ok(&sql))
        return no_memory(err);
    return db_exec(tx, buf_str(&sql), values, count, rows, err);
}

static enum status scan(struct db *tx, const struct erase_person *p, const struct stage *stage,
                        struct erase_cursor *to, int64_t *rows, struct err *err)
{
    char end[ERASE_AFTER_SIZE];
    enum status rc = find_end(tx, stage, to->after, end, err);

    if (rc == ST_OK)
        rc = change_found(tx, p, to, end, rows, err);
    if (rc != ST_OK)
        return rc;
    if (end[0])
        memcpy(to->after, end, sizeof(end));
    else
        next_stage(to);
    return ST_OK;
}

/* The rows by which the person is found: all of them at once */

static const char AWAITED[] = "UPDATE activation_wait SET openid=NULL,form=NULL,due_at=NULL" OF_CARD
                              " AND COALESCE(seen_at<=?,TRUE)";
static const char MEMBER[] =
    "UPDATE member SET openid=NULL,unionid=NULL,unionid_at=NULL,membership_number=NULL,"
    "nickname=NULL,sex=NULL,mobile=NULL,outer_str=NULL,outer_str_at=NULL" OF_CARD " AND version<=?";

static enum status change_last(struct db *tx, const struct erase_person *p, struct erase_cursor *to,
                               int64_t *rows, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < p->card_count; i++) {
        struct db_value values[] = {db_text(p->appid), db_text(p->cards[i].card_id),
                                    db_text(p->cards[i].card_code), db_time(p->at_ms)};
        int64_t affected = 0;

        rc = db_exec(tx, STR(AWAITED), values, COUNT_OF(values), NULL, err);
        values[3] = db_int(p->at_ms);
        if (rc == ST_OK)
            rc = db_exec(tx, STR(MEMBER), values, COUNT_OF(values), &affected, err);
        *rows += affected;
    }
    if (rc == ST_OK)
        next_stage(to);
    return rc;
}

/* Parked records: bytes that only we can read */

enum { PARKED_ROWS = 200 };

static const char DISCARD[] =
    "UPDATE parked SET wish='discard',wish_at=UTC_TIMESTAMP(3) WHERE id=?";

struct parked_search {
    const struct erase_person *person;
    int64_t found[PARKED_ROWS];
    size_t found_count;
    size_t rows;
    int64_t last_id;
};

static bool names_person(const struct erase_person *p, const struct record *record)
{
    const struct erase_list *lists[LISTS];
    size_t at;

    lists_of(p, lists);
    for (size_t l = 0; l < COUNT_OF(lists); l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            if (str_find(record->value, lists[l]->items[i], &at) ||
                str_find(record->key, lists[l]->items[i], &at))
                return true;
    return false;
}

/* parked_row_fn */
static enum status look_at_parked(void *arg, const struct parked_row *row, struct err *err UNUSED)
{
    struct parked_search *s = arg;

    s->rows++;
    s->last_id = row->id;
    if (names_person(s->person, &row->record))
        s->found[s->found_count++] = row->id;
    return ST_OK;
}

static size_t count_workers(void)
{
    size_t count = 0;

    for (const struct topic_worker *w = topic_workers(); w->name; w++)
        count++;
    return count;
}

static enum status discard_parked(struct db *tx, const struct erase_person *p,
                                  struct erase_cursor *to, struct err *err)
{
    struct parked_search s = {.person = p};
    struct parked_query query = {.worker = topic_workers()[to->item].name, .limit = PARKED_ROWS};
    enum status rc;

    (void)num_parse_i64(str_from(to->after), 0, INT64_MAX, &query.after_id);
    rc = parked_list(tx, &query, look_at_parked, &s, err);
    for (size_t i = 0; rc == ST_OK && i < s.found_count; i++) {
        const struct db_value id[] = {db_int(s.found[i])};

        rc = db_exec(tx, STR(DISCARD), id, COUNT_OF(id), NULL, err);
    }
    if (rc != ST_OK)
        return rc;
    to->parked += (int64_t)s.found_count;
    if (s.rows == PARKED_ROWS)
        (void)snprintf(to->after, sizeof(to->after), "%lld", (long long)s.last_id);
    else
        next_item(to, count_workers());
    return ST_OK;
}

enum status erase_step(struct db *tx, const struct erase_person *p, const struct erase_cursor *from,
                       struct erase_cursor *to, int64_t *rows, struct err *err)
{
    const struct stage *stage = &STAGES[from->stage];

    *to = *from;
    *rows = 0;
    switch (stage->kind) {
    case FOR_OPENID:
    case FOR_CARD: return change_rows(tx, p, stage, to, rows, err);
    case FRIENDS: return unname(tx, p, to, rows, err);
    case SCAN: return scan(tx, p, stage, to, rows, err);
    case LAST: return change_last(tx, p, to, rows, err);
    case PARKED: break;
    }
    return discard_parked(tx, p, to, err);
}

/* Calls under way */

static const char AWAITS[] = "SELECT COUNT(*) FROM effect WHERE at>?-INTERVAL 1 HOUR AND at<=?"
                             " AND state='intent' AND `until`>UTC_TIMESTAMP(3) AND event_id<>?";

static enum status keep_count(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    bool *any = arg;

    *any = sql_int(&columns[0], 0) > 0;
    return ST_OK;
}

enum status erase_awaits(struct db *db, int64_t since_ms, struct str but, bool *out,
                         struct err *err)
{
    const struct db_value values[] = {db_time(since_ms), db_time(since_ms), db_text(but)};

    return db_query(db, STR(AWAITS), values, COUNT_OF(values), keep_count, out, err);
}

/* Between two attempts */

static const char LOAD[] = "SELECT stage,parked,after_id,at,began_at FROM erasure"
                           " WHERE command_hash=?";
static const char BEGIN[] =
    "INSERT INTO erasure (command_hash,at,began_at,saved_at,stage,after_id,parked)"
    " VALUES (?,?,UTC_TIMESTAMP(3),UTC_TIMESTAMP(3),0,'',0)"
    " ON DUPLICATE KEY UPDATE command_hash=erasure.command_hash";
/* A second more for what shares the transaction. */
static const char MARKED[] = "UPDATE erasure SET began_at=UTC_TIMESTAMP(3)+INTERVAL 1 SECOND"
                             " WHERE command_hash=?";
static const char SAVE[] = "UPDATE erasure SET stage=?,parked=?,after_id=?,"
                           "saved_at=UTC_TIMESTAMP(3) WHERE command_hash=?";
static const char FORGET[] =
    "DELETE FROM erasure WHERE command_hash=? OR saved_at<UTC_TIMESTAMP(3)-INTERVAL 30 DAY";

static enum status keep_erasure(void *arg, const struct db_value *columns, size_t count UNUSED,
                                struct err *err UNUSED)
{
    struct erasure *e = arg;

    e->cursor.stage = sql_int(&columns[0], 0);
    e->cursor.parked = sql_int(&columns[1], 0);
    (void)str_copy(sql_text(&columns[2]), e->cursor.after, sizeof(e->cursor.after));
    e->at_ms = sql_int(&columns[3], 0);
    e->began_ms = sql_int(&columns[4], 0);
    return ST_OK;
}

enum status erase_begin(struct db *tx, struct str hash, int64_t at_ms, struct erasure *out,
                        struct err *err)
{
    const struct db_value row[] = {db_text(hash), db_time(at_ms)};
    enum status rc = db_exec(tx, STR(BEGIN), row, COUNT_OF(row), NULL, err);

    *out = (struct erasure){.at_ms = at_ms};
    return rc == ST_OK ? db_query(tx, STR(LOAD), row, 1, keep_erasure, out, err) : rc;
}

enum status erase_marked(struct db *tx, struct str hash, struct erasure *out, struct err *err)
{
    const struct db_value key[] = {db_text(hash)};
    enum status rc = db_exec(tx, STR(MARKED), key, COUNT_OF(key), NULL, err);

    return rc == ST_OK ? db_query(tx, STR(LOAD), key, COUNT_OF(key), keep_erasure, out, err) : rc;
}

/* Of the stages that are made of items none is left halfway. */
enum status erase_save(struct db *tx, struct str hash, const struct erase_cursor *at,
                       struct err *err)
{
    const bool walks = !erase_is_done(at) && STAGES[at->stage].kind == SCAN;
    const struct db_value row[] = {db_int(at->stage), db_int(at->parked),
                                   db_text(str_from(walks ? at->after : "")), db_text(hash)};

    return db_exec(tx, STR(SAVE), row, COUNT_OF(row), NULL, err);
}

enum status erase_forget(struct db *tx, struct str hash, struct err *err)
{
    const struct db_value key[] = {db_text(hash)};

    return db_exec(tx, STR(FORGET), key, COUNT_OF(key), NULL, err);
}
