/* SPDX-License-Identifier: Apache-2.0 */
/* A call's verdicts, against a scripted peer. */
#include "wechat/client.h"

#include "tests/unit/wechat/peer.h"

#define OK_BODY "{\"errcode\":0,\"errmsg\":\"ok\",\"openid\":\"o1\"}"

enum { REPORTS_MAX = 8, DEADLINE_MS = 10000 };

struct bench {
    struct peer peer;
    struct peer_client client;
    struct settings_wechat settings;
    struct account account;
    char name[8];
    struct wechat_env env;
    struct wechat *wechat;
    /* The scripted surroundings and what they saw. */
    const char *tokens[4];
    size_t tokens_given;
    enum status admit;
    char bad[FINGERPRINT_SIZE];
    size_t bad_count;
    char older[FINGERPRINT_SIZE];
    int reports[REPORTS_MAX];
    size_t report_count;
};

/* NOLINTNEXTLINE(readability-function-size): the signature is struct wechat_env's. */
static enum status give_token(void *arg, const struct account *account, enum token_kind kind,
                              const char *older, struct deadline until, struct token *out,
                              struct err *err)
{
    struct bench *b = arg;
    const char *text = b->tokens[b->tokens_given];

    assert_ptr_equal(account, &b->account);
    assert_int_equal(kind, TOKEN_ACCESS);
    assert_true(deadline_left_ms(until) <= 5000);
    if (older != NULL)
        (void)str_copy(str_from(older), b->older, sizeof(b->older));
    if (text == NULL)
        return err_wait(err, "token:demo:access_token", deadline_in(1000), "no token yet");
    b->tokens_given++;
    (void)str_copy(str_from(text), out->text, sizeof(out->text));
    token_fingerprint(str_from(text), out->fingerprint);
    return ST_OK;
}

static void take_bad(void *arg, const struct account *account, enum token_kind kind,
                     const char *fingerprint)
{
    struct bench *b = arg;

    (void)account;
    (void)kind;
    b->bad_count++;
    (void)str_copy(str_from(fingerprint), b->bad, sizeof(b->bad));
}

static enum status admit(void *arg, const struct account *account, const char *path,
                         struct err *err)
{
    struct bench *b = arg;

    (void)account;
    assert_string_equal(path, CALL_MEMBER_GET.path);
    if (b->admit != ST_OK)
        return err_wait(err, "wechat:demo:x", deadline_in(1000), "closed");
    return ST_OK;
}

static void report(void *arg, const struct account *account, const char *path, int errcode,
                   int64_t took_ms)
{
    struct bench *b = arg;

    (void)account;
    (void)path;
    assert_true(took_ms >= 0 && b->report_count < REPORTS_MAX);
    b->reports[b->report_count++] = errcode;
}

static void bench_init(struct bench *b, const struct peer_answer *answers, size_t count)
{
    *b = (struct bench){.name = "demo", .tokens = {"TOKEN-one", "TOKEN-two"}};
    peer_start(&b->peer, answers, count);
    peer_client_open(&b->client);
    b->settings = (struct settings_wechat){.base_url = b->peer.base_url, .timeout_ms = DEADLINE_MS};
    b->account = (struct account){.name = b->name};
    b->env = (struct wechat_env){
        .arg = b, .token = give_token, .token_bad = take_bad, .admit = admit, .report = report};
    b->wechat = wechat_new(&b->settings, b->client.http, &b->env);
    assert_non_null(b->wechat);
}

static void bench_done(struct bench *b)
{
    wechat_free(b->wechat);
    peer_client_close(&b->client);
    peer_stop(&b->peer);
}

static enum status call(struct bench *b, struct json **answer, struct err *err)
{
    const struct wechat_request request = {
        .account = &b->account,
        .call = &CALL_MEMBER_GET,
        .body = STR("{\"card_id\":\"p\",\"code\":\"会员\"}"),
        .traceparent = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .until = deadline_in(DEADLINE_MS),
    };
    enum status rc;

    *err = (struct err){0};
    rc = wechat_call(b->wechat, &request, answer, err);
    assert_null(strstr(err->text, "TOKEN-"));
    return rc;
}

