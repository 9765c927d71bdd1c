/* SPDX-License-Identifier: Apache-2.0 */
/* The quota of all processes together: each has its own struct quota and pool here, as it would
 * have, on one real server. */
#include "run/quota.h"

#include "db/migrate.h"
#include "log/log.h"
#include "run/lease.h"
#include "tables/quota.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { PROCESSES = 8, LANES = 3, CROWD = 8, PATIENCE_MS = 30000, RUN_MS = 4000, MINUTE_MS = 60000 };

/* 20 calls a second, but for the 3 % that stay unused. */
enum { LIMIT = 1200 };

static char demo_name[] = "demo";
static char demo_appid[] = "wx0123456789abcdef";
static char other_name[] = "other";
static char other_appid[] = "wxfedcba9876543210";
static char limited[] = "/card/limited";
static char daily[] = "/card/daily";
static const char OPEN[] = "/card/open";

static struct account accounts[] = {
    {.name = demo_name, .appid = demo_appid},
    {.name = other_name, .appid = other_appid},
};
static struct quota_limit limits[] = {{limited, LIMIT, 60000}, {daily, 3, 86400000}};
static const struct settings SETTINGS = {
    .accounts = accounts,
    .account_count = COUNT_OF(accounts),
    .quota = {.limits = limits, .count = COUNT_OF(limits), .replay_share = 0.2},
};
static const struct account *const DEMO = &accounts[0];
static const struct account *const OTHER = &accounts[1];

struct process {
    struct quota *quota;
    struct db_pool *pool;
};

struct fixture {
    struct scratch scratch;
    struct metrics *metrics;
    struct process processes[PROCESSES];
};

static void process_start(struct fixture *f, struct process *p)
{
    struct err err;

    p->quota = quota_new(&SETTINGS, f->metrics);
    p->pool = db_pool_new(&f->scratch.settings);
    assert_true(p->quota && p->pool);
    must(quota_open(p->quota, p->pool, &err), &err);
}

static void process_end(struct process *p)
{
    quota_free(p->quota);
    db_pool_free(p->pool);
    *p = (struct process){0};
}

static int begin(void **state)
{
    struct fixture *f = *state;

    scratch_run(&f->scratch, "DELETE FROM quota");
    for (size_t i = 0; i < PROCESSES; i++)
        process_start(f, &f->processes[i]);
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < PROCESSES; i++)
        process_end(&f->processes[i]);
    return 0;
}

static enum status admit(const struct process *p, const struct account *account, const char *path,
                         bool is_replay, struct err *err)
{
    const struct quota_caller caller = {deadline_in(PATIENCE_MS), is_replay};

    return quota_admit(p->quota, quota_path(p->quota, account, path), &caller, err);
}

static void report(const struct process *p, const char *path, int errcode)
{
    const struct quota_outcome outcome = {.errcode = errcode, .began_ms = clock_mono_ms()};
    struct quota_dark dark;

    (void)quota_report(p->quota, quota_path(p->quota, DEMO, path), &outcome, &dark);
}

