/* SPDX-License-Identifier: Apache-2.0 */
/* What changes parked; parked_read.c reads it. */
#include "tables/parked.h"

#include "base/hex.h"
#include "codec/crypto.h"
#include "tables/parked_record.h"
#include "tables/sql.h"

#include <assert.h>
#include <string.h>

enum {
    COLUMNS = 11,
    CHUNK_ROWS = 32,
    CHUNK_BYTES = 4 * 1024 * 1024,
    RECORD_MAX = 16 * 1024 * 1024 - 1, /* MEDIUMBLOB */
    REASON_MAX = 64,
    SQL_MAX = 4096,
};

static const char INSERT[] =
    "INSERT INTO parked (worker,topic,part,off,record_key,attempts,next_at,first_failed_at,"
    "last_failed_at,reason,record) VALUES ";
static const char OVERWRITE[] =
    " ON DUPLICATE KEY UPDATE record_key=VALUES(record_key),attempts=VALUES(attempts),"
    "next_at=VALUES(next_at),first_failed_at=VALUES(first_failed_at),"
    "last_failed_at=VALUES(last_failed_at),reason=VALUES(reason),record=VALUES(record)";
static const char DELETE[] = "DELETE FROM parked WHERE worker=? AND topic=? AND part=? AND off=?";
/* Assigned from left to right, so wish comes last. */
static const char UPDATE[] = "UPDATE parked SET attempts=?,next_at=?,first_failed_at=?,"
                             "last_failed_at=?,reason=?,"
                             "wish_at=IF(wish='release',NULL,wish_at),"
                             "wish=IF(wish='release',NULL,wish)"
                             " WHERE worker=? AND topic=? AND part=? AND off=?";

static const struct covered_rule FORGET_UNCOVERED = {
    .select = "SELECT off FROM parked WHERE worker=? AND topic=? AND part=? AND off>=?"
              " ORDER BY off LIMIT 256",
    .delete = "DELETE FROM parked WHERE worker=? AND topic=? AND part=? AND off IN ",
    .covered = false,
};

_Static_assert(COVERED_PAGE == 256, "the LIMIT of FORGET_UNCOVERED");

#define MARK " SET p.wish=?,p.wish_at=UTC_TIMESTAMP(3)"
static const char DISCARD_KEY[] = "UPDATE parked p" MARK " WHERE p.worker=? AND p.record_key=?";
static const char DISCARD_ALL[] = "UPDATE parked p" MARK " WHERE p.worker=?";
static const char CLEAR_KEY[] = "UPDATE parked SET wish=NULL,wish_at=NULL"
                                " WHERE worker=? AND record_key=? AND wish IS NOT NULL";
static const char CLEAR_ALL[] = "UPDATE parked SET wish=NULL,wish_at=NULL"
                                " WHERE worker=? AND wish IS NOT NULL";
static const char RELEASE_KEY[] =
    "UPDATE parked p JOIN (SELECT MIN(id) AS id FROM parked WHERE worker=? AND record_key=?"
    " GROUP BY part) h ON h.id=p.id" MARK;
static const char RELEASE_KEYS[] =
    "UPDATE parked p JOIN (SELECT MIN(id) AS id FROM parked WHERE worker=? AND record_key IS NOT"
    " NULL GROUP BY record_key,part) h ON h.id=p.id" MARK;
static const char RELEASE_KEYLESS[] =
    "UPDATE parked p" MARK " WHERE p.worker=? AND p.record_key IS NULL";

struct str parked_key(struct str key, char room[PARKED_KEY_ROOM])
{
    static const char prefix[] = "sha256:";
    const size_t prefix_len = sizeof(prefix) - 1;
    uint8_t hash[SHA256_LEN];

    if (key.len <= PARKED_KEY_MAX)
        return key;
    sha256(key, hash);
    memcpy(room, prefix, prefix_len);
    hex_format(hash, sizeof(hash), room + prefix_len);
    return str_of(room, PARKED_KEY_ROOM - 1);
}

_Static_assert(PARKED_KEY_ROOM == sizeof("sha256:") + 2 * (size_t)SHA256_LEN, "what it holds");

static struct db_value reason_of(const struct parked_row *row)
{
    return db_text(str_is_set(row->reason) ? str_limit(row->reason, REASON_MAX) : STR(""));
}

/* One statement's worth of rows. */
struct chunk {
    const struct parked_row *rows;
    size_t count;
    size_t bytes; /* of their texts at most */
    struct buf sql;
    struct buf texts;
    struct str records[CHUNK_ROWS]; /* in texts */
    char keys[CHUNK_ROWS][PARKED_KEY_ROOM];
    struct db_value values[CHUNK_ROWS * COLUMNS];
};

static void chunk_done(struct chunk *c)
{
    buf_done(&c->sql);
    buf_done(&c->texts);
}

static bool format_records(struct chunk *c)
{
    /* Taken at once, so that nothing moves what was formatted. */
    if (!buf_room(&c->texts, c->bytes))
        return false;
    for (size_t i = 0; i < c->count; i++) {
        size_t from = c->texts.len;

        parked_record_format(&c->rows[i].record, &c->texts);
        c->records[i] = str_of(c->texts.ptr + from, c->texts.len - from);
    }
    return buf_ok(&c->texts);
}

static enum status insert_chunk(struct db *db, const char *worker, struct chunk *c, struct err *err)
{
    size_t at = 0;

