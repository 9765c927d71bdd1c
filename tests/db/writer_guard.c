/* SPDX-License-Identifier: Apache-2.0 */
/* common/db/writer: what was decided by another version than stands now is not written. */
#include "db/writer.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

/* writer_guard.read */
static enum status read_version(struct db *tx, void *arg, int64_t *version, struct err *err)
{
    const int64_t *now = arg;

    *version = *now;
    return db_exec(tx, STR("DO 0"), NULL, 0, NULL, err);
}

/* writer_fn */
static enum status count_run(struct db *tx UNUSED, void *arg, struct err *err UNUSED)
{
    int *runs = arg;

    (*runs)++;
    return ST_OK;
}

static enum status run_decided(struct writer *w, void *runs, int64_t version, struct err *err)
{
    const struct writer_job job = {
        .fn = count_run, .arg = runs, .guarded = true, .version = version};

    return writer_do(w, &job, deadline_none(), err);
}

static void test_writer_writes_nothing_that_another_version_decided(void **state)
{
    const struct scratch *s = *state;
    struct metrics *metrics = metrics_new();
    struct db_pool *pool = db_pool_new(&s->settings);
    struct writer *w = writer_new(&s->settings, pool, metrics);
    struct err err = {0};
    int64_t version = 7;
    int runs = 0;

    writer_set_guard(w, (struct writer_guard){read_version, &version});
    assert_int_equal(run_decided(w, &runs, 7, &err), ST_OK);
    assert_int_equal(run_decided(w, &runs, 6, &err), ST_WAIT);
    assert_string_equal(err.resource, "version");
    assert_int_equal(runs, 1);
    assert_int_equal(writer_run(w, count_run, &runs, deadline_none(), &err), ST_OK);
    assert_int_equal(runs, 2);
    version = 8;
    assert_int_equal(run_decided(w, &runs, 7, &err), ST_WAIT);
    assert_int_equal(run_decided(w, &runs, 8, &err), ST_OK);
    assert_int_equal(runs, 3);
    writer_free(w);
    db_pool_free(pool);
    metrics_free(metrics);
}

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_writer_writes_nothing_that_another_version_decided,
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
