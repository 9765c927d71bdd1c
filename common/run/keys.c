/* SPDX-License-Identifier: Apache-2.0 */
/* Entries by (partition, key) in a map, and in a chain per partition; the ready ones in a list per
 * class, the deferred ones in a heap. */
#include "run/keys.h"

#include "base/buf.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum key_state { KEY_READY, KEY_RUNNING, KEY_DEFERRED };

enum { NAME_MAX_BYTES = INT32_MAX, PARTITION_LEAST = -1 };

struct keys_entry {
    struct keys_entry *next_ready;
    struct keys_entry *prev_ready;
    struct keys_entry *next_in_chain;
    struct keys_entry *prev_in_chain;
    struct keys_item *head;
    struct keys_item *tail;
    size_t items;
    struct str name; /* partition and key as the map knows them; absent: in no map */
    int32_t partition;
    enum key_state state;
    bool revoked;
    struct heap_node wait; /* while it is deferred: until when, in ms */
};

struct ready_list {
    struct keys_entry *head; /* ready longest */
    struct keys_entry *tail;
    size_t count;
};

struct keys {
    struct map *map;
    struct buf scratch;         /* partition and key, while they are looked up */
    struct keys_entry **chains; /* by partition, from the least on */
    size_t chain_count;
    size_t entries;
    struct ready_list live;
    struct ready_list redrive;
    size_t redrive_running;
    bool redrive_was_last; /* what keys_next gave last */
    size_t waiting_items;  /* of the deferred entries */
    struct heap deferred;
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

static size_t chain_of(int32_t partition)
{
    assert(partition >= PARTITION_LEAST);
    return (size_t)((int64_t)partition - PARTITION_LEAST);
}

static struct keys_entry *chain_first(const struct keys *k, int32_t partition)
{
    size_t chain = chain_of(partition);

    return chain < k->chain_count ? k->chains[chain] : NULL;
}

static bool chain_reserve(struct keys *k, size_t chain)
{
    struct keys_entry **chains;

    if (chain < k->chain_count)
        return true;
    chains = mem_resize(k->chains, (chain + 1) * sizeof(struct keys_entry *));
    if (!chains)
        return false;
    for (size_t i = k->chain_count; i <= chain; i++)
        chains[i] = NULL;
    k->chains = chains;
    k->chain_count = chain + 1;
    return true;
}

static void chain_add(struct keys *k, struct keys_entry *e)
{
    struct keys_entry **first = &k->chains[chain_of(e->partition)];

    e->next_in_chain = *first;
    if (*first)
        (*first)->prev_in_chain = e;
    *first = e;
    k->entries++;
}

static void entry_free(struct keys *k, struct keys_entry *e)
{
    if (e->prev_in_chain)
        e->prev_in_chain->next_in_chain = e->next_in_chain;
    else
        k->chains[chain_of(e->partition)] = e->next_in_chain;
    if (e->next_in_chain)
        e->next_in_chain->prev_in_chain = e->prev_in_chain;
    k->entries--;
    mem_free(e);
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->chain_count; i++)
        while (k->chains[i])
            entry_free(k, k->chains[i]);
    mem_free(k->chains);
    map_free(k->map, NULL);
    buf_done(&k->scratch);
    heap_done(&k->deferred);
    mem_free(k);
}

static struct ready_list *ready_list_of(struct keys *k, const struct keys_entry *e)
{
    return e->head->redrive ? &k->redrive : &k->live;
}

static void ready_push(struct keys *k, struct keys_entry *e)
{
    struct ready_list *list = ready_list_of(k, e);

    e->state = KEY_READY;
    e->next_ready = NULL;
    e->prev_ready = list->tail;
    if (list->tail)
        list->tail->next_ready = e;
    else
        list->head = e;
    list->tail = e;
    list->count++;
}

static void ready_remove(struct keys *k, const struct keys_entry *e)
{
    struct ready_list *list = ready_list_of(k, e);

    if (e->prev_ready)
        e->prev_ready->next_ready = e->next_ready;
    else
        list->head = e->next_ready;
    if (e->next_ready)
        e->next_ready->prev_ready = e->prev_ready;
    else
        list->tail = e->prev_ready;
    list->count--;
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

    /* Room to defer every entry, so that keys_defer cannot fail. */
    if (!heap_reserve(&k->deferred, k->entries + 1) || !chain_reserve(k, chain_of(partition)))
        return NULL;
    e = mem_zalloc(sizeof(*e) + name.len);
    if (!e)
        return NULL;
    e->partition = partition;
    e->wait.owner = e;
    if (name.ptr) {
        memcpy(e + 1, name.ptr, name.len);
        e->name = str_of(e + 1, name.len);
        if (!map_put(k->map, e->name, e, NULL)) {
            mem_free(e);
            return NULL;
        }
    }
    chain_add(k, e);
    return e;
}