    if (!format_records(c))
        return err_retry(err, "memory", "no memory for records to be parked");
    buf_add_cstr(&c->sql, INSERT);
    for (size_t i = 0; i < c->count; i++) {
        const struct parked_row *row = &c->rows[i];

        c->values[at++] = db_text(str_from(worker));
        c->values[at++] = db_text(row->record.topic);
        c->values[at++] = db_int(row->record.partition);
        c->values[at++] = db_int(row->record.offset);
        c->values[at++] = db_text(parked_key(row->record.key, c->keys[i]));
        c->values[at++] = db_int(row->attempts);
        c->values[at++] = db_time(row->next_at_ms);
        c->values[at++] = db_time(row->first_failed_ms);
        c->values[at++] = db_time(row->last_failed_ms);
        c->values[at++] = reason_of(row);
        c->values[at++] = db_text(c->records[i]);
        if (i > 0)
            buf_add_char(&c->sql, ',');
        sql_places(&c->sql, COLUMNS);
    }
    buf_add_cstr(&c->sql, OVERWRITE);
    if (!buf_ok(&c->sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_exec(db, buf_str(&c->sql), c->values, at, NULL, err);
}

static size_t bytes_of(const struct parked_row *rows, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += parked_record_size(&rows[i].record);
    return bytes;
}

/* How many of count rows go into the next statement. */
static size_t rows_that_fit(const struct parked_row *rows, size_t count)
{
    size_t fit = sql_chunk(count, CHUNK_ROWS);

    while (fit > 1 && bytes_of(rows, fit) > CHUNK_BYTES)
        fit /= 2;
    return fit;
}

enum status parked_insert(struct db *db, const char *worker, const struct parked_row *rows,
                          size_t count, struct err *err)
{
    size_t at = 0;

    while (at < count) {
        size_t fit = rows_that_fit(rows + at, count - at);
        size_t bytes = bytes_of(rows + at, fit);
        AUTO(chunk_done)
        struct chunk chunk = {.rows = rows + at,
                              .count = fit,
                              .bytes = bytes,
                              .sql = BUF_INIT(SQL_MAX),
                              .texts = BUF_INIT(bytes)};
        enum status rc;

        if (fit == 1 && bytes > RECORD_MAX)
            return err_reject(err, REASON_REJECTED, "parked:record",
                              "A record of %zu bytes as text is too long to be parked", bytes);
        rc = insert_chunk(db, worker, &chunk, err);
        if (rc != ST_OK)
            return rc;
        at += fit;
    }
    return ST_OK;
}

enum status parked_forget_uncovered(struct db *db, const struct source *from,
                                    const struct covered *covered, int64_t *deleted,
                                    struct err *err)
{
    return covered_delete(db, &FORGET_UNCOVERED, from, covered, deleted, err);
}

enum status parked_delete(struct db *db, const struct source *from, int64_t off, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(from->worker)), db_text(from->topic),
                                      db_int(from->part), db_int(off)};

    return db_exec(db, STR(DELETE), values, COUNT_OF(values), NULL, err);
}

enum status parked_update(struct db *db, const char *worker, const struct parked_row *row,
                          struct err *err)
{
    const struct db_value values[] = {
        db_int(row->attempts),
        db_time(row->next_at_ms),
        db_time(row->first_failed_ms),
        db_time(row->last_failed_ms),
        reason_of(row),
        db_text(str_from(worker)),
        db_text(row->record.topic),
        db_int(row->record.partition),
        db_int(row->record.offset),
    };

    return db_exec(db, STR(UPDATE), values, COUNT_OF(values), NULL, err);
}

static enum status discard(struct db *db, const struct db_value *wish, const struct db_value *where,
                           int64_t *rows, struct err *err)
{
    const struct db_value values[] = {*wish, where[0], where[1]};

    if (where[1].type == DB_NULL)
        return db_exec(db, STR(DISCARD_ALL), values, 2, rows, err);
    return db_exec(db, STR(DISCARD_KEY), values, 3, rows, err);
}

static enum status release_key(struct db *db, const struct db_value *wish,
                               const struct db_value *where, int64_t *rows, struct err *err)
{
    const struct db_value values[] = {where[0], where[1], *wish};
    enum status rc = db_exec(db, STR(CLEAR_KEY), where, 2, NULL, err);

    if (rc != ST_OK)
        return rc;
    return db_exec(db, STR(RELEASE_KEY), values, COUNT_OF(values), rows, err);
}

static enum status release_all(struct db *db, const struct db_value *wish,
                               const struct db_value *where, int64_t *rows, struct err *err)
{
    const struct db_value keys[] = {where[0], *wish};
    const struct db_value keyless[] = {*wish, where[0]};
    int64_t with_key = 0;
    int64_t without = 0;
    enum status rc = db_exec(db, STR(CLEAR_ALL), where, 1, NULL, err);

    if (rc == ST_OK)
        rc = db_exec(db, STR(RELEASE_KEYS), keys, COUNT_OF(keys), &with_key, err);
    if (rc == ST_OK)
        rc = db_exec(db, STR(RELEASE_KEYLESS), keyless, COUNT_OF(keyless), &without, err);
    if (rc == ST_OK)
        *rows = with_key + without;
    return rc;
}

enum status parked_wish(struct db *db, const char *worker, struct str key, enum parked_wish wish,
                        int64_t *rows, struct err *err)
{
    char room[PARKED_KEY_ROOM];
    const struct db_value name = db_text(str_from(parked_wish_name(wish)));
    const struct db_value where[] = {db_text(str_from(worker)), db_text(parked_key(key, room))};

    assert(wish != PARKED_NO_WISH);
    if (wish == PARKED_DISCARD)
        return discard(db, &name, where, rows, err);
    if (str_is_set(key))
        return release_key(db, &name, where, rows, err);
    return release_all(db, &name, where, rows, err);
}
