/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as a client makes them: order of checks, errcodes, answers. */
#include "tests/unit/wxsim/platform.h"

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\"},"
    "{\"appid\":\"wxother\",\"secret\":\"t\",\"classic\":false,"
    "\"quota\":{\"/cgi-bin/getcallbackip\":{\"per_minute\":2,\"per_day\":3}}}],"
    "\"templates\":[{\"appid\":\"" APPID "\",\"card_id\":\"pCustom\",\"use_custom_code\":true}],"
    "\"members\":["
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"018255396048\","
    "\"openid\":\"oWxsimFakeOpenid000000000001\",\"bonus\":460,\"has_active\":true,"
    "\"form\":{\"USER_FORM_INFO_FLAG_MOBILE\":\"15521328888\"}},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"222\","
    "\"openid\":\"o2\",\"status\":\"DELETE\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"333\","
    "\"openid\":\"o3\",\"status\":\"GIFT_SUCC\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"444\","
    "\"openid\":\"o4\",\"status\":\"CONSUMED\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCustom\",\"code\":\"555\",\"openid\":\"o5\"}]}";

static void set_token(struct fixture *f, const char *token)
{
    assert_true(str_copy(str_from(token), f->token, sizeof(f->token)));
}

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static void test_api_checks_the_token_before_anything_else(void **state)
{
    struct fixture *f = *state;
    size_t at;

    set_token(f, "");
    assert_int_equal(get(f, "/card/code/get", ""), 41001);
    set_token(f, "short");
    assert_int_equal(get(f, "/card/code/get", ""), 40014);
    set_token(f, "85_no_token_of_any_account");
    assert_int_equal(get(f, "/card/code/get", ""), 40001);
    assert_true(str_find(json_get_str(f->answer, "errmsg"), STR(" rid: "), &at));
}

static void test_api_tells_expired_from_invalid(void **state)
{
    struct fixture *f = *state;
    struct sim_account *account = sim_world_account(&f->world, STR(APPID));

    sim_token_expire(&account->stable, sim_world_now_ms(&f->world));
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 42001);
    assert_int_equal(stable_token(f, APPID, "s"), 0);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 0);
    sim_token_invalidate(&account->stable, sim_world_now_ms(&f->world), false);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 40001);
}

static void test_api_refuses_wrong_requests(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        const char *body;
        int errcode;
    } rows[] = {
        {HTTP_GET, "/card/code/get", NULL, 43002},
        {HTTP_POST, "/cgi-bin/getcallbackip", "{}", 43001},
        {HTTP_POST, "/card/nothing", "{}", 40066},
        {HTTP_POST, "/card/code/get", NULL, 44002},
        {HTTP_POST, "/card/code/get", "{\"code\":", 47001},
        {HTTP_POST, "/card/code/get", "[]", 47001},
        {HTTP_POST, "/card/code/get", "{\"code\":\"\xff\"}", 47001},
        {HTTP_POST, "/card/code/get", "{\"code\":\"\\u4f60\"}", 40033},
        {HTTP_POST, "/card/code/get", "{\"code\":\"\\\\u4f60\"}", 40056},
        {HTTP_POST, "/card/code/get", "{\"code\":\"\\u0031\"}", 40056},
        {HTTP_POST, "/card/code/get", "{}", 41013},
        {HTTP_POST, "/card/code/get", "{\"code\":\"\"}", 41013},
        {HTTP_POST, "/card/code/get", "{\"code\":1}", 40097},
        {HTTP_POST, "/card/code/get", "{\"code\":\"123456789012345678901\"}", 45021},
        {HTTP_POST, "/card/code/get", "{\"code\":\"1\",\"check_consume\":\"no\"}", 40097},
        {HTTP_POST, "/card/membercard/userinfo/get", "{\"code\":\"1\"}", 41012},
        {HTTP_POST, "/card/membercard/userinfo/get", "{\"card_id\":\"p\",\"code\":\"1\"}", 40073},
        {HTTP_POST, "/card/membercard/userinfo/get", "{\"card_id\":\"" CARD "\",\"code\":\"1\"}",
         40056},
        {HTTP_GET, "/cgi-bin/ticket/getticket", NULL, 40097},
        {HTTP_POST, "/cgi-bin/openapi/quota/get", "{\"cgi_path\":\"card/code/get\"}", 76021},
        {HTTP_POST, "/cgi-bin/clear_quota", "{\"appid\":\"wxother\"}", 40013},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(call(f, rows[i].method, rows[i].path, "", rows[i].body), rows[i].errcode);
}

