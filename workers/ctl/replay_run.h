/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a range, fed to their worker: at a bounded rate, written down each second how far.
 */
#pragma once

#include "ctl.h"
#include "feed.h"
#include "tables/replay.h"

/* run stands in the table. goes_on: another process began it. Returns ST_OK when all are there,
 * ST_RETRY "stopped" after a signal; what was sent is then written down. stop_hold comes before. */
MUST_CHECK enum status replay_run(const struct ctl *ctl, struct db *db,
                                  const struct replay_range *range, struct replay_run *run,
                                  bool goes_on, struct feed_counts *counts, struct err *err);
