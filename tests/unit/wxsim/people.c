/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told what and how often; followers; codes with scenes; menus. */
#include "tests/unit/wxsim/platform.h"

#define SEND      "/cgi-bin/message/template/send"
#define SUBSCRIBE "/cgi-bin/message/subscribe/bizsend"
#define CUSTOM    "/cgi-bin/message/custom/send"
#define SCENE     "/cgi-bin/qrcode/create"
#define MENU      "/cgi-bin/menu/create"
#define APP       "\"appid\":\"" APPID "\""
#define TEXT_OF(to, x) \
    "{\"touser\":\"" to "\",\"msgtype\":\"text\",\"text\":{\"content\":\"" x "\"}}"
#define TEXT(to)        TEXT_OF(to, "你好")
#define TEN             "1234567890"
#define HUNDRED         TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND        HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
#define QR(name, scene) "{\"action_name\":\"" name "\",\"action_info\":{\"scene\":{" scene "}}}"
#define BUTTON(x)       "{\"button\":[" x "]}"
#define CLICK(x)        "{\"type\":\"click\",\"name\":\"" x "\",\"key\":\"k\"}"
#define SUBS(x)         "{\"name\":\"菜单\",\"sub_button\":[" x "]}"

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"page_size\":2,\"qr_limit\":1}],"
    "\"users\":[{" APP ",\"openid\":\"o1\",\"unionid\":\"u1\",\"subscriptions\":[\"N1\"]},"
    "{" APP ",\"openid\":\"o2\",\"subscribe\":false},"
    "{" APP ",\"openid\":\"o3\",\"refuses\":true,\"blocks\":true},"
    "{" APP ",\"openid\":\"o4\"}],"
    "\"message_templates\":[{" APP ",\"template_id\":\"T1\",\"keys\":[\"thing1\",\"time2\"]},"
    "{" APP ",\"template_id\":\"T2\"},"
    "{" APP ",\"template_id\":\"N1\",\"subscribe\":true}]}";

static const char notice[] =
    "{\"touser\":\"o1\",\"template_id\":\"T1\",\"client_msg_id\":\"M1\","
    "\"data\":{\"thing1\":{\"value\":\"会员日\"},\"time2\":{\"value\":\"2026-01-01\"}}}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static const struct sim_user *user(const struct fixture *f, const char *openid)
{
    return sim_world_user(&f->world, STR(APPID), str_from(openid));
}

static void test_template_messages_check_their_data(void **state)
{
    static const struct row rows[] = {
        {"{\"touser\":\"\"}", 40003},
        {"{\"touser\":\"nobody\"}", 40003},
        {"{\"touser\":\"o2\"}", 43004},
        {"{\"template_id\":\"\"}", 40037},
        {"{\"template_id\":\"T9\"}", 40037},
        {"{\"template_id\":\"N1\"}", 40037},
        {"{\"data\":{\"first\":{\"value\":\"x\"}}}", 47003},
        {"{\"data\":{\"thing1\":\"x\"}}", 47003},
        {"{\"data\":{\"thing1\":{\"value\":\"一二三四五六七八九十一二三四五六七八九十一\"}}}",
         47003},
        {"{\"template_id\":\"T2\",\"data\":{\"phrase1\":{\"value\":\"一二三四五六\"}}}", 47003},
        {"{\"template_id\":\"T2\",\"data\":{\"character_string1\":{\"value\":\"号\"}}}", 47003},
        {"{\"colour\":\"red\"}", 40097},
        {"{\"miniprogram\":{\"page\":\"p\"}}", 40097},
    };
    struct fixture *f = *state;

    check_changes(f, SEND, notice, rows, COUNT_OF(rows));
    assert_int_equal(post(f, SEND, "{\"touser\":\"o1\",\"template_id\":\"T1\",\"data\":{}}"),
                     47003);
    assert_int_equal(total(f, SIM_TEMPLATE_MESSAGES), 0);
    assert_int_equal(f->world.pushes.last, 0);
}

