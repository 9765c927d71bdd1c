/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka side: one thread that starts the engine, polls, takes records in, commits, serves
 * rebalances, and stops. Polling never ends while it runs; what flows is bounded by pausing. */
#include "base/mem.h"
#include "run/engine.h"

#include <time.h>

enum {
    POLL_MS = 100,
    BURST = 64, /* records taken in before the rest is looked after */
    COMMIT_EVERY_MS = 500,
    COMMIT_SURE_MS = 10000, /* an unanswered commit may have failed: asked again, and waited for */
    START_RETRY_MS = 500,   /* at most: what is asked of others at a start mostly takes a moment */
    START_RETRY_FIRST_MS = 20,
    FULL_WAIT_MS = 1000, /* before pausing, which drops librdkafka's prefetched records */
    DRAIN_POLL_MS = 20,
};

static void nap(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

void pump_wait_freed(struct engine *engine, struct deadline until)
{
    struct timespec at = deadline_timespec(until);

    (void)pthread_cond_timedwait(&engine->lane_freed, &engine->sched_lock, &at);
}

/* Who stood still for long may have lost its partitions to somebody else without knowing: only the
 * fence can tell, and until it did no lane begins anything (lane.c). */
static void keep_owner(struct engine *engine)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms - atomic_load(&engine->owner_ms) < engine->owner_sure_ms || takeover_holds(engine))
        atomic_store(&engine->owner_ms, now_ms);
}

/* Polling */

/* *taken: a record came. A record that comes while the process stops is not taken in. */
static enum status poll_once(struct engine *engine, int timeout_ms, bool *taken, struct err *err)
{
    struct kafka_message *message = NULL;
    enum status rc;

    keep_owner(engine);
    rc = consumer_poll(engine->consumer, timeout_ms, &message, err);
    atomic_store(&engine->polled_ms, clock_mono_ms());
    atomic_store(&engine->joined, consumer_is_joined(engine->consumer));
    *taken = rc == ST_OK && message;
    if (*taken)
        partitions_admit(engine, message);
    return rc;
}

static enum status poll_burst(struct engine *engine, int timeout_ms, struct err *err)
{
    bool taken = true;
    enum status rc = poll_once(engine, timeout_ms, &taken, err);

    for (int i = 1; i < BURST && rc == ST_OK && taken && !engine->full; i++)
        rc = poll_once(engine, 0, &taken, err);
    return rc;
}

/* Flow */

static enum status pause_partitions(struct engine *engine, bool pause, struct err *err)
{
    size_t count = partitions_count(engine);
    struct topic_partition *all;
    size_t i = 0;
    enum status rc;

    if (count == 0)
        return ST_OK;
    all = mem_array(count, sizeof(*all));
    if (!all)
        return err_retry(err, "memory", "no memory to pause");
    for (const struct partition *p = engine->partitions; p; p = p->next)
        all[i++] = (struct topic_partition){.topic = p->topic, .partition = p->number};
    rc = pause ? consumer_pause(engine->consumer, all, count, err)
               : consumer_resume(engine->consumer, all, count, err);
    mem_free(all);
    return rc;
}

/* Both limits are left behind by half. */
static bool is_half_empty(const struct engine *engine)
{
    const struct settings_worker *limit = &engine->settings->worker;

    return !engine->crowded && engine->inflight <= (size_t)limit->max_inflight / 2 &&
           engine->inflight_bytes <= (size_t)limit->max_inflight_bytes / 2;
}

/* A deferred key whose time has come is some lane's business; that lane wakes the next. Called with
 * sched_lock; returns when to look again. */
static struct deadline wake_due(struct engine *engine)
{
    int64_t due_ms = keys_next_due_ms(engine->keys);

    if (due_ms < 0)
        return deadline_none();
    if (due_ms > clock_mono_ms())
        return (struct deadline){due_ms};
    (void)pthread_cond_signal(&engine->lane_wanted);
    return deadline_in(1);
}

/* A moment of patience spares the pause, and with it the prefetched records. */
static bool wait_for_room(struct engine *engine)
{
    struct deadline until = deadline_in(FULL_WAIT_MS);
    bool room;

    (void)pthread_mutex_lock(&engine->sched_lock);
    while (partitions_full(engine) && !deadline_passed(until) && !atomic_load(&engine->stopping)) {
        struct deadline soon = deadline_in(POLL_MS);

        pump_wait_freed(engine, deadline_min(soon, deadline_min(until, wake_due(engine))));
    }
    room = !partitions_full(engine);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return room;
}

static enum status keep_flow(struct engine *engine, struct err *err)
{
    bool half_empty;
    enum status rc = ST_OK;

    if (!engine->paused && engine->full) {
        engine->full = !wait_for_room(engine);
        if (!engine->full)
            return ST_OK;
        rc = pause_partitions(engine, true, err);
        engine->paused = rc == ST_OK;
        return rc;
    }
    if (!engine->paused)
        return ST_OK;
    (void)pthread_mutex_lock(&engine->sched_lock);
    half_empty = is_half_empty(engine);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!half_empty)
        return ST_OK;
    rc = pause_partitions(engine, false, err);
    engine->paused = rc != ST_OK;
    engine->full = engine->paused;
    return rc;
}

