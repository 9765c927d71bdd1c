/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of WeChat's answers about a card, against a scripted peer. */
#include "wechat/member.h"

#include "codec/schema.h"
#include "tests/unit/examples.h"
#include "tests/unit/wechat/bench.h"

static const char whole_answer[] =
    "{\"errcode\":0,\"errmsg\":\"ok\",\"openid\":\"obLatjjwDolFjRRd3doGIdwNqRXw\","
    "\"nickname\":\"Fourier\",\"membership_number\":\"316510891298\",\"bonus\":460,"
    "\"balance\":12.5,\"sex\":\"MALE\",\"user_info\":{\"common_field_list\":["
    "{\"name\":\"USER_FORM_INFO_FLAG_MOBILE\",\"value\":\"15521328888\"},"
    "{\"name\":\"USER_FORM_INFO_FLAG_IDCARD\",\"value\":\"11010519491231002X\"},"
    "{\"name\":\"USER_FORM_INFO_FLAG_NAME\",\"value\":\"\"},"
    "{\"name\":\"USER_FORM_INFO_FLAG_NAME\",\"value\":\"twice\"},"
    "{\"value\":\"nameless\"},7],"
    "\"custom_field_list\":[{\"name\":\"喜欢的电影\",\"value\":\"活着\",\"value_list\":[]},"
    "{\"name\":\"兴趣\",\"value_list\":[\"钢琴\",\"舞蹈\"]},{\"name\":\"blank\"}]},"
    "\"user_card_status\":\"NORMAL\",\"has_active\":true,\"unionid\":\"\",\"later\":[1.50]}";

static enum status get_member(struct bench *b, struct member *m, struct json **answer,
                              struct err *err)
{
    struct card card = bench_card(b);

    return wechat_member_get(b->wechat, &card, deadline_in(10000), &b->arena, m, answer, err);
}

static enum status get_code(struct bench *b, struct member *m, struct json **answer,
                            struct err *err)
{
    struct card card = bench_card(b);

    return wechat_code_get(b->wechat, &card, deadline_in(10000), &b->arena, m, answer, err);
}

