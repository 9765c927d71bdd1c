/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever order the results of a command come in, on a real server: the same row is left. */
#include "tables/command_result.h"

#include "codec/json.h"
#include "db/migrate.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 1 << 20, RESULTS_MAX = 4, SQL_SIZE = 400 };

static void put(const struct scratch *s, const char *json)
{
    AUTO(json_freep) struct json *value = NULL;
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct wechat_result r = {0};
    struct command_result row;
    struct err err = {0};

    must(json_parse(str_from(json), &value, &err), &err);
    must(wechat_result_parse(value, &r, &err), &err);
    if (!command_result_counts(&r))
        return;
    must(command_result_of(&arena, &r, &row, &err), &err);
    must(command_result_put(s->db, &row, &err), &err);
}

#define RESULT(outcome, ms, more)                                                              \
    "{\"account\":\"demo\",\"type\":\"card.get\",\"command_id\":\"c1\",\"outcome\":\"" outcome \
    "\",\"at\":\"2026-01-02T03:04:05." ms "Z\"" more "}"
#define ERROR(code) ",\"error\":{\"code\":\"" code "\",\"message\":\"m\"}"

static const char DONE[] = RESULT("done", "200", ",\"errcode\":0,\"answer\":{\"n\":1}");
static const char DONE_LATER[] = RESULT("done", "300", ",\"errcode\":0,\"answer\":{\"n\":2}");
static const char DONE_TWIN[] = RESULT("done", "200", ",\"answer\":{\"n\":3}");
static const char EXPIRED[] = RESULT("expired", "250", ERROR("deadline"));
static const char FAILED[] = RESULT("failed", "100", ",\"errcode\":-1" ERROR("wechat:-1"));
static const char FAILED_LATER[] = RESULT("failed", "900", ERROR("crash"));
static const char UNKNOWN[] = RESULT("unknown", "150", ERROR("wechat:timeout"));
static const char NOT_TRIED[] = RESULT("rejected", "120", ERROR("replay"));
static const char REFUSED[] = RESULT("rejected", "220", ",\"errcode\":40056" ERROR("wechat:40056"));
static const char FOREIGN[] = RESULT("rejected", "010", ERROR("idempotency"));

static void assert_row(const struct scratch *s, const char *where)
{
    char sql[SQL_SIZE];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT COUNT(*) FROM command_result WHERE command_id='c1' AND %s", where);
    if (scratch_int(s, sql) != 1)
        fail_msg("no row with %s", where);
}

/* In every order, each of them twice. */
static void in_every_order(const struct scratch *s, const char *const *results, const char *where)
{
    size_t count = 0;
    int orders = 1;

    while (count < RESULTS_MAX && results[count])
        orders *= (int)++count;
    for (int order = 0; order < orders; order++) {
        const char *left[RESULTS_MAX] = {0};
        int rest = order;

        memcpy(left, results, count * sizeof(*left));
        scratch_run(s, "DELETE FROM command_result");
        for (size_t n = count; n > 0; n--) {
            const size_t at = (size_t)rest % n;

            put(s, left[at]);
            put(s, left[at]);
            put(s, results[0]);
            rest /= (int)n;
            left[at] = left[n - 1];
        }
        assert_row(s, where);
        assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM command_result"), 1);
    }
}

static void test_the_first_stands(void **state)
{
    in_every_order(*state, (const char *const[RESULTS_MAX]){DONE, DONE_LATER, EXPIRED, REFUSED},
                   "outcome='done' AND errcode=0 AND answer='{\"n\":1}' AND error IS NULL"
                   " AND at='2026-01-02 03:04:05.200'");
}

