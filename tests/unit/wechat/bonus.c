/* SPDX-License-Identifier: Apache-2.0 */
/* updateuser against a scripted peer: bodies, notices, answers. */
#include "wechat/bonus.h"

#include "tests/unit/wechat/bench.h"

static const struct peer_answer done = {
    200, "{\"errcode\":0,\"errmsg\":\"ok\",\"result_bonus\":470,\"result_balance\":12500,"
         "\"openid\":\"oGRUFjk0a1b2c3d4e5f6g7h8i9j0\"}"};

static enum status update(struct bench *b, const struct bonus_update *u, struct bonus_shown *out,
                          struct err *err)
{
    struct card card = bench_card(b);

    return wechat_update(b->wechat, &card, u, deadline_in(10000), &b->arena, out, err);
}

static void test_update_sends_all_of_it(void **state)
{
    const struct bonus_update u = {
        .bonus = {true, 470},
        .add_bonus = {true, 10},
        .balance = {true, 12500},
        .add_balance = {true, -500},
        .record_bonus = STR("六月份满额"),
        .record_balance = STR("储\"值\""),
        .custom_field_value1 = STR("金卡"),
        .custom_field_value2 = STR(""),
        .custom_field_value3 = STR("3张"),
        .background_pic_url = STR("https://mmbiz.qpic.cn/mmbiz/gold/0"),
        .notify = true,
    };
    AUTO(bench_done) struct bench b;
    struct bonus_shown shown = {0};
    struct err err;

    (void)state;
    bench_init(&b, &done);
    assert_int_equal(update(&b, &u, &shown, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /card/membercard/updateuser?"));
    assert_string_equal(bench_body(&b),
                        "{\"card_id\":\"p1\",\"code\":\"018\",\"bonus\":470,\"add_bonus\":10,"
                        "\"record_bonus\":\"六月份满额\",\"balance\":12500,\"add_balance\":-500,"
                        "\"record_balance\":\"储\\\"值\\\"\",\"custom_field_value1\":\"金卡\","
                        "\"custom_field_value2\":\"\",\"custom_field_value3\":\"3张\","
                        "\"background_pic_url\":\"https://mmbiz.qpic.cn/mmbiz/gold/0\","
                        "\"notify_optional\":{\"is_notify_bonus\":true,\"is_notify_balance\":true,"
                        "\"is_notify_custom_field1\":false,\"is_notify_custom_field2\":false,"
                        "\"is_notify_custom_field3\":false}}");
    assert_true(shown.bonus.set && shown.bonus.value == 470);
    assert_true(shown.balance.set && shown.balance.value == 12500);
}

static void test_update_silently_says_so(void **state)
{
    const struct bonus_update u = {.bonus = {true, 470}};
    AUTO(bench_done) struct bench b;
    struct bonus_shown shown;
    struct err err;

    (void)state;
    bench_init(&b, &done);
    assert_int_equal(update(&b, &u, &shown, &err), ST_OK);
    assert_string_equal(bench_body(&b),
                        "{\"card_id\":\"p1\",\"code\":\"018\",\"bonus\":470,"
                        "\"notify_optional\":{\"is_notify_bonus\":false,"
                        "\"is_notify_balance\":false,\"is_notify_custom_field1\":false,"
                        "\"is_notify_custom_field2\":false,\"is_notify_custom_field3\":false}}");
}

static void test_update_tells_of_what_changes(void **state)
{
    static const struct {
        struct bonus_update update;
        bool bonus;
        bool balance;
    } cases[] = {
        {{.bonus = {true, 1}, .notify = true}, true, false},
        {{.bonus = {true, 1}, .add_bonus = {true, 0}, .notify = true}, false, false},
        {{.bonus = {true, 1}, .add_bonus = {true, -1}, .notify = true}, true, false},
        {{.balance = {true, 1}, .bonus = {true, 1}, .add_bonus = {true, 0}, .notify = true},
         false,
         true},
        {{.custom_field_value1 = STR_INIT("gold"), .notify = true}, false, false},
        {{.bonus = {true, 1}, .add_bonus = {true, 1}, .balance = {true, 1}}, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct bonus_shown shown;
        struct err err;

        bench_init(&b, &done);
        assert_int_equal(update(&b, &cases[i].update, &shown, &err), ST_OK);
        assert_int_equal(strstr(bench_body(&b), "\"is_notify_bonus\":true") != NULL,
                         cases[i].bonus);
        assert_int_equal(strstr(bench_body(&b), "\"is_notify_balance\":true") != NULL,
                         cases[i].balance);
    }
}

static void test_update_reads_numbers_leniently(void **state)
{
    static const struct {
        struct peer_answer answer;
        struct bonus_shown shown;
    } cases[] = {
        {{200, "{}"}, {{false, 0}, {false, 0}}},
        {{200, "{\"result_bonus\":100.0,\"result_balance\":12.75}"}, {{true, 100}, {true, 12}}},
        {{200, "{\"result_bonus\":\"100\"}"}, {{true, 100}, {false, 0}}},
        {{200, "{\"result_bonus\":null,\"result_balance\":{}}"}, {{false, 0}, {false, 0}}},
        {{200, "{\"result_bonus\":-5,\"result_balance\":1e300}"}, {{true, -5}, {false, 0}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct bonus_shown shown = {{true, 7}, {true, 7}};
        struct err err;

        bench_init(&b, &cases[i].answer);
        assert_int_equal(update(&b, &(struct bonus_update){0}, &shown, &err), ST_OK);
        assert_int_equal(shown.bonus.set, cases[i].shown.bonus.set);
        assert_int_equal(shown.bonus.value, cases[i].shown.bonus.value);
        assert_int_equal(shown.balance.set, cases[i].shown.balance.set);
        assert_int_equal(shown.balance.value, cases[i].shown.balance.value);
    }
}

static void test_update_leaves_the_output_when_refused(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status status;
        const char *code;
    } cases[] = {
        {{200, "{\"errcode\":45022,\"errmsg\":\"limit\"}"}, ST_REJECT, "wechat:45022"},
        {{200, "{\"errcode\":40127,\"errmsg\":\"deleted\"}"}, ST_REJECT, "wechat:40127"},
        {{200, "{\"errcode\":-1}"}, ST_RETRY, "wechat:-1"},
        {{0, ""}, ST_RETRY, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct bonus_shown shown = {{true, 7}, {true, 8}};
        struct err err = {0};

        bench_init(&b, &cases[i].answer);
        assert_int_equal(update(&b, &(struct bonus_update){.bonus = {true, 1}}, &shown, &err),
                         cases[i].status);
        if (cases[i].code != NULL)
            assert_string_equal(err.code, cases[i].code);
        assert_int_equal(shown.bonus.value, 7);
        assert_int_equal(shown.balance.value, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_sends_all_of_it),
        cmocka_unit_test(test_update_silently_says_so),
        cmocka_unit_test(test_update_tells_of_what_changes),
        cmocka_unit_test(test_update_reads_numbers_leniently),
        cmocka_unit_test(test_update_leaves_the_output_when_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
