/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: opening, session, transactions. What the vendors' libraries do differently is
 * here and in link.h. */
#include "db/mysql.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/secret.h"
#include "db/fault.h"
#include "db/link.h"
#include "db/statement.h"

enum {
    CONNECT_TIMEOUT_S = 3,
    STATEMENT_TIMEOUT_S = 10,
    PATIENT_TIMEOUT_S = 24 * 3600,
    PASSWORD_MAX = 4096,
    PACKET_OVERHEAD = 1024,  /* the statement's own frame */
    PARAMETER_OVERHEAD = 16, /* type, length and NULL bit of one value, at most */
};

struct db {
    MYSQL *mysql;
    struct metrics *metrics; /* NULL: nobody counts */
    struct statements *statements;
    int64_t packet_max; /* 0 until known */
    bool lost;
    bool must_repeat;
    bool was_beaten;
};

/* The lock waits stay below the time-out of reads: a clean 1205 instead of a lost connection. */
#define SESSION_COMMON                                                                    \
    "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"               \
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',time_zone='+00:00',autocommit=1," \
    "innodb_lock_wait_timeout=5"
static const char SESSION_WORK[] = SESSION_COMMON ",lock_wait_timeout=5";
static const char SESSION_PATIENT[] = SESSION_COMMON;
static const char ISOLATION[] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

struct db_value db_null(void)
{
    return (struct db_value){.type = DB_NULL};
}

struct db_value db_int(int64_t value)
{
    return (struct db_value){.type = DB_INT, .value.i64 = value};
}

struct db_value db_text(struct str value)
{
    if (!str_is_set(value))
        return db_null();
    return (struct db_value){.type = DB_TEXT, .value.text = value};
}

struct db_value db_time(int64_t wall_ms)
{
    if (wall_ms == 0)
        return db_null();
    return (struct db_value){.type = DB_TIME_MS, .value.i64 = wall_ms};
}

enum status db_library_init(struct err *err)
{
    if (mysql_library_init(0, NULL, NULL) != 0)
        return err_fatal(err, "memory", "The MySQL client library cannot start");
    return ST_OK;
}

void db_library_done(void)
{
    mysql_library_end();
}

void db_thread_init(void)
{
    (void)mysql_thread_init();
}

void db_thread_done(void)
{
    mysql_thread_end();
}

MYSQL *link_handle(struct db *db)
{
    return db->mysql;
}

enum status link_failed(struct db *db, unsigned number, const char *sqlstate, const char *message,
                        struct err *err)
{
    struct fault fault = fault_find(number, sqlstate);

    db->lost |= (fault.flags & FAULT_LOST) != 0;
    db->must_repeat |= (fault.flags & FAULT_AGAIN) != 0;
    db->was_beaten |= (fault.flags & FAULT_RACE) != 0;
    (void)fault_err(&fault, message, err);
    fault_count(db->metrics, fault.status, err);
    return fault.status;
}

static enum status failed(struct db *db, struct err *err)
{
    return link_failed(db, mysql_errno(db->mysql), mysql_sqlstate(db->mysql),
                       mysql_error(db->mysql), err);
}

static enum status run_text(struct db *db, struct str sql, struct err *err)
{
    if (mysql_real_query(db->mysql, sql.ptr, sql.len) != 0)
        return failed(db, err);
    return ST_OK;
}

static bool set_option(MYSQL *mysql, enum mysql_option option, const void *value)
{
    return mysql_options(mysql, option, value) == 0;
}

