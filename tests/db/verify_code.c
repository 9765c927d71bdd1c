/* SPDX-License-Identifier: Apache-2.0 */
/* verify_code and verify_count against a real server. */
#include "tables/verify_code.h"

#include "base/clock.h"
#include "db/migrate.h"
#include "tests/db/scratch.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { RACERS = 8, ROUNDS = 10, GUESSES = 4, DAY_MS = 24 * 3600 * 1000 };

/* Noon in UTC+8. */
static const int64_t NOON_MS = 1760068800000;

static const struct verify_limits LIMITS = {60000, 3, 5};

struct fixture {
    struct scratch scratch;
    struct arena arena;
};

static int begin(void **state)
{
    const struct fixture *f = *state;

    scratch_run(&f->scratch, "DELETE FROM verify_code; DELETE FROM verify_count");
    return 0;
}

static struct verify_row row_of(const char *openid, const char *purpose, const char *made_by,
                                int64_t at_ms)
{
    static _Thread_local char nonces[64][33];
    static _Thread_local size_t next;
    char *nonce = nonces[next % COUNT_OF(nonces)];

    (void)snprintf(nonce, sizeof(nonces[0]), "%032zx", next++);
    return (struct verify_row){
        .appid = STR("wx1"),
        .openid = str_from(openid),
        .purpose = str_from(purpose),
        .hash = STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        .nonce = str_from(nonce),
        .made_by = str_from(made_by),
        .tries_max = 5,
        .made_at_ms = at_ms,
        .expires_at_ms = at_ms + 300000,
    };
}

static enum verify_new put(struct fixture *f, struct verify_row *row)
{
    enum verify_new out = VERIFY_NEW;
    struct err err = {0};

    must(db_begin(f->scratch.db, &err), &err);
    must(verify_put(f->scratch.db, &f->arena, &LIMITS, row, &out, &err), &err);
    must(db_commit(f->scratch.db, &err), &err);
    return out;
}

static enum verify_new put_new(struct fixture *f, const char *openid, const char *purpose,
                               const char *made_by, int64_t at_ms)
{
    struct verify_row row = row_of(openid, purpose, made_by, at_ms);

    return put(f, &row);
}

static bool load(struct fixture *f, const char *openid, const char *purpose, struct verify_row *out)
{
    struct err err = {0};
    bool found = false;

    *out = row_of(openid, purpose, "", 0);
    must(verify_load(f->scratch.db, &f->arena, out, &found, &err), &err);
    return found;
}

#define A "0000000000000000000000000000000a"
#define B "0000000000000000000000000000000b"
#define C "0000000000000000000000000000000c"

static void test_verify_code_is_made_once_for_its_maker(void **state)
{
    struct fixture *f = *state;
    struct verify_row first = row_of("o1", "p", A, NOON_MS);
    struct verify_row again = row_of("o1", "p", A, NOON_MS + 90000);
    struct verify_row read;

    assert_int_equal(put(f, &first), VERIFY_NEW);
    assert_int_equal(put(f, &again), VERIFY_SAME);
    assert_true(str_eq(again.nonce, first.nonce) && str_eq(again.hash, first.hash));
    assert_int_equal(again.made_at_ms, NOON_MS);
    assert_int_equal(again.expires_at_ms, NOON_MS + 300000);
    assert_true(load(f, "o1", "p", &read));
    assert_true(str_eq(read.nonce, first.nonce) && str_eq_cstr(read.made_by, A));
    assert_int_equal(read.tries, 0);
    assert_int_equal(read.tries_max, 5);
    assert_int_equal(
        scratch_int(&f->scratch, "SELECT CAST(SUM(codes) AS SIGNED) FROM verify_count"), 2);
    assert_false(load(f, "o2", "p", &read));
}

/* A COMMIT whose answer was lost: the same draft once more. */
static void test_verify_code_finds_its_own_draft(void **state)
{
    struct fixture *f = *state;
    const struct verify_row draft = row_of("o1", "p", A, NOON_MS);
    struct verify_row row = draft;

    assert_int_equal(put(f, &row), VERIFY_NEW);
    row = draft;
    assert_int_equal(put(f, &row), VERIFY_SAME);
    assert_int_equal(scratch_int(&f->scratch, "SELECT MAX(codes) FROM verify_count"), 1);
}

