/* SPDX-License-Identifier: Apache-2.0 */
/* Who may push, in which mode, and what is refused how. The events themselves: events.c. */
#include "tests/unit/wechat/sample.h"

#include <stdio.h>

#define SUBMIT                                                                \
    "<ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>"                    \
    "<FromUserName><![CDATA[oGRUFjk0a1b2c3d4e5f6g7h8i9j0]]></FromUserName>"   \
    "<CreateTime>1760000000</CreateTime><MsgType><![CDATA[event]]></MsgType>" \
    "<Event><![CDATA[submit_membercard_user_info]]></Event>"                  \
    "<CardId><![CDATA[pGRUFjv0a1b2c3d4e5f6g7h8i9j0]]></CardId>"               \
    "<UserCardCode><![CDATA[018255396048]]></UserCardCode>"

static const char submit[] = "<xml>" SUBMIT "</xml>";
static const char other_key[] = "AdiqDDDvUNCeE1ZW5XJmjf9fqNBJpGBs4vL4cHKmHBS";

static enum status open_push(struct sample *s, const struct push_query *q, struct str body,
                             struct push *out, struct err *err)
{
    enum status rc = push_open(s->reader, q, body, &s->arena, out, err);

    if (rc == ST_REJECT)
        assert_int_equal(err->reason, REASON_MALFORMED);
    return rc;
}

static void assert_refused(struct sample *s, const struct push_query *q, struct str body,
                           const char *code)
{
    struct push out = {.key_index = 77};
    struct err err = {0};

    if (open_push(s, q, body, &out, &err) != ST_REJECT || strcmp(err.code, code) != 0)
        fail_msg("%.*s: %s instead of %s", STR_ARG(body), err.code, code);
    assert_int_equal(out.key_index, 77);
}

static void test_push_open_takes_the_plain_push(void **state)
{
    AUTO(sample_done) struct sample s;
    struct push_query q;
    struct push p;
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    assert_int_equal(open_push(&s, &q, str_from(submit), &p, &err), ST_OK);
    assert_false(p.encrypted);
    assert_true(str_eq(p.key, STR(VECTOR_APPID ":pGRUFjv0a1b2c3d4e5f6g7h8i9j0:018255396048")));
    assert_true(str_eq(p.type, STR("kabao.wechat.submit_membercard_user_info")));
    assert_true(str_eq(p.event.account, STR("demo")));
    assert_int_equal(p.event.create_time.value, 1760000000);
    q.encrypt_type = STR("raw");
    assert_int_equal(open_push(&s, &q, str_from(submit), &p, &err), ST_OK);
}

static void test_push_open_refuses_signatures(void **state)
{
    AUTO(sample_done) struct sample s;
    struct push_query right;
    struct push_query q;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    right = sample_query(&s);
    q = right;
    q.signature = (struct str){0};
    assert_refused(&s, &q, str_from(submit), "403:signature");
    q.signature = STR("");
    assert_refused(&s, &q, str_from(submit), "403:signature");
    q.signature = STR("06d850131043679493ed2cd2c8fdf1861a6772b2");
    assert_refused(&s, &q, str_from(submit), "403:signature");
    q = right;
    q.timestamp = STR("1432668702");
    assert_refused(&s, &q, str_from(submit), "403:signature");
    q.timestamp = (struct str){0};
    assert_refused(&s, &q, str_from(submit), "403:signature");
    q = right;
    q.nonce = STR("1372623148");
    assert_refused(&s, &q, str_from(submit), "403:signature");
    /* Of the wrong kind. */
    q = right;
    q.msg_signature = q.signature;
    q.signature = (struct str){0};
    assert_refused(&s, &q, str_from(submit), "403:signature");
    /* Before anything is looked at. */
    assert_refused(&s, &q, STR("no XML"), "403:signature");
}

