/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements: cache, parameters in, rows out. */
#include "db/statement.h"

#include "base/attr.h"
#include "base/mem.h"
#include "db/link.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum { STATEMENTS_MAX = 64, TEXT_ROOM = 256, MS_PER_S = 1000, US_PER_MS = 1000 };

/* The years 1 to 9999, which DATETIME can hold. */
static const int64_t TIME_MIN_MS = -62135596800000;
static const int64_t TIME_MAX_MS = 253402300799999;

/* Where one column of a fetched row lands. */
struct cell {
    enum db_type type;
    int64_t i64;
    double f64;
    MYSQL_TIME time;
    char *text;
    size_t text_size;
    unsigned long length;
    link_flag is_null;
    link_flag is_cut;
};

struct statement {
    char *sql;
    size_t sql_len;
    MYSQL_STMT *stmt;
    uint64_t last_use;
    size_t column_count;
    MYSQL_BIND *binds; /* one per column, as cells and row; NULL without a result */
    struct cell *cells;
    struct db_value *row;
};

struct statements {
    struct db *db;
    struct statement *items[STATEMENTS_MAX];
    size_t count;
    uint64_t uses;
    MYSQL_BIND *params; /* params_room of each, shared by all statements */
    MYSQL_TIME *times;
    size_t params_room;
};

static enum status stmt_failed(struct statements *s, MYSQL_STMT *stmt, struct err *err)
{
    return link_failed(s->db, mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt),
                       mysql_stmt_error(stmt), err);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a statement");
}

static void statement_free(struct statement *st)
{
    if (!st)
        return;
    if (st->stmt)
        (void)mysql_stmt_close(st->stmt);
    for (size_t i = 0; st->cells && i < st->column_count; i++)
        mem_free(st->cells[i].text);
    mem_free(st->cells);
    mem_free(st->binds);
    mem_free(st->row);
    mem_free(st->sql);
    mem_free(st);
}

DECLARE_FREEP(struct statement, statement_free)

static void drop(struct statements *s, struct statement *st)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i] != st)
            continue;
        s->items[i] = s->items[--s->count];
        statement_free(st);
        return;
    }
}

static void drop_longest_unused(struct statements *s)
{
    struct statement *oldest = s->items[0];

    for (size_t i = 1; i < s->count; i++)
        if (s->items[i]->last_use < oldest->last_use)
            oldest = s->items[i];
    drop(s, oldest);
}

static enum db_type column_type(enum enum_field_types type)
{
    if (type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
        type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR)
        return DB_INT;
    if (type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE)
        return DB_DOUBLE;
    if (type == MYSQL_TYPE_DATETIME || type == MYSQL_TYPE_TIMESTAMP)
        return DB_TIME_MS;
    return DB_TEXT;
}

static void bind_cell(struct cell *cell, MYSQL_BIND *bind)
{
    *bind =
        (MYSQL_BIND){.length = &cell->length, .is_null = &cell->is_null, .error = &cell->is_cut};
    switch (cell->type) {
    case DB_INT:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &cell->i64;
        break;
    case DB_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = &cell->f64;
        break;
    case DB_TIME_MS:
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = &cell->time;
        break;
    case DB_NULL:
    case DB_TEXT:
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = cell->text;
        bind->buffer_length = cell->text_size;
        break;
    }
}

static enum status grow_text(struct cell *cell, size_t size, struct err *err)
{
    char *text = mem_resize(cell->text, size);

    if (!text)
        return no_memory(err);
    cell->text = text;
    cell->text_size = size;
    return ST_OK;
}

static enum status make_cells(struct statement *st, MYSQL_RES *metadata, struct err *err)
{
    st->binds = mem_array(st->column_count, sizeof(*st->binds));
    st->cells = mem_array(st->column_count, sizeof(*st->cells));
    st->row = mem_array(st->column_count, sizeof(*st->row));
    if (!st->binds || !st->cells || !st->row)
        return no_memory(err);
    for (size_t i = 0; i < st->column_count; i++) {
        struct cell *cell = &st->cells[i];
        const MYSQL_FIELD *field = mysql_fetch_field_direct(metadata, (unsigned)i);

        cell->type = column_type(field->type);
        if (cell->type == DB_TEXT && grow_text(cell, TEXT_ROOM, err) != ST_OK)
            return ST_RETRY;
        bind_cell(cell, &st->binds[i]);
    }
    return ST_OK;
}

