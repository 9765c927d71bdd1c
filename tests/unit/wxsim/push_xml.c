/* SPDX-License-Identifier: Apache-2.0 */
/* Every listed push is well-formed, and changes land where they should. */
#include "wxsim/push_xml.h"

#include "codec/xml.h"
#include "tests/unit/check.h"

static const struct sim_about about = {
    .original_id = "gh_0123456789ab",
    .appid = "wx0123456789abcdef",
    .openid = "oWxsimFakeOpenid00000000000{i}",
    .friend_openid = "oWxsimFakeOpenid000000000002",
    .card_id = "pWxsimFakeCardId000000000001",
    .code = "018255396048",
    .create_time = 1760000000,
    .number = 7,
};

/* Parsed push; its memory is the arena's. */
static struct xml parse(const struct sim_event *event, const struct sim_changes *changes,
                        struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT(65536);
    struct xml xml = {.count = 0};
    struct err err;

    buf_add_cstr(&text, "<xml>");
    assert_true(sim_push_xml(event, &about, changes, &text));
    buf_add_cstr(&text, "</xml>");
    assert_int_equal(xml_parse(arena_dup(arena, buf_str(&text)), arena, &xml, &err), ST_OK);
    return xml;
}

static void test_push_xml_every_event_parses(void **unused)
{
    const struct sim_changes none = {.set_count = 0};

    (void)unused;
    for (size_t i = 0; i < SIM_EVENT_COUNT; i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
        const struct xml xml = parse(&SIM_EVENTS[i], &none, &arena);

        assert_true(str_eq_cstr(xml_child(&xml, "MsgType"), SIM_EVENTS[i].msg_type));
        assert_true(str_eq_cstr(xml_child(&xml, "Event"), SIM_EVENTS[i].event));
        assert_true(str_eq_cstr(xml_child(&xml, "FromUserName"), "oWxsimFakeOpenid000000000007"));
        assert_true(str_eq_cstr(xml_child(&xml, "CreateTime"), "1760000000"));
        assert_true((size_t)xml.count >= 4 + SIM_EVENTS[i].element_count);
    }
}

static void test_push_xml_lists_repeat_their_container(void **unused)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    const struct sim_changes none = {.set_count = 0};
    const struct xml xml = parse(sim_event_find(STR("subscribe_msg_popup_event")), &none, &arena);
    int lists = 0;

    (void)unused;
    for (int i = 0; i < xml.count; i++)
        lists += str_eq_cstr(xml.elements[i].name, "List");
    assert_int_equal(lists, 2);
}

static void test_push_xml_set_and_unset(void **unused)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    const char *const sets[] = {"IsGiveByFriend=1", "New=a]]>b=c", "UserCardCode=c{i}"};
    const char *const unsets[] = {"UnionId", "NotThere"};
    const struct sim_changes changes = {sets, COUNT_OF(sets), unsets, COUNT_OF(unsets)};
    const struct xml xml = parse(sim_event_find(STR("user_get_card")), &changes, &arena);

    (void)unused;
    assert_true(str_eq_cstr(xml_child(&xml, "IsGiveByFriend"), "1"));
    assert_true(str_eq_cstr(xml_child(&xml, "New"), "a]]>b=c"));
    assert_true(str_eq_cstr(xml_child(&xml, "UserCardCode"), "c7"));
    assert_false(str_is_set(xml_child(&xml, "UnionId")));
}

static void test_push_xml_refuses_a_set_without_value(void **unused)
{
    AUTO(buf_done) struct buf text = BUF_INIT(65536);
    const char *const sets[] = {"IsGiveByFriend"};
    const struct sim_changes changes = {.sets = sets, .set_count = 1};

    (void)unused;
    assert_false(sim_push_xml(sim_event_find(STR("user_get_card")), &about, &changes, &text));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_xml_every_event_parses),
        cmocka_unit_test(test_push_xml_lists_repeat_their_container),
        cmocka_unit_test(test_push_xml_set_and_unset),
        cmocka_unit_test(test_push_xml_refuses_a_set_without_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
