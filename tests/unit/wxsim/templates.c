/* SPDX-License-Identifier: Apache-2.0 */
/* Card templates: what create and update accept, and what becomes of a template. */
#include "tests/unit/wxsim/platform.h"

#define CREATE      "/card/create"
#define UPDATE      "/card/update"
#define STOCK       "/card/modifystock"
#define PIC         "http://mmbiz.qpic.cn/mmbiz/a/0"
#define TEN         "1234567890"
#define FIFTY       TEN TEN TEN TEN TEN
#define HUNDRED     FIFTY FIFTY
#define IN_BASE(x)  "{\"card\":{\"member_card\":{\"base_info\":{" x "}}}}"
#define IN_CARD(x)  "{\"card\":{\"member_card\":{" x "}}}"
#define OF(card, x) "{\"card_id\":\"" card "\",\"member_card\":{" x "}}"
#define THIS(x)     OF(CARD, x)

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"original_id\":\"gh_1\"},"
    "{\"appid\":\"wxpoor\",\"secret\":\"t\",\"audit\":\"wait\","
    "\"denied\":[43009,43010,43011,43012]}],"
    "\"templates\":[{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCoupon\",\"card_type\":\"GROUPON\",\"content\":"
    "{\"base_info\":{\"title\":\"t\",\"date_info\":{\"type\":\"DATE_TYPE_FIX_TIME_RANGE\","
    "\"begin_timestamp\":100,\"end_timestamp\":200}},\"deal_detail\":\"d\"}},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pDeposit\",\"use_custom_code\":true,"
    "\"deposit\":true,\"quantity\":0},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pGone\",\"status\":\"CARD_STATUS_DELETE\"}]}";

static const char good[] =
    "{\"card\":{\"card_type\":\"MEMBER_CARD\",\"member_card\":{"
    "\"base_info\":{\"logo_url\":\"" PIC "\",\"code_type\":\"CODE_TYPE_ONLY_BARCODE\","
    "\"brand_name\":\"海底捞\",\"title\":\"海底捞会员卡\",\"color\":\"Color010\","
    "\"notice\":\"请出示\",\"description\":\"不可与其他优惠同享\",\"sku\":{\"quantity\":100},"
    "\"date_info\":{\"type\":\"DATE_TYPE_PERMANENT\"}},"
    "\"prerogative\":\"特权\",\"supply_bonus\":false,\"supply_balance\":false,"
    "\"wx_activate\":true,\"new_of_wechat\":1}}}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static void test_create_makes_a_card_each_time(void **state)
{
    struct fixture *f = *state;
    struct str card_id;
    AUTO(json_freep) struct json *first = NULL;

    assert_int_equal(post(f, CREATE, good), 0);
    first = TAKE(f->answer);
    card_id = json_get_str(first, "card_id");
    assert_int_equal(card_id.len, 28);
    assert_int_equal(card_id.ptr[0], 'p');
    assert_int_equal(post(f, CREATE, good), 0);
    assert_false(str_eq(card_id, json_get_str(f->answer, "card_id")));
    assert_int_equal(total(f, SIM_CARDS_CREATED), 2);
    assert_int_equal(f->world.pushes.last, 2); /* card_pass_check */
}

