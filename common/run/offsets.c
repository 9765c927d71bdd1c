/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of offsets in ascending order; what is done at its head leaves it. */
#include "run/offsets.h"

#include "base/mem.h"

#include <assert.h>

enum { RING_INITIAL = 64 };

struct mark {
    int64_t offset;
    int64_t timestamp_ms;
    int64_t admitted_ms;
    bool done;
};

struct offsets {
    struct mark *ring;
    size_t size; /* power of two */
    size_t head;
    size_t count;
    size_t unfinished;
    int64_t last; /* the highest ever added; -1 before the first */
};

struct offsets *offsets_new(void)
{
    struct offsets *o = mem_zalloc(sizeof(*o));

    if (o)
        o->last = -1;
    return o;
}

void offsets_free(struct offsets *o)
{
    if (!o)
        return;
    mem_free(o->ring);
    mem_free(o);
}

static struct mark *mark_at(const struct offsets *o, size_t index)
{
    return &o->ring[(o->head + index) & (o->size - 1)];
}

bool offsets_reserve(struct offsets *o)
{
    size_t size = o->size ? o->size * 2 : RING_INITIAL;
    struct mark *ring;

    if (o->count < o->size)
        return true;
    ring = mem_array(size, sizeof(*ring));
    if (!ring)
        return false;
    for (size_t i = 0; i < o->count; i++)
        ring[i] = *mark_at(o, i);
    mem_free(o->ring);
    o->ring = ring;
    o->size = size;
    o->head = 0;
    return true;
}

void offsets_add(struct offsets *o, int64_t offset, int64_t timestamp_ms, int64_t admitted_ms)
{
    assert(offset > o->last && o->count < o->size);
    *mark_at(o, o->count) =
        (struct mark){.offset = offset, .timestamp_ms = timestamp_ms, .admitted_ms = admitted_ms};
    o->count++;
    o->unfinished++;
    o->last = offset;
}

static struct mark *find(const struct offsets *o, int64_t offset)
{
    size_t low = 0;
    size_t high = o->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (mark_at(o, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < o->count ? mark_at(o, low) : NULL;
}

void offsets_done(struct offsets *o, int64_t offset)
{
    struct mark *mark = find(o, offset);

    assert(mark && mark->offset == offset && !mark->done);
    mark->done = true;
    o->unfinished--;
    while (o->count > 0 && mark_at(o, 0)->done) {
        o->head = (o->head + 1) & (o->size - 1);
        o->count--;
    }
}

int64_t offsets_commit_point(const struct offsets *o)
{
    if (o->count > 0)
        return mark_at(o, 0)->offset;
    return o->last < 0 ? -1 : o->last + 1;
}

int64_t offsets_last(const struct offsets *o)
{
    return o->last;
}

size_t offsets_unfinished(const struct offsets *o)
{
    return o->unfinished;
}

bool offsets_oldest(const struct offsets *o, int64_t *timestamp_ms, int64_t *admitted_ms)
{
    const struct mark *head;

    if (o->count == 0)
        return false;
    head = mark_at(o, 0);
    *timestamp_ms = head->timestamp_ms;
    *admitted_ms = head->admitted_ms;
    return true;
}
