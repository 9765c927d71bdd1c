/* SPDX-License-Identifier: Apache-2.0 */
/* Handing cards out: codes, pages, forms, cells, rules of payment. */
#include "tests/unit/wxsim/platform.h"

#define QR       "/card/qrcode/create"
#define PAGE     "/card/landingpage/create"
#define FORM     "/card/membercard/activateuserform/set"
#define URL      "/card/membercard/activate/geturl"
#define RULE     "/card/paygiftcard/add"
#define PIC      "http://mmbiz.qpic.cn/mmbiz/a/0"
#define QR_OF(x) "{\"action_name\":\"QR_CARD\",\"action_info\":{\"card\":{" x "}}}"
#define MANY(x)                                                                  \
    "{\"action_name\":\"QR_MULTIPLE_CARD\",\"action_info\":{\"multiple_card\":{" \
    "\"card_list\":[" x "]}}}"
#define ONE       "{\"card_id\":\"" CARD "\"}"
#define FIELDS(x) "{\"required_form\":{" x "}}"
#define THIS      "{\"card_id\":\"" CARD "\"}"

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\"},"
    "{\"appid\":\"wxpoor\",\"secret\":\"t\",\"denied\":[40107]},"
    "{\"appid\":\"wxnopay\",\"secret\":\"t\",\"denied\":[43008]}],"
    "\"templates\":[{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCustom\",\"use_custom_code\":true},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pEmpty\",\"quantity\":0},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pNew\",\"status\":\"CARD_STATUS_NOT_VERIFY\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCash\",\"card_type\":\"CASH\"},"
    "{\"appid\":\"wxpoor\",\"card_id\":\"" CARD "\"},"
    "{\"appid\":\"wxnopay\",\"card_id\":\"" CARD "\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pGone\",\"status\":\"CARD_STATUS_DELETE\"}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static void test_qrcode_takes_cards_that_can_be_given(void **state)
{
    static const struct row rows[] = {
        {"{\"action_info\":{}}", 40053},
        {"{\"action_name\":\"QR_SCENE\",\"action_info\":{\"card\":" ONE "}}", 40053},
        {"{\"action_name\":\"QR_CARD\",\"action_info\":{}}", 40053},
        {QR_OF(""), 41012},
        {QR_OF("\"card_id\":\"pNone\""), 40073},
        {QR_OF("\"card_id\":\"pGone\""), 40078},
        {QR_OF("\"card_id\":\"pCustom\""), 41013},
        {QR_OF("\"card_id\":\"pCustom\",\"code\":\"1\""), 0},
        {QR_OF("\"card_id\":\"pEmpty\",\"is_unique_code\":true"), 45031},
        {QR_OF("\"card_id\":\"pNew\",\"is_unique_code\":true"), 40078},
        {QR_OF("\"card_id\":\"" CARD "\",\"channel\":\"1\""), 40097},
        {"{\"action_name\":\"QR_CARD\",\"expire_seconds\":59,\"action_info\":{\"card\":" ONE "}}",
         40053},
        {"{\"action_name\":\"QR_CARD\",\"expire_seconds\":1801,\"action_info\":{\"card\":" ONE "}}",
         40053},
        {MANY(""), 45039},
        {MANY(ONE "," ONE "," ONE "," ONE "," ONE "," ONE), 45039},
        {MANY("{\"card_id\":\"" CARD "\",\"channel\":1}"), 40097},
        {MANY(ONE "," ONE), 0},
        {QR_OF("\"card_id\":\"" CARD "\",\"outer_str\":\"12b\",\"is_unique_code\":true"), 0},
    };
    struct fixture *f = *state;

    check_rows(f, QR, rows, COUNT_OF(rows));
    assert_int_equal(number(f, "expire_seconds"), 365 * 86400);
    assert_true(str_starts(json_get_str(f->answer, "show_qrcode_url"),
                           STR("https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=")));
}

