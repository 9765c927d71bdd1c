/* SPDX-License-Identifier: Apache-2.0 */
/* A growing buffer with a ceiling. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_FIRST = 64 };

void buf_done(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_done_secret(struct buf *b)
{
    mem_free_secret(b->ptr, b->size);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->ptr != NULL)
        b->ptr[0] = '\0';
}

/* The size for len bytes and the NUL: doubled, so that many small additions cost little. */
static size_t size_for(const struct buf *b, size_t len)
{
    size_t size = b->size > 0 ? b->size : SIZE_FIRST;

    while (size <= len)
        size = size > SIZE_MAX / 2 ? SIZE_MAX : size * 2;
    return size - 1 > b->max ? b->max + 1 : size;
}

/* Moves by hand: what realloc leaves behind may be a secret. */
static bool grow(struct buf *b, size_t size)
{
    char *grown = mem_alloc(size);

    if (grown == NULL)
        return false;
    if (b->len > 0)
        memcpy(grown, b->ptr, b->len);
    grown[b->len] = '\0';
    mem_free_secret(b->ptr, b->size);
    b->ptr = grown;
    b->size = size;
    return true;
}

/* Makes room for count bytes and the NUL. */
static bool reserve(struct buf *b, size_t count)
{
    if (b->failed)
        return false;
    if (count > b->max - b->len || count >= SIZE_MAX - b->len) {
        b->failed = true;
        return false;
    }
    if (b->len + count >= b->size && !grow(b, size_for(b, b->len + count)))
        b->failed = true;
    return !b->failed;
}

void buf_add(struct buf *b, struct str s)
{
    if (!reserve(b, s.len))
        return;
    if (s.len > 0)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    buf_grew(b, s.len);
}

void buf_add_cstr(struct buf *b, const char *text)
{
    buf_add(b, str_from(text));
}

void buf_add_char(struct buf *b, char c)
{
    if (!reserve(b, 1))
        return;
    b->ptr[b->len] = c;
    buf_grew(b, 1);
}

void buf_add_i64(struct buf *b, int64_t value)
{
    char text[24];
    const int len = snprintf(text, sizeof(text), "%" PRId64, value);

    buf_add(b, str_of(text, (size_t)len));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        b->failed = true;
    if (len < 0 || !reserve(b, (size_t)len))
        return;
    va_start(args, fmt);
    (void)vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf_grew(b, (size_t)len);
}

char *buf_room(struct buf *b, size_t count)
{
    return reserve(b, count) ? b->ptr + b->len : NULL;
}

void buf_grew(struct buf *b, size_t used)
{
    assert(used < b->size - b->len);
    b->len += used;
    b->ptr[b->len] = '\0';
}

struct str buf_str(const struct buf *b)
{
    return b->ptr != NULL ? str_of(b->ptr, b->len) : STR("");
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}