static void nap(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

/* The table */

static void test_quota_row_is_spent_by_one_of_two(void **state)
{
    struct fixture *f = *state;
    const struct quota_key key = {str_from(demo_appid), STR("/a")};
    struct quota_row row = {0};
    struct quota_row again = {0};
    bool done = false;
    struct err err;

    must(quota_row_read(f->scratch.db, &key, &row, &err), &err);
    assert_in_range(row.now_us / 1000, clock_wall_ms() - PATIENCE_MS,
                    clock_wall_ms() + PATIENCE_MS);
    assert_true(row.spent_us == 0 && row.closed_us == 0);
    must(quota_row_spend(f->scratch.db, &key, &row, row.now_us + 7, &done, &err), &err);
    assert_true(done);
    must(quota_row_spend(f->scratch.db, &key, &row, row.now_us + 9, &done, &err), &err);
    assert_false(done);
    must(quota_row_read(f->scratch.db, &key, &again, &err), &err);
    assert_int_equal(again.spent_us, row.now_us + 7);
    must(quota_row_spend(f->scratch.db, &key, &again, row.now_us + 9, &done, &err), &err);
    assert_true(done);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM quota"), 1);
}

static int64_t closed_s(const struct fixture *f, const char *path)
{
    const struct quota_key key = {str_from(demo_appid), str_from(path)};
    struct quota_row row = {0};
    struct err err;

    must(quota_row_read(f->scratch.db, &key, &row, &err), &err);
    return row.closed_us == 0 ? 0 : (row.closed_us - row.now_us) / 1000000;
}

static void close_for(const struct fixture *f, const char *path, int64_t for_ms)
{
    const struct quota_key key = {str_from(demo_appid), str_from(path)};
    struct err err;

    must(quota_row_close(f->scratch.db, &key, for_ms, &err), &err);
}

static void test_quota_row_closings_only_move_later(void **state)
{
    struct fixture *f = *state;

    close_for(f, "/a", MINUTE_MS + MINUTE_MS);
    assert_in_range(closed_s(f, "/a"), 90, 120);
    close_for(f, "/a", MINUTE_MS);
    assert_in_range(closed_s(f, "/a"), 90, 120);
    close_for(f, "/a", MINUTE_MS + MINUTE_MS + MINUTE_MS);
    assert_in_range(closed_s(f, "/a"), 150, 180);
    assert_int_equal(closed_s(f, "/b"), 0);
    close_for(f, "/b", MINUTE_MS);
    assert_in_range(closed_s(f, "/b"), 30, 60);
}

/* Closings */

static void test_quota_closing_reaches_every_process(void **state)
{
    struct fixture *f = *state;
    const struct process *one = &f->processes[0];
    const struct process *two = &f->processes[1];
    struct process fresh;
    struct err err;

    report(one, OPEN, 45011);
    assert_true(quota_has_news(one->quota));
    assert_int_equal(admit(two, DEMO, OPEN, false, &err), ST_OK);
    assert_true(quota_sync(one->quota, deadline_in(PATIENCE_MS)));
    assert_false(quota_has_news(one->quota));
    assert_true(quota_sync(two->quota, deadline_in(PATIENCE_MS)));
    assert_int_equal(admit(two, DEMO, OPEN, false, &err), ST_WAIT);
    assert_in_range(deadline_left_ms(err.until), MINUTE_MS / 2, MINUTE_MS + 1000);
    assert_int_equal(admit(two, OTHER, OPEN, false, &err), ST_OK);
    process_start(f, &fresh);
    assert_int_equal(admit(&fresh, DEMO, OPEN, false, &err), ST_WAIT);
    process_end(&fresh);
}

static void test_quota_closing_is_read_with_a_lease(void **state)
{
    struct fixture *f = *state;
    struct err err;

    close_for(f, limited, MINUTE_MS);
    assert_int_equal(admit(&f->processes[0], DEMO, limited, false, &err), ST_WAIT);
    assert_in_range(deadline_left_ms(err.until), MINUTE_MS / 2, MINUTE_MS + 6000);
    assert_int_equal(admit(&f->processes[0], OTHER, limited, false, &err), ST_OK);
}

/* The clock went back by years. */
static void test_quota_closing_is_for_a_day_at_most(void **state)
{
    struct fixture *f = *state;
    const struct process *p = &f->processes[0];
    const int64_t day_ms = 86400000;
    struct err err;

    scratch_run(&f->scratch, "INSERT INTO quota VALUES"
                             " ('wx0123456789abcdef','/card/limited',NULL,'2200-01-01'),"
                             " ('wx0123456789abcdef','/card/open',NULL,'2200-01-01')");
    assert_int_equal(admit(p, DEMO, limited, false, &err), ST_WAIT);
    assert_in_range(deadline_left_ms(err.until), day_ms - MINUTE_MS, day_ms + MINUTE_MS);
    assert_int_equal(admit(p, DEMO, OPEN, false, &err), ST_OK);
    assert_true(quota_sync(p->quota, deadline_in(PATIENCE_MS)));
    assert_int_equal(admit(p, DEMO, OPEN, false, &err), ST_WAIT);
    assert_in_range(deadline_left_ms(err.until), day_ms - MINUTE_MS, day_ms);
}

static void test_quota_closing_is_told_once_the_database_is_back(void **state)
{
    struct fixture *f = *state;
    struct process *one = &f->processes[0];
    static char nowhere[] = "/nonexistent/socket";
    struct settings_mysql away = f->scratch.settings;
    AUTO(db_pool_freep) struct db_pool *pool = NULL;
    struct err err;

    away.socket = nowhere;
    pool = db_pool_new(&away);
    assert_int_equal(quota_open(one->quota, pool, &err), ST_RETRY);
    report(one, OPEN, 45011);
    assert_false(quota_sync(one->quota, deadline_in(100)));
    assert_int_equal(admit(one, DEMO, OPEN, false, &err), ST_WAIT);
    assert_int_equal(admit(one, DEMO, limited, false, &err), ST_WAIT);
    assert_int_equal(admit(one, DEMO, "/card/other", false, &err), ST_OK);
    assert_true(quota_has_news(one->quota));
    must(quota_open(one->quota, one->pool, &err), &err);
    assert_in_range(closed_s(f, OPEN), 30, 60);
}

/* Limits */

struct taking {
    pthread_t thread;
    const struct process *process;
    struct deadline until;
    atomic_int *taken;
};

static void *take_all(void *arg)
{
    const struct taking *t = arg;
    struct err err;

    while (!deadline_passed(t->until)) {
        if (admit(t->process, DEMO, limited, false, &err) == ST_OK)
            (void)atomic_fetch_add(t->taken, 1);
        else
            nap(deadline_left_ms(deadline_min(err.until, t->until)));
    }
    db_thread_done();
    return NULL;
}

static void test_quota_limit_is_kept_and_used_by_all_together(void **state)
{
    struct fixture *f = *state;
    struct taking takings[PROCESSES * LANES] = {0};
    const int64_t interval_us = lease_rate(LIMIT, 60000).interval_us;
    const struct deadline until = deadline_in(RUN_MS);
    const int64_t began_us = clock_mono_ns() / 1000;
    atomic_int taken = 0;
    int64_t took_us;
    int64_t most;

    for (size_t i = 0; i < COUNT_OF(takings); i++) {
        struct taking *t = &takings[i];

        *t = (struct taking){
            .process = &f->processes[i % PROCESSES], .until = until, .taken = &taken};
        assert_int_equal(pthread_create(&t->thread, NULL, take_all, t), 0);
    }
    for (size_t i = 0; i < COUNT_OF(takings); i++)
        (void)pthread_join(takings[i].thread, NULL);
    took_us = clock_mono_ns() / 1000 - began_us;
    most = (took_us + LEASE_BURST_US) / interval_us + 1;
    print_message("%d of %lld\n", atomic_load(&taken), (long long)most);
    assert_in_range(atomic_load(&taken), most * 85 / 100, most);
}

static void test_quota_of_a_day_ends(void **state)
{
    struct fixture *f = *state;
    struct err err;

    if (clock_next_midnight_utc8(clock_wall_ms()) - clock_wall_ms() < MINUTE_MS)
        return;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(admit(&f->processes[i], DEMO, daily, false, &err), ST_OK);
    assert_int_equal(admit(&f->processes[3], DEMO, daily, false, &err), ST_WAIT);
    assert_true(deadline_left_ms(err.until) > MINUTE_MS / 2);
}

static void test_quota_live_goes_before_a_replay(void **state)
{
    struct fixture *f = *state;
    const struct process *p = &f->processes[0];
    struct err err;
    int live = 0;

    assert_int_equal(admit(p, DEMO, limited, true, &err), ST_OK);
    while (admit(p, DEMO, limited, true, &err) == ST_OK) {
    }
    while (admit(&f->processes[1], DEMO, limited, false, &err) == ST_OK)
        live++;
    assert_true(live >= 3);
    assert_int_equal(admit(&f->processes[2], DEMO, limited, true, &err), ST_WAIT);
}

static void *take_one(void *arg)
{
    const struct taking *t = arg;
    struct err err;

    if (admit(t->process, DEMO, limited, false, &err) == ST_OK)
        (void)atomic_fetch_add(t->taken, 1);
    db_thread_done();
    return NULL;
}

/* One asks and waits for a row that somebody holds; the others go on, and other paths know nothing
 * of it. */
static void test_quota_only_one_lane_waits_for_the_database(void **state)
{
    struct fixture *f = *state;
    const struct process *p = &f->processes[0];
    struct taking takings[CROWD] = {0};
    atomic_int taken = 0;
    const struct quota_key key = {str_from(demo_appid), str_from(limited)};
    struct quota_row row;
    struct err err;
    int64_t began_ms;

    must(quota_row_read(f->scratch.db, &key, &row, &err), &err);
    scratch_run(&f->scratch, "BEGIN; SELECT * FROM quota WHERE path='/card/limited' FOR UPDATE");
    takings[0] = (struct taking){.process = p, .taken = &taken};
    assert_int_equal(pthread_create(&takings[0].thread, NULL, take_one, &takings[0]), 0);
    while (scratch_int(&f->scratch, "SELECT COUNT(*) FROM information_schema.processlist"
                                    " WHERE info LIKE 'UPDATE quota %'") == 0)
        nap(10);
    began_ms = clock_mono_ms();
    for (size_t i = 1; i < CROWD; i++)
        assert_int_equal(admit(p, DEMO, limited, false, &err), ST_WAIT);
    assert_int_equal(admit(p, DEMO, OPEN, false, &err), ST_OK);
    assert_int_equal(admit(p, DEMO, daily, false, &err), ST_OK);
    assert_true(clock_mono_ms() - began_ms < 2000);
    assert_int_equal(atomic_load(&taken), 0);
    scratch_run(&f->scratch, "COMMIT");
    (void)pthread_join(takings[0].thread, NULL);
    assert_int_equal(atomic_load(&taken), 1);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, end, &fixture)

int main(int argc, char **argv)
{
    struct fixture fixture = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_quota_row_is_spent_by_one_of_two),
        TEST(test_quota_row_closings_only_move_later),
        TEST(test_quota_closing_reaches_every_process),
        TEST(test_quota_closing_is_read_with_a_lease),
        TEST(test_quota_closing_is_for_a_day_at_most),
        TEST(test_quota_closing_is_told_once_the_database_is_back),
        TEST(test_quota_limit_is_kept_and_used_by_all_together),
        TEST(test_quota_of_a_day_ends),
        TEST(test_quota_live_goes_before_a_replay),
        TEST(test_quota_only_one_lane_waits_for_the_database),
    };
    struct err err;
    int failed;

    if (argc != 3)
        return 64;
    log_init("db_quota", LOG_ERROR);
    scratch_open(&fixture.scratch, argv + 1);
    must(migrate_apply(fixture.scratch.db, NULL, NULL, &err), &err);
    fixture.metrics = metrics_new();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    metrics_free(fixture.metrics);
    scratch_close(&fixture.scratch);
    return failed;
}
