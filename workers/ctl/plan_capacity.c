/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl plan-capacity: what a load asks of these settings, and what stops it first. */
#include "app/app.h"
#include "app/table.h"
#include "capacity.h"
#include "codec/jsonw.h"
#include "ctl.h"
#include "show.h"

#include <stdio.h>

enum {
    OUTPUT_MAX = 1 << 16,
    CELL_SIZE = 320,
    /* as long as a double can be */ CALL_MS = 200,
    MS_PER_S = 1000
};

static void write_double(struct jsonw *w, const char *key, double value)
{
    jsonw_key(w, str_from(key));
    jsonw_double(w, value);
}

static void write_programs(struct jsonw *w, const struct capacity *plan)
{
    jsonw_key(w, STR("programs"));
    jsonw_array(w);
    for (size_t i = 0; i < CAPACITY_PROGRAMS; i++) {
        const struct capacity_need *need = &plan->programs[i];

        jsonw_object(w);
        jsonw_key_str(w, "program", str_from(need->program));
        write_double(w, "events_per_second", need->events);
        write_double(w, "cores", need->cores);
        write_double(w, "lanes", need->lanes);
        jsonw_key_i64(w, "instances", need->instances);
        write_double(w, "events_per_second_of_one", need->ceiling);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_paths(struct jsonw *w, const struct capacity *plan)
{
    jsonw_key(w, STR("paths"));
    jsonw_array(w);
    for (size_t i = 0; i < plan->path_count; i++) {
        jsonw_object(w);
        jsonw_key_str(w, "path", str_from(plan->paths[i].path));
        write_double(w, "calls_per_second", plan->paths[i].calls);
        write_double(w, "limit_per_second", plan->paths[i].limit);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static bool print_json(const struct capacity *plan)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUTPUT_MAX);
    struct jsonw w = {.out = &out};

    jsonw_object(&w);
    write_programs(&w, plan);
    write_paths(&w, plan);
    jsonw_key_i64(&w, "most_instances", plan->most_instances);
    write_double(&w, "commits_per_second", plan->commits);
    write_double(&w, "rows_per_day", plan->rows_per_day);
    write_double(&w, "kafka_gb", plan->kafka_gb);
    write_double(&w, "mysql_gb_per_year", plan->mysql_gb_a_year);
    jsonw_object_end(&w);
    return show_print_json(&out);
}

static bool add_program(struct text_table *table, const struct capacity_need *need)
{
    char cells[5][CELL_SIZE] = {{0}};

    (void)snprintf(cells[0], CELL_SIZE, "%.1f", need->events);
    (void)snprintf(cells[1], CELL_SIZE, "%.2f", need->cores);
    (void)snprintf(cells[3], CELL_SIZE, "%lld", (long long)need->instances);
    if (need->ceiling > 0) {
        (void)snprintf(cells[2], CELL_SIZE, "%.0f", need->lanes);
        (void)snprintf(cells[4], CELL_SIZE, "%.0f", need->ceiling);
    }
    return text_table_row(table, (const struct str[]){str_from(need->program), str_from(cells[0]),
                                                      str_from(cells[1]), str_from(cells[2]),
                                                      str_from(cells[3]), str_from(cells[4])});
}

static void print_rest(const struct capacity *plan)
{
    for (size_t i = 0; i < plan->path_count; i++) {
        const struct capacity_path *path = &plan->paths[i];

        (void)printf("%s: %.1f of %.1f calls a second%s\n", path->path, path->calls, path->limit,
                     path->calls > path->limit ? ": TOO MANY, WeChat's limit is the ceiling" : "");
    }
    for (size_t i = 0; i < CAPACITY_PROGRAMS; i++)
        if (plan->programs[i].ceiling > 0 && plan->programs[i].instances > plan->most_instances)
            (void)printf(
                "%s: no more than %lld instances find a partition: more [topic] partitions, "
                "or more [worker] lanes\n",
                plan->programs[i].program, (long long)plan->most_instances);
    (void)printf("MySQL: %.0f commits a second, %.0f rows of wechat_event a day, %.1f GB a year\n"
                 "Kafka: %.1f GB at the set retention, times [topic] replication_factor\n",
                 plan->commits, plan->rows_per_day, plan->mysql_gb_a_year, plan->kafka_gb);
}

static bool print_people(const struct capacity *plan)
{
    static const char *const columns[] = {"program",   "events/s",         "cores", "busy lanes",
                                          "instances", "one does at most", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; good && i < CAPACITY_PROGRAMS; i++)
        good = add_program(table, &plan->programs[i]);
    if (!good || !text_table_print(table))
        return false;
    print_rest(plan);
    return true;
}

int ctl_plan_capacity(const struct ctl *ctl)
{
    const struct capacity_load load = {
        .pushes = (double)ctl->pushes,
        .bonus = (double)ctl->changes,
        .commands = (double)ctl->calls,
        .call_s = (double)(ctl->latency_ms > 0 ? ctl->latency_ms : CALL_MS) / MS_PER_S,
    };
    struct capacity plan;

    if (ctl->pushes == 0 && ctl->changes == 0 && ctl->calls == 0)
        return ctl_usage("say what comes: --pushes, --changes or --commands, each a second");
    capacity_plan(ctl->settings, &load, &plan);
    return (ctl->json ? print_json(&plan) : print_people(&plan)) ? EXIT_DONE : EXIT_INTERNAL;
}