static void test_a_client_msg_id_is_told_once_in_ten_minutes(void **state)
{
    struct fixture *f = *state;
    int64_t first;

    assert_int_equal(post(f, SEND, notice), 0);
    first = number(f, "msgid");
    assert_true(first > INT64_C(1) << 53);
    f->world.ahead_ms += 599000;
    assert_int_equal(post(f, SEND, notice), 0);
    assert_int_equal(number(f, "msgid"), first);
    assert_int_equal(user(f, "o1")->told[SIM_BY_TEMPLATE], 1);
    assert_int_equal(f->world.pushes.last, 1);
    assert_int_equal(post_changed(f, SEND, notice, "{\"touser\":\"o3\"}"), 0);
    assert_int_not_equal(number(f, "msgid"), first);
    f->world.ahead_ms += 1000;
    assert_int_equal(post(f, SEND, notice), 0);
    assert_int_not_equal(number(f, "msgid"), first);
    assert_int_equal(user(f, "o1")->told[SIM_BY_TEMPLATE], 2);
    assert_int_equal(total(f, SIM_TEMPLATE_MESSAGES), 3);
    assert_int_equal(control(f, "/sim/messages", "openid=o1", NULL), 200);
    assert_int_equal(json_len(json_get(f->answer, "messages")), 2);
    assert_int_equal(control(f, "/sim/totals", NULL, NULL), 200);
    assert_int_equal(control(f, "/sim/pushes", NULL, NULL), 200);
    assert_true(str_eq(
        json_get_str(json_get(json_at(json_get(f->answer, "pushes"), 1), "fields"), "Status"),
        STR("failed:user block")));
}

static void test_notices_need_a_subscription(void **state)
{
    static const char good[] = "{\"touser\":\"o1\",\"template_id\":\"N1\",\"page\":\"p\","
                               "\"data\":{\"thing1\":{\"value\":\"x\"}}}";
    static const struct row rows[] = {
        {"{}", 0},
        {"{\"touser\":\"o4\"}", 43101},
        {"{\"template_id\":\"T1\"}", 40037},
        {"{\"client_msg_id\":\"1\"}", 40097},
    };
    struct fixture *f = *state;

    check_changes(f, SUBSCRIBE, good, rows, COUNT_OF(rows));
    assert_int_equal(user(f, "o1")->told[SIM_BY_SUBSCRIBE], 1);
}

static int contact(struct fixture *f, const char *openid, const char *how, int64_t ago_s)
{
    const struct str body = arena_printf(
        &f->arena, "{" APP ",\"openid\":\"%s\",\"contact\":\"%s\",\"last_contact\":%lld}", openid,
        how, (long long)(sim_world_now_ms(&f->world) / 1000 - ago_s));

    return control(f, "/sim/users", NULL, body.ptr);
}

static void test_customer_service_has_a_window(void **state)
{
    static const struct row rows[] = {
        {TEXT("nobody"), 40003},
        {TEXT("o1"), 45015},
        {"{\"touser\":\"o1\",\"msgtype\":\"smoke\"}", 40008},
        {"{\"touser\":\"o1\",\"msgtype\":\"text\"}", 41011},
        {"{\"touser\":\"o1\",\"msgtype\":\"image\",\"image\":{}}", 40007},
        {"{\"touser\":\"o1\",\"msgtype\":\"wxcard\",\"wxcard\":{\"card_id\":\"pNone\"}}", 40073},
        {"{\"touser\":\"o1\",\"msgtype\":\"news\",\"news\":{\"articles\":[{},{}]}}", 40097},
        {"{\"touser\":\"o1\",\"msgtype\":\"news\",\"news\":{\"articles\":[{\"link\":\"x\"}]}}",
         40097},
        {"{\"touser\":\"o1\",\"msgtype\":\"msgmenu\",\"msgmenu\":{\"list\":[{\"id\":\"1\"}]}}",
         41011},
        {"{\"touser\":\"o1\",\"msgtype\":\"text\",\"text\":{\"content\":\"x\"},\"image\":{}}",
         40097},
        {"{\"touser\":\"o1\",\"msgtype\":\"text\",\"text\":{\"content\":\"x\"},"
         "\"customservice\":{}}",
         41011},
        {TEXT_OF("o1", THOUSAND THOUSAND TEN TEN TEN TEN "123456789"), 45002},
        {TEXT_OF("o1", THOUSAND THOUSAND TEN TEN TEN TEN "12345678"), 45015},
    };
    struct fixture *f = *state;

    check_rows(f, CUSTOM, rows, COUNT_OF(rows));
    assert_int_equal(contact(f, "o1", "message", 10), 200);
    for (int i = 0; i < 5; i++)
        assert_int_equal(post(f, CUSTOM, TEXT("o1")), 0);
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 45047);
    assert_int_equal(user(f, "o1")->told[SIM_BY_CUSTOM], 5);
    assert_int_equal(contact(f, "o1", "menu", 30), 200);
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 0);
    assert_int_equal(contact(f, "o1", "menu", 60), 200);
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 45015);
    assert_int_equal(contact(f, "o1", "message", INT64_C(48) * 3600), 200);
    assert_int_equal(post(f, CUSTOM, TEXT("o1")), 45015);
    assert_int_equal(contact(f, "o3", "message", 0), 200);
    assert_int_equal(post(f, CUSTOM, TEXT("o3")), 48002);
    assert_int_equal(contact(f, "o1", "shout", 0), 400);
}

