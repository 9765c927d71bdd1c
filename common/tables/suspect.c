/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/suspect.h"

#include "tables/sql.h"

enum { COLUMNS = 6, CHUNK_ROWS = 32, SQL_MAX = 4096 };

static const char INSERT[] = "INSERT INTO crash_suspect (worker,topic,part,off,last_at,last_crash,"
                             "crashes) VALUES ";
/* Assigned from left to right: last_crash still is the former one where it is compared. */
static const char COUNT_ON[] = " ON DUPLICATE KEY UPDATE"
                               " crashes=crashes+(last_crash<>VALUES(last_crash)),"
                               "last_at=VALUES(last_at),last_crash=VALUES(last_crash)";
/* Few: what processes had in hand when they died. */
static const char LOAD[] = "SELECT topic,off,crashes,last_at,part FROM crash_suspect"
                           " WHERE worker=? AND part=? ORDER BY topic,off";
static const char LIST[] = "SELECT topic,off,crashes,last_at,part FROM crash_suspect"
                           " WHERE worker=? ORDER BY topic,part,off";
static const char FORGET[] =
    "DELETE FROM crash_suspect WHERE worker=? AND topic=? AND part=? AND off=?";

static const struct covered_rule FORGET_COVERED = {
    .select = "SELECT s.off FROM crash_suspect s"
              " WHERE s.worker=? AND s.topic=? AND s.part=? AND s.off>=?"
              " AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.worker=s.worker AND p.topic=s.topic"
              " AND p.part=s.part AND p.off=s.off) ORDER BY s.off LIMIT 256",
    .delete = "DELETE FROM crash_suspect WHERE worker=? AND topic=? AND part=? AND off IN ",
    .covered = true,
};

_Static_assert(COVERED_PAGE == 256, "the LIMIT of FORGET_COVERED");

static enum status count_chunk(struct db *db, const struct crash *crash,
                               const struct suspect *suspects, size_t count, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[CHUNK_ROWS * COLUMNS];
    size_t at = 0;

    buf_add_cstr(&sql, INSERT);
    for (size_t i = 0; i < count; i++) {
        values[at++] = db_text(str_from(crash->worker));
        values[at++] = db_text(suspects[i].topic);
        values[at++] = db_int(suspects[i].part);
        values[at++] = db_int(suspects[i].off);
        values[at++] = db_time(crash->at_ms);
        values[at++] = db_text(str_from(crash->id.text));
        buf_add(&sql, i == 0 ? STR("(?,?,?,?,?,?,1)") : STR(",(?,?,?,?,?,?,1)"));
    }
    buf_add_cstr(&sql, COUNT_ON);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_exec(db, buf_str(&sql), values, at, NULL, err);
}

enum status suspect_count(struct db *db, const struct crash *crash, const struct suspect *suspects,
                          size_t count, struct err *err)
{
    size_t at = 0;

    while (at < count) {
        size_t chunk = sql_chunk(count - at, CHUNK_ROWS);
        enum status rc = count_chunk(db, crash, suspects + at, chunk, err);

        if (rc != ST_OK)
            return rc;
        at += chunk;
    }
    return ST_OK;
}

struct loading {
    suspect_fn *fn;
    void *arg;
};

static enum status load_row(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    const struct loading *l = arg;
    const struct suspect suspect = {
        .topic = sql_text(&columns[0]),
        .part = (int32_t)sql_int(&columns[4], 0),
        .off = sql_int(&columns[1], -1),
        .crashes = sql_int(&columns[2], 0),
        .last_at_ms = sql_int(&columns[3], 0),
    };

    (void)count;
    return l->fn(l->arg, &suspect, err);
}

enum status suspect_load(struct db *db, const char *worker, int32_t part, suspect_fn *fn, void *arg,
                         struct err *err)
{
    const struct db_value values[] = {db_text(str_from(worker)), db_int(part)};
    struct loading l = {fn, arg};

    return db_query(db, STR(LOAD), values, COUNT_OF(values), load_row, &l, err);
}

enum status suspect_list(struct db *db, const char *worker, suspect_fn *fn, void *arg,
                         struct err *err)
{
    const struct db_value values[] = {db_text(str_from(worker))};
    struct loading l = {fn, arg};

    return db_query(db, STR(LIST), values, COUNT_OF(values), load_row, &l, err);
}

enum status suspect_forget(struct db *db, const struct source *from, int64_t off, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(from->worker)), db_text(from->topic),
                                      db_int(from->part), db_int(off)};

    return db_exec(db, STR(FORGET), values, COUNT_OF(values), NULL, err);
}

enum status suspect_forget_covered(struct db *db, const struct source *from,
                                   const struct covered *covered, struct err *err)
{
    return covered_delete(db, &FORGET_COVERED, from, covered, NULL, err);
}
