/* SPDX-License-Identifier: Apache-2.0 */
/* A call from permission to verdict. */
#include "wechat/client.h"

#include "base/hex.h"
#include "base/mem.h"
#include "codec/crypto.h"
#include "codec/utf8.h"
#include "trace/span.h"
#include "wechat/errors.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    TOKEN_WAIT_MS = 5000,
    CLOSED_MS = 60 * 1000,
    URL_MAX = 16 * 1024,
    REPLY_MAX = 4 * 1024 * 1024, /* the HTTP client's own limit is lower */
    ERRMSG_MAX = 120,
    LINE_MAX_LEN = 512,
    RESOURCE_SIZE = sizeof(((struct err *)NULL)->resource),
};

struct wechat {
    const struct settings_wechat *settings;
    struct http_client *http;
    const struct wechat_env *env;
};

const char *token_kind_name(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_ACCESS: return "access_token";
    case TOKEN_JSAPI: return "jsapi";
    case TOKEN_WX_CARD: return "wx_card";
    }
    return "";
}

void token_fingerprint(struct str token, char out[FINGERPRINT_SIZE])
{
    uint8_t hash[SHA256_LEN];

    sha256(token, hash);
    hex_format(hash, (FINGERPRINT_SIZE - 1) / 2, out);
}

static void token_wipe(struct token *token)
{
    explicit_bzero(token, sizeof(*token));
}

struct wechat *wechat_new(const struct settings_wechat *settings, struct http_client *http,
                          const struct wechat_env *env)
{
    struct wechat *w = mem_zalloc(sizeof(*w));

    if (w == NULL)
        return NULL;
    w->settings = settings;
    w->http = http;
    w->env = env;
    return w;
}

void wechat_free(struct wechat *w)
{
    mem_free(w);
}

static enum status garbage(struct err *err, size_t len)
{
    return err_retry(err, "wechat:garbage", "an answer of %zu bytes is no JSON object", len);
}

static enum status read_answer(struct str body, struct json **answer, int *errcode, struct err *err)
{
    AUTO(json_freep) struct json *json = NULL;
    struct err detail = {0};
    int64_t code = 0;
    enum status rc;

    rc = json_parse(body, &json, &detail);
    if (rc == ST_RETRY) {
        *err = detail;
        return rc;
    }
    if (rc != ST_OK || !json_is(json, JSON_OBJECT))
        return garbage(err, body.len);
    if (json_get(json, "errcode") != NULL && !json_get_i64(json, "errcode", &code))
        return garbage(err, body.len);
    if (code < INT_MIN || code > INT_MAX)
        return garbage(err, body.len);
    *answer = TAKE(json);
    *errcode = (int)code;
    return ST_OK;
}

enum status wechat_exchange(struct http_client *http, const struct http_request *request,
                            struct deadline until, struct json **answer, int *errcode,
                            struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(REPLY_MAX);
    struct http_reply reply = {0};
    enum status rc;

    rc = http_client_send(http, request, until, &arena, &reply, err);
    if (rc == ST_REJECT) {
        struct err rejected = *err;

        return err_retry(err, rejected.code, "%s", rejected.text);
    }
    if (rc != ST_OK)
        return rc;
    return read_answer(reply.body, answer, errcode, err);
}

static bool repeats(struct str text, struct str secret)
{
    size_t at;

    return !str_is_empty(secret) && str_find(text, secret, &at);
}

/* Looked at before it is cut: no half of a secret is left either. */
static struct str safe_errmsg(const struct wechat_refusal *refusal)
{
    struct str errmsg = json_get_str(refusal->answer, "errmsg");

    if (repeats(errmsg, refusal->secret) || repeats(errmsg, refusal->body_secret))
        return STR("(withheld)");
    return utf8_cut(errmsg, ERRMSG_MAX);
}

static enum status closed(const struct wechat_refusal *refusal, struct deadline until,
                          const char *text, struct err *err)
{
    (void)err_wait(err, refusal->resource, until, "%s", text);
    (void)snprintf(err->code, sizeof(err->code), "wechat:%d", refusal->errcode);
    return ST_WAIT;
}

enum status wechat_refuse(const struct wechat_refusal *refusal, struct err *err)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_LEN);
    const struct errcode *row = errcode_find(refusal->errcode, refusal->call);
    struct str errmsg = safe_errmsg(refusal);
    const char *text;
    char code[sizeof(err->code)];

    (void)snprintf(code, sizeof(code), "wechat:%d", refusal->errcode);
    buf_addf(&line, "%s: %d, %s: %.*s", refusal->call->type, refusal->errcode, row->note,
             STR_ARG(errmsg));
    text = buf_str(&line).ptr;
    switch (row->class) {
    case ERRCODE_MINUTE:
    case ERRCODE_ALARM:
    case ERRCODE_DAY: /* the path's own closing (struct wechat_env) lasts longer */
        return closed(refusal, deadline_in(CLOSED_MS), text, err);
    case ERRCODE_FINAL:
    case ERRCODE_BUG: return err_reject(err, REASON_REJECTED, code, "%s", text);
    case ERRCODE_OK:
    case ERRCODE_RETRY:
    case ERRCODE_TOKEN: break;
    }
    return err_retry(err, code, "%s", text);
}

void wechat_url(const struct settings_wechat *settings, const struct call *call, struct buf *out)
{
    struct str base = str_from(settings->base_url);

    if (str_ends(base, STR("/")))
        base.len--;
    buf_add(out, base);
    buf_add_cstr(out, call->path);
}

/* Everything one try needs beside the request. */
struct attempt {
    struct token token;
    struct json *answer;
    int errcode;
};

