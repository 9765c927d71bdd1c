/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that dies together: a list of blocks, the newest first. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Two pages with the headers of block and allocator: most messages need no second block. */
enum { BLOCK_SIZE = 8192 - 64 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

void arena_done(struct arena *a)
{
    struct arena_block *block = a->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;

        mem_free(block);
        block = next;
    }
    *a = (struct arena){.max = a->max};
}

void arena_reset(struct arena *a)
{
    struct arena_block *block = a->blocks;

    while (block != NULL && block->next != NULL) {
        struct arena_block *next = block->next;

        mem_free(block);
        block = next;
    }
    if (block != NULL)
        block->used = 0;
    a->blocks = block;
    a->used = 0;
}

/* Padding before the next allocation of the newest block. */
static size_t padding(const struct arena *a, size_t align)
{
    const size_t used = a->blocks != NULL ? a->blocks->used : 0;

    return (align - used % align) % align;
}

static bool add_block(struct arena *a, size_t size)
{
    const size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct arena_block *block;

    if (room > SIZE_MAX - sizeof(*block))
        return false;
    block = mem_alloc(sizeof(*block) + room);
    if (block == NULL)
        return false;
    block->next = a->blocks;
    block->used = 0;
    block->size = room;
    a->blocks = block;
    return true;
}

static void *take(struct arena *a, size_t size, size_t align)
{
    size_t pad = padding(a, align);
    size_t room = a->blocks != NULL ? a->blocks->size - a->blocks->used : 0;
    void *memory;

    if (a->max != 0 && size > a->max - a->used)
        return NULL;
    if (a->blocks == NULL || pad > room || size > room - pad) {
        if (!add_block(a, size))
            return NULL;
        pad = 0;
    }
    memory = (char *)a->blocks->data + a->blocks->used + pad;
    a->blocks->used += pad + size;
    a->used += size;
    return memory;
}

void *arena_alloc(struct arena *a, size_t size)
{
    /* A pointer of its own even for nothing. */
    const size_t wanted = size > 0 ? size : 1;
    void *memory = take(a, wanted, _Alignof(max_align_t));

    if (memory != NULL)
        memset(memory, 0, wanted);
    return memory;
}

struct str arena_dup(struct arena *a, struct str s)
{
    return str_of(arena_cstr(a, s), s.len);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *copy;

    if (s.ptr == NULL || s.len == SIZE_MAX)
        return NULL;
    copy = take(a, s.len + 1, 1);
    if (copy != NULL)
        (void)str_copy(s, copy, s.len + 1);
    return copy;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0)
        text = take(a, (size_t)len + 1, 1);
    if (text == NULL)
        return (struct str){0};
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return str_of(text, (size_t)len);
}
