/* SPDX-License-Identifier: Apache-2.0 */
/* What users do to cards: the card afterwards, and the pushes that follow. */
#include "tests/unit/wxsim/platform.h"

#define ABOUT(code) "\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"" code "\""

static const char accounts[] =
    "{\"accounts\":[{\"appid\":\"" APPID "\",\"secret\":\"s\",\"original_id\":\"gh_1\"},"
    "{\"appid\":\"wxother\",\"secret\":\"t\"}],"
    "\"members\":["
    "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD "\",\"code\":\"111\",\"openid\":\"o1\","
    "\"bonus\":100,\"balance\":5,\"has_active\":true,\"membership_number\":\"N1\"}]}";

static int set_up(void **state)
{
    return platform_open(state, accounts);
}

static const struct sim_member *card(const struct fixture *f, const char *code)
{
    return sim_world_member(&f->world, STR(APPID), STR(CARD), str_from(code));
}

/* One field of a push, as text; the push is counted from the last one backwards. */
static struct str pushed(struct fixture *f, size_t back, const char *name)
{
    const struct json *all;
    const struct json *fields;
    const struct json *value;
    int64_t as_number;

    assert_int_equal(control(f, "/sim/pushes", NULL, NULL), 200);
    all = json_get(f->answer, "pushes");
    assert_true(json_len(all) > back);
    fields = json_get(json_at(all, json_len(all) - 1 - back), "fields");
    value = json_get(fields, name);
    if (json_is(value, JSON_INT) && json_i64(value, &as_number))
        return arena_printf(&f->arena, "%lld", (long long)as_number);
    return arena_dup(&f->arena, json_str(value));
}

static void assert_pushed(struct fixture *f, size_t back, const char *name, const char *expected)
{
    const struct str value = pushed(f, back, name);

    if (!str_eq_cstr(value, expected))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, STR_ARG(value), expected);
}

static void test_receive_makes_an_inactive_card(void **state)
{
    struct fixture *f = *state;
    struct str code;

    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"appid\":\"" APPID "\",\"card_id\":\"" CARD
                             "\",\"openid\":\"o9\",\"outer_str\":\"shop\",\"unionid\":\"u9\"}"),
                     200);
    code = arena_dup(&f->arena, json_get_str(f->answer, "code"));
    assert_int_equal(code.len, 12);
    assert_false(card(f, code.ptr)->has_active);
    assert_pushed(f, 0, "Event", "user_get_card");
    assert_pushed(f, 0, "ToUserName", "gh_1");
    assert_pushed(f, 0, "FromUserName", "o9");
    assert_pushed(f, 0, "UserCardCode", code.ptr);
    assert_pushed(f, 0, "OuterStr", "shop");
    assert_pushed(f, 0, "UnionId", "u9");
    assert_pushed(f, 0, "IsRestoreMemberCard", "0");
    assert_pushed(f, 0, "IsGiveByFriend", "0");
}

static void test_receive_restores_or_begins_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(control(f, "/sim/receive", NULL, "{" ABOUT("111") "}"), 400);
    assert_int_equal(control(f, "/sim/members/delete", NULL, "{" ABOUT("111") "}"), 200);
    assert_pushed(f, 0, "Event", "user_del_card");
    assert_int_equal(control(f, "/sim/receive", NULL, "{" ABOUT("111") "}"), 200);
    assert_pushed(f, 0, "IsRestoreMemberCard", "1");
    assert_true(card(f, "111")->has_active);
    assert_int_equal(card(f, "111")->bonus, 100);
    assert_true(sim_member_has_status(card(f, "111"), "NORMAL"));

    assert_int_equal(control(f, "/sim/members/delete", NULL, "{" ABOUT("111") "}"), 200);
    assert_int_equal(control(f, "/sim/members/delete", NULL, "{" ABOUT("111") "}"), 200);
    assert_int_equal(f->world.pushes.last, 3); /* a card is deleted once */
    assert_int_equal(control(f, "/sim/receive", NULL,
                             "{\"restore\":false,\"outer_str\":\"z\"," ABOUT("111") "}"),
                     200);
    assert_pushed(f, 0, "IsRestoreMemberCard", "0");
    assert_pushed(f, 0, "FromUserName", "o1");
    assert_false(card(f, "111")->has_active);
    assert_int_equal(card(f, "111")->bonus, 0);
    assert_false(card(f, "111")->has_balance);
    assert_string_equal(card(f, "111")->membership_number, "111");
    assert_string_equal(card(f, "111")->outer_str, "z");
}

