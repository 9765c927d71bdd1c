/* SPDX-License-Identifier: Apache-2.0 */
/* What the account's kind lets it do. Nobody can ask for the kind itself; reads that do no harm and
 * the quota of calls that would are answered with 48001 and 76022 where it is the wrong one. */
#include "check_live.h"
#include "check_ping.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ERRCODE_CLOSED = 48001, ERRCODE_NO_MENU = 46003, ERRCODE_NO_PERMISSION = 76022 };

enum { BODY_MAX = 256 };

/* Its quota is asked, unless it is a read. */
static const struct {
    const char *type;
    const char *without; /* what there is not without it */
} CALLS[] = {
    {"menu.get", "no menu by the API: an unverified subscription account"},
    {"user.list", "no list of followers: an account that is not verified; import members from a "
                  "CSV file, not from followers"},
    {"member.get", "no member data, so nothing of kabao-member: the card feature is not whole"},
    {"member.activate", "no activation of cards: the card feature is not whole; leave activation = "
                        "none, and take cards that WeChat activates"},
    {"member.update", "no points on cards: the card feature is not whole"},
    {"qrcode.create", "no bindings by QR code (bind.start, verify.start): it takes a verified "
                      "service account"},
    {"message.custom", "no customer messages, so no codes and texts by kabao-bind: it takes a "
                       "verified account"},
    {"message.template", "no template messages: it takes a service account that has them opened in "
                         "the console"},
};

struct tally {
    size_t open;
    size_t limited;
    size_t unknown;     /* WeChat says nothing of it */
    int64_t least_left; /* of the calls with a limit */
    const char *least;
};

static void tell_closed(struct check_live *l, size_t call, const struct err *err)
{
    live_line(l, CHECK_NOTE, "calls", "%s is not open to this account (%s): %s", CALLS[call].type,
              err->code, CALLS[call].without);
}

/* A read: what it answers is of no interest. False, as the next one: WeChat does not answer as it
 * should, and more calls would only say the same. */
static bool probe_read(struct check_live *l, size_t call, struct tally *t)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct err err = {0};
    enum status rc = live_ask(l, CALLS[call].type, (struct str){NULL, 0}, &answer, &err);

    if (rc == ST_OK || live_is_code(&err, ERRCODE_NO_MENU))
        t->open++;
    else if (live_is_code(&err, ERRCODE_CLOSED))
        tell_closed(l, call, &err);
    else
        live_fail(l, "calls", &err);
    return rc == ST_OK || live_is_code(&err, ERRCODE_NO_MENU) || live_is_code(&err, ERRCODE_CLOSED);
}

static void note_quota(struct check_live *l, size_t call, const struct json *answer,
                       struct tally *t)
{
    int64_t limit = 0;
    int64_t left = 0;
    const enum quota_left state = quota_judge(answer, &limit, &left);

    t->open++;
    if (state == QUOTA_UNSAID)
        return;
    if (state == QUOTA_LOW)
        live_line(l, CHECK_NOTE, "calls",
                  "%s: %" PRId64 " of today's %" PRId64 " are left, until midnight in China: look "
                  "for who else makes these calls; [quota] spreads kabao's",
                  CALLS[call].type, left, limit);
    if (t->limited++ == 0 || left < t->least_left) {
        t->least_left = left;
        t->least = CALLS[call].type;
    }
}

static bool probe_quota(struct check_live *l, size_t call, struct tally *t)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct err err = {0};
    char body[BODY_MAX];
    enum status rc;

    (void)snprintf(body, sizeof(body), "{\"cgi_path\":\"%s\"}", call_find(CALLS[call].type)->path);
    rc = live_ask(l, "quota.get", str_from(body), &answer, &err);
    if (rc == ST_OK)
        note_quota(l, call, answer, t);
    else if (live_is_code(&err, ERRCODE_NO_PERMISSION))
        tell_closed(l, call, &err);
    else if (rc == ST_REJECT || live_is_code(&err, ERRCODE_CLOSED))
        t->unknown++;
    else
        live_fail(l, "calls", &err);
    return rc == ST_OK || rc == ST_REJECT || live_is_code(&err, ERRCODE_CLOSED);
}

static void sum_up(struct check_live *l, const struct tally *t)
{
    char least[128] = "WeChat names no limit";

    if (t->limited > 0)
        (void)snprintf(least, sizeof(least), "the least left today is %" PRId64 ", of %s",
                       t->least_left, t->least);
    live_line(l, CHECK_OK, "calls", "%zu of %zu kinds are open, %zu not known; %s", t->open,
              COUNT_OF(CALLS), t->unknown, least);
}

void live_calls(struct check_live *l)
{
    struct tally t = {0};
    bool goes_on = true;

    for (size_t i = 0; i < COUNT_OF(CALLS) && goes_on; i++) {
        const struct call *call = call_find(CALLS[i].type);
        const bool is_read = call->nature == NATURE_READ && strcmp(call->method, "GET") == 0;

        goes_on = is_read ? probe_read(l, i, &t) : probe_quota(l, i, &t);
    }
    if (goes_on)
        sum_up(l, &t);
}