static void assert_fits_the_schema(const struct member *m)
{
    AUTO(buf_done) struct buf schema_text = BUF_INIT(EXAMPLE_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    AUTO(schema_freep) struct schema *schema = NULL;
    AUTO(json_freep) struct json *record = NULL;
    struct err err = {0};

    example_read("schemas/messages/state-member.schema.json", &schema_text);
    assert_int_equal(schema_compile(buf_str(&schema_text), &schema, &err), ST_OK);
    member_write(m, &text);
    if (json_parse(buf_str(&text), &record, &err) != ST_OK ||
        schema_check(schema, record, NULL, &err) != ST_OK)
        fail_msg("%s: %s", text.ptr, err.text);
}

static void test_member_get_reads_the_whole_answer(void **state)
{
    static const struct peer_answer script = {200, whole_answer};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    struct member m = {.version = {true, 7}, .previous_card_code = STR("017")};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(get_member(&b, &m, &answer, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "\r\n\r\n{\"card_id\":\"p1\",\"code\":\"018\"}"));
    assert_true(str_eq(m.account, STR("demo")));
    assert_true(str_eq(m.appid, STR("wx0123456789abcdef")));
    assert_true(str_eq(m.card_id, STR("p1")));
    assert_true(str_eq(m.card_code, STR("018")));
    assert_true(str_eq(m.openid, STR("obLatjjwDolFjRRd3doGIdwNqRXw")));
    assert_true(str_eq(m.membership_number, STR("316510891298")));
    assert_true(str_eq(m.sex, STR("MALE")));
    assert_int_equal(m.bonus.value, 460);
    assert_int_equal(m.balance.value, 12);
    assert_true(m.has_active.set && m.has_active.value);
    assert_true(str_eq(m.status, STR("NORMAL")));
    assert_false(str_is_set(m.unionid));
    assert_true(m.version.value == 7 && str_eq(m.previous_card_code, STR("017")));
    assert_true(str_eq(m.form.text, STR("{\"USER_FORM_INFO_FLAG_MOBILE\":\"15521328888\","
                                        "\"USER_FORM_INFO_FLAG_NAME\":\"\"}")));
    assert_true(
        str_eq(m.custom_form.text,
               STR("[{\"name\":\"喜欢的电影\",\"value\":\"活着\"},{\"name\":\"兴趣\","
                   "\"values\":[\"钢琴\",\"舞蹈\"]},{\"name\":\"blank\",\"value\":\"\"}]")));
    assert_fits_the_schema(&m);
}

static void test_member_get_drops_form_fields_everywhere(void **state)
{
    static const struct peer_answer script = {200, whole_answer};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    AUTO(buf_done) struct buf record = BUF_INIT(65536);
    struct member m = {0};
    struct err err;
    size_t at;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(get_member(&b, &m, &answer, &err), ST_OK);
    member_write(&m, &record);
    assert_null(strstr(record.ptr, "11010519491231002X"));
    assert_null(strstr(record.ptr, "IDCARD"));
    /* All else is as WeChat wrote it. */
    assert_true(str_find(m.raw.text, STR("\"balance\":12.5"), &at));
    assert_true(str_find(m.raw.text, STR("\"later\":[1.50]"), &at));
    assert_true(str_find(m.raw.text, STR("{\"value\":\"nameless\"},7]"), &at));
}

static void test_member_get_drops_by_any_shape_of_answer(void **state)
{
    static const struct peer_answer script = {
        200, "{\"USER_FORM_INFO_FLAG_IDCARD\":\"SECRET\",\"a\":{\"OTHER\":{\"b\":\"SECRET\"},"
             "\"c\":{\"Name\":\"OTHER\",\"value\":\"SECRET\"}},\"d\":[[{\"name\":\"OTHER\","
             "\"value_list\":[\"SECRET\"]}]],\"OTHERS\":1}"};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    struct member m = {0};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(get_member(&b, &m, &answer, &err), ST_OK);
    assert_true(str_eq(m.raw.text, STR("{\"a\":{},\"d\":[[]],\"OTHERS\":1}")));
}

static void test_member_get_leaves_unknown_absent(void **state)
{
    static const struct {
        struct peer_answer answer;
        const char *record;
    } cases[] = {
        {{200, "{\"errcode\":0}"}, ""},
        {{200, "{\"bonus\":\"12\",\"balance\":\"\",\"has_active\":1,\"nickname\":\"\","
               "\"sex\":0,\"membership_number\":18,\"user_info\":null}"},
         ",\"membership_number\":\"18\",\"sex\":\"0\",\"bonus\":12,\"has_active\":true"},
        {{200, "{\"user_info\":{\"common_field_list\":[],\"custom_field_list\":{}}}"},
         ",\"form\":{}"},
        {{200, "{\"openid\":[],\"bonus\":{},\"has_active\":\"yes\",\"user_info\":[]}"}, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        AUTO(json_freep) struct json *answer = NULL;
        AUTO(buf_done) struct buf record = BUF_INIT(65536);
        AUTO(buf_done) struct buf expected = BUF_INIT(65536);
        struct member m = {.version = {true, 1}};
        struct err err;

        bench_init(&b, &cases[i].answer);
        assert_int_equal(get_member(&b, &m, &answer, &err), ST_OK);
        assert_fits_the_schema(&m);
        m.raw = (struct field_json){0};
        m.fetched_at = (struct str){0};
        member_write(&m, &record);
        buf_addf(&expected,
                 "{\"version\":1,\"account\":\"demo\",\"appid\":\"wx0123456789abcdef\","
                 "\"card_id\":\"p1\",\"card_code\":\"018\"%s}",
                 cases[i].record);
        assert_string_equal(record.ptr, expected.ptr);
    }
}

static void test_member_get_changes_nothing_on_refusal(void **state)
{
    static const struct peer_answer script = {200, "{\"errcode\":40056}"};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct member m = {.nickname = STR("before")};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(get_member(&b, &m, &answer, &err), ST_REJECT);
    assert_string_equal(err.code, "wechat:40056");
    assert_null(answer);
    assert_true(str_eq(m.nickname, STR("before")));
    assert_false(str_is_set(m.account));
}

static void test_member_get_refuses_absurd_cards(void **state)
{
    static const struct peer_answer script = {200, "{}"};
    AUTO(bench_done) struct bench b;
    char longest[5000];
    struct card card;
    struct json *answer = NULL;
    struct member m = {0};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    memset(longest, '1', sizeof(longest));
    card = bench_card(&b);
    card.card_code = str_of(longest, sizeof(longest));
    assert_int_equal(
        wechat_member_get(b.wechat, &card, deadline_in(10000), &b.arena, &m, &answer, &err),
        ST_REJECT);
    assert_int_equal(b.peer.request_count, 0);
}

static void test_code_get_adds_to_what_is_known(void **state)
{
    static const struct peer_answer script = {
        200, "{\"errcode\":0,\"openid\":\"o2\",\"can_consume\":false,\"outer_str\":\"\","
             "\"user_card_status\":\"DELETE\",\"card\":{\"card_id\":\"p1\"}}"};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    struct member m = {.outer_str = STR("12b"),
                       .unionid = STR("u"),
                       .bonus = {true, 5},
                       .raw = {.text = STR("{}")}};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(get_code(&b, &m, &answer, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /card/code/get?"));
    assert_non_null(strstr(b.peer.requests[0],
                           "{\"card_id\":\"p1\",\"code\":\"018\",\"check_consume\":false}"));
    assert_true(str_eq(m.status, STR("DELETE")));
    assert_true(str_eq(m.openid, STR("o2")));
    assert_true(str_eq(m.outer_str, STR("12b")));
    assert_true(str_eq(m.unionid, STR("u")));
    assert_int_equal(m.bonus.value, 5);
    assert_true(str_eq(m.raw.text, STR("{}")));
}

static void test_field_dropped_compares_whole_names(void **state)
{
    (void)state;
    assert_true(wechat_field_dropped("A  BB C ", STR("BB")));
    assert_true(wechat_field_dropped("A", STR("A")));
    assert_false(wechat_field_dropped("A BB", STR("B")));
    assert_false(wechat_field_dropped("A BB", STR("A BB")));
    assert_false(wechat_field_dropped(" ", STR("")));
    assert_false(wechat_field_dropped(NULL, STR("A")));
    assert_false(wechat_field_dropped("A", (struct str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_get_reads_the_whole_answer),
        cmocka_unit_test(test_member_get_drops_form_fields_everywhere),
        cmocka_unit_test(test_member_get_drops_by_any_shape_of_answer),
        cmocka_unit_test(test_member_get_leaves_unknown_absent),
        cmocka_unit_test(test_member_get_changes_nothing_on_refusal),
        cmocka_unit_test(test_member_get_refuses_absurd_cards),
        cmocka_unit_test(test_code_get_adds_to_what_is_known),
        cmocka_unit_test(test_field_dropped_compares_whole_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
