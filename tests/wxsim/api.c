/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/api.h"

#include "base/hex.h"
#include "base/rand.h"
#include "codec/utf8.h"
#include "http/url.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

#include <string.h>

enum { ANSWER_MAX = 1024 * 1024, TOKEN_MIN = 16 };

struct str sim_call_str(const struct sim_call *call, const char *field)
{
    return json_get_str(call->body, field);
}

struct str sim_call_param(const struct sim_call *call, const char *name)
{
    return url_query(call->request.query, name, call->request.arena);
}

static enum sim_token_state state_in(const struct sim_account *account, struct str token,
                                     int64_t now_ms)
{
    const enum sim_token_state state = sim_token_check(&account->stable, token, now_ms);

    return state != SIM_TOKEN_UNKNOWN ? state
                                      : sim_token_check(&account->by_classic, token, now_ms);
}

/* The account that a token was made for, good or not. */
static struct sim_account *account_of_token(const struct sim_call *call, struct str token)
{
    const struct map *accounts = call->world->accounts;

    for (const struct map_entry *e = map_first(accounts); e != NULL; e = map_next(e))
        if (state_in(map_value(e), token, call->now_ms) != SIM_TOKEN_UNKNOWN)
            return map_value(e);
    return NULL;
}

static struct sim_account *find_account(const struct sim_call *call)
{
    const struct str token = sim_call_param(call, "access_token");
    struct str appid = sim_call_param(call, "appid");

    if (!str_is_empty(token))
        return account_of_token(call, token);
    if (!str_is_set(appid))
        appid = sim_call_str(call, "appid");
    return sim_world_account(call->world, appid);
}

void sim_call_open(struct sim_call *call, struct sim_world *world,
                   const struct sim_request *request)
{
    struct err err;

    *call = (struct sim_call){
        .world = world,
        .request = *request,
        .now_ms = sim_world_now_ms(world),
        .def = sim_calls_find(request->path),
        .answer = BUF_INIT(ANSWER_MAX),
    };
    if (call->def != NULL && call->def->form)
        sim_multipart_parse(request->content_type, request->body, &call->form);
    else if (!str_is_empty(request->body) && json_parse(request->body, &call->body, &err) != ST_OK)
        call->body = NULL;
    call->account = find_account(call);
}

void sim_call_done(struct sim_call *call)
{
    json_free(call->body);
    call->body = NULL;
    buf_done(&call->answer);
}

static bool is_token_text(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        const char c = token.ptr[i];
        const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return token.len >= TOKEN_MIN && token.len <= SIM_TOKEN_MAX;
}

static int check_token(const struct sim_call *call)
{
    const struct str token = sim_call_param(call, "access_token");

    if (call->def->no_token)
        return SIM_OK;
    if (str_is_empty(token))
        return SIM_NO_TOKEN;
    if (!is_token_text(token))
        return SIM_MALFORMED_TOKEN;
    if (call->account == NULL)
        return SIM_BAD_TOKEN;
    switch (state_in(call->account, token, call->now_ms)) {
    case SIM_TOKEN_GOOD: return SIM_OK;
    case SIM_TOKEN_EXPIRED: return SIM_EXPIRED_TOKEN;
    case SIM_TOKEN_RETIRED:
    case SIM_TOKEN_UNKNOWN: break;
    }
    return SIM_BAD_TOKEN;
}

static int check_permission(const struct sim_call *call)
{
    const bool closed =
        !call->def->no_token && sim_account_is_closed(call->account, str_from(call->def->path));

    return closed ? SIM_NOT_ALLOWED : SIM_OK;
}

static int check_method(const struct sim_call *call)
{
    if (call->request.method == call->def->method)
        return SIM_OK;
    return call->def->method == HTTP_GET ? SIM_NEEDS_GET : SIM_NEEDS_POST;
}

