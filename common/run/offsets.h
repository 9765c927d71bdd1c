/* SPDX-License-Identifier: Apache-2.0 */
/* One partition's offsets: completed out of order, committed in order. Pure; knows neither Kafka
 * nor MySQL. Offsets are added in ascending order and may have gaps (compaction, transactions).
 * Memory follows the most that were unfinished at once, however many behind them are done. */
#pragma once

#include "base/attr.h"
#include "base/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offsets;

struct offsets *offsets_new(void); /* NULL: no memory */
void offsets_free(struct offsets *o);
DECLARE_FREEP(struct offsets, offsets_free)

/* What a commit said, before the first add: nothing below commit is left to do, nor anything in
 * done, which is ascending, disjoint, above commit, and copied. False: no memory, nothing changed.
 */
MUST_CHECK bool offsets_restore(struct offsets *o, int64_t commit, const struct offset_range *done,
                                size_t count);
/* The record was done before the restore and must not run. offset is not below the highest added.
 */
bool offsets_was_done(const struct offsets *o, int64_t offset);

/* Makes room for one more offset, so that adding it cannot fail. False: no memory. */
MUST_CHECK bool offsets_reserve(struct offsets *o);
/* Room was reserved. offset must be above all added before, and not below a restored commit.
 * timestamp_ms is the record's, admitted_ms when it was taken in (monotonic): both only to be told
 * again. What was done before is done at once. */
void offsets_add(struct offsets *o, int64_t offset, int64_t timestamp_ms, int64_t admitted_ms);
/* Must have been added and not yet done. */
void offsets_done(struct offsets *o, int64_t offset);
/* Where a restart must begin: the lowest unfinished offset; without one, the one after the last
 * added, or after the restored range that begins there; the restored commit before the first is
 * added; -1 when there is none either. */
int64_t offsets_commit_point(const struct offsets *o);
/* What is done beyond the commit point, ascending, disjoint, not adjacent; what was restored and
 * not reached yet belongs to it. Offsets that do not exist are part of a range between done ones
 * only. At most max are written, the lowest; returns how many there are: never more than are
 * unfinished and restored together. */
size_t offsets_done_beyond(const struct offsets *o, struct offset_range *out, size_t max);
/* The highest added; before the first, the one before a restored commit, else -1. */
int64_t offsets_last(const struct offsets *o);
size_t offsets_unfinished(const struct offsets *o);
/* Of the lowest unfinished offset; false when there is none. */
bool offsets_oldest(const struct offsets *o, int64_t *timestamp_ms, int64_t *admitted_ms);
