/* SPDX-License-Identifier: Apache-2.0 */
/* People follow, scan, click, write and log in: their pushes, their windows, their codes. */
#include "tests/unit/wxsim/platform.h"

#define CUSTOM   "/cgi-bin/message/custom/send"
#define SCENE    "/cgi-bin/qrcode/create"
#define LOGIN    "/sns/oauth2/access_token"
#define APP      "\"appid\":\"" APPID "\""
#define OTHER    "\"appid\":\"wxother\""
#define WHO(x)   "{" APP ",\"openid\":\"" x "\"}"
#define ASK(x)   "{" APP ",\"openid\":\"o1\"," x "}"
#define TEXT(to) "{\"touser\":\"" to "\",\"msgtype\":\"text\",\"text\":{\"content\":\"你好\"}}"
#define QR(x)    "{\"expire_seconds\":60,\"action_name\":" x "}}}"
#define BIND     QR("\"QR_STR_SCENE\",\"action_info\":{\"scene\":{\"scene_str\":\"bind-1\"")
#define NUMBERED QR("\"QR_SCENE\",\"action_info\":{\"scene\":{\"scene_id\":42")
#define GRANT    "&grant_type=authorization_code"

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"original_id\":\"gh_1\"},"
    "{\"appid\":\"wxother\",\"secret\":\"t\"}],"
    "\"users\":[{" APP ",\"openid\":\"o1\",\"unionid\":\"u1\"},"
    "{" APP ",\"openid\":\"o2\",\"blocks\":true}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static const struct sim_user *user(const struct fixture *f, const char *openid)
{
    return sim_world_user(&f->world, STR(APPID), str_from(openid));
}

/* A field of the push that was recorded last; absent when it has none. */
static struct str pushed(struct fixture *f, const char *name)
{
    const struct json *list;

    assert_int_equal(control(f, "/sim/pushes", NULL, NULL), 200);
    list = json_get(f->answer, "pushes");
    return json_get_str(json_get(json_at(list, json_len(list) - 1), "fields"), name);
}

static void check_pushed(struct fixture *f, const char *name, const char *text)
{
    const struct str is = pushed(f, name);

    if (!str_eq_cstr(is, text))
        fail_msg("%s is %.*s, not %s", name, STR_ARG(is), text);
}

/* The control's status, by a ticket that the platform gave. */
static int scan(struct fixture *f, const char *openid, struct str ticket)
{
    const struct str body = arena_printf(
        &f->arena, "{" APP ",\"openid\":\"%s\",\"ticket\":\"%.*s\"}", openid, STR_ARG(ticket));

    return control(f, "/sim/scan", NULL, body.ptr);
}

static struct str make_code(struct fixture *f, const char *body)
{
    assert_int_equal(post(f, SCENE, body), 0);
    return arena_dup(&f->arena, json_get_str(f->answer, "ticket"));
}

static void test_a_stranger_follows_by_a_scan_and_then_scans(void **state)
{
    struct fixture *f = *state;
    const struct str ticket = make_code(f, BIND);

    assert_int_equal(scan(f, "new", ticket), 200);
    assert_true(str_eq(json_get_str(f->answer, "event"), STR("subscribe")));
    assert_int_equal(number(f, "n"), 1);
    check_pushed(f, "EventKey", "qrscene_bind-1");
    assert_true(str_eq(pushed(f, "Ticket"), ticket));
    check_pushed(f, "FromUserName", "new");
    assert_true(user(f, "new")->subscribe);
    assert_int_equal(get(f, "/cgi-bin/user/info", "openid=new"), 0);
    assert_true(str_eq(json_get_str(f->answer, "qr_scene_str"), STR("bind-1")));
    for (int i = 0; i < 3; i++)
        assert_int_equal(post(f, CUSTOM, TEXT("new")), 0);
    assert_int_equal(post(f, CUSTOM, TEXT("new")), 45047);
    assert_int_equal(scan(f, "new", ticket), 200);
    assert_true(str_eq(json_get_str(f->answer, "event"), STR("SCAN")));
    check_pushed(f, "EventKey", "bind-1");
    assert_int_equal(post(f, CUSTOM, TEXT("new")), 0);
    f->world.ahead_ms += 60000;
    assert_int_equal(post(f, CUSTOM, TEXT("new")), 45015);
    assert_int_equal(f->world.pushes.last, 2);
}