/* With a CA file the server must show a certificate of it, made out to its name. */
static bool set_tls(MYSQL *mysql, const char *ca_file)
{
#ifdef MARIADB_PACKAGE_VERSION
    const link_flag on = 1;

    return set_option(mysql, MYSQL_OPT_SSL_CA, ca_file) &&
           set_option(mysql, MYSQL_OPT_SSL_ENFORCE, &on) &&
           set_option(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
#else
    const unsigned mode = SSL_MODE_VERIFY_IDENTITY;

    return set_option(mysql, MYSQL_OPT_SSL_CA, ca_file) &&
           set_option(mysql, MYSQL_OPT_SSL_MODE, &mode);
#endif
}

static bool set_options(MYSQL *mysql, const struct settings_mysql *settings, bool patient)
{
    const unsigned connect_s = CONNECT_TIMEOUT_S;
    const unsigned statement_s = patient ? PATIENT_TIMEOUT_S : STATEMENT_TIMEOUT_S;
    const unsigned local_infile = 0; /* a hostile server may not ask for our files */
    /* Without this "localhost" silently means the library's own default socket. */
    const unsigned protocol = settings->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

    return set_option(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4") &&
           set_option(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s) &&
           set_option(mysql, MYSQL_OPT_READ_TIMEOUT, &statement_s) &&
           set_option(mysql, MYSQL_OPT_WRITE_TIMEOUT, &statement_s) &&
           set_option(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile) &&
           set_option(mysql, MYSQL_OPT_PROTOCOL, &protocol) &&
           (!settings->ca_file || set_tls(mysql, settings->ca_file));
}

static enum status connect_to(struct db *db, const struct settings_mysql *settings, struct err *err)
{
    AUTO(buf_done_secret) struct buf password = BUF_INIT(PASSWORD_MAX);

    if (settings->password_file) {
        enum status rc =
            secret_read("[mysql] password_file", settings->password_file, &password, err);

        if (rc != ST_OK)
            return rc;
    }
    if (!mysql_real_connect(db->mysql, settings->socket ? NULL : settings->host, settings->user,
                            password.ptr, settings->database, (unsigned)settings->port,
                            settings->socket, CLIENT_FOUND_ROWS))
        return failed(db, err);
    return ST_OK;
}

static enum status keep_packet_max(void *arg, const struct db_value *columns, size_t count,
                                   struct err *err)
{
    int64_t *packet_max = arg;

    (void)err;
    if (count == 1 && columns[0].type == DB_INT)
        *packet_max = columns[0].value.i64;
    return ST_OK;
}

static enum status set_session(struct db *db, bool patient, struct err *err)
{
    enum status rc = run_text(db, str_from(patient ? SESSION_PATIENT : SESSION_WORK), err);

    if (rc == ST_OK)
        rc = run_text(db, str_from(ISOLATION), err);
    if (rc == ST_OK)
        rc = db_query(db, STR("SELECT @@max_allowed_packet"), NULL, 0, keep_packet_max,
                      &db->packet_max, err);
    return rc;
}

DECLARE_FREEP(struct db, db_close)

static enum status open_with(const struct settings_mysql *settings, bool patient, struct db **out,
                             struct err *err)
{
    AUTO(db_closep) struct db *db = mem_zalloc(sizeof(*db));
    enum status rc;

    db_thread_init();
    if (db) {
        db->mysql = mysql_init(NULL);
        db->statements = statements_new(db);
    }
    if (!db || !db->mysql || !db->statements)
        return err_retry(err, "memory", "no memory for a database connection");
    if (!set_options(db->mysql, settings, patient))
        return err_fatal(err, "mysql:option", "The MySQL client library refuses an option");
    rc = connect_to(db, settings, err);
    if (rc == ST_OK)
        rc = set_session(db, patient, err);
    if (rc == ST_OK)
        *out = TAKE(db);
    return rc;
}

enum status db_open(const struct settings_mysql *settings, struct db **out, struct err *err)
{
    return open_with(settings, false, out, err);
}

enum status db_open_patient(const struct settings_mysql *settings, struct db **out, struct err *err)
{
    return open_with(settings, true, out, err);
}

void db_watch(struct db *db, struct metrics *metrics)
{
    db->metrics = metrics;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    statements_free(db->statements);
    if (db->mysql)
        mysql_close(db->mysql);
    mem_free(db);
}

bool db_is_lost(const struct db *db)
{
    return db->lost;
}

bool db_must_repeat(const struct db *db)
{
    return db->must_repeat;
}

bool db_was_beaten(const struct db *db)
{
    return db->was_beaten;
}

/* Told here and not by the server, which closes the connection on such a packet, sometimes without
 * saying why. */
static enum status check_size(const struct db *db, struct str sql, const struct db_value *values,
                              size_t count, struct err *err)
{
    size_t size = PACKET_OVERHEAD + sql.len + count * PARAMETER_OVERHEAD;

    for (size_t i = 0; i < count; i++)
        if (values[i].type == DB_TEXT)
            size += values[i].value.text.len;
    if (db->packet_max == 0 || size <= (size_t)db->packet_max)
        return ST_OK;
    return err_reject(err, REASON_REJECTED, "mysql:1153",
                      "%zu bytes are over the server's max_allowed_packet of %lld", size,
                      (long long)db->packet_max);
}

static enum status run(struct db *db, struct str sql, const struct db_value *values, size_t count,
                       const struct statement_use *use, struct err *err)
{
    enum status rc = check_size(db, sql, values, count, err);

    if (rc != ST_OK)
        return rc;
    return statements_run(db->statements, sql, values, count, use, err);
}

enum status db_exec(struct db *db, struct str sql, const struct db_value *values, size_t count,
                    int64_t *affected, struct err *err)
{
    struct statement_use use = {0};

    use.affected = affected;
    return run(db, sql, values, count, &use, err);
}

/* The reader is a function and its argument. NOLINTNEXTLINE(readability-function-size) */
enum status db_query(struct db *db, struct str sql, const struct db_value *values, size_t count,
                     db_row_fn *fn, void *arg, struct err *err)
{
    const struct statement_use use = {.fn = fn, .arg = arg};

    return run(db, sql, values, count, &use, err);
}

static enum status discard_results(struct db *db, struct err *err)
{
    for (;;) {
        MYSQL_RES *result = mysql_store_result(db->mysql);
        int next;

        if (result)
            mysql_free_result(result);
        next = mysql_next_result(db->mysql);
        if (next < 0)
            return ST_OK;
        if (next > 0)
            return failed(db, err);
    }
}

enum status db_script(struct db *db, struct str sql, struct err *err)
{
    enum status rc;

    if (mysql_set_server_option(db->mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0)
        return failed(db, err);
    rc = run_text(db, sql, err);
    if (rc == ST_OK)
        rc = discard_results(db, err);
    if (mysql_set_server_option(db->mysql, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)
        db->lost = true;
    return rc;
}

enum status db_begin(struct db *db, struct err *err)
{
    db->must_repeat = false;
    db->was_beaten = false;
    return run_text(db, STR("START TRANSACTION"), err);
}

enum status db_commit(struct db *db, struct err *err)
{
    return run_text(db, STR("COMMIT"), err);
}

void db_rollback(struct db *db)
{
    if (!db->lost && mysql_rollback(db->mysql) != 0)
        db->lost = true; /* nobody may go on in a transaction that is still open */
}

enum status db_savepoint(struct db *db, struct err *err)
{
    return run_text(db, STR("SAVEPOINT job"), err);
}

enum status db_rollback_to_savepoint(struct db *db, struct err *err)
{
    return run_text(db, STR("ROLLBACK TO SAVEPOINT job"), err);
}
