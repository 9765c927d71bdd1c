/* SPDX-License-Identifier: Apache-2.0 */
/* What is done, told to the broker, and what is not, to the metrics. Runs on the pump's thread. */
#include "base/mem.h"
#include "run/engine.h"

/* What moved since it was last sent; sure: since the broker last answered for it. */
static size_t collect(struct engine *engine, bool sure, struct topic_partition *out)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&engine->sched_lock);
    for (struct partition *p = engine->partitions; p; p = p->next) {
        int64_t point = offsets_commit_point(p->offsets);

        if (point < 0 || point == (sure ? p->committed : p->sent))
            continue;
        p->sent = point;
        out[count++] =
            (struct topic_partition){.topic = p->topic, .partition = p->number, .offset = point};
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return count;
}

/* Points came from the list in its order. */
static void note_committed(struct engine *engine, const struct topic_partition *points,
                           size_t count)
{
    size_t i = 0;

    for (struct partition *p = engine->partitions; p && i < count; p = p->next)
        if (points[i].topic == p->topic)
            p->committed = points[i++].offset;
}

void engine_commit(struct engine *engine, bool sure)
{
    struct topic_partition *points = mem_array(partitions_count(engine) + 1, sizeof(*points));
    struct err err = {0};
    size_t count;

    if (!points)
        return;
    count = collect(engine, sure, points);
    if (count > 0 && consumer_commit(engine->consumer, points, count, sure, &err) != ST_OK)
        log_warn(EV("commit.failed"), kv_cstr("code", err.code), kv_cstr("error", err.text));
    else if (sure)
        note_committed(engine, points, count);
    mem_free(points);
}

static void show_partition(struct engine *engine, struct partition *p)
{
    int64_t end = consumer_end_offset(engine->consumer, p->topic, p->number);
    int64_t timestamp_ms = clock_wall_ms();
    int64_t admitted_ms = 0;
    int64_t point;
    int64_t age_ms;

    (void)pthread_mutex_lock(&engine->sched_lock);
    point = offsets_commit_point(p->offsets);
    (void)offsets_oldest(p->offsets, &timestamp_ms, &admitted_ms);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (point < 0)
        point = p->committed;
    age_ms = clock_wall_ms() - timestamp_ms;
    metric_set(p->lag, end > point && point >= 0 ? (double)(end - point) : 0);
    metric_set(p->lag_seconds, age_ms > 0 ? (double)age_ms / 1000 : 0);
}

void engine_show_lag(struct engine *engine)
{
    for (struct partition *p = engine->partitions; p; p = p->next)
        show_partition(engine, p);
}