static void test_push_open_takes_the_secure_push(void **state)
{
    AUTO(sample_done) struct sample s;
    struct str encrypted = str_from(vector_e);
    struct push_query q;
    struct push p;
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    q = sample_query_aes(&s, encrypted);
    assert_string_equal(s.msg_signature, "e1727f40a4452584e0b90162f87b0e89dd545dbe");
    assert_int_equal(open_push(&s, &q, sample_secure_body(&s, encrypted), &p, &err), ST_OK);
    assert_true(p.encrypted);
    assert_int_equal(p.key_index, 0);
    assert_true(str_eq(p.event.openid, STR("obLatjlaNQKb8FqOvt1M1x1lIBFE")));
    assert_true(str_eq(p.event.card_code, STR("018255396048")));
    /* encrypt_type says nothing that the body does not. */
    q.encrypt_type = (struct str){0};
    assert_int_equal(open_push(&s, &q, sample_secure_body(&s, encrypted), &p, &err), ST_OK);
}

static void test_push_open_refuses_msg_signatures(void **state)
{
    AUTO(sample_done) struct sample s;
    struct str encrypted = str_from(vector_e);
    struct push_query q;
    struct str body;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    body = sample_secure_body(&s, encrypted);
    q = sample_query_aes(&s, encrypted);
    q.msg_signature = q.signature;
    assert_refused(&s, &q, body, "403:signature");
    q.msg_signature = (struct str){0};
    assert_refused(&s, &q, body, "403:signature");
    q.msg_signature = STR("e1727f40a4452584e0b90162f87b0e89dd545dbf");
    assert_refused(&s, &q, body, "403:signature");
    q = sample_query_aes(&s, encrypted);
    q.signature = q.msg_signature;
    assert_refused(&s, &q, body, "403:signature");
    /* The signature of another frame. */
    q = sample_query_aes(&s, str_from(vector_f));
    assert_refused(&s, &q, body, "403:signature");
}

static void test_push_open_takes_the_previous_key_and_a_platforms_appid(void **state)
{
    AUTO(sample_done) struct sample s;
    char frame_appid[] = "wx45f133bf6fce646e";
    struct push_query q;
    struct push p;
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    sample_key(other_key, s.secrets.aes_keys[0]);
    sample_key(VECTOR_KEY, s.secrets.aes_keys[1]);
    s.secrets.aes_key_count = 2;
    sample_reader(&s);
    q = sample_query_aes(&s, str_from(vector_e));
    assert_int_equal(open_push(&s, &q, sample_secure_body(&s, str_from(vector_e)), &p, &err),
                     ST_OK);
    assert_int_equal(p.key_index, 1);

    s.account.frame_appid = frame_appid;
    sample_reader(&s);
    assert_refused(&s, &q, sample_secure_body(&s, str_from(vector_e)), "400:decrypt");
    q = sample_query_aes(&s, str_from(vector_c));
    assert_int_equal(open_push(&s, &q, sample_secure_body(&s, str_from(vector_c)), &p, &err),
                     ST_OK);
    assert_int_equal(p.key_index, 0);
    assert_true(str_eq(p.event.appid, STR(VECTOR_APPID)));
}

static void test_push_open_refuses_what_cannot_be_decrypted(void **state)
{
    AUTO(sample_done) struct sample s;
    unsigned char key[AES_KEY_LEN];
    struct str encrypted[3];
    struct push_query q;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    sample_key(other_key, key);
    encrypted[0] = sample_encrypt(&s, key, str_from(submit), STR(VECTOR_APPID));
    encrypted[1] = sample_encrypt(&s, s.secrets.aes_keys[0], str_from(submit), STR("wxforeign"));
    encrypted[2] = STR("garbage!");
    for (size_t i = 0; i < COUNT_OF(encrypted); i++) {
        q = sample_query_aes(&s, encrypted[i]);
        assert_refused(&s, &q, sample_secure_body(&s, encrypted[i]), "400:decrypt");
    }
    encrypted[0] = sample_encrypt(&s, s.secrets.aes_keys[0], STR("no XML"), STR(VECTOR_APPID));
    q = sample_query_aes(&s, encrypted[0]);
    assert_refused(&s, &q, sample_secure_body(&s, encrypted[0]), "400:xml");
}

