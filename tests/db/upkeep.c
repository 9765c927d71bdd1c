/* SPDX-License-Identifier: Apache-2.0 */
/* Months of wechat_event are made and dropped, old results of commands forgotten. */
#include "tables/upkeep.h"

#include "db/lock.h"
#include "db/migrate.h"
#include "tables/command_result.h"
#include "tables/event.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEEP = 24, SQL_ROOM = 4096, UPKEEP_MS = 10000 };

static struct scratch scratch;

#define THIS_MONTH "CAST(DATE_FORMAT(UTC_TIMESTAMP(),'%Y-%m-01') AS DATE)"
#define MONTH_NAME "DATE_FORMAT(UTC_TIMESTAMP()+INTERVAL (%d) MONTH,'p%%Y%%m')"

/* Partitions of this name there are; ago 1: last month's. */
static int64_t has_month(int ago)
{
    char sql[SQL_ROOM];

    (void)snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema=DATABASE()"
        " AND table_name='wechat_event' AND partition_name=" MONTH_NAME,
        -ago);
    return scratch_int(&scratch, sql);
}

static int64_t months_there(void)
{
    return scratch_int(&scratch, "SELECT COUNT(*) FROM information_schema.partitions WHERE"
                                 " table_schema=DATABASE() AND table_name='wechat_event'"
                                 " AND partition_name LIKE 'p______'");
}

static int64_t events(void)
{
    return scratch_int(&scratch, "SELECT COUNT(*) FROM wechat_event");
}

/* The table as an installation of so many months has it; nothing is made ahead. */
static void divide(int months)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(1 << 20);

    scratch_run(&scratch, "TRUNCATE wechat_event");
    buf_add_cstr(&sql, "SET @kabao_sql=CONCAT('ALTER TABLE wechat_event PARTITION BY RANGE COLUMNS"
                       " (create_time) ('");
    for (int ago = months - 1; ago >= 0; ago--)
        buf_addf(&sql,
                 ",'PARTITION '," MONTH_NAME ",' VALUES LESS THAN (''',DATE_FORMAT(UTC_TIMESTAMP()"
                 "-INTERVAL (%d) MONTH,'%%Y-%%m-01'),'''),'",
                 -ago, ago - 1);
    buf_add_cstr(&sql, ",'PARTITION later VALUES LESS THAN (MAXVALUE))');"
                       "PREPARE s FROM @kabao_sql; EXECUTE s; DEALLOCATE PREPARE s");
    assert_true(buf_ok(&sql));
    scratch_run(&scratch, sql.ptr);
}

static void add_event(const char *id, const char *when)
{
    char sql[SQL_ROOM];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO wechat_event (event_id,create_time,appid) VALUES ('%s',%s,'wx1')"
                   " ON DUPLICATE KEY UPDATE event_id=event_id",
                   id, when);
    scratch_run(&scratch, sql);
}

static struct months keep(int64_t months)
{
    struct months done;
    struct err err;

    must(months_keep(scratch.db, months, &done, &err), &err);
    return done;
}

static struct upkeep run(int64_t months)
{
    struct upkeep done;
    struct err err;

    must(upkeep_run(&scratch.settings, months, deadline_in(UPKEEP_MS), &done, &err), &err);
    return done;
}

static int start_anew(void **state)
{
    (void)state;
    scratch_run(&scratch, "SET SESSION timestamp=DEFAULT; TRUNCATE command_result");
    divide(1);
    return 0;
}

static void test_upkeep_makes_the_coming_months(void **state)
{
    (void)state;
    add_event("now", "UTC_TIMESTAMP(3)");
    add_event("next", "UTC_TIMESTAMP(3)+INTERVAL 1 MONTH"); /* it lies in `later` */
    assert_int_equal(run(KEEP).months.made, MONTHS_AHEAD);
    for (int ahead = 0; ahead <= MONTHS_AHEAD; ahead++)
        assert_int_equal(has_month(-ahead), 1);
    assert_int_equal(months_there(), MONTHS_AHEAD + 1);
    assert_int_equal(events(), 2);
    assert_int_equal(scratch_int(&scratch, "SELECT COUNT(*) FROM wechat_event PARTITION (later)"),
                     0);
    assert_int_equal(run(KEEP).months.made, 0);
}

