/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/chance.h"

#include <string.h>

uint64_t chance_u64(struct chance *c)
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint32_t chance_below(struct chance *c, uint32_t limit)
{
    return (uint32_t)(((chance_u64(c) >> 32) * limit) >> 32);
}

bool chance_hit(struct chance *c, double probability)
{
    return (double)(chance_u64(c) >> 11) < probability * 0x1p53;
}

void chance_text(struct chance *c, const char *alphabet, char *out, size_t count)
{
    const uint32_t letters = (uint32_t)strlen(alphabet);

    for (size_t i = 0; i < count; i++)
        out[i] = alphabet[chance_below(c, letters)];
    out[count] = '\0';
}
