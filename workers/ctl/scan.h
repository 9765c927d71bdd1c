/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what is in a topic now. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/record.h"
#include "kafka/tail.h"

#include <stdbool.h>

/* In order within a partition; another status than ST_OK ends the scan with it. The record lives
 * for the call. */
typedef enum status scan_fn(void *arg, const struct record *record, struct err *err);

struct scan {
    const struct settings *settings;
    const char *topic; /* the full name; NULL: several */
    const char *const *topics;
    size_t topic_count;
    const struct str *keys; /* only where these keys go, as in struct tail_conf */
    size_t key_count;
    bool skips_missing;
    const struct tail_span *spans;
    size_t span_count;
    bool has_from;      /* else from the beginning */
    int64_t from_ms;    /* a broker that cannot look up times gives earlier ones, too */
    int64_t to_ms;      /* none behind the first of that time or later; 0: no end but the topic's */
    bool *lacks;        /* has_from: set where records of that time may be gone; NULL: not asked */
    const bool *enough; /* ends the scan when it became true; NULL: nothing does */
};

/* To where the topic ended when the scan began; a few later records may come with them. ST_RETRY:
 * the broker is away. */
MUST_CHECK enum status scan_topic(const struct scan *scan, scan_fn *fn, void *arg, struct err *err);
