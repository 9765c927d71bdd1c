/* SPDX-License-Identifier: Apache-2.0 */
/* What kabao words itself, as WeChat gets it; which refusals leave another way. */
#include "wechat/message.h"

#include "tests/unit/wechat/peer.h"

enum { DEADLINE_MS = 10000, LONG = 3000 };

#define TEXT_BEGIN "{\"touser\":\"o1\",\"msgtype\":\"text\",\"text\":{\"content\":\""

static const struct peer_answer ANSWERS[] = {{200, "{\"errcode\":0,\"errmsg\":\"ok\"}"}};

struct bench {
    struct peer peer;
    struct peer_client client;
    struct settings_wechat settings;
    struct account account;
    char name[8];
    struct wechat_env env;
    struct wechat *wechat;
    struct message_to to;
};

/* NOLINTNEXTLINE(readability-function-size): the signature is struct wechat_env's. */
static enum status give_token(void *arg, const struct account *account, enum token_kind kind,
                              const char *older, struct deadline until, struct token *out,
                              struct err *err)
{
    (void)arg;
    (void)account;
    (void)kind;
    (void)older;
    (void)until;
    (void)err;
    (void)str_copy(STR("TOKEN"), out->text, sizeof(out->text));
    token_fingerprint(STR("TOKEN"), out->fingerprint);
    return ST_OK;
}

static enum status admit(void *arg, const struct account *account, const char *path,
                         struct err *err)
{
    (void)arg;
    (void)account;
    (void)path;
    (void)err;
    return ST_OK;
}

static void report(void *arg, const struct account *account, const char *path, int errcode,
                   int64_t took_ms)
{
    (void)arg;
    (void)account;
    (void)path;
    (void)errcode;
    (void)took_ms;
}

static void bench_init_with(struct bench *b, const struct peer_answer *answers, size_t count)
{
    *b = (struct bench){.name = "demo"};
    peer_start(&b->peer, answers, count);
    peer_client_open(&b->client);
    b->settings = (struct settings_wechat){.base_url = b->peer.base_url, .timeout_ms = DEADLINE_MS};
    b->account = (struct account){.name = b->name};
    b->env = (struct wechat_env){.token = give_token, .admit = admit, .report = report};
    b->wechat = wechat_new(&b->settings, b->client.http, &b->env);
    assert_non_null(b->wechat);
    b->to = (struct message_to){
        .account = &b->account, .openid = STR("o1"), .until = deadline_in(DEADLINE_MS)};
}

static void bench_init(struct bench *b)
{
    bench_init_with(b, ANSWERS, COUNT_OF(ANSWERS));
}

static void bench_done(struct bench *b)
{
    wechat_free(b->wechat);
    peer_client_close(&b->client);
    peer_stop(&b->peer);
}

static void assert_sent(const struct bench *b, const char *path, const char *body)
{
    const char *request = b->peer.requests[0];
    const char *at = strstr(request, "\r\n\r\n");

    assert_true(str_starts(str_from(request), str_from(path)));
    assert_non_null(at);
    assert_string_equal(at + 4, body);
}

static void test_message_text_is_a_customer_message(void **state)
{
    AUTO(bench_done) struct bench b = {0};
    struct err err = {0};

    (void)state;
    bench_init(&b);
    assert_int_equal(message_custom_text(b.wechat, &b.to, STR("\"验\"\n"), &err), ST_OK);
    assert_sent(&b, "POST /cgi-bin/message/custom/send?", TEXT_BEGIN "\\\"验\\\"\\n\"}}");
}

static void test_message_text_is_cut_between_characters(void **state)
{
    static const char wide[] = "验";
    AUTO(bench_done) struct bench b = {0};
    char text[LONG];
    char body[LONG];
    struct err err = {0};

    (void)state;
    bench_init(&b);
    memset(text, 'x', sizeof(text));
    memcpy(text + MESSAGE_TEXT_MAX - 1, wide, sizeof(wide) - 1);
    assert_int_equal(message_custom_text(b.wechat, &b.to, str_of(text, sizeof(text)), &err), ST_OK);
    (void)snprintf(body, sizeof(body), TEXT_BEGIN "%.*s\"}}", MESSAGE_TEXT_MAX - 1, text);
    assert_sent(&b, "POST /cgi-bin/message/custom/send?", body);
}

