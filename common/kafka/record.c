/* SPDX-License-Identifier: Apache-2.0 */
/* The Java client's choice of a partition. */
#include "kafka/record.h"

#include <assert.h>

/* MurmurHash2, 32 bits, as org.apache.kafka.common.utils.Utils.murmur2 has it: little-endian words,
 * its seed, multiplier and shifts. */
static const uint32_t SEED = UINT32_C(0x9747b28c);
static const uint32_t MULTIPLIER = UINT32_C(0x5bd1e995);

static uint32_t byte_at(struct str s, size_t at)
{
    return (unsigned char)s.ptr[at];
}

static uint32_t mix_word(struct str s, size_t at)
{
    uint32_t word = byte_at(s, at) | byte_at(s, at + 1) << 8 | byte_at(s, at + 2) << 16 |
                    byte_at(s, at + 3) << 24;

    word *= MULTIPLIER;
    word ^= word >> 24;
    return word * MULTIPLIER;
}

static uint32_t murmur2(struct str s)
{
    const size_t whole = s.len - s.len % 4;
    uint32_t hash = SEED ^ (uint32_t)s.len;

    for (size_t at = 0; at < whole; at += 4)
        hash = hash * MULTIPLIER ^ mix_word(s, at);
    for (size_t at = s.len; at > whole; at--)
        hash ^= byte_at(s, at - 1) << 8 * (at - 1 - whole);
    if (s.len > whole)
        hash *= MULTIPLIER;
    hash ^= hash >> 13;
    hash *= MULTIPLIER;
    return hash ^ hash >> 15;
}

int32_t record_partition(struct str key, int32_t partition_count)
{
    const uint32_t positive = murmur2(key) & (uint32_t)INT32_MAX;

    assert(partition_count > 0);
    return (int32_t)(positive % (uint32_t)partition_count);
}
