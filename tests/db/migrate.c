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
                                    " AND collation_name<>'utf8mb4_bin'"
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
