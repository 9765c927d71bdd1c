/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one partition by what its commit covers: what is covered belongs to MySQL, the rest to
 * Kafka. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/range.h"
#include "base/str.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One partition of a topic, as one worker reads it. Borrowed texts. */
struct source {
    const char *worker; /* "member" */
    struct str topic;   /* the full name */
    int32_t part;
};

/* A commit: all below it is covered, and what its metadata tells to be done beyond. */
struct covered {
    int64_t commit;                    /* -1: there is none, nothing is covered */
    const struct offset_range *ranges; /* borrowed; ascending, without overlap, in any number */
    size_t range_count;
};

bool covered_has(const struct covered *c, int64_t off);

/* Which rows of a table go, for covered_delete. */
struct covered_rule {
    const char *select; /* worker, topic, part, off at least, ... : offsets, ascending, COVERED_PAGE
                           at most */
    const char *delete; /* worker, topic, part; "... AND off IN " comes at the end */
    bool covered;       /* those that are covered go; else those that are not */
};

enum { COVERED_PAGE = 256 };

/* In steps, each safe to repeat. deleted: how many went, NULL is fine; 0 for those that an earlier
 * try took. */
MUST_CHECK enum status covered_delete(struct db *db, const struct covered_rule *rule,
                                      const struct source *from, const struct covered *covered,
                                      int64_t *deleted, struct err *err);
