/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/command_call.h"

#include "tests/unit/check.h"

static struct json *parsed(const char *text)
{
    struct json *json = NULL;
    struct err err = {0};

    assert_int_equal(json_parse(str_from(text), &json, &err), ST_OK);
    return json;
}

typedef void write_fn(const struct json *value, struct buf *out);

static void check(write_fn *write, const char *in, const char *expected)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4096);
    AUTO(json_freep) struct json *json = parsed(in);

    write(json, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(buf_str(&out).ptr, expected);
}

static void test_a_body_keeps_order_and_digits_and_loses_escapes(void **state UNUSED)
{
    check(wechat_body_write,
          "{ \"z\": 1.50, \"a\": [1e3, -0.10],\n\"\\u4f1a\": \"\\u5458\\/ \\n\" }",
          "{\"z\":1.50,\"a\":[1e3,-0.10],\"会\":\"员/ \\n\"}");
    check(wechat_body_write, "{\"id\":18446744073709551615}", "{\"id\":18446744073709551615}");
    check(wechat_body_write, "null", "{}");
}

static void test_a_query_is_encoded(void **state UNUSED)
{
    check(wechat_query_write, "{\"openid\":\"o-1\",\"lang\":\"zh_CN\"}", "openid=o-1&lang=zh_CN");
    check(wechat_query_write, "{\"a&b\":\"c=d +\",\"n\":null,\"i\":7,\"t\":true,\"会\":\"\"}",
          "a%26b=c%3Dd%20%2B&i=7&t=true&%E4%BC%9A=");
    check(wechat_query_write, "{\"access_token\":\"x\"}", "access_token=x");
    check(wechat_query_write, "{}", "");
    check(wechat_query_write, "null", "");
}

static void test_an_answer_loses_its_verdict(void **state UNUSED)
{
    check(wechat_answer_write, "{\"errcode\":0,\"b\":{\"errcode\":1},\"errmsg\":\"ok\",\"a\":null}",
          "{\"b\":{\"errcode\":1},\"a\":null}");
    check(wechat_answer_write, "{\"errmsg\":\"ok\"}", "{}");
}

static void test_what_does_not_fit_is_told(void **state UNUSED)
{
    AUTO(buf_done) struct buf out = BUF_INIT(16);
    AUTO(json_freep) struct json *json = parsed("{\"long\":[\"0123456789abcdef\"]}");

    wechat_query_write(json, &out);
    assert_false(buf_ok(&out));
    buf_clear(&out);
    wechat_answer_write(json, &out);
    assert_false(buf_ok(&out));
    buf_clear(&out);
    wechat_body_write(json, &out);
    assert_false(buf_ok(&out));
}

static void test_extra_data_keeps_its_equals_signs(void **state UNUSED)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(4096);
    struct activate_extra e;

    wechat_activate_extra(STR("https://mp.weixin.qq.com/b?action=p&encrypt_card_id=a%2Bb%3D%3D&"
                              "outer_str=1%203&biz=MzA+4MTU==#wechat_redirect"),
                          &arena, &e);
    assert_true(str_eq(e.encrypt_card_id, STR("a+b==")));
    assert_true(str_eq(e.outer_str, STR("1 3")));
    assert_true(str_eq(e.biz, STR("MzA+4MTU==")));
}

static void test_extra_data_may_be_missing(void **state UNUSED)
{
    static const char *const urls[] = {"",     "https://x.example/",        "https://x.example/?",
                                       "?biz", "https://x.example/#?biz=1", "?xbiz=1&biz=%zz"};
    AUTO(arena_done) struct arena arena = ARENA_INIT(4096);
    struct activate_extra e;

    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        wechat_activate_extra(str_from(urls[i]), &arena, &e);
        assert_false(str_is_set(e.biz));
        assert_false(str_is_set(e.encrypt_card_id));
    }
    wechat_activate_extra((struct str){NULL, 0}, &arena, &e);
    assert_false(str_is_set(e.outer_str));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_keeps_order_and_digits_and_loses_escapes),
        cmocka_unit_test(test_a_query_is_encoded),
        cmocka_unit_test(test_an_answer_loses_its_verdict),
        cmocka_unit_test(test_what_does_not_fit_is_told),
        cmocka_unit_test(test_extra_data_keeps_its_equals_signs),
        cmocka_unit_test(test_extra_data_may_be_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
