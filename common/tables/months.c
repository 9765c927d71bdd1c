/* SPDX-License-Identifier: Apache-2.0 */
/* A month is a number here: years times 12 and what is beyond. */
#include "tables/months.h"

#include "base/num.h"
#include "tables/sql.h"

#include <inttypes.h>

enum {
    NAME_LEN = 7, /* p202601 */
    NAME_YEAR = 1,
    NAME_MONTH = 5,
    PER_YEAR = 12,
    MONTHS_MAX = 1024,
    SQL_MAX = 128 << 10,
};

static const char IS_ALIVE[] =
    "SELECT COUNT(*) FROM (SELECT 1 FROM wechat_event WHERE create_time>UTC_TIMESTAMP(3)-INTERVAL ?"
    " DAY AND create_time<UTC_TIMESTAMP(3)+INTERVAL 1 DAY LIMIT 1) AS r";
static const char NOW[] =
    "SELECT CAST(YEAR(UTC_TIMESTAMP())*12+MONTH(UTC_TIMESTAMP())-1 AS SIGNED)";
static const char PARTITIONS[] =
    "SELECT partition_name FROM information_schema.partitions WHERE table_schema=DATABASE()"
    " AND table_name='wechat_event' ORDER BY partition_ordinal_position";

struct found {
    int64_t months[MONTHS_MAX]; /* ascending */
    size_t count;
    bool has_later;
};

/* db_row_fn */
static enum status keep_int(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    int64_t *value = arg;

    *value = sql_int(&columns[0], 0);
    return ST_OK;
}

static bool parse_name(struct str name, int64_t *month)
{
    int64_t year = 0;
    int64_t of_year = 0;

    if (name.len != NAME_LEN || name.ptr[0] != 'p' ||
        !num_parse_i64(str_of(name.ptr + NAME_YEAR, NAME_MONTH - NAME_YEAR), 1, INT16_MAX, &year) ||
        !num_parse_i64(str_of(name.ptr + NAME_MONTH, NAME_LEN - NAME_MONTH), 1, PER_YEAR, &of_year))
        return false;
    *month = year * PER_YEAR + of_year - 1;
    return true;
}

/* db_row_fn */
static enum status keep_partition(void *arg, const struct db_value *columns, size_t count UNUSED,
                                  struct err *err UNUSED)
{
    struct found *found = arg;
    const struct str name = sql_text(&columns[0]);
    int64_t month = 0;

    if (str_eq(name, STR("later")))
        found->has_later = true;
    else if (parse_name(name, &month) && found->count < MONTHS_MAX)
        found->months[found->count++] = month;
    return ST_OK;
}

static void add_name(int64_t month, struct buf *sql)
{
    buf_addf(sql, "p%04" PRId64 "%02" PRId64, month / PER_YEAR, month % PER_YEAR + 1);
}

static void add_month(int64_t month, struct buf *sql)
{
    const int64_t next = month + 1;

    buf_add_cstr(sql, "PARTITION ");
    add_name(month, sql);
    buf_addf(sql, " VALUES LESS THAN ('%04" PRId64 "-%02" PRId64 "-01'),", next / PER_YEAR,
             next % PER_YEAR + 1);
}

static enum status make(struct db *db, int64_t after, int64_t last, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);

    buf_add_cstr(&sql, "ALTER TABLE wechat_event REORGANIZE PARTITION later INTO (");
    for (int64_t month = after + 1; month <= last; month++)
        add_month(month, &sql);
    buf_add_cstr(&sql, "PARTITION later VALUES LESS THAN (MAXVALUE))");
    return buf_ok(&sql) ? db_script(db, buf_str(&sql), err)
                        : err_retry(err, "memory", "no memory for months of wechat_event");
}

static enum status drop(struct db *db, const struct found *found, size_t count, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);

    buf_add_cstr(&sql, "ALTER TABLE wechat_event DROP PARTITION ");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&sql, ',');
        add_name(found->months[i], &sql);
    }
    return buf_ok(&sql) ? db_script(db, buf_str(&sql), err)
                        : err_retry(err, "memory", "no memory for months of wechat_event");
}

static enum status make_missing(struct db *db, const struct found *found, int64_t now,
                                int64_t *made, struct err *err)
{
    const int64_t last = found->months[found->count - 1];
    int64_t to = now + MONTHS_AHEAD;
    enum status rc = ST_OK;

    if (to > last + MONTHS_MADE_MAX)
        to = last + MONTHS_MADE_MAX;
    if (to <= last)
        return ST_OK;
    rc = make(db, last, to, err);
    if (rc == ST_OK)
        *made = to - last;
    return rc;
}

static enum status drop_old(struct db *db, const struct found *found, int64_t first_kept,
                            int64_t *dropped, struct err *err)
{
    size_t count = 0;
    enum status rc;

    while (count < found->count && found->months[count] < first_kept)
        count++;
    if (count == 0)
        return ST_OK;
    rc = drop(db, found, count, err);
    if (rc == ST_OK)
        *dropped = (int64_t)count;
    return rc;
}

enum status months_keep(struct db *db, int64_t keep, struct months *out, struct err *err)
{
    const struct db_value days = db_int(MONTHS_ALIVE_DAYS);
    struct found found = {.count = 0};
    int64_t alive = 0;
    int64_t now = 0;
    enum status rc = db_query(db, STR(IS_ALIVE), &days, 1, keep_int, &alive, err);

    *out = (struct months){0, 0};
    if (rc == ST_OK && alive > 0)
        rc = db_query(db, STR(NOW), NULL, 0, keep_int, &now, err);
    if (rc == ST_OK && alive > 0)
        rc = db_query(db, STR(PARTITIONS), NULL, 0, keep_partition, &found, err);
    if (rc != ST_OK || found.count == 0 || !found.has_later)
        return rc;
    rc = make_missing(db, &found, now, &out->made, err);
    /* A month to come after must be left, or the next could not be made. */
    if (rc == ST_OK && found.months[found.count - 1] + out->made >= now)
        rc = drop_old(db, &found, now - keep, &out->dropped, err);
    return rc;
}