static void test_create_checks_base_info(void **state)
{
    static const struct row rows[] = {
        {"{\"card\":{\"card_type\":\"NO_CARD\"}}", 40071},
        {"{\"card\":{\"card_type\":\"GROUPON\"}}", 45103},
        {"{\"card\":{\"card_type\":\"GENERAL_CARD\"}}", 41011},
        {"{\"card\":{\"card_type\":\"\"}}", 41011},
        {IN_BASE("\"logo_url\":\"\""), 41011},
        {IN_BASE("\"logo_url\":\"http://mmecoa.qpic.cn/a\""), 40141},
        {IN_BASE("\"logo_url\":\"http://mmbiz.qpic.cn.evil.example/a\""), 40141},
        {IN_BASE("\"logo_url\":\"" PIC HUNDRED "\""), 45021},
        {IN_BASE("\"code_type\":\"CODE_TYPE_X\""), 40072},
        {IN_BASE("\"brand_name\":\"一二三四五六七八九十一二三\""), 45021},
        {IN_BASE("\"brand_name\":\"一二三四五六七八九十一二\""), 0},
        {IN_BASE("\"title\":\"一二三四五六七八九1\""), 45021},
        {IN_BASE("\"title\":\"一二三四五六七八九\""), 0},
        {IN_BASE("\"title\":7"), 40097},
        {IN_BASE("\"color\":\"#63b359\""), 40076},
        {IN_BASE("\"notice\":\"\""), 41011},
        {IN_BASE("\"notice\":\"" TEN TEN TEN TEN "123456789\""), 45021},
        {IN_BASE("\"description\":\"\""), 41011},
        {IN_BASE("\"sku\":{\"quantity\":-1}"), 40122},
        {IN_BASE("\"sku\":{\"quantity\":100000001}"), 40122},
        {IN_BASE("\"sku\":{\"quantity\":\"1\"}"), 40097},
        {IN_BASE("\"date_info\":{\"type\":\"DATE_TYPE_FIX_TERM_RANGE\"}"), 40079},
        {IN_BASE("\"date_info\":{\"type\":\"DATE_TYPE_FIX_TERM\"}"), 41011},
        {IN_BASE("\"date_info\":{\"type\":\"DATE_TYPE_FIX_TERM\",\"fixed_term\":0,"
                 "\"fixed_begin_term\":0}"),
         40079},
        {IN_BASE("\"date_info\":{\"type\":\"DATE_TYPE_FIX_TIME_RANGE\",\"begin_timestamp\":2,"
                 "\"end_timestamp\":1}"),
         40100},
        {IN_BASE("\"date_info\":{\"type\":\"DATE_TYPE_FIX_TIME_RANGE\",\"begin_timestamp\":\"1\","
                 "\"end_timestamp\":\"2\"}"),
         0},
        {IN_BASE("\"service_phone\":\"" TEN TEN "12345\""), 45021},
        {IN_BASE("\"custom_url_name\":\"一二三四五六\""), 45021},
        {IN_BASE("\"center_app_brand_user_name\":\"gh_1\""), 40168},
        {IN_BASE("\"get_custom_code_mode\":\"GET_CUSTOM_CODE_MODE_DEPOSIT\","
                 "\"use_custom_code\":true"),
         40136},
        {IN_BASE("\"get_custom_code_mode\":\"OTHER\",\"use_custom_code\":true"), 40150},
        {IN_BASE("\"get_custom_code_mode\":\"GET_CUSTOM_CODE_MODE_DEPOSIT\","
                 "\"use_custom_code\":true,\"sku\":{\"quantity\":0}"),
         0},
        {IN_BASE("\"center_title\":\"付\",\"is_pay_and_qrcode\":true"), 40145},
        {IN_BASE("\"can_share\":1"), 40097},
    };
    struct fixture *f = *state;

    check_changes(f, CREATE, good, rows, COUNT_OF(rows));
    assert_int_equal(total(f, SIM_CARDS_CREATED), 4);
}

static void test_create_checks_what_is_beside_base_info(void **state)
{
    static const struct row rows[] = {
        {IN_CARD("\"prerogative\":\"\""), 41011},
        {IN_CARD("\"supply_bonus\":true"), 41011},
        {IN_CARD("\"supply_bonus\":true,\"bonus_cleared\":\"c\",\"bonus_rules\":\"r\""), 0},
        {IN_CARD("\"supply_balance\":true"), 41011},
        {IN_CARD("\"supply_balance\":\"yes\""), 40097},
        {IN_CARD("\"background_pic_url\":\"http://elsewhere.example/a\""), 40141},
        {IN_CARD("\"activate_url\":\"https://shop.example\""), 40150},
        {IN_CARD("\"wx_activate_after_submit\":true"), 41011},
        {IN_CARD("\"wx_activate_after_submit_url\":\"ftp://a\""), 40097},
        {IN_CARD("\"custom_field1\":{\"url\":\"https://a.example\"}"), 41011},
        {IN_CARD("\"custom_field1\":{\"name_type\":\"FIELD_NAME_TYPE_OTHER\"}"), 40097},
        {IN_CARD("\"custom_field1\":{\"name\":\"一二三四五六七八九\"}"), 45021},
        {IN_CARD("\"custom_cell1\":{\"name\":\"一二三四五六\"}"), 45021},
        {IN_CARD("\"supply_bonus\":true,\"bonus_cleared\":\"c\",\"bonus_rules\":\"r\","
                 "\"custom_field1\":{\"name\":\"a\"},\"custom_field2\":{\"name\":\"b\"},"
                 "\"custom_field3\":{\"name\":\"c\"}"),
         40124},
        {IN_CARD("\"bonus_rule\":{\"increase_bonus\":\"1\"}"), 40097},
        {IN_CARD("\"advanced_info\":{\"text_image_list\":{}}"), 47001},
        {IN_CARD("\"advanced_info\":{\"text_image_list\":[{\"image_url\":\"" PIC "\"}]}"), 41026},
        {IN_CARD("\"advanced_info\":{\"text_image_list\":[{\"image_url\":\"http://a.example\","
                 "\"text\":\"t\"}]}"),
         40141},
        {IN_CARD("\"advanced_info\":{\"abstract\":{\"icon_url_list\":[\"http://a.example\"]}}"),
         40141},
        {IN_CARD("\"advanced_info\":{\"abstract\":{\"icon_url_list\":[1]}}"), 45044},
        {IN_CARD("\"advanced_info\":{\"business_service\":[\"BIZ_SERVICE_SLEEP\"]}"), 40097},
        {IN_CARD("\"advanced_info\":{\"time_limit\":[{\"type\":\"FUNDAY\"}]}"), 40097},
        {IN_CARD("\"advanced_info\":{\"use_condition\":{\"least_cost\":1}}"), 40143},
    };
    struct fixture *f = *state;

    check_changes(f, CREATE, good, rows, COUNT_OF(rows));
}

