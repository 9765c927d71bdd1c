/* SPDX-License-Identifier: Apache-2.0 */
/* Every family but the member's: what a record becomes. */
#include "base/mem.h"
#include "codec/json.h"
#include "tables/activation.h"
#include "tables/binding.h"
#include "tables/event.h"
#include "tables/member.h"
#include "tables/template.h"
#include "tests/unit/tables/row.h"

static struct json *parsed(const char *text)
{
    struct json *json = NULL;
    struct err err = {0};

    assert_int_equal(json_parse(str_from(text), &json, &err), ST_OK);
    return json;
}

static struct event card_event(const char *name, struct json *fields)
{
    return (struct event){
        .appid = STR("wx1"),
        .openid = STR("o1"),
        .create_time = {true, 1760000000},
        .msg_type = STR("event"),
        .event = str_from(name),
        .card_id = STR("p1"),
        .card_code = STR("c1"),
        .fields = {.tree = fields},
    };
}

static void test_rows_tables_are_sound(void **state)
{
    static const struct table *const tables[] = {
        &TABLE_MEMBER,     &TABLE_MEMBER_FIELD,         &TABLE_WECHAT_EVENT,
        &TABLE_CARD_USE,   &TABLE_CARD_TEMPLATE_STATUS, &TABLE_BINDING,
        &TABLE_ACTIVATION, &TABLE_MEMBER_ACTIVATED,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        assert_sound(tables[i]);
}

static void test_rows_an_event_is_kept_whole(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct event e = card_event("user_get_card", NULL);
    struct event_origin origin = {
        .id = STR("id1"),
        .body = STR("{}"),
        .traceparent = STR("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"),
        .part = {true, 0},
        .off = {true, 7},
    };
    const struct db_value *row = event_row(&arena, &e, &origin);

    assert_text(&TABLE_WECHAT_EVENT, row, "event_id", "id1");
    assert_text(&TABLE_WECHAT_EVENT, row, "trace", "0123456789abcdef0123456789abcdef");
    assert_number(&TABLE_WECHAT_EVENT, row, "part", 0);
    assert_number(&TABLE_WECHAT_EVENT, row, "off", 7);
    assert_text(&TABLE_WECHAT_EVENT, row, "event", "user_get_card");
    assert_text(&TABLE_WECHAT_EVENT, row, "body", "{}");
    assert_time(&TABLE_WECHAT_EVENT, row, "create_time", 1760000000000);
    assert_true(TABLE_WECHAT_EVENT.insert_only);
    e.event = (struct str){NULL, 0};
    e.card_id = (struct str){NULL, 0};
    e.msg_type = STR("text");
    origin = (struct event_origin){.id = STR("id2"), .body = STR("{}"), .traceparent = STR("00-1")};
    row = event_row(&arena, &e, &origin);
    assert_text(&TABLE_WECHAT_EVENT, row, "event", "text");
    assert_absent(&TABLE_WECHAT_EVENT, row, "card_id");
    assert_absent(&TABLE_WECHAT_EVENT, row, "trace");
    assert_absent(&TABLE_WECHAT_EVENT, row, "part");
}

static void test_rows_absurd_times_can_be_stored(void **state)
{
    static const int64_t times[][2] = {{0, 0},
                                       {-5, 0},
                                       {INT64_MIN, 0},
                                       {253402300800, 253402300799000},
                                       {INT64_MAX, 253402300799000}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(0);
        struct event e = card_event("user_consume_card", NULL);

        e.create_time.value = times[i][0];
        assert_time(&TABLE_WECHAT_EVENT,
                    event_row(&arena, &e, &(struct event_origin){.id = STR("id")}), "create_time",
                    times[i][1]);
        assert_time(&TABLE_CARD_USE, card_use_row(&arena, &e, STR("id")), "at", times[i][1]);
    }
}

static void test_rows_a_payment_has_its_fees(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(json_freep)
    struct json *fields =
        parsed("{\"TransId\":\"10022403432015000000000\",\"LocationId\":\"291710000\",\"Fee\":"
               "\"10000\",\"OriginalFee\":\"12000\"}");
    struct event e = card_event("user_pay_from_pay_cell", fields);
    const struct db_value *row = card_use_row(&arena, &e, STR("id1"));

    assert_text(&TABLE_CARD_USE, row, "kind", "pay");
    assert_text(&TABLE_CARD_USE, row, "trans_id", "10022403432015000000000");
    assert_text(&TABLE_CARD_USE, row, "location_id", "291710000");
    assert_number(&TABLE_CARD_USE, row, "fee", 10000);
    assert_number(&TABLE_CARD_USE, row, "original_fee", 12000);
}

static void test_rows_a_redemption_has_none(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(json_freep) struct json *fields = parsed("{\"LocationId\":\"\",\"Fee\":\"-1\"}");
    struct event e = card_event("user_consume_card", fields);
    const struct db_value *row = card_use_row(&arena, &e, STR("id1"));

    assert_text(&TABLE_CARD_USE, row, "kind", "consume");
    assert_time(&TABLE_CARD_USE, row, "at", 1760000000000);
    assert_absent(&TABLE_CARD_USE, row, "location_id");
    assert_absent(&TABLE_CARD_USE, row, "trans_id");
    assert_absent(&TABLE_CARD_USE, row, "fee");
    assert_absent(&TABLE_CARD_USE, row, "original_fee");
}

static void test_rows_an_audit_is_the_templates_status(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct event e = card_event("card_pass_check", NULL);
    const struct table *t = &TABLE_CARD_TEMPLATE_STATUS;

    assert_text(t, card_template_status_row(&arena, &e), "status", "CARD_STATUS_VERIFY_OK");
    e.event = STR("card_not_pass_check");
    assert_text(t, card_template_status_row(&arena, &e), "status", "CARD_STATUS_VERIFY_FAIL");
    assert_number(t, card_template_status_row(&arena, &e), "version", 1760000000000);
}

static void test_rows_a_binding_moves_only_its_own_time(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct binding b = {
        .appid = STR("wx1"),
        .openid = STR("o1"),
        .scene = STR("m-1024"),
        .kind = STR("bound"),
        .user = STR("u1"),
        .at = STR("2025-10-09T08:53:20.000Z"),
    };
    const struct db_value *row = binding_row(&arena, &b);

    assert_text(&TABLE_BINDING, row, "user", "u1");
    assert_time(&TABLE_BINDING, row, "bound_at", 1760000000000);
    assert_absent(&TABLE_BINDING, row, "unbound_at");
    b.kind = STR("unbound");
    row = binding_row(&arena, &b);
    assert_absent(&TABLE_BINDING, row, "user");
    assert_absent(&TABLE_BINDING, row, "bound_at");
    assert_time(&TABLE_BINDING, row, "unbound_at", 1760000000000);
}

static void test_rows_an_activation_is_told_to_the_member(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation a = {
        .appid = STR("wx1"),
        .card_id = STR("p1"),
        .card_code = STR("c1"),
        .membership_number = STR("8001"),
        .by = STR("kabao"),
        .activated_at = STR("2025-10-09T08:53:20.000Z"),
    };
    const struct db_value *row = activation_row(&arena, &a, STR("id1"));

    assert_text(&TABLE_ACTIVATION, row, "activated_by", "kabao");
    assert_text(&TABLE_ACTIVATION, row, "event_id", "id1");
    assert_absent(&TABLE_ACTIVATION, row, "init_bonus");
    assert_time(&TABLE_ACTIVATION, row, "activated_at", 1760000000000);
    row = member_activated_row(&arena, &a);
    assert_text(&TABLE_MEMBER_ACTIVATED, row, "card_code", "c1");
    assert_time(&TABLE_MEMBER_ACTIVATED, row, "activated_at", 1760000000000);
}

static void test_rows_need_memory(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(16);
    struct event e = card_event("user_consume_card", NULL);
    struct activation a = {.appid = STR("wx1")};
    struct binding b = {.appid = STR("wx1")};

    assert_null(event_row(&arena, &e, &(struct event_origin){.id = STR("id")}));
    assert_null(card_use_row(&arena, &e, STR("id")));
    assert_null(card_template_status_row(&arena, &e));
    assert_null(activation_row(&arena, &a, STR("id")));
    assert_null(member_activated_row(&arena, &a));
    assert_null(binding_row(&arena, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_tables_are_sound),
        cmocka_unit_test(test_rows_an_event_is_kept_whole),
        cmocka_unit_test(test_rows_absurd_times_can_be_stored),
        cmocka_unit_test(test_rows_a_payment_has_its_fees),
        cmocka_unit_test(test_rows_a_redemption_has_none),
        cmocka_unit_test(test_rows_an_audit_is_the_templates_status),
        cmocka_unit_test(test_rows_a_binding_moves_only_its_own_time),
        cmocka_unit_test(test_rows_an_activation_is_told_to_the_member),
        cmocka_unit_test(test_rows_need_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
