/* SPDX-License-Identifier: Apache-2.0 */
/* What would become of records if their worker read them again, as far as MySQL tells: looked up
 * many at a time, and counted. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "db/mysql.h"
#include "kafka/record.h"

#include <stddef.h>
#include <stdint.h>

struct tally;

/* Of records: each counts once. Several may ask for the same effect (an activation's). */
struct tally_counts {
    int64_t done;    /* the effect was made, or answered: it is not made again */
    int64_t open;    /* begun, and the worker finds out how it ended or repeats it */
    int64_t unknown; /* begun or given up, and a person must say: nothing happens */
    int64_t fresh;   /* nothing is known of an effect: it would be made, unless WeChat says no */
    int64_t none;    /* asks for no effect */
};

/* Calls of WeChat at most. */
struct tally_path {
    char appid[33];
    const char *path; /* static, or the settings' */
    int64_t calls;
};

/* worker, settings and db live as long as the tally. */
MUST_CHECK enum status tally_open(const struct settings *settings, struct str worker, struct db *db,
                                  struct tally **out, struct err *err);
void tally_close(struct tally *t); /* NULL is fine */
/* scan_fn; arg is the tally */
MUST_CHECK enum status tally_add(void *arg, const struct record *record, struct err *err);
/* After the last. */
MUST_CHECK enum status tally_end(struct tally *t, struct tally_counts *out, struct err *err);
const struct tally_path *tally_paths(const struct tally *t, size_t *count); /* the tally's */
