/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel (getrandom); aborts when the kernel has none. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t len);
uint64_t rand_u64(void);
uint32_t rand_below(uint32_t limit); /* 0..limit-1 without bias; limit > 0 */

enum { RAND_POOL_SIZE = 1024 };

/* Bytes fetched in bulk for those who need a few very often: ids, not keys. One thread's own, zero
 * at first; a copy, or a forked child's, gives the same bytes again. */
struct rand_pool {
    uint8_t bytes[RAND_POOL_SIZE];
    size_t left;
};

void rand_pool_take(struct rand_pool *pool, void *out, size_t len); /* len <= RAND_POOL_SIZE */