static const struct message_notice NOTICE = {
    .template_id = STR_INIT("t1"),
    .data = STR_INIT("{\"a\":{\"value\":\"1\"}}"),
    .client_msg_id = STR_INIT("m1"),
};

static void test_message_template_has_a_name(void **state)
{
    AUTO(bench_done) struct bench b = {0};
    struct err err = {0};

    (void)state;
    bench_init(&b);
    assert_int_equal(message_template(b.wechat, &b.to, &NOTICE, &err), ST_OK);
    assert_sent(&b, "POST /cgi-bin/message/template/send?",
                "{\"touser\":\"o1\",\"template_id\":\"t1\",\"client_msg_id\":\"m1\","
                "\"data\":{\"a\":{\"value\":\"1\"}}}");
}

static void test_message_notice_has_none(void **state)
{
    AUTO(bench_done) struct bench b = {0};
    struct err err = {0};

    (void)state;
    bench_init(&b);
    assert_int_equal(message_subscribe(b.wechat, &b.to, &NOTICE, &err), ST_OK);
    assert_sent(&b, "POST /cgi-bin/message/subscribe/bizsend?",
                "{\"touser\":\"o1\",\"template_id\":\"t1\","
                "\"data\":{\"a\":{\"value\":\"1\"}}}");
}

/* Also where WeChat's words are so long that they are cut in the middle of it. */
static void test_message_refusal_that_repeats_the_secret_is_withheld(void **state)
{
    static const struct peer_answer answers[] = {
        {200, "{\"errcode\":47003,\"errmsg\":\"argument invalid! data.code.value 459310 rid: 1\"}"},
        {200,
         "{\"errcode\":47003,\"errmsg\":\"0123456789 0123456789 0123456789 0123456789 0123456789 "
         "0123456789 0123456789 0123456789 0123456789 0123456789 012345 459310\"}"},
        {200, "{\"errcode\":43004,\"errmsg\":\"require subscribe\"}"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        AUTO(bench_done) struct bench b = {0};
        AUTO(buf_done) struct buf words = BUF_INIT(512);
        struct err err = {0};

        bench_init_with(&b, &answers[i], 1);
        b.to.errmsg = &words;
        b.to.secret = STR("459310");
        assert_int_equal(message_custom_text(b.wechat, &b.to, STR("459310"), &err), ST_REJECT);
        assert_null(strstr(err.text, "4593"));
        assert_string_equal(buf_str(&words).ptr, i < 2 ? "(withheld)" : "require subscribe");
    }
}

static void test_message_refusals_that_leave_another_way(void **state)
{
    static const int yes[] = {40037, 40247, 43004, 43019, 43101, 45015, 45047, 45087, 47003, 48002};
    static const char *const no[] = {
        "wechat:40003", "wechat:4300", "wechat:430041", "wechat:-1", "http:404", "deadline", ""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        struct err err = {0};

        (void)snprintf(err.code, sizeof(err.code), "wechat:%d", yes[i]);
        assert_true(message_may_go_otherwise(&err));
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        struct err err = {0};

        (void)str_copy(str_from(no[i]), err.code, sizeof(err.code));
        assert_false(message_may_go_otherwise(&err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_text_is_a_customer_message),
        cmocka_unit_test(test_message_text_is_cut_between_characters),
        cmocka_unit_test(test_message_template_has_a_name),
        cmocka_unit_test(test_message_notice_has_none),
        cmocka_unit_test(test_message_refusal_that_repeats_the_secret_is_withheld),
        cmocka_unit_test(test_message_refusals_that_leave_another_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
