/* SPDX-License-Identifier: Apache-2.0 */
/* What the old system gets: opened as WeChat's own pushes are, in each mode. That every event comes
 * out the same: events.c. */
#include "wechat/push_again.h"

#include "http/url.h"
#include "tests/unit/wechat/sample.h"

enum { NOW_S = 1432668701, OUT_MAX = 1 << 16 };

static const char RECORD[] =
    "{\"account\":\"demo\",\"appid\":\"" VECTOR_APPID "\",\"openid\":\"o 1\",\"to_user\":\"gh_1\","
    "\"create_time\":1,\"msg_type\":\"text\",\"fields\":{\"ToUserName\":\"gh_1\","
    "\"FromUserName\":\"o 1\",\"CreateTime\":\"1\",\"MsgType\":\"text\","
    "\"Content\":\"a]]>b ]] > & < \\r\\n \\uD83D\\uDE00\",\"a\":[\"]]>\",{\"b\":[\"\",\"]]\"]}]}}";

struct made {
    struct sample sample;
    struct json *record;
    struct event event;
    struct push_again_as as;
    struct push_again push;
    struct push_query query;
};

static void made_done(struct made *m)
{
    json_free(m->record);
    sample_done(&m->sample);
}

static struct str parameter(struct made *m, const char *name)
{
    return url_query(m->push.query, name, &m->sample.arena);
}

static void make(struct made *m, enum push_mode mode)
{
    struct err err = {0};

    *m = (struct made){0};
    sample_init(&m->sample, mode);
    m->as = (struct push_again_as){&m->sample.account, &m->sample.secrets};
    assert_int_equal(json_parse(str_from(RECORD), &m->record, &err), ST_OK);
    assert_int_equal(event_parse(m->record, &m->event, &err), ST_OK);
    assert_int_equal(push_again_make(&m->as, &m->event, NOW_S, &m->sample.arena, &m->push, &err),
                     ST_OK);
    m->query = (struct push_query){
        .signature = parameter(m, "signature"),
        .timestamp = parameter(m, "timestamp"),
        .nonce = parameter(m, "nonce"),
        .encrypt_type = parameter(m, "encrypt_type"),
        .msg_signature = parameter(m, "msg_signature"),
    };
    assert_true(str_eq(m->query.timestamp, STR("1432668701")));
    assert_true(str_eq(parameter(m, "openid"), STR("o 1")));
}

static void open_it(struct made *m, bool encrypted)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUT_MAX);
    AUTO(json_freep) struct json *again = NULL;
    struct push p;
    struct err err = {0};

    if (push_open(m->sample.reader, &m->query, m->push.body, &m->sample.arena, &p, &err) != ST_OK)
        fail_msg("%s %s", err.code, err.text);
    assert_int_equal(p.encrypted, encrypted);
    assert_int_equal(p.key_index, 0);
    push_write(&p, &text);
    assert_int_equal(json_parse(buf_str(&text), &again, &err), ST_OK);
    if (!json_equal(again, m->record))
        fail_msg("%s", text.ptr);
}

static void test_push_again_make_in_plain_mode(void **state)
{
    AUTO(made_done) struct made m;

    (void)state;
    make(&m, PUSH_MODE_PLAIN);
    assert_false(str_is_set(m.query.msg_signature));
    assert_false(str_is_set(m.query.encrypt_type));
    assert_true(str_starts(m.push.body, STR("<xml><ToUserName><![CDATA[gh_1]]></ToUserName>"
                                            "<FromUserName><![CDATA[o 1]]></FromUserName>"
                                            "<CreateTime>1</CreateTime>")));
    open_it(&m, false);
}

static void test_push_again_make_in_secure_mode(void **state)
{
    AUTO(made_done) struct made m;
    size_t at;

    (void)state;
    make(&m, PUSH_MODE_SECURE);
    assert_true(str_eq(m.query.encrypt_type, STR("aes")));
    assert_true(str_starts(m.push.body, STR("<xml><ToUserName><![CDATA[gh_1]]></ToUserName>"
                                            "<Encrypt><![CDATA[")));
    assert_false(str_find(m.push.body, STR("FromUserName"), &at));
    open_it(&m, true);
}

/* Who trusts either half finds the same. */
static void test_push_again_make_in_compatible_mode(void **state)
{
    AUTO(made_done) struct made m;

    (void)state;
    make(&m, PUSH_MODE_COMPATIBLE);
    open_it(&m, true);
    m.sample.account.push_mode = PUSH_MODE_PLAIN;
    sample_reader(&m.sample);
    open_it(&m, false);
}

static void test_push_again_make_seals_for_the_platform(void **state)
{
    AUTO(made_done) struct made m;
    char platform[] = "wx45f133bf6fce646e";
    struct err err = {0};
    struct push p;

    (void)state;
    make(&m, PUSH_MODE_SECURE);
    m.sample.account.frame_appid = platform;
    sample_reader(&m.sample);
    assert_int_equal(push_open(m.sample.reader, &m.query, m.push.body, &m.sample.arena, &p, &err),
                     ST_REJECT);
    made_done(&m);
    make(&m, PUSH_MODE_SECURE);
    m.sample.account.frame_appid = platform;
    sample_reader(&m.sample);
    assert_int_equal(push_again_make(&m.as, &m.event, NOW_S, &m.sample.arena, &m.push, &err),
                     ST_OK);
    m.query.signature = parameter(&m, "signature");
    m.query.nonce = parameter(&m, "nonce");
    m.query.msg_signature = parameter(&m, "msg_signature");
    open_it(&m, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_again_make_in_plain_mode),
        cmocka_unit_test(test_push_again_make_in_secure_mode),
        cmocka_unit_test(test_push_again_make_in_compatible_mode),
        cmocka_unit_test(test_push_again_make_seals_for_the_platform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