static void test_upkeep_drops_what_is_too_old(void **state)
{
    struct upkeep done;

    (void)state;
    divide(30);
    add_event("now", "UTC_TIMESTAMP(3)");
    add_event("zero", "'1970-01-01'");
    add_event("old", THIS_MONTH "-INTERVAL 24 MONTH-INTERVAL 1 SECOND");
    add_event("kept", THIS_MONTH "-INTERVAL 24 MONTH");
    add_event("future", "'9999-12-31 23:59:59'");
    done = run(KEEP);
    assert_int_equal(done.months.dropped, 5); /* of 30 months: 24 full ones and this one stay */
    assert_int_equal(has_month(24), 1);
    assert_int_equal(has_month(25), 0);
    assert_int_equal(events(), 3);
    assert_int_equal(
        scratch_int(&scratch,
                    "SELECT COUNT(*) FROM wechat_event WHERE event_id IN ('now','kept','future')"),
        3);
    assert_int_equal(run(KEEP).months.dropped, 0);
    assert_int_equal(run(3).months.dropped, 21);
    assert_int_equal(events(), 2);
}

static void test_upkeep_what_was_dropped_may_come_again(void **state)
{
    (void)state;
    divide(30);
    add_event("now", "UTC_TIMESTAMP(3)");
    assert_int_equal(run(KEEP).months.dropped, 5);
    for (int i = 0; i < 2; i++)
        add_event("old", THIS_MONTH "-INTERVAL 28 MONTH");
    assert_int_equal(events(), 2);
    assert_int_equal(run(KEEP).months.dropped, 0);
    assert_int_equal(run(KEEP - 1).months.dropped, 1); /* it goes with the month that is next */
    assert_int_equal(events(), 1);
}

static void test_upkeep_a_clock_that_jumped_drops_nothing(void **state)
{
    (void)state;
    add_event("now", "UTC_TIMESTAMP(3)");
    assert_int_equal(keep(KEEP).made, MONTHS_AHEAD);
    for (int years = 1; years <= 100; years *= 10) {
        char sql[SQL_ROOM];

        (void)snprintf(sql, sizeof(sql),
                       "SET SESSION timestamp=DEFAULT; SET SESSION timestamp="
                       "UNIX_TIMESTAMP(LEAST(NOW()+INTERVAL %d YEAR,'2037-12-31'))",
                       years);
        scratch_run(&scratch, sql);
        assert_int_equal(keep(1).made, 0);
        assert_int_equal(keep(1).dropped, 0);
    }
    scratch_run(&scratch, "SET SESSION timestamp=1000000000");
    assert_int_equal(keep(1).dropped, 0);
    scratch_run(&scratch, "SET SESSION timestamp=DEFAULT");
    assert_int_equal(months_there(), MONTHS_AHEAD + 1);
    assert_int_equal(events(), 1);
}

static void test_upkeep_goes_on_after_years(void **state)
{
    (void)state;
    add_event("now", "UTC_TIMESTAMP(3)");
    scratch_run(&scratch, "SET SESSION timestamp="
                          "UNIX_TIMESTAMP(LEAST(NOW()+INTERVAL 5 YEAR,'2035-12-15'))");
    add_event("then", "UTC_TIMESTAMP(3)");
    /* Not beyond what one statement makes; nothing goes before there is a month for now. */
    assert_int_equal(keep(KEEP).made, MONTHS_MADE_MAX);
    assert_int_equal(events(), 2);
    for (int i = 0; i < 3; i++)
        (void)keep(KEEP);
    assert_int_equal(has_month(0), 1);
    assert_int_equal(has_month(-MONTHS_AHEAD), 1);
    assert_int_equal(has_month(KEEP + 1), 0);
    assert_int_equal(events(), 1);
    scratch_run(&scratch, "SET SESSION timestamp=DEFAULT");
}

