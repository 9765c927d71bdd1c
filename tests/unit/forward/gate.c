/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/gate.h"

#include "tests/unit/check.h"

#include <string.h>

static enum status judge(struct gate *gate, struct gate_call call, bool *darkened, struct err *err)
{
    enum status rc = ST_OK;

    call.began_ms = clock_mono_ms();
    if (!answer_is_taken(call.answer))
        rc = err_retry(err, "http:x", "why");
    return gate_judge(gate, &call, rc, darkened, err);
}

static void test_gate_tries_what_is_refused_ten_times(void **state)
{
    struct gate gate = {0};
    struct err err = {0};
    bool darkened = true;

    (void)state;
    for (int attempt = 1; attempt < GATE_TRIES; attempt++)
        assert_int_equal(
            judge(&gate, (struct gate_call){ANSWER_FAILED, 500, 0, 1, attempt}, &darkened, &err),
            ST_RETRY);
    assert_int_equal(
        judge(&gate, (struct gate_call){ANSWER_FAILED, 500, 0, 1, GATE_TRIES}, &darkened, &err),
        ST_REJECT);
    assert_int_equal(err.reason, REASON_EXHAUSTED);
    assert_string_equal(err.code, "http:x");
    assert_false(darkened);
    assert_int_equal(gate_admit(&gate, &err), ST_OK);
}

static void test_gate_leaves_what_may_pass_to_the_engine(void **state)
{
    struct gate gate = {0};
    struct err err = {0};
    bool darkened;

    (void)state;
    assert_int_equal(judge(&gate, (struct gate_call){ANSWER_SILENT, 0, 0, 1, 100}, &darkened, &err),
                     ST_RETRY);
    assert_int_equal(
        judge(&gate, (struct gate_call){ANSWER_FAILED, 502, 0, 1, 100}, &darkened, &err), ST_RETRY);
    assert_int_equal(
        judge(&gate, (struct gate_call){ANSWER_UNREACHABLE, 0, 0, 1, 100}, &darkened, &err),
        ST_WAIT);
    assert_string_equal(err.resource, "forward");
    assert_string_equal(err.code, "http:x");
}

static void test_gate_is_dark_until_one_is_taken(void **state)
{
    struct gate gate = {0};
    struct err err = {0};
    bool darkened = false;

    (void)state;
    for (uint64_t key = 1; key < BREAKER_FAILURES; key++)
        assert_int_equal(
            judge(&gate, (struct gate_call){ANSWER_RUBBISH, 200, 0, key, 1}, &darkened, &err),
            ST_RETRY);
    assert_false(darkened);
    assert_int_equal(
        judge(&gate, (struct gate_call){ANSWER_REFUSED, 404, 0, 9, GATE_TRIES}, &darkened, &err),
        ST_WAIT);
    assert_true(darkened);
    assert_true(err.until.at_ms >= gate.breaker.probe_ms);
    assert_int_equal(gate_admit(&gate, &err), ST_WAIT);
    gate.breaker.probe_ms = clock_mono_ms(); /* a second later */
    assert_int_equal(gate_admit(&gate, &err), ST_OK);
    gate.breaker.changed_ms--; /* what began in the same millisecond says nothing */
    assert_int_equal(
        judge(&gate, (struct gate_call){ANSWER_REPLIED, 200, 0, 9, 1}, &darkened, &err), ST_OK);
    assert_int_equal(gate_admit(&gate, &err), ST_OK);
}

static void test_gate_says_nothing_of_what_was_cut_here(void **state)
{
    struct gate gate = {0};
    struct err err = {0};
    bool darkened;

    (void)state;
    for (uint64_t key = 1; key <= BREAKER_FAILURES; key++)
        assert_int_equal(
            judge(&gate, (struct gate_call){ANSWER_NONE, 0, 0, key, 1}, &darkened, &err), ST_RETRY);
    assert_int_equal(gate_admit(&gate, &err), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate_tries_what_is_refused_ten_times),
        cmocka_unit_test(test_gate_leaves_what_may_pass_to_the_engine),
        cmocka_unit_test(test_gate_is_dark_until_one_is_taken),
        cmocka_unit_test(test_gate_says_nothing_of_what_was_cut_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
