/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change cards: what they accept, what the card shows then, what is counted. */
#include "tests/unit/wxsim/platform.h"

#define ACTIVATE "/card/membercard/activate"
#define UPDATE   "/card/membercard/updateuser"
#define THIS     "\"card_id\":\"" CARD "\",\"code\":\"111\""
#define THAT(x)  "\"card_id\":\"" CARD "\",\"code\":\"" x "\""
#define TEN      "1234567890"
#define HUNDRED  TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"original_id\":\"gh_1\","
    "\"quota\":{\"/card/membercard/activate\":{\"per_minute\":3},"
    "\"/card/code/decrypt\":{\"per_day\":1}}}],"
    "\"templates\":[{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"bonus_limit\":1000,"
    "\"balance_limit\":2000},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCustom\",\"use_custom_code\":true}],"
    "\"members\":["
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"111\",\"openid\":\"o1\","
    "\"bonus\":100},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"222\",\"openid\":\"o2\","
    "\"status\":\"DELETE\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"333\",\"openid\":\"o3\","
    "\"status\":\"GIFT_SUCC\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"444\",\"openid\":\"o4\","
    "\"status\":\"EXPIRE\"},"
    "{\"appid\":\"" APPID "\",\"card_id\":\"pCustom\",\"code\":\"555\",\"openid\":\"o5\"}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static const struct sim_member *card(const struct fixture *f)
{
    return sim_world_member(&f->world, STR(APPID), STR(CARD), STR("111"));
}

static void test_activate_checks_its_fields(void **state)
{
    static const struct row rows[] = {
        {"{" THIS "}", 41011},
        {"{\"membership_number\":\"\"," THIS "}", 41011},
        {"{\"membership_number\":1," THIS "}", 40097},
        {"{\"membership_number\":\"" TEN TEN "1\"," THIS "}", 45021},
        {"{\"membership_number\":\"1\",\"card_id\":\"" CARD "\"}", 41013},
        {"{\"membership_number\":\"1\",\"code\":\"" TEN TEN "1\"}", 45021},
        {"{\"membership_number\":\"1\",\"code\":\"555\"}", 41012},
        {"{\"membership_number\":\"1\",\"code\":\"111\",\"card_id\":\"pNone\"}", 40073},
        {"{\"membership_number\":\"1\"," THAT("999") "}", 40056},
        {"{\"membership_number\":\"1\"," THAT("222") "}", 40127},
        {"{\"membership_number\":\"1\"," THAT("333") "}", 40127},
        {"{\"membership_number\":\"1\"," THAT("444") "}", 40127},
        {"{\"membership_number\":\"1\",\"init_bonus\":\"5\"," THIS "}", 40097},
        {"{\"membership_number\":\"1\",\"init_bonus\":1.5," THIS "}", 40097},
        {"{\"membership_number\":\"1\",\"init_bonus\":1e30," THIS "}", 40097},
        {"{\"membership_number\":\"1\",\"init_bonus\":1001," THIS "}", 45022},
        {"{\"membership_number\":\"1\",\"init_balance\":2001," THIS "}", 45023},
        {"{\"membership_number\":\"1\",\"init_bonus_record\":\"" TEN TEN TEN "123\"," THIS "}",
         45021},
        {"{\"membership_number\":\"1\",\"init_custom_field_value2\":\"会员等级高\"," THIS "}",
         45021},
        {"{\"membership_number\":\"1\",\"background_pic_url\":\"" HUNDRED TEN TEN
         "123456789\"," THIS "}",
         45021},
        {"{\"membership_number\":\"1\",\"activate_begin_time\":-1," THIS "}", 40097},
        {"{\"membership_number\":\"1\",\"bonus\":1," THIS "}", 40097},
        {"{\"membership_number\":\"1\",\"activate_begin_time\":2,\"activate_end_time\":1," THIS "}",
         40100},
    };
    struct fixture *f = *state;

    /* The quota of three a minute is another test's. */
    sim_account_quota(sim_world_account(&f->world, STR(APPID)), STR(ACTIVATE))->per_minute = 0;
    check_rows(f, ACTIVATE, rows, COUNT_OF(rows));
    assert_false(card(f)->has_active);
    assert_int_equal(card(f)->history.activations, 0);
}

