/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked for in the topics, and what was learnt of it meanwhile. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "ctl.h"
#include "kafka/tail.h"
#include "tale.h"

enum { SOUGHT_SPANS_MAX = 8 };

/* Sets of texts, all with the value &sought. */
struct sought {
    struct map *ids;    /* ce_ids of records that are told */
    struct map *made;   /* those of what is derived from them */
    struct map *traces; /* all of a trace is told */
    struct map *keys;   /* of records: where they may stand */
    struct map *told;   /* keys of which everything is told */
    int64_t from_ms;    /* nothing is older; INT64_MAX: not known */
    /* Where the pushes stand in event.wechat, which then is not read to its end: no other topic is
     * as long, and no push of theirs comes much later. Only where `placed`: all are known. */
    struct tail_span spans[SOUGHT_SPANS_MAX];
    size_t span_count;
    bool placed;
    bool changed;  /* something was learnt: what was read may have lacked it */
    bool is_short; /* of memory */
};

MUST_CHECK bool sought_init(struct sought *s);
void sought_done(struct sought *s);
bool sought_is_empty(const struct sought *s); /* no id, no trace, no told key */

/* Absent and empty texts are left out. */
void sought_id(struct sought *s, struct str ce_id);
void sought_trace(struct sought *s, struct str trace);
void sought_key(struct sought *s, struct str key);
void sought_told(struct sought *s, struct str key);
void sought_from(struct sought *s, int64_t wall_ms);
/* Of a push in event.wechat; below 0: it is not known. */
void sought_place(struct sought *s, int64_t partition, int64_t offset);

/* Reads the topics from s->from_ms, the partitions of s->keys alone unless wide, and tells every
 * record that is sought, once however often it is read. ST_RETRY: the broker is away. */
MUST_CHECK enum status sought_read(const struct ctl *ctl, struct sought *s, bool wide,
                                   struct tale *tale, struct err *err);
/* Looks through all partitions for a text of which nothing is known: as an id or a trace (exact),
 * as a key or in a value (loose), the last hour first, then a day, then everything. */
MUST_CHECK enum status sought_search(const struct ctl *ctl, struct str text, struct sought *exact,
                                     struct sought *loose, struct err *err);