static void test_create_needs_permissions_and_waits_for_audit(void **state)
{
    static const struct row rows[] = {
        {IN_BASE("\"use_custom_code\":true"), 43009},
        {IN_CARD("\"supply_balance\":true,\"balance_rules\":\"r\""), 43010},
        {IN_CARD("\"supply_bonus\":true,\"bonus_cleared\":\"c\",\"bonus_rules\":\"r\""), 43011},
        {IN_BASE("\"custom_url\":\"https://a.example\""), 43012},
        {"{}", 0},
    };
    struct fixture *f = *state;
    struct str card_id;
    struct str body;

    assert_int_equal(stable_token(f, "wxpoor", "t"), 0);
    check_changes(f, CREATE, good, rows, COUNT_OF(rows));
    assert_int_equal(f->world.pushes.last, 0);
    card_id = arena_dup(&f->arena, json_get_str(f->answer, "card_id"));
    body = arena_printf(&f->arena, "{\"appid\":\"wxpoor\",\"card_id\":\"%s\",\"openid\":\"o\"}",
                        card_id.ptr);
    assert_int_equal(control(f, "/sim/receive", NULL, body.ptr), 400);
    assert_int_equal(
        control(
            f, "/sim/audit", NULL,
            arena_printf(&f->arena, "{\"appid\":\"wxpoor\",\"card_id\":\"%s\"}", card_id.ptr).ptr),
        200);
    assert_int_equal(control(f, "/sim/receive", NULL, body.ptr), 200);
    assert_int_equal(f->world.pushes.last, 2);
}

static void test_get_shows_the_differences(void **state)
{
    struct fixture *f = *state;
    const struct json *card;
    const struct json *base;
    struct str body;
    int64_t left = 0;

    assert_int_equal(post(f, CREATE, good), 0);
    body = arena_printf(&f->arena, "{\"card_id\":\"%.*s\"}",
                        STR_ARG(json_get_str(f->answer, "card_id")));
    assert_int_equal(post(f, "/card/get", body.ptr), 0);
    card = json_get(f->answer, "card");
    base = json_get(json_get(card, "member_card"), "base_info");
    assert_true(str_eq(json_get_str(card, "card_type"), STR("MEMBER_CARD")));
    assert_true(str_eq(json_get_str(base, "color"), STR("#63b359")));
    assert_true(str_eq(json_get_str(base, "status"), STR("CARD_STATUS_VERIFY_OK")));
    assert_true(str_eq(json_get_str(base, "title"), STR("海底捞会员卡")));
    assert_true(json_get_i64(json_get(base, "sku"), "quantity", &left));
    assert_int_equal(left, 100);
    assert_true(json_has(json_get(card, "member_card"), "new_of_wechat"));
    assert_int_equal(post(f, "/card/get", "{\"card_id\":\"pNone\"}"), 40073);
    assert_int_equal(post(f, "/card/get", "{}"), 41012);
    assert_int_equal(post(f, "/card/get", "{\"card_id\":\"" CARD "\",\"code\":\"1\"}"), 40097);
    assert_int_equal(post(f, "/card/get", "{\"card_id\":\"pGone\"}"), 0);
}

