/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of effects against a real server: many lanes at the same effects, many old rows. */
#include "tables/effect.h"
#include "tests/db/ledger.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>

enum { ROUNDS = 5 };

struct racer {
    struct fixture *f;
    struct lane *lane;
    int round;
};

/* All lanes at the same effects, in another order each. */
static void *race(void *arg)
{
    const struct racer *r = arg;

    for (int i = 0; i < LANES; i++) {
        char identity[32];
        struct effect effect = {&ONCE, {NULL, 0}, {NULL, 0}, &r->f->script};
        struct str result;
        bool made = false;
        struct err err;
        int n = (int)(r->lane - r->f->lanes) * 7 + i;

        (void)snprintf(identity, sizeof(identity), "%d-%d", r->round, n % LANES);
        effect.identity = str_from(identity);
        r->lane->until = deadline_in(LONG_MS);
        while (lane_effect(r->lane, &effect, &result, &made, &err) != ST_OK)
            assert_true(err.until.at_ms > 0);
    }
    db_thread_done();
    return NULL;
}

static void test_effects_raced_for_are_made_once(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[LANES];
        pthread_t threads[LANES];

        for (size_t i = 0; i < LANES; i++) {
            racers[i] = (struct racer){f, &f->lanes[i], round};
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (size_t i = 0; i < LANES; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(f->script.calls, ROUNDS * LANES);
    assert_int_equal(rows(f, "state='done'"), ROUNDS * LANES);
    assert_int_equal(logged(f, "end"), ROUNDS * LANES);
}

/* Two who find the same old intent: one goes on. */
static void *take_old(void *arg)
{
    const struct racer *r = arg;
    const struct effect effect = {&REPEATABLE, STR("identity"), {NULL, 0}, &r->f->script};
    struct str result;
    bool made;
    struct err err;

    r->lane->until = deadline_in(LONG_MS);
    while (lane_effect(r->lane, &effect, &result, &made, &err) != ST_OK)
        assert_true(err.until.at_ms > 0);
    db_thread_done();
    return NULL;
}

static void test_effects_are_taken_over_by_one_of_two(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[LANES];
        pthread_t threads[LANES];

        scratch_run(&f->scratch, "DELETE FROM effect");
        leave_intent(f, &REPEATABLE, 1);
        for (size_t i = 0; i < LANES; i++) {
            racers[i] = (struct racer){f, &f->lanes[i], round};
            assert_int_equal(pthread_create(&threads[i], NULL, take_old, &racers[i]), 0);
        }
        for (size_t i = 0; i < LANES; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(f->script.calls, 1);
    }
}

static void test_effects_done_long_ago_are_forgotten(void **state)
{
    struct fixture *f = *state;
    int64_t deleted = 0;
    struct err err;

    scratch_run(
        &f->scratch,
        "INSERT INTO effect SELECT LPAD(seq,32,'0'),'e','s',ELT(seq MOD 3+1,'done','intent',"
        "'unknown'),UTC_TIMESTAMP(3),'',NULL,NULL,UTC_TIMESTAMP(3)-INTERVAL IF(seq<2400,61,"
        "59) DAY FROM seq_0_to_2999");
    must(effect_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, EFFECT_FORGET_ROWS);
    must(effect_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, 800 - EFFECT_FORGET_ROWS);
    must(effect_forget(f->scratch.db, &deleted, &err), &err);
    assert_int_equal(deleted, 0);
    assert_int_equal(rows(f, "TRUE"), 2200);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, ledger_begin, ledger_end, fixture)

int main(int argc, char **argv)
{
    static struct fixture room;
    struct fixture *fixture = &room;
    const struct CMUnitTest tests[] = {
        TEST(test_effects_raced_for_are_made_once),
        TEST(test_effects_are_taken_over_by_one_of_two),
        TEST(test_effects_done_long_ago_are_forgotten),
    };
    int failed;

    if (argc != 3)
        return 64;
    ledger_open(fixture, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture->scratch);
    return failed;
}