static void test_activate_sets_points_once_and_the_number_each_time(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        post(f, ACTIVATE,
             "{\"membership_number\":\"N1\",\"init_bonus\":50,\"init_balance\":7,"
             "\"init_bonus_record\":\"旧卡积分\",\"init_custom_field_value1\":\"金卡\","
             "\"activate_end_time\":1900000000," THIS "}"),
        0);
    assert_true(card(f)->has_active);
    assert_int_equal(card(f)->bonus, 50);
    assert_int_equal(card(f)->balance, 7);
    assert_string_equal(card(f)->custom_field_value1, "金卡");
    assert_int_equal(post(f, ACTIVATE, "{\"membership_number\":\"N2\",\"init_bonus\":60," THIS "}"),
                     0);
    assert_int_equal(card(f)->bonus, 50);
    assert_string_equal(card(f)->membership_number, "N2");
    assert_int_equal(card(f)->history.activations, 2);
    assert_int_equal(f->world.pushes.last, 0);
    assert_int_equal(post(f, ACTIVATE, "{\"membership_number\":\"N3\",\"code\":\"111\"}"), 0);
    assert_int_equal(post(f, ACTIVATE, "{\"membership_number\":\"N4\",\"code\":\"111\"}"), 45011);
    assert_int_equal(card(f)->history.activations, 3);
}

static void test_activate_without_points_begins_at_zero(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, ACTIVATE, "{\"membership_number\":\"1\"," THIS "}"), 0);
    assert_int_equal(card(f)->bonus, 0);
    assert_false(card(f)->has_balance);
}

static void test_update_checks_its_fields(void **state)
{
    static const struct row rows[] = {
        {"{\"card_id\":\"" CARD "\"}", 41013},
        {"{\"code\":\"111\"}", 41012},
        {"{\"code\":\"111\",\"card_id\":\"pNone\"}", 40073},
        {"{" THAT("999") "}", 40056},
        {"{\"add_bonus\":1," THAT("222") "}", 40127},
        {"{\"add_bonus\":1," THAT("333") "}", 40127},
        {"{\"bonus\":\"1\"," THIS "}", 40097},
        {"{\"add_bonus\":true," THIS "}", 40097},
        {"{\"bonus\":1001," THIS "}", 45022},
        {"{\"add_bonus\":901," THIS "}", 45022},
        {"{\"add_bonus\":9223372036854775807," THIS "}", 45022},
        {"{\"balance\":2001," THIS "}", 45023},
        {"{\"bonus\":5,\"add_balance\":2001," THIS "}", 45023},
        {"{\"bonus\":5,\"record_bonus\":\"消费获得积分消费获得积分消费获\"," THIS "}", 45021},
        {"{\"bonus\":5,\"record_balance\":\"" TEN TEN TEN TEN "123\"," THIS "}", 45021},
        {"{\"bonus\":5,\"custom_field_value3\":\"1234567890123\"," THIS "}", 45021},
        {"{\"bonus\":5,\"notify_optional\":true," THIS "}", 40097},
        {"{\"bonus\":5,\"notify_optional\":{\"is_notify_bonus\":1}," THIS "}", 40097},
        {"{\"bonus\":5,\"notify_optional\":{\"is_notify_points\":true}," THIS "}", 40097},
        {"{\"bonus\":5,\"add_points\":5," THIS "}", 40097},
        {"{\"bonus\":5,\"add_bonus\":{\"n\":5}," THIS "}", 40097},
        {"{\"bonus\":5,\"record_bonus\":\"\\u6d88\"," THIS "}", 40033},
    };
    struct fixture *f = *state;

    check_rows(f, UPDATE, rows, COUNT_OF(rows));
    assert_int_equal(card(f)->bonus, 100);
    assert_int_equal(card(f)->history.updates, 0);
    assert_int_equal(f->world.pushes.last, 0);
}

static void test_update_takes_the_absolute_value_and_shows_the_change(void **state)
{
    struct fixture *f = *state;

    for (int i = 1; i <= 2; i++) {
        assert_int_equal(
            post(f, UPDATE, "{\"bonus\":150,\"add_bonus\":50,\"record_bonus\":\"消费\"," THIS "}"),
            0);
        assert_int_equal(number(f, "result_bonus"), 150);
        assert_int_equal(number(f, "result_balance"), 0);
        assert_true(str_eq(json_get_str(f->answer, "openid"), STR("o1")));
        assert_int_equal(card(f)->history.notices, i);
        assert_int_equal(card(f)->history.add_bonus_shown, 50 * i);
    }
    assert_int_equal(card(f)->history.updates, 2);
    assert_int_equal(f->world.pushes.last, 1); /* the second changed nothing */
    assert_string_equal(card(f)->history.kept[0].text, "消费");
}

