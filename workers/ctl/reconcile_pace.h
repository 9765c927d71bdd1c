/* SPDX-License-Identifier: Apache-2.0 */
/* How fast cards can be looked at and set within [quota]: one userinfo/get and at most one
 * updateuser each. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/mysql.h"

enum { PACE_CALLS = 2, PACE_TIME_SIZE = 32 };

struct pace {
    int64_t us_per_card; /* 0: nothing limits it */
    int64_t per_day;     /* 0: the same */
};

struct pace pace_of(const struct settings_quota *quota);
/* No more than so many cards a second; 0: no such limit. */
void pace_slow(struct pace *pace, int64_t per_s);
/* At most, were there nobody else; -1: nothing limits it. */
int64_t pace_seconds(const struct pace *pace, int64_t cards);
/* For calls of one path that get no more than this share of its limit; -1: nothing limits them. */
int64_t pace_path_seconds(const struct settings_quota *quota, const char *path, int64_t calls,
                          double share);
/* "3 min", "5 h 20 min", "2 days"; "" below 0. */
void pace_format(int64_t seconds, char out[PACE_TIME_SIZE]);
struct quota_row;
/* Until a path with this row gives a call, by its limit or because it is closed; 0 or less: now. */
int64_t pace_wait_us(const struct quota_limit *limit, const struct quota_row *row);
/* For how long it will give no call to anybody: a path is closed, a limit is used up; 0: not so. */
MUST_CHECK enum status pace_closed(struct db *db, const struct settings_quota *quota,
                                   struct str appid, int64_t *closed_ms, struct err *err);
