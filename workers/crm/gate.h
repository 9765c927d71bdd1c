/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a webhook may go out now: the CRM may have asked to wait, be away, or have stopped a type
 * of event for good. In this process. Not thread-safe: the caller's lock guards it. */
#pragma once

#include "base/err.h"
#include "base/map.h"
#include "http/client.h"
#include "run/breaker.h"

struct gate {
    struct deadline closed_until; /* by Retry-After; only moves later */
    struct breaker breaker;
    struct map *gone; /* the types answered with 410 */
};

MUST_CHECK enum status gate_open(struct gate *gate, struct err *err);
void gate_close(struct gate *gate);

/* ST_WAIT on resource "crm" while it is closed, or dark (run/breaker.h: one probe a second goes
 * through). ST_REJECT "crm:410" for a type that is stopped. */
MUST_CHECK enum status gate_admit(struct gate *gate, struct str type, struct err *err);

/* One webhook that was sent. */
struct gate_call {
    struct str type;
    int64_t began_ms;               /* monotonic */
    uint64_t key_hash;              /* of the record */
    const struct http_reply *reply; /* status 0: none came */
};

enum gate_news { GATE_NOTHING, GATE_CLOSED, GATE_DARK, GATE_GONE };

/* What http_client_send returned, turned into the verdict on the record; err is that of the send
 * and becomes that of the verdict. *news is what is worth a line in the log.
 *
 * - 2xx: ST_OK.
 * - 429, 503 with Retry-After: ST_WAIT for all records; a 429 without one: 1 s.
 * - Nothing was sent (connection, TLS): ST_WAIT, it is not the record's fault.
 * - 408, other 5xx, time-out, cut: ST_RETRY; ST_WAIT where the CRM is dark.
 * - Other 3xx and 4xx: ST_REJECT "crm:<status>"; 410 stops the type, which is news once.
 *
 * Retry-After counts for an hour at most. */
MUST_CHECK enum status gate_judge(struct gate *gate, const struct gate_call *call, enum status rc,
                                  enum gate_news *news, struct err *err);
