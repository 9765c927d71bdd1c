/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that dies together: one message, one request, one parsed document. Not thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;
    size_t max; /* bytes handed out at most; 0 = no ceiling */
};

#define ARENA_INIT(max_bytes) \
    {                         \
        .max = (max_bytes)    \
    }

void arena_done(struct arena *a);
void arena_reset(struct arena *a); /* all that was handed out is gone; the first block is kept */
/* Zeroed, aligned for any type; NULL when the ceiling or memory is reached. */
MUST_CHECK void *arena_alloc(struct arena *a, size_t size);
/* A copy with a closing NUL; the absent str when memory is short or s is absent. */
struct str arena_dup(struct arena *a, struct str s);
/* The same as a NUL-terminated text; NULL on failure or when s is absent. */
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
