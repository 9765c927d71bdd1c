/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus metrics: definitions are rows of the catalogue, values are atomics. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"

#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 4, METRIC_SERIES_MAX = 2000 };

struct metric_def {
    const char *name; /* "kabao_ingress_requests_total" */
    enum metric_type type;
    const char *help;
    unsigned groups;    /* who serves it: bits of enum metric_group (catalog.h) */
    const char *values; /* all values of its one label, by blanks; NULL: not known beforehand */
    const char *labels[METRIC_LABELS_MAX]; /* NULL-terminated when fewer */
};

struct metrics;
struct series;

struct metrics *metrics_new(void); /* NULL when memory is short */
void metrics_free(struct metrics *m);
DECLARE_FREEP(struct metrics, metrics_free)

/* Finds or makes the series of these label values (as many as def->labels; NULL entries count as
 * "", values are cut at 128 bytes). Never NULL: past METRIC_SERIES_MAX series of one definition
 * everything lands in one series whose labels read "other", and where memory is short in one that
 * no page shows. Lives as long as m. Takes a lock: keep the result on hot paths. Thread-safe. */
struct series *metric_series(struct metrics *m, const struct metric_def *def,
                             const char *const *labels);
/* Shows what is known of it beforehand, zero: the series without labels, or one of each of
 * def->values; else only its HELP and TYPE. */
void metric_declare(struct metrics *m, const struct metric_def *def);
/* The series without labels; a page shows it from the start once this was called. */
struct series *metric_plain(struct metrics *m, const struct metric_def *def);
/* Shorthands for one and two labels. */
struct series *metric_1(struct metrics *m, const struct metric_def *def, const char *a);
struct series *metric_2(struct metrics *m, const struct metric_def *def, const char *a,
                        const char *b);

void metric_add(struct series *s, int64_t count); /* counter (one relaxed addition) or gauge */
void metric_set(struct series *s, double value);  /* gauge */
double metric_value(struct series *s); /* for tests and /healthz; of a histogram the count */
void metric_observe(struct series *s,
                    double value); /* histogram; seconds or rows, as the name says */

/* The text exposition format 0.0.4, definitions in alphabetical order. Thread-safe. */
void metrics_format(struct metrics *m, struct buf *out);