static void test_codes_expire_and_belong_to_an_account(void **state)
{
    struct fixture *f = *state;
    const struct str ticket = make_code(f, NUMBERED);

    assert_int_equal(scan(f, "o1", STR("gQnone")), 400);
    assert_int_equal(
        control(f, "/sim/scan", NULL, "{" OTHER ",\"openid\":\"o1\",\"scene\":\"42\"}"), 400);
    assert_int_equal(control(f, "/sim/scan", NULL, WHO("o1")), 400);
    assert_int_equal(control(f, "/sim/scan", NULL, ASK("\"scene\":\"42\",\"ticket\":\"x\"")), 400);
    assert_int_equal(control(f, "/sim/scan", NULL, ASK("\"scene\":\"42\"")), 200);
    assert_true(str_eq(pushed(f, "Ticket"), ticket));
    assert_int_equal(control(f, "/sim/scan", NULL, "{" APP ",\"openid\":\"new\",\"scene\":\"42\"}"),
                     200);
    assert_int_equal(user(f, "new")->qr_scene, 42);
    f->world.ahead_ms += 60000;
    assert_int_equal(scan(f, "o1", ticket), 400);
    assert_int_equal(control(f, "/sim/scan", NULL, ASK("\"scene\":\"42\"")), 400);
    assert_int_equal(f->world.pushes.last, 2);
    make_code(f, NUMBERED);
    assert_int_equal(control(f, "/sim/scan", NULL, ASK("\"scene\":\"42\"")), 200);
}

static void test_who_leaves_is_not_written_to(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(control(f, "/sim/follow", NULL, WHO("o1")), 400);
    assert_int_equal(control(f, "/sim/say", NULL, ASK("\"type\":\"text\",\"text\":\"在吗\"")), 200);
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 0);
    assert_int_equal(control(f, "/sim/unfollow", NULL, WHO("o1")), 200);
    check_pushed(f, "Event", "unsubscribe");
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 45015);
    assert_int_equal(control(f, "/sim/unfollow", NULL, WHO("o1")), 400);
    assert_int_equal(control(f, "/sim/unfollow", NULL, WHO("nobody")), 400);
    assert_int_equal(control(f, "/sim/say", NULL, ASK("\"type\":\"text\",\"text\":\"在吗\"")), 400);
    assert_int_equal(control(f, "/sim/follow", NULL, WHO("o1")), 200);
    assert_false(str_is_set(pushed(f, "EventKey")));
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 0);
    assert_int_equal(post(f, CUSTOM, TEXT("o2")), 45087);
}

static void test_messages_are_pushed_as_the_platform_does(void **state)
{
    static const char *const types[] = {"image",      "voice",    "video",
                                        "shortvideo", "location", "link"};
    static const char *const bad[] = {
        ASK("\"type\":\"smoke\""),
        ASK("\"type\":\"text\""),
        ASK("\"type\":\"image\",\"text\":\"x\""),
        ASK("\"type\":\"image\",\"fields\":{\"Content\":\"x\"}"),
        ASK("\"type\":\"image\",\"fields\":{\"MsgId\":\"1\"}"),
        ASK("\"type\":\"image\",\"fields\":{\"MediaId\":1}"),
        ASK("\"type\":\"text\",\"text\":\"x\",\"smoke\":1"),
    };
    struct fixture *f = *state;
    const struct json *list;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(control(f, "/sim/say", NULL, bad[i]), 400);
    assert_int_equal(control(f, "/sim/say", NULL, ASK("\"type\":\"text\",\"text\":\"在吗\"")), 200);
    assert_true(number(f, "msgid") > INT64_C(1) << 53);
    check_pushed(f, "Content", "在吗");
    check_pushed(f, "MsgType", "text");
    assert_false(str_is_set(pushed(f, "Event")));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        assert_int_equal(control(f, "/sim/say", NULL,
                                 arena_printf(&f->arena, ASK("\"type\":\"%s\""), types[i]).ptr),
                         200);
    assert_int_equal(
        control(f, "/sim/say", NULL, ASK("\"type\":\"link\",\"fields\":{\"Title\":\"店\"}")), 200);
    check_pushed(f, "Title", "店");
    assert_true(str_is_set(pushed(f, "Url")));
    list = json_get(f->answer, "pushes");
    assert_int_equal(json_len(list), 8);
    for (size_t i = 0; i < json_len(list); i++)
        assert_true(json_has(json_get(json_at(list, i), "fields"), "MsgId"));
}

static void test_only_buttons_of_the_menu_are_clicked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(control(f, "/sim/click", NULL, ASK("\"key\":\"k\"")), 400);
    assert_int_equal(
        post(f, "/cgi-bin/menu/create",
             "{\"button\":[{\"name\":\"a\",\"sub_button\":[{\"type\":\"click\",\"name\":\"b\","
             "\"key\":\"k\"}]}]}"),
        0);
    assert_int_equal(control(f, "/sim/click", NULL, ASK("\"key\":\"k\"")), 200);
    check_pushed(f, "Event", "CLICK");
    check_pushed(f, "EventKey", "k");
    assert_string_equal(user(f, "o1")->contact, "menu");
    assert_int_equal(control(f, "/sim/click", NULL, ASK("\"key\":\"j\"")), 400);
}

