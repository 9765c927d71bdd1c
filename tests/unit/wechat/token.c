/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching tokens, against a scripted peer. */
#include "wechat/token.h"

#include "tests/unit/wechat/files.h"
#include "tests/unit/wechat/peer.h"

#define SECRET "5ec4e75ec4e75ec4e75ec4e75ec4e75e"
#define GRANT  "{\"access_token\":\"57_abc-DEF\",\"expires_in\":7200}"

enum { TIMEOUT_MS = 10000 };

struct bench {
    struct peer peer;
    struct peer_client client;
    struct settings_wechat settings;
    struct secret_file secret;
    char name[8];
    char appid[32];
    char token_url[128];
    struct account account;
};

static void bench_init(struct bench *b, const struct peer_answer *answers, size_t count)
{
    *b = (struct bench){.name = "demo", .appid = "wx0123456789abcdef"};
    peer_start(&b->peer, answers, count);
    peer_client_open(&b->client);
    secret_file_init(&b->secret, SECRET "\n");
    b->settings = (struct settings_wechat){.base_url = b->peer.base_url, .timeout_ms = TIMEOUT_MS};
    (void)snprintf(b->token_url, sizeof(b->token_url), "%s/hub?key=" SECRET, b->peer.base_url);
    b->account = (struct account){.name = b->name,
                                  .appid = b->appid,
                                  .secret_file = b->secret.path,
                                  .token_url = b->token_url,
                                  .token_url_bearer_file = b->secret.path};
}

static void bench_done(struct bench *b)
{
    peer_client_close(&b->client);
    peer_stop(&b->peer);
    secret_file_done(&b->secret);
}

/* No text of an error may show the secret or a token. */
static enum status checked(enum status rc, const struct err *err)
{
    if (rc != ST_OK) {
        assert_null(strstr(err->text, SECRET));
        assert_null(strstr(err->text, "57_abc-DEF"));
    }
    return rc;
}

static enum status fetch(struct bench *b, enum token_api api, bool force, struct token_grant *grant,
                         struct err *err)
{
    return checked(token_fetch(b->client.http, &b->settings, &b->account, api, force,
                               deadline_in(TIMEOUT_MS), grant, err),
                   err);
}

static enum status fetch_hub(struct bench *b, struct token_grant *grant, struct err *err)
{
    return checked(
        token_fetch_hub(b->client.http, &b->account, deadline_in(TIMEOUT_MS), grant, err), err);
}

static enum status fetch_ticket(struct bench *b, enum token_kind kind, struct token_grant *grant,
                                struct err *err)
{
    struct token access = {.text = "57_abc-DEF"};

    return checked(token_fetch_ticket(b->client.http, &b->settings, &access, kind,
                                      deadline_in(TIMEOUT_MS), grant, err),
                   err);
}

static void test_token_fetch_asks_the_stable_api(void **state)
{
    static const struct peer_answer answers[] = {{200, GRANT}, {200, GRANT}};
    AUTO(bench_done) struct bench b;
    struct token_grant grant;
    char fingerprint[FINGERPRINT_SIZE];
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(fetch(&b, TOKEN_API_STABLE, false, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "POST /cgi-bin/stable_token HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests[0],
                           "{\"grant_type\":\"client_credential\",\"appid\":\"wx0123456789abcdef\","
                           "\"secret\":\"" SECRET "\",\"force_refresh\":false}"));
    assert_string_equal(grant.token.text, "57_abc-DEF");
    token_fingerprint(STR("57_abc-DEF"), fingerprint);
    assert_string_equal(grant.token.fingerprint, fingerprint);
    assert_int_equal(grant.expires_in_s, 7200);
    assert_int_equal(fetch(&b, TOKEN_API_STABLE, true, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[1], "\"force_refresh\":true}"));
}

static void test_token_fetch_asks_the_classic_api(void **state)
{
    static const struct peer_answer answers[] = {{200, GRANT}};
    AUTO(bench_done) struct bench b;
    struct token_grant grant;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(fetch(&b, TOKEN_API_CLASSIC, false, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0],
                           "GET /cgi-bin/token?grant_type=client_credential&appid="
                           "wx0123456789abcdef&secret=" SECRET " HTTP/1.1\r\n"));
}

