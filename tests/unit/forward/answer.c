/* SPDX-License-Identifier: Apache-2.0 */
#include "forward/answer.h"

#include "tests/unit/check.h"

#include <string.h>

static enum answer read_of(enum status rc, int status, const char *code, const char *body)
{
    AUTO(arena_done) struct arena memory = ARENA_INIT(1 << 20);
    const struct http_reply reply = {.status = status, .body = str_from(body)};
    struct err err = {0};

    (void)str_copy(str_from(code), err.code, sizeof(err.code));
    return answer_read(rc, &reply, &err, &memory);
}

static void test_answer_reads_bodies_as_wechat_does(void **state)
{
    static const struct {
        const char *body;
        enum answer answer;
    } cases[] = {
        {NULL, ANSWER_TAKEN},
        {"", ANSWER_TAKEN},
        {" \r\n", ANSWER_TAKEN},
        {"success", ANSWER_TAKEN},
        {"\xEF\xBB\xBFsuccess\n", ANSWER_TAKEN},
        {"<xml><ToUserName><![CDATA[o]]></ToUserName><MsgType><![CDATA[text]]></MsgType></xml>",
         ANSWER_REPLIED},
        {"<xml><Encrypt><![CDATA[E]]></Encrypt><Nonce>1</Nonce></xml>", ANSWER_REPLIED},
        {"<xml><MsgType></MsgType></xml>", ANSWER_RUBBISH},
        {"<xml><MsgType>text</MsgType>", ANSWER_RUBBISH},
        {"<!DOCTYPE html><html><body>Fatal error</body></html>", ANSWER_RUBBISH},
        {"<html><body><MsgType>text</MsgType></body></html>", ANSWER_RUBBISH},
        {"ok", ANSWER_RUBBISH},
        {"success<br>Warning: mysql_connect()", ANSWER_RUBBISH},
        {"{\"errcode\":0}", ANSWER_RUBBISH},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (read_of(ST_OK, 200, "", cases[i].body) != cases[i].answer)
            fail_msg("%s is read wrongly", cases[i].body ? cases[i].body : "nothing");
}

static void test_answer_reads_what_is_no_2xx(void **state)
{
    static const struct {
        int status;
        const char *code;
        enum answer answer;
        bool may_pass;
    } cases[] = {
        {301, "http:301", ANSWER_REFUSED, false},
        {404, "http:404", ANSWER_REFUSED, false},
        {408, "http:408", ANSWER_REFUSED, true},
        {429, "http:429", ANSWER_REFUSED, true},
        {500, "http:500", ANSWER_FAILED, false},
        {502, "http:502", ANSWER_FAILED, true},
        {503, "http:503", ANSWER_FAILED, true},
        {504, "http:504", ANSWER_FAILED, true},
        {0, "http:timeout", ANSWER_SILENT, true},
        {0, "http:proto", ANSWER_SILENT, true},
        {0, "http:connect", ANSWER_UNREACHABLE, false},
        {0, "http:tls", ANSWER_UNREACHABLE, false},
        {0, "http:size", ANSWER_RUBBISH, false},
        {0, "http:cut", ANSWER_NONE, false},
        {0, "http:url", ANSWER_NONE, false},
        {0, "memory", ANSWER_NONE, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const enum answer answer = read_of(ST_RETRY, cases[i].status, cases[i].code, "success");

        if (answer != cases[i].answer ||
            answer_may_pass(answer, cases[i].status) != cases[i].may_pass)
            fail_msg("%s is read as %s", cases[i].code, answer_name(answer));
        assert_false(answer_is_taken(answer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_reads_bodies_as_wechat_does),
        cmocka_unit_test(test_answer_reads_what_is_no_2xx),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