static void test_client_sends_what_the_platform_wants(void **state)
{
    static const struct peer_answer answers[] = {{200, OK_BODY}};
    AUTO(bench_done) struct bench b = {0};
    AUTO(json_freep) struct json *answer = NULL;
    const char *request = b.peer.requests[0];
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(call(&b, &answer, &err), ST_OK);
    assert_true(str_eq(json_get_str(answer, "openid"), STR("o1")));
    assert_non_null(
        strstr(request, "POST /card/membercard/userinfo/get?access_token=TOKEN-one HTTP/1.1\r\n"));
    assert_non_null(strcasestr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strcasestr(
        request, "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"card_id\":\"p\",\"code\":\"会员\"}"));
    assert_int_equal(b.report_count, 1);
    assert_int_equal(b.reports[0], 0);
    assert_int_equal(b.bad_count, 0);
}

static void test_client_takes_a_missing_errcode_for_success(void **state)
{
    static const struct peer_answer answers[] = {{200, "{\"openid\":\"o1\"}"},
                                                 {200, "{\"errcode\":\"0\"}"}};
    AUTO(bench_done) struct bench b;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        AUTO(json_freep) struct json *answer = NULL;

        assert_int_equal(call(&b, &answer, &err), ST_OK);
        assert_non_null(answer);
    }
}

static void test_client_judges_by_errcode(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status rc;
        const char *code;
        int report;
    } cases[] = {
        {{200, "{\"errcode\":-1,\"errmsg\":\"system error\"}"}, ST_RETRY, "wechat:-1", -1},
        {{200, "{\"errcode\":99999,\"errmsg\":\"?\"}"}, ST_RETRY, "wechat:99999", 99999},
        {{200, "{\"errcode\":40056,\"errmsg\":\"invalid serial code\"}"},
         ST_REJECT,
         "wechat:40056",
         40056},
        {{200, "{\"errcode\":\"40127\"}"}, ST_REJECT, "wechat:40127", 40127},
        {{200, "{\"errcode\":72003}"}, ST_REJECT, "wechat:72003", 72003},
        {{200, "{\"errcode\":47001}"}, ST_REJECT, "wechat:47001", 47001},
        {{200, "{\"errcode\":45011}"}, ST_WAIT, "wechat:45011", 45011},
        {{200, "{\"errcode\":45009}"}, ST_WAIT, "wechat:45009", 45009},
        {{200, "{\"errcode\":48001}"}, ST_WAIT, "wechat:48001", 48001},
        {{503, OK_BODY}, ST_RETRY, "http:503", WECHAT_NO_ANSWER},
        {{404, OK_BODY}, ST_RETRY, "http:404", WECHAT_NO_ANSWER},
        {{302, OK_BODY}, ST_RETRY, "http:302", WECHAT_NO_ANSWER},
        {{429, ""}, ST_RETRY, "http:429", WECHAT_NO_ANSWER},
        {{200, ""}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "<html>busy</html>"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "{\"errcode\":0,\"open"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "[]"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "null"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "{\"errcode\":\"x\"}"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "{\"errcode\":{}}"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{200, "{\"errcode\":4294967296}"}, ST_RETRY, "wechat:garbage", WECHAT_NO_ANSWER},
        {{0, ""}, ST_RETRY, "http:", WECHAT_NO_ANSWER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct json *answer = NULL;
        struct err err;
        enum status rc;

        bench_init(&b, &cases[i].answer, 1);
        rc = call(&b, &answer, &err);
        if (rc != cases[i].rc || strncmp(err.code, cases[i].code, strlen(cases[i].code)) != 0)
            fail_msg("%d %s: %s %s %s", cases[i].answer.status, cases[i].answer.body,
                     status_name(rc), err.code, err.text);
        assert_null(answer);
        assert_int_equal(b.report_count, 1);
        assert_int_equal(b.reports[0], cases[i].report);
        if (rc == ST_REJECT)
            assert_int_equal(err.reason, REASON_REJECTED);
    }
}

