/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/command_result.h"

#include "base/clock.h"
#include "base/hex.h"
#include "codec/crypto.h"
#include "tables/sql.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_MAX = 16 << 20, HASH_BYTES = 16, PATTERN_MAX = 512, SQL_MAX = 1024 };

_Static_assert(STANDING_SIZE == 1 + 16 + 2 * HASH_BYTES + 1, "class, time, hash");

/* standing comes last: MySQL assigns from left to right. */
#define WINS(column) column "=IF(VALUES(standing)>standing,VALUES(" column ")," column "),"

static const char PUT[] =
    "INSERT INTO command_result (command_id,account,`type`,outcome,errcode,errmsg,answer,error,"
    "`at`,standing) VALUES (?,?,?,?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE " WINS("account")
        WINS("`type`") WINS("outcome") WINS("errcode") WINS("errmsg") WINS("answer") WINS("error")
            WINS("`at`") "standing=GREATEST(standing,VALUES(standing))";

static const char FORGET[] = "DELETE FROM command_result WHERE `at`<UTC_TIMESTAMP(3)-INTERVAL ?"
                             " MONTH ORDER BY `at` LIMIT 500";
/* Two clocks agree: the database's, and that of who told the last results. */
static const char IS_ALIVE[] =
    "SELECT COUNT(*) FROM (SELECT 1 FROM command_result WHERE `at`>UTC_TIMESTAMP(3)-INTERVAL 31 DAY"
    " AND `at`<UTC_TIMESTAMP(3)+INTERVAL 1 DAY LIMIT 1) AS r";

_Static_assert(COMMAND_RESULT_FORGET_ROWS == 500, "the LIMIT of FORGET");

static struct str error_code(const struct wechat_result *r)
{
    return json_get_str(r->error.tree, "code");
}

bool command_result_counts(const struct wechat_result *r)
{
    return !str_eq(r->outcome, STR("rejected")) || !str_eq(error_code(r), STR("idempotency"));
}

/* Which result stands */

enum class { CLASS_NOT_TRIED, CLASS_PROVISIONAL, CLASS_FINAL };

static enum class class_of(const struct wechat_result *r) {
    if (str_eq(r->outcome, STR("failed")) ||
        str_eq(r->outcome, STR("unknown"))) return CLASS_PROVISIONAL;
    if (str_eq(r->outcome, STR("rejected")) &&
        str_eq(error_code(r), STR("replay"))) return CLASS_NOT_TRIED;
    return CLASS_FINAL;
}

static bool hash_of(const struct wechat_result *r, char hex[2 * HASH_BYTES + 1])
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    uint8_t hash[SHA256_LEN];

    wechat_result_write(r, &text);
    sha256(buf_str(&text), hash);
    hex_format(hash, HASH_BYTES, hex);
    return buf_ok(&text);
}

static bool standing_of(const struct wechat_result *r, int64_t at_ms, char out[STANDING_SIZE])
{
    const enum class class = class_of(r);
    const uint64_t time =
        class == CLASS_PROVISIONAL ? (uint64_t)at_ms : UINT64_MAX - (uint64_t)at_ms;
    char hash[2 * HASH_BYTES + 1];

    if (!hash_of(r, hash))
        return false;
    (void)snprintf(out, STANDING_SIZE, "%c%016" PRIx64 "%s", "012"[class], time, hash);
    return true;
}

static bool take_json(struct arena *arena, const struct json *tree, struct str *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    if (!tree)
        return true;
    json_format(tree, &text);
    *out = buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){0};
    return str_is_set(*out);
}

enum status command_result_of(struct arena *arena, const struct wechat_result *r,
                              struct command_result *out, struct err *err)
{
    struct command_result row = {
        .command_id = r->command_id,
        .account = r->account,
        .type = r->type,
        .outcome = r->outcome,
        .errcode = r->errcode,
        .errmsg = r->errmsg,
    };

