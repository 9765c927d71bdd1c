/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a call may go out on an API path of an account. A path may be closed: 45011 for 60 s,
 * 45009 until midnight UTC+8, alarms for 60 s; closings only move later, and MySQL brings them to
 * every process. It may be dark, in this process alone: nothing comes through, one probe a second
 * goes out (run/breaker). And it may have a limit, which all processes keep together (run/permits).
 * Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/pool.h"
#include "metrics/metrics.h"
#include "wechat/errors.h"

struct quota;
/* Borrows both for its life. NULL: no memory. */
struct quota *quota_new(const struct settings *settings, struct metrics *metrics);
void quota_free(struct quota *q);
DECLARE_FREEP(struct quota, quota_free)

/* One path of one account, for the life of q; the account is the settings' own. NULL: no memory.
 * Takes a lock and looks a name up: remember it. */
struct quota_path;
struct quota_path *quota_path(struct quota *q, const struct account *account, const char *path);

struct quota_caller {
    struct deadline until; /* of the record in hand */
    bool is_replay;        /* it is given again: live ones go first */
};

/* ST_WAIT on resource "wechat:<account>:<path>" while the path is closed or dark, or its limit has
 * no call to give. A path without a limit never asks the database. ST_FATAL as in db_exec. */
MUST_CHECK enum status quota_admit(struct quota *q, struct quota_path *path,
                                   const struct quota_caller *caller, struct err *err);

/* How a call ended. */
struct quota_outcome {
    int errcode;
    int64_t began_ms;  /* monotonic */
    uint64_t key_hash; /* of the record it was made for */
};

/* The resource of a dark path, and when it may be tried. */
struct quota_dark {
    const char *resource; /* lives as long as the path */
    struct deadline until;
};

/* For how long an errcode of this class closes a path; 0: it does not. A day's ends at midnight
 * UTC+8; just after midnight the day that is meant may be the one before, so ask again soon. */
int64_t quota_closing_ms(enum errcode_class class, int64_t wall_ms);

/* Closes or leaves open, as the errcode's class asks; a path that closes is logged with the remedy.
 * True: no call comes through on this path, *dark says how long to wait. */
bool quota_report(struct quota *q, struct quota_path *path, const struct quota_outcome *outcome,
                  struct quota_dark *dark);

/* From here on limits are asked for with this pool, which outlives all calls. Learns what is
 * closed: before the first call. */
MUST_CHECK enum status quota_open(struct quota *q, struct db_pool *pool, struct err *err);
/* Tells of what closed here and learns what closed elsewhere; one thread at a time. False: the
 * database is away, the next one makes up for it. */
bool quota_sync(struct quota *q, struct deadline until);
/* Something closed here of which others do not know: quota_sync is due at once. */
bool quota_has_news(struct quota *q);
/* Sets METRIC_QUOTA_BLOCKED. */
void quota_collect(struct quota *q);
