/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator's one door, with a seam through which tests make it fail. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Touched by tests only; in production the load below always sees 0. */
static atomic_size_t allocations_to_failure;
static atomic_bool failure_is_sticky;

static bool must_fail(void)
{
    size_t left = atomic_load_explicit(&allocations_to_failure, memory_order_relaxed);

    while (left > 0) {
        const bool fails = left == 1;
        const size_t next = fails && atomic_load(&failure_is_sticky) ? 1 : left - 1;

        if (atomic_compare_exchange_weak(&allocations_to_failure, &left, next))
            return fails;
    }
    return false;
}

void *mem_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *mem_zalloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    size_t total;

    if (must_fail() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    return calloc(1, total > 0 ? total : 1);
}

void *mem_resize(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    return realloc(old, size > 0 ? size : 1);
}

void *mem_copy(const void *from, size_t size)
{
    void *copy = mem_alloc(size);

    if (copy != NULL && size > 0)
        memcpy(copy, from, size);
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_copy(text, strlen(text) + 1);
}

void mem_free(void *memory)
{
    free(memory);
}

void mem_free_secret(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    explicit_bzero(memory, size);
    free(memory);
}

void mem_freep(void *pointer_to_pointer)
{
    void *memory = NULL;

    memcpy(&memory, pointer_to_pointer, sizeof(memory));
    free(memory);
}

void mem_fail_at(size_t nth, bool sticky)
{
    atomic_store(&failure_is_sticky, sticky);
    atomic_store(&allocations_to_failure, nth);
}
