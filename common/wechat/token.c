/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that make tokens. The AppSecret goes into a body or a query and nowhere else. */
#include "wechat/token.h"

#include "codec/jsonw.h"
#include "config/secret.h"
#include "http/url.h"
#include "wechat/errors.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    CLOSED_MS = 60 * 1000,
    SECRET_MAX = 4096,
    REQUEST_MAX = 16 * 1024,
    /* WeChat's tokens live two hours; twice that is no longer an answer to believe. */
    LIFE_MAX_S = 2 * 7200,
    RESOURCE_SIZE = sizeof(((struct err *)NULL)->resource),
};

/* The account is the caller's to add. */
#define TICKET_RESOURCE "wechat:/cgi-bin/ticket/getticket"

/* Letters, digits and what a query takes as it stands, so that the token needs no encoding. */
static bool token_is_sane(struct str token)
{
    static const char others[] = "-._~!*'(),;:@/=$|";

    if (str_is_empty(token) || token.len >= TOKEN_MAX)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!alphanumeric && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return true;
}

/* member names what holds the token: "access_token" or "ticket". */
static enum status read_grant(const struct json *answer, const char *member,
                              struct token_grant *out, struct err *err)
{
    struct str token = json_get_str(answer, member);
    int64_t expires_in_s = 0;

    if (!token_is_sane(token))
        return err_retry(err, "wechat:garbage", "%s is missing, too long or of odd characters",
                         member);
    if (!json_get_i64(answer, "expires_in", &expires_in_s) || expires_in_s < 1 ||
        expires_in_s > LIFE_MAX_S)
        return err_retry(err, "wechat:garbage", "expires_in of the %s is not within 1..%d", member,
                         (int)LIFE_MAX_S);
    (void)str_copy(token, out->token.text, sizeof(out->token.text));
    token_fingerprint(token, out->token.fingerprint);
    out->expires_in_s = expires_in_s;
    return ST_OK;
}

static void token_resource(const struct account *account, char out[RESOURCE_SIZE])
{
    (void)snprintf(out, RESOURCE_SIZE, "token:%s:%s", account->name, token_kind_name(TOKEN_ACCESS));
}

/* What only an operator can mend, but without a restart: closed for a minute, then tried again. */
static enum status wait_for_operator(const struct account *account, const char *code,
                                     const char *text, struct err *err)
{
    char resource[RESOURCE_SIZE];

    token_resource(account, resource);
    (void)err_wait(err, resource, deadline_in(CLOSED_MS), "%s", text);
    (void)snprintf(err->code, sizeof(err->code), "%s", code);
    return ST_WAIT;
}

/* A secret may be read while it is being replaced, so that a bad one is a wait. */
static enum status read_secret(const struct account *account, const char *key, const char *path,
                               struct buf *out, struct err *err)
{
    struct err detail = {0};
    char setting[80];

    (void)snprintf(setting, sizeof(setting), "[account %s] %s", account->name, key);
    if (secret_read(setting, path, out, &detail) != ST_OK)
        return wait_for_operator(account, "setting", detail.text, err);
    for (size_t i = 0; i < out->len; i++)
        if (out->ptr[i] <= ' ' || out->ptr[i] > '~') {
            (void)snprintf(detail.text, sizeof(detail.text), "%s: bytes that no secret has",
                           setting);
            return wait_for_operator(account, "setting", detail.text, err);
        }
    return ST_OK;
}

/* One fetch with the account's own secret. */
struct fetch {
    struct http_client *http;
    const struct settings_wechat *settings;
    const struct account *account;
    const struct call *call;
    struct deadline until;
    struct str secret;
};

/* At a token's own fetch a "bad token" is a bad secret. */
static enum status refuse_fetch(const struct fetch *f, const struct json *answer, int errcode,
                                struct err *err)
{
    char resource[RESOURCE_SIZE];
    char code[sizeof(err->code)];
    char text[sizeof(err->text)];
    const struct wechat_refusal refusal = {
        .call = f->call,
        .answer = answer,
        .errcode = errcode,
        .resource = resource,
        .secret = f->secret,
    };

    if (errcode_find(errcode, f->call)->class != ERRCODE_TOKEN) {
        token_resource(f->account, resource);
        return wechat_refuse(&refusal, err);
    }
    (void)snprintf(code, sizeof(code), "wechat:%d", errcode);
    (void)snprintf(text, sizeof(text),
                   "%s: %d, AppSecret wrong: compare [account %s] secret_file with the console",
                   f->call->type, errcode, f->account->name);
    return wait_for_operator(f->account, code, text, err);
}

static enum status run_fetch(const struct fetch *f, const struct http_request *request,
                             struct token_grant *out, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    int errcode = 0;
    enum status rc;

    rc = wechat_exchange(f->http, request,
                         deadline_min(f->until, deadline_in(f->settings->timeout_ms)), &answer,
                         &errcode, err);
    if (rc != ST_OK)
        return rc;
    if (errcode != 0)
        return refuse_fetch(f, answer, errcode, err);
    return read_grant(answer, "access_token", out, err);
}

static enum status no_room(const struct call *call, struct err *err)
{
    return err_retry(err, "memory", "%s: no room for the request", call->type);
}

static enum status fetch_stable(const struct fetch *f, bool force, struct token_grant *out,
                                struct err *err)
{
    AUTO(buf_done_secret) struct buf url = BUF_INIT(REQUEST_MAX);
    AUTO(buf_done_secret) struct buf body = BUF_INIT(REQUEST_MAX);
    struct jsonw w = {.out = &body};
    struct http_request request = {
        .method = f->call->method,
        .content_type = "application/json",
    };

