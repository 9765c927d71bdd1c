/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and queues out of parked. */
#include "base/mem.h"
#include "tables/parked.h"
#include "tables/parked_record.h"
#include "tables/sql.h"

enum {
    HEADS_WINDOW = 8192, /* ids looked at by one statement */
    WISH_PARTS = 32,
    LIST_IDS = 4096,
    LIST_ROWS = 16,
    SQL_MAX = 1024,
};

#define ROW_COLUMNS                                                                  \
    "p.id,p.topic,p.part,p.off,p.record_key,p.attempts,p.next_at,p.first_failed_at," \
    "p.last_failed_at,p.reason,p.wish,p.record"
#define HEAD_COLUMNS "p.id,p.part,p.record_key,p.topic,p.off,p.next_at,p.wish"
/* True for a row without a key, too: it equals no other. */
#define IS_FIRST                                                                   \
    "NOT EXISTS (SELECT 1 FROM parked q WHERE q.worker=p.worker AND q.part=p.part" \
    " AND q.record_key=p.record_key AND q.id<p.id)"

static const char NEXT_ID[] = "SELECT MIN(id) FROM parked WHERE worker=? AND part=? AND id>?";
static const char HEADS[] =
    "SELECT " HEAD_COLUMNS ",(SELECT COUNT(*) FROM parked c WHERE c.worker=p.worker"
    " AND c.part=p.part AND c.record_key=p.record_key) FROM parked p"
    " WHERE p.worker=? AND p.part=? AND p.id BETWEEN ? AND ? AND " IS_FIRST " ORDER BY p.id";
/* Not ordered: the server would rather walk through all of the worker's rows in that order. */
static const char WISHES[] = "SELECT " HEAD_COLUMNS ",0 FROM parked p WHERE p.worker=?"
                             " AND p.wish IS NOT NULL AND " IS_FIRST " AND p.part IN ";
static const char WISHES_LIMIT[] = " LIMIT 1000";
#define IF_OWNED "SELECT " ROW_COLUMNS " FROM owner o LEFT JOIN parked p ON "
#define OWNED    " WHERE o.worker=? AND o.part=? AND o.epoch=?"
static const char FIRST_OF_KEY[] = IF_OWNED
    "p.id=(SELECT MIN(q.id) FROM parked q WHERE q.worker=? AND q.record_key=? AND q.part=?)" OWNED;
static const char FIRST_AT[] = IF_OWNED "p.worker=? AND p.topic=? AND p.part=? AND p.off=?" OWNED;
static const char IDS_OF_KEY[] =
    "SELECT id FROM parked WHERE worker=? AND id>? AND record_key=? ORDER BY id LIMIT 4096";
static const char IDS_OF_ALL[] =
    "SELECT id FROM parked WHERE worker=? AND id>? ORDER BY id LIMIT 4096";
static const char ROWS[] = "SELECT " ROW_COLUMNS " FROM parked p WHERE p.id IN ";
static const char ROWS_ORDER[] = " ORDER BY p.id";

static const char COUNTS[] =
    "SELECT topic,part,COUNT(*) FROM parked WHERE worker=? GROUP BY topic,part";

static const char *const WISH_NAMES[] = {
    [PARKED_NO_WISH] = "",
    [PARKED_RELEASE] = "release",
    [PARKED_DISCARD] = "discard",
};

const char *parked_wish_name(enum parked_wish wish)
{
    return WISH_NAMES[wish];
}

static enum parked_wish wish_of(struct str name)
{
    for (enum parked_wish wish = PARKED_RELEASE; wish <= PARKED_DISCARD; wish++)
        if (str_eq_cstr(name, WISH_NAMES[wish]))
            return wish;
    return PARKED_NO_WISH;
}

/* A damaged text leaves the key as it is stored. */
static enum status take_record(struct parked_row *row, struct arena *arena, struct str text,
                               struct str key, struct err *err)
{
    struct err why = {0};
    enum status rc = parked_record_parse(text, arena, &row->record, &why);

    if (rc == ST_OK)
        return ST_OK;
    if (rc != ST_REJECT) {
        *err = why;
        return rc;
    }
    row->damaged = true;
    row->record.key = arena_dup(arena, key);
    if (str_is_set(key) && !str_is_set(row->record.key))
        return err_retry(err, "memory", "no memory for a parked record");
    return ST_OK;
}