static void test_update_adds_when_the_absolute_value_is_missing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, UPDATE, "{\"add_bonus\":-30,\"add_balance\":9," THIS "}"), 0);
    assert_int_equal(post(f, UPDATE, "{\"add_bonus\":-30," THIS "}"), 0);
    assert_int_equal(number(f, "result_bonus"), 40);
    assert_int_equal(number(f, "result_balance"), 9);
    assert_int_equal(card(f)->history.notices, 3);
    assert_int_equal(card(f)->history.add_bonus_shown, -60);
    assert_int_equal(card(f)->history.add_balance_shown, 9);
    assert_int_equal(f->world.pushes.last, 2);
}

static void test_update_is_silent_where_asked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(post(f, UPDATE,
                          "{\"bonus\":1,\"add_bonus\":5,\"balance\":2,\"notify_optional\":"
                          "{\"is_notify_bonus\":false,\"is_notify_balance\":false}," THIS "}"),
                     0);
    assert_int_equal(card(f)->history.notices, 0);
    assert_int_equal(post(f, UPDATE, "{\"bonus\":1," THIS "}"), 0);
    assert_int_equal(card(f)->history.notices, 0); /* nothing changed, nothing to tell */
    assert_int_equal(post(f, UPDATE, "{\"custom_field_value1\":\"金卡\"," THIS "}"), 0);
    assert_int_equal(card(f)->history.notices, 0); /* custom fields: only on request */
    assert_int_equal(post(f, UPDATE,
                          "{\"custom_field_value1\":\"银卡\",\"notify_optional\":"
                          "{\"is_notify_custom_field1\":true}," THIS "}"),
                     0);
    assert_int_equal(card(f)->history.notices, 1);
    assert_int_equal(card(f)->history.updates, 4);
    assert_int_equal(f->world.pushes.last, 1);
}

static void test_update_keeps_no_more_notices_than_it_may(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < SIM_NOTICES_KEPT + 3; i++)
        assert_int_equal(post(f, UPDATE, "{\"bonus\":1,\"add_bonus\":1," THIS "}"), 0);
    assert_int_equal(card(f)->history.notices, SIM_NOTICES_KEPT + 3);
    assert_int_equal(card(f)->history.kept_count, SIM_NOTICES_KEPT);
}

static void test_effects_are_told_by_card(void **state)
{
    struct fixture *f = *state;
    const struct json *effect;
    int64_t shown = 0;

    assert_int_equal(post(f, ACTIVATE, "{\"membership_number\":\"N1\"," THIS "}"), 0);
    assert_int_equal(post(f, UPDATE, "{\"bonus\":70,\"add_bonus\":70," THIS "}"), 0);
    assert_int_equal(control(f, "/sim/effects", "code=111&card_id=" CARD, NULL), 200);
    assert_int_equal(json_len(json_get(f->answer, "effects")), 1);
    effect = json_at(json_get(f->answer, "effects"), 0);
    assert_true(json_get_i64(effect, "add_bonus_shown", &shown));
    assert_int_equal(shown, 70);
    assert_int_equal(control(f, "/sim/effects", NULL, NULL), 200);
    assert_int_equal(json_len(json_get(f->answer, "effects")), 5);
    assert_int_equal(control(f, "/sim/cards", "code=111", NULL), 200);
    assert_int_equal(json_len(json_get(json_at(json_get(f->answer, "cards"), 0), "notice_list")),
                     1);
}

static void test_decrypt_knows_only_its_own_codes(void **state)
{
    struct fixture *f = *state;
    struct str body;

    assert_int_equal(control(f, "/sim/encrypt", NULL, "{\"appid\":\"" APPID "\"," THAT("111") "}"),
                     200);
    body = arena_printf(&f->arena, "{\"encrypt_code\":\"%.*s\"}",
                        STR_ARG(json_get_str(f->answer, "encrypt_code")));
    assert_int_equal(post(f, "/card/code/decrypt", body.ptr), 0);
    assert_true(str_eq(json_get_str(f->answer, "code"), STR("111")));
    assert_int_equal(post(f, "/card/code/decrypt", body.ptr), 45009);
    f->world.ahead_ms += INT64_C(86400) * 1000;
    assert_int_equal(stable_token(f, APPID, "s"), 0);
    assert_int_equal(post(f, "/card/code/decrypt", "{\"encrypt_code\":\"x\"}"), 40075);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_activate_checks_its_fields, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_activate_sets_points_once_and_the_number_each_time,
                                        set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_activate_without_points_begins_at_zero, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_update_checks_its_fields, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_update_takes_the_absolute_value_and_shows_the_change,
                                        set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_update_adds_when_the_absolute_value_is_missing, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_update_is_silent_where_asked, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_update_keeps_no_more_notices_than_it_may, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_effects_are_told_by_card, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_decrypt_knows_only_its_own_codes, set_up,
                                        platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