static struct keys_entry *running_entry(const struct keys_item *item)
{
    struct keys_entry *e = item->entry;

    assert(e && e->state == KEY_RUNNING && e->head == item);
    return e;
}

static struct keys_entry *deferred_entry(const struct keys_item *item)
{
    struct keys_entry *e = item->entry;

    assert(e && e->state == KEY_DEFERRED && e->head == item);
    return e;
}

static void item_link(struct keys_entry *e, struct keys_item *item, struct keys_item *next)
{
    assert(!item->entry);
    item->entry = e;
    item->next = next;
    e->items++;
}

static void item_unlink(struct keys_item *item)
{
    item->entry->items--;
    item->entry = NULL;
    item->next = NULL;
}

static void add_last(struct keys *k, struct keys_entry *e, struct keys_item *item)
{
    item_link(e, item, NULL);
    e->tail->next = item;
    e->tail = item;
    if (e->state == KEY_DEFERRED)
        k->waiting_items++;
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
    if (e) {
        add_last(k, e, item);
        return true;
    }
    e = entry_new(k, partition, name);
    if (!e)
        return false;
    item_link(e, item, NULL);
    e->head = item;
    e->tail = item;
    ready_push(k, e);
    return true;
}

static void wait_start(struct keys *k, struct keys_entry *e, int64_t at_ms)
{
    e->state = KEY_DEFERRED;
    k->waiting_items += e->items;
    heap_add(&k->deferred, &e->wait, at_ms);
}

static void wait_end(struct keys *k, const struct keys_entry *e)
{
    k->waiting_items -= e->items;
    heap_remove(&k->deferred, &e->wait);
}

static void run_start(struct keys *k, struct keys_entry *e)
{
    e->state = KEY_RUNNING;
    k->redrive_running += e->head->redrive;
}

/* The entry whose item this is, in hand no longer. */
static struct keys_entry *run_end(struct keys *k, const struct keys_item *item)
{
    struct keys_entry *e = running_entry(item);

    k->redrive_running -= item->redrive;
    return e;
}

static void wake_due(struct keys *k, int64_t now_ms)
{
    const struct heap_node *first;

    while ((first = heap_first(&k->deferred)) && first->at <= now_ms) {
        struct keys_entry *e = first->owner;

        wait_end(k, e);
        ready_push(k, e);
    }
}

/* Redrive's one lane goes before live traffic, but not twice in a row, so that a worker with a
 * single lane serves both in turn; the rest of its share goes after it. */
static struct keys_entry *choose(const struct keys *k, size_t redrive_lanes)
{
    assert(redrive_lanes >= 1);
    if (k->redrive.head && k->redrive_running == 0 && !(k->redrive_was_last && k->live.head))
        return k->redrive.head;
    if (k->live.head)
        return k->live.head;
    return k->redrive_running < redrive_lanes ? k->redrive.head : NULL;
}

struct keys_item *keys_next(struct keys *k, int64_t now_ms, size_t redrive_lanes)
{
    struct keys_entry *e;

    wake_due(k, now_ms);
    e = choose(k, redrive_lanes);
    if (!e)
        return NULL;
    ready_remove(k, e);
    run_start(k, e);
    k->redrive_was_last = e->head->redrive;
    return e->head;
}

bool keys_has_next(const struct keys *k, size_t redrive_lanes)
{
    return choose(k, redrive_lanes) != NULL;
}

static void entry_retire(struct keys *k, struct keys_entry *e)
{
    if (str_is_set(e->name) && !e->revoked)
        (void)map_take(k->map, e->name);
    entry_free(k, e);
}

void keys_settle(struct keys *k, struct keys_item *running)
{
    struct keys_entry *e = run_end(k, running);

    e->head = running->next;
    item_unlink(running);
    if (!e->head)
        entry_retire(k, e);
    else
        ready_push(k, e);
}

