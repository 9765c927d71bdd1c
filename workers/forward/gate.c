/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include "base/rand.h"
#include "base/str.h"

#include <stdio.h>

enum { RETRY_AFTER_MAX_MS = 600 * 1000, STAND_BACK_SECONDS = 4 };

static const char RESOURCE[] = "forward";

/* Not all that wait at the same moment, and whoever was tried not first again. */
static struct deadline stand_back(const struct gate *gate)
{
    return (struct deadline){gate->breaker.probe_ms +
                             rand_below(BREAKER_PROBE_MS * STAND_BACK_SECONDS)};
}

enum status gate_admit(struct gate *gate, struct err *err)
{
    int64_t until_ms = 0;

    if (breaker_admit(&gate->breaker, clock_mono_ms(), &until_ms) == BREAKER_DARK)
        return err_wait(err, RESOURCE, stand_back(gate), "the old system does not take pushes");
    return ST_OK;
}

/* The cause's text and code stay, so that the log tells what is wrong. */
static enum status wait_until(struct deadline until, struct err *err)
{
    const struct err cause = *err;

    (void)err_wait(err, RESOURCE, until, "%s", cause.text);
    (void)snprintf(err->code, sizeof(err->code), "%s", cause.code);
    return ST_WAIT;
}

static enum status try_again(const struct gate_call *call, struct err *err)
{
    const struct err cause = *err;
    const struct deadline latest = deadline_in(RETRY_AFTER_MAX_MS);

    if (!answer_may_pass(call->answer, call->status) && call->attempt >= GATE_TRIES)
        return err_reject(err, REASON_EXHAUSTED, cause.code, "%s", cause.text);
    (void)err_retry(err, cause.code, "%s", cause.text);
    err->until = cause.until.at_ms > latest.at_ms ? latest : cause.until;
    return ST_RETRY;
}

enum status gate_judge(struct gate *gate, const struct gate_call *call, enum status rc,
                       bool *darkened, struct err *err)
{
    const bool was_dark = breaker_is_dark(&gate->breaker);
    const bool taken = answer_is_taken(call->answer);

    *darkened = false;
    if (call->answer == ANSWER_NONE)
        return rc;
    breaker_report(&gate->breaker, call->began_ms, clock_mono_ms(), taken, call->key_hash);
    if (taken)
        return ST_OK;
    if (breaker_is_dark(&gate->breaker)) {
        *darkened = !was_dark;
        return wait_until(stand_back(gate), err);
    }
    if (call->answer == ANSWER_UNREACHABLE)
        return wait_until(deadline_in(BREAKER_PROBE_MS), err);
    return try_again(call, err);
}
