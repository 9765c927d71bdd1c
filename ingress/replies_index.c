/* SPDX-License-Identifier: Apache-2.0 */
#include "replies_index.h"

#include "base/mem.h"

#include <assert.h>

#define EDGES_PER_NODE (UINT64_C(1) << 32) /* more than there are characters, as bytes */

enum { EDGES_FIRST = 64 };

/* Where a keyword may end. The root is node 0. */
struct node {
    uint32_t whole; /* rule */
    uint32_t part;
};

struct edge {
    uint64_t name; /* node from and character; 0: free (no character is U+0000) */
    uint32_t to;
};

struct replies_index {
    struct node *nodes;
    struct edge *edges; /* open addressing, half full at most */
    uint32_t node_count;
    uint32_t node_room;
    uint32_t edge_room; /* a power of two */
};

static struct edge *slot_of(struct edge *edges, uint32_t room, uint64_t name)
{
    uint64_t hash = name * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t at = (uint32_t)(hash >> 32);

    while (edges[at & (room - 1)].name != 0 && edges[at & (room - 1)].name != name)
        at++;
    return &edges[at & (room - 1)];
}

/* The first character as its bytes in one number, without decoding: they only need to differ. */
static uint32_t take_char(struct str *text)
{
    const size_t step = str_utf8_step(*text);
    const size_t len = step > 0 ? step : 1;
    uint32_t c = 0;

    for (size_t i = 0; i < len; i++)
        c = c << 8 | (unsigned char)text->ptr[i];
    *text = str_skip(*text, len);
    return c;
}

static uint64_t edge_name(uint32_t from, uint32_t c)
{
    return from * EDGES_PER_NODE + c;
}

/* The node there; 0, which no edge leads to: none. */
static uint32_t follow(const struct replies_index *x, uint32_t from, uint32_t c)
{
    return slot_of(x->edges, x->edge_room, edge_name(from, c))->to;
}

struct replies_index *replies_index_new(void)
{
    struct replies_index *x = mem_zalloc(sizeof(*x));

    if (!x)
        return NULL;
    x->edge_room = EDGES_FIRST;
    x->node_room = EDGES_FIRST / 2;
    x->edges = mem_array(x->edge_room, sizeof(*x->edges));
    x->nodes = mem_array(x->node_room, sizeof(*x->nodes));
    if (!x->edges || !x->nodes) {
        replies_index_free(x);
        return NULL;
    }
    x->nodes[x->node_count++] = (struct node){REPLIES_NO_RULE, REPLIES_NO_RULE};
    return x;
}

void replies_index_free(struct replies_index *x)
{
    if (!x)
        return;
    mem_free(x->edges);
    mem_free(x->nodes);
    mem_free(x);
}

/* Twice the room: a tree has one edge less than nodes. */
static bool grow(struct replies_index *x)
{
    const uint32_t room = x->edge_room * 2;
    struct edge *edges = mem_array(room, sizeof(*edges));
    struct node *nodes = mem_resize(x->nodes, sizeof(*nodes) * room / 2);

    if (nodes)
        x->nodes = nodes;
    if (!edges || !nodes) {
        mem_free(edges);
        return false;
    }
    for (uint32_t i = 0; i < x->edge_room; i++)
        if (x->edges[i].name != 0)
            *slot_of(edges, room, x->edges[i].name) = x->edges[i];
    mem_free(x->edges);
    x->edges = edges;
    x->edge_room = room;
    x->node_room = room / 2;
    return true;
}

static uint32_t lead(struct replies_index *x, uint32_t from, uint32_t c)
{
    uint32_t to = follow(x, from, c);

    if (to != 0)
        return to;
    if (x->node_count == x->node_room && !grow(x))
        return 0;
    to = x->node_count++;
    x->nodes[to] = (struct node){REPLIES_NO_RULE, REPLIES_NO_RULE};
    *slot_of(x->edges, x->edge_room, edge_name(from, c)) =
        (struct edge){.name = edge_name(from, c), .to = to};
    return to;
}

static void lower_to(uint32_t *best, uint32_t rule)
{
    if (rule < *best)
        *best = rule;
}

bool replies_index_add(struct replies_index *x, struct str keyword, bool whole, uint32_t rule)
{
    uint32_t at = 0;

    assert(keyword.len > 0);
    while (keyword.len > 0) {
        at = lead(x, at, take_char(&keyword));
        if (at == 0)
            return false;
    }
    lower_to(whole ? &x->nodes[at].whole : &x->nodes[at].part, rule);
    return true;
}

/* Along the text from its beginning, as far as a keyword goes. */
static void walk(const struct replies_index *x, struct str text, bool from_start, uint32_t *best)
{
    uint32_t at = 0;

    while (text.len > 0) {
        at = follow(x, at, take_char(&text));
        if (at == 0)
            return;
        lower_to(best, x->nodes[at].part);
    }
    if (from_start)
        lower_to(best, x->nodes[at].whole);
}

uint32_t replies_index_find(const struct replies_index *x, struct str text)
{
    uint32_t best = REPLIES_NO_RULE;
    bool from_start = true;

    while (text.len > 0) {
        walk(x, text, from_start, &best);
        (void)take_char(&text);
        from_start = false;
    }
    return best;
}