static void test_a_failure_gives_way_whatever_its_time(void **state)
{
    in_every_order(*state, (const char *const[RESULTS_MAX]){FAILED, EXPIRED, UNKNOWN, FAILED_LATER},
                   "outcome='expired' AND errcode IS NULL AND error LIKE '%deadline%'");
    in_every_order(*state, (const char *const[RESULTS_MAX]){UNKNOWN, DONE, FAILED_LATER, NOT_TRIED},
                   "outcome='done' AND error IS NULL AND answer IS NOT NULL");
}

static void test_of_failures_the_latest_stands(void **state)
{
    in_every_order(*state, (const char *const[RESULTS_MAX]){FAILED, UNKNOWN, NOT_TRIED},
                   "outcome='unknown' AND errcode IS NULL");
    in_every_order(*state, (const char *const[RESULTS_MAX]){UNKNOWN, FAILED, FAILED_LATER},
                   "outcome='failed' AND error LIKE '%crash%' AND errcode IS NULL");
}

/* The hash decides; both orders agree. */
static void test_equal_times_tie_for_nobody(void **state)
{
    const struct scratch *s = *state;
    bool first;

    put(s, DONE);
    put(s, DONE_TWIN);
    first = scratch_int(s, "SELECT COUNT(*) FROM command_result WHERE errcode=0") == 1;
    in_every_order(s, (const char *const[RESULTS_MAX]){DONE, DONE_TWIN},
                   first ? "answer='{\"n\":1}' AND errcode=0"
                         : "answer='{\"n\":3}' AND errcode IS NULL");
}

static void test_the_answer_to_another_record_has_no_row(void **state)
{
    const struct scratch *s = *state;

    put(s, FOREIGN);
    assert_int_equal(scratch_int(s, "SELECT COUNT(*) FROM command_result"), 0);
    in_every_order(s, (const char *const[RESULTS_MAX]){FAILED, FOREIGN}, "outcome='failed'");
}

struct listed {
    size_t count;
    char ids[8][8];
};

static enum status list(void *arg, const struct command_result *r, struct err *err UNUSED)
{
    struct listed *l = arg;

    (void)str_copy(r->command_id, l->ids[l->count++], sizeof(l->ids[0]));
    assert_true(str_eq(r->outcome, STR("done")) && r->errcode.set);
    assert_false(str_is_set(r->answer));
    return ST_OK;
}

static struct listed listed(const struct scratch *s, const char *type, int64_t max)
{
    const struct command_result_query query = {.type = str_from(type), .max = max};
    struct listed l = {0};
    struct err err = {0};

    must(command_result_list(s->db, &query, list, &l, &err), &err);
    return l;
}

static void test_the_newest_are_listed_first(void **state)
{
    const struct scratch *s = *state;
    struct listed l;

    scratch_run(
        s, "INSERT INTO command_result (command_id,account,type,outcome,errcode,answer,at,standing)"
           " VALUES ('a','demo','card.get','done',0,'{}','2026-01-01','x'),"
           "('b','demo','card.create','done',0,'{}','2026-01-03','x'),"
           "('c','demo','cardXget','done',0,'{}','2026-01-02','x'),"
           "('d','demo','a_b','done',0,'{}','2026-01-04','x')");
    l = listed(s, NULL, 3);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.ids[0], "d");
    assert_string_equal(l.ids[1], "b");
    assert_string_equal(l.ids[2], "c");
    l = listed(s, "card.*", 9);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.ids[0], "b");
    assert_int_equal(listed(s, "card.get", 9).count, 1);
    assert_int_equal(listed(s, "card_get", 9).count, 0);
    assert_int_equal(listed(s, "a_b", 9).count, 1);
}

static int begin(void **state)
{
    scratch_run(*state, "DELETE FROM command_result");
    return 0;
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, NULL, &scratch)

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_stands),
        TEST(test_a_failure_gives_way_whatever_its_time),
        TEST(test_of_failures_the_latest_stands),
        TEST(test_equal_times_tie_for_nobody),
        TEST(test_the_answer_to_another_record_has_no_row),
        TEST(test_the_newest_are_listed_first),
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
