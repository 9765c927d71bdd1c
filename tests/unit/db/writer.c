/* SPDX-License-Identifier: Apache-2.0 */
/* The writer and the pool without a database: what a lane sees while it is away. */
#include "db/writer.h"

#include "base/mem.h"
#include "metrics/catalog.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <string.h>

enum { LANES = 64, HANG_MS = 20000 };

static char no_socket[] = "/nonexistent/mysql.sock";
static char user[] = "kabao";
static char no_file[] = "/nonexistent/password";

static const struct settings_mysql AWAY = {
    .socket = no_socket, .user = user, .connections = 4, .batch_rows = 20, .batch_ms = 10};

static const struct column COLUMNS[] = {{"a", COLUMN_KEY, NULL}};
static const struct table TABLE = {"t", COLUMNS, 1, false};

struct lane {
    struct writer *w;
    int number;
    enum status rc;
    struct err err;
};

static enum status never(struct db *tx, void *arg, struct err *err)
{
    (void)tx;
    (void)arg;
    return err_fatal(err, "test", "there is no database to run with");
}

static void *call(void *arg)
{
    struct lane *lane = arg;
    const struct db_value value = db_int(lane->number);
    const struct db_row row = {&TABLE, &value};
    struct deadline until = deadline_in(10L * lane->number);

    if (lane->number % 2 == 0)
        lane->rc = writer_put(lane->w, &row, 1, until, &lane->err);
    else
        lane->rc = writer_run(lane->w, never, NULL, until, &lane->err);
    return NULL;
}

static void test_writer_gives_up_at_each_callers_deadline(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&AWAY);
    AUTO(writer_freep) struct writer *w = writer_new(&AWAY, pool, metrics);
    const int64_t start_ms = clock_mono_ms();
    struct lane lanes[LANES];
    pthread_t threads[LANES];

    for (int i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){.w = w, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &lanes[i]), 0);
    }
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(lanes[i].rc, ST_RETRY);
        assert_memory_equal(lanes[i].err.code, "mysql:", 6);
    }
    assert_true(clock_mono_ms() - start_ms < HANG_MS);
}

static void test_writer_needs_no_database_for_no_rows(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&AWAY);
    AUTO(writer_freep) struct writer *w = writer_new(&AWAY, pool, metrics);
    struct err err;

    assert_int_equal(writer_put(w, NULL, 0, deadline_none(), &err), ST_OK);
}

static void test_writer_passes_on_what_cannot_get_better(void **state)
{
    (void)state;
    struct settings_mysql settings = AWAY;
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    struct db_pool *pool;
    struct writer *w;
    struct err err;

    settings.password_file = no_file;
    pool = db_pool_new(&settings);
    w = writer_new(&settings, pool, metrics);
    assert_int_equal(writer_run(w, never, NULL, deadline_none(), &err), ST_FATAL);
    assert_non_null(strstr(err.text, no_file));
    writer_free(w);
    db_pool_free(pool);
}

static void test_pool_tells_that_the_server_is_away(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&AWAY);
    struct db *db = NULL;
    struct err err;

    db_pool_watch(pool, metrics);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(db_pool_acquire(pool, deadline_in(HANG_MS), &db, &err), ST_RETRY);
        assert_string_equal(err.code, "mysql:2002");
        assert_null(db);
    }
    assert_true(metric_value(metric_1(metrics, &METRIC_MYSQL_ERRORS, "2002")) == 3);
    assert_int_equal(db_pool_acquire(pool, deadline_in(0), &db, &err), ST_RETRY);
    assert_true(metric_value(metric_1(metrics, &METRIC_MYSQL_ERRORS, "busy")) == 1);
}

static void test_writer_and_pool_survive_short_memory(void **state)
{
    (void)state;
    AUTO(metrics_freep) struct metrics *metrics = metrics_new();
    AUTO(db_pool_freep) struct db_pool *pool = db_pool_new(&AWAY);
    struct writer *w = NULL;
    size_t failed = 0;

    for (size_t nth = 1; !w; nth++) {
        mem_fail_at(nth, false);
        w = writer_new(&AWAY, pool, metrics);
        mem_fail_at(0, false);
        failed += w == NULL;
    }
    writer_free(w);
    assert_true(failed > 0);

    mem_fail_at(1, true);
    assert_null(db_pool_new(&AWAY));
    mem_fail_at(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_gives_up_at_each_callers_deadline),
        cmocka_unit_test(test_writer_needs_no_database_for_no_rows),
        cmocka_unit_test(test_writer_passes_on_what_cannot_get_better),
        cmocka_unit_test(test_pool_tells_that_the_server_is_away),
        cmocka_unit_test(test_writer_and_pool_survive_short_memory),
    };
    struct err err;
    int failed;

    if (db_library_init(&err) != ST_OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    db_library_done();
    return failed;
}
