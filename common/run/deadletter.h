/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: original key, value and headers byte for byte, with provenance (conventions, "Dead
 * letters"). */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/header.h"
#include "kafka/record.h"

struct deadletter {
    const struct record *record;
    const char *worker;
    const char *group;
    int64_t attempts;
    int64_t crashes;
    int64_t first_failed_ms; /* wall */
    int64_t last_failed_ms;
    const struct err *err; /* reason, code, text */
    const char *effect;    /* of which nobody knows whether it happened; NULL or "": none */
};

/* The original headers, then ours in place of those of an earlier death; first-failure fields
 * already there stay. Memory in the arena; absent (NULL, count 0) when it is short. */
const struct header *deadletter_headers(const struct deadletter *d, struct arena *arena,
                                        size_t *count);