/* The errcode; the code stands behind the rest of the query. */
static int exchange(struct fixture *f, const char *query, const char *code)
{
    const struct str all = arena_printf(&f->arena, "%s&code=%s", query, code);
    const struct sim_request request = {
        .method = HTTP_GET, .path = STR(LOGIN), .query = all, .arena = &f->arena};
    AUTO(sim_call_done) struct sim_call c;
    struct err err;

    sim_call_open(&c, &f->world, &request);
    sim_call_run(&c);
    json_free(f->answer);
    f->answer = NULL;
    assert_int_equal(json_parse(buf_str(&c.answer), &f->answer, &err), ST_OK);
    return c.errcode;
}

static const char *visit(struct fixture *f, const char *body)
{
    assert_int_equal(control(f, "/sim/oauth-code", NULL, body), 200);
    return arena_cstr(&f->arena, json_get_str(f->answer, "code"));
}

static void test_a_login_code_is_good_once_for_five_minutes(void **state)
{
    static const struct row rows[] = {
        {"secret=s" GRANT, 41002},           {"appid=wxnone&secret=s" GRANT, 40013},
        {"appid=" APPID GRANT, 41004},       {"appid=" APPID "&secret=t" GRANT, 40125},
        {"appid=" APPID "&secret=s", 40002}, {"appid=wxother&secret=t" GRANT, 40029},
    };
    static const char good[] = "appid=" APPID "&secret=s" GRANT;
    struct fixture *f = *state;
    const char *code = visit(f, WHO("o1"));

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(exchange(f, rows[i].body, code), rows[i].errcode);
    assert_int_equal(exchange(f, good, ""), 41008);
    assert_int_equal(exchange(f, good, "none"), 40029);
    f->world.ahead_ms += 299000;
    assert_int_equal(exchange(f, good, code), 0);
    assert_true(str_eq(json_get_str(f->answer, "openid"), STR("o1")));
    assert_true(str_eq(json_get_str(f->answer, "scope"), STR("snsapi_base")));
    assert_int_equal(number(f, "expires_in"), 7200);
    assert_true(json_has(f->answer, "refresh_token"));
    assert_false(json_has(f->answer, "unionid") || json_has(f->answer, "is_snapshotuser") ||
                 json_has(f->answer, "errcode"));
    assert_true(str_copy(json_get_str(f->answer, "access_token"), f->token, sizeof(f->token)));
    assert_int_equal(get(f, "/cgi-bin/user/get", ""), 40001);
    assert_int_equal(exchange(f, good, code), 40163);
    assert_int_equal(control(f, "/sim/tokens", NULL, NULL), 200);
    assert_int_equal(json_len(json_get(f->answer, "tokens")), 3);
    code = visit(f, WHO("o1"));
    f->world.ahead_ms += 300000;
    assert_int_equal(exchange(f, good, code), 42003);
}

static void test_a_login_tells_more_when_asked_to(void **state)
{
    static const char good[] = "appid=" APPID "&secret=s" GRANT;
    struct fixture *f = *state;

    assert_int_equal(exchange(f, good, visit(f, ASK("\"scope\":\"snsapi_userinfo\""))), 0);
    assert_true(str_eq(json_get_str(f->answer, "unionid"), STR("u1")));
    assert_int_equal(exchange(f, good,
                              visit(f, "{" APP ",\"openid\":\"stranger\",\"unionid\":\"u9\","
                                       "\"scope\":\"snsapi_userinfo\",\"snapshot\":true}")),
                     0);
    assert_true(str_eq(json_get_str(f->answer, "unionid"), STR("u9")));
    assert_int_equal(number(f, "is_snapshotuser"), 1);
    assert_int_equal(control(f, "/sim/oauth-code", NULL, ASK("\"scope\":\"snsapi_login\"")), 400);
    assert_int_equal(control(f, "/sim/oauth-code", NULL, "{" APP "}"), 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stranger_follows_by_a_scan_and_then_scans, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_codes_expire_and_belong_to_an_account, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_who_leaves_is_not_written_to, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_messages_are_pushed_as_the_platform_does, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_only_buttons_of_the_menu_are_clicked, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_a_login_code_is_good_once_for_five_minutes, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_a_login_tells_more_when_asked_to, set_up,
                                        platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
