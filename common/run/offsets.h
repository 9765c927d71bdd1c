/* SPDX-License-Identifier: Apache-2.0 */
/* One partition's offsets: completed out of order, committed in order. Pure; knows neither Kafka
 * nor MySQL. Offsets are added in ascending order and may have gaps (compaction, transactions). */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offsets;

struct offsets *offsets_new(void); /* NULL: no memory */
void offsets_free(struct offsets *o);
DECLARE_FREEP(struct offsets, offsets_free)

/* Makes room for one more offset, so that adding it cannot fail. False: no memory. */
MUST_CHECK bool offsets_reserve(struct offsets *o);
/* Room was reserved. offset must be above all added before. timestamp_ms is the record's,
 * admitted_ms when it was taken in (monotonic): both only to be told again. */
void offsets_add(struct offsets *o, int64_t offset, int64_t timestamp_ms, int64_t admitted_ms);
/* Must have been added and not yet done. */
void offsets_done(struct offsets *o, int64_t offset);
/* Where a restart must begin: the lowest unfinished offset, or the one after the last added; -1
 * before the first. */
int64_t offsets_commit_point(const struct offsets *o);
int64_t offsets_last(const struct offsets *o); /* the highest added; -1 before the first */
size_t offsets_unfinished(const struct offsets *o);
/* Of the lowest unfinished offset; false when there is none. */
bool offsets_oldest(const struct offsets *o, int64_t *timestamp_ms, int64_t *admitted_ms);