static void test_push_open_holds_to_push_mode(void **state)
{
    AUTO(sample_done) struct sample s;
    struct push_query plain;
    struct push_query aes;
    struct push p;
    struct err err;
    struct str secure_body;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    plain = sample_query(&s);
    aes = sample_query_aes(&s, str_from(vector_e));
    secure_body = sample_secure_body(&s, str_from(vector_e));
    assert_refused(&s, &plain, str_from(submit), "403:mode");
    assert_refused(&s, &aes, str_from(submit), "403:mode");

    s.account.push_mode = PUSH_MODE_PLAIN;
    assert_refused(&s, &aes, secure_body, "400:decrypt");
    s.account.push_mode = PUSH_MODE_COMPATIBLE;
    assert_int_equal(open_push(&s, &plain, str_from(submit), &p, &err), ST_OK);
    assert_int_equal(open_push(&s, &aes, secure_body, &p, &err), ST_OK);
    assert_true(p.encrypted);
    assert_refused(&s, &aes, str_from(submit), "400:decrypt");
    s.secrets.aes_key_count = 0;
    sample_reader(&s);
    assert_refused(&s, &aes, secure_body, "400:decrypt");
}

/* The plain copy of a compatible body is what a stranger could change. */
static void test_push_open_believes_the_encrypted_half(void **state)
{
    AUTO(sample_done) struct sample s;
    AUTO(buf_done) struct buf plain_json = BUF_INIT(65536);
    AUTO(buf_done) struct buf aes_json = BUF_INIT(65536);
    struct str encrypted;
    struct push_query q;
    struct push plain;
    struct push aes;
    struct str body;
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_COMPATIBLE);
    encrypted = sample_encrypt(&s, s.secrets.aes_keys[0], str_from(submit), STR(VECTOR_APPID));
    body = arena_printf(
        &s.arena, "<xml>" SUBMIT "<Forged>1</Forged><Encrypt><![CDATA[%.*s]]></Encrypt></xml>",
        STR_ARG(encrypted));
    q = sample_query_aes(&s, encrypted);
    assert_int_equal(open_push(&s, &q, body, &aes, &err), ST_OK);
    push_write(&aes, &aes_json);
    assert_null(strstr(aes_json.ptr, "Forged"));

    /* The same record whichever way it came. */
    s.account.push_mode = PUSH_MODE_PLAIN;
    body = arena_printf(&s.arena, "<xml>" SUBMIT "<Encrypt><![CDATA[%.*s]]></Encrypt></xml>",
                        STR_ARG(encrypted));
    assert_int_equal(open_push(&s, &q, body, &plain, &err), ST_OK);
    push_write(&plain, &plain_json);
    assert_string_equal(plain_json.ptr, aes_json.ptr);
    assert_string_equal(plain.id.text, aes.id.text);
    assert_true(str_eq(plain.key, aes.key));
    assert_true(str_eq(plain.type, aes.type));
}

static void test_push_open_refuses_bad_documents(void **state)
{
    static const struct {
        const char *body;
        const char *code;
    } cases[] = {
        {"", "400:xml"},
        {"{\"FromUserName\":\"o\"}", "400:xml"},
        {"<xml>" SUBMIT, "400:xml"},
        {"<xml>" SUBMIT "</xml><xml/>", "400:xml"},
        {"<!DOCTYPE xml><xml>" SUBMIT "</xml>", "400:xml"},
        {"<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xml>" SUBMIT
         "<A>&x;</A></xml>",
         "400:xml"},
        {"<xml>" SUBMIT "<A>&x;</A></xml>", "400:xml"},
        {"<xml>" SUBMIT "<A>\xff</A></xml>", "400:xml"},
        {"<?xml version=\"1.0\" encoding=\"gb2312\"?><xml>" SUBMIT "</xml>", "400:xml"},
        {"<xml>" SUBMIT "<a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></xml>",
         "400:xml"},
        {"<xml/>", "400:field"},
        {"<xml><CreateTime>1</CreateTime><MsgType>event</MsgType></xml>", "400:field"},
        {"<xml><FromUserName> </FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"
         "</xml>",
         "400:field"},
        {"<xml><FromUserName><x>o</x></FromUserName><CreateTime>1</CreateTime>"
         "<MsgType>event</MsgType></xml>",
         "400:field"},
        {"<xml><FromUserName>o</FromUserName><MsgType>event</MsgType></xml>", "400:field"},
        {"<xml><FromUserName>o</FromUserName><CreateTime>1</CreateTime></xml>", "400:field"},
        {"<xml><x><FromUserName>o</FromUserName></x><CreateTime>1</CreateTime>"
         "<MsgType>event</MsgType></xml>",
         "400:field"},
    };
    AUTO(sample_done) struct sample s;
    struct push_query q;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(&s, &q, str_from(cases[i].body), cases[i].code);
}

