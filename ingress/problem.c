/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of problems, one row each. */
#include "problem.h"

#include "base/attr.h"
#include "codec/jsonw.h"
#include "codec/utf8.h"

enum { URI_MAX = 128, INSTANCE_MAX = 1024 };

#define PROBLEM_BASE "https://schemas.kabao.example/problems/"

static const struct problem_def KINDS[PROBLEM_KINDS] = {
    [PROBLEM_ACCOUNT] = {422, "account", "No such account", "api_account"},
    [PROBLEM_BROKER] = {503, "broker", "Not acknowledged by the broker", "api_broker"},
    [PROBLEM_CONFIRM] = {422, "confirm", "Confirmation is missing", "api_confirm"},
    [PROBLEM_CONFLICT] = {409, "conflict", "The same request is still open", "api_conflict"},
    [PROBLEM_CONNECTIONS] = {503, "connections", "Too many connections", "api_connections"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Not allowed for this client", "api_forbidden"},
    [PROBLEM_HTTP] = {400, "http", "Malformed request", "api_http"},
    [PROBLEM_IDEMPOTENCY] = {422, "idempotency", "Idempotency-Key was used for another request",
                             "api_idempotency"},
    [PROBLEM_IDEMPOTENCY_KEY] = {400, "idempotency-key", "Idempotency-Key is missing or malformed",
                                 "api_idempotency_key"},
    [PROBLEM_JSON] = {400, "json", "The body is no JSON object", "api_json"},
    [PROBLEM_MEDIA_TYPE] = {415, "media-type", "The body must be application/json",
                            "api_media_type"},
    [PROBLEM_MEMORY] = {503, "memory", "Out of memory", "api_memory"},
    [PROBLEM_METHOD] = {405, "method", "Method not allowed", "api_method"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found", "api_not_found"},
    [PROBLEM_NO_KEY] = {503, "no-key", "Not set up to read tokens", "api_no_key"},
    [PROBLEM_NO_TOKEN] = {503, "no-token", "No valid token at the moment", "api_no_token"},
    [PROBLEM_REFILLING] = {503, "refilling", "Not ready yet", "api_refilling"},
    [PROBLEM_REPLY_TO] = {422, "reply-to", "Topic not allowed for replies", "api_reply_to"},
    [PROBLEM_SCENE_OVER] = {410, "scene-over", "The scene is over", "api_scene_over"},
    [PROBLEM_SCHEMA] = {422, "schema", "The body does not fit its schema", "api_schema"},
    [PROBLEM_STOPPING] = {503, "stopping", "Stopping", "api_stopping"},
    [PROBLEM_TOO_LARGE] = {413, "too-large", "The body is too large", "api_too_large"},
    [PROBLEM_TOO_MANY] = {429, "too-many", "Too many requests in hand", "api_too_many"},
    [PROBLEM_TYPE] = {404, "type", "No such command", "api_type"},
    [PROBLEM_UNAUTHORIZED] = {401, "unauthorized", "No valid bearer token", "api_unauthorized"},
};

const struct problem_def *problem_def(enum problem_kind kind)
{
    return &KINDS[kind];
}

static void write_errors(const struct problem *p, struct jsonw *w)
{
    jsonw_key(w, STR("errors"));
    jsonw_array(w);
    jsonw_object(w);
    jsonw_key_str(w, "pointer", p->pointer);
    jsonw_key_str(w, "detail", p->fault);
    jsonw_object_end(w);
    jsonw_array_end(w);
}

void problem_write(const struct problem *p, struct str instance, struct buf *out)
{
    const struct problem_def *def = problem_def(p->kind);
    AUTO(buf_done) struct buf type = BUF_INIT(URI_MAX);
    struct jsonw w = {.out = out};

    buf_addf(&type, "%s%s", PROBLEM_BASE, def->type);
    jsonw_object(&w);
    jsonw_key_str(&w, "type", buf_str(&type));
    jsonw_key_str(&w, "title", str_from(def->title));
    jsonw_key_i64(&w, "status", def->status);
    jsonw_key_str(&w, "detail", p->detail);
    if (instance.len <= INSTANCE_MAX && utf8_valid(instance))
        jsonw_key_str(&w, "instance", instance);
    if (str_is_set(p->pointer))
        write_errors(p, &w);
    jsonw_key_str(&w, "reason", p->reason);
    if (p->errcode != 0)
        jsonw_key_i64(&w, "errcode", p->errcode);
    jsonw_object_end(&w);
}
