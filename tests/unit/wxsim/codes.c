/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of codes: consumed, unavailable, changed, marked, imported. */
#include "tests/unit/wxsim/platform.h"

#define CONSUME     "/card/code/consume"
#define UNAVAILABLE "/card/code/unavailable"
#define UPDATE      "/card/code/update"
#define MARK        "/card/code/mark"
#define DEPOSIT     "/card/code/deposit"
#define APP         "\"appid\":\"" APPID "\",\"card_id\":"
#define O1          "\"openid\":\"o1\""

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\"}],"
    "\"templates\":["
    "{" APP "\"" CARD "\"},"
    "{" APP "\"pCustom\",\"use_custom_code\":true},"
    "{" APP "\"pMark\",\"needs_mark\":true},"
    "{" APP "\"pDeposit\",\"use_custom_code\":true,\"deposit\":true,\"quantity\":0},"
    "{" APP "\"pNew\",\"use_custom_code\":true,\"deposit\":true,"
    "\"status\":\"CARD_STATUS_NOT_VERIFY\"}],"
    "\"members\":["
    "{" APP "\"" CARD "\",\"code\":\"111\"," O1 "},"
    "{" APP "\"" CARD "\",\"code\":\"222\"," O1 "},"
    "{" APP "\"" CARD "\",\"code\":\"333\"," O1 ",\"status\":\"DELETE\"},"
    "{" APP "\"" CARD "\",\"code\":\"444\"," O1 ",\"status\":\"GIFT_SUCC\"},"
    "{" APP "\"" CARD "\",\"code\":\"555\"," O1 ",\"marked_by\":\"o2\"},"
    "{" APP "\"pMark\",\"code\":\"666\"," O1 "},"
    "{" APP "\"pCustom\",\"code\":\"777\"," O1 "}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static void test_a_code_is_consumed_once(void **state)
{
    static const struct row rows[] = {
        {"{}", 41013},
        {"{\"code\":\"123456789012345678901\"}", 45021},
        {"{\"code\":\"999\"}", 40056},
        {"{\"code\":\"777\"}", 41012},
        {"{\"code\":\"111\",\"card_id\":\"pNone\"}", 40073},
        {"{\"code\":\"111\",\"times\":2}", 40097},
        {"{\"code\":\"333\"}", 40127},
        {"{\"code\":\"444\"}", 40056},
        {"{\"code\":\"555\"}", 40146},
        {"{\"code\":\"666\"}", 43018},
        {"{\"code\":\"111\"}", 0},
        {"{\"code\":\"111\"}", 40099},
        {"{\"code\":\"777\",\"card_id\":\"pCustom\"}", 0},
    };
    struct fixture *f = *state;

    check_rows(f, CONSUME, rows, COUNT_OF(rows));
    assert_true(str_eq(json_get_str(json_get(f->answer, "card"), "card_id"), STR("pCustom")));
    assert_int_equal(total(f, SIM_CODES_CONSUMED), 2);
    assert_int_equal(f->world.pushes.last, 2);
    assert_int_equal(post(f, UNAVAILABLE, "{\"code\":\"111\"}"), 40099);
    assert_int_equal(post(f, "/card/code/get", "{\"code\":\"111\",\"check_consume\":false}"), 0);
    assert_true(str_eq(json_get_str(f->answer, "user_card_status"), STR("CONSUMED")));
}

static void test_unavailable_is_for_good_and_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, UNAVAILABLE, "{\"code\":\"111\",\"reason\":\"退卡\"}"), 0);
    assert_int_equal(post(f, UNAVAILABLE, "{\"code\":\"111\"}"), 40127);
    assert_int_equal(post(f, CONSUME, "{\"code\":\"111\"}"), 40127);
    assert_int_equal(post(f, "/card/membercard/updateuser",
                          "{\"code\":\"111\",\"card_id\":\"" CARD "\",\"bonus\":1}"),
                     40127);
    assert_int_equal(total(f, SIM_CODES_UNAVAILABLE), 1);
    assert_int_equal(sim_world_user(&f->world, STR(APPID), STR("o1"))->told[SIM_BY_SYSTEM], 1);
}

static void test_update_moves_the_card(void **state)
{
    static const struct row rows[] = {
        {"{\"code\":\"111\"}", 41011},
        {"{\"code\":\"111\",\"new_code\":\"222\"}", 40116},
        {"{\"code\":\"111\",\"new_code\":\"123456789012345678901\"}", 45021},
        {"{\"code\":\"111\",\"new_code\":\"1112\"}", 0},
        {"{\"code\":\"111\",\"new_code\":\"1113\"}", 40056},
    };
    struct fixture *f = *state;

    check_rows(f, UPDATE, rows, COUNT_OF(rows));
    assert_int_equal(post(f, "/card/code/get", "{\"code\":\"1112\"}"), 0);
    assert_int_equal(post(f, "/card/code/get", "{\"code\":\"111\"}"), 40056);
    assert_int_equal(total(f, SIM_CODES_CHANGED), 1);
}