static void test_upkeep_leaves_other_partitions_alone(void **state)
{
    (void)state;
    scratch_run(&scratch, "ALTER TABLE wechat_event PARTITION BY HASH (YEAR(create_time))"
                          " PARTITIONS 4");
    add_event("now", "UTC_TIMESTAMP(3)");
    assert_int_equal(run(1).months.made, 0);
    scratch_run(&scratch, "ALTER TABLE wechat_event REMOVE PARTITIONING");
    assert_int_equal(run(1).months.dropped, 0);
    assert_int_equal(events(), 1);
}

/* Results */

static void add_results(int count, const char *when)
{
    char sql[SQL_ROOM];

    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO command_result (command_id,outcome,standing,at) WITH RECURSIVE n (i)"
        " AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d)"
        " SELECT UUID(),'done','2',%s FROM n",
        count, when);
    scratch_run(&scratch, sql);
}

static int64_t results(void)
{
    return scratch_int(&scratch, "SELECT COUNT(*) FROM command_result");
}

static void test_upkeep_forgets_results(void **state)
{
    (void)state;
    add_results(COMMAND_RESULT_FORGET_ROWS * 2 - 1, "UTC_TIMESTAMP(3)-INTERVAL 25 MONTH");
    add_results(1, "UTC_TIMESTAMP(3)-INTERVAL 24 MONTH+INTERVAL 1 DAY");
    /* Nobody told a result of late: the clock may have jumped. */
    assert_int_equal(run(KEEP).results, 0);
    add_results(1, "'9999-12-31'");
    assert_int_equal(run(KEEP).results, 0);
    add_results(1, "UTC_TIMESTAMP(3)");
    add_results(1, "NULL");
    assert_int_equal(run(KEEP).results, COMMAND_RESULT_FORGET_ROWS * 2 - 1);
    assert_int_equal(results(), 4);
}

static void test_upkeep_is_one_instances_at_a_time(void **state)
{
    struct db *other = NULL;
    struct err err;
    bool locked = false;

    (void)state;
    add_event("now", "UTC_TIMESTAMP(3)");
    must(db_open(&scratch.settings, &other, &err), &err);
    must(db_lock(other, "upkeep", STR("store"), &locked, &err), &err);
    assert_true(locked);
    assert_true(run(KEEP).busy);
    assert_int_equal(months_there(), 1);
    db_close(other);
    assert_false(run(KEEP).busy);
    assert_int_equal(months_there(), MONTHS_AHEAD + 1);
}

/* Somebody's open transaction on the table: the writers wait no longer than the statement does. */
static void test_upkeep_gives_up_before_a_long_reader(void **state)
{
    struct upkeep done;
    struct err err;

    (void)state;
    add_event("now", "UTC_TIMESTAMP(3)");
    add_results(1, "UTC_TIMESTAMP(3)");
    add_results(1, "UTC_TIMESTAMP(3)-INTERVAL 25 MONTH");
    scratch_run(&scratch, "BEGIN; SELECT COUNT(*) FROM wechat_event");
    assert_int_equal(upkeep_run(&scratch.settings, KEEP, deadline_in(UPKEEP_MS), &done, &err),
                     ST_RETRY);
    assert_string_equal(err.code, "mysql:1205");
    assert_int_equal(done.results, 1); /* the rest is done all the same */
    scratch_run(&scratch, "COMMIT");
    assert_int_equal(run(KEEP).months.made, MONTHS_AHEAD);
}

/* Times */

