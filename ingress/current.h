/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says, now: read at the start and anew on SIGHUP. Who uses it holds it, so that a
 * reload never takes it away. */
#pragma once

#include "base/attr.h"
#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

struct current_kind {
    size_t size; /* of what is read; struct current_item is its first member, the rest is zero */
    enum status (*read)(const char *path, void *item, struct err *err);
    void (*done)(void *item); /* what is in it; also of one that was read by half */
};

/* One reading. */
struct current_item {
    atomic_size_t users;
    const struct current_kind *kind;
};

struct current {
    const struct current_kind *kind;
    char *path;
    pthread_mutex_t item_lock;
    struct current_item *item;
};

/* ST_FATAL: why it cannot be read, or no memory; then there is nothing to be done away. */
MUST_CHECK enum status current_init(struct current *c, const struct current_kind *kind,
                                    const char *path, struct err *err);
void current_done(struct current *c); /* what is held stays */
/* Thread-safe, as all below. A file that is wrong changes nothing: ST_REJECT with the reason. */
MUST_CHECK enum status current_reload(struct current *c, struct err *err);
/* The newest reading, held until current_release. */
void *current_acquire(struct current *c);
void current_release(void *item); /* NULL is fine */
