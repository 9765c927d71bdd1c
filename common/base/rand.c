/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers straight from the kernel. */
#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t len)
{
    unsigned char *at = out;

    while (len > 0) {
        const ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        len -= (size_t)got;
    }
}

uint64_t rand_u64(void)
{
    uint64_t value;

    rand_bytes(&value, sizeof(value));
    return value;
}

uint32_t rand_below(uint32_t limit)
{
    uint32_t reject_below;
    uint32_t value;

    assert(limit > 0);
    /* 2^32 mod limit: without the values below it, every remainder is as likely as every other. */
    reject_below = (UINT32_MAX - limit + 1) % limit;
    do {
        rand_bytes(&value, sizeof(value));
    } while (value < reject_below);
    return value % limit;
}

void rand_pool_take(struct rand_pool *pool, void *out, size_t len)
{
    assert(len <= sizeof(pool->bytes));
    if (len > pool->left) {
        rand_bytes(pool->bytes, sizeof(pool->bytes));
        pool->left = sizeof(pool->bytes);
    }
    pool->left -= len;
    memcpy(out, pool->bytes + pool->left, len);
}