/* Of ROW_COLUMNS; everything in the arena. */
static enum status take_row(const struct db_value *columns, struct arena *arena,
                            struct parked_row *out, struct err *err)
{
    struct parked_row row = {
        .id = sql_int(&columns[0], 0),
        .attempts = sql_int(&columns[5], 0),
        .next_at_ms = sql_int(&columns[6], 0),
        .first_failed_ms = sql_int(&columns[7], 0),
        .last_failed_ms = sql_int(&columns[8], 0),
        .reason = arena_dup(arena, sql_text(&columns[9])),
        .wish = wish_of(sql_text(&columns[10])),
        .record = {.topic = arena_dup(arena, sql_text(&columns[1])),
                   .partition = (int32_t)sql_int(&columns[2], -1),
                   .offset = sql_int(&columns[3], -1)},
    };
    enum status rc;

    if (!str_is_set(row.reason) || !str_is_set(row.record.topic))
        return err_retry(err, "memory", "no memory for a parked record");
    rc = take_record(&row, arena, sql_text(&columns[11]), sql_text(&columns[4]), err);
    if (rc == ST_OK)
        *out = row;
    return rc;
}

struct first {
    struct arena *arena;
    struct parked_row row;
    enum parked_found found;
};

static enum status take_first(void *arg, const struct db_value *columns, size_t count,
                              struct err *err)
{
    struct first *first = arg;
    enum status rc = ST_OK;

    (void)count;
    first->found = columns[0].type == DB_NULL ? PARKED_EMPTY : PARKED_FOUND;
    if (first->found == PARKED_FOUND)
        rc = take_row(columns, first->arena, &first->row, err);
    return rc;
}

static enum status query_first(struct db *db, const struct parked_queue *queue, struct first *first,
                               struct err *err)
{
    char room[PARKED_KEY_ROOM];
    const struct db_value worker = db_text(str_from(queue->worker));
    const struct db_value part = db_int(queue->part);
    const struct db_value epoch = db_int(queue->epoch);
    const struct db_value of_key[] = {
        worker, db_text(parked_key(queue->key, room)), part, worker, part, epoch};
    const struct db_value at[] = {
        worker, db_text(queue->topic), part, db_int(queue->off), worker, part, epoch};

    if (str_is_set(queue->key))
        return db_query(db, STR(FIRST_OF_KEY), of_key, COUNT_OF(of_key), take_first, first, err);
    return db_query(db, STR(FIRST_AT), at, COUNT_OF(at), take_first, first, err);
}

enum status parked_first(struct db *db, const struct parked_queue *queue, struct arena *arena,
                         struct parked_row *out, enum parked_found *found, struct err *err)
{
    struct first first = {.arena = arena, .found = PARKED_LOST};
    enum status rc = query_first(db, queue, &first, err);

    if (rc != ST_OK)
        return rc;
    *found = first.found;
    if (first.found == PARKED_FOUND)
        *out = first.row;
    return ST_OK;
}

struct heads {
    parked_head_fn *fn;
    void *arg;
};

/* Of HEAD_COLUMNS and the number of rows. */
static enum status tell_head(void *arg, const struct db_value *columns, size_t count,
                             struct err *err)
{
    const struct heads *heads = arg;
    struct parked_head head = {
        .id = sql_int(&columns[0], 0),
        .part = (int32_t)sql_int(&columns[1], -1),
        .key = sql_text(&columns[2]),
        .topic = sql_text(&columns[3]),
        .off = sql_int(&columns[4], -1),
        .next_at_ms = sql_int(&columns[5], 0),
        .wish = wish_of(sql_text(&columns[6])),
        .rows = sql_int(&columns[7], 0),
    };

    (void)count;
    return heads->fn(heads->arg, &head, err);
}

static enum status tell_counted_head(void *arg, const struct db_value *columns, size_t count,
                                     struct err *err)
{
    struct db_value row[8];

    for (size_t i = 0; i < COUNT_OF(row); i++)
        row[i] = columns[i];
    if (row[2].type == DB_NULL)
        row[7] = db_int(1);
    return tell_head(arg, row, count, err);
}

static enum status keep_id(void *arg, const struct db_value *columns, size_t count, struct err *err)
{
    int64_t *id = arg;

    (void)count;
    (void)err;
    *id = sql_int(&columns[0], 0);
    return ST_OK;
}

enum status parked_heads(struct db *db, const char *worker, int32_t part, parked_head_fn *fn,
                         void *arg, struct err *err)
{
    struct heads heads = {fn, arg};
    int64_t last = 0;

    for (;;) {
        const struct db_value after[] = {db_text(str_from(worker)), db_int(part), db_int(last)};
        struct db_value window[4];
        int64_t next = 0;
        enum status rc = db_query(db, STR(NEXT_ID), after, COUNT_OF(after), keep_id, &next, err);

        if (rc != ST_OK || next == 0)
            return rc;
        last = next + HEADS_WINDOW - 1;
        window[0] = after[0];
        window[1] = after[1];
        window[2] = db_int(next);
        window[3] = db_int(last);
        rc = db_query(db, STR(HEADS), window, COUNT_OF(window), tell_counted_head, &heads, err);
        if (rc != ST_OK)
            return rc;
    }
}