    wechat_url(f->settings, f->call, &url);
    jsonw_object(&w);
    jsonw_key_str(&w, "grant_type", STR("client_credential"));
    jsonw_key_str(&w, "appid", str_from(f->account->appid));
    jsonw_key_str(&w, "secret", f->secret);
    jsonw_key_bool(&w, "force_refresh", force);
    jsonw_object_end(&w);
    if (!buf_ok(&url) || !buf_ok(&body))
        return no_room(f->call, err);
    request.url = url.ptr;
    request.body = buf_str(&body);
    return run_fetch(f, &request, out, err);
}

static enum status fetch_classic(const struct fetch *f, struct token_grant *out, struct err *err)
{
    AUTO(buf_done_secret) struct buf url = BUF_INIT(REQUEST_MAX);
    struct http_request request = {.method = f->call->method};

    wechat_url(f->settings, f->call, &url);
    buf_add_cstr(&url, "?grant_type=client_credential&appid=");
    url_encode(str_from(f->account->appid), &url);
    buf_add_cstr(&url, "&secret=");
    url_encode(f->secret, &url);
    if (!buf_ok(&url))
        return no_room(f->call, err);
    request.url = url.ptr;
    return run_fetch(f, &request, out, err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status token_fetch(struct http_client *http, const struct settings_wechat *settings,
                        const struct account *account, enum token_api api, bool force,
                        struct deadline until, struct token_grant *out, struct err *err)
{
    AUTO(buf_done_secret) struct buf secret = BUF_INIT(SECRET_MAX);
    struct fetch fetch = {
        .http = http,
        .settings = settings,
        .account = account,
        .call = api == TOKEN_API_STABLE ? &CALL_TOKEN_STABLE : &CALL_TOKEN_CLASSIC,
        .until = until,
    };
    enum status rc;

    rc = read_secret(account, "secret_file", account->secret_file, &secret, err);
    if (rc != ST_OK)
        return rc;
    fetch.secret = buf_str(&secret);
    if (api == TOKEN_API_STABLE)
        return fetch_stable(&fetch, force, out, err);
    return fetch_classic(&fetch, out, err);
}

/* A hub's refusals, in terms of the account's settings. */
static enum status refuse_hub(const struct account *account, struct err *err)
{
    char code[sizeof(err->code)];
    char text[sizeof(err->text)];

    if (strcmp(err->code, "http:401") != 0 && strcmp(err->code, "http:403") != 0)
        return ST_RETRY;
    memcpy(code, err->code, sizeof(code));
    (void)snprintf(text, sizeof(text),
                   "the token hub refuses the bearer token: check [account %s] "
                   "token_url_bearer_file",
                   account->name);
    return wait_for_operator(account, code, text, err);
}

static enum status run_hub(struct http_client *http, const struct account *account,
                           const struct http_request *request, struct deadline until,
                           struct token_grant *out, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    char code[sizeof(err->code)];
    int errcode = 0;
    enum status rc;

    rc = wechat_exchange(http, request, until, &answer, &errcode, err);
    if (rc == ST_RETRY)
        return refuse_hub(account, err);
    if (rc != ST_OK)
        return rc;
    if (errcode != 0) {
        (void)snprintf(code, sizeof(code), "hub:%d", errcode);
        return err_retry(err, code, "the token hub of account %s answers with errcode %d",
                         account->name, errcode);
    }
    return read_grant(answer, "access_token", out, err);
}

enum status token_fetch_hub(struct http_client *http, const struct account *account,
                            struct deadline until, struct token_grant *out, struct err *err)
{
    AUTO(buf_done_secret) struct buf bearer = BUF_INIT(SECRET_MAX);
    AUTO(buf_done_secret) struct buf value = BUF_INIT(SECRET_MAX + sizeof("Bearer "));
    struct header authorization = {.name = STR("Authorization")};
    struct http_request request = {
        .method = "GET",
        .url = account->token_url,
        .headers = &authorization,
    };
    enum status rc;

    if (account->token_url == NULL)
        return wait_for_operator(account, "setting", "token_url of the account is not set", err);
    if (account->token_url_bearer_file != NULL) {
        rc = read_secret(account, "token_url_bearer_file", account->token_url_bearer_file, &bearer,
                         err);
        if (rc != ST_OK)
            return rc;
        buf_add_cstr(&value, "Bearer ");
        buf_add(&value, buf_str(&bearer));
        request.header_count = 1;
    }
    if (!buf_ok(&value))
        return err_retry(err, "memory", "no room for the request to the token hub");
    authorization.value = buf_str(&value);
    return run_hub(http, account, &request, until, out, err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status token_fetch_ticket(struct http_client *http, const struct settings_wechat *settings,
                               const struct token *access, enum token_kind kind,
                               struct deadline until, struct token_grant *out, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    AUTO(buf_done_secret) struct buf url = BUF_INIT(REQUEST_MAX);
    struct http_request request = {.method = CALL_TICKET_GET.method};
    struct wechat_refusal refusal = {
        .call = &CALL_TICKET_GET,
        .resource = TICKET_RESOURCE,
        .secret = str_from(access->text),
    };
    enum status rc;

    assert(kind != TOKEN_ACCESS);
    wechat_url(settings, &CALL_TICKET_GET, &url);
    buf_addf(&url, "?access_token=%s&type=%s", access->text, token_kind_name(kind));
    if (!buf_ok(&url))
        return no_room(&CALL_TICKET_GET, err);
    request.url = url.ptr;
    rc = wechat_exchange(http, &request, deadline_min(until, deadline_in(settings->timeout_ms)),
                         &answer, &refusal.errcode, err);
    if (rc != ST_OK)
        return rc;
    refusal.answer = answer;
    if (refusal.errcode != 0)
        return wechat_refuse(&refusal, err);
    return read_grant(answer, "ticket", out, err);
}
