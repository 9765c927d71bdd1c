/* SPDX-License-Identifier: Apache-2.0 */
/* Which API paths are closed: 45011 for 60 s, 45009 until midnight UTC+8, alarms for 60 s; closings
 * only move later. And which are dark: nothing comes through, one probe a second goes out. In this
 * process; the lease over all processes joins here. Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "metrics/metrics.h"

struct quota;
struct quota *quota_new(struct metrics *metrics); /* NULL: no memory */
void quota_free(struct quota *q);
DECLARE_FREEP(struct quota, quota_free)

enum { QUOTA_NAME_SIZE = 96 }; /* as err->resource */

/* ST_WAIT on resource "wechat:<account>:<path>" while it is closed, or dark (run/breaker). */
MUST_CHECK enum status quota_admit(struct quota *q, const struct account *account, const char *path,
                                   struct err *err);

/* How a call ended. */
struct quota_outcome {
    int errcode;
    int64_t began_ms;  /* monotonic */
    uint64_t key_hash; /* of the record it was made for */
};

/* The resource of a dark path, and when it may be tried. */
struct quota_dark {
    char resource[QUOTA_NAME_SIZE];
    struct deadline until;
};

/* Closes or leaves open, as the errcode's class asks; a path that closes is logged with the remedy.
 * True: no call comes through on this path, *dark says how long to wait. */
bool quota_report(struct quota *q, const struct account *account, const char *path,
                  const struct quota_outcome *outcome, struct quota_dark *dark);
/* Sets METRIC_QUOTA_BLOCKED. */
void quota_collect(struct quota *q);
