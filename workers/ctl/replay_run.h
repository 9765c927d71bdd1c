/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a range, fed to their worker: at a bounded rate, written down each second how far.
 */
#pragma once

#include "ctl.h"
#include "feed.h"
#include "tables/replay.h"

struct replay_job {
    const struct ctl *ctl;
    struct db *db;
    struct replay_range range;
    struct replay_run run; /* stands in the table; its sent and saved_ms go on */
    bool goes_on;          /* another process began it */
    int64_t rate;          /* records a second */
};

/* Returns ST_OK when all are there, ST_RETRY "stopped" after a signal; what was sent is then
 * written down. stop_hold comes before. */
MUST_CHECK enum status replay_run(struct replay_job *job, struct feed_counts *counts,
                                  struct err *err);