static void test_verify_code_waits_between_two(void **state)
{
    struct fixture *f = *state;
    struct verify_row read;

    assert_int_equal(put_new(f, "o1", "p", A, NOON_MS), VERIFY_NEW);
    assert_int_equal(put_new(f, "o1", "p", B, NOON_MS + 59999), VERIFY_TOO_SOON);
    assert_int_equal(put_new(f, "o1", "p", B, NOON_MS - 59999), VERIFY_TOO_SOON);
    assert_int_equal(put_new(f, "o1", "q", B, NOON_MS), VERIFY_NEW);
    assert_true(load(f, "o1", "p", &read) && str_eq_cstr(read.made_by, A));
    assert_int_equal(put_new(f, "o1", "p", C, NOON_MS + 60000), VERIFY_NEW);
    assert_true(load(f, "o1", "p", &read) && str_eq_cstr(read.made_by, C));
    assert_int_equal(read.made_at_ms, NOON_MS + 60000);
    /* A clock that was set back by an hour holds up nobody. */
    assert_int_equal(put_new(f, "o2", "p", A, NOON_MS + 3600000), VERIFY_NEW);
    assert_int_equal(put_new(f, "o2", "p", B, NOON_MS), VERIFY_NEW);
}

static void test_verify_count_ends_at_its_limits(void **state)
{
    struct fixture *f = *state;
    struct verify_row read;

    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(put_new(f, "o1",
                                 i == 0   ? "p"
                                 : i == 1 ? "q"
                                          : "r",
                                 A, NOON_MS + i),
                         VERIFY_NEW);
    assert_int_equal(put_new(f, "o1", "s", A, NOON_MS), VERIFY_OPENID_FULL);
    assert_false(load(f, "o1", "s", &read));
    assert_int_equal(put_new(f, "o1", "p", B, NOON_MS + 90000), VERIFY_OPENID_FULL);
    assert_true(load(f, "o1", "p", &read) && str_eq_cstr(read.made_by, A));
    assert_int_equal(put_new(f, "o2", "p", A, NOON_MS), VERIFY_NEW);
    assert_int_equal(put_new(f, "o3", "p", A, NOON_MS), VERIFY_NEW);
    assert_int_equal(put_new(f, "o4", "p", A, NOON_MS), VERIFY_ACCOUNT_FULL);
    assert_false(load(f, "o4", "p", &read));
    /* Midnight in UTC+8 is twelve hours away. */
    assert_int_equal(put_new(f, "o4", "p", A, NOON_MS + DAY_MS / 2 - 1), VERIFY_ACCOUNT_FULL);
    assert_int_equal(put_new(f, "o4", "p", A, NOON_MS + DAY_MS / 2), VERIFY_NEW);
    assert_int_equal(put_new(f, "o1", "s", A, NOON_MS + DAY_MS / 2), VERIFY_NEW);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM verify_count WHERE openid=''"),
                     2);
}

