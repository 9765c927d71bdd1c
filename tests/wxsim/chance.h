/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that a seed repeats (splitmix64): for scripts and populations, never for tokens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

static inline struct chance chance_seeded(uint64_t seed)
{
    return (struct chance){seed};
}

uint64_t chance_u64(struct chance *c);
uint32_t chance_below(struct chance *c, uint32_t limit); /* 0..limit-1; limit > 0 */
bool chance_hit(struct chance *c, double probability);
/* count letters of the NUL-terminated alphabet and a NUL: out holds count + 1. */
void chance_text(struct chance *c, const char *alphabet, char *out, size_t count);