static void test_followers_come_in_pages(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(get(f, "/cgi-bin/user/info", "openid=o1&lang=zh_CN"), 0);
    assert_int_equal(number(f, "subscribe"), 1);
    assert_true(json_has(f->answer, "subscribe_scene"));
    assert_int_equal(get(f, "/cgi-bin/user/info", "openid=o2"), 0);
    assert_false(json_has(f->answer, "subscribe_time"));
    assert_int_equal(get(f, "/cgi-bin/user/info", ""), 40003);
    assert_int_equal(get(f, "/cgi-bin/user/info", "openid=o1&lang=xx"), 40097);
    assert_int_equal(get(f, "/cgi-bin/user/get", ""), 0);
    assert_int_equal(number(f, "total"), 3);
    assert_int_equal(number(f, "count"), 2);
    assert_true(str_eq(json_get_str(f->answer, "next_openid"), STR("o3")));
    assert_int_equal(get(f, "/cgi-bin/user/get", "next_openid=o3"), 0);
    assert_int_equal(number(f, "count"), 1);
    assert_int_equal(get(f, "/cgi-bin/user/get", "next_openid=o4"), 0);
    assert_int_equal(number(f, "count"), 0);
    assert_false(json_has(f->answer, "data"));
    assert_int_equal(get(f, "/cgi-bin/user/get", "next_openid=nobody"), 40003);
    assert_int_equal(post(f, "/cgi-bin/callback/check", "{\"action\":\"all\"}"), 40097);
    assert_int_equal(
        post(f, "/cgi-bin/callback/check", "{\"action\":\"all\",\"check_operator\":\"CAP\"}"), 0);
}

static void test_scenes_have_their_bounds(void **state)
{
    static const struct row rows[] = {
        {QR("QR_CARD", "\"scene_id\":1"), 40053},
        {QR("QR_SCENE", "\"scene_id\":0"), 40053},
        {QR("QR_SCENE", "\"scene_id\":4294967295"), 0},
        {QR("QR_SCENE", "\"scene_id\":4294967296"), 40053},
        {QR("QR_STR_SCENE", "\"scene_str\":\"" HUNDRED "\""), 40053},
        {QR("QR_STR_SCENE", "\"scene_str\":\"\""), 40053},
        {QR("QR_LIMIT_SCENE", "\"scene_id\":100001"), 40053},
        {QR("QR_LIMIT_SCENE", "\"scene_id\":100000"), 0},
        {QR("QR_LIMIT_SCENE", "\"scene_id\":100000"), 0},
        {QR("QR_LIMIT_STR_SCENE", "\"scene_str\":\"a\""), 45029},
        {QR("QR_SCENE", "\"scene\":1"), 40097},
        {"{\"expire_seconds\":2592001,\"action_name\":\"QR_SCENE\",\"action_info\":{\"scene\":"
         "{\"scene_id\":1}}}",
         40053},
        {"{\"expire_seconds\":60,\"action_name\":\"QR_LIMIT_SCENE\",\"action_info\":{\"scene\":"
         "{\"scene_id\":1}}}",
         40053},
        {"{\"expire_seconds\":2592000,\"action_name\":\"QR_SCENE\",\"action_info\":{\"scene\":"
         "{\"scene_id\":1}}}",
         0},
    };
    struct fixture *f = *state;

    check_rows(f, SCENE, rows, COUNT_OF(rows));
    assert_int_equal(number(f, "expire_seconds"), 2592000);
}

