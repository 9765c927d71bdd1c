/* SPDX-License-Identifier: Apache-2.0 */
/* One account asked of WeChat, straight and by calls that change nothing: no worker need run. One
 * thread. */
#pragma once

#include "check.h"
#include "codec/json.h"
#include "http/client.h"
#include "wechat/client.h"

struct check_live {
    struct check_report *report;
    const struct account *account;
    struct http_client *http;
    struct wechat *wechat;
    struct wechat_env env;
    struct token token; /* wiped by whoever opened it */
    bool has_token;
    bool is_refused; /* the token: nothing more is asked */
};

/* A line "<account> <what>". */
void live_line(struct check_live *l, enum check_state state, const char *what, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* What a failed live_ask means for this line: FAIL with its words; SKIP after a refused token,
 * which has its own line, once. */
void live_fail(struct check_live *l, const char *what, const struct err *err);

/* type: of call_find; body: JSON, of a GET absent. The answer is the caller's. Status as
 * wechat_call; err->code has the errcode, "wechat:48001". */
MUST_CHECK enum status live_ask(struct check_live *l, const char *type, struct str body,
                                struct json **answer, struct err *err);
/* More to do about an error, behind its text; empty: nothing is known. */
const char *live_hint(const struct err *err);
bool live_is_code(const struct err *err, int errcode);

/* The steps, in their order; each tells its lines. */
void live_token(struct check_live *l);    /* address, secret, token */
void live_cards(struct check_live *l);    /* card feature, templates */
void live_calls(struct check_live *l);    /* what the account may do, and how often */
void live_console(struct check_live *l);  /* menu and auto-replies, exported */
void live_callback(struct check_live *l); /* the way of pushes */
