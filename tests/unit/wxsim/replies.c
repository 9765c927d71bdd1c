/* SPDX-License-Identifier: Apache-2.0 */
/* What WeChat makes of the answer to a push. */
#include "base/buf.h"
#include "tests/unit/check.h"
#include "wxsim/reply.h"

#define OPENID     "oWxsimFakeOpenid000000000001"
#define GH         "gh_0123456789ab"
#define TO         "<ToUserName><![CDATA[" OPENID "]]></ToUserName>"
#define FROM       "<FromUserName><![CDATA[" GH "]]></FromUserName>"
#define AT         "<CreateTime>1411525903</CreateTime>"
#define TYPE(x)    "<MsgType><![CDATA[" x "]]></MsgType>"
#define REPLY(x)   "<xml>" TO FROM AT x "</xml>"
#define TEXT(x)    TYPE("text") "<Content><![CDATA[" x "]]></Content>"
#define MEDIA      "<MediaId>m</MediaId>"
#define ITEM       "<item><Title>t</Title><Description></Description><PicUrl></PicUrl><Url>u</Url></item>"
#define NEWS(n, x) TYPE("news") "<ArticleCount>" n "</ArticleCount><Articles>" x "</Articles>"
#define TOKEN      "token"
#define APPID      "wx0123456789abcdef"
#define KEY        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

struct fixture {
    struct arena arena;
    struct crypt *crypt;
    struct sim_expected expected;
    struct sim_verdict verdict;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct err err;

    fixture = (struct fixture){.arena = ARENA_INIT(1 << 24)};
    if (sim_crypt_open(KEY, &fixture.crypt, &err) != ST_OK)
        return -1;
    fixture.expected = (struct sim_expected){
        .openid = STR(OPENID),
        .original_id = STR(GH),
        .appid = STR(APPID),
        .token = STR(TOKEN),
        .push_type = STR("text"),
        .crypt = fixture.crypt,
    };
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    crypt_free(f->crypt);
    arena_done(&f->arena);
    return 0;
}

/* Why it is refused; NULL: it is not. */
static const char *judge(struct fixture *f, struct str answer)
{
    sim_reply_judge(&f->expected, answer, &f->arena, &f->verdict);
    return f->verdict.bad;
}

/* The reply in an envelope; NULL takes its own nonce and timestamp. */
static struct str seal(struct fixture *f, const char *message, const char *signed_nonce,
                       const char *time, const char *more)
{
    struct str encrypt;
    struct err err;
    char signature[SIM_SIGNATURE_SIZE];
    struct str parts[4] = {STR(TOKEN), str_from(time), str_from(signed_nonce)};

    assert_int_equal(
        crypt_seal(f->crypt, 0, str_from(message), STR(APPID), &f->arena, &encrypt, &err), ST_OK);
    parts[3] = encrypt;
    sim_sign(parts, 4, signature);
    return arena_printf(&f->arena,
                        "<xml><Encrypt><![CDATA[%.*s]]></Encrypt><MsgSignature>%s</MsgSignature>"
                        "<TimeStamp>%s</TimeStamp><Nonce>n</Nonce>%s</xml>",
                        STR_ARG(encrypt), signature, time, more);
}

static void test_good_replies_pass(void **state)
{
    static const char *const good[] = {
        REPLY(TEXT("你好")),
        " " REPLY(TEXT("a]]]]><![CDATA[>b")) "\n",
        REPLY(TYPE("image") "<Image>" MEDIA "</Image>"),
        REPLY(TYPE("voice") "<Voice>" MEDIA "</Voice>"),
        REPLY(TYPE("video") "<Video>" MEDIA "<Title>t</Title><Description/></Video>"),
        REPLY(TYPE(
            "music") "<Music><ThumbMediaId>m</ThumbMediaId><HQMusicUrl>u</HQMusicUrl></Music>"),
        REPLY(NEWS("1", ITEM)),
        REPLY(TYPE("transfer_customer_service")),
        REPLY(
            TYPE("transfer_customer_service") "<TransInfo><KfAccount>a@b</KfAccount></TransInfo>"),
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_null(judge(f, str_from(good[i])));
        assert_true(f->verdict.is_reply);
    }
    assert_null(judge(f, STR("success")));
    assert_false(f->verdict.is_reply);
    assert_null(judge(f, STR("")));
    assert_false(f->verdict.is_reply);
}

