/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: exponential back-off with full jitter and a ceiling. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t initial_ms;
    int64_t max_ms;
    int64_t max_attempts;
};

/* attempt: how many were made (1 after the first failure). random: any 64 bits. False: no more
 * attempts; else *delay_ms is between half of and the whole of min(max_ms, initial_ms *
 * 2^(attempt-1)). */
bool retry_next(const struct retry_policy *policy, int64_t attempt, uint64_t random,
                int64_t *delay_ms);
