/* SPDX-License-Identifier: Apache-2.0 */
/* Whose child is whose: by derived ids, places and traces; then everything by time. */
#include "base/mem.h"
#include "model/id.h"
#include "tale.h"

#include <stdlib.h>

static bool is_derived(struct str id, struct str parent)
{
    struct id derived;

    for (const char *const *step = TALE_STEPS; *step; step++) {
        id_derive(parent, str_from(*step), &derived);
        if (str_eq_cstr(id, derived.text))
            return true;
    }
    return false;
}

static bool is_at(const struct tale_node *node, struct str topic, int64_t partition, int64_t offset)
{
    return str_is_set(node->topic) && str_eq(node->topic, topic) && node->partition == partition &&
           node->offset == offset;
}

/* Is this record what the other one was made of? */
static bool made(const struct tale_node *parent, const struct tale_node *node)
{
    if (parent->kind != TALE_RECORD || !str_is_set(parent->id) || parent == node)
        return false;
    if (str_is_set(parent->trace) && str_is_set(node->trace) && !str_eq(parent->trace, node->trace))
        return false;
    return str_eq(parent->id, tale_get(node, "command_id")) || is_derived(node->id, parent->id);
}

typedef bool match_fn(const struct tale_node *candidate, const struct tale_node *node);

/* What a dead letter, or the tries before it, came of: the redriven record, else the first one. */
static bool is_redriven_into(const struct tale_node *c, const struct tale_node *node)
{
    return c->kind == TALE_REDRIVE && str_is_set(node->replay_id) &&
           str_eq(c->replay_id, node->replay_id) && str_eq(c->worker, node->worker);
}

static bool is_original(const struct tale_node *c, const struct tale_node *node)
{
    return is_at(c, node->original_topic, node->original_partition, node->original_offset);
}

static bool is_letter_before(const struct tale_node *c, const struct tale_node *node)
{
    return c->kind == TALE_LETTER && str_eq(c->worker, node->worker) && str_eq(c->id, node->id) &&
           c->at_ms <= node->at_ms;
}

static bool is_record_of(const struct tale_node *c, const struct tale_node *node)
{
    return c != node && c->kind == TALE_RECORD && str_is_set(c->id) && str_eq(c->id, node->id);
}

/* The record is gone, or in no topic that was read. */
static bool is_push_row(const struct tale_node *c, const struct tale_node *node)
{
    return c != node && c->kind == TALE_ROW && str_eq_cstr(c->what, "wechat_event") &&
           str_is_set(c->id) && str_eq(c->id, node->id);
}

static bool is_earlier_in_trace(const struct tale_node *c, const struct tale_node *node)
{
    return c != node && c->kind == TALE_RECORD && str_is_set(c->trace) &&
           str_eq(c->trace, node->trace) && c->at_ms <= node->at_ms;
}

/* The latest (or the earliest) that matches. */
static struct tale_node *find(const struct tale *tale, const struct tale_node *node,
                              match_fn *matches, bool latest)
{
    struct tale_node *found = NULL;

    for (struct tale_node *c = tale->first; c; c = c->then)
        if (matches(c, node) &&
            (!found || (latest ? c->at_ms >= found->at_ms : c->at_ms < found->at_ms)))
            found = c;
    return found;
}

static struct tale_node *parent_of(const struct tale *tale, const struct tale_node *node)
{
    struct tale_node *parent = NULL;

    switch (node->kind) {
    case TALE_RECORD: parent = find(tale, node, made, false); break;
    case TALE_LETTER:
    case TALE_TRIES:
        parent = find(tale, node, is_redriven_into, true);
        if (!parent)
            parent = find(tale, node, is_original, true);
        break;
    case TALE_REDRIVE: parent = find(tale, node, is_letter_before, true); break;
    case TALE_DEALT:
    case TALE_PARKED:
    case TALE_CRASH:
    case TALE_EFFECT:
    case TALE_ROW:
    case TALE_KINDS: break;
    }
    if (!parent && node->kind != TALE_RECORD)
        parent = find(tale, node, is_record_of, false);
    if (!parent && node->kind != TALE_RECORD)
        parent = find(tale, node, is_push_row, false);
    if (!parent)
        parent = find(tale, node, is_earlier_in_trace, false);
    return parent;
}

/* Two records that stand at one instant must not be each other's parents. */
static bool is_above(const struct tale_node *node, const struct tale_node *of)
{
    for (; of; of = of->parent)
        if (of == node)
            return true;
    return false;
}

/* What has no time of its own comes with its parent. */
static int64_t time_of(const struct tale_node *node)
{
    while (node->at_ms == 0 && node->parent)
        node = node->parent;
    return node->at_ms;
}

/* At one instant: what has no time first, then a call before the record that tells of it. */
static int rank(const struct tale_node *node)
{
    if (node->at_ms == 0)
        return -2;
    return node->kind == TALE_EFFECT ? -1 : (int)node->kind;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b)
{
    const struct tale_node *left = *(struct tale_node *const *)a;
    const struct tale_node *right = *(struct tale_node *const *)b;
    int order = compare(time_of(left), time_of(right));

    if (order == 0)
        order = compare(rank(left), rank(right));
    return order != 0 ? order : compare(left->offset, right->offset);
}

void tale_arrange(struct tale *tale)
{
    struct tale_node **sorted = mem_array(tale->count + 1, sizeof(struct tale_node *));
    size_t count = 0;

    if (!sorted) {
        tale->is_short = true;
        return;
    }
    for (struct tale_node *node = tale->first; node; node = node->then) {
        struct tale_node *parent = node->parent ? node->parent : parent_of(tale, node);

        node->parent = is_above(node, parent) ? NULL : parent;
        sorted[count++] = node;
    }
    qsort(sorted, count, sizeof(struct tale_node *), by_time);
    while (count > 0) {
        struct tale_node *node = sorted[--count];
        struct tale_node **list = node->parent ? &node->parent->child : &tale->roots;

        node->next = *list;
        *list = node;
    }
    mem_free(sorted);
}
