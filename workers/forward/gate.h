/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a push may go to an account's old system now, and what its answer means for the push. In
 * this process. Not thread-safe: the caller's lock guards it. */
#pragma once

#include "answer.h"
#include "base/err.h"
#include "run/breaker.h"

/* Of a push that others before and after it get past. */
enum { GATE_TRIES = 10 };

/* Zero: open. */
struct gate {
    struct breaker breaker;
};

/* ST_WAIT while the old system is dark (run/breaker.h: one push a second at most goes
 * through). */
MUST_CHECK enum status gate_admit(struct gate *gate, struct err *err);

/* One push that was sent. */
struct gate_call {
    enum answer answer;
    int status;        /* HTTP; 0: none came */
    int64_t began_ms;  /* monotonic */
    uint64_t key_hash; /* of the record */
    int attempt;       /* of the record, 1 for the first */
};

/* err is that of the send and becomes that of the verdict. *darkened: it has just become dark.
 *
 * - Taken: ST_OK.
 * - Five keys failed, whatever the answer, with none taken between them: ST_WAIT, no attempt, until
 *   one is taken. Whoever was tried stands back, so that one bad push is not tried for all.
 * - Nothing was sent: ST_WAIT for a second, it is not the push's fault.
 * - It may pass (answer_may_pass): ST_RETRY, as often as the engine does.
 * - Anything else: ST_RETRY, and after GATE_TRIES of them ST_REJECT, REASON_EXHAUSTED.
 *
 * Retry-After counts for ten minutes at most. */
MUST_CHECK enum status gate_judge(struct gate *gate, const struct gate_call *call, enum status rc,
                                  bool *darkened, struct err *err);
