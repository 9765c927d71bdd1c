/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of effects against a real server: what becomes of an effect, step by step. */
#include "tables/effect.h"
#include "tests/db/ledger.h"
#include "tests/unit/check.h"

#include <string.h>

static void test_effects_are_made_once_and_their_result_is_kept(void **state)
{
    struct fixture *f = *state;
    static const struct step *const steps[] = {&REPEATABLE, &PROBE, &ONCE};

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct outcome first = try_one(f, steps[i]);
        struct outcome again = try_one(f, steps[i]);

        assert_true(first.rc == ST_OK && first.made);
        assert_true(again.rc == ST_OK && !again.made);
        assert_true(str_eq(first.result, STR("{\"n\":1}")));
        assert_true(str_eq(again.result, STR("{\"n\":1}")));
        assert_int_equal(f->script.calls, (int)i + 1);
        assert_true(counted(f, steps[i], "done") == 1 && counted(f, steps[i], "suppressed") == 1);
    }
    assert_int_equal(rows(f, "state='done' AND until IS NULL AND event_id='event-1'"), 3);
    assert_int_equal(logged(f, "begin"), 3);
    assert_int_equal(logged(f, "end"), 3);
    assert_int_equal(f->script.probes, 0);
}

static void test_effects_without_a_result_are_kept_too(void **state)
{
    struct fixture *f = *state;
    static char large[70000];

    f->script.result = (struct str){NULL, 0};
    assert_false(str_is_set(try_one(f, &ONCE).result));
    assert_false(str_is_set(try_one(f, &ONCE).result));
    memset(large, ' ', sizeof(large));
    f->script.result = str_of(large, sizeof(large));
    assert_false(str_is_set(try_one(f, &PROBE).result));
    assert_int_equal(rows(f, "state='done' AND result IS NULL"), 2);
    large[65535] = '}';
    f->script.result = str_of(large, 65536);
    assert_int_equal(try_one(f, &REPEATABLE).result.len, 65536);
    assert_int_equal(try_one(f, &REPEATABLE).result.len, 65536);
}

static void test_effects_that_surely_did_not_happen_are_withdrawn(void **state)
{
    struct fixture *f = *state;

    static const struct {
        enum status rc;
        const char *code;
    } cases[] = {
        {ST_REJECT, "wechat:40056"}, {ST_WAIT, "wechat:45011"},  {ST_WAIT, ""},
        {ST_RETRY, "wechat:61450"},  {ST_RETRY, "wechat:40001"}, {ST_RETRY, "http:connect"},
        {ST_RETRY, "http:tls"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct outcome out;

        fail_with(f, cases[i].rc, cases[i].code);
        out = try_one(f, &ONCE);
        assert_int_equal(out.rc, cases[i].rc);
        assert_string_equal(out.err.code, cases[i].code);
        assert_int_equal(rows(f, "TRUE"), 0);
    }
    assert_int_equal(logged(f, "begin"), COUNT_OF(cases));
    assert_int_equal(logged(f, "end"), 0);
    assert_true(counted(f, &ONCE, "refused") == 5 && counted(f, &ONCE, "waited") == 2);
    f->script.rc = ST_OK;
    assert_true(try_one(f, &ONCE).made);
}

static void test_effects_that_may_have_happened_stay_open(void **state)
{
    struct fixture *f = *state;
    static const char *const codes[] = {"wechat:-1",  "wechat:garbage", "http:timeout", "http:cut",
                                        "http:proto", "http:503",       "http:404",     "memory",
                                        "wechat:",    "wechat:1x",      "probe:x"};

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct outcome out;

        scratch_run(&f->scratch, "DELETE FROM effect");
        fail_with(f, ST_RETRY, codes[i]);
        assert_int_equal(try_one(f, &REPEATABLE).rc, ST_RETRY);
        assert_int_equal(rows(f, "state='intent' AND until>UTC_TIMESTAMP(3)"), 1);
        f->script.rc = ST_OK;
        out = try_one(f, &REPEATABLE);
        assert_int_equal(out.rc, ST_WAIT);
        assert_in_range(deadline_left_ms(out.err.until), LONG_MS - 1000, LONG_MS + 2000);
    }
    assert_int_equal(f->script.calls, COUNT_OF(codes));
    assert_true(counted(f, &REPEATABLE, "open") == (int64_t)COUNT_OF(codes));
    assert_true(counted(f, &REPEATABLE, "waited") == (int64_t)COUNT_OF(codes));
}