static void test_bad_replies_are_told_apart(void **state)
{
    static const struct {
        const char *answer;
        const char *bad;
    } rows[] = {
        {"SUCCESS", "not XML"},
        {"<html></html>", "the root"},
        {"<xml></xml>", "MsgType"},
        {REPLY(""), "MsgType"},
        {REPLY(TYPE("Text") "<Content>a</Content>"), "MsgType"},
        {"<xml>" TO FROM TEXT("a") "</xml>", "CreateTime: is missing"},
        {"<xml>" TO AT TEXT("a") "</xml>", "FromUserName: is missing"},
        {"<xml>" TO FROM "<CreateTime>now</CreateTime>" TEXT("a") "</xml>", "CreateTime: must"},
        {"<xml><ToUserName>" GH "</ToUserName><FromUserName>" OPENID
         "</FromUserName>" AT TEXT("a") "</xml>",
         "ToUserName: is not"},
        {"<xml>" TO "<FromUserName>gh_other</FromUserName>" AT TEXT("a") "</xml>",
         "FromUserName: is not"},
        {REPLY(TYPE("text")), "Content: is missing"},
        {REPLY(TEXT("  ")), "Content: is empty"},
        {REPLY(TEXT("a") "<Content>b</Content>"), "Content#2: stands"},
        {REPLY(TEXT("a") "<FuncFlag>0</FuncFlag>"), "FuncFlag: no"},
        {REPLY(TYPE("text") "<Content><b>x</b></Content>"), "Content: must be a text"},
        {REPLY(TYPE("image") MEDIA), "Image: is missing"},
        {REPLY(TYPE("image") "<Image>m</Image>"), "Image: must hold"},
        {REPLY(TYPE("image") "<Voice>" MEDIA "</Voice>"), "Image: is missing"},
        {REPLY(TYPE("image") "<Image><MediaId/></Image>"), "Image/MediaId: is empty"},
        {REPLY(TYPE("music") "<Music><Title>t</Title></Music>"), "ThumbMediaId: is missing"},
        {REPLY(NEWS("2", ITEM)), "ArticleCount: is not"},
        {REPLY(NEWS("2", ITEM ITEM)), "Articles: more"},
        {REPLY(NEWS("0", "")), "Articles: must hold"},
        {REPLY(NEWS("1", "<item><Title>t</Title></item>")), "Description: is missing"},
        {REPLY(NEWS("1", ITEM "<thing>x</thing>")), "Articles/thing: no"},
        {REPLY(TYPE("transfer_customer_service") "<TransInfo><Who>a</Who></TransInfo>"),
         "KfAccount: is missing"},
        {"<xml><Encrypt>x</Encrypt></xml>", "Encrypt: in plain mode"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *bad = judge(f, str_from(rows[i].answer));

        assert_non_null(bad);
        if (!str_starts(str_from(bad), str_from(rows[i].bad)))
            fail_msg("%s: %s", rows[i].answer, bad);
    }
    f->expected.push_type = STR("event");
    assert_null(judge(f, STR(REPLY(NEWS("2", ITEM ITEM)))));
    assert_true(
        str_eq(f->verdict.parts[f->verdict.xml.count - 1].path, STR("Articles/item#2/Url")));
}

static void test_a_text_has_2048_bytes(void **state)
{
    struct fixture *f = *state;
    AUTO(buf_done) struct buf text = BUF_INIT(4096);

    for (int i = 0; i < 2048; i++)
        buf_add_char(&text, 'x');
    assert_null(judge(f, arena_printf(&f->arena, REPLY(TEXT("%s")), text.ptr)));
    assert_string_equal(judge(f, arena_printf(&f->arena, REPLY(TEXT("%sx")), text.ptr)),
                        "Content: over 2048 bytes");
}

static void test_envelopes_are_opened_as_their_mode_asks(void **state)
{
    static const char good[] = REPLY(TEXT("a"));
    struct fixture *f = *state;

    f->expected.mode = SIM_SECURE;
    assert_null(judge(f, seal(f, good, "n", "1411525903", "")));
    assert_true(str_eq(f->verdict.message, STR(REPLY(TEXT("a")))));
    assert_string_equal(judge(f, seal(f, "success", "n", "1", "")), "not XML");
    assert_string_equal(judge(f, STR(REPLY(TEXT("a")))), "Encrypt: is missing in secure mode");
    assert_string_equal(judge(f, seal(f, good, "m", "1", "")), "MsgSignature: does not fit");
    assert_string_equal(judge(f, seal(f, good, "n", "soon", "")), "TimeStamp: must be a number");
    assert_string_equal(judge(f, seal(f, good, "n", "1", "<AppId>a</AppId>")),
                        "AppId: no reply of its type has it");
    f->expected.appid = STR("wxother");
    assert_true(
        str_starts(str_from(judge(f, seal(f, good, "n", "1", ""))), STR("Encrypt: cannot")));
    f->expected.appid = STR(APPID);
    f->expected.mode = SIM_COMPATIBLE;
    assert_null(judge(f, seal(f, good, "n", "1", "")));
    assert_null(judge(f, str_from(good)));
    f->expected.mode = SIM_PLAIN;
    assert_string_equal(judge(f, seal(f, good, "n", "1", "")), "Encrypt: in plain mode");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_replies_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_replies_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_text_has_2048_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_envelopes_are_opened_as_their_mode_asks, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
