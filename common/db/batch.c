/* SPDX-License-Identifier: Apache-2.0 */
/* Merge, sort, send; on a data error ever smaller parts. */
#include "db/batch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "metrics/catalog.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_ROWS = 128, /* rows of the longest statement; shorter ones have powers of two */
    SQL_MAX = 65536,
    FAILURES_MAX = 8,
};

/* A row and its place in order of arrival. */
struct batch_row {
    struct db_row row;
    size_t order;
};

bool batch_init(struct batch *b, size_t max, struct metrics *metrics)
{
    *b = (struct batch){.metrics = metrics, .max = max, .sql = BUF_INIT(SQL_MAX)};
    b->works = mem_array(max, sizeof(void *));
    b->values = mem_array((size_t)CHUNK_ROWS * TABLE_COLUMNS_MAX, sizeof(*b->values));
    return b->works && b->values;
}

void batch_done(struct batch *b)
{
    mem_free(b->works);
    mem_free(b->values);
    mem_free(b->rows);
    buf_done(&b->sql);
}

size_t work_weight(const struct work *work)
{
    return work->count + (work->fn ? 1 : 0);
}

static int row_cmp(const void *left, const void *right)
{
    const struct batch_row *a = left;
    const struct batch_row *b = right;
    int order = strcmp(a->row.table->name, b->row.table->name);

    if (order == 0 && a->row.table != b->row.table)
        order = (uintptr_t)a->row.table < (uintptr_t)b->row.table ? -1 : 1;
    if (order == 0)
        order = table_row_cmp(&a->row, &b->row);
    if (order == 0)
        order = a->order < b->order ? -1 : 1;
    return order;
}

static bool reserve_rows(struct batch *b, size_t count)
{
    struct batch_row *rows;

    if (count <= b->row_room)
        return true;
    rows = mem_resize(b->rows, count * sizeof(*rows));
    if (!rows)
        return false;
    b->rows = rows;
    b->row_room = count;
    return true;
}

static void answer(struct work *work, enum status rc, const struct err *err)
{
    work->rc = rc;
    work->err = *err;
}

/* Sets those aside that were decided by another version than stands now. */
static enum status look_at_guard(struct batch *b, struct db *db, size_t from, size_t count,
                                 struct err *err)
{
    bool guarded = false;
    int64_t version = 0;
    struct err stale = {0};
    enum status rc;

    for (size_t i = from; i < from + count; i++) {
        b->works[i]->stale = false;
        guarded = guarded || b->works[i]->guarded;
    }
    if (!guarded || !b->guard.read)
        return ST_OK;
    rc = b->guard.read(db, b->guard.arg, &version, err);
    if (rc != ST_OK)
        return rc;
    (void)err_wait(&stale, "version", deadline_in(0), "what it was decided by has changed");
    for (size_t i = from; i < from + count; i++) {
        struct work *work = b->works[i];

        work->stale = work->guarded && work->version != version;
        if (work->stale)
            answer(work, ST_WAIT, &stale);
    }
    return ST_OK;
}

static enum status collect_rows(struct batch *b, size_t from, size_t count, struct err *err)
{
    size_t rows = 0;

    for (size_t i = from; i < from + count; i++)
        rows += b->works[i]->count;
    if (!reserve_rows(b, rows))
        return err_retry(err, "memory", "no memory for a batch of rows");
    b->row_count = 0;
    for (size_t i = from; i < from + count; i++)
        for (size_t j = 0; !b->works[i]->stale && j < b->works[i]->count; j++, b->row_count++)
            b->rows[b->row_count] = (struct batch_row){b->works[i]->rows[j], b->row_count};
    if (b->row_count > 0)
        qsort(b->rows, b->row_count, sizeof(*b->rows), row_cmp);
    return ST_OK;
}

/* The first row after from that belongs to another table. */
static size_t group_end(const struct batch *b, size_t from)
{
    size_t end = from;

    while (end < b->row_count && b->rows[end].row.table == b->rows[from].row.table)
        end++;
    return end;
}

/* Few different lengths, so that few statements have to be prepared and remembered. */
static size_t chunk_of(size_t rows)
{
    size_t chunk = CHUNK_ROWS;

    while (chunk > rows)
        chunk /= 2;
    return chunk;
}

static enum status put_chunk(struct batch *b, struct db *db, size_t from, size_t count,
                             struct err *err)
{
    const struct table *table = b->rows[from].row.table;
    size_t columns = table->column_count;

    buf_clear(&b->sql);
    table_upsert_sql(table, count, &b->sql);
    if (!buf_ok(&b->sql))
        return err_retry(err, "memory", "no memory for a statement");
    for (size_t i = 0; i < count; i++)
        memcpy(&b->values[i * columns], b->rows[from + i].row.values, columns * sizeof(*b->values));
    return db_exec(db, buf_str(&b->sql), b->values, count * columns, NULL, err);
}