static void put(const struct event *e, const char *id)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_ROOM);
    const struct event_origin origin = {.id = str_from(id), .body = STR("{}")};
    const struct db_value *row = event_row(&arena, e, &origin);
    struct err err;

    table_upsert_sql(&TABLE_WECHAT_EVENT, 1, &sql);
    must(db_exec(scratch.db, buf_str(&sql), row, TABLE_WECHAT_EVENT.column_count, NULL, &err),
         &err);
}

static void test_upkeep_every_time_has_its_month(void **state)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, 1760000000, 4102444800, INT64_MAX};
    struct event e = {.appid = STR("wx1"), .msg_type = STR("text")};

    (void)state;
    divide(3);
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < COUNT_OF(times); i++) {
            char id[32];

            (void)snprintf(id, sizeof(id), "e%zu", i);
            e.create_time.value = times[i];
            put(&e, id);
        }
    assert_int_equal(events(), COUNT_OF(times)); /* none twice, whatever its month */
    assert_int_equal(scratch_int(&scratch, "SELECT COUNT(*) FROM wechat_event PARTITION (later)"),
                     2);
}

/* Looking up */

static int64_t rows_passed(void)
{
    return scratch_int(&scratch,
                       "SELECT CAST(SUM(variable_value) AS SIGNED) FROM"
                       " information_schema.session_status WHERE variable_name IN"
                       " ('Handler_read_next','Handler_read_rnd_next','Handler_read_prev')");
}

static enum status count_row(void *arg, const struct db_value *columns UNUSED, size_t count UNUSED,
                             struct err *err UNUSED)
{
    int *rows = arg;

    (*rows)++;
    return ST_OK;
}

static void test_upkeep_events_are_found_by_an_index(void **state)
{
    static const char *const columns[] = {"event_id", "trace", "card_code", "openid"};

    (void)state;
    divide(24);
    scratch_run(&scratch, "INSERT INTO wechat_event (event_id,create_time,appid,trace,card_code,"
                          "openid) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n"
                          " WHERE i<899) SELECT MD5(i),UTC_TIMESTAMP()-INTERVAL MOD(i,24) MONTH,"
                          "'wx1',MD5(i),MD5(i),MD5(i) FROM n; ANALYZE TABLE wechat_event");
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const struct db_value hash = db_text(STR("1679091c5a880faf6fb5e6087eb1b2dc")); /* of 6 */
        const int64_t before = rows_passed();
        char sql[SQL_ROOM];
        struct err err;
        int rows = 0;

        (void)snprintf(sql, sizeof(sql), "SELECT body FROM wechat_event WHERE %s=?", columns[i]);
        must(db_query(scratch.db, str_from(sql), &hash, 1, count_row, &rows, &err), &err);
        assert_int_equal(rows, 1);
        assert_in_range(rows_passed() - before, 0,
                        300); /* of 900; the question itself passes some */
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_upkeep_makes_the_coming_months, start_anew),
        cmocka_unit_test_setup(test_upkeep_drops_what_is_too_old, start_anew),
        cmocka_unit_test_setup(test_upkeep_what_was_dropped_may_come_again, start_anew),
        cmocka_unit_test_setup(test_upkeep_a_clock_that_jumped_drops_nothing, start_anew),
        cmocka_unit_test_setup(test_upkeep_goes_on_after_years, start_anew),
        cmocka_unit_test_setup(test_upkeep_leaves_other_partitions_alone, start_anew),
        cmocka_unit_test_setup(test_upkeep_forgets_results, start_anew),
        cmocka_unit_test_setup(test_upkeep_is_one_instances_at_a_time, start_anew),
        cmocka_unit_test_setup(test_upkeep_gives_up_before_a_long_reader, start_anew),
        cmocka_unit_test_setup(test_upkeep_every_time_has_its_month, start_anew),
        cmocka_unit_test_setup(test_upkeep_events_are_found_by_an_index, start_anew),
    };
    struct err err;
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&scratch, argv + 1);
    must(migrate_apply(scratch.db, NULL, NULL, &err), &err);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&scratch);
    return failed;
}
