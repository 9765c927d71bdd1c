/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

static void test_err_each_call_fills_and_returns_its_status(void **state)
{
    (void)state;
    struct err err;

    memset(&err, 0xFF, sizeof(err));
    assert_int_equal(err_reject(&err, REASON_SCHEMA, "schema", "%s is missing", "openid"),
                     ST_REJECT);
    assert_int_equal(err.reason, REASON_SCHEMA);
    assert_string_equal(err.code, "schema");
    assert_string_equal(err.text, "openid is missing");
    assert_string_equal(err.resource, "");
    assert_int_equal(err.until.at_ms, 0);

    assert_int_equal(err_wait(&err, "wechat:demo:/x", (struct deadline){77}, "closed"), ST_WAIT);
    assert_string_equal(err.resource, "wechat:demo:/x");
    assert_int_equal(err.until.at_ms, 77);
    assert_int_equal(err.reason, REASON_NONE);

    assert_int_equal(err_retry(&err, "http:503", "busy"), ST_RETRY);
    assert_string_equal(err.resource, "");
    assert_int_equal(err.until.at_ms, 0);
    assert_int_equal(err_fatal(&err, "config", "no"), ST_FATAL);
}

static void test_err_may_wrap_itself(void **state)
{
    (void)state;
    struct err err;

    (void)err_retry(&err, "mysql:2006", "gone away");
    (void)err_fatal(&err, err.code, "connecting: %s", err.text);
    assert_string_equal(err.code, "mysql:2006");
    assert_string_equal(err.text, "connecting: gone away");
}

static void test_err_cuts_at_a_character(void **state)
{
    (void)state;
    struct err err;
    char text[400];

    /* 卡 is three bytes; each start shifts where the field ends within it. */
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        for (size_t i = 0; i < 130; i++)
            memcpy(text + shift + 3 * i, "\xE5\x8D\xA1", 3);
        text[shift + 390] = '\0';
        (void)err_retry(&err, text, "%s", text);
        assert_int_equal((strlen(err.text) - shift) % 3, 0);
        assert_in_range(strlen(err.text), sizeof(err.text) - 3, sizeof(err.text) - 1);
        assert_int_equal((strlen(err.code) - shift) % 3, 0);
    }
}

static void test_err_text_is_one_line(void **state)
{
    (void)state;
    struct err err;

    (void)err_retry(&err, "x", "a\nb\tc\x7F");
    assert_string_equal(err.text, "a b c ");
}

static void test_err_errno_is_named(void **state)
{
    (void)state;
    struct err err;

    assert_int_equal(err_errno(&err, ST_RETRY, ENOENT, "open /etc/x"), ST_RETRY);
    assert_string_equal(err.code, "errno:ENOENT");
    assert_string_equal(err.text, "open /etc/x: No such file or directory");
    assert_int_equal(err_errno(&err, ST_FATAL, 99999, "x"), ST_FATAL);
    assert_string_equal(err.code, "errno:99999");
}

static void test_err_names_are_the_closed_lists(void **state)
{
    (void)state;
    static const char *const reasons[] = {
        "", "malformed", "schema", "rejected", "exhausted", "outcome-unknown", "crash", "expired",
    };
    static const char *const statuses[] = {"ok", "wait", "retry", "reject", "fatal"};

    for (enum reason reason = REASON_NONE; reason <= REASON_EXPIRED; reason++)
        assert_string_equal(reason_name(reason), reasons[reason]);
    for (enum status status = ST_OK; status <= ST_FATAL; status++)
        assert_string_equal(status_name(status), statuses[status]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_each_call_fills_and_returns_its_status),
        cmocka_unit_test(test_err_may_wrap_itself),
        cmocka_unit_test(test_err_cuts_at_a_character),
        cmocka_unit_test(test_err_text_is_one_line),
        cmocka_unit_test(test_err_errno_is_named),
        cmocka_unit_test(test_err_names_are_the_closed_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
