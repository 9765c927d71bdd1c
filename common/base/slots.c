/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks grow with their number: few things take little, many take few blocks. */
#include "base/slots.h"

#include "base/mem.h"

#include <sanitizer/asan_interface.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

enum { FIRST_COUNT = 8, COUNT_MAX = 1024 };

struct slots_block {
    struct slots_block *next;
    alignas(max_align_t) char bytes[];
};

void slots_init(struct slots *s, size_t size)
{
    const size_t align = alignof(max_align_t);

    *s = (struct slots){.size = (size + align - 1) / align * align, .count = FIRST_COUNT};
}

void slots_done(struct slots *s)
{
    while (s->blocks) {
        struct slots_block *next = s->blocks->next;

        mem_free(s->blocks);
        s->blocks = next;
    }
    slots_init(s, s->size);
}

static bool add_block(struct slots *s)
{
    struct slots_block *block = mem_alloc(sizeof(*block) + s->count * s->size);

    if (!block)
        return false;
    ASAN_POISON_MEMORY_REGION(block->bytes, s->count * s->size);
    block->next = s->blocks;
    s->blocks = block;
    s->fresh = s->count;
    if (s->count < COUNT_MAX)
        s->count *= 2;
    return true;
}

static void *take(struct slots *s)
{
    void *slot = s->given;

    if (slot) {
        ASAN_UNPOISON_MEMORY_REGION(slot, s->size);
        memcpy(&s->given, slot, sizeof(s->given));
        return slot;
    }
    if (s->fresh == 0 && !add_block(s))
        return NULL;
    slot = s->blocks->bytes + --s->fresh * s->size;
    ASAN_UNPOISON_MEMORY_REGION(slot, s->size);
    return slot;
}

void *slots_alloc(struct slots *s, size_t size)
{
    void *slot;

    if (size > s->size)
        return mem_zalloc(size);
    slot = take(s);
    if (slot)
        memset(slot, 0, size);
    return slot;
}

void slots_give(struct slots *s, void *memory, size_t size)
{
    if (size > s->size) {
        mem_free(memory);
    } else if (memory) {
        memcpy(memory, &s->given, sizeof(s->given));
        s->given = memory;
        ASAN_POISON_MEMORY_REGION(memory, s->size);
    }
}
