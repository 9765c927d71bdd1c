/* SPDX-License-Identifier: Apache-2.0 */
/* The assigned partitions: records taken in, rebalances served. */
#include "base/mem.h"
#include "metrics/catalog.h"
#include "run/engine.h"

#include <string.h>
#include <time.h>

enum { NAP_NS = 10000000, CUT_GRACE_MS = 2000 };

/* Short of memory: lanes give some back. */
static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static struct partition *find_partition(struct engine *engine, const char *topic, int32_t number)
{
    for (struct partition *p = engine->partitions; p; p = p->next)
        if (p->number == number && strcmp(p->topic, topic) == 0)
            return p;
    return NULL;
}

size_t partitions_count(const struct engine *engine)
{
    size_t count = 0;

    for (const struct partition *p = engine->partitions; p; p = p->next)
        count++;
    return count;
}

/* Taking records in */

void partitions_drop(void *arg, struct keys_item *link)
{
    struct engine *engine = arg;
    struct item *item = (struct item *)link;

    if (item->kind == ITEM_RECORD) {
        engine->inflight--;
        engine->inflight_bytes -= item->bytes;
    }
    if (item->kind == ITEM_TICK)
        engine->tick_queued = false;
    if (item->kind == ITEM_PARKED)
        park_uncount(engine, item);
    park_forget(engine, item);
    item_free(item);
}

bool partitions_full(const struct engine *engine)
{
    const struct settings_worker *limit = &engine->settings->worker;

    return engine->crowded || engine->inflight >= (size_t)limit->max_inflight ||
           engine->inflight_bytes >= (size_t)limit->max_inflight_bytes;
}

enum admission { ADMITTED, NOT_OURS, DONE_BEFORE, WENT_BACK, NO_MEMORY };

/* How far on the next record may be; gaps are seldom longer. */
enum { NEXT_OFFSETS = 4096 };

/* Called with sched_lock, as are the next two. */
bool partitions_crowded(const struct partition *p)
{
    int64_t point = offsets_commit_point(p->offsets);
    int64_t span = point < 0 ? 0 : offsets_last(p->offsets) - point;

    return marks_bound(offsets_unfinished(p->offsets) + 1, span + NEXT_OFFSETS) >
           COMMIT_METADATA_MAX;
}

/* Behind a key that waits: it waits with it, in MySQL if the key does. */
static void join_waiting(struct engine *engine, struct item *item)
{
    struct item *head = (struct item *)keys_head(&item->link);

    if (head->kind == ITEM_PARKED)
        park_ask(engine, head);
    else
        park_relieve(engine);
}

/* The first record of a partition lies below its commit: the log is another than the one that was
 * committed. What was said of that one is forgotten. False: no memory. */
static bool start_anew(struct partition *p)
{
    struct offsets *fresh = offsets_new();

    if (!fresh)
        return false;
    log_warn(EV("commit.beyond_the_log"), kv_cstr("topic", p->topic),
             kv_int("partition", p->number), kv_int("committed", offsets_last(p->offsets) + 1));
    offsets_free(p->offsets);
    p->offsets = fresh;
    return true;
}

static enum admission queue_record(struct engine *engine, struct item *item)
{
    const struct record *r = item->record;
    char room[PARKED_KEY_ROOM];
    struct partition *p = find_partition(engine, r->topic.ptr, r->partition);

    if (!p || p->draining)
        return NOT_OURS;
    if (r->offset <= offsets_last(p->offsets)) {
        if (p->begun)
            return WENT_BACK;
        if (!start_anew(p))
            return NO_MEMORY;
    }
    item->link.redrive = engine_is_redrive(engine, p->topic_index);
    if (!offsets_reserve(p->offsets))
        return NO_MEMORY;
    p->begun = true;
    if (offsets_was_done(p->offsets, r->offset)) {
        offsets_add(p->offsets, r->offset, r->timestamp_ms, item->admitted_ms);
        p->settled++;
        return DONE_BEFORE;
    }
    if (!keys_add(engine->keys, r->partition, parked_key(r->key, room), &item->link))
        return NO_MEMORY;
    offsets_add(p->offsets, r->offset, r->timestamp_ms, item->admitted_ms);
    item->partition = p;
    item->topic_index = p->topic_index;
    engine->inflight++;
    engine->inflight_bytes += item->bytes;
    engine->crowded = engine->crowded || partitions_crowded(p);
    if (keys_is_deferred(&item->link))
        join_waiting(engine, item);
    else if (engine->idle > 0)
        (void)pthread_cond_signal(&engine->lane_wanted);
    return ADMITTED;
}

static enum admission try_admit(struct engine *engine, struct item *item)
{
    enum admission done;

    (void)pthread_mutex_lock(&engine->sched_lock);
    done = queue_record(engine, item);
    engine->full = partitions_full(engine);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return done;
}

struct item *item_new(enum item_kind kind, struct str key)
{
    struct item *item = mem_zalloc(sizeof(*item) + key.len);

