/* SPDX-License-Identifier: Apache-2.0 */
/* common/db/mysql against a real server. */
#include "db/mysql.h"

#include "base/mem.h"
#include "db/pool.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LONG_TEXT = 1000000, ROOM = 4 * LONG_TEXT, OVER_PACKET = 64 * 1024 * 1024 + 1 };

static struct db *open_one(const struct scratch *s)
{
    struct db *db = NULL;
    struct err err;

    must(db_open(&s->settings, &db, &err), &err);
    return db;
}

static void exec(struct db *db, const char *sql)
{
    struct err err;

    must(db_exec(db, str_from(sql), NULL, 0, NULL, &err), &err);
}

struct seen {
    size_t rows;
    struct db_value values[8];
    struct buf text;
};

static enum status see(void *arg, const struct db_value *columns, size_t count, struct err *err)
{
    struct seen *seen = arg;

    (void)err;
    seen->rows++;
    memcpy(seen->values, columns, count * sizeof(*columns));
    for (size_t i = 0; i < count; i++)
        if (columns[i].type == DB_TEXT)
            buf_add(&seen->text, columns[i].value.text);
    return ST_OK;
}

static void test_mysql_values_come_back_as_they_went(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    static const int64_t times[] = {1, -1, 999, 1760000000123, -62135596800000, 253402300799999};
    struct err err;

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct db_value in[] = {db_int(i % 2 ? INT64_MIN : INT64_MAX),
                                      {.type = DB_DOUBLE, .value.f64 = 0.1},
                                      db_null(),
                                      db_time(times[i]),
                                      db_text(STR("\xf0\x9f\x98\x80"))};
        struct seen seen = {.text = BUF_INIT(100)};

        exec(db,
             "CREATE OR REPLACE TABLE v (i BIGINT, d DOUBLE, n TEXT, t DATETIME(3), x VARCHAR(9))");
        must(db_exec(db, STR("INSERT INTO v VALUES (?,?,?,?,?)"), in, COUNT_OF(in), NULL, &err),
             &err);
        must(db_query(db, STR("SELECT * FROM v"), NULL, 0, see, &seen, &err), &err);
        assert_int_equal(seen.rows, 1);
        assert_int_equal(seen.values[0].value.i64, in[0].value.i64);
        assert_true(seen.values[1].type == DB_DOUBLE && seen.values[1].value.f64 == 0.1);
        assert_int_equal(seen.values[2].type, DB_NULL);
        assert_int_equal(seen.values[3].type, DB_TIME_MS);
        assert_int_equal(seen.values[3].value.i64, times[i]);
        assert_string_equal(seen.text.ptr, "\xf0\x9f\x98\x80");
        buf_done(&seen.text);
    }
    db_close(db);
}

static void test_mysql_texts_of_any_length_come_whole(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    static const size_t lengths[] = {0, 1, 255, 256, 257, LONG_TEXT, 3, 70000};
    char *text = mem_alloc(LONG_TEXT);
    struct err err;

    memset(text, 'x', LONG_TEXT);
    exec(db, "CREATE OR REPLACE TABLE l (n INT PRIMARY KEY, a LONGTEXT, b LONGTEXT)");
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        const struct db_value in[] = {db_int((int64_t)i), db_text(str_of(text, lengths[i])),
                                      db_text(STR("end"))};

        must(db_exec(db, STR("INSERT INTO l VALUES (?,?,?)"), in, COUNT_OF(in), NULL, &err), &err);
    }
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        const struct db_value key = db_int((int64_t)i);
        struct seen seen = {.text = BUF_INIT(ROOM)};

        must(db_query(db, STR("SELECT a, b FROM l WHERE n>=? ORDER BY n LIMIT 1"), &key, 1, see,
                      &seen, &err),
             &err);
        assert_int_equal(seen.text.len, lengths[i] + 3);
        assert_true(str_ends(buf_str(&seen.text), STR("end")));
        assert_memory_equal(seen.text.ptr, text, lengths[i]);
        buf_done(&seen.text);
    }
    {
        struct seen seen = {.text = BUF_INIT(ROOM)};

        must(db_query(db, STR("SELECT a FROM l ORDER BY n"), NULL, 0, see, &seen, &err), &err);
        assert_int_equal(seen.rows, COUNT_OF(lengths));
        assert_int_equal(seen.text.len, 0 + 1 + 255 + 256 + 257 + LONG_TEXT + 3 + 70000);
        buf_done(&seen.text);
    }
    mem_free(text);
    db_close(db);
}