/* Upkeep */

struct upkeep {
    struct deadline commit_at;
    struct deadline sure_at;
    struct deadline tick_at;
};

static void queue_tick(struct engine *engine)
{
    struct item *item = item_new(ITEM_TICK, (struct str){NULL, 0});
    bool queued = false;

    if (!item)
        return;
    (void)pthread_mutex_lock(&engine->sched_lock);
    if (!engine->tick_queued)
        queued = keys_add(engine->keys, TICK_PARTITION, (struct str){NULL, 0}, &item->link);
    if (queued) {
        engine->tick_queued = true;
        (void)pthread_cond_signal(&engine->lane_wanted);
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!queued)
        item_free(item);
}

static void keep_committed(struct engine *engine, struct upkeep *u)
{
    bool sure;

    if (!deadline_passed(u->commit_at))
        return;
    sure = atomic_exchange(&engine->commit_wanted, false) || deadline_passed(u->sure_at);
    engine_commit(engine, sure);
    engine_show_lag(engine);
    u->commit_at = deadline_in(COMMIT_EVERY_MS);
    if (sure)
        u->sure_at = deadline_in(COMMIT_SURE_MS);
}

/* Returns how long the next poll may take. */
static int keep_up(struct engine *engine, struct upkeep *u)
{
    struct deadline due;
    int64_t left_ms;

    keep_committed(engine, u);
    if (engine->def->tick.fn && deadline_passed(u->tick_at)) {
        queue_tick(engine);
        u->tick_at = deadline_in(engine->def->tick.every_ms);
    }
    (void)pthread_mutex_lock(&engine->sched_lock);
    due = wake_due(engine);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    left_ms = deadline_left_ms(due);
    return left_ms < POLL_MS ? (int)left_ms : POLL_MS;
}

static enum status consume(struct engine *engine, struct err *err)
{
    struct upkeep upkeep = {
        .commit_at = deadline_in(COMMIT_EVERY_MS),
        .sure_at = deadline_in(COMMIT_SURE_MS),
        .tick_at = deadline_in(0),
    };
    struct log_limit limit = {0};

    while (!atomic_load(&engine->stopping)) {
        int timeout_ms = keep_up(engine, &upkeep);
        enum status rc = keep_flow(engine, err);

        if (rc == ST_OK)
            rc = poll_burst(engine, timeout_ms, err);
        if (rc == ST_FATAL)
            return rc;
        if (rc == ST_OK)
            continue;
        if (log_limit(&limit, NULL))
            log_warn(EV("poll.failed"), kv_cstr("code", err->code), kv_cstr("error", err->text));
        nap(1); /* what fails at once must not spin */
    }
    return ST_OK;
}

/* Start and stop */

static size_t left_to_do(struct engine *engine)
{
    size_t left;

    (void)pthread_mutex_lock(&engine->sched_lock);
    left = engine->running + keys_ready(engine->keys);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return left;
}

/* Finishes what runs or may run; what waits for its time is left to the next owner. Polls on, so
 * that a rebalance of the others is not held up. */
static void drain(struct engine *engine)
{
    struct deadline until = {atomic_load(&engine->drain_end_ms)};
    struct err err = {0};
    size_t left;
    bool taken;

    if (pause_partitions(engine, true, &err) != ST_OK)
        log_warn(EV("drain.pause"), kv_cstr("error", err.text));
    while ((left = left_to_do(engine)) > 0 && !deadline_passed(until))
        if (poll_once(engine, DRAIN_POLL_MS, &taken, &err) != ST_OK)
            nap(DRAIN_POLL_MS);
    if (left == 0)
        return;
    log_warn(EV("drain.cut"), kv_int("left", (int64_t)left));
    engine_commit(engine, true); /* now: the lanes may take long to let go */
}

static enum status start(struct engine *engine, struct err *err)
{
    struct log_limit limit = {0};
    int64_t pause_ms = START_RETRY_FIRST_MS;

    while (!atomic_load(&engine->stopping)) {
        enum status rc = engine_start(engine, err);

        if (rc != ST_RETRY && rc != ST_WAIT)
            return rc;
        if (log_limit(&limit, NULL))
            log_warn(EV("start.waits"), kv_cstr("code", err->code), kv_cstr("error", err->text));
        nap(pause_ms);
        pause_ms = pause_ms * 2 < START_RETRY_MS ? pause_ms * 2 : START_RETRY_MS;
    }
    return ST_OK;
}

void *pump_main(void *arg)
{
    struct engine *engine = arg;
    struct err err = {0};
    enum status rc = start(engine, &err);

    if (rc == ST_OK && !atomic_load(&engine->stopping)) {
        log_info(EV("worker.started"), kv_int("lanes", (int64_t)atomic_load(&engine->lane_count)));
        rc = consume(engine, &err);
    }
    if (rc != ST_OK)
        engine_fail(engine, rc, &err, "worker.failed");
    if (engine->consumer)
        drain(engine);
    engine_stop(engine);
    loop_stop(engine->app->loop);
    return NULL;
}
