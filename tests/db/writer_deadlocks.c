/* SPDX-License-Identifier: Apache-2.0 */
/* common/db/writer where others are quicker, time and again. */
#include "db/writer.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <limits.h>

enum { HANG_MS = 60000 };

struct victim {
    int runs;
    int deadlocks; /* of these the first */
};

static enum status lose_to_others(struct db *tx, void *arg, struct err *err)
{
    struct victim *v = arg;

    if (++v->runs > v->deadlocks)
        return ST_OK;
    return db_exec(tx, STR("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO=1213"), NULL, 0, NULL, err);
}

/* Each time another got on: what was given up instead may be a call that was made. */
static void test_writer_repeats_what_deadlocks_undid_until_its_deadline(void **state)
{
    const struct scratch *s = *state;
    struct metrics *metrics = metrics_new();
    struct db_pool *pool = db_pool_new(&s->settings);
    struct writer *w = writer_new(&s->settings, pool, metrics);
    struct victim late = {.deadlocks = 100};
    struct victim never = {.deadlocks = INT_MAX};
    struct err err = {0};

    assert_int_equal(writer_run(w, lose_to_others, &late, deadline_in(HANG_MS), &err), ST_OK);
    assert_int_equal(late.runs, 101);
    assert_int_equal(writer_run(w, lose_to_others, &never, deadline_in(200), &err), ST_RETRY);
    assert_string_equal(err.code, "mysql:1213");
    writer_free(w);
    db_pool_free(pool);
    metrics_free(metrics);
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_writer_repeats_what_deadlocks_undid_until_its_deadline,
                                  &scratch),
    };
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
