/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen a moment ago: a bounded set of keys, each forgotten after its time or when room is
 * needed (oldest first). Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

/* NULL: no memory. capacity 0 remembers nothing. */
struct recent *recent_new(size_t capacity);
void recent_free(struct recent *r);
DECLARE_FREEP(struct recent, recent_free)

bool recent_has(struct recent *r, struct str key, int64_t now_ms);
/* Remembers key until now_ms + ttl_ms; short of memory it forgets instead. */
void recent_add(struct recent *r, struct str key, int64_t now_ms, int64_t ttl_ms);