static void attempt_done(struct attempt *a)
{
    token_wipe(&a->token);
    json_free(a->answer);
}

/* Its traceparent goes out with the request; absent: none does. */
static struct str open_span(struct str traceparent, struct span *span)
{
    struct trace cause;

    *span = (struct span){0};
    if (!log_enabled(LOG_TRACE) || !trace_parse(traceparent, &cause))
        return traceparent;
    span_open(&cause, span);
    return trace_text(&span->trace);
}

static void end_span(const struct span *span, const struct wechat_request *r,
                     const struct attempt *a, enum status rc, const struct err *err)
{
    const struct kv account = kv_cstr("account", r->account->name);
    const struct kv api = kv_cstr("api", r->call->path);

    if (rc == ST_OK)
        SPAN_END(span, SPAN_CALL, a->errcode != 0, account, api, kv_int("errcode", a->errcode));
    else
        SPAN_END(span, SPAN_CALL, true, account, api, kv_cstr("error_code", err->code));
}

static enum status exchange(struct wechat *w, const struct wechat_request *r, const char *url,
                            struct attempt *a, struct err *err)
{
    struct span span;
    const struct header trace = {STR("traceparent"), open_span(r->traceparent, &span)};
    const bool posts = strcmp(r->call->method, "POST") == 0;
    const struct http_request request = {
        .method = r->call->method,
        .url = url,
        .content_type = posts && r->file == NULL ? "application/json" : NULL,
        .body = posts ? r->body : (struct str){0},
        .file = r->file,
        .headers = &trace,
        .header_count = str_is_empty(r->traceparent) ? 0 : 1,
        .once = r->call->nature == NATURE_PROBE || r->call->nature == NATURE_ONCE,
    };
    const int64_t started_ms = clock_mono_ms();
    enum status rc;

    rc = wechat_exchange(w->http, &request,
                         deadline_min(r->until, deadline_in(w->settings->timeout_ms)), &a->answer,
                         &a->errcode, err);
    end_span(&span, r, a, rc, err);
    w->env->report(w->env->arg, r->account, r->call->path,
                   rc == ST_OK ? a->errcode : WECHAT_NO_ANSWER, clock_mono_ms() - started_ms);
    return rc;
}

static enum status send_once(struct wechat *w, const struct wechat_request *r, struct attempt *a,
                             struct err *err)
{
    AUTO(buf_done_secret) struct buf url = BUF_INIT(URL_MAX);
    const struct str query = strcmp(r->call->method, "GET") == 0 ? r->body : r->query;

    json_free(a->answer);
    a->answer = NULL;
    wechat_url(w->settings, r->call, &url);
    buf_add_cstr(&url, "?access_token=");
    buf_add_cstr(&url, a->token.text);
    if (!str_is_empty(query)) {
        buf_add_char(&url, '&');
        buf_add(&url, query);
    }
    if (!buf_ok(&url))
        return err_retry(err, "memory", "%s: no room for the address", r->call->type);
    return exchange(w, r, url.ptr, a, err);
}

/* One permitted try with the current token, or with another than the one that failed. */
static enum status try_call(struct wechat *w, const struct wechat_request *r, const char *older,
                            struct attempt *a, struct err *err)
{
    const struct wechat_env *env = w->env;
    const struct deadline until = deadline_min(r->until, r->send_by);
    enum status rc;

    rc = env->token(env->arg, r->account, TOKEN_ACCESS, older,
                    deadline_min(until, deadline_in(TOKEN_WAIT_MS)), &a->token, err);
    if (rc != ST_OK)
        return rc;
    /* Last: a permit is for now, and whoever waited for a token would use it later. */
    rc = env->admit(env->arg, r->account, r->call->path, err);
    if (rc != ST_OK)
        return rc;
    if (deadline_passed(r->send_by))
        return err_reject(err, REASON_EXPIRED, "deadline",
                          "%s: its deadline passed before it was sent", r->call->type);
    rc = send_once(w, r, a, err);
    if (rc != ST_OK)
        return rc;
    if (errcode_find(a->errcode, r->call)->class == ERRCODE_TOKEN)
        env->token_bad(env->arg, r->account, TOKEN_ACCESS, a->token.fingerprint);
    return ST_OK;
}

static enum status refuse(const struct wechat_request *r, const struct attempt *a, struct err *err)
{
    char resource[RESOURCE_SIZE];
    const struct wechat_refusal refusal = {
        .call = r->call,
        .answer = a->answer,
        .errcode = a->errcode,
        .resource = resource,
        .secret = str_from(a->token.text),
        .body_secret = r->secret,
    };

    (void)snprintf(resource, sizeof(resource), "wechat:%s:%s", r->account->name, r->call->path);
    if (r->errmsg)
        buf_add(r->errmsg, safe_errmsg(&refusal));
    return wechat_refuse(&refusal, err);
}

enum status wechat_call(struct wechat *w, const struct wechat_request *request,
                        struct json **answer, struct err *err)
{
    AUTO(attempt_done) struct attempt a = {0};
    char stale[FINGERPRINT_SIZE];
    enum status rc;

    rc = try_call(w, request, NULL, &a, err);
    if (rc != ST_OK)
        return rc;
    if (errcode_find(a.errcode, request->call)->class == ERRCODE_TOKEN) {
        memcpy(stale, a.token.fingerprint, sizeof(stale));
        rc = try_call(w, request, stale, &a, err);
        if (rc != ST_OK)
            return rc;
    }
    if (a.errcode != 0)
        return refuse(request, &a, err);
    *answer = TAKE(a.answer);
    return ST_OK;
}
