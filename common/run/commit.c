/* SPDX-License-Identifier: Apache-2.0 */
/* What is done, told to the broker, and what is not, to the metrics. Runs on the pump's thread. */
#include "base/mem.h"
#include "metrics/catalog.h"
#include "run/engine.h"

/* The commit point of a partition, with what is done beyond it. Under sched_lock. */
static struct topic_partition point_of(struct engine *engine, struct partition *p)
{
    int64_t point = offsets_commit_point(p->offsets);
    size_t count = offsets_done_beyond(p->offsets, engine->ranges, RANGES_MAX);
    size_t fit = count < RANGES_MAX ? count : RANGES_MAX;

    buf_clear(&p->marks);
    p->whole = marks_write((struct str){NULL, 0}, point, engine->ranges, fit, &p->marks) == count;
    p->sent = p->settled;
    return (struct topic_partition){
        .topic = p->topic, .partition = p->number, .offset = point, .metadata = buf_str(&p->marks)};
}

struct points {
    struct topic_partition *list;
    size_t count;
    uint64_t seq; /* sure only */
    bool whole;   /* all that is done is covered */
};

/* What moved since it was last sent; sure: since the broker last answered for it. */
static void collect(struct engine *engine, bool sure, struct points *points)
{
    bool crowded = false;

    points->whole = true;
    (void)pthread_mutex_lock(&engine->sched_lock);
    if (sure)
        points->seq = ++engine->commit_seq;
    for (struct partition *p = engine->partitions; p; p = p->next) {
        if (p->settled != (sure ? p->committed : p->sent))
            points->list[points->count++] = point_of(engine, p);
        points->whole = points->whole && p->whole;
        crowded = crowded || partitions_crowded(p);
    }
    engine->crowded = crowded;
    (void)pthread_mutex_unlock(&engine->sched_lock);
}

/* Points came from the list in its order. */
static void note_committed(struct engine *engine, const struct points *points)
{
    size_t i = 0;

    for (struct partition *p = engine->partitions; p && i < points->count; p = p->next)
        if (points->list[i].topic == p->topic && points->list[i].partition == p->number) {
            p->committed = p->sent;
            i++;
        }
    atomic_store(&engine->commit_failing_ms, 0);
    if (!points->whole)
        return;
    (void)pthread_mutex_lock(&engine->sched_lock);
    engine->commit_acked = points->seq;
    (void)pthread_cond_signal(&engine->lane_wanted);
    (void)pthread_mutex_unlock(&engine->sched_lock);
}

static void note_failed(struct engine *engine, const struct err *err)
{
    int64_t none = 0;

    (void)atomic_compare_exchange_strong(&engine->commit_failing_ms, &none, clock_mono_ms());
    log_warn(EV("commit.failed"), kv_cstr("code", err->code), kv_cstr("error", err->text));
}

void engine_commit(struct engine *engine, bool sure)
{
    struct points points = {.list = mem_array(partitions_count(engine) + 1, sizeof(*points.list))};
    struct err err = {0};

    if (!points.list)
        return;
    collect(engine, sure, &points);
    if (points.count > 0 &&
        consumer_commit(engine->consumer, points.list, points.count, sure, &err) != ST_OK)
        note_failed(engine, &err);
    else if (sure)
        note_committed(engine, &points);
    mem_free(points.list);
}

/* The first offset that was not taken in yet; -1: not known. Under sched_lock. */
static int64_t next_unread(const struct partition *p)
{
    return offsets_commit_point(p->offsets) < 0 ? p->begin : offsets_last(p->offsets) + 1;
}

/* True: records lie unread behind those in hand; parked and dead ones are none of them. */
static bool show_partition(struct engine *engine, struct partition *p)
{
    int64_t end = consumer_end_offset(engine->consumer, p->topic, p->number);
    int64_t timestamp_ms = clock_wall_ms();
    int64_t admitted_ms = 0;
    int64_t unfinished;
    int64_t unread;
    int64_t next;
    int64_t age_ms;

    (void)pthread_mutex_lock(&engine->sched_lock);
    next = next_unread(p);
    unfinished = (int64_t)offsets_unfinished(p->offsets);
    (void)offsets_oldest(p->offsets, &timestamp_ms, &admitted_ms);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    unread = next >= 0 && end > next ? end - next : 0;
    age_ms = clock_wall_ms() - timestamp_ms;
    metric_set(p->lag, (double)(unread + unfinished));
    metric_set(p->lag_seconds, age_ms > 0 ? (double)age_ms / 1000 : 0);
    return unread > 0;
}

/* Each partition that is behind could keep an instance busy; which topic it is of is all one, for
 * the same number goes to the same instance. */
void engine_show_lag(struct engine *engine)
{
    size_t behind = 0;

    for (struct partition *p = engine->partitions; p; p = p->next)
        engine->behind[p->number] = false;
    for (struct partition *p = engine->partitions; p; p = p->next)
        if (show_partition(engine, p) && !engine->behind[p->number]) {
            engine->behind[p->number] = true;
            behind++;
        }
    metric_set(metric_plain(engine->app->metrics, &METRIC_USEFUL_REPLICAS), (double)behind);
}