static void test_token_fetch_judges_by_errcode(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status rc;
        const char *code;
        const char *remedy;
    } cases[] = {
        {{200, "{\"errcode\":-1}"}, ST_RETRY, "wechat:-1", "busy"},
        {{200, "{\"errcode\":40001,\"errmsg\":\"invalid credential\"}"},
         ST_WAIT,
         "wechat:40001",
         "secret_file"},
        {{200, "{\"errcode\":40125,\"errmsg\":\"invalid appsecret " SECRET "\"}"},
         ST_WAIT,
         "wechat:40125",
         "secret_file"},
        {{200, "{\"errcode\":40164,\"errmsg\":\"invalid ip 1.2.3.4\"}"},
         ST_WAIT,
         "wechat:40164",
         "1.2.3.4"},
        {{200, "{\"errcode\":40013}"}, ST_WAIT, "wechat:40013", "appid"},
        {{200, "{\"errcode\":40243}"}, ST_WAIT, "wechat:40243", "unfreeze"},
        {{200, "{\"errcode\":89503}"}, ST_WAIT, "wechat:89503", "administrator"},
        {{200, "{\"errcode\":45009}"}, ST_WAIT, "wechat:45009", "quota"},
        {{200, "{\"errcode\":45011}"}, ST_WAIT, "wechat:45011", "minute"},
        {{200, "{\"errcode\":41002}"}, ST_REJECT, "wechat:41002", "appid"},
        {{500, ""}, ST_RETRY, "http:500", "127.0.0.1"},
        {{404, ""}, ST_RETRY, "http:404", "127.0.0.1"},
        {{200, "gateway"}, ST_RETRY, "wechat:garbage", "JSON"},
        {{0, ""}, ST_RETRY, "http:", "127.0.0.1"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        enum token_api api = i % 2 == 0 ? TOKEN_API_STABLE : TOKEN_API_CLASSIC;
        AUTO(bench_done) struct bench b;
        struct token_grant grant = {.expires_in_s = 77};
        struct err err = {0};
        enum status rc;

        bench_init(&b, &cases[i / 2].answer, 1);
        rc = fetch(&b, api, false, &grant, &err);
        if (rc != cases[i / 2].rc ||
            strncmp(err.code, cases[i / 2].code, strlen(cases[i / 2].code)) != 0 ||
            strstr(err.text, cases[i / 2].remedy) == NULL)
            fail_msg("%s: %s %s %s", cases[i / 2].answer.body, status_name(rc), err.code, err.text);
        if (rc == ST_WAIT)
            assert_string_equal(err.resource, "token:demo:access_token");
        assert_int_equal(grant.expires_in_s, 77);
    }
}

static void test_token_fetch_refuses_odd_grants(void **state)
{
    static const struct peer_answer answers[] = {
        {200, "{}"},
        {200, "{\"access_token\":\"57_abc-DEF\"}"},
        {200, "{\"expires_in\":7200}"},
        {200, "{\"access_token\":\"\",\"expires_in\":7200}"},
        {200, "{\"access_token\":7,\"expires_in\":7200}"},
        {200, "{\"access_token\":\"57_abc-DEF\",\"expires_in\":0}"},
        {200, "{\"access_token\":\"57_abc-DEF\",\"expires_in\":-1}"},
        {200, "{\"access_token\":\"57_abc-DEF\",\"expires_in\":14401}"},
        {200, "{\"access_token\":\"57_abc-DEF&x=1\",\"expires_in\":7200}"},
        {200, "{\"access_token\":\"57_abc-DEF x\",\"expires_in\":7200}"},
        {200, "{\"access_token\":\"57_abc-DEF\\r\\nX: y\",\"expires_in\":7200}"},
        {200, "{\"access_token\":\"57_abc-DEF\\u0000\",\"expires_in\":7200}"},
        {200, "{\"access_token\":\"会员\",\"expires_in\":7200}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        AUTO(bench_done) struct bench b;
        struct token_grant grant = {.expires_in_s = 77};
        struct err err;

        bench_init(&b, &answers[i], 1);
        if (fetch(&b, TOKEN_API_STABLE, false, &grant, &err) != ST_RETRY)
            fail_msg("accepted: %s", answers[i].body);
        assert_string_equal(err.code, "wechat:garbage");
        assert_int_equal(grant.expires_in_s, 77);
    }
}

static void test_token_fetch_bounds_the_length(void **state)
{
    for (size_t len = TOKEN_MAX - 1; len <= TOKEN_MAX; len++) {
        char body[TOKEN_MAX + 64];
        char text[TOKEN_MAX + 1] = {0};
        const struct peer_answer answer = {200, body};
        AUTO(bench_done) struct bench b;
        struct token_grant grant;
        struct err err;

        (void)state;
        memset(text, 'a', len);
        (void)snprintf(body, sizeof(body), "{\"access_token\":\"%s\",\"expires_in\":\"7200\"}",
                       text);
        bench_init(&b, &answer, 1);
        assert_int_equal(fetch(&b, TOKEN_API_STABLE, false, &grant, &err),
                         len < TOKEN_MAX ? ST_OK : ST_RETRY);
    }
}

static void test_token_fetch_waits_for_a_readable_secret(void **state)
{
    static const char *const contents[] = {"", "\n", "two words", "tab\there", "\x80\x81"};
    static const struct peer_answer answers[] = {{200, GRANT}};
    AUTO(bench_done) struct bench b;
    struct token_grant grant;
    struct err err;
    char missing[] = "/nonexistent/secret";

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        AUTO(secret_file_done) struct secret_file file;

        secret_file_init(&file, contents[i]);
        b.account.secret_file = file.path;
        assert_int_equal(fetch(&b, TOKEN_API_STABLE, false, &grant, &err), ST_WAIT);
        assert_non_null(strstr(err.text, "[account demo] secret_file"));
    }
    b.account.secret_file = missing;
    assert_int_equal(fetch(&b, TOKEN_API_STABLE, false, &grant, &err), ST_WAIT);
    assert_non_null(strstr(err.text, missing));
    b.account.secret_file = NULL;
    assert_int_equal(fetch(&b, TOKEN_API_STABLE, false, &grant, &err), ST_WAIT);
    assert_int_equal(b.peer.request_count, 0);
}

