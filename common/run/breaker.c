/* SPDX-License-Identifier: Apache-2.0 */
#include "run/breaker.h"

bool breaker_is_dark(const struct breaker *b)
{
    return b->failures == BREAKER_FAILURES;
}

enum breaker_verdict breaker_admit(struct breaker *b, int64_t now_ms, int64_t *until_ms)
{
    if (!breaker_is_dark(b))
        return BREAKER_CLOSED;
    if (now_ms < b->probe_ms) {
        *until_ms = b->probe_ms;
        return BREAKER_DARK;
    }
    b->probe_ms = now_ms + BREAKER_PROBE_MS;
    return BREAKER_PROBE;
}

static bool has_failed(const struct breaker *b, uint64_t key_hash)
{
    for (int i = 0; i < b->failures; i++)
        if (b->failed[i] == key_hash)
            return true;
    return false;
}

static void succeed(struct breaker *b, int64_t now_ms)
{
    if (breaker_is_dark(b))
        b->changed_ms = now_ms;
    b->failures = 0;
}

static void fail(struct breaker *b, int64_t now_ms, uint64_t key_hash)
{
    if (breaker_is_dark(b) || has_failed(b, key_hash))
        return;
    b->failed[b->failures++] = key_hash;
    if (!breaker_is_dark(b))
        return;
    b->changed_ms = now_ms;
    b->probe_ms = now_ms + BREAKER_PROBE_MS;
}

void breaker_report(struct breaker *b, int64_t began_ms, int64_t now_ms, bool ok, uint64_t key_hash)
{
    if (began_ms <= b->changed_ms)
        return;
    if (ok)
        succeed(b, now_ms);
    else
        fail(b, now_ms, key_hash);
}
