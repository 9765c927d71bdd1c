/* SPDX-License-Identifier: Apache-2.0 */
/* crash_suspect: records that were in hand when a process died, and how often. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"
#include "model/id.h"
#include "tables/covered.h"

#include <stddef.h>
#include <stdint.h>

struct suspect {
    struct str topic;
    int32_t part;
    int64_t off;
    int64_t crashes;    /* not read by suspect_count, as the next */
    int64_t last_at_ms; /* wall */
};

/* The end of one process. */
struct crash {
    const char *worker;
    struct id id; /* of its own: by it a repeat is known */
    int64_t at_ms;
};

/* One crash more for each, counted once per crash however often the call is repeated. */
MUST_CHECK enum status suspect_count(struct db *db, const struct crash *crash,
                                     const struct suspect *suspects, size_t count, struct err *err);
/* The suspect lives for the call; as db_row_fn otherwise. */
typedef enum status suspect_fn(void *arg, const struct suspect *suspect, struct err *err);
/* Those of a partition number, over all topics, by topic and offset. */
MUST_CHECK enum status suspect_load(struct db *db, const char *worker, int32_t part, suspect_fn *fn,
                                    void *arg, struct err *err);
/* For people: those of the worker, by topic and place. */
MUST_CHECK enum status suspect_list(struct db *db, const char *worker, suspect_fn *fn, void *arg,
                                    struct err *err);
MUST_CHECK enum status suspect_forget(struct db *db, const struct source *from, int64_t off,
                                      struct err *err);
/* Deletes those that the commit covers, for they are done; those with a parked row are not and
 * stay. */
MUST_CHECK enum status suspect_forget_covered(struct db *db, const struct source *from,
                                              const struct covered *covered, struct err *err);