static enum status read_columns(struct statements *s, struct statement *st, struct err *err)
{
    MYSQL_RES *metadata;
    enum status rc;

    st->column_count = mysql_stmt_field_count(st->stmt);
    if (st->column_count == 0)
        return ST_OK;
    metadata = mysql_stmt_result_metadata(st->stmt);
    if (!metadata)
        return stmt_failed(s, st->stmt, err);
    rc = make_cells(st, metadata, err);
    mysql_free_result(metadata);
    return rc;
}

static enum status prepare(struct statements *s, struct str sql, struct statement **out,
                           struct err *err)
{
    AUTO(statement_freep) struct statement *st = mem_zalloc(sizeof(*st));
    enum status rc;

    if (!st)
        return no_memory(err);
    st->sql = mem_copy(sql.ptr, sql.len);
    st->sql_len = sql.len;
    st->stmt = mysql_stmt_init(link_handle(s->db));
    if (!st->sql || !st->stmt)
        return no_memory(err);
    if (mysql_stmt_prepare(st->stmt, sql.ptr, sql.len) != 0)
        return stmt_failed(s, st->stmt, err);
    rc = read_columns(s, st, err);
    if (rc != ST_OK)
        return rc;
    if (s->count == STATEMENTS_MAX)
        drop_longest_unused(s);
    s->items[s->count++] = st;
    *out = TAKE(st);
    return ST_OK;
}

static struct statement *find(const struct statements *s, struct str sql)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(str_of(s->items[i]->sql, s->items[i]->sql_len), sql))
            return s->items[i];
    return NULL;
}

static bool time_from_ms(int64_t wall_ms, MYSQL_TIME *out)
{
    int64_t ms = ((wall_ms % MS_PER_S) + MS_PER_S) % MS_PER_S;
    unsigned long us = (unsigned long)ms * US_PER_MS;
    time_t seconds;
    struct tm tm;

    if (wall_ms < TIME_MIN_MS || wall_ms > TIME_MAX_MS)
        return false;
    seconds = (wall_ms - ms) / MS_PER_S;
    if (!gmtime_r(&seconds, &tm))
        return false;
    *out = (MYSQL_TIME){
        .year = (unsigned)tm.tm_year + 1900,
        .month = (unsigned)tm.tm_mon + 1,
        .day = (unsigned)tm.tm_mday,
        .hour = (unsigned)tm.tm_hour,
        .minute = (unsigned)tm.tm_min,
        .second = (unsigned)tm.tm_sec,
        .second_part = us,
        .time_type = MYSQL_TIMESTAMP_DATETIME,
    };
    return true;
}

static int64_t time_to_ms(const MYSQL_TIME *time)
{
    struct tm tm = {
        .tm_year = (int)time->year - 1900,
        .tm_mon = (int)time->month - 1,
        .tm_mday = (int)time->day,
        .tm_hour = (int)time->hour,
        .tm_min = (int)time->minute,
        .tm_sec = (int)time->second,
    };

    return (int64_t)timegm(&tm) * MS_PER_S + (int64_t)(time->second_part / US_PER_MS);
}

/* Values are lent to the library, which only reads them. */
static void *lent(const void *value)
{
    void *out;

    memcpy(&out, &value, sizeof(out));
    return out;
}

static bool bind_param(const struct db_value *value, MYSQL_BIND *bind, MYSQL_TIME *time)
{
    *bind = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
    switch (value->type) {
    case DB_NULL: return true;
    case DB_INT:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = lent(&value->value.i64);
        return true;
    case DB_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = lent(&value->value.f64);
        return true;
    case DB_TEXT:
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = lent(value->value.text.ptr);
        bind->buffer_length = value->value.text.len;
        return true;
    case DB_TIME_MS:
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = time;
        return time_from_ms(value->value.i64, time);
    }
    return false;
}

static enum status reserve_params(struct statements *s, size_t count, struct err *err)
{
    if (count <= s->params_room)
        return ST_OK;
    mem_free(s->params);
    mem_free(s->times);
    s->params = mem_array(count, sizeof(*s->params));
    s->times = mem_array(count, sizeof(*s->times));
    s->params_room = s->params && s->times ? count : 0;
    return s->params_room ? ST_OK : no_memory(err);
}