static void test_effects_begun_long_ago_go_by_their_nature(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    leave_intent(f, &REPEATABLE, 1);
    out = try_one(f, &REPEATABLE);
    assert_true(out.rc == ST_OK && out.made && f->script.calls == 1);
    assert_int_equal(f->script.begins, 2);
    scratch_run(&f->scratch, "DELETE FROM effect");

    leave_intent(f, &PROBE, 1);
    f->script.happened = true;
    out = try_one(f, &PROBE);
    assert_true(out.rc == ST_OK && out.made && f->script.calls == 0 && f->script.probes == 1);
    assert_true(str_eq(out.result, STR("{\"probed\":true}")));
    assert_true(str_eq(try_one(f, &PROBE).result, STR("{\"probed\":true}")));
    assert_int_equal(f->script.probes, 1);
    scratch_run(&f->scratch, "DELETE FROM effect");

    leave_intent(f, &PROBE, 1);
    f->script.happened = false;
    out = try_one(f, &PROBE);
    assert_true(out.rc == ST_OK && out.made && f->script.calls == 1 && f->script.probes == 2);
    assert_true(str_eq(out.result, STR("{\"n\":1}")));
}

/* Of the call that was cut nothing is known still. */
static void test_effects_in_doubt_outlive_a_later_call_that_was_nothing(void **state)
{
    struct fixture *f = *state;

    leave_intent(f, &REPEATABLE, 1);
    fail_with(f, ST_WAIT, "wechat:45011");
    assert_int_equal(try_one(f, &REPEATABLE).rc, ST_WAIT);
    fail_with(f, ST_RETRY, "http:connect");
    assert_int_equal(try_one(f, &REPEATABLE).rc, ST_RETRY);
    assert_int_equal(rows(f, "state='intent' AND until<=UTC_TIMESTAMP(3)"), 1);
    fail_with(f, ST_REJECT, "wechat:40056");
    assert_int_equal(try_one(f, &REPEATABLE).rc, ST_REJECT);
    assert_int_equal(rows(f, "TRUE"), 0);
    assert_int_equal(f->script.calls, 3);
}

static void test_effects_of_nature_once_are_a_persons_business(void **state)
{
    struct fixture *f = *state;
    struct outcome out;
    struct err err;
    struct id id;

    leave_intent(f, &ONCE, 1);
    for (int i = 0; i < 2; i++) {
        f->lanes[0].unknown.text[0] = '\0';
        out = try_one(f, &ONCE);
        assert_true(out.rc == ST_REJECT && out.err.reason == REASON_OUTCOME_UNKNOWN);
    }
    effect_id(&ONCE, STR("identity"), &id);
    assert_string_equal(f->lanes[0].unknown.text, id.text);
    assert_int_equal(rows(f, "state='unknown' AND until IS NULL"), 1);
    assert_true(f->script.calls == 0 && counted(f, &ONCE, "unknown") == 2);

    must(effect_decide(f->scratch.db, str_from(id.text), false, &err), &err);
    assert_int_equal(rows(f, "TRUE"), 0);
    must(effect_decide(f->scratch.db, str_from(id.text), false, &err), &err);
    leave_intent(f, &ONCE, 1);
    assert_int_equal(try_one(f, &ONCE).rc, ST_REJECT);
    must(effect_decide(f->scratch.db, str_from(id.text), true, &err), &err);
    must(effect_decide(f->scratch.db, str_from(id.text), false, &err), &err);
    out = try_one(f, &ONCE);
    assert_true(out.rc == ST_OK && !out.made && !str_is_set(out.result));
    assert_int_equal(f->script.calls, 0);
}

