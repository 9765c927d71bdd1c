/* SPDX-License-Identifier: Apache-2.0 */
/* Activation's calls against a scripted peer: what is sent, what becomes of the answers. */
#include "wechat/activate.h"

#include "tests/unit/wechat/bench.h"

static enum status activate(struct bench *b, const struct activate_request *request,
                            struct err *err)
{
    struct card card = bench_card(b);

    return wechat_activate(b->wechat, &card, request, deadline_in(10000), err);
}

static void test_activate_sends_what_is_set(void **state)
{
    static const struct peer_answer script = {200, "{\"errcode\":0,\"errmsg\":\"ok\"}"};
    const struct activate_request request = {
        .membership_number = STR("VIP\"001"),
        .init_bonus = {true, 100},
        .init_balance = {true, 0},
        .init_bonus_record = STR("旧卡积分"),
    };
    AUTO(bench_done) struct bench b;
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(activate(&b, &request, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /card/membercard/activate?"));
    /* Raw UTF-8, never \\u (wechat-api 0). */
    assert_string_equal(
        bench_body(&b),
        "{\"card_id\":\"p1\",\"code\":\"018\",\"membership_number\":\"VIP\\\"001\","
        "\"init_bonus\":100,\"init_bonus_record\":\"旧卡积分\",\"init_balance\":0}");
}

static void test_activate_leaves_out_what_is_not(void **state)
{
    static const struct peer_answer script = {200, "{}"};
    const struct activate_request request = {.membership_number = STR("018")};
    AUTO(bench_done) struct bench b;
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(activate(&b, &request, &err), ST_OK);
    assert_string_equal(bench_body(&b),
                        "{\"card_id\":\"p1\",\"code\":\"018\",\"membership_number\":\"018\"}");
}

static void test_activate_passes_verdicts_on(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status status;
        const char *code;
    } cases[] = {
        {{200, "{\"errcode\":40056,\"errmsg\":\"invalid serial code\"}"},
         ST_REJECT,
         "wechat:40056"},
        {{200, "{\"errcode\":72001,\"errmsg\":\"no match card\"}"}, ST_REJECT, "wechat:72001"},
        {{200, "{\"errcode\":-1,\"errmsg\":\"busy\"}"}, ST_RETRY, "wechat:-1"},
        {{502, "{}"}, ST_RETRY, "http:502"},
        {{200, "<html>"}, ST_RETRY, "wechat:garbage"},
    };
    const struct activate_request request = {.membership_number = STR("018")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct err err = {0};

        bench_init(&b, &cases[i].answer);
        assert_int_equal(activate(&b, &request, &err), cases[i].status);
        assert_string_equal(err.code, cases[i].code);
    }
}

static void test_activate_refuses_what_no_body_holds(void **state)
{
    static const struct peer_answer script = {200, "{}"};
    static char number[20000];
    AUTO(bench_done) struct bench b;
    struct err err = {0};

    (void)state;
    memset(number, 'x', sizeof(number));
    bench_init(&b, &script);
    assert_int_equal(
        activate(&b, &(struct activate_request){.membership_number = {number, sizeof(number)}},
                 &err),
        ST_REJECT);
    assert_int_equal(err.reason, REASON_MALFORMED);
    assert_int_equal(b.peer.request_count, 0);
}

static enum status temp_info(struct bench *b, struct field_json *form, struct err *err)
{
    struct card card = bench_card(b);

    return wechat_temp_info(b->wechat, &card, STR("T+/=="), deadline_in(10000), &b->arena, form,
                            err);
}

static void test_temp_info_reads_form_and_own_fields(void **state)
{
    static const struct peer_answer script = {
        200,
        "{\"errcode\":0,\"errmsg\":\"ok\",\"info\":{\"common_field_list\":["
        "{\"name\":\"USER_FORM_INFO_FLAG_MOBILE\",\"value\":\"15521328888\"},"
        "{\"name\":\"USER_FORM_INFO_FLAG_IDCARD\",\"value\":\"11010519491231002X\"}],"
        "\"custom_field_list\":[{\"name\":\"喜欢的电影\",\"value\":\"活着\",\"value_list\":[]},"
        "{\"name\":\"兴趣\",\"value\":\"\",\"value_list\":[\"钢琴\",\"舞蹈\"]},"
        "{\"name\":\"USER_FORM_INFO_FLAG_MOBILE\",\"value\":\"again\"},"
        "{\"name\":\"OTHER\",\"value\":\"dropped\"},{\"value\":\"nameless\"},7]}}"};
    AUTO(bench_done) struct bench b;
    struct field_json form = {0};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(temp_info(&b, &form, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /card/membercard/activatetempinfo/get?"));
    assert_string_equal(bench_body(&b), "{\"activate_ticket\":\"T+/==\"}");
    assert_true(str_eq_cstr(form.text, "{\"USER_FORM_INFO_FLAG_MOBILE\":\"15521328888\","
                                       "\"喜欢的电影\":\"活着\",\"兴趣\":[\"钢琴\",\"舞蹈\"]}"));
}

static void test_temp_info_takes_odd_answers(void **state)
{
    static const struct {
        struct peer_answer answer;
        const char *form; /* NULL: absent */
    } cases[] = {
        {{200, "{}"}, NULL},
        {{200, "{\"info\":{}}"}, NULL},
        {{200, "{\"info\":[7]}"}, NULL},
        {{200, "{\"info\":{\"common_field_list\":{\"name\":\"A\"},\"custom_field_list\":7}}"},
         NULL},
        {{200, "{\"info\":{\"common_field_list\":[]}}"}, "{}"},
        {{200, "{\"info\":{\"custom_field_list\":[{\"name\":\"A\",\"value\":7}]}}"}, "{\"A\":7}"},
        {{200, "{\"info\":{\"common_field_list\":{\"name\":\"A\"},"
               "\"custom_field_list\":[{\"name\":\"A\"}]}}"},
         "{\"A\":\"\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct field_json form = {0};
        struct err err;

        bench_init(&b, &cases[i].answer);
        assert_int_equal(temp_info(&b, &form, &err), ST_OK);
        assert_int_equal(str_is_set(form.text), cases[i].form != NULL);
        assert_true(str_eq_cstr(form.text, cases[i].form != NULL ? cases[i].form : ""));
    }
}

static void test_temp_info_keeps_outputs_and_ticket_on_failure(void **state)
{
    static const struct peer_answer script = {
        200, "{\"errcode\":72011,\"errmsg\":\"invalid activate_ticket\"}"};
    AUTO(bench_done) struct bench b;
    struct field_json form = {.text = STR("{\"kept\":1}")};
    struct err err = {0};

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(temp_info(&b, &form, &err), ST_REJECT);
    assert_string_equal(err.code, "wechat:72011");
    assert_true(str_eq_cstr(form.text, "{\"kept\":1}"));
    assert_null(strstr(err.text, "T+/=="));
}

static enum status decrypt(struct bench *b, struct str *code, struct err *err)
{
    return wechat_decrypt(b->wechat, &b->account, STR("XXIzTtMqCxwOaawoE91+VA=="), STR(""),
                          deadline_in(10000), &b->arena, code, err);
}

static void test_decrypt_reads_the_code(void **state)
{
    static const struct peer_answer script = {
        200, "{\"errcode\":0,\"errmsg\":\"ok\",\"code\":\"018255396048\"}"};
    AUTO(bench_done) struct bench b;
    struct str code = {0};
    struct err err;

    (void)state;
    bench_init(&b, &script);
    assert_int_equal(decrypt(&b, &code, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /card/code/decrypt?"));
    assert_string_equal(bench_body(&b), "{\"encrypt_code\":\"XXIzTtMqCxwOaawoE91+VA==\"}");
    assert_true(str_eq_cstr(code, "018255396048"));
}

static void test_decrypt_takes_no_answer_without_a_code(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status status;
        const char *code;
    } cases[] = {
        {{200, "{\"errcode\":0}"}, ST_RETRY, "wechat:garbage"},
        {{200, "{\"code\":\"\"}"}, ST_RETRY, "wechat:garbage"},
        /* Zeros in front may be lost already. */
        {{200, "{\"code\":18255396048}"}, ST_RETRY, "wechat:garbage"},
        {{200, "{\"errcode\":40075,\"errmsg\":\"invalid encrypt code\"}"},
         ST_REJECT,
         "wechat:40075"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct str code = STR("kept");
        struct err err = {0};

        bench_init(&b, &cases[i].answer);
        assert_int_equal(decrypt(&b, &code, &err), cases[i].status);
        assert_string_equal(err.code, cases[i].code);
        assert_true(str_eq_cstr(code, "kept"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activate_sends_what_is_set),
        cmocka_unit_test(test_activate_leaves_out_what_is_not),
        cmocka_unit_test(test_activate_passes_verdicts_on),
        cmocka_unit_test(test_activate_refuses_what_no_body_holds),
        cmocka_unit_test(test_temp_info_reads_form_and_own_fields),
        cmocka_unit_test(test_temp_info_takes_odd_answers),
        cmocka_unit_test(test_temp_info_keeps_outputs_and_ticket_on_failure),
        cmocka_unit_test(test_decrypt_reads_the_code),
        cmocka_unit_test(test_decrypt_takes_no_answer_without_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