static void test_token_hub_is_asked_with_the_bearer_token(void **state)
{
    static const struct peer_answer answers[] = {{200, GRANT}, {200, GRANT}};
    AUTO(bench_done) struct bench b;
    struct token_grant grant;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(fetch_hub(&b, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0], "GET /hub?key=" SECRET " HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests[0], "\r\nAuthorization: Bearer " SECRET "\r\n"));
    assert_string_equal(grant.token.text, "57_abc-DEF");
    b.account.token_url_bearer_file = NULL;
    assert_int_equal(fetch_hub(&b, &grant, &err), ST_OK);
    assert_null(strstr(b.peer.requests[1], "Authorization"));
}

static void test_token_hub_refusals_name_the_setting(void **state)
{
    static const struct {
        struct peer_answer answer;
        enum status rc;
        const char *code;
    } cases[] = {
        {{401, ""}, ST_WAIT, "http:401"},
        {{403, GRANT}, ST_WAIT, "http:403"},
        {{404, GRANT}, ST_RETRY, "http:404"},
        {{503, ""}, ST_RETRY, "http:503"},
        {{200, "{\"errcode\":40001,\"errmsg\":\"" SECRET "\"}"}, ST_RETRY, "hub:40001"},
        {{200, "{}"}, ST_RETRY, "wechat:garbage"},
        {{200, "57_abc-DEF"}, ST_RETRY, "wechat:garbage"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(bench_done) struct bench b;
        struct token_grant grant;
        struct err err;

        bench_init(&b, &cases[i].answer, 1);
        assert_int_equal(fetch_hub(&b, &grant, &err), cases[i].rc);
        assert_string_equal(err.code, cases[i].code);
        if (cases[i].rc == ST_WAIT)
            assert_non_null(strstr(err.text, "[account demo] token_url_bearer_file"));
    }
}

static void test_token_ticket_is_fetched_with_the_token(void **state)
{
    static const struct peer_answer answers[] = {
        {200, "{\"errcode\":0,\"errmsg\":\"ok\",\"ticket\":\"HoagFKDcsGMVCIY2vOjf9-1SC\","
              "\"expires_in\":7200}"},
        {200, "{\"errcode\":0,\"errmsg\":\"ok\",\"ticket\":\"t2\",\"expires_in\":7200}"},
        {200, "{\"errcode\":40001,\"errmsg\":\"57_abc-DEF is bad\"}"},
        {200, "{\"errcode\":45009}"},
    };
    AUTO(bench_done) struct bench b;
    struct token_grant grant;
    struct err err;

    (void)state;
    bench_init(&b, answers, COUNT_OF(answers));
    assert_int_equal(fetch_ticket(&b, TOKEN_WX_CARD, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[0],
                           "GET /cgi-bin/ticket/getticket?access_token=57_abc-DEF&type=wx_card "));
    assert_string_equal(grant.token.text, "HoagFKDcsGMVCIY2vOjf9-1SC");
    assert_int_equal(fetch_ticket(&b, TOKEN_JSAPI, &grant, &err), ST_OK);
    assert_non_null(strstr(b.peer.requests[1], "&type=jsapi "));
    assert_int_equal(fetch_ticket(&b, TOKEN_JSAPI, &grant, &err), ST_RETRY);
    assert_string_equal(err.code, "wechat:40001");
    assert_int_equal(fetch_ticket(&b, TOKEN_JSAPI, &grant, &err), ST_WAIT);
    assert_string_equal(err.resource, "wechat:/cgi-bin/ticket/getticket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_fetch_asks_the_stable_api),
        cmocka_unit_test(test_token_fetch_asks_the_classic_api),
        cmocka_unit_test(test_token_fetch_judges_by_errcode),
        cmocka_unit_test(test_token_fetch_refuses_odd_grants),
        cmocka_unit_test(test_token_fetch_bounds_the_length),
        cmocka_unit_test(test_token_fetch_waits_for_a_readable_secret),
        cmocka_unit_test(test_token_hub_is_asked_with_the_bearer_token),
        cmocka_unit_test(test_token_hub_refusals_name_the_setting),
        cmocka_unit_test(test_token_ticket_is_fetched_with_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
