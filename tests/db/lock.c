/* SPDX-License-Identifier: Apache-2.0 */
/* Locks by name on a real server. */
#include "db/lock.h"

#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static const struct str DEMO = STR_INIT("demo");

static struct db *open_one(const struct scratch *s)
{
    struct db *db = NULL;
    struct err err;

    must(db_open(&s->settings, &db, &err), &err);
    return db;
}

static bool takes(struct db *db, const char *kind, struct str name)
{
    struct err err;
    bool locked = false;

    must(db_lock(db, kind, name, &locked, &err), &err);
    return locked;
}

static void test_lock_is_one_connections(void **state)
{
    const struct scratch *s = *state;
    struct db *holder = open_one(s);
    struct db *other = open_one(s);

    assert_true(takes(holder, "dlq", DEMO));
    assert_true(takes(holder, "dlq", STR("more than one")));
    assert_false(takes(other, "dlq", DEMO));
    assert_true(takes(other, "dlq", STR("another")));
    assert_true(takes(other, "reconcile", DEMO));
    db_close(holder);
    assert_true(takes(other, "dlq", DEMO));
    db_close(other);
}

static void test_lock_of_a_lost_connection_is_free(void **state)
{
    const struct scratch *s = *state;
    struct db *holder = open_one(s);
    struct db *other = open_one(s);
    struct err err;
    char sql[64];

    assert_true(takes(holder, "dlq", DEMO));
    (void)snprintf(sql, sizeof(sql), "KILL %lld",
                   (long long)scratch_int(s, "SELECT IS_USED_LOCK(CONCAT('kabao.dlq.',"
                                             "MD5(CONCAT(DATABASE(),'/demo'))))"));
    scratch_run(s, sql);
    assert_true(takes(other, "dlq", DEMO));
    assert_int_equal(db_exec(holder, STR("SELECT 1"), NULL, 0, NULL, &err), ST_RETRY);
    assert_true(db_is_lost(holder));
    db_close(holder);
    db_close(other);
}

/* 64 characters for the server, whatever is locked. */
static void test_lock_name_fits_at_its_longest(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_one(s);
    char longest[DB_LOCK_KIND_MAX + 1];
    char name[1000];

    memset(longest, 'k', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(name, 'n', sizeof(name));
    assert_true(takes(db, longest, str_of(name, sizeof(name))));
    db_close(db);
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_lock_is_one_connections, &scratch),
        cmocka_unit_test_prestate(test_lock_of_a_lost_connection_is_free, &scratch),
        cmocka_unit_test_prestate(test_lock_name_fits_at_its_longest, &scratch),
    };
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
