/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of nodes that stand in what they belong to: the earliest first. Not thread-safe. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    size_t place; /* the heap's own */
    int64_t at;
    void *owner; /* whose node it is */
};

struct heap {
    struct heap_node **nodes; /* in no order but that the first is the earliest */
    size_t count;
    size_t size;
};

void heap_done(struct heap *h); /* a zeroed heap is an empty one; nodes stay their owners' */
/* Room for so many nodes in all, so that heap_add cannot fail. False: no memory. */
MUST_CHECK bool heap_reserve(struct heap *h, size_t count);
/* Borrows the node until it is removed; there must be room. Of equal times any comes first. */
void heap_add(struct heap *h, struct heap_node *node, int64_t at);
void heap_remove(struct heap *h, const struct heap_node *node);
void heap_move(struct heap *h, struct heap_node *node, int64_t at); /* one that is in it */
struct heap_node *heap_first(const struct heap *h);                 /* NULL: empty */
