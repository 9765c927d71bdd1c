/* SPDX-License-Identifier: Apache-2.0 */
/* Which API paths are closed: 45011 for 60 s, 45009 until midnight UTC+8, alarms for 60 s; closings
 * only move later. In this process; the lease over all processes joins here. Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "metrics/metrics.h"

struct quota;
struct quota *quota_new(struct metrics *metrics); /* NULL: no memory */
void quota_free(struct quota *q);
DECLARE_FREEP(struct quota, quota_free)

/* ST_WAIT on resource "wechat:<account>:<path>" while it is closed. */
MUST_CHECK enum status quota_admit(struct quota *q, const struct account *account, const char *path,
                                   struct err *err);
/* Closes or leaves open, as the errcode's class asks; a path that closes is logged with the remedy.
 */
void quota_report(struct quota *q, const struct account *account, const char *path, int errcode);
/* Sets METRIC_QUOTA_BLOCKED. */
void quota_collect(struct quota *q);