static enum status execute(struct statements *s, struct statement *st,
                           const struct db_value *values, size_t count, struct err *err)
{
    enum status rc;

    assert(mysql_stmt_param_count(st->stmt) == count);
    rc = reserve_params(s, count, err);
    if (rc != ST_OK)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (!bind_param(&values[i], &s->params[i], &s->times[i]))
            return err_reject(err, REASON_REJECTED, "mysql:1292",
                              "A time lies outside the years 1 to 9999");
    if (count > 0 && mysql_stmt_bind_param(st->stmt, s->params) != 0)
        return stmt_failed(s, st->stmt, err);
    if (mysql_stmt_execute(st->stmt) != 0)
        return stmt_failed(s, st->stmt, err);
    return ST_OK;
}

/* A text longer than its room is fetched again into a larger one. */
static enum status refetch_text(struct statements *s, struct statement *st, size_t column,
                                struct err *err)
{
    struct cell *cell = &st->cells[column];
    enum status rc = grow_text(cell, (size_t)cell->length, err);

    if (rc != ST_OK)
        return rc;
    bind_cell(cell, &st->binds[column]);
    if (mysql_stmt_fetch_column(st->stmt, &st->binds[column], (unsigned)column, 0) != 0 ||
        mysql_stmt_bind_result(st->stmt, st->binds) != 0)
        return stmt_failed(s, st->stmt, err);
    return ST_OK;
}

static struct db_value cell_value(const struct cell *cell)
{
    struct db_value value = {.type = cell->is_null ? DB_NULL : cell->type};

    switch (value.type) {
    case DB_NULL: break;
    case DB_INT: value.value.i64 = cell->i64; break;
    case DB_DOUBLE: value.value.f64 = cell->f64; break;
    case DB_TIME_MS: value.value.i64 = time_to_ms(&cell->time); break;
    case DB_TEXT: value.value.text = str_of(cell->text, cell->length); break;
    }
    return value;
}

static enum status read_row(struct statements *s, struct statement *st, struct err *err)
{
    for (size_t i = 0; i < st->column_count; i++) {
        struct cell *cell = &st->cells[i];

        if (!cell->is_null && cell->type == DB_TEXT && cell->length > cell->text_size) {
            enum status rc = refetch_text(s, st, i, err);

            if (rc != ST_OK)
                return rc;
        } else if (!cell->is_null && cell->type != DB_TEXT && cell->is_cut) {
            return err_reject(err, REASON_REJECTED, "mysql:1264",
                              "A number read from column %zu is out of range", i + 1);
        }
        st->row[i] = cell_value(cell);
    }
    return ST_OK;
}

/* The whole result is taken over first, so that the server is free while fn works. */
static enum status fetch(struct statements *s, struct statement *st,
                         const struct statement_use *use, struct err *err)
{
    if (mysql_stmt_bind_result(st->stmt, st->binds) != 0 || mysql_stmt_store_result(st->stmt) != 0)
        return stmt_failed(s, st->stmt, err);
    for (;;) {
        int got = mysql_stmt_fetch(st->stmt);
        enum status rc;

        if (got == MYSQL_NO_DATA)
            return ST_OK;
        if (got != 0 && got != MYSQL_DATA_TRUNCATED)
            return stmt_failed(s, st->stmt, err);
        rc = read_row(s, st, err);
        if (rc == ST_OK)
            rc = use->fn(use->arg, st->row, st->column_count, err);
        if (rc != ST_OK)
            return rc;
    }
}

enum status statements_run(struct statements *s, struct str sql, const struct db_value *values,
                           size_t count, const struct statement_use *use, struct err *err)
{
    struct statement *st = find(s, sql);
    enum status rc = st ? ST_OK : prepare(s, sql, &st, err);

    if (!st)
        return rc;
    st->last_use = ++s->uses;
    rc = execute(s, st, values, count, err);
    if (rc == ST_OK && use->affected)
        *use->affected = (int64_t)mysql_stmt_affected_rows(st->stmt);
    if (rc == ST_OK && use->fn && st->column_count > 0)
        rc = fetch(s, st, use, err);
    if (rc == ST_OK)
        (void)mysql_stmt_free_result(st->stmt);
    else
        drop(s, st); /* its state is not worth guessing */
    return rc;
}

struct statements *statements_new(struct db *db)
{
    struct statements *s = mem_zalloc(sizeof(*s));

    if (s)
        s->db = db;
    return s;
}

void statements_free(struct statements *s)
{
    if (!s)
        return;
    while (s->count > 0)
        drop(s, s->items[s->count - 1]);
    mem_free(s->params);
    mem_free(s->times);
    mem_free(s);
}
