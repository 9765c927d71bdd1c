/* SPDX-License-Identifier: Apache-2.0 */
/* The progress of reconcile, and the order in which accounts are gone through, on a real server. */
#include "tables/reconcile.h"

#include "db/migrate.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <string.h>

static const char RUN_A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char RUN_B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const struct str DEMO = STR_INIT("wx0123456789abcdef");
static const struct str OTHER = STR_INIT("wxfedcba9876543210");
static const struct reconcile_card BEGINNING = {0};

static struct reconcile_run named(const char *run_id, int64_t total)
{
    struct reconcile_run run = {.total = total};

    (void)str_copy(str_from(run_id), run.run_id, sizeof(run.run_id));
    return run;
}

static struct reconcile_card card_of(const char *card_id, const char *card_code)
{
    struct reconcile_card card = {0};

    (void)str_copy(str_from(card_id), card.card_id, sizeof(card.card_id));
    (void)str_copy(str_from(card_code), card.card_code, sizeof(card.card_code));
    return card;
}

static struct reconcile_run newest(const struct scratch *s, struct str appid)
{
    struct reconcile_run run;
    struct err err = {0};

    must(reconcile_newest(s->db, appid, &run, &err), &err);
    return run;
}

static int begin(void **state)
{
    const struct scratch *s = *state;

    scratch_run(s, "DELETE FROM bonus_account; DELETE FROM reconcile;"
                   "DELETE FROM reconcile_failure");
    return 0;
}

static void test_the_newest_run_counts(void **state)
{
    const struct scratch *s = *state;
    const struct reconcile_run a = named(RUN_A, 10);
    const struct reconcile_run b = named(RUN_B, 20);
    struct reconcile_run run;
    struct err err = {0};

    assert_string_equal(newest(s, DEMO).run_id, "");
    must(reconcile_start(s->db, DEMO, &a, &err), &err);
    run = newest(s, DEMO);
    assert_string_equal(run.run_id, RUN_A);
    assert_int_equal(run.total, 10);
    assert_int_equal(run.checked, 0);
    assert_string_equal(run.last.card_id, "");
    assert_true(run.started_ms > 0 && run.finished_ms == 0);
    must(reconcile_start(s->db, DEMO, &b, &err), &err);
    assert_string_equal(newest(s, DEMO).run_id, RUN_B);
    assert_string_equal(newest(s, OTHER).run_id, "");
    assert_int_not_equal(reconcile_start(s->db, OTHER, &b, &err), ST_OK);
}

static void test_what_is_saved_is_gone_on_with(void **state)
{
    const struct scratch *s = *state;
    struct reconcile_run run = named(RUN_A, 3);
    struct reconcile_run found;
    struct err err = {0};

    must(reconcile_start(s->db, DEMO, &run, &err), &err);
    must(reconcile_save(s->db, &run, false, &err), &err);
    assert_string_equal(newest(s, DEMO).last.card_code, "");
    run.checked = 6;
    run.repaired = 3;
    run.skipped = 2;
    run.failed = 1;
    run.last = card_of("p1", "0001");
    must(reconcile_save(s->db, &run, false, &err), &err);
    found = newest(s, DEMO);
    assert_int_equal(found.checked, 6);
    assert_int_equal(found.repaired, 3);
    assert_int_equal(found.skipped, 2);
    assert_int_equal(found.failed, 1);
    assert_string_equal(found.last.card_id, "p1");
    assert_string_equal(found.last.card_code, "0001");
    assert_int_equal(found.finished_ms, 0);
    must(reconcile_save(s->db, &run, true, &err), &err);
    assert_true(newest(s, DEMO).finished_ms >= found.started_ms);
}

struct listed {
    size_t count;
    char codes[4][8];
    bool has_code;
};

static enum status list(void *arg, const struct reconcile_failure *failure, struct err *err UNUSED)
{
    struct listed *l = arg;

    (void)str_copy(failure->card_code, l->codes[l->count++], sizeof(l->codes[0]));
    l->has_code = str_eq(failure->error_code, STR("wechat:40056"));
    assert_true(str_eq(failure->outcome, STR("rejected")));
    return ST_OK;
}

static void test_a_card_fails_once(void **state)
{
    const struct scratch *s = *state;
    struct reconcile_failure failure = {
        .card_id = STR("p1"), .card_code = STR("2"), .outcome = STR("rejected")};
    struct listed listed = {0};
    struct err err = {0};

    must(reconcile_add_failure(s->db, RUN_A, &failure, &err), &err);
    failure.outcome = STR("failed");
    must(reconcile_add_failure(s->db, RUN_A, &failure, &err), &err);
    failure = (struct reconcile_failure){.card_id = STR("p1"),
                                         .card_code = STR("1"),
                                         .outcome = STR("rejected"),
                                         .error_code = STR("wechat:40056"),
                                         .error_message = STR("no such code")};
    must(reconcile_add_failure(s->db, RUN_A, &failure, &err), &err);
    must(reconcile_add_failure(s->db, RUN_B, &failure, &err), &err);
    must(reconcile_failures(s->db, RUN_A, list, &listed, &err), &err);
    assert_int_equal(listed.count, 2);
    assert_string_equal(listed.codes[0], "1");
    assert_string_equal(listed.codes[1], "2");
    assert_false(listed.has_code);
}

