/* SPDX-License-Identifier: Apache-2.0 */
/* A map from key to the time it is forgotten, oldest first; the time is the map's value itself. */
#include "base/recent.h"

#include "base/map.h"
#include "base/mem.h"

#include <pthread.h>

struct recent {
    pthread_mutex_t map_lock;
    struct map *map; /* guarded by map_lock */
    size_t capacity;
};

struct recent *recent_new(size_t capacity)
{
    struct recent *r = mem_zalloc(sizeof(*r));

    if (!r)
        return NULL;
    r->map = map_new();
    if (!r->map) {
        mem_free(r);
        return NULL;
    }
    r->capacity = capacity;
    (void)pthread_mutex_init(&r->map_lock, NULL);
    return r;
}

void recent_free(struct recent *r)
{
    if (!r)
        return;
    map_free(r->map, NULL);
    (void)pthread_mutex_destroy(&r->map_lock);
    mem_free(r);
}

bool recent_has(struct recent *r, struct str key, int64_t now_ms)
{
    int64_t until_ms;

    if (r->capacity == 0)
        return false;
    (void)pthread_mutex_lock(&r->map_lock);
    until_ms = (intptr_t)map_get(r->map, key);
    (void)pthread_mutex_unlock(&r->map_lock);
    return until_ms > now_ms;
}

void recent_add(struct recent *r, struct str key, int64_t now_ms, int64_t ttl_ms)
{
    void *until;

    if (r->capacity == 0)
        return;
    (void)pthread_mutex_lock(&r->map_lock);
    (void)map_take(r->map, key);
    while (map_len(r->map) >= r->capacity)
        (void)map_take(r->map, map_key(map_first(r->map)));
    /* A time, not an address: saves an allocation for each of 65,536 ids. */
    until = (void *)(intptr_t)(now_ms + ttl_ms); // NOLINT(performance-no-int-to-ptr): see above
    if (!map_put(r->map, key, until, NULL))
        (void)map_take(r->map, key);
    (void)pthread_mutex_unlock(&r->map_lock);
}
