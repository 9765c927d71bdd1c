/* SPDX-License-Identifier: Apache-2.0 */
/* The key scheduler: records of one (partition, key) run one after the other, in order; different
 * keys in parallel; a key that waits holds up nobody else. Pure: no threads, no clock of its own,
 * no Kafka. The caller's lock guards it. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;
struct keys_entry;

/* Embedded in what is scheduled; managed here. */
struct keys_item {
    struct keys_item *next;
    struct keys_entry *entry;
};

struct keys *keys_new(void); /* NULL: no memory */
/* Items still queued are the caller's to free (keys_drop hands them out). NULL is fine. */
void keys_free(struct keys *k);
DECLARE_FREEP(struct keys, keys_free)

/* Queues item behind those of the same (partition, key). An absent key: a record of its own.
 * False: no memory, nothing changed. */
MUST_CHECK bool keys_add(struct keys *k, int32_t partition, struct str key, struct keys_item *item);
/* The item that may run now, of the key that has been ready longest; its key is then running until
 * keys_settle or keys_defer. Deferred keys become ready at their time. NULL: none. */
struct keys_item *keys_next(struct keys *k, int64_t now_ms);
/* The running item is finished with: the key's next one becomes ready. */
void keys_settle(struct keys *k, struct keys_item *item);
/* The running item runs again, still first of its key, not before at_ms. Not when it is revoked. */
void keys_defer(struct keys *k, struct keys_item *item, int64_t at_ms);

typedef void keys_drop_fn(void *arg, struct keys_item *item);
/* Hands every item of a partition that is not running to drop; running ones go on as before. */
void keys_drop(struct keys *k, int32_t partition, keys_drop_fn *drop, void *arg);
/* After keys_drop: what still runs is marked revoked and must be settled, never deferred. The
 * partition may be added to anew at once. */
void keys_revoke(struct keys *k, int32_t partition);
bool keys_is_revoked(const struct keys_item *running);

/* When keys_next could have something new without an add or settle; -1: never. */
int64_t keys_next_due_ms(const struct keys *k);
size_t keys_ready(const struct keys *k);   /* keys with an item that may run */
size_t keys_waiting(const struct keys *k); /* keys deferred */
bool keys_has(struct keys *k, int32_t partition, struct str key);
