/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a ceiling. Failure (ceiling, memory) is sticky and checked once; the
 * addition that failed and all after it leave the contents as they were. What is added must not lie
 * in the buffer itself. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *ptr; /* NUL stands at ptr[len] whenever ptr is set */
    size_t len;
    size_t size;
    size_t max; /* bytes it holds at most, the NUL not counted; 0 holds nothing */
    bool failed;
};

#define BUF_INIT(max_bytes) \
    {                       \
        .max = (max_bytes)  \
    }

void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* length 0, failure forgotten, memory kept */
void buf_add(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_add_i64(struct buf *b, int64_t value);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for count more bytes, for writers that fill in place; NULL when it cannot be had.
 * The room counts only after buf_grew(used). */
char *buf_room(struct buf *b, size_t count);
void buf_grew(struct buf *b, size_t used);
struct str buf_str(const struct buf *b); /* borrowed until the next change; never absent */
bool buf_ok(const struct buf *b);
/* Overwrites the contents before they are freed. */
void buf_done_secret(struct buf *b);
