/* SPDX-License-Identifier: Apache-2.0 */
/* The way of pushes: from WeChat to the merchant's host, as WeChat itself sees it, and the ingress
 * on this machine, asked as WeChat asks when the address is saved in the console. */
#include "base/rand.h"
#include "check_live.h"
#include "check_ping.h"
#include "config/accounts.h"
#include "wechat/sign.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 5000, REPLY_MAX = 1 << 16, ECHO_SIZE = 24, TIME_SIZE = 24, URL_SIZE = 512 };

/* check_finding_fn */
static void tell_finding(void *arg, enum check_state state, const char *text)
{
    live_line(arg, state, "network", "%s", text);
}

static void ask_wechat(struct check_live *l)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct check_findings findings = {tell_finding, l};
    struct err err = {0};
    enum status rc =
        live_ask(l, "callback.check", STR("{\"action\":\"all\",\"check_operator\":\"DEFAULT\"}"),
                 &answer, &err);

    if (rc == ST_OK)
        ping_judge(answer, &findings);
    else if (rc == ST_REJECT || live_is_code(&err, 48001))
        live_line(l, CHECK_NOTE, "network",
                  "WeChat does not try the way to you (%s): it does once the callback's address is "
                  "saved in the console",
                  err.code);
    else
        live_fail(l, "network", &err);
}

/* The ingress on this machine */

/* "0.0.0.0:8080" is reached at 127.0.0.1. */
static void format_host(const char *listen, char out[128])
{
    const char *colon = strrchr(listen, ':');

    if (strncmp(listen, "0.0.0.0:", 8) == 0)
        (void)snprintf(out, 128, "127.0.0.1%s", colon);
    else if (strncmp(listen, "[::]:", 5) == 0)
        (void)snprintf(out, 128, "[::1]%s", colon);
    else
        (void)snprintf(out, 128, "%s", listen);
}

static bool format_url(const struct check_live *l, const char *host, const char *echo,
                       char out[URL_SIZE], struct err *err)
{
    AUTO(hasher_freep) struct hasher *hasher = hasher_new(HASH_SHA1);
    struct account_secrets secrets;
    char time[TIME_SIZE];
    char signature[SIGN_LEN + 1];

    if (!hasher) {
        (void)err_fatal(err, "memory", "out of memory");
        return false;
    }
    if (account_secrets_read(l->account, &secrets, err) != ST_OK)
        return false;
    (void)snprintf(time, sizeof(time), "%lld", (long long)(clock_wall_ms() / 1000));
    sign_values(
        hasher,
        (const struct str[]){str_from(secrets.callback_token), str_from(time), str_from(echo)}, 3,
        signature);
    account_secrets_done(&secrets);
    (void)snprintf(out, URL_SIZE,
                   "http://%s/wechat/%s?signature=%s&timestamp=%s&nonce=%s&echostr=%s", host,
                   l->account->name, signature, time, echo, echo);
    return true;
}

static void judge_status(struct check_live *l, const char *host, int status)
{
    switch (status) {
    case 200:
        live_line(l, CHECK_FAIL, "callback",
                  "%s answers, but not with what it was sent: something else listens there; see "
                  "[ingress] listen",
                  host);
        return;
    case 403:
        live_line(l, CHECK_FAIL, "callback",
                  "kabao-ingress at %s has another Token than callback_token_file: start it anew, "
                  "and put the same Token into the console",
                  host);
        return;
    case 404:
        live_line(
            l, CHECK_FAIL, "callback",
            "kabao-ingress at %s does not know this account: its settings are older; start it "
            "anew",
            host);
        return;
    default:
        live_line(l, CHECK_FAIL, "callback", "%s answers %d: see the log of kabao-ingress", host,
                  status);
    }
}

static void judge_silence(struct check_live *l, const char *host, const struct err *err)
{
    if (strcmp(err->code, "http:url") == 0)
        live_line(l, CHECK_SKIP, "callback",
                  "not asked: %s is no address of this machine alone; run this where the ingress "
                  "is, or try curl there",
                  host);
    else
        live_line(l, CHECK_NOTE, "callback",
                  "kabao-ingress does not answer at %s: start it before you save the address in "
                  "the console, which asks it at once (%s)",
                  host, err->code);
}

static void ask_ingress(struct check_live *l)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(REPLY_MAX);
    struct http_request request = {.method = "GET"};
    struct http_reply reply = {0};
    struct err err = {0};
    char host[128];
    char echo[ECHO_SIZE];
    char url[URL_SIZE];
    enum status rc;

    format_host(l->report->ctl->settings->ingress.listen, host);
    (void)snprintf(echo, sizeof(echo), "%llu", (unsigned long long)rand_u64());
    if (!format_url(l, host, echo, url, &err)) {
        live_line(l, CHECK_SKIP, "callback", "not asked: %s", err.text);
        return;
    }
    request.url = url;
    rc = http_client_send(l->http, &request, deadline_in(ASK_MS), &arena, &reply, &err);
    if (rc == ST_OK && str_eq_cstr(reply.body, echo))
        live_line(l, CHECK_OK, "callback", "kabao-ingress at %s passes the console's check", host);
    else if (rc == ST_OK || reply.status != 0)
        judge_status(l, host, reply.status);
    else
        judge_silence(l, host, &err);
}

void live_callback(struct check_live *l)
{
    if (l->has_token)
        ask_wechat(l);
    ask_ingress(l);
}
