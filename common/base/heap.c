/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include "base/mem.h"

#include <assert.h>

enum { HEAP_INITIAL = 64 };

void heap_done(struct heap *h)
{
    mem_free(h->nodes);
    *h = (struct heap){0};
}

bool heap_reserve(struct heap *h, size_t count)
{
    size_t size = h->size > 0 ? h->size : HEAP_INITIAL;
    struct heap_node **nodes;

    while (size < count)
        size *= 2;
    if (size == h->size)
        return true;
    nodes = mem_resize(h->nodes, size * sizeof(struct heap_node *));
    if (!nodes)
        return false;
    h->nodes = nodes;
    h->size = size;
    return true;
}

static void place(struct heap *h, struct heap_node *node, size_t at)
{
    h->nodes[at] = node;
    node->place = at;
}

static void rise(struct heap *h, struct heap_node *node)
{
    size_t at = node->place;

    while (at > 0 && h->nodes[(at - 1) / 2]->at > node->at) {
        place(h, h->nodes[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(h, node, at);
}

static void sink(struct heap *h, struct heap_node *node)
{
    size_t at = node->place;
    size_t child;

    while ((child = at * 2 + 1) < h->count) {
        if (child + 1 < h->count && h->nodes[child + 1]->at < h->nodes[child]->at)
            child++;
        if (h->nodes[child]->at >= node->at)
            break;
        place(h, h->nodes[child], at);
        at = child;
    }
    place(h, node, at);
}

static void settle(struct heap *h, struct heap_node *node)
{
    rise(h, node);
    sink(h, node);
}

void heap_add(struct heap *h, struct heap_node *node, int64_t at)
{
    assert(h->count < h->size);
    node->at = at;
    place(h, node, h->count++);
    rise(h, node);
}

void heap_remove(struct heap *h, const struct heap_node *node)
{
    struct heap_node *last = h->nodes[--h->count];

    if (last == node)
        return;
    place(h, last, node->place);
    settle(h, last);
}

void heap_move(struct heap *h, struct heap_node *node, int64_t at)
{
    node->at = at;
    settle(h, node);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}