static void test_a_mark_is_one_users(void **state)
{
    static const struct row rows[] = {
        {"{\"code\":\"666\",\"openid\":\"o1\"}", 41011},
        {"{\"code\":\"666\",\"is_mark\":true}", 41011},
        {"{\"code\":\"666\",\"openid\":\"o1\",\"is_mark\":false}", 43018},
        {"{\"code\":\"666\",\"openid\":\"o1\",\"is_mark\":true}", 0},
        {"{\"code\":\"666\",\"openid\":\"o1\",\"is_mark\":true}", 0},
        {"{\"code\":\"666\",\"openid\":\"o2\",\"is_mark\":true}", 40146},
        {"{\"code\":\"666\",\"openid\":\"o2\",\"is_mark\":false}", 40146},
    };
    struct fixture *f = *state;

    check_rows(f, MARK, rows, COUNT_OF(rows));
    assert_int_equal(post(f, CONSUME, "{\"code\":\"666\"}"), 0);
}

static void test_codes_are_imported_before_the_stock(void **state)
{
    static const struct row rows[] = {
        {"{\"card_id\":\"" CARD "\",\"code\":[\"1\"]}", 40150},
        {"{\"card_id\":\"pNew\",\"code\":[\"1\"]}", 40078},
        {"{\"card_id\":\"pDeposit\"}", 40110},
        {"{\"card_id\":\"pDeposit\",\"code\":[]}", 40110},
        {"{\"card_id\":\"pDeposit\",\"code\":[1]}", 40097},
        {"{\"card_id\":\"pDeposit\",\"code\":[\"1\",\"1\"]}", 40111},
        {"{\"card_id\":\"pDeposit\",\"code\":[\"11111\",\"22222\"]}", 0},
        {"{\"card_id\":\"pDeposit\",\"code\":[\"11111\",\"33333\",\"123456789012345678901\"]}", 0},
    };
    struct fixture *f = *state;
    AUTO(buf_done) struct buf many = BUF_INIT(1 << 16);

    check_rows(f, DEPOSIT, rows, COUNT_OF(rows));
    assert_true(str_eq(json_str(json_at(json_get(f->answer, "succ_code"), 0)), STR("33333")));
    assert_true(str_eq(json_str(json_at(json_get(f->answer, "duplicate_code"), 0)), STR("11111")));
    assert_int_equal(json_len(json_get(f->answer, "fail_code")), 1);
    buf_add_cstr(&many, "{\"card_id\":\"pDeposit\",\"code\":[\"0\"");
    for (int i = 1; i <= 100; i++)
        buf_addf(&many, ",\"%d\"", i);
    buf_add_cstr(&many, "]}");
    assert_int_equal(post(f, DEPOSIT, many.ptr), 40109);
    assert_int_equal(post(f, "/card/code/getdepositcount", "{\"card_id\":\"pDeposit\"}"), 0);
    assert_int_equal(number(f, "count"), 3);
    assert_int_equal(post(f, "/card/code/checkcode",
                          "{\"card_id\":\"pDeposit\",\"code\":[\"11111\",\"44444\"]}"),
                     0);
    assert_int_equal(json_len(json_get(f->answer, "exist_code")), 1);
    assert_int_equal(json_len(json_get(f->answer, "not_exist_code")), 1);
    assert_int_equal(
        post(f, "/card/modifystock", "{\"card_id\":\"pDeposit\",\"increase_stock_value\":4}"),
        40136);
    assert_int_equal(
        post(f, "/card/modifystock", "{\"card_id\":\"pDeposit\",\"increase_stock_value\":3}"), 0);
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"pDeposit\","
                             "\"openid\":\"o9\"}"),
                     200);
    assert_true(str_eq(json_get_str(f->answer, "code"), STR("11111")));
}

static void test_a_user_sees_his_cards(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, "/card/user/getcardlist", "{}"), 41011);
    assert_int_equal(post(f, "/card/user/getcardlist", "{\"openid\":\"nobody\"}"), 40003);
    assert_int_equal(post(f, "/card/user/getcardlist", "{\"openid\":\"o1\"}"), 0);
    assert_int_equal(json_len(json_get(f->answer, "card_list")), 5);
    assert_int_equal(post(f, "/card/user/getcardlist", "{\"openid\":\"o1\",\"card_id\":\"pMark\"}"),
                     0);
    assert_int_equal(json_len(json_get(f->answer, "card_list")), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_code_is_consumed_once, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_unavailable_is_for_good_and_told, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_update_moves_the_card, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_a_mark_is_one_users, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_codes_are_imported_before_the_stock, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_a_user_sees_his_cards, set_up, platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
