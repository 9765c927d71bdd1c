/* SPDX-License-Identifier: Apache-2.0 */
/* The key scheduler: records of one (partition, key) run one after the other, in order; different
 * keys in parallel; a key that waits holds up nobody else. Pure: no threads, no clock of its own,
 * no Kafka. The caller's lock guards it.
 *
 * A key is ready, running or deferred. keys_next and keys_hold make it running: its first item is
 * then the running one, until keys_settle or keys_defer. A key is of the class of its first item:
 * live, or redrive. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;
struct keys_entry;

/* Embedded in what is scheduled; zeroed, then managed here, redrive excepted. */
struct keys_item {
    struct keys_item *next;
    struct keys_entry *entry; /* NULL: not queued */
    bool redrive;             /* the caller's: set before it is queued, then left alone */
};

struct keys *keys_new(void); /* NULL: no memory */
/* Items still queued are the caller's to free (keys_drop hands them out). NULL is fine. */
void keys_free(struct keys *k);
DECLARE_FREEP(struct keys, keys_free)

/* Queues item behind those of the same (partition, key). An absent key: a record of its own.
 * Partitions count from 0, densely, as Kafka's do; -1 is one that Kafka has not. False: no memory,
 * nothing changed. */
MUST_CHECK bool keys_add(struct keys *k, int32_t partition, struct str key, struct keys_item *item);
/* The item that may run now; its key is then running. Deferred keys become ready at their time. Of
 * each class the key that has been ready longest; which class: redrive while no redrive item runs
 * and the last one was live, so that neither starves the other; else live; else redrive while fewer
 * than redrive_lanes (at least 1) of it run. NULL: none. */
struct keys_item *keys_next(struct keys *k, int64_t now_ms, size_t redrive_lanes);
/* keys_next would find something without a deferred key coming due. */
bool keys_has_next(const struct keys *k, size_t redrive_lanes);
/* The running item is finished with: the key's next one becomes ready. */
void keys_settle(struct keys *k, struct keys_item *running);
/* The running item runs again, still first of its key, not before at_ms. Not when it is revoked. */
void keys_defer(struct keys *k, struct keys_item *running, int64_t at_ms);

/* For a key that leaves memory: a first item stands for the others, which leave the queue. */

/* Takes a deferred key as keys_next would, without waiting for its time; it counts as running
 * everywhere, in the share of redrive too. */
void keys_hold(struct keys *k, struct keys_item *head);
/* Item goes before the running one and is the running one from now on. Not when that is revoked. */
void keys_put_first(struct keys *k, struct keys_item *running, struct keys_item *item);
/* Takes the item behind the running one out of the queue. NULL: there is none, as always when the
 * running one is revoked. */
struct keys_item *keys_take_next(struct keys *k, struct keys_item *running);
/* Undoes keys_take_next, the item taken last first. Not when the running one is revoked. */
void keys_put_next(struct keys *k, struct keys_item *running, struct keys_item *item);
/* A deferred key becomes ready at at_ms instead, earlier or later. */
void keys_wake(struct keys *k, struct keys_item *head, int64_t at_ms);

typedef void keys_drop_fn(void *arg, struct keys_item *item);
/* Hands every item of a partition that is not running to drop, which must not call back; running
 * ones go on as before, held ones among them. What was taken by keys_take_next is the taker's. */
void keys_drop(struct keys *k, int32_t partition, keys_drop_fn *drop, void *arg);
/* After keys_drop; between the two nothing of the partition is added, deferred or put. What still
 * runs is marked revoked: it can only be settled. The partition may be added to anew at once. */
void keys_revoke(struct keys *k, int32_t partition);
bool keys_is_revoked(const struct keys_item *running);

/* Of items that are queued. */
struct keys_item *keys_head(const struct keys_item *item); /* the first of its key */
bool keys_is_deferred(const struct keys_item *item);       /* its key waits for its time */
/* The first item of that key; NULL when nothing of it is queued or it is absent. Revoked ones are
 * not found. Short memory hides nothing. */
struct keys_item *keys_find(struct keys *k, int32_t partition, struct str key);
typedef void keys_each_fn(void *arg, struct keys_item *head);
/* Hands the first item of every deferred key to fn, in no order; fn must not change the keys. */
void keys_each_deferred(const struct keys *k, keys_each_fn *fn, void *arg);

/* When keys_next could have something new without an add or settle; -1: never. */
int64_t keys_next_due_ms(const struct keys *k);
/* Keys with an item that may run, those of redrive beyond its share among them: what is left to do
 * before all is done or deferred. What a lane would find now: keys_has_next. */
size_t keys_ready(const struct keys *k);
size_t keys_waiting(const struct keys *k);       /* keys deferred */
size_t keys_waiting_items(const struct keys *k); /* items queued in them, the first ones included */
