/* SPDX-License-Identifier: Apache-2.0 */
/* step.decide against a real server: decided and written down together, or not at all. */
#include "tests/db/ledger.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Writes "begin" into table log. */
static enum status on_decide(struct db *tx, struct lane *lane, void *arg, struct str *result,
                             struct err *err)
{
    struct script *s = arg;
    enum status rc =
        db_exec(tx, STR("INSERT INTO log (what) VALUES ('begin')"), NULL, 0, NULL, err);

    assert_non_null(lane);
    s->calls++;
    if (rc != ST_OK)
        return rc;
    if (s->rc != ST_OK) {
        *err = s->err;
        return s->rc;
    }
    *result = s->result;
    return ST_OK;
}

/* The first time the whole of it is stored, and the connection dies before the answer. */
static enum status on_decide_stored(struct db *tx, struct lane *lane, void *arg, struct str *result,
                                    struct err *err)
{
    struct script *s = arg;
    enum status rc = on_decide(tx, lane, arg, result, err);

    if (rc != ST_OK || !s->begin_is_stored)
        return rc;
    s->begin_is_stored = false;
    rc = db_exec(tx, STR("UPDATE effect SET state='done',until=NULL,result='{\"n\":1}'"), NULL, 0,
                 NULL, err);
    assert_int_equal(rc, ST_OK);
    assert_int_equal(db_exec(tx, STR("COMMIT"), NULL, 0, NULL, err), ST_OK);
    assert_int_not_equal(db_exec(tx, STR("KILL CONNECTION_ID()"), NULL, 0, NULL, err), ST_OK);
    return ST_OK;
}

static const struct step DECIDE = {
    .name = "decide", .nature = NATURE_REPEATABLE, .decide = on_decide};
static const struct step STORED = {
    .name = "stored", .nature = NATURE_REPEATABLE, .decide = on_decide_stored};

static void test_effects_decide_once_and_keep_the_result(void **state)
{
    struct fixture *f = *state;
    struct outcome first = try_one(f, &DECIDE);
    struct outcome again = try_one(f, &DECIDE);

    assert_true(first.rc == ST_OK && first.made && str_eq(first.result, STR("{\"n\":1}")));
    assert_true(again.rc == ST_OK && !again.made && str_eq(again.result, STR("{\"n\":1}")));
    assert_true(f->script.calls == 1 && logged(f, "begin") == 1);
    assert_int_equal(rows(f, "state='done' AND until IS NULL AND event_id='event-1'"), 1);
    assert_true(counted(f, &DECIDE, "done") == 1 && counted(f, &DECIDE, "suppressed") == 1);
    f->script.result = (struct str){NULL, 0};
    scratch_run(&f->scratch, "DELETE FROM effect");
    assert_false(str_is_set(try_one(f, &DECIDE).result));
    assert_false(str_is_set(try_one(f, &DECIDE).result));
}

static void test_effects_decide_everything_or_nothing(void **state)
{
    struct fixture *f = *state;

    static const enum status refusals[] = {ST_WAIT, ST_RETRY, ST_REJECT};

    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct outcome out;

        fail_with(f, refusals[i], "test:no");
        out = try_one(f, &DECIDE);
        assert_int_equal(out.rc, refusals[i]);
        assert_string_equal(out.err.code, "test:no");
        assert_true(rows(f, "TRUE") == 0 && logged(f, "begin") == 0);
    }
    f->script.rc = ST_OK;
    assert_true(try_one(f, &DECIDE).made);
}

static void test_effects_decide_nothing_for_a_lost_partition(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    scratch_run(&f->scratch, "UPDATE owner SET epoch=2");
    out = try_one(f, &DECIDE);
    assert_true(out.rc == ST_WAIT && strcmp(out.err.resource, "owner") == 0);
    assert_true(f->script.calls == 0 && rows(f, "TRUE") == 0);
}

static void test_effects_decide_for_one_request_only(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    assert_true(try_with(f, &DECIDE, STR("hash-a")).made);
    out = try_with(f, &DECIDE, STR("hash-b"));
    assert_true(out.rc == ST_REJECT && strcmp(out.err.code, "idempotency") == 0);
    assert_int_equal(try_with(f, &DECIDE, STR("hash-a")).rc, ST_OK);
    assert_int_equal(logged(f, "begin"), 1);
}

static void test_effects_decide_once_though_the_answer_to_a_commit_is_lost(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    f->script.begin_is_stored = true;
    out = try_one(f, &STORED);
    assert_true(out.rc == ST_OK && out.made && str_eq(out.result, STR("{\"n\":1}")));
    assert_true(f->script.calls == 1 && logged(f, "begin") == 1);
    assert_int_equal(counted(f, &STORED, "done"), 1);
    assert_false(try_one(f, &STORED).made);
}

struct racer {
    struct fixture *f;
    struct lane *lane;
    int made;
};

/* All lanes at the same effects, in another order each. */
static void *race(void *arg)
{
    struct racer *r = arg;

    for (int i = 0; i < LANES; i++) {
        char identity[32];
        struct effect effect = {&DECIDE, {NULL, 0}, {NULL, 0}, &r->f->script};
        struct str result;
        bool made = false;
        struct err err = {0};

        (void)snprintf(identity, sizeof(identity), "%d",
                       ((int)(r->lane - r->f->lanes) * 7 + i) % LANES);
        effect.identity = str_from(identity);
        r->lane->until = deadline_in(LONG_MS);
        assert_int_equal(lane_effect(r->lane, &effect, &result, &made, &err), ST_OK);
        assert_true(str_eq(result, STR("{\"n\":1}")));
        r->made += made;
    }
    db_thread_done();
    return NULL;
}

static void test_effects_decided_by_many_at_once_are_decided_once(void **state)
{
    struct fixture *f = *state;
    struct racer racers[LANES];
    pthread_t threads[LANES];
    int made = 0;

    for (size_t i = 0; i < LANES; i++) {
        racers[i] = (struct racer){f, &f->lanes[i], 0};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        made += racers[i].made;
    }
    assert_int_equal(made, LANES);
    assert_int_equal(logged(f, "begin"), LANES);
    assert_true(rows(f, "state='done'") == LANES && rows(f, "TRUE") == LANES);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, ledger_begin, ledger_end, fixture)

int main(int argc, char **argv)
{
    static struct fixture room;
    struct fixture *fixture = &room;
    const struct CMUnitTest tests[] = {
        TEST(test_effects_decide_once_and_keep_the_result),
        TEST(test_effects_decide_everything_or_nothing),
        TEST(test_effects_decide_nothing_for_a_lost_partition),
        TEST(test_effects_decide_for_one_request_only),
        TEST(test_effects_decide_once_though_the_answer_to_a_commit_is_lost),
        TEST(test_effects_decided_by_many_at_once_are_decided_once),
    };
    int failed;

    if (argc != 3)
        return 64;
    ledger_open(fixture, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture->scratch);
    return failed;
}
