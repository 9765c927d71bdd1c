/* SPDX-License-Identifier: Apache-2.0 */
/* What is done beyond a commit as printable text for the commit's metadata, and back. Pure.
 *
 *   k1.<checksum>.<lengths>
 *
 * lengths: from the commit on, in turn how many offsets are not done and how many are, ending with
 * the latter. Each, at least 1, is written less 1, lowest 5 bits first, as a character of
 * Base64url: its 6th bit says that more follows, which then counts from 1 again (1..32 one
 * character, 33..1056 two, 1057..33824 three; one way to write each). checksum: CRC-32 (zlib's), 8
 * hexadecimal digits, of "<commit>:<topic id>:<lengths>". A set of ranges has exactly one text. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offset_range;

/* Adds the text of the lowest ranges that fit below out's ceiling; nothing when there is none.
 * done is ascending, disjoint, not adjacent, above commit, as offsets_done_beyond tells it.
 * Returns how many were written; 0 also when memory is short (out has failed). */
size_t marks_write(struct str topic_id, int64_t commit, const struct offset_range *done,
                   size_t count, struct buf *out);
/* The reverse, into out, which has room for max; a text has fewer ranges than half its bytes. An
 * empty or absent text has none. False, nothing changed: unknown or damaged, of another topic id or
 * commit, or more than max. */
MUST_CHECK bool marks_read(struct str text, struct str topic_id, int64_t commit,
                           struct offset_range *out, size_t max, size_t *count);
/* Bytes that suffice for every text while no more than unfinished offsets are, and what is done
 * lies less than span above the commit, in whatever order it became done. Who takes a record in
 * only while marks_bound(unfinished + 1, offset + 1 - commit) is within the ceiling never loses a
 * range; what was restored from a text written so needs no share of its own. In 4096 bytes go 1024
 * unfinished within 67,000 offsets, 680 within 1.6 million, 512 within 34 million, 170 within any.
 */
size_t marks_bound(size_t unfinished, int64_t span);
