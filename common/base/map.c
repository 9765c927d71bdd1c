/* SPDX-License-Identifier: Apache-2.0 */
/* Text to pointer over uthash, whose list of entries is kept in order of insertion. */
#include "base/map.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/slots.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* uthash reports a failed addition by leaving hh.tbl NULL. */
#define HASH_NONFATAL_OOM      1
#define uthash_malloc(size)    mem_alloc(size)
#define uthash_free(ptr, size) mem_free(ptr)

#include <uthash.h>

struct map_entry {
    UT_hash_handle hh;
    void *value;
    size_t key_len;
    char key[];
};

/* Secret of one map: strangers who choose keys must not be able to choose collisions. */
struct seed {
    uint64_t k0;
    uint64_t k1;
};

struct map {
    struct seed seed;
    struct slots slots; /* of entries */
    struct map_entry *entries;
    struct map_entry *taken; /* kept until the next change, so that map_next() works on it */
};

/* SipHash-1-3: one round per word, three at the end (https://github.com/veorq/SipHash). */
static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static unsigned hash(struct seed seed, struct str key)
{
    uint64_t v[4] = {
        seed.k0 ^ UINT64_C(0x736f6d6570736575),
        seed.k1 ^ UINT64_C(0x646f72616e646f6d),
        seed.k0 ^ UINT64_C(0x6c7967656e657261),
        seed.k1 ^ UINT64_C(0x7465646279746573),
    };
    const char *at = key.ptr;
    size_t left = key.ptr != NULL ? key.len : 0;
    uint64_t word;

    for (; left >= sizeof(word); left -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sip_word(v, word);
        at += sizeof(word);
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    sip_word(v, word | (uint64_t)key.len << 56);
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return (unsigned)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

static struct map *make(size_t slot_size)
{
    struct map *m = mem_zalloc(sizeof(*m));

    if (m == NULL)
        return NULL;
    rand_bytes(&m->seed, sizeof(m->seed));
    slots_init(&m->slots, slot_size);
    return m;
}

struct map *map_new(void)
{
    return make(0);
}

struct map *map_new_packed(void)
{
    return make(sizeof(struct map_entry) + MAP_PACKED_KEY_MAX);
}

static void entry_free(struct map *m, struct map_entry *entry)
{
    if (entry != NULL)
        slots_give(&m->slots, entry, sizeof(*entry) + entry->key_len);
}

static void forget_taken(struct map *m)
{
    entry_free(m, m->taken);
    m->taken = NULL;
}

void map_free(struct map *m, void (*free_value)(void *value))
{
    struct map_entry *entry;

    if (m == NULL)
        return;
    entry = m->entries;
    HASH_CLEAR(hh, m->entries);
    while (entry != NULL) {
        struct map_entry *next = entry->hh.next;

        if (free_value != NULL)
            free_value(entry->value);
        entry_free(m, entry);
        entry = next;
    }
    forget_taken(m);
    slots_done(&m->slots);
    mem_free(m);
}

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): the sizes of
 * the three below are those of uthash's macros. */
static struct map_entry *find(const struct map *m, struct str key)
{
    const char *bytes = key.ptr != NULL ? key.ptr : "";
    struct map_entry *entry = NULL;

    if (key.len > UINT_MAX)
        return NULL;
    HASH_FIND_BYHASHVALUE(hh, m->entries, bytes, key.len, hash(m->seed, key), entry);
    return entry;
}

static bool add(struct map *m, struct map_entry *entry)
{
    const unsigned value = hash(m->seed, map_key(entry));

    HASH_ADD_KEYPTR_BYHASHVALUE(hh, m->entries, entry->key, entry->key_len, value, entry);
    return entry->hh.tbl != NULL;
}

static void take_out(struct map *m, struct map_entry *entry)
{
    HASH_DELETE(hh, m->entries, entry);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

static struct map_entry *entry_new(struct map *m, struct str key, void *value)
{
    struct map_entry *entry;

    if (key.len > UINT_MAX)
        return NULL;
    entry = slots_alloc(&m->slots, sizeof(*entry) + key.len);
    if (entry == NULL)
        return NULL;
    entry->value = value;
    entry->key_len = key.len;
    if (key.len > 0)
        memcpy(entry->key, key.ptr, key.len);
    return entry;
}

void *map_get(const struct map *m, struct str key)
{
    const struct map_entry *entry = find(m, key);

    return entry != NULL ? entry->value : NULL;
}

bool map_put(struct map *m, struct str key, void *value, void **old)
{
    struct map_entry *entry = find(m, key);
    void *replaced = NULL;

    if (entry != NULL) {
        replaced = entry->value;
        entry->value = value;
    } else {
        entry = entry_new(m, key, value);
        if (entry == NULL)
            return false;
        if (!add(m, entry)) {
            entry_free(m, entry);
            return false;
        }
        forget_taken(m);
    }
    if (old != NULL)
        *old = replaced;
    return true;
}

void *map_take(struct map *m, struct str key)
{
    struct map_entry *entry = find(m, key);

    if (entry == NULL)
        return NULL;
    take_out(m, entry);
    forget_taken(m);
    m->taken = entry;
    return entry->value;
}

size_t map_len(const struct map *m)
{
    return HASH_COUNT(m->entries);
}

struct map_entry *map_first(const struct map *m)
{
    return m->entries;
}

struct map_entry *map_next(const struct map_entry *entry)
{
    return entry->hh.next;
}

struct str map_key(const struct map_entry *entry)
{
    return str_of(entry->key, entry->key_len);
}

void *map_value(const struct map_entry *entry)
{
    return entry->value;
}