static void test_client_closes_the_path_as_long_as_the_code_asks(void **state)
{
    static const struct peer_answer answers[] = {{200, "{\"errcode\":45011}"},
                                                 {200, "{\"errcode\":45009}"},
                                                 {200, "{\"errcode\":40164,\"errmsg\":\"invalid ip "
                                                       "1.2.3.4, not in whitelist\"}"}};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    b.tokens[2] = "TOKEN-three";
    assert_int_equal(call(&b, &answer, &err), ST_WAIT);
    assert_string_equal(err.resource, "wechat:demo:/card/membercard/userinfo/get");
    assert_in_range(deadline_left_ms(err.until), 50000, 60000);

    assert_int_equal(call(&b, &answer, &err), ST_WAIT);
    assert_in_range(deadline_left_ms(err.until), 50000, 60000);

    assert_int_equal(call(&b, &answer, &err), ST_WAIT);
    assert_non_null(strstr(err.text, "allow list"));
    assert_non_null(strstr(err.text, "1.2.3.4"));
}

static void test_client_repeats_once_with_a_newer_token(void **state)
{
    static const struct peer_answer answers[] = {
        {200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}"}, {200, OK_BODY}};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    char fingerprint[FINGERPRINT_SIZE];
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(call(&b, &answer, &err), ST_OK);
    token_fingerprint(STR("TOKEN-one"), fingerprint);
    assert_int_equal(b.bad_count, 1);
    assert_string_equal(b.bad, fingerprint);
    assert_string_equal(b.older, fingerprint);
    assert_non_null(strstr(b.peer.requests[1], "?access_token=TOKEN-two "));
    assert_int_equal(b.report_count, 2);
    assert_int_equal(b.reports[0], 42001);
    assert_int_equal(b.reports[1], 0);
}

static void test_client_sends_a_file_again_with_a_newer_token(void **state)
{
    static const struct peer_answer answers[] = {{200, "{\"errcode\":42001}"}, {200, OK_BODY}};
    static const struct call upload = {
        .type = "x.upload", .method = "POST", .path = "/card/membercard/userinfo/get"};
    const struct http_file file = {
        .name = "media", .filename = "a.png", .content_type = "image/png", .bytes = STR("PNG")};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request request = {.call = &upload, .query = STR("type=image"), .file = &file};
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    request.account = &b.account;
    request.until = deadline_in(DEADLINE_MS);
    assert_int_equal(wechat_call(b.wechat, &request, &answer, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "?access_token=TOKEN-one&type=image HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests[1], "?access_token=TOKEN-two&type=image HTTP/1.1\r\n"));
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_non_null(strstr(b.peer.requests[i], "multipart/form-data; boundary="));
        assert_non_null(strstr(b.peer.requests[i], "\r\n\r\nPNG\r\n--"));
    }
}

static void test_client_gives_up_on_a_second_stale_token(void **state)
{
    static const struct peer_answer answers[] = {
        {200, "{\"errcode\":40001,\"errmsg\":\"TOKEN-one is bad\"}"},
        {200, "{\"errcode\":40001,\"errmsg\":\"TOKEN-two is bad\"}"}};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(call(&b, &answer, &err), ST_RETRY);
    assert_string_equal(err.code, "wechat:40001");
    assert_non_null(strstr(err.text, "(withheld)"));
    assert_int_equal(b.bad_count, 2);
}

static void test_client_waits_where_no_newer_token_comes(void **state)
{
    static const struct peer_answer answers[] = {{200, "{\"errcode\":40014}"}};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    b.tokens[1] = NULL;
    assert_int_equal(call(&b, &answer, &err), ST_WAIT);
    assert_string_equal(err.resource, "token:demo:access_token");
    assert_int_equal(b.report_count, 1);
}

static void test_client_sends_nothing_while_the_path_is_closed(void **state)
{
    static const struct peer_answer answers[] = {{200, OK_BODY}};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    b.admit = ST_WAIT;
    assert_int_equal(call(&b, &answer, &err), ST_WAIT);
    assert_int_equal(b.peer.request_count, 0);
    assert_int_equal(b.report_count, 0);
    assert_int_equal(b.tokens_given, 1); /* before the permit, which is for now */
}

/* A kept connection that dies under a call proves nothing of it: it may have been carried out. */
static void test_client_never_repeats_what_must_not_happen_twice(void **state)
{
    static const struct peer_answer answers[] = {{200, OK_BODY}, {0, ""}, {200, OK_BODY}};

    static const struct {
        enum nature nature;
        enum status rc;
        size_t requests;
    } cases[] = {
        {NATURE_READ, ST_OK, 3},
        {NATURE_REPEATABLE, ST_OK, 3},
        {NATURE_PROBE, ST_RETRY, 2},
        {NATURE_ONCE, ST_RETRY, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct call changes = {.type = "x.change",
                                     .method = "POST",
                                     .path = "/card/membercard/userinfo/get",
                                     .nature = cases[i].nature};
        AUTO(bench_done) struct bench b;
        AUTO(json_freep) struct json *first = NULL;
        AUTO(json_freep) struct json *second = NULL;
        struct wechat_request request = {.call = &changes, .body = STR("{}")};
        struct err err;

        bench_init(&b, answers, COUNT_OF(answers));
        request.account = &b.account;
        request.until = deadline_in(DEADLINE_MS);
        assert_int_equal(call(&b, &first, &err), ST_OK); /* its connection is kept */
        assert_int_equal(wechat_call(b.wechat, &request, &second, &err), cases[i].rc);
        assert_int_equal(b.peer.request_count, cases[i].requests);
    }
}

static void test_client_appends_the_query_of_a_get(void **state)
{
    static const struct peer_answer answers[] = {{200, OK_BODY}};
    static const struct call get = {
        .type = "x.get", .method = "GET", .path = "/card/membercard/userinfo/get"};
    AUTO(bench_done) struct bench b;
    AUTO(json_freep) struct json *answer = NULL;
    struct wechat_request request = {.call = &get, .body = STR("type=jsapi&x=1")};
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    b.peer.base_url[strlen(b.peer.base_url)] = '/';
    request.account = &b.account;
    request.until = deadline_in(DEADLINE_MS);
    assert_int_equal(wechat_call(b.wechat, &request, &answer, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "GET /card/membercard/userinfo/get?access_token="
                                               "TOKEN-one&type=jsapi&x=1 HTTP/1.1\r\n"));
}

static void test_client_cuts_and_cleans_foreign_texts(void **state)
{
    char body[600];
    char errmsg[500];
    const struct peer_answer answers[] = {{200, body}};
    AUTO(bench_done) struct bench b;
    struct json *answer = NULL;
    struct err err;

    (void)state;
    memset(errmsg, 'x', sizeof(errmsg) - 1);
    errmsg[sizeof(errmsg) - 1] = '\0';
    (void)snprintf(body, sizeof(body), "{\"errcode\":40056,\"errmsg\":\"a\\nb\\u0007 %s\"}",
                   errmsg);
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(call(&b, &answer, &err), ST_REJECT);
    assert_non_null(strstr(err.text, "member.get: 40056, invalid serial code: a b  xxx"));
    assert_true(strlen(err.text) <= 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_sends_what_the_platform_wants),
        cmocka_unit_test(test_client_takes_a_missing_errcode_for_success),
        cmocka_unit_test(test_client_judges_by_errcode),
        cmocka_unit_test(test_client_closes_the_path_as_long_as_the_code_asks),
        cmocka_unit_test(test_client_repeats_once_with_a_newer_token),
        cmocka_unit_test(test_client_sends_a_file_again_with_a_newer_token),
        cmocka_unit_test(test_client_gives_up_on_a_second_stale_token),
        cmocka_unit_test(test_client_waits_where_no_newer_token_comes),
        cmocka_unit_test(test_client_sends_nothing_while_the_path_is_closed),
        cmocka_unit_test(test_client_never_repeats_what_must_not_happen_twice),
        cmocka_unit_test(test_client_appends_the_query_of_a_get),
        cmocka_unit_test(test_client_cuts_and_cleans_foreign_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
