/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/member.h"

#include "codec/json.h"
#include "tests/unit/tables/row.h"

static void test_member_mobile_is_e164(void **state)
{
    static const char *const good[][2] = {
        {"15521328888", "+8615521328888"},        {" 155 2132 8888\t", "+8615521328888"},
        {"155-2132-8888", "+8615521328888"},      {"+86 155 2132 8888", "+8615521328888"},
        {"(+86)15521328888", "+8615521328888"},   {"8615521328888", "+8615521328888"},
        {"008615521328888", "+8615521328888"},    {"+85291234567", "+85291234567"},
        {"0085291234567", "+85291234567"},        {"+1 (212) 555-0100", "+12125550100"},
        {"+123456789012345", "+123456789012345"},
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct str got = member_mobile(&arena, str_from(good[i][0]));

        if (!str_eq_cstr(got, good[i][1]))
            fail_msg("%s: %.*s", good[i][0], STR_ARG(got));
    }
}

static void test_member_mobile_of_anything_else_is_absent(void **state)
{
    static const char *const bad[] = {
        "",           "1",           "25521328888",          "1552132888",        "155213288889",
        "021-123456", "1552132888x", "+86155213288+88",      "+1234567890123456", "+1234567",
        "+",          "00",          "+015521328888",        "0000000000000",     "８６１５５",
        "++86",       "not given",   "12345678901234567890",
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (str_is_set(member_mobile(&arena, str_from(bad[i]))))
            fail_msg("%s is taken for a number", bad[i]);
    assert_false(str_is_set(member_mobile(&arena, (struct str){NULL, 0})));
}

/* A profile as WeChat answered it. */
static struct member fetched(struct json *raw, struct json *form)
{
    return (struct member){
        .version = {true, 1760000000000},
        .appid = STR("wx1"),
        .card_id = STR("p1"),
        .card_code = STR("c1"),
        .openid = STR("o1"),
        .bonus = {true, 460},
        .status = STR("NORMAL"),
        .has_active = {true, true},
        .form = {.tree = form},
        .raw = {.tree = raw},
    };
}

static struct json *parsed(const char *text)
{
    struct json *json = NULL;
    struct err err = {0};

    assert_int_equal(json_parse(str_from(text), &json, &err), ST_OK);
    return json;
}

static void test_member_row_leaves_out_what_is_unknown(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(json_freep) struct json *raw = parsed("{}");
    AUTO(json_freep)
    struct json *form = parsed("{\"USER_FORM_INFO_FLAG_MOBILE\":\"155 2132 8888\"}");
    struct member m = fetched(raw, form);
    const struct db_value *row = member_row(&arena, &m);

    assert_text(&TABLE_MEMBER, row, "appid", "wx1");
    assert_text(&TABLE_MEMBER, row, "mobile", "+8615521328888");
    assert_text(&TABLE_MEMBER, row, "status", "NORMAL");
    assert_number(&TABLE_MEMBER, row, "bonus", 460);
    assert_number(&TABLE_MEMBER, row, "has_active", 1);
    assert_number(&TABLE_MEMBER, row, "version", 1760000000000);
    assert_number(&TABLE_MEMBER, row, "status_at", 1760000000000);
    assert_time(&TABLE_MEMBER, row, "updated_at", 1760000000000);
    assert_absent(&TABLE_MEMBER, row, "unionid");
    assert_absent(&TABLE_MEMBER, row, "unionid_at");
    assert_absent(&TABLE_MEMBER, row, "balance");
    assert_absent(&TABLE_MEMBER, row, "outer_str_at");
}

static void test_member_row_of_a_bare_status_versions_only_that(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct member m = fetched(NULL, NULL);
    const struct db_value *row = member_row(&arena, &m);

    assert_number(&TABLE_MEMBER, row, "version", 0);
    assert_absent(&TABLE_MEMBER, row, "updated_at");
    assert_number(&TABLE_MEMBER, row, "status_at", 1760000000000);
}

static void test_member_field_keeps_several_values_as_json(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(json_freep) struct json *several = parsed("[\"钢琴\",\"舞蹈\"]");
    AUTO(json_freep) struct json *one = parsed("\"活着\"");
    struct member m = fetched(NULL, NULL);
    const struct db_value *row = member_field_row(&arena, &m, STR("兴趣"), several);

    assert_text(&TABLE_MEMBER_FIELD, row, "name", "兴趣");
    assert_text(&TABLE_MEMBER_FIELD, row, "value", "[\"钢琴\",\"舞蹈\"]");
    assert_number(&TABLE_MEMBER_FIELD, row, "version", 1760000000000);
    row = member_field_row(&arena, &m, STR("film"), one);
    assert_text(&TABLE_MEMBER_FIELD, row, "value", "活着");
}

static void test_member_rows_need_memory(void **state)
{
    (void)state;
    AUTO(arena_done) struct arena arena = ARENA_INIT(8);
    struct member m = fetched(NULL, NULL);

    assert_null(member_row(&arena, &m));
    assert_null(member_field_row(&arena, &m, STR("n"), NULL));
    assert_false(str_is_set(member_mobile(&arena, STR("15521328888"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_mobile_is_e164),
        cmocka_unit_test(test_member_mobile_of_anything_else_is_absent),
        cmocka_unit_test(test_member_row_leaves_out_what_is_unknown),
        cmocka_unit_test(test_member_row_of_a_bare_status_versions_only_that),
        cmocka_unit_test(test_member_field_keeps_several_values_as_json),
        cmocka_unit_test(test_member_rows_need_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
