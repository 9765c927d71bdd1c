/* SPDX-License-Identifier: Apache-2.0 */
/* common/db/migrate against a real server. */
#include "db/migrate.h"

#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { RUNNERS = 6 };

static void count_done(void *arg, const struct migration *migration)
{
    atomic_int *count = arg;

    (void)migration;
    atomic_fetch_add(count, 1);
}

static int empty_database(void **state)
{
    const struct scratch *s = *state;
    char sql[300];

    (void)snprintf(sql, sizeof(sql), "DROP DATABASE %s; CREATE DATABASE %s; USE %s", s->name,
                   s->name, s->name);
    scratch_run(s, sql);
    return 0;
}

static int built_in(void)
{
    size_t count = 0;

    (void)migrate_all(&count);
    return (int)count;
}

static void test_migrate_brings_an_empty_database_up(void **state)
{
    const struct scratch *s = *state;
    atomic_int done = 0;
    int version = -1;
    struct err err;

    must(migrate_version(s->db, &version, &err), &err);
    assert_int_equal(version, 0);
    assert_int_equal(migrate_check(s->db, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "kabaoctl migrate"));

    must(migrate_apply(s->db, count_done, &done, &err), &err);
    assert_int_equal(done, built_in());
    must(migrate_check(s->db, &err), &err);
    must(migrate_version(s->db, &version, &err), &err);
    assert_int_equal(version, built_in());

    must(migrate_apply(s->db, count_done, &done, &err), &err);
    assert_int_equal(done, built_in());
    must(migrate_apply(s->db, NULL, NULL, &err), &err);
}

static void test_migrate_goes_on_after_it_was_killed(void **state)
{
    const struct scratch *s = *state;
    struct err err;

    must(migrate_apply(s->db, NULL, NULL, &err), &err);
    scratch_run(s, "INSERT INTO member (appid, card_id, card_code) VALUES ('a', 'b', 'c');"
                   "DROP TABLE binding; DROP TABLE activation; DELETE FROM schema_version");
    must(migrate_apply(s->db, NULL, NULL, &err), &err);
    must(migrate_check(s->db, &err), &err);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM binding"), 0);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM member"), 1);
}

static void keep_step(void *arg, const struct migrate_step *step)
{
    struct migrate_step *found = arg;

    if (str_is_set(step->rebuilds))
        *found = *step;
}

/* An older database with rows in the table that is rebuilt. */
static void test_migrate_tells_what_takes_long(void **state)
{
    const struct scratch *s = *state;
    struct migrate_step step = {.migration = NULL};
    size_t count = 0;
    struct err err;

    must(migrate_plan(s->db, keep_step, &step, &err), &err);
    assert_int_equal(step.migration->version, 10);
    assert_int_equal(step.rows, 0);

    for (const struct migration *m = migrate_all(&count); m->version < 10; m++)
        must(db_script(s->db, m->sql, &err), &err);
    scratch_run(s, "INSERT INTO wechat_event (event_id,create_time,appid,card_code) WITH RECURSIVE"
                   " n (i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<499) SELECT MD5(i),"
                   " UTC_TIMESTAMP()-INTERVAL MOD(i,50) MONTH,'wx1',i FROM n;"
                   "INSERT INTO wechat_event (event_id,create_time,appid) VALUES"
                   " ('zero','1970-01-01','wx1'),('end','9999-12-31 23:59:59','wx1');"
                   "ANALYZE TABLE wechat_event");
    must(migrate_plan(s->db, keep_step, &step, &err), &err);
    assert_true(str_eq(step.rebuilds, STR("wechat_event")));
    assert_true(step.rows > 0);

    must(migrate_apply(s->db, NULL, NULL, &err), &err);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM wechat_event"), 502);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM wechat_event WHERE trace IS NULL"), 502);
    /* 36 months ago, this one, three to come, later; and who is in none is in the first or last. */
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM information_schema.partitions WHERE"
                                    " table_schema=DATABASE() AND table_name='wechat_event'"),
                     36 + 1 + 3 + 1);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM wechat_event PARTITION (later)"), 1);
}

static void test_migrate_leaves_a_newer_database_alone(void **state)
{
    const struct scratch *s = *state;
    struct err err;

    must(migrate_apply(s->db, NULL, NULL, &err), &err);
    scratch_run(s, "INSERT INTO schema_version VALUES (9999, 'later', UTC_TIMESTAMP(3))");
    assert_int_equal(migrate_check(s->db, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "upgrade"));
    assert_int_equal(migrate_apply(s->db, NULL, NULL, &err), ST_FATAL);
}

struct runner {
    const struct scratch *s;
    atomic_int *done;
    enum status rc;
};

static void *run(void *arg)
{
    struct runner *runner = arg;
    struct db *db = NULL;
    struct err err;

    runner->rc = db_open_patient(&runner->s->settings, &db, &err);
    if (runner->rc == ST_OK)
        runner->rc = migrate_apply(db, count_done, runner->done, &err);
    db_close(db);
    db_thread_done();
    return NULL;
}

static void test_migrate_runners_wait_for_each_other(void **state)
{
    const struct scratch *s = *state;
    struct runner runners[RUNNERS];
    pthread_t threads[RUNNERS];
    atomic_int done = 0;

    for (int i = 0; i < RUNNERS; i++) {
        runners[i] = (struct runner){.s = s, .done = &done};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &runners[i]), 0);
    }
    for (int i = 0; i < RUNNERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(runners[i].rc, ST_OK);
    }
    assert_int_equal(done, built_in());
}

static void test_migrate_identifiers_are_case_sensitive(void **state)
{
    const struct scratch *s = *state;
    struct err err;

    must(migrate_apply(s->db, NULL, NULL, &err), &err);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM information_schema.columns WHERE"
                                    " table_schema=DATABASE() AND character_set_name IS NOT NULL"
                                    " AND collation_name NOT IN ('utf8mb4_bin', 'ascii_bin')"
                                    " AND column_name NOT IN ('nickname', 'title')"),
                     0);
    scratch_run(
        s,
        "INSERT INTO member (appid, card_id, card_code) VALUES ('a', 'b', 'c'), ('a', 'b', 'C')");
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(test_migrate_brings_an_empty_database_up,
                                                 empty_database, NULL, &scratch),
        cmocka_unit_test_prestate_setup_teardown(test_migrate_goes_on_after_it_was_killed,
                                                 empty_database, NULL, &scratch),
        cmocka_unit_test_prestate_setup_teardown(test_migrate_tells_what_takes_long, empty_database,
                                                 NULL, &scratch),
        cmocka_unit_test_prestate_setup_teardown(test_migrate_leaves_a_newer_database_alone,
                                                 empty_database, NULL, &scratch),
        cmocka_unit_test_prestate_setup_teardown(test_migrate_runners_wait_for_each_other,
                                                 empty_database, NULL, &scratch),
        cmocka_unit_test_prestate_setup_teardown(test_migrate_identifiers_are_case_sensitive,
                                                 empty_database, NULL, &scratch),
    };
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
