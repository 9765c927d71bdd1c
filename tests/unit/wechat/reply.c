/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply looks like before anybody parses it, and that only its account can open it. The
 * reading of each type by an implementation of others: tests/e2e/test_replies.py. */
#include "wechat/reply.h"

#include "tests/unit/wechat/sample.h"

#include <stdio.h>

enum { OUT_MAX = 1 << 16, NOW = 1760000000 };

static const struct reply_head HEAD = {
    .openid = STR_INIT("o1"), .original_id = STR_INIT("gh_1"), .now_s = NOW};

static void assert_writes(const struct reply *reply, const char *want)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);

    reply_write(reply, &HEAD, &out);
    assert_true(buf_ok(&out));
    assert_non_null(strstr(out.ptr, want));
}

static void test_reply_write_swaps_the_names(void **state)
{
    const struct reply reply = {.type = REPLY_TEXT, .parts = {STR("a")}};

    (void)state;
    assert_writes(&reply, "<xml><ToUserName><![CDATA[o1]]></ToUserName>"
                          "<FromUserName><![CDATA[gh_1]]></FromUserName>"
                          "<CreateTime>1760000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
                          "<Content><![CDATA[a]]></Content></xml>");
}

static void test_reply_write_keeps_cdata_whole(void **state)
{
    static const char *const texts[][2] = {
        {"]]>", "<![CDATA[]]]]><![CDATA[>]]>"},
        {"]]]>>", "<![CDATA[]]]]]><![CDATA[>>]]>"},
        {"]]\x01>", "<![CDATA[]]]]><![CDATA[>]]>"},
        {"]\xEF\xBF\xBF]>", "<![CDATA[]]]]><![CDATA[>]]>"},
        {"]>]]", "<![CDATA[]>]]]]>"},
        {"\x02<&\r\n\t\"'\x1F", "<![CDATA[<&\n\t\"']]>"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_writes(&(struct reply){.type = REPLY_TEXT, .parts = {str_from(texts[i][0])}},
                      texts[i][1]);
}

static void test_reply_write_cuts_texts_between_characters(void **state)
{
    AUTO(buf_done) struct buf content = BUF_INIT(OUT_MAX);
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    struct reply reply = {.type = REPLY_TEXT};
    size_t at;
    size_t end;

    (void)state;
    for (int i = 0; i < 700; i++)
        buf_add(&content, STR("会"));
    reply.parts[0] = buf_str(&content);
    reply_write(&reply, &HEAD, &out);
    assert_true(str_find(buf_str(&out), STR("<Content><![CDATA["), &at));
    assert_true(str_find(str_skip(buf_str(&out), at), STR("]]>"), &end));
    assert_int_equal(end - strlen("<Content><![CDATA["), REPLY_TEXT_MAX / 3 * 3);
}

static void test_reply_write_of_nothing_but_the_type(void **state)
{
    struct reply reply = {.type = REPLY_TRANSFER};

    (void)state;
    assert_writes(&reply, "<![CDATA[transfer_customer_service]]></MsgType></xml>");
    reply.parts[0] = STR("a@b");
    assert_writes(&reply, "<TransInfo><KfAccount><![CDATA[a@b]]></KfAccount></TransInfo></xml>");
}

static struct str element(struct str text, const char *name)
{
    char open[64];
    size_t at;
    size_t end;

    (void)snprintf(open, sizeof(open), "<%s><![CDATA[", name);
    assert_true(str_find(text, str_from(open), &at));
    text = str_skip(text, at + strlen(open));
    assert_true(str_find(text, STR("]]>"), &end));
    return str_of(text.ptr, end);
}

static void test_reply_seal_is_fresh_each_time_and_opens(void **state)
{
    AUTO(sample_done) struct sample s;
    const struct push push = {.encrypted = true, .key_index = 0};
    struct push_seal seal;
    struct str sealed[2];
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    seal = push_seal_of(s.reader, &push);
    for (size_t i = 0; i < 2; i++) {
        struct str message;
        int key = -1;

        assert_int_equal(reply_seal(&seal, STR("<xml/>"), NOW, &s.arena, &sealed[i], &err), ST_OK);
        assert_int_equal(crypt_open(seal.crypt, element(sealed[i], "Encrypt"), seal.frame_appid,
                                    &s.arena, &message, &key, &err),
                         ST_OK);
        assert_true(str_eq(message, STR("<xml/>")));
        assert_int_equal(key, 0);
    }
    assert_false(str_eq(element(sealed[0], "Encrypt"), element(sealed[1], "Encrypt")));
    assert_false(str_eq(element(sealed[0], "Nonce"), element(sealed[1], "Nonce")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_write_swaps_the_names),
        cmocka_unit_test(test_reply_write_keeps_cdata_whole),
        cmocka_unit_test(test_reply_write_cuts_texts_between_characters),
        cmocka_unit_test(test_reply_write_of_nothing_but_the_type),
        cmocka_unit_test(test_reply_seal_is_fresh_each_time_and_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
