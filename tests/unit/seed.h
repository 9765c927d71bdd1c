/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences that can be repeated: KABAO_SEED, or one by chance; printed either way. */
#pragma once

#include "base/num.h"
#include "base/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct seed {
    uint64_t state;
};

static inline struct seed seed_start(const char *test)
{
    struct seed seed = {rand_u64()};

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "KABAO_SEED=", 11) == 0)
            (void)num_parse_u64(str_from(*variable + 11), 0, UINT64_MAX, &seed.state);
    (void)printf("%s: KABAO_SEED=%" PRIu64 "\n", test, seed.state);
    return seed;
}

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c) */
static inline uint64_t seed_next(struct seed *seed)
{
    uint64_t z = (seed->state += 0x9E3779B97F4A7C15U);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static inline size_t seed_below(struct seed *seed, size_t limit)
{
    return (size_t)(seed_next(seed) % limit);
}