static void test_menus_keep_their_rules(void **state)
{
    static const struct row rows[] = {
        {"{}", 40016},
        {BUTTON(""), 40016},
        {BUTTON(CLICK("1") "," CLICK("2") "," CLICK("3") "," CLICK("4")), 40016},
        {BUTTON(CLICK("一二三四五六")), 40018},
        {BUTTON(CLICK("")), 40018},
        {BUTTON("{\"name\":\"a\",\"type\":\"shout\"}"), 40017},
        {BUTTON("{\"name\":\"a\",\"type\":\"click\"}"), 40019},
        {BUTTON("{\"name\":\"a\",\"type\":\"click\",\"key\":\"" HUNDRED TEN TEN TEN "\"}"), 40019},
        {BUTTON("{\"name\":\"a\",\"type\":\"view\"}"), 40020},
        {BUTTON("{\"name\":\"a\",\"type\":\"view\",\"url\":\"shop.example\"}"), 40055},
        {BUTTON("{\"name\":\"a\",\"type\":\"media_id\"}"), 40007},
        {BUTTON("{\"name\":\"a\",\"type\":\"miniprogram\",\"url\":\"http://a.example\"}"), 40013},
        {BUTTON(SUBS(SUBS(CLICK("a")))), 40022},
        {BUTTON(SUBS(CLICK("1") "," CLICK("2") "," CLICK("3") "," CLICK("4") "," CLICK(
             "5") "," CLICK("6"))),
         40023},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"shout\"}")), 40024},
        {BUTTON(SUBS(CLICK(HUNDRED))), 40025},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"click\"}")), 40026},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"view\"}")), 40027},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"view\",\"url\":\"x\"}")), 40054},
        {BUTTON("{\"name\":\"a\",\"type\":\"text\",\"value\":\"x\"}"), 40017},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"news\",\"news_info\":{}}")), 40024},
        {BUTTON("{\"name\":\"a\",\"type\":\"click\",\"key\":\"k\",\"value\":\"x\"}"), 40097},
        {BUTTON(SUBS("{\"name\":\"a\",\"type\":\"click\",\"key\":\"k\",\"news_info\":{}}")), 40097},
        {BUTTON("{\"name\":\"a\",\"sub_button\":{\"list\":[]}}"), 40097},
        {"{\"button\":[" CLICK("a") "],\"matchrule\":{}}", 40097},
    };
    struct fixture *f = *state;
    const struct json *buttons;

    check_rows(f, MENU, rows, COUNT_OF(rows));
    assert_int_equal(get(f, "/cgi-bin/menu/get", ""), 46003);
    assert_int_equal(get(f, "/cgi-bin/get_current_selfmenu_info", ""), 0);
    assert_int_equal(number(f, "is_menu_open"), 0);
    assert_int_equal(post(f, MENU, BUTTON(CLICK("今日") "," SUBS(CLICK("a")))), 0);
    assert_int_equal(get(f, "/cgi-bin/menu/get", ""), 0);
    assert_int_equal(json_len(json_get(json_get(f->answer, "menu"), "button")), 2);
    assert_int_equal(get(f, "/cgi-bin/get_current_selfmenu_info", ""), 0);
    buttons = json_get(json_get(f->answer, "selfmenu_info"), "button");
    assert_int_equal(json_len(json_get(json_get(json_at(buttons, 1), "sub_button"), "list")), 1);
    assert_int_equal(get(f, "/cgi-bin/menu/delete", ""), 0);
    assert_int_equal(get(f, "/cgi-bin/menu/get", ""), 46003);
    assert_int_equal(get(f, "/cgi-bin/get_current_autoreply_info", ""), 0);
    assert_int_equal(number(f, "is_autoreply_open"), 0);
}