static void test_push_open_refuses_too_many_elements(void **state)
{
    AUTO(sample_done) struct sample s;
    AUTO(buf_done) struct buf body = BUF_INIT(65536);
    struct push_query q;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    buf_add_cstr(&body, "<xml>" SUBMIT);
    for (int i = 0; i < XML_ELEMENTS_MAX; i++)
        buf_add_cstr(&body, "<a/>");
    buf_add_cstr(&body, "</xml>");
    assert_refused(&s, &q, buf_str(&body), "400:xml");
}

static void test_push_open_takes_only_times(void **state)
{
    static const struct {
        const char *text;
        int64_t value; /* 0: refused */
    } cases[] = {
        {"1", 1},
        {"0001", 1},
        {" 1760000000 ", 1760000000},
        {"1099511627776", 1099511627776},
        {"1099511627777", 0},
        {"0", 0},
        {"-1", 0},
        {"+1", 0},
        {"1.5", 0},
        {"1e9", 0},
        {"0x10", 0},
        {"12 34", 0},
        {"99999999999999999999999", 0},
        {"now", 0},
    };
    AUTO(sample_done) struct sample s;
    struct push_query q;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str body = arena_printf(&s.arena,
                                       "<xml><FromUserName>o</FromUserName><CreateTime>%s"
                                       "</CreateTime><MsgType>text</MsgType></xml>",
                                       cases[i].text);
        struct push p;
        struct err err;

        if (cases[i].value == 0) {
            assert_refused(&s, &q, body, "400:field");
            continue;
        }
        assert_int_equal(open_push(&s, &q, body, &p, &err), ST_OK);
        assert_int_equal(p.event.create_time.value, cases[i].value);
    }
}

static void test_push_check_url_echoes(void **state)
{
    AUTO(sample_done) struct sample s;
    struct push_query q;
    struct str echo = {0};
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    q = sample_query(&s);
    q.echostr = STR("5833258582299191661");
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_OK);
    assert_true(str_eq(echo, q.echostr));

    q = sample_query_aes(&s, str_from(vector_f));
    q.echostr = str_from(vector_f);
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_OK);
    assert_true(str_eq(echo, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ")));
}

static void test_push_check_url_refuses(void **state)
{
    AUTO(sample_done) struct sample s;
    struct push_query q;
    struct str echo = {0};
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    q = sample_query(&s);
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_REJECT);
    assert_string_equal(err.code, "400:field");
    q.echostr = STR("x");
    q.signature = STR("x");
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_REJECT);
    assert_string_equal(err.code, "403:signature");
    q = sample_query_aes(&s, str_from(vector_f));
    q.echostr = str_from(vector_e);
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_REJECT);
    assert_string_equal(err.code, "403:signature");
    q = sample_query_aes(&s, str_from(vector_c));
    q.echostr = str_from(vector_c);
    assert_int_equal(push_check_url(s.reader, &q, &s.arena, &echo, &err), ST_REJECT);
    assert_string_equal(err.code, "400:decrypt");
    assert_false(str_is_set(echo));
}