struct refusal {
    const char *sql;
    enum status status;
    const char *code;
};

static const struct refusal REFUSALS[] = {
    {"INSERT INTO r VALUES (2,'abcdef',1)", ST_REJECT, "mysql:1406"},
    {"INSERT INTO r VALUES (2,'a',300)", ST_REJECT, "mysql:1264"},
    {"INSERT INTO r VALUES (2,X'ff',1)", ST_REJECT, "mysql:1366"},
    {"INSERT INTO r VALUES (2,NULL,1)", ST_REJECT, "mysql:1048"},
    {"INSERT INTO r VALUES (1,'a',1)", ST_REJECT, "mysql:1062"},
    {"INSERT INTO r VALUES (2,'a','secret')", ST_REJECT, "mysql:1366"},
    {"INSERT INTO nowhere VALUES (1)", ST_FATAL, "mysql:1146"},
    {"INSERT INTO r (nothing) VALUES (1)", ST_FATAL, "mysql:1054"},
    {"INSERT INTO", ST_FATAL, "mysql:1064"},
    {"INSERT INTO r (n) VALUES (3)", ST_FATAL, "mysql:1364"},
};

static void test_mysql_errors_say_what_to_do(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    struct err err;

    exec(db, "CREATE OR REPLACE TABLE r (n INT PRIMARY KEY, t VARCHAR(5) NOT NULL, u TINYINT)");
    exec(db, "INSERT INTO r VALUES (1,'a',1)");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
            enum status rc = db_exec(db, str_from(REFUSALS[i].sql), NULL, 0, NULL, &err);

            assert_int_equal(rc, REFUSALS[i].status);
            assert_string_equal(err.code, REFUSALS[i].code);
            assert_null(strstr(err.text, "secret"));
            assert_false(db_is_lost(db));
        }
    }
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM r"), 1);
    db_close(db);
}

static void test_mysql_session_is_strict_and_utc(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    struct seen seen = {.text = BUF_INIT(1000)};
    struct err err;

    must(db_query(db,
                  STR("SELECT CONCAT_WS(' ', @@time_zone, @@tx_isolation, @@character_set_client,"
                      " @@character_set_results, @@autocommit), @@sql_mode"),
                  NULL, 0, see, &seen, &err),
         &err);
    assert_true(str_starts(buf_str(&seen.text), STR("+00:00 READ-COMMITTED utf8mb4 utf8mb4 ON")));
    assert_non_null(strstr(seen.text.ptr, "STRICT_ALL_TABLES"));
    buf_done(&seen.text);
    db_close(db);
}

static void test_mysql_refusals_of_the_server_are_final(void **state)
{
    struct scratch *s = *state;
    struct settings_mysql settings = s->settings;
    static char nobody[] = "nobody";
    static char elsewhere[] = "kabao_not_there";
    static char forbidden[] = "mysql";
    struct db *db = NULL;
    struct err err;

    settings.user = nobody;
    assert_int_equal(db_open(&settings, &db, &err), ST_FATAL);
    assert_string_equal(err.code, "mysql:1045");
    settings = s->settings;
    settings.database = elsewhere;
    assert_int_equal(db_open(&settings, &db, &err), ST_FATAL);
    assert_string_equal(err.code, "mysql:1049");
    settings.database = forbidden;
    assert_int_equal(db_open(&settings, &db, &err), ST_FATAL);
    assert_string_equal(err.code, "mysql:1044");
    assert_null(db);
}

static void test_mysql_statements_are_remembered_within_bounds(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    struct err err;
    char sql[64];

    for (int i = 0; i < 500; i++) {
        struct seen seen = {.text = BUF_INIT(100)};

        (void)snprintf(sql, sizeof(sql), "SELECT %d", i % 150);
        must(db_query(db, str_from(sql), NULL, 0, see, &seen, &err), &err);
        assert_int_equal(seen.values[0].value.i64, i % 150);
    }
    assert_true(
        scratch_int(s, "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.global_status"
                       " WHERE VARIABLE_NAME='Prepared_stmt_count'") <= 64 + 64);
    db_close(db);
}

static enum status stop_at_third(void *arg, const struct db_value *columns, size_t count,
                                 struct err *err)
{
    int *rows = arg;

    (void)columns;
    (void)count;
    if (++*rows == 3)
        return err_reject(err, REASON_SCHEMA, "test", "enough");
    return ST_OK;
}