static enum status put_rows(struct batch *b, struct db *db, struct err *err)
{
    size_t at = 0;

    while (at < b->row_count) {
        size_t count = chunk_of(group_end(b, at) - at);
        enum status rc = put_chunk(b, db, at, count, err);

        if (rc != ST_OK)
            return rc;
        at += count;
    }
    return ST_OK;
}

static enum status run_fn(struct db *db, struct work *work, struct err *err)
{
    enum status rc = db_savepoint(db, err);

    if (rc != ST_OK)
        return rc;
    work->rc = work->fn(db, work->arg, &work->err);
    if (db_must_repeat(db) && work->rc == ST_OK)
        return err_retry(err, "mysql:repeat", "The transaction was undone by the server");
    if (db_must_repeat(db)) {
        *err = work->err;
        return ST_RETRY;
    }
    if (work->rc == ST_OK)
        return ST_OK;
    if (work->count == 0)
        return db_rollback_to_savepoint(db, err);
    *err = work->err; /* its rows are in the transaction already */
    return work->rc;
}

static enum status run_fns(struct batch *b, struct db *db, size_t from, size_t count,
                           struct err *err)
{
    for (size_t i = from; i < from + count; i++) {
        enum status rc = ST_OK;

        if (b->works[i]->stale)
            continue;
        b->works[i]->rc = ST_OK;
        if (b->works[i]->fn)
            rc = run_fn(db, b->works[i], err);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static void count_rows(const struct batch *b)
{
    size_t end;

    if (b->row_count == 0)
        return;
    for (size_t at = 0; at < b->row_count; at = end) {
        end = group_end(b, at);
        metric_add(metric_1(b->metrics, &METRIC_STORE_ROWS, b->rows[at].row.table->name),
                   (int64_t)(end - at));
    }
    metric_observe(metric_plain(b->metrics, &METRIC_STORE_BATCH), (double)b->row_count);
}

static enum status run_transaction(struct batch *b, struct db *db, size_t from, size_t count,
                                   struct err *err)
{
    const int64_t began_ns = clock_mono_ns();
    enum status rc = db_begin(db, err);

    if (rc == ST_OK)
        rc = look_at_guard(b, db, from, count, err);
    if (rc == ST_OK)
        rc = collect_rows(b, from, count, err);
    if (rc == ST_OK)
        rc = put_rows(b, db, err);
    if (rc == ST_OK)
        rc = run_fns(b, db, from, count, err);
    if (rc == ST_OK)
        rc = db_commit(db, err);
    if (rc == ST_OK)
        count_rows(b);
    else
        db_rollback(db);
    metric_observe(metric_plain(b->metrics, &METRIC_MYSQL_TRANSACTION),
                   (double)(clock_mono_ns() - began_ns) / 1e9);
    return rc;
}

void batch_answer(struct batch *b, enum status rc, const struct err *err)
{
    for (size_t i = 0; i < b->count; i++) {
        answer(b->works[i], rc, err);
        b->works[i]->again = rc == ST_RETRY;
    }
}

/* The rest failed through no fault of its data, as far as one can tell. What was beaten to its rows
 * is tried until its deadline: somebody gets on each time, and what is written may be that a call
 * was made. */
static void repeat_rest(struct batch *b, size_t from, bool was_beaten, const struct err *err)
{
    for (size_t i = from; i < b->count; i++) {
        struct work *work = b->works[i];

        answer(work, ST_RETRY, err);
        work->failures++;
        work->again = was_beaten || work->failures < FAILURES_MAX;
    }
}

/* All in one transaction; when their data are refused, ever smaller parts in order of arrival,
 * until the culprits stand alone. */
void batch_run(struct batch *b, struct db *db)
{
    size_t at = 0;
    size_t size = b->count;

    while (at < b->count) {
        struct err err = {0};
        enum status rc;

        if (size > b->count - at)
            size = b->count - at;
        rc = run_transaction(b, db, at, size, &err);
        if (rc == ST_OK) {
            at += size;
            size *= 2;
        } else if (rc == ST_FATAL) {
            for (; at < b->count; at++)
                answer(b->works[at], rc, &err);
        } else if (size > 1 && !db_must_repeat(db) && !db_is_lost(db)) {
            size = (size + 1) / 2;
        } else if (size > 1 || db_must_repeat(db)) {
            repeat_rest(b, at, db_was_beaten(db), &err);
            at = b->count;
        } else {
            answer(b->works[at++], rc, &err);
        }
    }
}
