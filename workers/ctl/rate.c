/* SPDX-License-Identifier: Apache-2.0 */
#include "rate.h"

#include "base/clock.h"

enum { BURST_NS = 200000000, NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* 0: no limit. */
static int64_t interval_of(const struct rate *rate)
{
    return rate->per_s > 0 ? NS_PER_S / rate->per_s : rate->interval_ns;
}

bool rate_take(struct rate *rate)
{
    const int64_t now_ns = clock_mono_ns();

    if (interval_of(rate) == 0)
        return true;
    if (rate->next_ns > now_ns)
        return false;
    if (rate->next_ns < now_ns - BURST_NS)
        rate->next_ns = now_ns - BURST_NS;
    rate->next_ns += interval_of(rate);
    return true;
}

int rate_left_ms(const struct rate *rate)
{
    const int64_t left_ns = rate->next_ns - clock_mono_ns();

    return interval_of(rate) == 0 || left_ns <= 0 ? 0 : (int)((left_ns - 1) / NS_PER_MS) + 1;
}
