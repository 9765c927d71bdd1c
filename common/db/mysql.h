/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to MySQL or MariaDB through the libmysqlclient API; mysql.h stays inside this
 * folder. One thread at a time. The process ignores SIGPIPE. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct metrics;

enum db_type {
    DB_NULL,
    DB_INT,
    DB_DOUBLE,
    DB_TEXT,
    DB_TIME_MS /* wall ms, stored as DATETIME(3) UTC */
};

struct db_value {
    enum db_type type;

    union {
        int64_t i64;
        double f64;
        struct str text; /* borrowed */
    } value;
};

struct db_value db_null(void);
struct db_value db_int(int64_t value);
struct db_value db_text(struct str value); /* absent: NULL */
struct db_value db_time(int64_t wall_ms);  /* 0: NULL */

/* Once per process, before its first connection and before threads; _done after the last. */
MUST_CHECK enum status db_library_init(struct err *err);
void db_library_done(void);
/* What the vendor's library keeps per thread: taken by itself when a connection is opened or
 * acquired, given back by a thread that ends. MariaDB's keeps nothing. */
void db_thread_init(void);
void db_thread_done(void);

/* Session: utf8mb4, UTC, strict mode, READ COMMITTED; connect 3 s, one statement 10 s, one lock 5
 * s. ST_RETRY: server away; ST_FATAL: refused (access, TLS, database, password file). */
MUST_CHECK enum status db_open(const struct settings_mysql *settings, struct db **out,
                               struct err *err);
/* The same without limits on a statement and on metadata locks: for migrations and exports. */
MUST_CHECK enum status db_open_patient(const struct settings_mysql *settings, struct db **out,
                                       struct err *err);
/* From now on failures are counted (METRIC_MYSQL_ERRORS); what the server refuses as data is
 * none. */
void db_watch(struct db *db, struct metrics *metrics);
void db_close(struct db *db);         /* NULL is fine */
bool db_is_lost(const struct db *db); /* the connection died; open a new one */

/* Statements are prepared once per connection and text (bounded cache). '?' takes values in order.
 * *affected (NULL is fine): rows matched by UPDATE, changed or not; not a test of success after an
 * upsert. err->code "mysql:1406". ST_RETRY: connection, 1205, 1213, read-only, too many
 * connections, shutdown, memory; ST_REJECT: data (too long, out of range, wrong text, null,
 * constraint, duplicate, over max_allowed_packet); ST_FATAL: schema or permission (1044 1045 1142
 * 1054 1146 1064). err->text never quotes a value. */
MUST_CHECK enum status db_exec(struct db *db, struct str sql, const struct db_value *values,
                               size_t count, int64_t *affected, struct err *err);
/* Columns live for the call; fn may not use the connection, and what it returns other than ST_OK
 * ends the query with that status. Integers come as DB_INT, DATETIME as DB_TIME_MS, FLOAT and
 * DOUBLE as DB_DOUBLE, everything else as DB_TEXT. The result is held in memory: LIMIT it. */
typedef enum status db_row_fn(void *arg, const struct db_value *columns, size_t count,
                              struct err *err);
MUST_CHECK enum status db_query(struct db *db, struct str sql, const struct db_value *values,
                                size_t count, db_row_fn *fn, void *arg, struct err *err);
/* Several statements separated by ';' (migrations); results are discarded. */
MUST_CHECK enum status db_script(struct db *db, struct str sql, struct err *err);

/* For db/writer and db/migrate only. */
MUST_CHECK enum status db_begin(struct db *db, struct err *err);
MUST_CHECK enum status db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);
MUST_CHECK enum status db_savepoint(struct db *db, struct err *err); /* replaces the last one */
MUST_CHECK enum status db_rollback_to_savepoint(struct db *db, struct err *err);
/* Something since db_begin (deadlock, lock wait, lost connection) undid the transaction, whatever
 * was made of the error: it can only be repeated as a whole. */
bool db_must_repeat(const struct db *db);
/* By a deadlock: whoever repeats it at once holds nobody up. */
bool db_was_beaten(const struct db *db);