static void test_gift_moves_the_card_to_a_new_code(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        control(f, "/sim/gift", NULL, "{\"friend\":\"o2\",\"new_code\":\"777\"," ABOUT("111") "}"),
        200);
    assert_true(str_eq(json_get_str(f->answer, "code"), STR("777")));
    assert_pushed(f, 1, "Event", "user_gifting_card");
    assert_pushed(f, 1, "FromUserName", "o1");
    assert_pushed(f, 1, "UserCardCode", "111");
    assert_pushed(f, 1, "FriendUserName", "o2");
    assert_pushed(f, 1, "IsReturnBack", "0");
    assert_pushed(f, 0, "Event", "user_get_card");
    assert_pushed(f, 0, "FromUserName", "o2");
    assert_pushed(f, 0, "UserCardCode", "777");
    assert_pushed(f, 0, "OldUserCardCode", "111");
    assert_pushed(f, 0, "FriendUserName", "o1");
    assert_pushed(f, 0, "IsGiveByFriend", "1");
    assert_false(card(f, "777")->has_active);
    assert_int_equal(post(f, "/card/code/get", "{\"code\":\"111\"}"), 40056);
    assert_int_equal(post(f, "/card/membercard/updateuser",
                          "{\"add_bonus\":1,\"code\":\"111\",\"card_id\":\"" CARD "\"}"),
                     40127);
    assert_int_equal(
        post(f, "/card/membercard/activate", "{\"membership_number\":\"1\",\"code\":\"777\"}"), 0);
    assert_int_equal(control(f, "/sim/gift", NULL, "{\"friend\":\"o2\"," ABOUT("111") "}"), 400);
}

static void test_gift_may_stop_half_way_and_come_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        control(f, "/sim/gift", NULL, "{\"step\":\"accept\",\"friend\":\"o2\"," ABOUT("111") "}"),
        400);
    assert_int_equal(
        control(f, "/sim/gift", NULL, "{\"step\":\"offer\",\"friend\":\"o2\"," ABOUT("111") "}"),
        200);
    assert_int_equal(post(f, "/card/membercard/updateuser",
                          "{\"add_bonus\":1,\"code\":\"111\",\"card_id\":\"" CARD "\"}"),
                     40127);
    assert_int_equal(control(f, "/sim/gift", NULL, "{\"step\":\"return\"," ABOUT("111") "}"), 200);
    assert_pushed(f, 0, "Event", "user_gifting_card");
    assert_pushed(f, 0, "IsReturnBack", "1");
    assert_true(sim_member_has_status(card(f, "111"), "NORMAL"));
    assert_int_equal(
        control(f, "/sim/gift", NULL, "{\"step\":\"x\",\"friend\":\"o2\"," ABOUT("111") "}"), 400);
    assert_int_equal(control(f, "/sim/gift", NULL, "{" ABOUT("111") "}"), 400);
}

static int temp_info(struct fixture *f, struct str ticket)
{
    return post(f, "/card/membercard/activatetempinfo/get",
                arena_printf(&f->arena, "{\"activate_ticket\":\"%.*s\"}", STR_ARG(ticket)).ptr);
}

