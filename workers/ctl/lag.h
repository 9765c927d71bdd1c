/* SPDX-License-Identifier: Apache-2.0 */
/* How far each worker is: what waits in Kafka, in MySQL, and in its dead letters. */
#pragma once

#include "base/arena.h"
#include "ctl.h"
#include "db/mysql.h"
#include "kafka/topics.h"

/* One partition of one of the worker's topics. */
struct lag_row {
    struct str topic; /* the full name */
    int32_t partition;
    int64_t records;   /* not yet done, the parked ones apart */
    int64_t oldest_ms; /* wall: timestamp of the oldest of them; -1: none, or not to be had */
    int64_t parked;
    int64_t dead; /* letters that nobody dealt with */
};

/* Zero at first. */
struct lag {
    struct lag_row *rows; /* by topic as the worker has them, redrive last, and partition */
    size_t count;
    int64_t useful; /* partition numbers that are behind: how many instances could be busy */
    struct arena arena;
};

MUST_CHECK enum status lag_read(const struct ctl *ctl, struct db *db,
                                const struct topic_worker *worker, struct lag *out,
                                struct err *err);
void lag_done(struct lag *lag);
