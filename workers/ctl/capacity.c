/* SPDX-License-Identifier: Apache-2.0 */
#include "capacity.h"

#include "wechat/calls.h"

#include <math.h>

/* How often a program has something to do, and what that costs. The costs are what the benchmarks
 * of tests/bench print on one core of a small virtual machine, rounded up; they differ by two from
 * machine to machine, which is why no instance is planned for more than half a core. */
enum driver { BY_PUSH, BY_BONUS, BY_COMMAND };

struct cost {
    const char *program;
    enum driver driver;
    double share;   /* of those events it does something about */
    double cpu_us;  /* per event; benches ingress, worker, store, effects */
    double calls;   /* of WeChat or the CRM, one after the other */
    double other_s; /* a lane is busy with besides: the broker's acknowledgement, commits */
    double commits; /* of MySQL; those of one moment share theirs (bench effects, store) */
    int64_t lanes;  /* where [worker] lanes says nothing; 0: it has none */
};

/* A push that activates is one of three in a card's life: received, form, first look. */
static const struct cost COSTS[CAPACITY_PROGRAMS] = {
    {"kabao-ingress", BY_PUSH, 1, 25, 0, 0, 0, 0},
    {"kabao-member", BY_PUSH, 1, 100, 1, 0.005, 0, 64},
    {"kabao-store", BY_PUSH, 2, 40, 0, 0.02, 0.02, 256},
    {"kabao-activate", BY_PUSH, 1.0 / 3, 300, 2, 0.03, 0.2, 64},
    {"kabao-crm", BY_PUSH, 2, 150, 1, 0.005, 0, 32},
    {"kabao-forward", BY_PUSH, 1, 150, 1, 0.005, 0, 32},
    {"kabao-bonus", BY_BONUS, 1, 300, 1, 0.03, 0.2, 64},
    {"kabao-command", BY_COMMAND, 1, 300, 1, 0.03, 0.2, 64},
};

enum {
    EVENT_BYTES = 1100, /* a push in event.wechat, headers and index included */
    STATE_BYTES = 2500, /* a member in state.member */
    ROW_BYTES = 2400,   /* of wechat_event, three indexes included */
    /* A day has so many of its busiest hours. */
    BUSY_HOURS = 8,
};

static const double CORE_SHARE = 0.5;
static const double GB = 1e9;

static double rate_of(const struct capacity_load *load, enum driver driver)
{
    switch (driver) {
    case BY_PUSH: return load->pushes;
    case BY_BONUS: return load->bonus;
    case BY_COMMAND: return load->commands;
    }
    return 0;
}

static int64_t lanes_of(const struct settings *settings, const struct cost *cost)
{
    if (str_eq_cstr(str_from(cost->program), "kabao-crm"))
        return settings->crm.max_inflight;
    return settings->worker.lanes > 0 ? settings->worker.lanes : cost->lanes;
}

static void plan_program(const struct settings *settings, const struct capacity_load *load,
                         const struct cost *cost, struct capacity_need *out)
{
    const double lanes = (double)lanes_of(settings, cost);
    const double busy_s = cost->calls * load->call_s + cost->other_s;
    double instances;

    *out = (struct capacity_need){.program = cost->program};
    out->events = rate_of(load, cost->driver) * cost->share;
    out->cores = out->events * cost->cpu_us / 1e6;
    instances = ceil(out->cores / CORE_SHARE);
    if (cost->lanes > 0) {
        out->lanes = out->events * busy_s;
        out->ceiling = lanes / busy_s;
        instances = fmax(instances, ceil(out->events / out->ceiling));
    }
    out->instances = instances < 1 ? 1 : (int64_t)instances;
}

static void plan_path(const struct settings *settings, const struct call *call, double calls,
                      struct capacity *out)
{
    const struct quota_limit *limit = quota_limit_of(&settings->quota, str_from(call->path));

    if (limit->count > 0)
        out->paths[out->path_count++] = (struct capacity_path){
            call->path, calls, (double)limit->count * 1000 / (double)limit->per_ms};
}

void capacity_plan(const struct settings *settings, const struct capacity_load *load,
                   struct capacity *out)
{
    const double days = (double)settings->topic.event_retention_hours / 24;

    *out = (struct capacity){.most_instances = settings->topic.partitions};
    for (size_t i = 0; i < CAPACITY_PROGRAMS; i++) {
        plan_program(settings, load, &COSTS[i], &out->programs[i]);
        out->commits += out->programs[i].events * COSTS[i].commits;
    }
    plan_path(settings, &CALL_MEMBER_GET, load->pushes, out);
    plan_path(settings, &CALL_MEMBER_UPDATE, load->bonus, out);
    plan_path(settings, &CALL_MEMBER_ACTIVATE, load->pushes / 3, out);
    out->rows_per_day = load->pushes * BUSY_HOURS * 3600;
    out->kafka_gb = out->rows_per_day * days * (EVENT_BYTES + STATE_BYTES) / GB;
    out->mysql_gb_a_year = out->rows_per_day * 365 * ROW_BYTES / GB;
}
