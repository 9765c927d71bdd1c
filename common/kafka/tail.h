/* SPDX-License-Identifier: Apache-2.0 */
/* Follows topics without a group, all partitions: state topics from their beginning, kabaoctl tail.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/consumer.h"

#include <stdbool.h>

struct tail;

enum tail_from { TAIL_BEGINNING, TAIL_END, TAIL_TIME };

/* Offsets from..to, to not included. */
struct tail_span {
    const char *topic;
    int32_t partition;
    int64_t from;
    int64_t to;
};

struct tail_conf {
    const struct settings_kafka *kafka;
    const char *client_id;
    const char *const *topics;
    size_t topic_count;
    enum tail_from from;
    int64_t from_wall_ms; /* TAIL_TIME */
    /* TAIL_TIME: a broker that cannot look up times (the mock cluster) gives all there is; the
     * caller looks at the records' times. Else it gives what comes from now on. */
    bool or_all;
    /* Not past the first record of that time or later, so that a range long ago costs no more than
     * itself: what stands behind it with an earlier time is left out. 0: to the end, and on. */
    int64_t to_wall_ms;
    /* Only the partitions that records of these keys go to; none: all. Borrowed for the call. */
    const struct str *keys;
    size_t key_count;
    bool skips_missing; /* topics that do not exist are left out */
    /* Of the topics named here only these, one span of a partition at most; from and keys are for
     * the others. */
    const struct tail_span *spans;
    size_t span_count;
    /* Records come up to 20 ms later, many at a time: where a record at a time would wake this
     * process, and the broker, more often than its work is worth. */
    bool gathers;
};

/* Reads metadata and the current ends first. ST_RETRY: no broker; ST_FATAL: a topic does not exist.
 */
MUST_CHECK enum status tail_open(const struct tail_conf *conf, struct deadline until,
                                 struct tail **out, struct err *err);
void tail_close(struct tail *t); /* NULL is fine */
MUST_CHECK enum status tail_poll(struct tail *t, int timeout_ms, struct kafka_message **out,
                                 struct err *err);
/* True once everything that stood in the topics when it was opened has been returned by tail_poll
 * (also when the last offsets are gaps left by compaction or transactions). Thread-safe. */
bool tail_at_end(const struct tail *t);
/* TAIL_TIME: of some partition records are gone, and its first that is left is not older than the
 * time asked for: what is gone may be of that time too. */
bool tail_lacks(const struct tail *t);
