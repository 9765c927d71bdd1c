/* SPDX-License-Identifier: Apache-2.0 */
/* owner, crash_suspect and dead_letter against a real server; parked has a program of its own. */
#include "db/migrate.h"
#include "db/writer.h"
#include "metrics/metrics.h"
#include "tables/letter.h"
#include "tables/owner.h"
#include "tables/parked.h"
#include "tables/suspect.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { PARTS = 8, RAISES = 200, FENCE_ROUNDS = 30, HANG_MS = 60000, AT_MS = 1760000 };

static const struct str TOPIC = STR_INIT("kabao.event.wechat.v1");

struct fixture {
    struct scratch scratch;
    struct db *one;
    struct db *two;
};

static struct db *open_one(const struct scratch *s)
{
    struct db *db = NULL;
    struct err err;

    must(db_open(&s->settings, &db, &err), &err);
    return db;
}

static int begin(void **state)
{
    struct fixture *f = *state;

    scratch_run(&f->scratch, "DELETE FROM owner; DELETE FROM crash_suspect;"
                             "DELETE FROM dead_letter; DELETE FROM parked");
    f->one = open_one(&f->scratch);
    f->two = open_one(&f->scratch);
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    db_close(f->one);
    db_close(f->two);
    return 0;
}

static void exec(struct db *db, const char *sql)
{
    struct err err;

    must(db_exec(db, str_from(sql), NULL, 0, NULL, &err), &err);
}

static void begin_tx(struct db *db)
{
    struct err err;

    must(db_begin(db, &err), &err);
}

static void commit(struct db *db)
{
    struct err err;

    must(db_commit(db, &err), &err);
}

static int64_t raise_part(struct db *db, int32_t part)
{
    struct owner owner = {part, -1};
    struct err err;

    must(owner_raise(db, "member", &owner, 1, &err), &err);
    return owner.epoch;
}

static bool check(struct db *db, int32_t part, int64_t epoch)
{
    const struct owner owner = {part, epoch};
    bool mine = false;
    struct err err;

    must(owner_check(db, "member", &owner, 1, &mine, &err), &err);
    return mine;
}

