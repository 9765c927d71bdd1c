/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl lag: what waits, worker by worker. */
#include "lag.h"

#include "app/app.h"
#include "app/table.h"
#include "base/clock.h"
#include "listing.h"

#include <stdio.h>

enum { NUMBER_SIZE = 24 };

struct showing {
    struct listing *rows;       /* the partitions that have something; for programs all of them */
    struct text_table *workers; /* for people: a row each */
    int64_t now_ms;
};

/* -1: nothing waits, or its age is not to be had. */
static int64_t age_s(const struct showing *s, int64_t oldest_ms)
{
    if (oldest_ms < 0)
        return -1;
    return s->now_ms > oldest_ms ? (s->now_ms - oldest_ms) / 1000 : 0;
}

static struct lag_row sum_of(const struct lag *lag)
{
    struct lag_row sum = {.oldest_ms = -1};

    for (size_t i = 0; i < lag->count; i++) {
        const struct lag_row *row = &lag->rows[i];

        sum.records += row->records;
        sum.parked += row->parked;
        sum.dead += row->dead;
        if (row->oldest_ms >= 0 && (sum.oldest_ms < 0 || row->oldest_ms < sum.oldest_ms))
            sum.oldest_ms = row->oldest_ms;
    }
    return sum;
}

static void write_row(struct showing *s, const char *worker, const struct lag *lag,
                      const struct lag_row *row)
{
    struct jsonw *w = s->rows->json;
    const int64_t age = age_s(s, row->oldest_ms);

    jsonw_object(w);
    jsonw_key_str(w, "worker", str_from(worker));
    jsonw_key_str(w, "topic", row->topic);
    jsonw_key_i64(w, "partition", row->partition);
    jsonw_key_i64(w, "lag", row->records);
    jsonw_key_i64(w, "lag_seconds", age < 0 ? 0 : age);
    jsonw_key_i64(w, "parked", row->parked);
    jsonw_key_i64(w, "dead", row->dead);
    jsonw_key_i64(w, "useful_replicas", lag->useful);
    jsonw_object_end(w);
}

struct numbers {
    char lag[NUMBER_SIZE];
    char age[NUMBER_SIZE];
    char parked[NUMBER_SIZE];
    char dead[NUMBER_SIZE];
    char last[NUMBER_SIZE];
};

static void format(struct numbers *n, const struct showing *s, const struct lag_row *row,
                   int64_t last)
{
    const int64_t age = age_s(s, row->oldest_ms);

    (void)snprintf(n->lag, sizeof(n->lag), "%lld", (long long)row->records);
    (void)snprintf(n->age, sizeof(n->age), age < 0 ? "-" : "%lld s", (long long)age);
    (void)snprintf(n->parked, sizeof(n->parked), "%lld", (long long)row->parked);
    (void)snprintf(n->dead, sizeof(n->dead), "%lld", (long long)row->dead);
    (void)snprintf(n->last, sizeof(n->last), "%lld", (long long)last);
}

static bool add_worker(struct showing *s, const char *worker, const struct lag *lag)
{
    const struct lag_row sum = sum_of(lag);
    struct numbers n = {0};

    format(&n, s, &sum, lag->useful);
    return text_table_row(s->workers, (const struct str[]){str_from(worker), str_from(n.lag),
                                                           str_from(n.age), str_from(n.parked),
                                                           str_from(n.dead), str_from(n.last)});
}

static enum status add_row(struct showing *s, const char *worker, const struct lag_row *row,
                           struct err *err)
{
    struct numbers n = {0};

    if (!s->rows->ctl->all && row->records == 0 && row->parked == 0 && row->dead == 0)
        return ST_OK;
    format(&n, s, row, row->partition);
    return listing_row(s->rows,
                       (const struct str[]){str_from(worker), row->topic, str_from(n.last),
                                            str_from(n.lag), str_from(n.age), str_from(n.parked),
                                            str_from(n.dead)},
                       err);
}

static enum status show_people(struct showing *s, const char *worker, const struct lag *lag,
                               struct err *err)
{
    enum status rc = add_worker(s, worker, lag) ? ST_OK : err_fatal(err, "memory", "out of memory");

    for (size_t i = 0; rc == ST_OK && i < lag->count; i++)
        rc = add_row(s, worker, &lag->rows[i], err);
    return rc;
}

static enum status show(struct showing *s, const char *worker, const struct lag *lag,
                        struct err *err)
{
    if (!s->rows->ctl->json)
        return show_people(s, worker, lag, err);
    for (size_t i = 0; i < lag->count; i++)
        write_row(s, worker, lag, &lag->rows[i]);
    return ST_OK;
}

/* listing_fn */
static enum status list_workers(struct listing *l, struct db *db, struct err *err)
{
    const char *only = l->ctl->word_count > 0 ? l->ctl->words[0] : NULL;
    struct showing s = {.rows = l, .workers = l->arg, .now_ms = clock_wall_ms()};
    enum status rc = ST_OK;

    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++) {
        struct lag lag = {0};

        if (only && !str_eq_cstr(str_from(only), w->name))
            continue;
        rc = lag_read(l->ctl, db, w, &lag, err);
        if (rc == ST_OK)
            rc = show(&s, w->name, &lag, err);
        lag_done(&lag);
    }
    if (rc != ST_OK || l->ctl->json)
        return rc;
    if (!text_table_print(s.workers))
        return err_fatal(err, "memory", "out of memory");
    (void)printf("\n");
    return ST_OK;
}

int ctl_lag(const struct ctl *ctl)
{
    static const char *const of_workers[] = {"worker",          "lag", "oldest", "parked", "dead",
                                             "useful replicas", NULL};
    static const char *const of_rows[] = {"worker", "topic",  "partition", "lag",
                                          "oldest", "parked", "dead",      NULL};
    AUTO(text_table_freep) struct text_table *workers = text_table_new(of_workers, false);

    if (ctl->word_count > 0 && !topic_worker(ctl->words[0]))
        return ctl_usage("that is no worker's name");
    return workers ? listing_run(ctl, of_rows, list_workers, workers) : EXIT_INTERNAL;
}
