/* SPDX-License-Identifier: Apache-2.0 */
/* What a load asks of each program: a model with measured costs. Pure. */
#pragma once

#include "config/settings.h"

#include <stddef.h>
#include <stdint.h>

/* Per second, at the busiest hour. */
struct capacity_load {
    double pushes;   /* of card events */
    double bonus;    /* changes of points asked for */
    double commands; /* of cmd.wechat */
    double call_s;   /* how long WeChat takes to answer */
};

/* One program under the load. */
struct capacity_need {
    const char *program; /* "kabao-member" */
    double events;       /* a second */
    double cores;        /* busy with them */
    double lanes;        /* busy at a time */
    int64_t instances;   /* that have so many lanes, none of them over half a core */
    double ceiling;      /* events a second that one instance's lanes can do; 0: no lanes */
};

/* One API path that has a limit. */
struct capacity_path {
    const char *path;
    double calls; /* a second */
    double limit; /* a second, on average of the day for a day's limit */
};

enum { CAPACITY_PROGRAMS = 8, CAPACITY_PATHS = 3 };

struct capacity {
    struct capacity_need programs[CAPACITY_PROGRAMS];
    struct capacity_path paths[CAPACITY_PATHS]; /* those that have a limit */
    size_t path_count;
    double commits;         /* of MySQL, a second */
    double rows_per_day;    /* of wechat_event */
    double kafka_gb;        /* of all topics at the set retention, one replica */
    double mysql_gb_a_year; /* of wechat_event and member, indexes included */
    int64_t most_instances; /* of a worker, that find a partition to work on */
};

void capacity_plan(const struct settings *settings, const struct capacity_load *load,
                   struct capacity *out);