static void test_effects_decided_touch_no_intent_and_no_result(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct id id;

    effect_id(&ONCE, STR("identity"), &id);
    leave_intent(f, &ONCE, NEVER);
    must(effect_decide(f->scratch.db, str_from(id.text), true, &err), &err);
    must(effect_decide(f->scratch.db, str_from(id.text), false, &err), &err);
    assert_int_equal(rows(f, "state='intent' AND until IS NOT NULL"), 1);
    scratch_run(&f->scratch, "DELETE FROM effect");
    (void)try_one(f, &ONCE);
    must(effect_decide(f->scratch.db, str_from(id.text), true, &err), &err);
    must(effect_decide(f->scratch.db, str_from(id.text), false, &err), &err);
    assert_int_equal(rows(f, "state='done' AND result='{\"n\":1}'"), 1);
    scratch_run(&f->scratch, "DELETE FROM effect");
    must(effect_decide(f->scratch.db, str_from(id.text), true, &err), &err);
    assert_int_equal(rows(f, "state='done'"), 1);
}

static void test_effects_whose_probe_fails_may_be_asked_again_at_once(void **state)
{
    struct fixture *f = *state;

    leave_intent(f, &PROBE, 1);
    f->script.probe_rc = ST_RETRY;
    assert_int_equal(try_one(f, &PROBE).rc, ST_RETRY);
    assert_int_equal(rows(f, "state='intent'"), 1);
    f->script.probe_rc = ST_REJECT;
    assert_int_equal(try_one(f, &PROBE).rc, ST_REJECT);
    assert_int_equal(rows(f, "state='intent'"), 1);
    f->script.probe_rc = ST_OK;
    f->script.happened = true;
    assert_true(try_one(f, &PROBE).made);
    assert_int_equal(f->script.calls, 0);
}

static void test_effects_know_another_request(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    assert_true(try_with(f, &ONCE, STR("hash-a")).made);
    out = try_with(f, &ONCE, STR("hash-b"));
    assert_true(out.rc == ST_REJECT && out.err.reason == REASON_REJECTED);
    assert_string_equal(out.err.code, "idempotency");
    assert_int_equal(try_with(f, &ONCE, STR("hash-a")).rc, ST_OK);
    assert_int_equal(try_one(f, &ONCE).rc, ST_OK);
    assert_int_equal(f->script.calls, 1);
}

static void test_effects_of_a_lost_partition_do_not_begin(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    scratch_run(&f->scratch, "UPDATE owner SET epoch=2");
    out = try_one(f, &REPEATABLE);
    assert_true(out.rc == ST_WAIT && strcmp(out.err.resource, "owner") == 0);
    assert_true(f->script.calls == 0 && f->script.begins == 0);
    assert_int_equal(rows(f, "TRUE"), 0);
}

static void test_effects_done_are_a_fact_whoever_owns_the_partition(void **state)
{
    struct fixture *f = *state;

    f->script.meanwhile = "UPDATE owner SET epoch=2";
    assert_true(try_one(f, &ONCE).made);
    assert_int_equal(rows(f, "state='done'"), 1);
}

static void test_effects_done_stand_though_taken_over(void **state)
{
    struct fixture *f = *state;

    f->script.meanwhile = "UPDATE effect SET holder=REPEAT('a',32)";
    assert_true(try_one(f, &REPEATABLE).made);
    f->script.meanwhile = "UPDATE effect SET state='unknown',until=NULL WHERE step='once'";
    assert_true(try_one(f, &ONCE).made);
    f->script.meanwhile = "DELETE FROM effect WHERE step='probe'";
    assert_true(try_one(f, &PROBE).made);
    assert_int_equal(rows(f, "state='done' AND result='{\"n\":1}'"), 3);
    assert_int_equal(logged(f, "end"), 3);
}

