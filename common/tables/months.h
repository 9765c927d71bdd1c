/* SPDX-License-Identifier: Apache-2.0 */
/* The months wechat_event is divided into: partition p202601 holds what is before February 2026 and
 * in no month before it, `later` what is beyond the last month. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdint.h>

enum {
    MONTHS_AHEAD = 3,      /* that are there before they begin */
    MONTHS_MADE_MAX = 36,  /* by one call */
    MONTHS_ALIVE_DAYS = 31 /* without an event for so long nothing is made or dropped */
};

struct months {
    int64_t made;
    int64_t dropped;
};

/* Makes what is missing of this month and the MONTHS_AHEAD next, and drops the months that ended
 * keep or more months ago; this month and later ones always stay. Rows of a month that is gone may
 * be stored again: the oldest month that is left takes them, and they go with it.
 *
 * The time is the database's. It is believed only while events of the last MONTHS_ALIVE_DAYS are
 * there, whose times are WeChat's: a clock that has jumped drops nothing, and where no events come,
 * nothing grows.
 *
 * DDL: outside of any transaction, by one connection at a time, and it commits. It keeps writers of
 * the table waiting for lock_wait_timeout at most, and then for the work itself, next to nothing
 * unless `later` holds many rows. Partitions by other names are left alone. Output and status as of
 * db_exec; what was made is told even where dropping fails. */
MUST_CHECK enum status months_keep(struct db *db, int64_t keep, struct months *out,
                                   struct err *err);