void keys_defer(struct keys *k, struct keys_item *running, int64_t at_ms)
{
    struct keys_entry *e = run_end(k, running);

    assert(!e->revoked);
    wait_start(k, e, at_ms);
}

void keys_hold(struct keys *k, struct keys_item *head)
{
    struct keys_entry *e = deferred_entry(head);

    wait_end(k, e);
    run_start(k, e);
}

void keys_put_first(struct keys *k, struct keys_item *running, struct keys_item *item)
{
    struct keys_entry *e = run_end(k, running);

    assert(!e->revoked);
    item_link(e, item, running);
    e->head = item;
    run_start(k, e);
}

struct keys_item *keys_take_next(struct keys *k UNUSED, struct keys_item *running)
{
    struct keys_entry *e = running_entry(running);
    struct keys_item *item = running->next;

    if (!item)
        return NULL;
    running->next = item->next;
    if (e->tail == item)
        e->tail = running;
    item_unlink(item);
    return item;
}

void keys_put_next(struct keys *k UNUSED, struct keys_item *running, struct keys_item *item)
{
    struct keys_entry *e = running_entry(running);

    assert(!e->revoked);
    item_link(e, item, running->next);
    running->next = item;
    if (e->tail == running)
        e->tail = item;
}

void keys_wake(struct keys *k, struct keys_item *head, int64_t at_ms)
{
    struct keys_entry *e = deferred_entry(head);

    heap_move(&k->deferred, &e->wait, at_ms);
}

static void drop_from(struct keys_item *first, keys_drop_fn *drop, void *arg)
{
    struct keys_item *item = first;

    while (item) {
        struct keys_item *next = item->next;

        item_unlink(item);
        drop(arg, item);
        item = next;
    }
}

static void entry_drop(struct keys *k, struct keys_entry *e, keys_drop_fn *drop, void *arg)
{
    struct keys_item *behind = e->head->next;

    switch (e->state) {
    case KEY_RUNNING:
        e->head->next = NULL;
        e->tail = e->head;
        drop_from(behind, drop, arg);
        return;
    case KEY_DEFERRED: wait_end(k, e); break;
    case KEY_READY: ready_remove(k, e); break;
    }
    drop_from(e->head, drop, arg);
    entry_retire(k, e);
}

void keys_drop(struct keys *k, int32_t partition, keys_drop_fn *drop, void *arg)
{
    struct keys_entry *e = chain_first(k, partition);

    while (e) {
        struct keys_entry *next = e->next_in_chain;

        entry_drop(k, e, drop, arg);
        e = next;
    }
}

void keys_revoke(struct keys *k, int32_t partition)
{
    for (struct keys_entry *e = chain_first(k, partition); e; e = e->next_in_chain) {
        if (e->revoked)
            continue;
        assert(e->state == KEY_RUNNING && e->items == 1);
        if (str_is_set(e->name))
            (void)map_take(k->map, e->name);
        e->revoked = true;
    }
}

bool keys_is_revoked(const struct keys_item *running)
{
    return running_entry(running)->revoked;
}

struct keys_item *keys_head(const struct keys_item *item)
{
    assert(item->entry);
    return item->entry->head;
}

bool keys_is_deferred(const struct keys_item *item)
{
    assert(item->entry);
    return item->entry->state == KEY_DEFERRED;
}

/* The name of a key that is queued was once in scratch, which never shrinks. */
struct keys_item *keys_find(struct keys *k, int32_t partition, struct str key)
{
    struct str name = {NULL, 0};
    const struct keys_entry *e = NULL;

    if (str_is_set(key))
        name = name_of(k, partition, key);
    if (str_is_set(name))
        e = map_get(k->map, name);
    return e ? e->head : NULL;
}

void keys_each_deferred(const struct keys *k, keys_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < k->deferred.count; i++) {
        const struct keys_entry *e = k->deferred.nodes[i]->owner;

        fn(arg, e->head);
    }
}

int64_t keys_next_due_ms(const struct keys *k)
{
    const struct heap_node *first = heap_first(&k->deferred);

    return first ? first->at : -1;
}

size_t keys_ready(const struct keys *k)
{
    return k->live.count + k->redrive.count;
}

size_t keys_waiting(const struct keys *k)
{
    return k->deferred.count;
}

size_t keys_waiting_items(const struct keys *k)
{
    return k->waiting_items;
}