    if (!item)
        return NULL;
    item->kind = kind;
    if (key.ptr) {
        memcpy(item + 1, key.ptr, key.len);
        item->key = str_of(item + 1, key.len);
    }
    return item;
}

static struct item *item_of(struct kafka_message *message)
{
    const struct record *record = kafka_message_record(message);
    struct item *item = item_new(ITEM_RECORD, (struct str){NULL, 0});

    if (!item)
        return NULL;
    item->message = message;
    item->record = record;
    item->bytes = record->key.len + record->value.len;
    item->admitted_ms = clock_mono_ms();
    return item;
}

/* The log lost its end and offsets are given anew (unclean election of a leader): which of ours are
 * done cannot be told any more. A new start reads from what is committed. */
static void went_back(struct engine *engine, const struct record *r)
{
    struct err err = {0};
    enum status rc = err_retry(&err, "kafka:offset", "%.*s partition %d went back to offset %lld",
                               STR_ARG(r->topic), r->partition, (long long)r->offset);

    engine_fail(engine, rc, &err, "worker.stops");
}

/* Short of memory the record is held here until lanes gave some back: nothing is skipped. At the
 * end of the process it is let go, undone. */
void partitions_admit(struct engine *engine, struct kafka_message *message)
{
    struct item *item = NULL;
    enum admission done = NO_MEMORY;

    while (!atomic_load(&engine->stopping) && !(item = item_of(message)))
        nap();
    if (!item) {
        kafka_message_free(message);
        return;
    }
    while (!atomic_load(&engine->stopping) && (done = try_admit(engine, item)) == NO_MEMORY)
        nap();
    if (done == WENT_BACK)
        went_back(engine, item->record);
    if (done != ADMITTED)
        item_free(item);
}

/* Rebalances */

static void count_rebalance(struct engine *engine, const char *type)
{
    metric_add(metric_1(engine->app->metrics, &METRIC_REBALANCES, type), 1);
}

static enum status on_assign(void *arg, struct topic_partition *partitions, size_t count,
                             struct err *err)
{
    struct engine *engine = arg;
    enum status rc = takeover(engine, partitions, count, err);

    if (rc != ST_OK)
        return rc;
    /* The new leader must know every token the last one wrote, before it acts (lane.c waits). */
    if (engine->def->keeps_tokens && count > 0)
        (void)atomic_fetch_add(&engine->tokens_wanted, 1);
    engine->crowded = false;
    atomic_store(&engine->owner_ms, clock_mono_ms());
    count_rebalance(engine, "assigned");
    log_info(EV("partitions.assigned"), kv_int("count", (int64_t)count));
    return ST_OK;
}

/* All of them: the range assignor revokes everything at each rebalance. */
static void start_draining(struct engine *engine)
{
    for (struct partition *p = engine->partitions; p; p = p->next) {
        p->draining = true;
        keys_drop(engine->keys, p->number, partitions_drop, engine);
    }
}

static size_t still_running(const struct engine *engine)
{
    size_t running = 0;

    for (const struct partition *p = engine->partitions; p; p = p->next)
        running += p->running;
    return running;
}

static bool wait_drained(struct engine *engine, int64_t within_ms)
{
    struct deadline until = deadline_in(within_ms);

    while (still_running(engine) > 0 && !deadline_passed(until))
        pump_wait_freed(engine, until);
    return still_running(engine) == 0;
}

/* Under sched_lock, as next_item's uncut: whoever takes an item later is not cut. */
static void cut_lanes(struct engine *engine)
{
    for (size_t i = 0; i < atomic_load(&engine->lane_count); i++)
        if (engine->lanes[i].http)
            http_client_cut(engine->lanes[i].http);
}

static void forget_partitions(struct engine *engine)
{
    while (engine->partitions) {
        struct partition *p = engine->partitions;

        keys_revoke(engine->keys, p->number);
        engine->partitions = p->next;
        partition_free(p);
    }
    suspects_free(engine->suspects);
    engine->suspects = NULL;
    engine->crowded = false;
    engine->full = partitions_full(engine);
    engine->paused = false; /* what is assigned next is not */
}

static void on_revoke(void *arg, const struct topic_partition *partitions UNUSED, size_t count,
                      bool lost)
{
    struct engine *engine = arg;
    bool drained;

    (void)pthread_mutex_lock(&engine->sched_lock);
    start_draining(engine);
    drained = wait_drained(engine, lost ? 0 : engine->settings->worker.revoke_drain_ms);
    if (!drained) {
        cut_lanes(engine);
        drained = wait_drained(engine, CUT_GRACE_MS);
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!lost)
        engine_commit(engine, true);
    (void)pthread_mutex_lock(&engine->sched_lock);
    forget_partitions(engine);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    count_rebalance(engine, lost ? "lost" : "revoked");
    log_info(EV("partitions.revoked"), kv_int("count", (int64_t)count), kv_bool("lost", lost),
             kv_bool("drained", drained));
}

struct consumer_events partitions_events(struct engine *engine)
{
    return (struct consumer_events){.on_assign = on_assign, .on_revoke = on_revoke, .arg = engine};
}
