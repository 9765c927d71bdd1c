/* SPDX-License-Identifier: Apache-2.0 */
/* The records that a worker has read, by their times: each partition of its inputs in order, one
 * topic after the other. */
#pragma once

#include "config/settings.h"
#include "kafka/topics.h"
#include "scan.h"
#include "tables/replay.h"

enum { REPLAY_TOPICS_MAX = 8 };

struct replay_counts {
    size_t topic_count;
    const char *topics[REPLAY_TOPICS_MAX]; /* short names, static */
    int64_t records[REPLAY_TOPICS_MAX];
    int64_t all;
};

/* How far a record's time may be behind those around it and the record still be found. */
enum { REPLAY_DISORDER_MS = 900000 };

/* fn for each of the range: the time that Kafka has of it (when it was produced) is from_ms or
 * later and before to_ms, key and type are those asked for; NULL: they are only counted. *counts is
 * filled as it goes. ST_FATAL "gone": the topic's retention has taken records of the range. */
MUST_CHECK enum status replay_read(const struct settings *settings,
                                   const struct replay_range *range, scan_fn *fn, void *arg,
                                   struct replay_counts *counts, struct err *err);