static void test_effects_done_by_two_are_the_first_ones(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    f->script.meanwhile = "UPDATE effect SET state='done',until=NULL,result='{\"other\":1}',"
                          "holder=REPEAT('a',32)";
    out = try_one(f, &REPEATABLE);
    assert_true(out.rc == ST_OK && !out.made);
    assert_true(str_eq(out.result, STR("{\"other\":1}")));
    assert_int_equal(logged(f, "end"), 0);
}

static void test_effects_of_others_are_not_withdrawn(void **state)
{
    struct fixture *f = *state;

    f->script.meanwhile = "UPDATE effect SET holder=REPEAT('a',32)";
    fail_with(f, ST_REJECT, "wechat:40056");
    assert_int_equal(try_one(f, &REPEATABLE).rc, ST_REJECT);
    assert_int_equal(rows(f, "state='intent'"), 1);
}

static void test_effects_that_begin_refuses_are_not_begun(void **state)
{
    struct fixture *f = *state;

    f->script.begin_rc = ST_REJECT;
    assert_string_equal(try_one(f, &ONCE).err.code, "test:begin");
    assert_int_equal(rows(f, "TRUE"), 0);
    assert_int_equal(f->script.calls, 0);
}

static void test_effects_that_begin_refuses_after_all_are_withdrawn(void **state)
{
    struct fixture *f = *state;

    f->script.begin_is_stored = true;
    f->script.begin_rc = ST_REJECT;
    assert_string_equal(try_one(f, &ONCE).err.code, "test:begin");
    assert_int_equal(f->script.begins, 2);
    assert_int_equal(rows(f, "TRUE"), 0);
}

static void test_effects_taken_over_and_not_made_stay_in_doubt(void **state)
{
    struct fixture *f = *state;

    leave_intent(f, &PROBE, 1);
    f->script.begin_is_stored = true;
    f->script.begin_rc = ST_REJECT;
    assert_int_equal(try_one(f, &PROBE).rc, ST_REJECT);
    assert_int_equal(rows(f, "state='intent' AND until<=UTC_TIMESTAMP(3)"), 1);
    f->script.begin_rc = ST_OK;
    f->script.happened = true;
    assert_true(try_one(f, &PROBE).made);
    assert_true(f->script.calls == 0 && f->script.probes == 1);
}

/* It has happened: neither undone nor refused. */
static void test_effects_that_end_refuses_stay_open(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    f->script.end_rc = ST_REJECT;
    out = try_one(f, &PROBE);
    assert_int_equal(out.rc, ST_RETRY);
    assert_string_equal(out.err.code, "test:end");
    assert_int_equal(rows(f, "state='intent' AND until>UTC_TIMESTAMP(3)"), 1);
    assert_true(counted(f, &PROBE, "open") == 1 && counted(f, &PROBE, "done") == 0);
    f->script.end_rc = ST_OK;
    assert_int_equal(try_one(f, &PROBE).rc, ST_WAIT);
    assert_int_equal(f->script.calls, 1);
}

static void test_effects_are_young_for_longer_than_their_call(void **state)
{
    struct fixture *f = *state;
    struct outcome out;

    leave_intent(f, &REPEATABLE, NEVER);
    out = try_one(f, &REPEATABLE);
    assert_int_equal(out.rc, ST_WAIT);
    assert_in_range(deadline_left_ms(out.err.until) - deadline_left_ms(f->lanes[0].until), 1900,
                    2200);
}

/* And the connections died meanwhile. */
static void test_effects_whose_call_took_all_the_time_are_written(void **state)
{
    struct fixture *f = *state;

    f->script.meanwhile = "DO SLEEP(1); BEGIN NOT ATOMIC"
                          " FOR c IN (SELECT id FROM information_schema.processlist"
                          "  WHERE command='Sleep' AND id<>CONNECTION_ID())"
                          " DO KILL c.id; END FOR; END";
    f->lanes[0].until = deadline_in(900);
    assert_true(try_one(f, &ONCE).made);
    f->lanes[0].until = deadline_in(900);
    fail_with(f, ST_REJECT, "wechat:40056");
    assert_int_equal(try_one(f, &PROBE).rc, ST_REJECT);
    assert_int_equal(rows(f, "state='done'"), 1);
    assert_int_equal(rows(f, "state='intent'"), 0);
}