static void test_the_console_is_shown_as_it_is(void **state)
{
    static const char *const refused[] = {"text",  "img",  "photo",  "video",
                                          "voice", "news", "finder", "value"};
    static const char menu[] = "{\"button\":[{\"type\":\"img\",\"name\":\"图\",\"value\":\"m/1\"},"
                               "{\"name\":\"b\",\"sub_button\":{\"list\":[{\"type\":\"text\","
                               "\"name\":\"c\",\"value\":null,\"n\":1.50}]}}]}";
    static const char replies[] = "{\"is_autoreply_open\":1,\"add_friend_autoreply_info\":"
                                  "{\"type\":\"text\",\"content\":\"欢迎<a href=\\\"x\\\">\"},"
                                  "\"keyword_autoreply_info\":{\"list\":[{\"rule_name\":null}]}}";
    AUTO(buf_done) struct buf text = BUF_INIT(4096);
    struct fixture *f;

    platform_close(state);
    buf_addf(&text,
             "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"console_menu\":%s,"
             "\"autoreply\":%s}]}",
             menu, replies);
    assert_int_equal(platform_open(state, text.ptr), 0);
    f = *state;
    buf_clear(&text);
    assert_int_equal(get(f, "/cgi-bin/get_current_autoreply_info", ""), 0);
    json_format(f->answer, &text);
    assert_string_equal(text.ptr, replies);
    assert_int_equal(get(f, "/cgi-bin/get_current_selfmenu_info", ""), 0);
    buf_clear(&text);
    json_format(json_get(f->answer, "selfmenu_info"), &text);
    assert_string_equal(text.ptr, menu);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_int_equal(
            post(f, MENU,
                 arena_printf(&f->arena, BUTTON("{\"name\":\"a\",\"type\":\"%s\"}"), refused[i])
                     .ptr),
            40017);
    assert_int_equal(get(f, "/cgi-bin/menu/get", ""), 46003);
    assert_int_equal(post(f, MENU, BUTTON(CLICK("a"))), 0);
    assert_int_equal(get(f, "/cgi-bin/get_current_selfmenu_info", ""), 0);
    assert_int_equal(json_len(json_get(json_get(f->answer, "selfmenu_info"), "button")), 1);
    assert_int_equal(get(f, "/cgi-bin/menu/delete", ""), 0);
    assert_int_equal(get(f, "/cgi-bin/get_current_selfmenu_info", ""), 0);
    assert_int_equal(json_len(json_get(json_get(f->answer, "selfmenu_info"), "button")), 2);
}

/* Its own accounts: what is closed, and what the network looks like from there. */
static void test_an_account_may_be_closed(void **state)
{
    static const char account[] =
        "{\"accounts\":[{\"appid\":\"wxclosed000000001\",\"secret\":\"s\",\"closed\":[\"/card/*\"],"
        "\"denied\":[40164],\"callback_check\":{\"dns\":[],\"ping\":[]}}]}";
    struct fixture *f = *state;
    AUTO(json_freep) struct json *from = NULL;
    const struct sim_account *a;
    struct err err;

    assert_int_equal(json_parse(STR(account), &from, &err), ST_OK);
    assert_int_equal(sim_world_load(&f->world, from, &err), ST_OK);
    a = sim_world_account(&f->world, STR("wxclosed000000001"));
    assert_true(sim_account_is_closed(a, STR("/card/batchget")));
    assert_false(sim_account_is_closed(a, STR("/cgi-bin/menu/get")));
    assert_int_equal(post(f, "/cgi-bin/stable_token",
                          "{\"grant_type\":\"client_credential\",\"appid\":\"wxclosed000000001\","
                          "\"secret\":\"s\"}"),
                     40164);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_template_messages_check_their_data, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_a_client_msg_id_is_told_once_in_ten_minutes, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_notices_need_a_subscription, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_customer_service_has_a_window, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_followers_come_in_pages, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_scenes_have_their_bounds, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_menus_keep_their_rules, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_the_console_is_shown_as_it_is, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_an_account_may_be_closed, set_up, platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
