/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an API path of an account is dark: nothing goes out on it but one probe per second. Pure:
 * no clock, no lock; the caller's lock guards it.
 *
 * It opens when calls of BREAKER_FAILURES different keys failed with no success between them: what
 * is wrong with one record, tried again and again, says nothing about the path. It closes with the
 * first success. Only a call that began after the breaker last opened or closed says anything. A
 * success from before it opened may be an answer that a slow lane brings late, a failure from
 * before it closed a time-out of the dark time: both are ignored. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_FAILURES = 5, BREAKER_PROBE_MS = 1000 };

/* The caller's memory; zero: closed, nothing failed. Times are monotonic and above 0. */
struct breaker {
    uint64_t failed[BREAKER_FAILURES]; /* hashes of the keys that failed since the last success */
    int failures;                      /* of these in use; all of them: dark */
    int64_t changed_ms;                /* when it last opened or closed; 0: never */
    int64_t probe_ms;                  /* dark: when the next probe may go */
};

enum breaker_verdict {
    BREAKER_CLOSED, /* go */
    BREAKER_PROBE,  /* go: this call is the probe of its second */
    BREAKER_DARK    /* wait */
};

/* May a call go out now? BREAKER_PROBE takes the slot whether or not the call is ever reported, so
 * a probe that dies blocks nobody. BREAKER_DARK only: *until_ms is when the next probe may go. */
enum breaker_verdict breaker_admit(struct breaker *b, int64_t now_ms, int64_t *until_ms);
/* A call that began, was sent, at began_ms has ended. */
void breaker_report(struct breaker *b, int64_t began_ms, int64_t now_ms, bool ok,
                    uint64_t key_hash);
/* A call that failed meanwhile is no attempt of its record: it waits with the others. */
bool breaker_is_dark(const struct breaker *b);
