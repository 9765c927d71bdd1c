/* SPDX-License-Identifier: Apache-2.0 */
/* The one bounded queue between threads: pointers, first in first out, blocking with deadlines. */
#pragma once

#include "base/attr.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct queue;

/* NULL when memory is short. */
struct queue *queue_new(size_t capacity);
void queue_free(
    struct queue *q); /* what is still in it is the caller's to drain before; NULL is fine */
DECLARE_FREEP(struct queue, queue_free)

/* False when it stays full until the deadline, or is closed; then the item stays the caller's. */
MUST_CHECK bool queue_push(struct queue *q, void *item, struct deadline until);
/* NULL when nothing comes until the deadline, or it is closed and empty. */
void *queue_pop(struct queue *q, struct deadline until);
size_t queue_len(struct queue *q);
/* Pushes fail from now on; pops drain what is left, then return NULL at once. */
void queue_close(struct queue *q);