static void test_update_changes_only_what_it_may(void **state)
{
    static const struct row rows[] = {
        {"{\"member_card\":{}}", 41012},
        {OF("pNone", ""), 40073},
        {OF("pGone", ""), 40078},
        {"{\"card_id\":\"" CARD "\"}", 41011},
        {"{\"card_id\":\"" CARD "\",\"groupon\":{}}", 40071},
        {THIS("\"base_info\":{\"sku\":{\"quantity\":5}}"), 40097},
        {THIS("\"base_info\":{\"use_custom_code\":true}"), 40097},
        {THIS("\"base_info\":{\"title\":\"一二三四五六七八九1\"}"), 45021},
        {THIS("\"base_info\":{\"logo_url\":\"http://a.example\"}"), 40141},
        {THIS("\"base_info\":{\"date_info\":{\"type\":\"DATE_TYPE_FIX_TERM\",\"fixed_term\":1,"
              "\"fixed_begin_term\":0}}"),
         40100},
        {THIS("\"supply_bonus\":false"), 40135},
        {THIS("\"activate_url\":\"https://a.example\""), 40150},
        {THIS("\"modify_msg_operation\":{\"url_cell\":{\"card_id_list\":"
              "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}}"),
         72019},
        {"{\"card_id\":\"pCoupon\",\"groupon\":{\"base_info\":{\"date_info\":{\"type\":"
         "\"DATE_TYPE_FIX_TIME_RANGE\",\"begin_timestamp\":101,\"end_timestamp\":200}}}}",
         40100},
        {"{\"card_id\":\"pCoupon\",\"groupon\":{\"base_info\":{\"date_info\":{\"type\":"
         "\"DATE_TYPE_FIX_TIME_RANGE\",\"begin_timestamp\":100,\"end_timestamp\":300}}}}",
         0},
    };
    struct fixture *f = *state;
    bool check = true;

    check_rows(f, UPDATE, rows, COUNT_OF(rows));
    assert_int_equal(post(f, UPDATE, THIS("\"base_info\":{\"service_phone\":\"1\"},\"x\":1")), 0);
    assert_true(json_bool(json_get(f->answer, "send_check"), &check));
    assert_false(check);
    assert_int_equal(post(f, UPDATE, THIS("\"base_info\":{\"title\":\"新\"}")), 0);
    assert_true(json_bool(json_get(f->answer, "send_check"), &check));
    assert_true(check);
    assert_int_equal(total(f, SIM_CARDS_UPDATED), 3);
    assert_int_equal(post(f, "/card/get", "{\"card_id\":\"" CARD "\"}"), 0);
    assert_true(str_eq(
        json_get_str(json_get(json_get(json_get(f->answer, "card"), "member_card"), "base_info"),
                     "service_phone"),
        STR("1")));
}

static void test_list_pages_and_filters(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, "/card/batchget", "{\"offset\":1,\"count\":2}"), 0);
    assert_int_equal(json_len(json_get(f->answer, "card_id_list")), 2);
    assert_int_equal(number(f, "total_num"), 4);
    assert_int_equal(post(f, "/card/batchget",
                          "{\"offset\":0,\"count\":50,\"status_list\":[\"CARD_STATUS_DELETE\"]}"),
                     0);
    assert_int_equal(number(f, "total_num"), 1);
    assert_int_equal(post(f, "/card/batchget", "{\"offset\":0,\"count\":51}"), 40097);
    assert_int_equal(post(f, "/card/batchget", "{\"offset\":0,\"count\":0}"), 40097);
    assert_int_equal(
        post(f, "/card/batchget", "{\"offset\":0,\"count\":1,\"status_list\":[\"OTHER\"]}"), 40078);
}

static void test_stock_has_its_limits(void **state)
{
    static const struct row rows[] = {
        {"{\"card_id\":\"" CARD "\"}", 41011},
        {"{\"card_id\":\"" CARD "\",\"increase_stock_value\":-1}", 40122},
        {"{\"card_id\":\"" CARD "\",\"reduce_stock_value\":100000001}", 40122},
        {"{\"card_id\":\"" CARD "\",\"increase_stock_value\":90000001}", 45041},
        {"{\"card_id\":\"" CARD "\",\"reduce_stock_value\":9999999}", 0},
        {"{\"card_id\":\"" CARD "\",\"reduce_stock_value\":2}", 40122},
        {"{\"card_id\":\"pGone\",\"increase_stock_value\":1}", 40078},
        {"{\"card_id\":\"pDeposit\",\"increase_stock_value\":1}", 40136},
    };
    struct fixture *f = *state;

    check_rows(f, STOCK, rows, COUNT_OF(rows));
    assert_int_equal(total(f, SIM_STOCK_CHANGES), 1);
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"openid\":\"o1\"}"),
                     200);
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"openid\":\"o1\"}"),
                     400);
}

static void test_a_deleted_template_leaves_its_cards(void **state)
{
    struct fixture *f = *state;
    struct str body;

    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"openid\":\"o1\"}"),
                     200);
    body = arena_printf(&f->arena, "{\"code\":\"%.*s\"}", STR_ARG(json_get_str(f->answer, "code")));
    assert_int_equal(post(f, "/card/delete", "{\"card_id\":\"" CARD "\"}"), 0);
    assert_int_equal(post(f, "/card/delete", "{\"card_id\":\"" CARD "\"}"), 40078);
    assert_int_equal(total(f, SIM_CARDS_DELETED), 1);
    assert_int_equal(post(f, "/card/code/get", body.ptr), 0);
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"openid\":\"o1\"}"),
                     400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_makes_a_card_each_time, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_create_checks_base_info, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_create_checks_what_is_beside_base_info, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_create_needs_permissions_and_waits_for_audit, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_get_shows_the_differences, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_update_changes_only_what_it_may, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_list_pages_and_filters, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_stock_has_its_limits, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_a_deleted_template_leaves_its_cards, set_up,
                                        platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