static void test_submit_keeps_the_form_behind_a_ticket(void **state)
{
    struct fixture *f = *state;
    struct str ticket;
    size_t at;

    assert_int_equal(control(f, "/sim/receive", NULL, "{\"openid\":\"o8\"," ABOUT("888") "}"), 200);
    assert_int_equal(
        control(f, "/sim/submit", NULL,
                "{\"form\":{\"USER_FORM_INFO_FLAG_MOBILE\":\"15521328888\"}," ABOUT("888") "}"),
        200);
    ticket = arena_dup(&f->arena, json_get_str(f->answer, "activate_ticket"));
    assert_true(str_find(ticket, STR("+"), &at) && str_find(ticket, STR("/"), &at));
    assert_true(str_is_set(json_get_str(f->answer, "encrypt_code")));
    assert_pushed(f, 0, "Event", "submit_membercard_user_info");
    assert_false(card(f, "888")->has_active);
    assert_null(card(f, "888")->form.lists);

    assert_int_equal(temp_info(f, STR("")), 41011);
    assert_int_equal(temp_info(f, STR("unknown")), 72011);
    assert_int_equal(temp_info(f, ticket), 0);
    assert_int_equal(json_len(json_get(json_get(f->answer, "info"), "common_field_list")), 1);
    assert_int_equal(stable_token(f, "wxother", "t"), 0);
    assert_int_equal(temp_info(f, ticket), 72011);
    f->world.ahead_ms += INT64_C(1800) * 1000;
    assert_int_equal(stable_token(f, APPID, "s"), 0);
    assert_int_equal(temp_info(f, ticket), 72012);
}

static void test_submit_of_one_tap_activates(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(control(f, "/sim/receive", NULL, "{\"openid\":\"o8\"," ABOUT("888") "}"), 200);
    assert_int_equal(
        control(
            f, "/sim/submit", NULL,
            "{\"active\":true,\"form\":{\"USER_FORM_INFO_FLAG_NAME\":\"张三\"}," ABOUT("888") "}"),
        200);
    assert_false(json_has(f->answer, "activate_ticket"));
    assert_true(card(f, "888")->has_active);
    assert_int_equal(card(f, "888")->history.activations, 0); /* no call did it */
    assert_non_null(card(f, "888")->form.lists);
}

static void test_foreign_changes_are_pushed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(control(f, "/sim/foreign", NULL, "{\"bonus\":50," ABOUT("111") "}"), 200);
    assert_int_equal(card(f, "111")->bonus, 150);
    assert_int_equal(card(f, "111")->history.updates, 0);
    assert_pushed(f, 0, "Event", "update_member_card");
    assert_pushed(f, 0, "ModifyBonus", "50");
    assert_pushed(f, 0, "ModifyBalance", "0");
    assert_int_equal(control(f, "/sim/foreign", NULL, "{\"bonus\":\"x\"," ABOUT("111") "}"), 400);
    assert_int_equal(control(f, "/sim/foreign", NULL, "{" ABOUT("999") "}"), 400);
    assert_int_equal(f->world.pushes.last, 1);
}

static void test_pushes_are_kept_by_number(void **state)
{
    struct fixture *f = *state;
    const int all = SIM_PUSHES_KEPT + 2;
    int64_t first = 0;

    for (int i = 0; i < all; i++) {
        const struct sim_push push = {.event = "e", .appid = "a", .openid = "o", .code = "1"};

        assert_true(sim_pushes_add(&f->world.pushes, &push));
    }
    assert_int_equal(control(f, "/sim/pushes", "limit=3", NULL), 200);
    assert_int_equal(number(f, "first"), 3);
    assert_int_equal(number(f, "last"), all);
    assert_int_equal(json_len(json_get(f->answer, "pushes")), 3);
    assert_true(json_get_i64(json_at(json_get(f->answer, "pushes"), 0), "n", &first));
    assert_int_equal(first, 3);
    assert_int_equal(control(f, "/sim/pushes", "after=99999999", NULL), 200);
    assert_int_equal(json_len(json_get(f->answer, "pushes")), 0);
    assert_int_equal(control(f, "/sim/pushes", "after=x", NULL), 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_receive_makes_an_inactive_card, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_receive_restores_or_begins_again, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_gift_moves_the_card_to_a_new_code, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_gift_may_stop_half_way_and_come_back, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_submit_keeps_the_form_behind_a_ticket, set_up,
                                        platform_close),
        cmocka_unit_test_setup_teardown(test_submit_of_one_tap_activates, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_foreign_changes_are_pushed, set_up, platform_close),
        cmocka_unit_test_setup_teardown(test_pushes_are_kept_by_number, set_up, platform_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
