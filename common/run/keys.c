/* SPDX-License-Identifier: Apache-2.0 */
/* Entries by (partition, key) in a map; the ready ones in a list, the deferred ones in a heap. */
#include "run/keys.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum key_state { KEY_READY, KEY_RUNNING, KEY_DEFERRED };

enum { HEAP_INITIAL = 64, NAME_MAX_BYTES = INT32_MAX };

struct keys_entry {
    struct keys_entry *next_ready;
    struct keys_entry *next_all;
    struct keys_entry *prev_all;
    struct keys_item *head;
    struct keys_item *tail;
    struct str name; /* partition and key as the map knows them; absent: in no map */
    int32_t partition;
    enum key_state state;
    bool revoked;
    size_t heap_at;
    int64_t at_ms;
};

struct keys {
    struct map *map;
    struct buf scratch; /* partition and key, while they are looked up */
    struct keys_entry *all;
    size_t entries;
    struct keys_entry *ready_head;
    struct keys_entry *ready_tail;
    size_t ready;
    struct keys_entry **heap;
    size_t heap_count;
    size_t heap_size;
};

struct keys *keys_new(void)
{
    struct keys *k = mem_zalloc(sizeof(*k));

    if (!k)
        return NULL;
    k->scratch.max = NAME_MAX_BYTES;
    k->map = map_new();
    if (!k->map) {
        mem_free(k);
        return NULL;
    }
    return k;
}

static void entry_free(struct keys *k, struct keys_entry *e)
{
    if (e->prev_all)
        e->prev_all->next_all = e->next_all;
    else
        k->all = e->next_all;
    if (e->next_all)
        e->next_all->prev_all = e->prev_all;
    k->entries--;
    mem_free(e);
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    while (k->all)
        entry_free(k, k->all);
    map_free(k->map, NULL);
    buf_done(&k->scratch);
    mem_free(k->heap);
    mem_free(k);
}

static void ready_push(struct keys *k, struct keys_entry *e)
{
    e->state = KEY_READY;
    e->next_ready = NULL;
    if (k->ready_tail)
        k->ready_tail->next_ready = e;
    else
        k->ready_head = e;
    k->ready_tail = e;
    k->ready++;
}

static struct keys_entry *ready_pop(struct keys *k)
{
    struct keys_entry *e = k->ready_head;

    if (!e)
        return NULL;
    k->ready_head = e->next_ready;
    if (!k->ready_head)
        k->ready_tail = NULL;
    k->ready--;
    return e;
}

static void heap_place(struct keys *k, struct keys_entry *e, size_t at)
{
    k->heap[at] = e;
    e->heap_at = at;
}

