/* SPDX-License-Identifier: Apache-2.0 */
/* The only callers of malloc outside library adapters; tests can make the n-th call fail. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL when memory is short. Size 0 yields a unique pointer. Thread-safe. */
MUST_CHECK void *mem_alloc(size_t size);
MUST_CHECK void *mem_zalloc(size_t size);
MUST_CHECK void *mem_array(size_t count, size_t size); /* zeroed, overflow-checked */
MUST_CHECK void *mem_resize(void *old, size_t size);   /* old stays valid on failure */
MUST_CHECK void *mem_copy(const void *from, size_t size);
MUST_CHECK char *mem_strdup(const char *text);
void mem_free(void *memory); /* NULL is fine */
/* Overwrites before freeing: keys, tokens, secrets. */
void mem_free_secret(void *memory, size_t size);

/* AUTO form: AUTO(mem_freep) char *p = ...; */
void mem_freep(void *pointer_to_pointer);

/* Tests: the n-th allocation from now fails (1 = next one), and all after it when sticky; 0 ends
 * it. */
void mem_fail_at(size_t nth, bool sticky);
