/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for many small things that stay for long. Taken from malloc one by one they end up between
 * what comes and goes with each request, and malloc has to work harder for all of that
 * (tests/bench/README.md, commands). Here they lie in blocks of their own. Not thread-safe. */
#pragma once

#include "base/attr.h"

#include <stddef.h>

struct slots_block;

struct slots {
    size_t size;  /* of a slot; what is larger has memory of its own */
    size_t count; /* slots of the next block */
    size_t fresh; /* slots of the newest block never given out: its first ones */
    struct slots_block *blocks;
    void *given; /* back: each begins with the address of the next */
};

/* size 0: no slots, everything has memory of its own. */
void slots_init(struct slots *s, size_t size);
/* Nothing may be in use that is larger than a slot. */
void slots_done(struct slots *s);
/* Zeroed, aligned for any type; NULL when memory is short. */
MUST_CHECK void *slots_alloc(struct slots *s, size_t size);
/* Back, with the size it was asked for; a slot is kept for the next to ask. NULL is fine. */
void slots_give(struct slots *s, void *memory, size_t size);