static void test_what_failed_after_the_last_save_is_forgotten(void **state)
{
    static const char *const cards[][2] = {{"p1", "9"}, {"p2", "2"}, {"p2", "3"}, {"p3", "1"}};
    const struct scratch *s = *state;
    struct reconcile_run run = named(RUN_A, 4);
    struct listed listed = {0};
    struct listed others = {0};
    struct err err = {0};

    run.last = card_of("p2", "2");
    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        const struct reconcile_failure failure = {.card_id = str_from(cards[i][0]),
                                                  .card_code = str_from(cards[i][1]),
                                                  .outcome = STR("rejected")};

        must(reconcile_add_failure(s->db, RUN_A, &failure, &err), &err);
        must(reconcile_add_failure(s->db, RUN_B, &failure, &err), &err);
    }
    must(reconcile_forget_ahead(s->db, &run, &err), &err);
    must(reconcile_failures(s->db, RUN_A, list, &listed, &err), &err);
    must(reconcile_failures(s->db, RUN_B, list, &others, &err), &err);
    assert_int_equal(listed.count, 2);
    assert_string_equal(listed.codes[0], "9");
    assert_string_equal(listed.codes[1], "2");
    assert_int_equal(others.count, 4);
}

/* 1201 cards of one template, some of others, one frozen, one of another appid. */
static void add_accounts(const struct scratch *s)
{
    scratch_run(s, "INSERT INTO bonus_account (appid,card_id,card_code,bonus,rev,frozen,updated_at)"
                   " SELECT 'wx0123456789abcdef','p2',LPAD(seq,6,'0'),seq,1,seq=7,"
                   "UTC_TIMESTAMP(3) FROM seq_1_to_1202");
    scratch_run(s, "INSERT INTO bonus_account (appid,card_id,card_code,bonus,rev,frozen,updated_at)"
                   " VALUES ('wx0123456789abcdef','p1','999999',1,1,0,UTC_TIMESTAMP(3)),"
                   "('wx0123456789abcdef','p3','000001',1,1,0,UTC_TIMESTAMP(3)),"
                   "('wxfedcba9876543210','p2','000001',1,1,0,UTC_TIMESTAMP(3))");
}

static int64_t count_behind(const struct scratch *s, struct reconcile_card card)
{
    struct err err = {0};
    int64_t count = -1;

    must(reconcile_count(s->db, DEMO, &card, &count, &err), &err);
    return count;
}

static void test_accounts_come_in_the_order_of_keys(void **state)
{
    static struct reconcile_card cards[RECONCILE_PAGE];
    const struct scratch *s = *state;
    struct reconcile_card last = BEGINNING;
    struct err err = {0};
    size_t pages = 0;
    size_t total = 0;
    size_t count = 0;

    add_accounts(s);
    do {
        must(reconcile_page(s->db, DEMO, &last, cards, &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            int order = strcmp(cards[i].card_id, last.card_id);

            assert_true(order > 0 ||
                        (order == 0 && strcmp(cards[i].card_code, last.card_code) > 0));
            assert_string_not_equal(cards[i].card_code, "000007");
            last = cards[i];
        }
        total += count;
        pages++;
    } while (count == RECONCILE_PAGE);
    assert_int_equal(total, 1203);
    assert_int_equal(pages, 3);
    assert_int_equal(count_behind(s, BEGINNING), 1203);
    assert_int_equal(count_behind(s, card_of("p2", "000006")), 1196);
    assert_int_equal(count_behind(s, card_of("p3", "000001")), 0);
}

static void test_more_than_one_statement_counts(void **state)
{
    const struct scratch *s = *state;

    scratch_run(s, "INSERT INTO bonus_account (appid,card_id,card_code,bonus,rev,frozen,updated_at)"
                   " SELECT 'wx0123456789abcdef','p2',LPAD(seq,8,'0'),seq,1,0,"
                   "UTC_TIMESTAMP(3) FROM seq_1_to_200001");
    assert_int_equal(count_behind(s, BEGINNING), 200001);
    assert_int_equal(count_behind(s, card_of("p2", "00000001")), 200000);
    assert_int_equal(count_behind(s, card_of("p2", "00100002")), 99999);
}

static void test_one_at_a_time(void **state)
{
    const struct scratch *s = *state;
    struct db *other = NULL;
    struct err err = {0};
    bool locked = false;

    must(reconcile_lock(s->db, DEMO, &locked, &err), &err);
    assert_true(locked);
    must(db_open(&s->settings, &other, &err), &err);
    must(reconcile_lock(other, DEMO, &locked, &err), &err);
    assert_false(locked);
    must(reconcile_lock(other, OTHER, &locked, &err), &err);
    assert_true(locked);
    db_close(other);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, NULL, &scratch)

int main(int argc, char **argv)
{
    struct scratch scratch;
    const struct CMUnitTest tests[] = {
        TEST(test_the_newest_run_counts),
        TEST(test_what_is_saved_is_gone_on_with),
        TEST(test_a_card_fails_once),
        TEST(test_what_failed_after_the_last_save_is_forgotten),
        TEST(test_accounts_come_in_the_order_of_keys),
        TEST(test_more_than_one_statement_counts),
        TEST(test_one_at_a_time),
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
