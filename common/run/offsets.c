/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of spans in ascending order: each unfinished offset by itself, and between them what is
 * done. What is done at the head leaves the ring; done spans that became neighbours are joined when
 * it is full. After that it holds at most two spans per unfinished offset. */
#include "run/offsets.h"

#include "base/mem.h"

#include <assert.h>

enum { RING_INITIAL = 64 };

struct span {
    int64_t from;
    int64_t to;           /* the first behind what is done; from itself: unfinished */
    int64_t timestamp_ms; /* of an unfinished offset, as the next */
    int64_t admitted_ms;
};

struct offsets {
    struct span *ring;
    size_t size; /* power of two */
    size_t head; /* unfinished */
    size_t count;
    size_t unfinished;
    int64_t next;                  /* the lowest that may be added; -1: any */
    struct offset_range *restored; /* not adjacent; NULL when all were passed */
    size_t restored_at;            /* the first that ends above the highest added */
    size_t restored_count;
};

struct offsets *offsets_new(void)
{
    struct offsets *o = mem_zalloc(sizeof(*o));

    if (o)
        o->next = -1;
    return o;
}

static void forget_restored(struct offsets *o)
{
    mem_free(o->restored);
    o->restored = NULL;
    o->restored_at = 0;
    o->restored_count = 0;
}

void offsets_free(struct offsets *o)
{
    if (!o)
        return;
    forget_restored(o);
    mem_free(o->ring);
    mem_free(o);
}

/* Restored */

bool offsets_restore(struct offsets *o, int64_t commit, const struct offset_range *done,
                     size_t count)
{
    struct offset_range *kept = NULL;
    size_t length = 0;

    assert(o->next < 0 && commit >= 0);
    if (count > 0)
        kept = mem_array(count, sizeof(*kept));
    if (count > 0 && !kept)
        return false;
    for (size_t i = 0; i < count; i++) {
        assert(done[i].from < done[i].to && done[i].from > commit);
        assert(i == 0 || done[i].from >= done[i - 1].to);
        if (length > 0 && done[i].from == kept[length - 1].to)
            kept[length - 1].to = done[i].to;
        else
            kept[length++] = done[i];
    }
    o->restored = kept;
    o->restored_count = length;
    o->next = commit;
    return true;
}

/* The first restored range that ends above offset, itself not below the highest added. */
static size_t restored_above(const struct offsets *o, int64_t offset)
{
    size_t at = o->restored_at;

    while (at < o->restored_count && o->restored[at].to <= offset)
        at++;
    return at;
}

bool offsets_was_done(const struct offsets *o, int64_t offset)
{
    size_t at = restored_above(o, offset);

    return at < o->restored_count && o->restored[at].from <= offset;
}

/* The ring */

static struct span *span_at(const struct offsets *o, size_t index)
{
    return &o->ring[(o->head + index) & (o->size - 1)];
}

static bool is_done(const struct span *span)
{
    return span->to > span->from;
}

static void join_neighbours(struct offsets *o)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->count; i++) {
        struct span *span = span_at(o, i);
        struct span *before = kept > 0 ? span_at(o, kept - 1) : NULL;

        if (before && is_done(before) && is_done(span))
            before->to = span->to;
        else
            *span_at(o, kept++) = *span;
    }
    o->count = kept;
}

static bool grow(struct offsets *o)
{
    size_t size = o->size ? o->size * 2 : RING_INITIAL;
    struct span *ring = mem_array(size, sizeof(*ring));

    if (!ring)
        return false;
    for (size_t i = 0; i < o->count; i++)
        ring[i] = *span_at(o, i);
    mem_free(o->ring);
    o->ring = ring;
    o->size = size;
    o->head = 0;
    return true;
}

bool offsets_reserve(struct offsets *o)
{
    if (o->count < o->size)
        return true;
    join_neighbours(o);
    /* Less than half of it free would be full again too soon for what joining costs. */
    if (o->count * 2 <= o->size && o->size > 0)
        return true;
    return grow(o) || o->count < o->size;
}

static void push_done(struct offsets *o, int64_t offset)
{
    struct span *tail;

    if (o->count == 0)
        return;
    tail = span_at(o, o->count - 1);
    if (is_done(tail))
        tail->to = offset + 1;
    else
        *span_at(o, o->count++) = (struct span){.from = offset, .to = offset + 1};
}

void offsets_add(struct offsets *o, int64_t offset, int64_t timestamp_ms, int64_t admitted_ms)
{
    assert(offset >= 0 && offset >= o->next && o->count < o->size);
    if (offsets_was_done(o, offset)) {
        push_done(o, offset);
    } else {
        *span_at(o, o->count++) = (struct span){
            .from = offset, .to = offset, .timestamp_ms = timestamp_ms, .admitted_ms = admitted_ms};
        o->unfinished++;
    }
    o->next = offset + 1;
    o->restored_at = restored_above(o, offset);
    if (o->restored_at == o->restored_count)
        forget_restored(o);
}

static struct span *find(const struct offsets *o, int64_t offset)
{
    size_t low = 0;
    size_t high = o->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (span_at(o, middle)->from < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < o->count ? span_at(o, low) : NULL;
}

void offsets_done(struct offsets *o, int64_t offset)
{
    struct span *span = find(o, offset);

    assert(span && span->from == offset && !is_done(span));
    span->to = offset + 1;
    o->unfinished--;
    while (o->count > 0 && is_done(span_at(o, 0))) {
        o->head = (o->head + 1) & (o->size - 1);
        o->count--;
    }
}

/* What is told */

int64_t offsets_commit_point(const struct offsets *o)
{
    size_t at;

    if (o->count > 0)
        return span_at(o, 0)->from;
    at = restored_above(o, o->next);
    if (at < o->restored_count && o->restored[at].from <= o->next)
        return o->restored[at].to;
    return o->next;
}

struct ranges {
    struct offset_range *out;
    size_t max;
    size_t count; /* may be above max */
    int64_t end;  /* of the last */
};

/* Makes the last one longer, or a further one. */
static void put(struct ranges *ranges, int64_t from, int64_t to)
{
    if (ranges->count == 0 || from > ranges->end) {
        if (ranges->count < ranges->max)
            ranges->out[ranges->count].from = from;
        ranges->count++;
    }
    if (ranges->count <= ranges->max)
        ranges->out[ranges->count - 1].to = to;
    ranges->end = to;
}

size_t offsets_done_beyond(const struct offsets *o, struct offset_range *out, size_t max)
{
    struct ranges ranges = {.out = out, .max = max};

    for (size_t i = 1; i < o->count; i++) {
        const struct span *before = span_at(o, i - 1);
        const struct span *span = span_at(o, i);

        if (is_done(span))
            put(&ranges, is_done(before) ? before->to : span->from, span->to);
    }
    for (size_t i = restored_above(o, o->next); i < o->restored_count; i++) {
        const struct offset_range *left = &o->restored[i];

        /* Without anything unfinished, a range that begins here is what the commit point passed. */
        if (o->count > 0 || left->from > o->next)
            put(&ranges, left->from, left->to);
    }
    return ranges.count;
}

int64_t offsets_last(const struct offsets *o)
{
    return o->next < 0 ? -1 : o->next - 1;
}

size_t offsets_unfinished(const struct offsets *o)
{
    return o->unfinished;
}

bool offsets_oldest(const struct offsets *o, int64_t *timestamp_ms, int64_t *admitted_ms)
{
    const struct span *head;

    if (o->count == 0)
        return false;
    head = span_at(o, 0);
    *timestamp_ms = head->timestamp_ms;
    *admitted_ms = head->admitted_ms;
    return true;
}