static void test_effects_make_no_call_after_their_deadline(void **state)
{
    struct fixture *f = *state;
    static const struct step *const steps[] = {&REPEATABLE, &PROBE, &ONCE};

    f->script.begin_ms = 300;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        f->lanes[0].until = deadline_in(290);
        assert_int_equal(try_one(f, steps[i]).rc, ST_WAIT);
    }
    assert_true(f->script.calls == 0 && f->script.begins >= 3);
    assert_int_equal(rows(f, "TRUE"), 0);
}

static void test_effects_have_names_of_their_own(void **state)
{
    (void)state;
    static char identity[300];
    struct id a;
    struct id b;

    /* printf 'bonus\037command-1' | sha256sum */
    effect_id(&(struct step){.name = "bonus"}, STR("command-1"), &a);
    assert_string_equal(a.text, "17e8bc56f35d36ee0ca4ac8779861474");
    effect_id(&(struct step){.name = "bonuscommand"}, STR("-1"), &b);
    assert_string_not_equal(a.text, b.text);
    memset(identity, 'x', sizeof(identity));
    effect_id(&ONCE, str_of(identity, 300), &a);
    effect_id(&ONCE, str_of(identity, 299), &b);
    assert_string_not_equal(a.text, b.text);
}

static void test_effects_of_a_long_event_id_are_stored(void **state)
{
    struct fixture *f = *state;
    static char event_id[300];

    memset(event_id, 'x', sizeof(event_id));
    f->lanes[0].parent = str_of(event_id, 255);
    assert_int_equal(try_one(f, &ONCE).rc, ST_OK);
    f->lanes[0].parent = str_of(event_id, 256);
    assert_int_equal(try_one(f, &PROBE).rc, ST_OK);
    assert_int_equal(rows(f, "LENGTH(event_id)=255"), 1);
    assert_int_equal(rows(f, "LENGTH(event_id)=64"), 1);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, ledger_begin, ledger_end, fixture)

int main(int argc, char **argv)
{
    static struct fixture room;
    struct fixture *fixture = &room;
    const struct CMUnitTest tests[] = {
        TEST(test_effects_are_made_once_and_their_result_is_kept),
        TEST(test_effects_without_a_result_are_kept_too),
        TEST(test_effects_that_surely_did_not_happen_are_withdrawn),
        TEST(test_effects_that_may_have_happened_stay_open),
        TEST(test_effects_begun_long_ago_go_by_their_nature),
        TEST(test_effects_in_doubt_outlive_a_later_call_that_was_nothing),
        TEST(test_effects_of_nature_once_are_a_persons_business),
        TEST(test_effects_decided_touch_no_intent_and_no_result),
        TEST(test_effects_whose_probe_fails_may_be_asked_again_at_once),
        TEST(test_effects_know_another_request),
        TEST(test_effects_of_a_lost_partition_do_not_begin),
        TEST(test_effects_done_are_a_fact_whoever_owns_the_partition),
        TEST(test_effects_done_stand_though_taken_over),
        TEST(test_effects_done_by_two_are_the_first_ones),
        TEST(test_effects_of_others_are_not_withdrawn),
        TEST(test_effects_that_begin_refuses_are_not_begun),
        TEST(test_effects_that_begin_refuses_after_all_are_withdrawn),
        TEST(test_effects_taken_over_and_not_made_stay_in_doubt),
        TEST(test_effects_that_end_refuses_stay_open),
        TEST(test_effects_are_young_for_longer_than_their_call),
        TEST(test_effects_whose_call_took_all_the_time_are_written),
        TEST(test_effects_make_no_call_after_their_deadline),
        TEST(test_effects_have_names_of_their_own),
        TEST(test_effects_of_a_long_event_id_are_stored),
    };
    int failed;

    if (argc != 3)
        return 64;
    ledger_open(fixture, argv + 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&fixture->scratch);
    return failed;
}