    if (!clock_parse_rfc3339(r->at.ptr, r->at.len, &row.at_ms) || row.at_ms <= 0)
        return err_reject(err, REASON_SCHEMA, "schema", "/at is no time");
    if (!take_json(arena, r->answer.tree, &row.answer) ||
        !take_json(arena, r->error.tree, &row.error) || !standing_of(r, row.at_ms, row.standing))
        return err_retry(err, "memory", "no memory for a command's result");
    *out = row;
    return ST_OK;
}

enum status command_result_put(struct db *db, const struct command_result *r, struct err *err)
{
    const struct db_value values[] = {
        db_text(r->command_id),
        db_text(r->account),
        db_text(r->type),
        db_text(r->outcome),
        r->errcode.set ? db_int(r->errcode.value) : db_null(),
        db_text(r->errmsg),
        db_text(r->answer),
        db_text(r->error),
        db_time(r->at_ms),
        db_text(str_from(r->standing)),
    };

    return db_exec(db, STR(PUT), values, COUNT_OF(values), NULL, err);
}

/* Forgetting */

/* db_row_fn */
static enum status keep_count(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    int64_t *value = arg;

    *value = sql_int(&columns[0], 0);
    return ST_OK;
}

enum status command_result_forget(struct db *db, int64_t months, int64_t *deleted, struct err *err)
{
    const struct db_value values[] = {db_int(months)};
    int64_t alive = 0;
    int64_t count = 0;
    enum status rc = db_query(db, STR(IS_ALIVE), NULL, 0, keep_count, &alive, err);

    if (rc == ST_OK && alive > 0)
        rc = db_exec(db, STR(FORGET), values, COUNT_OF(values), &count, err);
    if (rc == ST_OK)
        *deleted = count;
    return rc;
}

/* Listing */

struct listing {
    command_result_fn *fn;
    void *arg;
};

static enum status list_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    const struct listing *listing = arg;
    const struct command_result r = {
        .command_id = sql_text(&columns[0]),
        .account = sql_text(&columns[1]),
        .type = sql_text(&columns[2]),
        .outcome = sql_text(&columns[3]),
        .errcode = {columns[4].type == DB_INT, sql_int(&columns[4], 0)},
        .errmsg = sql_text(&columns[5]),
        .error = sql_text(&columns[6]),
        .at_ms = sql_int(&columns[7], 0),
    };

    return listing->fn(listing->arg, &r, err);
}

/* "*" becomes LIKE's "%"; what LIKE would take for its own is escaped. */
static void add_pattern(struct str pattern, struct buf *out)
{
    for (size_t i = 0; i < pattern.len; i++) {
        const char c = pattern.ptr[i];

        if (c == '%' || c == '_' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, c == '*' ? '%' : c);
    }
}

enum status command_result_list(struct db *db, const struct command_result_query *query,
                                command_result_fn *fn, void *arg, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    AUTO(buf_done) struct buf pattern = BUF_INIT(PATTERN_MAX);
    struct listing listing = {fn, arg};
    struct db_value values[3];
    size_t count = 0;

    add_pattern(query->type, &pattern);
    buf_add_cstr(&sql, "SELECT command_id,account,`type`,outcome,errcode,errmsg,error,`at`"
                       " FROM command_result WHERE 1=1");
    if (str_is_set(query->type)) {
        buf_add_cstr(&sql, " AND `type` LIKE ?");
        values[count++] = db_text(buf_str(&pattern));
    }
    if (str_is_set(query->account)) {
        buf_add_cstr(&sql, " AND account=?");
        values[count++] = db_text(query->account);
    }
    buf_add_cstr(&sql, " ORDER BY `at` DESC,command_id DESC LIMIT ?");
    values[count++] = db_int(query->max);
    if (!buf_ok(&sql) || !buf_ok(&pattern))
        return err_fatal(err, "command", "that is too long for a command's type");
    return db_query(db, buf_str(&sql), values, count, list_row, &listing, err);
}
