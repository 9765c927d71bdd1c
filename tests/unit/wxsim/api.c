/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as a client makes them: order of checks, errcodes, answers. */
#include "wxsim/api.h"

#include "base/mem.h"
#include "tests/unit/check.h"
#include "wxsim/control.h"

#define APPID "wx0123456789abcdef"
#define CARD  "pWxsimFakeCardId000000000001"

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

struct fixture {
    struct sim_world world;
    struct arena arena;
    struct json *answer; /* the last one */
    char token[SIM_TOKEN_MAX + 1];
};

/* The errcode of the answer, which stands in f->answer; query is added behind the token. */
static int call(struct fixture *f, enum http_method method, const char *path, const char *query,
                const char *body)
{
    const struct sim_request request = {
        .method = method,
        .path = str_from(path),
        .query = arena_printf(&f->arena, "access_token=%s&%s", f->token, query),
        .body = str_from(body),
        .arena = &f->arena,
    };
    AUTO(sim_call_done) struct sim_call c;
    struct err err;
    int64_t errcode = 0;

    sim_call_open(&c, &f->world, &request);
    sim_call_run(&c);
    json_free(f->answer);
    f->answer = NULL;
    assert_int_equal(json_parse(buf_str(&c.answer), &f->answer, &err), ST_OK);
    (void)json_get_i64(f->answer, "errcode", &errcode);
    assert_int_equal(errcode, c.errcode);
    return (int)errcode;
}

static int post(struct fixture *f, const char *path, const char *body)
{
    return call(f, HTTP_POST, path, "", body);
}

static int get(struct fixture *f, const char *path, const char *query)
{
    return call(f, HTTP_GET, path, query, NULL);
}

static int stable_token(struct fixture *f, const char *appid, const char *secret)
{
    const struct str body = arena_printf(
        &f->arena, "{\"grant_type\":\"client_credential\",\"appid\":\"%s\",\"secret\":\"%s\"}",
        appid, secret);
    const int errcode = post(f, "/cgi-bin/stable_token", body.ptr);

    if (errcode == 0)
        assert_true(str_copy(json_get_str(f->answer, "access_token"), f->token, sizeof(f->token)));
    return errcode;
}

static void set_token(struct fixture *f, const char *token)
{
    assert_true(str_copy(str_from(token), f->token, sizeof(f->token)));
}

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct json *document = NULL;
    struct err err;

    if (f == NULL)
        return -1;
    *state = f;
    if (sim_world_open(&f->world, &err) != ST_OK ||
        json_parse(STR(accounts), &document, &err) != ST_OK ||
        sim_world_load(&f->world, document, &err) != ST_OK)
        return -1;
    json_free(document);
    return stable_token(f, APPID, "s");
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    json_free(f->answer);
    arena_done(&f->arena);
    sim_world_close(&f->world);
    mem_free(f);
    return 0;
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

static int control(struct fixture *f, const char *path, const char *body)
{
    AUTO(buf_done) struct buf answer = BUF_INIT(1 << 20);
    struct sim_script script = {.count = 0};
    struct sim_control c = {&f->world, &script, NULL};

    return sim_control_run(&c, body != NULL ? HTTP_POST : HTTP_GET, str_from(path), str_from(body),
                           &answer);
}

static void test_api_control_changes_what_calls_show(void **state)
{
    struct fixture *f = *state;
    const char *ask = "{\"card_id\":\"" CARD "\",\"code\":\"222\"}";
    int64_t bonus = 0;

    assert_int_equal(control(f, "/sim/members",
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"code\":\"222\",\"bonus\":5,\"status\":\"NORMAL\"}"),
                     200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", ask), 0);
    assert_true(json_get_i64(f->answer, "bonus", &bonus));
    assert_int_equal(bonus, 5);
    assert_int_equal(control(f, "/sim/members/delete",
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"code\":\"222\",\"forget\":true}"),
                     200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", ask), 40056);
    assert_int_equal(control(f, "/sim/token/expire", "{\"appid\":\"" APPID "\"}"), 200);
    assert_int_equal(post(f, "/card/membercard/userinfo/get", ask), 42001);
    assert_int_equal(control(f, "/sim/state", NULL), 200);
    assert_int_equal(control(f, "/sim/state", "{}"), 405);
    assert_int_equal(control(f, "/sim/nothing", NULL), 404);
    assert_int_equal(control(f, "/sim/clock", "{\"advance_s\":-1}"), 400);
    assert_int_equal(control(f, "/sim/members", "{\"appid\":\"wxnobody\"}"), 400);
    assert_int_equal(control(f, "/sim/members", "nonsense"), 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_checks_the_token_before_anything_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_api_tells_expired_from_invalid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_refuses_wrong_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_refuses_wrong_credentials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_userinfo_shows_the_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_code_get_follows_check_consume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_quota_ends_and_is_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_control_changes_what_calls_show, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
