/* SPDX-License-Identifier: Apache-2.0 */
/* No more than so many a second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate {
    int64_t per_s;       /* 0: no limit, or interval_ns says */
    int64_t interval_ns; /* what is slower than one a second; 0: per_s says */
    int64_t next_ns;     /* 0 at first */
};

/* True: now is one's turn. Turns that nobody took are kept for 200 ms. */
bool rate_take(struct rate *rate);
/* To the next turn, rounded up; 0: now. */
int rate_left_ms(const struct rate *rate);
