/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/quota.h"

#include "tables/sql.h"

#define NOW          "UTC_TIMESTAMP(6)"
#define EPOCH        "TIMESTAMP('1970-01-01 00:00:00')"
#define MICROS(time) "TIMESTAMPDIFF(MICROSECOND," EPOCH "," time ")"

static const char READ[] = "SELECT " MICROS(NOW) "," MICROS("spent_until") "," MICROS(
    "closed_until") " FROM quota WHERE appid=? AND path=?";
static const char LIST[] = "SELECT appid,path," MICROS(NOW) "," MICROS("spent_until") "," MICROS(
    "closed_until") " FROM quota ORDER BY appid,path";
/* A row that is there is left alone, and not an error. */
static const char MAKE[] = "INSERT IGNORE INTO quota (appid,path) VALUES (?,?)";
/* Every column stands in the condition as what the reader took it for. */
static const char SPEND[] = "UPDATE quota SET spent_until=TIMESTAMPADD(MICROSECOND,?," EPOCH
                            ") WHERE appid=? AND path=? AND COALESCE(" MICROS("spent_until") ",0)"
                                                                                             "=?";
static const char CLOSE[] = "INSERT INTO quota (appid,path,closed_until) VALUES (?,?,"
                            "TIMESTAMPADD(MICROSECOND,?," NOW ")) ON DUPLICATE KEY UPDATE"
                            " closed_until=GREATEST(COALESCE(closed_until,VALUES(closed_until)),"
                            "VALUES(closed_until))";
static const char CLOSED[] =
    "SELECT appid,path,TIMESTAMPDIFF(MICROSECOND," NOW ",closed_until)"
    " FROM quota WHERE closed_until>" NOW " ORDER BY appid,path LIMIT 1000";

enum { US_PER_MS = 1000 };

static const int64_t DAY_US = 86400000000;

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct reading {
    struct quota_row row;
    bool found;
};

/* columns: now, spent, closed. */
static struct quota_row row_of(const struct db_value *columns)
{
    struct quota_row row = {
        .now_us = sql_int(&columns[0], 0),
        .spent_us = sql_int(&columns[1], 0),
        .closed_us = sql_int(&columns[2], 0),
    };

    row.closed_us = min_i64(row.closed_us, row.now_us + DAY_US);
    return row;
}

static enum status keep_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    struct reading *reading = arg;

    reading->row = row_of(columns);
    reading->found = true;
    return ST_OK;
}

static enum status read_row(struct db *db, const struct db_value values[2], struct reading *reading,
                            struct err *err)
{
    reading->found = false;
    return db_query(db, STR(READ), values, 2, keep_row, reading, err);
}

enum status quota_row_read(struct db *db, const struct quota_key *key, struct quota_row *out,
                           struct err *err)
{
    const struct db_value values[] = {db_text(key->appid), db_text(key->path)};
    struct reading reading = {.found = false};
    enum status rc = read_row(db, values, &reading, err);

    if (rc == ST_OK && !reading.found) {
        rc = db_exec(db, STR(MAKE), values, COUNT_OF(values), NULL, err);
        if (rc == ST_OK)
            rc = read_row(db, values, &reading, err);
    }
    if (rc == ST_OK && !reading.found)
        rc = err_retry(err, "mysql:quota", "a row of quota was deleted while it was read");
    if (rc == ST_OK)
        *out = reading.row;
    return rc;
}

enum status quota_row_spend(struct db *db, const struct quota_key *key, const struct quota_row *was,
                            int64_t spent_us, bool *done, struct err *err)
{
    const struct db_value values[] = {db_int(spent_us), db_text(key->appid), db_text(key->path),
                                      db_int(was->spent_us)};
    int64_t matched = 0;
    enum status rc = db_exec(db, STR(SPEND), values, COUNT_OF(values), &matched, err);

    if (rc == ST_OK)
        *done = matched == 1;
    return rc;
}

enum status quota_row_close(struct db *db, const struct quota_key *key, int64_t for_ms,
                            struct err *err)
{
    const struct db_value values[] = {db_text(key->appid), db_text(key->path),
                                      db_int(for_ms * US_PER_MS)};

    return db_exec(db, STR(CLOSE), values, COUNT_OF(values), NULL, err);
}

struct listing {
    quota_closed_fn *fn;
    void *arg;
};

static enum status list_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    const struct listing *listing = arg;
    const struct quota_key key = {sql_text(&columns[0]), sql_text(&columns[1])};
    int64_t left_us = min_i64(sql_int(&columns[2], 0), DAY_US);

    return listing->fn(listing->arg, &key, (left_us + US_PER_MS - 1) / US_PER_MS, err);
}

enum status quota_row_closed(struct db *db, quota_closed_fn *fn, void *arg, struct err *err)
{
    struct listing listing = {fn, arg};

    return db_query(db, STR(CLOSED), NULL, 0, list_row, &listing, err);
}

struct row_listing {
    quota_row_fn *fn;
    void *arg;
};

static enum status list_whole_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                                  struct err *err)
{
    const struct row_listing *listing = arg;
    const struct quota_key key = {sql_text(&columns[0]), sql_text(&columns[1])};
    const struct quota_row row = row_of(&columns[2]);

    return listing->fn(listing->arg, &key, &row, err);
}

enum status quota_row_list(struct db *db, quota_row_fn *fn, void *arg, struct err *err)
{
    struct row_listing listing = {fn, arg};

    return db_query(db, STR(LIST), NULL, 0, list_whole_row, &listing, err);
}