static void test_pages_check_pictures_and_scenes(void **state)
{
    static const char good[] = "{\"banner\":\"" PIC "\",\"page_title\":\"t\",\"can_share\":true,"
                               "\"scene\":\"SCENE_MENU\",\"card_list\":[{\"card_id\":\"" CARD
                               "\",\"thumb_url\":\"" PIC "\"}]}";
    static const struct row rows[] = {
        {"{}", 0},
        {"{\"page_title\":\"\"}", 41011},
        {"{\"title\":\"t\"}", 40097},
        {"{\"scene\":\"SCENE_MOON\"}", 40097},
        {"{\"banner\":\"http://a.example/\"}", 40141},
        {"{\"card_list\":[]}", 45039},
        {"{\"card_list\":[{\"card_id\":\"pCustom\",\"thumb_url\":\"" PIC "\"}]}", 40158},
        {"{\"card_list\":[{\"card_id\":\"" CARD "\",\"thumb_url\":\"http://a.example\"}]}", 40141},
        {"{\"card_list\":[{\"card_id\":\"" CARD "\"}]}", 41011},
    };
    struct fixture *f = *state;

    check_changes(f, PAGE, good, rows, COUNT_OF(rows));
    assert_int_equal(post(f, "/card/mpnews/gethtml", THIS), 0);
    assert_true(str_is_set(json_get_str(f->answer, "content")));
    assert_int_equal(post(f, "/card/mpnews/gethtml", "{\"card_id\":\"pCustom\"}"), 40158);
    assert_int_equal(post(f, "/card/mpnews/gethtml", "{\"card_id\":\"pGone\"}"), 40078);
}

static void test_testers_and_colours(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, "/card/testwhitelist/set",
                          "{\"openid\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],"
                          "\"username\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}"),
                     40097);
    assert_int_equal(post(f, "/card/testwhitelist/set", "{\"openid\":[\"o1\"]}"), 0);
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"pNew\",\"openid\":\"o1\"}"),
                     200);
    assert_int_equal(get(f, "/card/getcolors", ""), 0);
    assert_int_equal(json_len(json_get(f->answer, "colors")), 14);
}

static void test_forms_have_known_fields(void **state)
{
    static const struct row rows[] = {
        {FIELDS("\"common_field_id_list\":[\"USER_FORM_INFO_FLAG_MOBILE\"]"), 0},
        {FIELDS("\"common_field_id_list\":[\"USER_FORM_INFO_FLAG_EDUCATION_BACKGRO\"]"), 40097},
        {FIELDS("\"common_field_id_list\":\"USER_FORM_INFO_FLAG_MOBILE\""), 40097},
        {FIELDS("\"rich_field_list\":[{\"type\":\"FORM_FIELD_TEXT\",\"name\":\"n\","
                "\"values\":[\"v\"]}]"),
         40097},
        {FIELDS("\"rich_field_list\":[{\"type\":\"FORM_FIELD_RADIO\",\"values\":[\"v\"]}]"), 41011},
        {FIELDS("\"custom_field_list\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]"), 40124},
        {FIELDS("\"fields\":[]"), 40097},
        {"{\"service_statement\":{\"name\":\"一二三四五六七八\"}}", 45021},
        {"{\"card_id\":\"pCash\"}", 72003},
        {"{\"card_id\":\"pGone\"}", 40078},
    };
    struct fixture *f = *state;

    check_changes(f, FORM, THIS, rows, COUNT_OF(rows));
    assert_int_equal(total(f, SIM_FORMS_SET), 1);
}

static void test_activate_url_is_for_one_tap_cards(void **state)
{
    struct fixture *f = *state;
    struct str url;
    size_t at;

    assert_int_equal(post(f, URL, "{\"card_id\":\"" CARD "\",\"outer_str\":\"1 2\"}"), 0);
    url = json_get_str(f->answer, "url");
    assert_true(str_find(url, STR("&encrypt_card_id="), &at));
    assert_true(str_find(url, STR("&outer_str=1%202&biz="), &at));
    assert_true(str_ends(url, STR("%3D%3D#wechat_redirect")));
    assert_int_equal(post(f, URL, "{\"card_id\":\"pCustom\"}"), 40158);
    assert_int_equal(post(f, URL, "{\"card_id\":\"pCash\"}"), 72003);
}

