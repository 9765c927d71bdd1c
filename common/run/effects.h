/* SPDX-License-Identifier: Apache-2.0 */
/* An effect: a call that a member, the CRM or WeChat's stock can notice, made once (design 8).
 *
 *   intent (transaction) -> call -> done with the result (transaction)
 *
 * The row of table effect outlives this process, so whoever gets the record next knows what was
 * begun: done -> its result again, no call (counted "suppressed"); an intent younger than its
 * deadline -> ST_WAIT; an older one -> by the step's nature. One way for live, redriven and
 * replayed records. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/writer.h"
#include "wechat/calls.h"

#include <stdbool.h>

struct lane;

/* How one kind of effect is made: a constant. Every function gets effect.arg. */
struct step {
    const char *name; /* column step, metric label, 32 characters at most; effects of one name and
                         identity are the same, whichever worker makes them */
    /* What an intent whose end nobody knows asks for. NATURE_REPEATABLE: send again. NATURE_PROBE:
     * `probe` tells whether it happened. NATURE_ONCE: a person must say (REASON_OUTCOME_UNKNOWN,
     * then `kabaoctl dlq replay --as done|again`). Never NATURE_READ. */
    enum nature nature;
    /* Makes the call, which must end by `until`. ST_OK: *result, in the lane's arena, is what is
     * kept of the answer (JSON object, 64 KiB at most, a larger one is not kept; absent: nothing).
     * These prove that nothing happened, and the intent is withdrawn: ST_WAIT, ST_REJECT, and
     * ST_RETRY with a WeChat errcode other than -1 or with what the HTTP client says when it sent
     * nothing. Anything else leaves it open: so what fails before the request is sent (memory, a
     * look into MySQL) is best told as ST_WAIT. Of an earlier call that was cut they prove nothing:
     * a NATURE_REPEATABLE intent that was taken over stays open until done or ST_REJECT. */
    enum status (*call)(struct lane *lane, struct deadline until, void *arg, struct str *result,
                        struct err *err);
    /* NATURE_PROBE only. *happened: nothing is sent, *result is kept as if the call had answered.
     * Fails: that is lane_effect's status; the intent stays open and may be asked about at once. */
    enum status (*probe)(struct lane *lane, struct deadline until, void *arg, bool *happened,
                         struct str *result, struct err *err);
    /* Run inside the transactions of the intent and of done; NULL: nothing. Both may run several
     * times, and must be safe to repeat: begin runs whenever this process goes on to the call or
     * the probe, so again after a withdrawal, and when an older intent is taken over. What it
     * returns other than ST_OK undoes the intent and is lane_effect's status. end runs when this
     * process writes that it happened; never after `--as done`. What it returns other than ST_OK
     * leaves the intent open, and ST_REJECT is ST_RETRY then: what happened cannot be refused. */
    writer_fn *begin;
    writer_fn *end;
    /* In place of call, NATURE_REPEATABLE, where all that happens is in the database: one
     * transaction decides, and writes done with *result (lane's arena; 64 KiB at most, which the
     * step sees to) or nothing at all. What it returns other than ST_OK undoes it and is
     * lane_effect's status. May run several times. */
    enum status (*decide)(struct db *tx, struct lane *lane, void *arg, struct str *result,
                          struct err *err);
};

struct effect {
    const struct step *step;
    /* Business identity: a command's id, or what the design says ("an activation's by the card and
     * its last receipt"). Not empty; of any length. */
    struct str identity;
    /* Of the record that asks, where another one under the same identity must be told apart
     * (conventions: Idempotency-Key); 64 characters at most; absent: not compared. */
    struct str request_hash;
    void *arg;
};

/* Makes the effect, or finds it made. ST_OK: *result (lane's arena; absent: nothing was kept),
 * *made tells whether it was this call of lane_effect that wrote it down as done, be it after a
 * call or after a probe (false: it was done before). ST_WAIT: somebody else may be at it, the call
 * has to wait (quota, token), no time was left for it, or MySQL is away. ST_RETRY: nobody knows,
 * the intent stays open; or a refusal that may be tried again, withdrawn. ST_REJECT: refused for
 * good and withdrawn (err as wechat_call's, begin's; a probe's leaves the intent open);
 * REASON_OUTCOME_UNKNOWN; code "idempotency": another request has this identity. Fenced: of a lost
 * partition nothing begins. Not for worker_tick.fn, which no fence guards: let it schedule a key.
 * NATURE_ONCE is for records only, since a person's answer comes by dead letter. What a handler
 * does around it must be safe to repeat. */
MUST_CHECK enum status lane_effect(struct lane *lane, const struct effect *effect,
                                   struct str *result, bool *made, struct err *err);

/* The effect's id: first 16 bytes, hex, of SHA-256 over step, 0x1f and identity; an identity over
 * 256 bytes stands in as the 64 hex digits of its own SHA-256. */
struct id;
void effect_id(const struct step *step, struct str identity, struct id *out);
