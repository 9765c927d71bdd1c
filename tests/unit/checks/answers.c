/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl check --live makes of refusals, of callback/check and of quotas. */
#include "ctl/check_ping.h"
#include "ctl/check_remedy.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static char name[] = "demo";
static const struct account demo = {.name = name};

static void test_remedy_names_the_line_and_the_address(void **state)
{
    static const struct {
        const char *code;
        const char *errmsg;
        enum fetch_line line;
        const char *begins;
    } cases[] = {
        {"wechat:40164", "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist",
         FETCH_ADDRESS, "203.0.113.9 is not on"},
        {"wechat:40164", "invalid ip 2001:db8::9, not in whitelist", FETCH_ADDRESS,
         "2001:db8::9 is not on"},
        {"wechat:40164", "invalid ip ", FETCH_ADDRESS, "this machine's address is not on"},
        {"wechat:40164", "(withheld)", FETCH_ADDRESS, "this machine's address is not on"},
        {"wechat:89503", "", FETCH_ADDRESS, "this machine's address must be confirmed"},
        {"wechat:40125", "", FETCH_SECRET, "[account demo] the AppSecret is another one"},
        {"wechat:40243", "", FETCH_SECRET, "[account demo] the AppSecret is frozen"},
        {"wechat:45009", "", FETCH_TOKEN, "[account demo] today's fetches are used up"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char remedy[FINDING_SIZE];
        const struct fetch_fault fault =
            fetch_remedy(&demo, cases[i].code, cases[i].errmsg, remedy, sizeof(remedy));

        assert_true(fault.is_known);
        assert_int_equal(fault.line, cases[i].line);
        assert_memory_equal(remedy, cases[i].begins, strlen(cases[i].begins));
        assert_non_null(strstr(remedy, cases[i].code));
    }
}

static void test_remedy_of_other_faults_is_their_own_words(void **state)
{
    char remedy[FINDING_SIZE];
    struct fetch_fault fault =
        fetch_remedy(&demo, "setting", "secret_file: missing", remedy, sizeof(remedy));

    (void)state;
    assert_false(fault.is_known);
    assert_int_equal(fault.line, FETCH_SECRET);
    fault = fetch_remedy(&demo, "http:timeout", "", remedy, sizeof(remedy));
    assert_false(fault.is_known);
    assert_int_equal(fault.line, FETCH_TOKEN);
}

struct told {
    enum check_state state; /* the last one */
    size_t count;
};

static void note(void *arg, enum check_state state, const char *text)
{
    struct told *told = arg;

    assert_true(strlen(text) > 0);
    told->state = state;
    told->count++;
}

#define DNS        "{\"dns\":[{\"ip\":\"203.0.113.7\"}],\"ping\":["
#define PING(loss) "{\"ip\":\"203.0.113.7\",\"from_operator\":\"CAP\",\"package_loss\":" loss "}"

static void test_ping_tells_loss_from_a_firewall(void **state)
{
    static const struct {
        const char *answer;
        enum check_state state;
        size_t count;
    } cases[] = {
        {DNS PING("\"0%\"") "]}", CHECK_OK, 1},
        {DNS PING("\"0.00%\"") "]}", CHECK_OK, 1},
        {DNS PING("0") "]}", CHECK_OK, 1},
        {DNS PING("\"0.4%\"") "]}", CHECK_FAIL, 1},
        {DNS PING("12.5") "]}", CHECK_FAIL, 1},
        {DNS PING("\"20%\"") "," PING("\"0%\"") "," PING("\"100%\"") "]}", CHECK_FAIL, 2},
        {DNS PING("\"100%\"") "," PING("\"100.00%\"") "]}", CHECK_NOTE, 1},
        {DNS "]}", CHECK_NOTE, 1},
        {"{\"dns\":[],\"ping\":[" PING("\"0%\"") "]}", CHECK_FAIL, 1},
        {"{}", CHECK_FAIL, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *answer = NULL;
        struct told told = {0};
        const struct check_findings findings = {note, &told};
        struct err err;

        assert_int_equal(json_parse(str_from(cases[i].answer), &answer, &err), ST_OK);
        ping_judge(answer, &findings);
        assert_int_equal(told.state, cases[i].state);
        assert_int_equal(told.count, cases[i].count);
    }
}

static void test_quota_is_low_below_a_tenth(void **state)
{
    static const struct {
        const char *answer;
        enum quota_left left;
    } cases[] = {
        {"{}", QUOTA_UNSAID},
        {"{\"quota\":{\"daily_limit\":0,\"remain\":0}}", QUOTA_UNSAID},
        {"{\"quota\":{\"daily_limit\":100}}", QUOTA_UNSAID},
        {"{\"quota\":{\"daily_limit\":100,\"remain\":10}}", QUOTA_ENOUGH},
        {"{\"quota\":{\"daily_limit\":100,\"remain\":9}}", QUOTA_LOW},
        {"{\"quota\":{\"daily_limit\":5,\"remain\":0}}", QUOTA_LOW},
        {"{\"quota\":{\"daily_limit\":5,\"remain\":1}}", QUOTA_ENOUGH},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *answer = NULL;
        int64_t limit = -1;
        int64_t left = -1;
        struct err err;

        assert_int_equal(json_parse(str_from(cases[i].answer), &answer, &err), ST_OK);
        assert_int_equal(quota_judge(answer, &limit, &left), cases[i].left);
        assert_int_equal(limit < 0, cases[i].left == QUOTA_UNSAID);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remedy_names_the_line_and_the_address),
        cmocka_unit_test(test_remedy_of_other_faults_is_their_own_words),
        cmocka_unit_test(test_ping_tells_loss_from_a_firewall),
        cmocka_unit_test(test_quota_is_low_below_a_tenth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