static void heap_up(struct keys *k, struct keys_entry *e)
{
    size_t at = e->heap_at;

    while (at > 0 && k->heap[(at - 1) / 2]->at_ms > e->at_ms) {
        heap_place(k, k->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    heap_place(k, e, at);
}

static void heap_down(struct keys *k, struct keys_entry *e)
{
    size_t at = e->heap_at;
    size_t child;

    while ((child = at * 2 + 1) < k->heap_count) {
        if (child + 1 < k->heap_count && k->heap[child + 1]->at_ms < k->heap[child]->at_ms)
            child++;
        if (k->heap[child]->at_ms >= e->at_ms)
            break;
        heap_place(k, k->heap[child], at);
        at = child;
    }
    heap_place(k, e, at);
}

static void heap_remove(struct keys *k, const struct keys_entry *e)
{
    struct keys_entry *last = k->heap[--k->heap_count];

    if (last == e)
        return;
    heap_place(k, last, e->heap_at);
    heap_up(k, last);
    heap_down(k, last);
}

/* Room to defer every entry and one more, so that keys_defer cannot fail. */
static bool heap_reserve(struct keys *k)
{
    size_t size = k->heap_size ? k->heap_size * 2 : HEAP_INITIAL;
    struct keys_entry **heap;

    if (k->entries < k->heap_size)
        return true;
    heap = mem_resize(k->heap, size * sizeof(struct keys_entry *));
    if (!heap)
        return false;
    k->heap = heap;
    k->heap_size = size;
    return true;
}

static struct str name_of(struct keys *k, int32_t partition, struct str key)
{
    buf_clear(&k->scratch);
    buf_add(&k->scratch, str_of(&partition, sizeof(partition)));
    buf_add(&k->scratch, key);
    return buf_ok(&k->scratch) ? buf_str(&k->scratch) : (struct str){NULL, 0};
}

static struct keys_entry *entry_new(struct keys *k, int32_t partition, struct str name)
{
    struct keys_entry *e;

    if (!heap_reserve(k))
        return NULL;
    e = mem_zalloc(sizeof(*e) + name.len);
    if (!e)
        return NULL;
    e->partition = partition;
    if (name.ptr) {
        memcpy(e + 1, name.ptr, name.len);
        e->name = str_of(e + 1, name.len);
        if (!map_put(k->map, e->name, e, NULL)) {
            mem_free(e);
            return NULL;
        }
    }
    e->next_all = k->all;
    if (k->all)
        k->all->prev_all = e;
    k->all = e;
    k->entries++;
    return e;
}

bool keys_add(struct keys *k, int32_t partition, struct str key, struct keys_item *item)
{
    struct keys_entry *e = NULL;
    struct str name = {NULL, 0};

    if (str_is_set(key)) {
        name = name_of(k, partition, key);
        if (!str_is_set(name))
            return false;
        e = map_get(k->map, name);
    }
    if (!e) {
        e = entry_new(k, partition, name);
        if (!e)
            return false;
        ready_push(k, e);
    }
    item->entry = e;
    item->next = NULL;
    if (e->tail)
        e->tail->next = item;
    else
        e->head = item;
    e->tail = item;
    return true;
}

static void wake_due(struct keys *k, int64_t now_ms)
{
    while (k->heap_count > 0 && k->heap[0]->at_ms <= now_ms) {
        struct keys_entry *e = k->heap[0];

        heap_remove(k, e);
        ready_push(k, e);
    }
}

struct keys_item *keys_next(struct keys *k, int64_t now_ms)
{
    struct keys_entry *e;

    wake_due(k, now_ms);
    e = ready_pop(k);
    if (!e)
        return NULL;
    e->state = KEY_RUNNING;
    return e->head;
}

static void entry_retire(struct keys *k, struct keys_entry *e)
{
    if (str_is_set(e->name) && !e->revoked)
        (void)map_take(k->map, e->name);
    entry_free(k, e);
}

void keys_settle(struct keys *k, struct keys_item *item)
{
    struct keys_entry *e = item->entry;

    assert(e->state == KEY_RUNNING && e->head == item);
    e->head = item->next;
    item->entry = NULL;
    item->next = NULL;
    if (!e->head)
        entry_retire(k, e);
    else
        ready_push(k, e);
}

void keys_defer(struct keys *k, struct keys_item *item, int64_t at_ms)
{
    struct keys_entry *e = item->entry;

    assert(e->state == KEY_RUNNING && e->head == item && !e->revoked);
    e->state = KEY_DEFERRED;
    e->at_ms = at_ms;
    heap_place(k, e, k->heap_count++);
    heap_up(k, e);
}

static void drop_items(struct keys_entry *e, struct keys_item *first, keys_drop_fn *drop, void *arg)
{
    struct keys_item *item = first;

    while (item) {
        struct keys_item *next = item->next;

        item->entry = NULL;
        item->next = NULL;
        drop(arg, item);
        item = next;
    }
    e->tail = e->head;
}

static void ready_remove(struct keys *k, const struct keys_entry *e)
{
    struct keys_entry *before = NULL;
    struct keys_entry *at = k->ready_head;

    while (at != e) {
        before = at;
        at = at->next_ready;
    }
    if (before)
        before->next_ready = e->next_ready;
    else
        k->ready_head = e->next_ready;
    if (k->ready_tail == e)
        k->ready_tail = before;
    k->ready--;
}

static void entry_drop(struct keys *k, struct keys_entry *e, keys_drop_fn *drop, void *arg)
{
    struct keys_item *first = e->head;

    if (e->state == KEY_RUNNING) {
        first = e->head->next;
        e->head->next = NULL;
        drop_items(e, first, drop, arg);
        return;
    }
    if (e->state == KEY_DEFERRED)
        heap_remove(k, e);
    else
        ready_remove(k, e);
    e->head = NULL;
    drop_items(e, first, drop, arg);
    entry_retire(k, e);
}

void keys_drop(struct keys *k, int32_t partition, keys_drop_fn *drop, void *arg)
{
    struct keys_entry *e = k->all;

    while (e) {
        struct keys_entry *next = e->next_all;

        if (e->partition == partition && !e->revoked)
            entry_drop(k, e, drop, arg);
        e = next;
    }
}

void keys_revoke(struct keys *k, int32_t partition)
{
    for (struct keys_entry *e = k->all; e; e = e->next_all) {
        if (e->partition != partition || e->revoked)
            continue;
        assert(e->state == KEY_RUNNING);
        if (str_is_set(e->name))
            (void)map_take(k->map, e->name);
        e->revoked = true;
    }
}

bool keys_is_revoked(const struct keys_item *running)
{
    return running->entry->revoked;
}

int64_t keys_next_due_ms(const struct keys *k)
{
    return k->heap_count > 0 ? k->heap[0]->at_ms : -1;
}

size_t keys_ready(const struct keys *k)
{
    return k->ready;
}

size_t keys_waiting(const struct keys *k)
{
    return k->heap_count;
}

bool keys_has(struct keys *k, int32_t partition, struct str key)
{
    struct str name = name_of(k, partition, key);

    return str_is_set(name) && map_get(k->map, name) != NULL;
}