static void test_cells_need_stores_and_exclude_each_other(void **state)
{
    static const char open[] = "{\"card_id\":\"" CARD "\",\"is_open\":true}";
    struct fixture *f = *state;

    assert_int_equal(post(f, "/card/paycell/set", THIS), 41011);
    assert_int_equal(post(f, "/card/paycell/set", "{\"card_id\":\"pNew\",\"is_open\":true}"),
                     40107);
    assert_int_equal(post(f, "/card/paycell/set", open), 0);
    assert_int_equal(post(f, "/card/selfconsumecell/set", open), 40145);
    assert_int_equal(post(f, "/card/selfconsumecell/set",
                          "{\"card_id\":\"" CARD "\",\"is_open\":false,\"need_verify_code\":true}"),
                     40097);
    assert_int_equal(stable_token(f, "wxpoor", "t"), 0);
    assert_int_equal(post(f, "/card/paycell/set", open), 40107);
    assert_int_equal(post(f, "/card/selfconsumecell/set", open), 40107);
    assert_int_equal(stable_token(f, "wxnopay", "t"), 0);
    assert_int_equal(post(f, "/card/paycell/set", open), 43008);
    assert_int_equal(post(f, "/card/selfconsumecell/set", open), 0);
}

static void test_pay_rules_occupy_merchant_numbers(void **state)
{
    static const char good[] =
        "{\"rule_info\":{\"type\":\"RULE_TYPE_PAY_MEMBER_CARD\",\"base_info\":{"
        "\"mchid_list\":[\"1\",\"2\"],\"begin_time\":1,\"end_time\":4000000000},"
        "\"member_rule\":{\"card_id\":\"" CARD "\",\"least_cost\":1,\"max_cost\":2}}}";
    static const struct row rows[] = {
        {"{\"rule_info\":{\"type\":\"OTHER\"}}", 40097},
        {"{\"rule_info\":{\"base_info\":{\"end_time\":1}}}", 40079},
        {"{\"rule_info\":{\"base_info\":{\"mchid_list\":[]}}}", 41011},
        {"{\"rule_info\":{\"member_rule\":{\"card_id\":\"pCash\"}}}", 72003},
        {"{\"rule_info\":{\"member_rule\":{\"card_id\":\"pNone\"}}}", 40073},
        {"{\"rule_info\":{\"member_rule\":{\"least_cost\":3}}}", 40097},
        {"{}", 0},
        {"{}", 72033},
        {"{\"rule_info\":{\"base_info\":{\"mchid_list\":[\"2\",\"3\"]}}}", 0},
    };
    struct fixture *f = *state;
    struct str body;

    check_changes(f, RULE, good, rows, COUNT_OF(rows));
    assert_int_equal(json_len(json_get(f->answer, "fail_mchid_list")), 1);
    body = arena_printf(&f->arena, "{\"rule_id\":%lld}", (long long)number(f, "rule_id"));
    assert_int_equal(total(f, SIM_RULES_ADDED), 2);
    assert_int_equal(post(f, "/card/paygiftcard/getbyid", body.ptr), 0);
    assert_int_equal(post(f, "/card/paygiftcard/delete", body.ptr), 0);
    assert_int_equal(post(f, "/card/paygiftcard/delete", body.ptr), 72032);
    assert_int_equal(post(f, "/card/paygiftcard/getbyid", body.ptr), 72032);
    assert_int_equal(post(f, "/card/paygiftcard/batchget",
                          "{\"type\":\"RULE_TYPE_PAY_MEMBER_CARD\",\"effective\":true,"
                          "\"offset\":0,\"count\":10}"),
                     0);
    assert_int_equal(json_len(json_get(f->answer, "rule_list")), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_qrcode_takes_cards_that_can_be_given, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_pages_check_pictures_and_scenes, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_testers_and_colours, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_forms_have_known_fields, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_activate_url_is_for_one_tap_cards, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_cells_need_stores_and_exclude_each_other, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_pay_rules_occupy_merchant_numbers, set_up,
                                        platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