static void test_verify_tries_are_of_the_code_that_stands(void **state)
{
    struct fixture *f = *state;
    struct verify_row old = row_of("o1", "p", A, NOON_MS);
    struct verify_row row = row_of("o1", "p", B, NOON_MS + 60000);
    struct err err = {0};

    assert_int_equal(put(f, &old), VERIFY_NEW);
    for (int i = 0; i < 7; i++)
        must(verify_miss(f->scratch.db, &old, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries FROM verify_code"), 5);
    assert_int_equal(put(f, &row), VERIFY_NEW);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries FROM verify_code"), 0);
    must(verify_miss(f->scratch.db, &old, &err), &err);
    must(verify_use(f->scratch.db, &old, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries FROM verify_code"), 0);
    must(verify_use(f->scratch.db, &row, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries FROM verify_code"), 5);
    assert_int_equal(put_new(f, "o1", "p", C, NOON_MS + 60001), VERIFY_TOO_SOON);
    must(verify_void(f->scratch.db, &old, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries_max FROM verify_code"), 5);
    must(verify_void(f->scratch.db, &row, &err), &err);
    must(verify_miss(f->scratch.db, &row, &err), &err);
    assert_int_equal(scratch_int(&f->scratch, "SELECT tries+tries_max FROM verify_code"), 0);
}

struct racer {
    const struct scratch *scratch;
    char made_by[33];
    enum verify_new out;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct arena arena = ARENA_INIT(0);
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;

    must(db_open(&r->scratch->settings, &db, &err), &err);
    do { /* as the writer does after a deadlock */
        struct verify_row row = row_of("o1", "p", r->made_by, NOON_MS);
        char nonce[33];

        (void)snprintf(nonce, sizeof(nonce), "%.16s%.16s", r->made_by + 16, r->made_by + 16);
        row.nonce = str_from(nonce);
        must(db_begin(db, &err), &err);
        rc = verify_put(db, &arena, &LIMITS, &row, &r->out, &err);
        if (rc == ST_OK)
            rc = db_commit(db, &err);
        else
            db_rollback(db);
    } while (rc == ST_RETRY);
    must(rc, &err);
    db_close(db);
    arena_done(&arena);
    return NULL;
}

static void test_verify_code_of_many_at_once_one_is_made(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[RACERS];
        pthread_t threads[RACERS];
        int made = 0;

        (void)begin(state);
        for (int i = 0; i < RACERS; i++) {
            racers[i] = (struct racer){.scratch = &f->scratch};
            (void)snprintf(racers[i].made_by, sizeof(racers[i].made_by), "%032x", i + 1);
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            made += racers[i].out == VERIFY_NEW;
            assert_true(racers[i].out == VERIFY_NEW || racers[i].out == VERIFY_TOO_SOON);
        }
        assert_int_equal(made, 1);
        assert_int_equal(scratch_int(&f->scratch, "SELECT MAX(codes) FROM verify_count"), 1);
    }
}

/* Tries at one code, as verify_judge makes them: how many found it open. */
struct guesser {
    const struct scratch *scratch;
    int judged;
};

static enum status guess(struct db *db, struct arena *arena, bool *judged, struct err *err)
{
    struct verify_row row = row_of("o1", "p", "", 0);
    bool found = false;
    enum status rc = verify_load(db, arena, &row, &found, err);

    *judged = rc == ST_OK && found && row.tries < row.tries_max;
    return *judged ? verify_miss(db, &row, err) : rc;
}

static void *guess_often(void *arg)
{
    struct guesser *g = arg;
    struct arena arena = ARENA_INIT(0);
    struct db *db = NULL;
    struct err err = {0};

    must(db_open(&g->scratch->settings, &db, &err), &err);
    for (int i = 0; i < GUESSES; i++) {
        bool judged = false;

        must(db_begin(db, &err), &err);
        must(guess(db, &arena, &judged, &err), &err);
        must(db_commit(db, &err), &err);
        g->judged += judged;
    }
    db_close(db);
    arena_done(&arena);
    return NULL;
}

static void test_verify_code_is_tried_so_often_and_no_more(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        struct guesser guessers[RACERS];
        pthread_t threads[RACERS];
        int judged = 0;

        (void)begin(state);
        assert_int_equal(put_new(f, "o1", "p", A, NOON_MS), VERIFY_NEW);
        for (int i = 0; i < RACERS; i++) {
            guessers[i] = (struct guesser){.scratch = &f->scratch};
            assert_int_equal(pthread_create(&threads[i], NULL, guess_often, &guessers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            judged += guessers[i].judged;
        }
        assert_int_equal(judged, 5);
        assert_int_equal(scratch_int(&f->scratch, "SELECT tries FROM verify_code"), 5);
    }
}

static void test_verify_forget_keeps_what_counts(void **state)
{
    struct fixture *f = *state;
    const int64_t now_ms = clock_wall_ms();
    struct err err = {0};
    int64_t deleted = 0;

    assert_int_equal(put_new(f, "o1", "p", A, now_ms), VERIFY_NEW);
    assert_int_equal(put_new(f, "o2", "p", A, now_ms - DAY_MS), VERIFY_NEW);
    assert_int_equal(put_new(f, "o3", "p", A, now_ms - 2 * (int64_t)DAY_MS), VERIFY_NEW);
    must(verify_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, 1 + 2); /* yesterday counts on where a clock is behind */
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM verify_code"), 2);
    assert_int_equal(scratch_int(&f->scratch, "SELECT COUNT(*) FROM verify_count"), 4);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, begin, NULL, &fixture)

int main(int argc, char **argv)
{
    struct fixture fixture = {.arena = ARENA_INIT(0)};
    const struct CMUnitTest tests[] = {
        TEST(test_verify_code_is_made_once_for_its_maker),
        TEST(test_verify_code_finds_its_own_draft),
        TEST(test_verify_code_waits_between_two),
        TEST(test_verify_count_ends_at_its_limits),
        TEST(test_verify_tries_are_of_the_code_that_stands),
        TEST(test_verify_code_of_many_at_once_one_is_made),
        TEST(test_verify_code_is_tried_so_often_and_no_more),
        TEST(test_verify_forget_keeps_what_counts),
    };
    struct err err = {0};
    int failed;

    if (argc != 3)
        return 64;
    scratch_open(&fixture.scratch, argv + 1);
    must(migrate_apply(fixture.scratch.db, NULL, NULL, &err), &err);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture.scratch);
    arena_done(&fixture.arena);
    return failed;
}