static void test_mysql_query_ends_when_its_reader_wants(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    struct err err;

    for (int i = 0; i < 3; i++) {
        int rows = 0;

        assert_int_equal(
            db_query(db, STR("SELECT seq FROM seq_1_to_1000"), NULL, 0, stop_at_third, &rows, &err),
            ST_REJECT);
        assert_string_equal(err.code, "test");
        assert_int_equal(rows, 3);
    }
    db_close(db);
}

static void test_mysql_oversized_statement_is_a_data_error(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    char *text = mem_zalloc(OVER_PACKET);
    const struct db_value value = db_text(str_of(text, OVER_PACKET));
    struct seen seen = {.text = BUF_INIT(100)};
    struct err err;

    assert_int_equal(db_query(db, STR("SELECT LENGTH(?)"), &value, 1, see, &seen, &err), ST_REJECT);
    assert_string_equal(err.code, "mysql:1153");
    assert_false(db_is_lost(db));
    must(db_query(db, STR("SELECT 1"), NULL, 0, see, &seen, &err), &err);
    mem_free(text);
    db_close(db);
}

static void test_mysql_times_beyond_the_calendar_are_data_errors(void **state)
{
    struct scratch *s = *state;
    struct db *db = open_one(s);
    static const int64_t times[] = {INT64_MAX, INT64_MIN, 253402300800000, -62135596800001};
    struct seen seen = {.text = BUF_INIT(100)};
    struct err err;

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct db_value value = db_time(times[i]);

        assert_int_equal(db_query(db, STR("SELECT ?"), &value, 1, see, &seen, &err), ST_REJECT);
    }
    db_close(db);
}

static void kill_connection(const struct scratch *s, struct db *db)
{
    struct seen seen = {.text = BUF_INIT(100)};
    struct err err;
    char sql[64];

    must(db_query(db, STR("SELECT CONNECTION_ID()"), NULL, 0, see, &seen, &err), &err);
    (void)snprintf(sql, sizeof(sql), "KILL %" PRId64, seen.values[0].value.i64);
    scratch_run(s, sql);
}

static void test_mysql_lost_connection_is_noticed_and_replaced(void **state)
{
    struct scratch *s = *state;
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&s->settings);
    struct db *db = NULL;
    struct err err;

    for (int round = 0; round < 6; round++) {
        must(db_pool_acquire(pool, deadline_none(), &db, &err), &err);
        exec(db, "SELECT 1");
        kill_connection(s, db);
        assert_int_equal(db_exec(db, STR("SELECT 1"), NULL, 0, NULL, &err), ST_RETRY);
        assert_true(db_is_lost(db));
        db_pool_release(pool, db);
    }
}

static void test_pool_never_lends_more_than_it_has(void **state)
{
    struct scratch *s = *state;
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&s->settings);
    struct db *lent[4];
    struct db *fifth = NULL;
    struct err err;

    for (size_t i = 0; i < COUNT_OF(lent); i++)
        must(db_pool_acquire(pool, deadline_none(), &lent[i], &err), &err);
    assert_int_equal(db_pool_acquire(pool, deadline_in(30), &fifth, &err), ST_RETRY);
    assert_string_equal(err.code, "mysql:busy");
    db_pool_release(pool, lent[2]);
    must(db_pool_acquire(pool, deadline_in(30), &fifth, &err), &err);
    assert_ptr_equal(fifth, lent[2]);
    for (size_t i = 0; i < COUNT_OF(lent); i++)
        db_pool_release(pool, lent[i]);
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_mysql_values_come_back_as_they_went, &scratch),
        cmocka_unit_test_prestate(test_mysql_texts_of_any_length_come_whole, &scratch),
        cmocka_unit_test_prestate(test_mysql_errors_say_what_to_do, &scratch),
        cmocka_unit_test_prestate(test_mysql_session_is_strict_and_utc, &scratch),
        cmocka_unit_test_prestate(test_mysql_refusals_of_the_server_are_final, &scratch),
        cmocka_unit_test_prestate(test_mysql_statements_are_remembered_within_bounds, &scratch),
        cmocka_unit_test_prestate(test_mysql_query_ends_when_its_reader_wants, &scratch),
        cmocka_unit_test_prestate(test_mysql_oversized_statement_is_a_data_error, &scratch),
        cmocka_unit_test_prestate(test_mysql_times_beyond_the_calendar_are_data_errors, &scratch),
        cmocka_unit_test_prestate(test_mysql_lost_connection_is_noticed_and_replaced, &scratch),
        cmocka_unit_test_prestate(test_pool_never_lends_more_than_it_has, &scratch),
    };
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