/* True when the JSON text writes a character beyond ASCII as \uXXXX (wechat-api 0: refused). */
static bool has_escaped_text(struct str json)
{
    for (size_t i = 0; i + 1 < json.len; i++) {
        uint8_t unit[2];

        if (json.ptr[i] != '\\')
            continue;
        i++;
        if (json.ptr[i] == 'u' && i + 4 < json.len &&
            hex_parse(str_of(json.ptr + i + 1, 4), unit, sizeof(unit)) &&
            (unit[0] != 0 || unit[1] >= 0x80))
            return true;
    }
    return false;
}

static int check_body(const struct sim_call *call)
{
    if (call->def->method != HTTP_POST)
        return SIM_OK;
    if (str_is_empty(call->request.body))
        return SIM_EMPTY_BODY;
    if (call->def->form)
        return call->form.well_formed ? SIM_OK : SIM_NO_MEDIA;
    if (!utf8_valid(call->request.body) || !json_is(call->body, JSON_OBJECT))
        return SIM_BAD_JSON;
    return has_escaped_text(call->request.body) ? SIM_ESCAPED_TEXT : SIM_OK;
}

static int check_fields(const struct sim_call *call)
{
    return sim_fields_check(call->body, call->def->fields, call->def->field_count, false);
}

/* The platform may well overlook a field that it does not know; a test must not overlook the
 * misspelt one that was meant. */
static int check_names(const struct sim_call *call)
{
    if (call->def->method != HTTP_POST || call->def->open || call->def->form)
        return SIM_OK;
    return sim_names_check(call->body, call->def->fields, call->def->field_count);
}

static int spend_quota(const struct sim_call *call)
{
    struct sim_quota *quota;

    if (call->account == NULL)
        return SIM_OK;
    quota = sim_account_quota(call->account, str_from(call->def->path));
    return quota != NULL ? sim_quota_spend(quota, call->now_ms) : SIM_BUSY;
}

static int carry_out(struct sim_call *call)
{
    int errcode;

    call->w = (struct jsonw){.out = &call->answer};
    jsonw_object(&call->w);
    if (!call->def->bare) {
        jsonw_key_i64(&call->w, "errcode", 0);
        jsonw_key_str(&call->w, "errmsg", STR("ok"));
    }
    errcode = call->def->fn(call);
    jsonw_object_end(&call->w);
    return errcode == SIM_OK && !buf_ok(&call->answer) ? SIM_BUSY : errcode;
}

/* In the platform's order: the token before anything else. */
static int check(const struct sim_call *call)
{
    static int (*const checks[])(const struct sim_call *call) = {
        check_token, check_permission, check_method, spend_quota,
        check_body,  check_fields,     check_names};
    int errcode = call->def != NULL ? SIM_OK : SIM_BAD_URL;

    for (size_t i = 0; errcode == SIM_OK && i < COUNT_OF(checks); i++)
        errcode = checks[i](call);
    return errcode;
}

void sim_call_run(struct sim_call *call)
{
    int errcode = check(call);

    if (errcode == SIM_OK)
        errcode = carry_out(call);
    call->carried_out = errcode == SIM_OK;
    if (errcode != SIM_OK)
        sim_call_fail(call, errcode, (struct str){NULL, 0});
}

void sim_call_fail(struct sim_call *call, int errcode, struct str message)
{
    struct jsonw w = {.out = &call->answer};
    AUTO(buf_done) struct buf text = BUF_INIT(1024);

    if (str_is_set(message))
        buf_add(&text, message);
    else
        buf_add_cstr(&text, sim_errcode_message(errcode));
    buf_addf(&text, " rid: %08x-%08x-%08x", (unsigned)(call->now_ms / 1000), (unsigned)rand_u64(),
             (unsigned)rand_u64());
    buf_clear(&call->answer);
    jsonw_object(&w);
    jsonw_key_i64(&w, "errcode", errcode);
    jsonw_key_str(&w, "errmsg", buf_str(&text));
    jsonw_object_end(&w);
    call->errcode = errcode;
}
