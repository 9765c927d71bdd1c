/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl check --live: the accounts, one after the other. */
#include "check_live.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CALL_MS = 10000, WHAT_SIZE = 128, WAIT_ON_TERMINAL_S = 300 };

void live_line(struct check_live *l, enum check_state state, const char *what, const char *fmt, ...)
{
    char text[FINDING_SIZE + 128];
    char line[WHAT_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)snprintf(line, sizeof(line), "%s %s", l->account->name, what);
    check_line(l->report, state, line, str_from(text));
}

void live_fail(struct check_live *l, const char *what, const struct err *err)
{
    if (l->is_refused)
        live_line(l, CHECK_SKIP, what, "not asked: the token is refused");
    else
        live_line(l, CHECK_FAIL, what, "%s%s", err->text, live_hint(err));
}

const char *live_hint(const struct err *err)
{
    return strncmp(err->code, "http:", 5) == 0
               ? "; can this machine reach it? Name service, firewall, proxy, [wechat] base_url"
               : "";
}

bool live_is_code(const struct err *err, int errcode)
{
    char code[sizeof(err->code)];

    (void)snprintf(code, sizeof(code), "wechat:%d", errcode);
    return strcmp(err->code, code) == 0;
}

/* struct wechat_env */

/* NOLINTNEXTLINE(readability-function-size): as struct wechat_env has it */
static enum status give_token(void *arg, const struct account *account UNUSED,
                              enum token_kind kind UNUSED, const char *older,
                              struct deadline until UNUSED, struct token *out, struct err *err)
{
    const struct check_live *l = arg;

    if (older)
        return err_retry(err, "token", "the token is refused");
    *out = l->token;
    return ST_OK;
}

static void note_bad(void *arg, const struct account *account UNUSED, enum token_kind kind UNUSED,
                     const char *fingerprint UNUSED)
{
    struct check_live *l = arg;

    if (!l->is_refused)
        live_line(l, CHECK_FAIL, "token",
                  "WeChat refuses the token that was current a moment ago: another system fetches "
                  "tokens of this account with force, or by the classic call; let it take kabao's "
                  "(GET /v1/accounts/%s/access-token), or kabao its (token_source = url)",
                  l->account->name);
    l->is_refused = true;
}

static enum status admit(void *arg UNUSED, const struct account *account UNUSED,
                         const char *path UNUSED, struct err *err UNUSED)
{
    return ST_OK;
}

static void report(void *arg UNUSED, const struct account *account UNUSED, const char *path UNUSED,
                   int errcode UNUSED, int64_t took_ms UNUSED)
{
}

enum status live_ask(struct check_live *l, const char *type, struct str body, struct json **answer,
                     struct err *err)
{
    const struct wechat_request request = {
        .account = l->account,
        .call = call_find(type),
        .body = body,
        .until = deadline_in(CALL_MS),
    };

    if (l->is_refused)
        return err_retry(err, "token", "the token is refused");
    return wechat_call(l->wechat, &request, answer, err);
}

/* In order */

static void skip_rest(struct check_live *l)
{
    static const char *const lines[] = {"cards", "calls", "menu", "replies", "network"};

    for (size_t i = 0; i < COUNT_OF(lines); i++)
        live_line(l, CHECK_SKIP, lines[i], "not asked: no token");
}

static void check_account(struct check_live *l)
{
    live_token(l);
    if (l->has_token) {
        live_cards(l);
        live_calls(l);
        live_console(l);
    } else {
        skip_rest(l);
    }
    live_callback(l);
    explicit_bzero(&l->token, sizeof(l->token));
}

static enum status open_client(const struct ctl *ctl, struct http_share *share,
                               struct http_client **out, struct err *err)
{
    const struct http_client_conf conf = {
        .ca_file = ctl->settings->wechat.ca_file,
        .connect_timeout_ms = ctl->settings->wechat.connect_timeout_ms,
    };

    if (!share)
        return err_fatal(err, "memory", "out of memory");
    return http_client_open(&conf, share, out, err);
}

static void check_one(struct check_report *r, const struct account *account,
                      struct http_client *http)
{
    struct check_live l = {.report = r, .account = account, .http = http};

    l.env = (struct wechat_env){
        .arg = &l, .token = give_token, .token_bad = note_bad, .admit = admit, .report = report};
    l.wechat = wechat_new(&r->ctl->settings->wechat, http, &l.env);
    if (l.wechat)
        check_account(&l);
    else
        r->broken = true;
    wechat_free(l.wechat);
}

/* On a terminal somebody is there to make a push, once all is well. */
static int64_t wait_s(const struct check_report *r)
{
    const bool is_watched = !r->ctl->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);

    if (r->ctl->wait_s > 0)
        return r->ctl->wait_s;
    return is_watched && r->failed == 0 ? WAIT_ON_TERMINAL_S : 0;
}

static void check_accounts(struct check_report *r, const struct account *const *accounts,
                           size_t count)
{
    AUTO(http_share_freep) struct http_share *share = http_share_new();
    struct http_client *http = NULL;
    struct err err = {0};
    enum status rc = open_client(r->ctl, share, &http, &err);

    if (rc != ST_OK)
        check_line(r, CHECK_FAIL, "live", str_from(err.text));
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        check_one(r, accounts[i], http);
    http_client_close(http);
}

void check_live(struct check_report *r)
{
    const struct settings *settings = r->ctl->settings;
    const struct account **accounts =
        mem_array(settings->account_count + 1, sizeof(struct account *));
    size_t count = 0;
    int64_t for_s;

    if (!accounts) {
        r->broken = true;
        return;
    }
    for (size_t i = 0; i < settings->account_count; i++)
        if (!str_is_set(r->ctl->account) ||
            str_eq_cstr(r->ctl->account, settings->accounts[i].name))
            accounts[count++] = &settings->accounts[i];
    check_accounts(r, accounts, count);
    for_s = wait_s(r);
    if (for_s > 0 && count > 0)
        check_push(r, accounts, count, for_s);
    mem_free(accounts);
}