static void test_owner_each_raise_is_one_more(void **state)
{
    struct fixture *f = *state;
    struct owner owners[] = {{5, 0}, {1, 0}, {3, 0}};
    struct err err;

    assert_int_equal(raise_part(f->one, 3), 1);
    must(owner_raise(f->one, "member", owners, COUNT_OF(owners), &err), &err);
    assert_true(owners[0].part == 5 && owners[0].epoch == 1);
    assert_true(owners[1].part == 1 && owners[1].epoch == 1);
    assert_true(owners[2].part == 3 && owners[2].epoch == 2);
    must(owner_raise(f->one, "bonus", owners, COUNT_OF(owners), &err), &err);
    assert_int_equal(owners[2].epoch, 1);
    must(owner_raise(f->one, "member", NULL, 0, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM owner"), 6);
}

static void test_owner_is_none_once_an_epoch_moved_or_is_gone(void **state)
{
    struct fixture *f = *state;
    struct owner owners[] = {{2, 0}, {1, 0}};
    bool checked = false;
    bool seen = false;
    struct err err;

    must(owner_raise(f->one, "member", owners, 2, &err), &err);
    must(owner_check(f->one, "member", owners, 2, &checked, &err), &err);
    must(owner_read(f->one, "member", owners, 2, &seen, &err), &err);
    assert_true(checked && seen);
    assert_int_equal(raise_part(f->two, 2), 2);
    must(owner_check(f->one, "member", owners, 2, &checked, &err), &err);
    must(owner_read(f->one, "member", owners, 2, &seen, &err), &err);
    assert_false(checked || seen);
    assert_true(check(f->one, 1, 1));
    assert_false(check(f->one, 7, 1));
    assert_false(check(f->one, 7, 0));
}

static void test_owner_raise_waits_for_who_has_checked(void **state)
{
    struct fixture *f = *state;
    struct owner owner = {4, 0};
    struct err err;

    assert_int_equal(raise_part(f->one, 4), 1);
    exec(f->two, "SET SESSION innodb_lock_wait_timeout=0");
    begin_tx(f->one);
    assert_true(check(f->one, 4, 1));
    begin_tx(f->two);
    assert_int_equal(owner_raise(f->two, "member", &owner, 1, &err), ST_RETRY);
    assert_string_equal(err.code, "mysql:1205");
    assert_int_equal(owner.epoch, 0);
    db_rollback(f->two);
    assert_int_equal(raise_part(f->two, 5), 1);
    commit(f->one);
    assert_int_equal(raise_part(f->two, 4), 2);
}

static void test_owner_check_waits_for_a_raise_and_then_knows(void **state)
{
    struct fixture *f = *state;
    const struct owner owner = {4, 1};
    bool mine = true;
    struct err err;

    assert_int_equal(raise_part(f->one, 4), 1);
    exec(f->two, "SET SESSION innodb_lock_wait_timeout=0");
    begin_tx(f->one);
    assert_int_equal(raise_part(f->one, 4), 2);
    begin_tx(f->two);
    assert_int_equal(owner_check(f->two, "member", &owner, 1, &mine, &err), ST_RETRY);
    assert_string_equal(err.code, "mysql:1205");
    must(owner_read(f->two, "member", &owner, 1, &mine, &err), &err);
    assert_true(mine);
    commit(f->one);
    assert_false(check(f->two, 4, 1));
    db_rollback(f->two);
    must(owner_read(f->two, "member", &owner, 1, &mine, &err), &err);
    assert_false(mine);
}

static void test_owner_checks_do_not_wait_for_each_other(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(raise_part(f->one, 4), 1);
    exec(f->two, "SET SESSION innodb_lock_wait_timeout=0");
    begin_tx(f->one);
    begin_tx(f->two);
    assert_true(check(f->one, 4, 1));
    assert_true(check(f->two, 4, 1));
    commit(f->two);
    commit(f->one);
}

struct raiser {
    const struct scratch *s;
    bool backwards;
    int failed;
};

static void *raise_all(void *arg)
{
    struct raiser *raiser = arg;
    struct db *db = open_one(raiser->s);
    struct err err;

    for (int round = 0; round < RAISES; round++) {
        struct owner owners[PARTS];

        for (int32_t i = 0; i < PARTS; i++)
            owners[i].part = raiser->backwards ? PARTS - 1 - i : i;
        begin_tx(db);
        raiser->failed += owner_raise(db, "member", owners, PARTS, &err) != ST_OK;
        commit(db);
    }
    db_close(db);
    db_thread_done();
    return NULL;
}

static void test_owner_two_raisers_never_deadlock(void **state)
{
    struct fixture *f = *state;
    struct raiser raisers[] = {{&f->scratch, false, 0}, {&f->scratch, true, 0}};
    pthread_t threads[2];

    for (int32_t part = 0; part < PARTS; part++)
        (void)raise_part(f->one, part);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, raise_all, &raisers[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(raisers[i].failed, 0);
    }
    assert_int_equal(scratch_int(&f->scratch, "SELECT SUM(epoch) DIV 1 = 3208 FROM owner"), 1);
}

/* An owner that parks until it is told that it is none any more. */
struct parker {
    struct writer *w;
    int64_t epoch;
    int64_t off;
    atomic_bool started;
    bool mine;
};

static enum status park_one(struct db *tx, void *arg, struct err *err)
{
    struct parker *p = arg;
    const struct owner owner = {1, p->epoch};
    const struct parked_row row = {
        .record = {.topic = TOPIC, .partition = 1, .offset = p->off, .key = STR("k")}};
    enum status rc = owner_check(tx, "member", &owner, 1, &p->mine, err);

    if (rc != ST_OK || !p->mine)
        return rc;
    return parked_insert(tx, "member", &row, 1, err);
}

static void *park_while_mine(void *arg)
{
    struct parker *p = arg;

    for (p->mine = true; p->mine; p->off++) {
        struct err err;

        must(writer_run(p->w, park_one, p, deadline_in(HANG_MS), &err), &err);
        atomic_store(&p->started, true);
    }
    db_thread_done();
    return NULL;
}

static enum status take_over(struct db *tx, void *arg, struct err *err)
{
    struct owner *owner = arg;

    return owner_raise(tx, "member", owner, 1, err);
}

static void test_owner_former_one_parks_nothing_after_the_raise(void **state)
{
    struct fixture *f = *state;
    struct metrics *metrics = metrics_new();
    struct db_pool *pool = db_pool_new(&f->scratch.settings);
    struct writer *writer = writer_new(&f->scratch.settings, pool, metrics);
    struct owner owner = {1, 0};
    struct err err;

    must(writer_run(writer, take_over, &owner, deadline_in(HANG_MS), &err), &err);
    for (int64_t round = 0; round < FENCE_ROUNDS; round++) {
        struct parker parker = {.w = writer, .epoch = owner.epoch, .off = round * 100000};
        pthread_t thread;
        int64_t then;

        assert_int_equal(pthread_create(&thread, NULL, park_while_mine, &parker), 0);
        while (!atomic_load(&parker.started))
            (void)sched_yield();
        must(owner_raise(f->one, "member", &owner, 1, &err), &err);
        then = scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked");
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM parked"), then);
    }
    writer_free(writer);
    db_pool_free(pool);
    metrics_free(metrics);
}

static struct crash crash_of(char id)
{
    struct crash crash = {.worker = "member", .at_ms = AT_MS};

    memset(crash.id.text, id, ID_LEN);
    return crash;
}

struct seen {
    struct suspect suspects[200];
    size_t count;
};

static enum status see_suspect(void *arg, const struct suspect *suspect, struct err *err)
{
    struct seen *seen = arg;

    (void)err;
    assert_true(str_eq(suspect->topic, TOPIC) || str_eq(suspect->topic, STR("other")));
    seen->suspects[seen->count++] = *suspect;
    return ST_OK;
}

static struct seen load(struct db *db, int32_t part)
{
    struct seen seen = {.count = 0};
    struct err err;

    must(suspect_load(db, "member", part, see_suspect, &seen, &err), &err);
    return seen;
}

static void count_crash(struct db *db, char id, const struct suspect *suspects, size_t count)
{
    const struct crash crash = crash_of(id);
    struct err err;

    must(suspect_count(db, &crash, suspects, count, &err), &err);
}

static void test_suspect_a_crash_counts_once(void **state)
{
    struct fixture *f = *state;
    const struct suspect suspects[] = {
        {TOPIC, 2, 7, 0, 0}, {STR("other"), 2, 7, 0, 0}, {TOPIC, 3, 7, 0, 0}};
    struct seen seen;

    count_crash(f->one, 'a', suspects, 3);
    count_crash(f->one, 'a', suspects, 3);
    seen = load(f->one, 2);
    assert_int_equal(seen.count, 2);
    assert_true(seen.suspects[0].crashes == 1 && seen.suspects[1].crashes == 1);
    assert_true(seen.suspects[0].off == 7 && seen.suspects[0].part == 2);
    assert_true(seen.suspects[0].last_at_ms == AT_MS);
    count_crash(f->two, 'b', suspects, 1);
    count_crash(f->two, 'b', suspects, 2);
    count_crash(f->one, 'c', suspects, 1);
    assert_int_equal(load(f->one, 2).suspects[0].crashes, 3);
    assert_int_equal(load(f->one, 2).suspects[1].crashes, 2);
    assert_int_equal(load(f->one, 3).suspects[0].crashes, 1);
    assert_int_equal(load(f->one, 4).count, 0);
}

static void test_suspect_many_are_counted_and_come_in_order(void **state)
{
    enum { MANY = 199 };

    struct fixture *f = *state;
    struct suspect suspects[MANY];
    struct seen seen;

    for (int64_t i = 0; i < MANY; i++)
        suspects[i] = (struct suspect){TOPIC, 2, MANY - 1 - i, 0, 0};
    count_crash(f->one, 'a', suspects, MANY);
    count_crash(f->one, 'b', suspects, MANY - 1);
    seen = load(f->one, 2);
    assert_int_equal(seen.count, MANY);
    for (int64_t i = 0; i < MANY; i++) {
        assert_true(seen.suspects[i].off == i);
        assert_true(seen.suspects[i].crashes == (i == 0 ? 1 : 2));
    }
    count_crash(f->one, 'c', suspects, 0);
}

static void test_suspect_is_forgotten_when_done_but_not_while_parked(void **state)
{
    struct fixture *f = *state;
    static const struct offset_range ranges[] = {{12, 14}, {20, 21}};
    const struct covered covered = {10, ranges, COUNT_OF(ranges)};
    const struct source source = {"member", TOPIC, 2};
    const struct parked_row parked = {.record = {.topic = TOPIC, .partition = 2, .offset = 4}};
    struct suspect suspects[30];
    struct seen seen;
    struct err err;

    for (int64_t off = 0; off < 30; off++)
        suspects[off] = (struct suspect){TOPIC, 2, off, 0, 0};
    count_crash(f->one, 'a', suspects, 30);
    suspects[0].topic = STR("other");
    count_crash(f->one, 'a', suspects, 1);
    must(suspect_forget(f->one, &source, 29, &err), &err);
    must(suspect_forget(f->one, &source, 29, &err), &err);
    must(parked_insert(f->one, "member", &parked, 1, &err), &err);
    for (int i = 0; i < 2; i++)
        must(suspect_forget_covered(f->one, &source, &covered, &err), &err);
    seen = load(f->one, 2);
    assert_int_equal(seen.count, 1 + 2 + 6 + 8 + 1);
    for (size_t i = 0; i + 1 < seen.count; i++) {
        int64_t off = seen.suspects[i].off;

        assert_true(off == 4 || (off >= 10 && off != 12 && off != 13 && off != 20 && off < 29));
    }
    assert_int_equal(seen.suspects[seen.count - 1].off, 0);
}

static struct letter letter_of(struct db *db, int64_t off)
{
    struct letter letter = {.state = LETTER_SETTLED};
    struct err err;

    must(letter_get(db, "member", 3, off, &letter, &err), &err);
    assert_true(letter.part == 3 && letter.off == off);
    return letter;
}

static void test_letter_first_intent_stands(void **state)
{
    struct fixture *f = *state;
    const struct letter mine = {3, 9, LETTER_OPEN, AT_MS, 100, "run-a"};
    const struct letter later = {3, 9, LETTER_OPEN, AT_MS + 5000, 200, "run-b"};
    struct letter stands = {0};
    struct err err;

    assert_int_equal(letter_of(f->one, 9).state, LETTER_OPEN);
    assert_int_equal(letter_of(f->one, 9).redrive_from, -1);
    must(letter_intend(f->one, "member", &mine, &stands, &err), &err);
    must(letter_intend(f->two, "member", &later, &stands, &err), &err);
    assert_true(stands.state == LETTER_REDRIVING && stands.redrive_from == 100);
    assert_true(stands.at_ms == AT_MS);
    assert_string_equal(stands.by, "run-a");
}

static void test_letter_final_state_stands(void **state)
{
    struct fixture *f = *state;
    const struct letter intent = {3, 9, LETTER_OPEN, AT_MS, 100, "run-a"};
    const struct letter sent = {3, 9, LETTER_REDRIVEN, AT_MS + 1000, 0, "run-b"};
    const struct letter thrown = {3, 9, LETTER_DISCARDED, AT_MS + 2000, 0, "run-c"};
    const struct letter fresh = {3, 10, LETTER_SETTLED, AT_MS + 3000, 0, "ann"};
    struct letter stands;
    struct err err;

    must(letter_intend(f->one, "member", &intent, &stands, &err), &err);
    for (int i = 0; i < 2; i++)
        must(letter_settle(f->one, "member", &sent, &err), &err);
    must(letter_settle(f->one, "member", &thrown, &err), &err);
    must(letter_intend(f->one, "member", &intent, &stands, &err), &err);
    assert_true(stands.state == LETTER_REDRIVEN && stands.redrive_from == 100);
    assert_true(stands.at_ms == AT_MS + 1000);
    assert_string_equal(stands.by, "run-b");
    must(letter_settle(f->one, "member", &fresh, &err), &err);
    stands = letter_of(f->one, 10);
    assert_true(stands.state == LETTER_SETTLED && stands.redrive_from == -1);
    assert_string_equal(stands.by, "ann");
    assert_string_equal(letter_state_name(stands.state), "settled");
}

struct letters {
    int32_t part;
    int64_t off;
    int count;
};

static enum status see_letter(void *arg, const struct letter *letter, struct err *err)
{
    struct letters *seen = arg;

    (void)err;
    assert_true(letter->part > seen->part ||
                (letter->part == seen->part && letter->off > seen->off));
    seen->part = letter->part;
    seen->off = letter->off;
    seen->count++;
    return ST_OK;
}

static void test_letter_list_is_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct letters seen = {-1, -1, 0};
    struct err err;

    scratch_run(&f->scratch, "INSERT INTO dead_letter (worker,part,off,state,at,`by`) SELECT"
                             " 'member',seq MOD 7,seq DIV 7,'redriven',UTC_TIMESTAMP(3),'x'"
                             " FROM seq_0_to_1999;"
                             "INSERT INTO dead_letter (worker,part,off,state,at,`by`) VALUES"
                             " ('bonus',0,5000,'redriven',UTC_TIMESTAMP(3),'x')");
    must(letter_list(f->one, "member", see_letter, &seen, &err), &err);
    assert_int_equal(seen.count, 2000);
    assert_int_equal(seen.part, 6);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, end, &fixture)

int main(int argc, char **argv)
{
    struct fixture fixture = {0};
    const struct CMUnitTest tests[] = {
        TEST(test_owner_each_raise_is_one_more),
        TEST(test_owner_is_none_once_an_epoch_moved_or_is_gone),
        TEST(test_owner_raise_waits_for_who_has_checked),
        TEST(test_owner_check_waits_for_a_raise_and_then_knows),
        TEST(test_owner_checks_do_not_wait_for_each_other),
        TEST(test_owner_two_raisers_never_deadlock),
        TEST(test_owner_former_one_parks_nothing_after_the_raise),
        TEST(test_suspect_a_crash_counts_once),
        TEST(test_suspect_many_are_counted_and_come_in_order),
        TEST(test_suspect_is_forgotten_when_done_but_not_while_parked),
        TEST(test_letter_first_intent_stands),
        TEST(test_letter_final_state_stands),
        TEST(test_letter_list_is_whole_and_in_order),
    };
    struct err err;
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&fixture.scratch, argv + 1);
    must(migrate_apply(fixture.scratch.db, NULL, NULL, &err), &err);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture.scratch);
    return failed;
}
