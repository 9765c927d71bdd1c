/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MAX_MS = 3600 * 1000, WAIT_DEFAULT_MS = 1000 };

enum { GONE = 410, TOO_MANY_REQUESTS = 429, UNAVAILABLE = 503 };

static const char RESOURCE[] = "crm";

enum status gate_open(struct gate *gate, struct err *err)
{
    gate->gone = map_new();
    return gate->gone ? ST_OK : err_fatal(err, "memory", "out of memory");
}

void gate_close(struct gate *gate)
{
    map_free(gate->gone, NULL);
}

static enum status refuse(int status, struct err *err)
{
    char code[16];

    (void)snprintf(code, sizeof(code), "crm:%d", status);
    return err_reject(err, REASON_REJECTED, code, "the CRM refused it: HTTP %d", status);
}

enum status gate_admit(struct gate *gate, struct str type, struct err *err)
{
    int64_t until_ms = 0;

    if (map_get(gate->gone, type))
        return err_reject(err, REASON_REJECTED, "crm:410",
                          "the CRM wants no more events of this type, until the program restarts");
    if (gate->closed_until.at_ms != 0 && !deadline_passed(gate->closed_until))
        return err_wait(err, RESOURCE, gate->closed_until, "the CRM asked to wait");
    if (breaker_admit(&gate->breaker, clock_mono_ms(), &until_ms) == BREAKER_DARK)
        return err_wait(err, RESOURCE, (struct deadline){until_ms}, "the CRM does not answer");
    return ST_OK;
}

/* The cause's text and code stay, so that the log tells what is wrong. */
static enum status wait_until(struct deadline until, struct err *err)
{
    const struct err cause = *err;

    (void)err_wait(err, RESOURCE, until, "%s", cause.text);
    (void)str_copy(str_from(cause.code), err->code, sizeof(err->code));
    return ST_WAIT;
}

static struct deadline retry_after(const struct http_reply *reply)
{
    int64_t ms = reply->retry_after_s < 0 ? WAIT_DEFAULT_MS : reply->retry_after_s * 1000;

    return deadline_in(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS);
}

static enum status close_for_all(struct gate *gate, const struct http_reply *reply,
                                 enum gate_news *news, struct err *err)
{
    struct deadline until = retry_after(reply);

    if (gate->closed_until.at_ms == 0 || deadline_passed(gate->closed_until))
        *news = GATE_CLOSED;
    if (until.at_ms > gate->closed_until.at_ms)
        gate->closed_until = until;
    return wait_until(gate->closed_until, err);
}

static bool is_for_all(const struct http_reply *reply)
{
    return reply->status == TOO_MANY_REQUESTS ||
           (reply->status == UNAVAILABLE && reply->retry_after_s >= 0);
}

/* What happened on this side says nothing about the CRM. */
static bool is_ours(const struct err *err)
{
    static const char *const codes[] = {"http:cut", "http:url", "http:header", "memory"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

/* An answer that was thought of is light, whatever it says; what a gateway says for an application
 * that is away is not. True: the CRM has just become dark. */
static bool note_light(struct gate *gate, const struct gate_call *call, enum status rc)
{
    bool was_dark = breaker_is_dark(&gate->breaker);
    bool ok = rc != ST_RETRY || call->reply->status == TOO_MANY_REQUESTS;

    breaker_report(&gate->breaker, call->began_ms, clock_mono_ms(), ok, call->key_hash);
    return !was_dark && breaker_is_dark(&gate->breaker);
}

static enum status judge_failure(struct gate *gate, struct err *err)
{
    struct deadline latest = deadline_in(WAIT_MAX_MS);

    if (breaker_is_dark(&gate->breaker))
        return wait_until((struct deadline){gate->breaker.probe_ms}, err);
    if (http_client_sent_nothing(err))
        return wait_until(deadline_in(BREAKER_PROBE_MS), err);
    if (err->until.at_ms > latest.at_ms)
        err->until = latest;
    return ST_RETRY;
}

static enum status judge_refusal(struct gate *gate, const struct gate_call *call,
                                 enum gate_news *news, struct err *err)
{
    int status = call->reply->status;

    if (status == 0)
        return ST_REJECT; /* http:size and its like */
    /* Calls in hand may hear it together. Short of memory the CRM is asked and answers again. */
    if (status == GONE && !map_get(gate->gone, call->type) &&
        map_put(gate->gone, call->type, gate, NULL))
        *news = GATE_GONE;
    return refuse(status, err);
}

enum status gate_judge(struct gate *gate, const struct gate_call *call, enum status rc,
                       enum gate_news *news, struct err *err)
{
    *news = GATE_NOTHING;
    if (rc != ST_OK && call->reply->status == 0 && is_ours(err))
        return rc;
    if (note_light(gate, call, rc))
        *news = GATE_DARK;
    if (rc == ST_OK)
        return ST_OK;
    if (is_for_all(call->reply))
        return close_for_all(gate, call->reply, news, err);
    if (rc == ST_RETRY)
        return judge_failure(gate, err);
    return judge_refusal(gate, call, news, err);
}