static void test_push_drops_form_fields_but_not_from_the_identity(void **state)
{
    static const char with_id_card[] =
        "<xml>" SUBMIT "<USER_FORM_INFO_FLAG_IDCARD>SECRET1</USER_FORM_INFO_FLAG_IDCARD>"
        "<UserInfo><item><Name>USER_FORM_INFO_FLAG_IDCARD</Name><Value><x>SECRET2</x></Value>"
        "</item><item><Name>USER_FORM_INFO_FLAG_NAME</Name><Value>kept</Value></item></UserInfo>"
        "<Deep><USER_FORM_INFO_FLAG_IDCARD><a>SECRET3</a></USER_FORM_INFO_FLAG_IDCARD></Deep>"
        "<Name>USER_FORM_INFO_FLAG_IDCARD</Name></xml>";
    AUTO(sample_done) struct sample s;
    AUTO(buf_done) struct buf json = BUF_INIT(65536);
    struct push_query q;
    struct push dropped;
    struct push whole;
    struct err err;

    (void)state;
    sample_init(&s, PUSH_MODE_PLAIN);
    q = sample_query(&s);
    assert_int_equal(open_push(&s, &q, str_from(with_id_card), &dropped, &err), ST_OK);
    push_write(&dropped, &json);
    assert_null(strstr(json.ptr, "SECRET"));
    assert_non_null(strstr(json.ptr, "\"UserInfo\":{\"item\":{\"Name\":\"USER_FORM_INFO_FLAG_NAME\""
                                     ",\"Value\":\"kept\"}},\"Deep\":{},"
                                     "\"Name\":\"USER_FORM_INFO_FLAG_IDCARD\"}"));

    s.account.form_fields_drop = NULL;
    assert_int_equal(open_push(&s, &q, str_from(with_id_card), &whole, &err), ST_OK);
    assert_string_equal(whole.id.text, dropped.id.text);
    buf_clear(&json);
    push_write(&whole, &json);
    assert_non_null(strstr(json.ptr, "SECRET3"));
}

static void test_push_survives_short_memory(void **state)
{
    enum status rc = ST_RETRY;

    (void)state;
    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(sample_done) struct sample s;
        struct push p;
        struct err err;
        struct push_query q;
        struct str body;

        assert_true(nth < 2000);
        sample_init(&s, PUSH_MODE_SECURE);
        q = sample_query_aes(&s, str_from(vector_e));
        body = sample_secure_body(&s, str_from(vector_e));
        mem_fail_at(nth, false);
        rc = open_push(&s, &q, body, &p, &err);
        mem_fail_at(0, false);
        if (rc != ST_OK)
            assert_int_equal(rc, ST_RETRY);
    }
}

static void test_push_reader_needs_memory(void **state)
{
    enum status rc = ST_FATAL;
    AUTO(sample_done) struct sample s;

    (void)state;
    sample_init(&s, PUSH_MODE_SECURE);
    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(push_reader_freep) struct push_reader *reader = NULL;
        struct err err;

        assert_true(nth < 100);
        mem_fail_at(nth, false);
        rc = push_reader_new(&s.account, &s.secrets, &reader, &err);
        mem_fail_at(0, false);
        if (rc != ST_OK)
            assert_int_equal(rc, ST_FATAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_open_takes_the_plain_push),
        cmocka_unit_test(test_push_open_refuses_signatures),
        cmocka_unit_test(test_push_open_takes_the_secure_push),
        cmocka_unit_test(test_push_open_refuses_msg_signatures),
        cmocka_unit_test(test_push_open_takes_the_previous_key_and_a_platforms_appid),
        cmocka_unit_test(test_push_open_refuses_what_cannot_be_decrypted),
        cmocka_unit_test(test_push_open_holds_to_push_mode),
        cmocka_unit_test(test_push_open_believes_the_encrypted_half),
        cmocka_unit_test(test_push_open_refuses_bad_documents),
        cmocka_unit_test(test_push_open_refuses_too_many_elements),
        cmocka_unit_test(test_push_open_takes_only_times),
        cmocka_unit_test(test_push_check_url_echoes),
        cmocka_unit_test(test_push_check_url_refuses),
        cmocka_unit_test(test_push_drops_form_fields_but_not_from_the_identity),
        cmocka_unit_test(test_push_survives_short_memory),
        cmocka_unit_test(test_push_reader_needs_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
