/* SPDX-License-Identifier: Apache-2.0 */
#include "run/retry.h"

static int64_t ceiling(const struct retry_policy *policy, int64_t attempt)
{
    int64_t delay_ms = policy->initial_ms;

    for (int64_t i = 1; i < attempt && delay_ms < policy->max_ms; i++)
        delay_ms *= 2;
    return delay_ms < policy->max_ms ? delay_ms : policy->max_ms;
}

bool retry_next(const struct retry_policy *policy, int64_t attempt, uint64_t random,
                int64_t *delay_ms)
{
    int64_t most = ceiling(policy, attempt);

    if (attempt >= policy->max_attempts)
        return false;
    *delay_ms = most - (int64_t)(random % (uint64_t)(most / 2 + 1));
    return true;
}