enum status parked_wishes(struct db *db, const struct parked_parts *mine, parked_head_fn *fn,
                          void *arg, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct heads heads = {fn, arg};
    enum status rc = ST_OK;

    buf_add_cstr(&sql, WISHES);
    sql_places(&sql, WISH_PARTS);
    buf_add_cstr(&sql, WISHES_LIMIT);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    for (size_t at = 0; at < mine->count && rc == ST_OK; at += WISH_PARTS) {
        struct db_value values[1 + WISH_PARTS] = {db_text(str_from(mine->worker))};
        size_t count = 1;

        while (count < COUNT_OF(values) && at + count - 1 < mine->count) {
            values[count] = db_int(mine->parts[at + count - 1]);
            count++;
        }
        sql_pad(values, count, COUNT_OF(values));
        rc = db_query(db, buf_str(&sql), values, COUNT_OF(values), tell_head, &heads, err);
    }
    return rc;
}

struct listing {
    parked_row_fn *fn;
    void *arg;
    struct arena arena; /* of one row */
    int64_t ids[LIST_IDS];
    size_t id_count;
};

static void listing_free(struct listing *l)
{
    if (l)
        arena_done(&l->arena);
    mem_free(l);
}

DECLARE_FREEP(struct listing, listing_free)

static enum status keep_listed(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    struct listing *l = arg;

    (void)count;
    (void)err;
    if (l->id_count < LIST_IDS)
        l->ids[l->id_count++] = sql_int(&columns[0], 0);
    return ST_OK;
}

static enum status tell_row(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    struct listing *l = arg;
    struct parked_row row;
    enum status rc;

    (void)count;
    arena_reset(&l->arena);
    rc = take_row(columns, &l->arena, &row, err);
    if (rc != ST_OK)
        return rc;
    return l->fn(l->arg, &row, err);
}

static enum status read_ids(struct db *db, const struct parked_query *query, int64_t after,
                            struct listing *l, struct err *err)
{
    char room[PARKED_KEY_ROOM];
    const struct db_value values[] = {db_text(str_from(query->worker)), db_int(after),
                                      db_text(parked_key(query->key, room))};

    l->id_count = 0;
    if (str_is_set(query->key))
        return db_query(db, STR(IDS_OF_KEY), values, 3, keep_listed, l, err);
    return db_query(db, STR(IDS_OF_ALL), values, 2, keep_listed, l, err);
}

static enum status tell_rows(struct db *db, struct listing *l, size_t count, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    enum status rc = ST_OK;

    buf_add_cstr(&sql, ROWS);
    sql_places(&sql, LIST_ROWS);
    buf_add_cstr(&sql, ROWS_ORDER);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    for (size_t at = 0; at < count && rc == ST_OK; at += LIST_ROWS) {
        struct db_value values[LIST_ROWS];
        size_t filled = 0;

        for (; filled < LIST_ROWS && at + filled < count; filled++)
            values[filled] = db_int(l->ids[at + filled]);
        sql_pad(values, filled, LIST_ROWS);
        rc = db_query(db, buf_str(&sql), values, LIST_ROWS, tell_row, l, err);
    }
    return rc;
}

enum status parked_list(struct db *db, const struct parked_query *query, parked_row_fn *fn,
                        void *arg, struct err *err)
{
    AUTO(listing_freep) struct listing *l = mem_zalloc(sizeof(*l));
    int64_t after = query->after_id;
    int64_t left = query->limit;

    if (!l)
        return err_retry(err, "memory", "no memory for a list");
    l->fn = fn;
    l->arg = arg;
    while (left > 0) {
        enum status rc = read_ids(db, query, after, l, err);
        size_t count = (int64_t)l->id_count < left ? l->id_count : (size_t)left;

        if (rc == ST_OK)
            rc = tell_rows(db, l, count, err);
        if (rc != ST_OK || l->id_count < LIST_IDS)
            return rc;
        left -= (int64_t)count;
        after = l->ids[LIST_IDS - 1];
    }
    return ST_OK;
}

struct counting {
    parked_count_fn *fn;
    void *arg;
};

/* db_row_fn */
static enum status take_count(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err)
{
    const struct counting *counting = arg;

    return counting->fn(counting->arg, sql_text(&columns[0]), (int32_t)sql_int(&columns[1], 0),
                        sql_int(&columns[2], 0), err);
}

enum status parked_count(struct db *db, const char *worker, parked_count_fn *fn, void *arg,
                         struct err *err)
{
    const struct db_value values[] = {db_text(str_from(worker))};
    struct counting counting = {fn, arg};

    return db_query(db, STR(COUNTS), values, COUNT_OF(values), take_count, &counting, err);
}