static void test_api_refuses_wrong_credentials(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(stable_token(f, "wxnobody", "s"), 40013);
    assert_int_equal(stable_token(f, APPID, "t"), 40125);
    assert_int_equal(post(f, "/cgi-bin/stable_token", "{}"), 40002);
    assert_int_equal(get(f, "/cgi-bin/token", "grant_type=x"), 40002);
    assert_int_equal(get(f, "/cgi-bin/token", "grant_type=client_credential"), 41002);
    assert_int_equal(get(f, "/cgi-bin/token", "grant_type=client_credential&appid=" APPID), 41004);
    assert_int_equal(
        get(f, "/cgi-bin/token", "grant_type=client_credential&appid=" APPID "&secret=s"), 0);
    assert_int_equal(
        get(f, "/cgi-bin/token", "grant_type=client_credential&appid=wxother&secret=t"), 48001);
}

static void test_api_userinfo_shows_the_member(void **state)
{
    struct fixture *f = *state;
    const struct json *field;

    assert_int_equal(post(f, "/card/membercard/userinfo/get",
                          "{\"card_id\":\"" CARD "\",\"code\":\"018255396048\"}"),
                     0);
    field = json_at(json_get(json_get(f->answer, "user_info"), "common_field_list"), 0);
    assert_true(str_eq(json_get_str(field, "name"), STR("USER_FORM_INFO_FLAG_MOBILE")));
    assert_true(str_eq(json_get_str(field, "value"), STR("15521328888")));
    assert_false(json_has(f->answer, "balance"));
    assert_int_equal(
        post(f, "/card/membercard/userinfo/get", "{\"card_id\":\"" CARD "\",\"code\":\"222\"}"), 0);
    assert_true(str_eq(json_get_str(f->answer, "user_card_status"), STR("DELETE")));
    assert_false(json_has(f->answer, "user_info"));
}

static void test_api_code_get_follows_check_consume(void **state)
{
    static const struct {
        const char *body;
        int errcode;
    } rows[] = {
        {"{\"code\":\"018255396048\"}", 0},
        {"{\"code\":\"222\"}", 40127},
        {"{\"code\":\"222\",\"check_consume\":true}", 40127},
        {"{\"code\":\"222\",\"check_consume\":false}", 0},
        {"{\"code\":\"333\",\"check_consume\":false}", 40056},
        {"{\"code\":\"444\"}", 40099},
        {"{\"code\":\"555\"}", 41012},
        {"{\"code\":\"555\",\"card_id\":\"pCustom\"}", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(post(f, "/card/code/get", rows[i].body), rows[i].errcode);
}

static void test_api_quota_ends_and_is_cleared(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(stable_token(f, "wxother", "t"), 0);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 0);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 0);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 45011);
    f->world.ahead_ms += 60000;
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 0);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 45009);
    for (int i = 0; i < 10; i++)
        assert_int_equal(post(f, "/cgi-bin/clear_quota", "{\"appid\":\"wxother\"}"), 0);
    assert_int_equal(post(f, "/cgi-bin/clear_quota", "{\"appid\":\"wxother\"}"), 48006);
    assert_int_equal(get(f, "/cgi-bin/getcallbackip", ""), 0);
}

static void test_api_control_changes_what_calls_show(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"card_id\":\"" CARD "\",\"code\":\"222\"}";
    int64_t bonus = 0;

    assert_int_equal(control(f, "/sim/members", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"code\":\"222\",\"bonus\":5,\"status\":\"NORMAL\"}"),
                     200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", body), 0);
    assert_true(json_get_i64(f->answer, "bonus", &bonus));
    assert_int_equal(bonus, 5);
    assert_int_equal(control(f, "/sim/members/delete", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"code\":\"222\",\"forget\":true}"),
                     200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", body), 40056);
    assert_int_equal(control(f, "/sim/token/expire", NULL, "{\"appid\":\"" APPID "\"}"), 200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", body), 42001);
    assert_int_equal(control(f, "/sim/state", NULL, NULL), 200);
    assert_int_equal(control(f, "/sim/state", NULL, "{}"), 405);
    assert_int_equal(control(f, "/sim/nothing", NULL, NULL), 404);
    assert_int_equal(control(f, "/sim/clock", NULL, "{\"advance_s\":-1}"), 400);
    assert_int_equal(control(f, "/sim/members", NULL, "{\"appid\":\"wxnobody\"}"), 400);
    assert_int_equal(control(f, "/sim/members", NULL, "nonsense"), 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_checks_the_token_before_anything_else, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_api_tells_expired_from_invalid, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_api_refuses_wrong_requests, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_api_refuses_wrong_credentials, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_api_userinfo_shows_the_member, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_api_code_get_follows_check_consume, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_api_quota_ends_and_is_cleared, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_api_control_changes_what_calls_show, set_up,
                                        platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
