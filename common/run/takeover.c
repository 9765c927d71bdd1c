/* SPDX-License-Identifier: Apache-2.0 */
/* New partitions: the fence is raised before anything is loaded; then what the commit does not
 * cover is Kafka's and forgotten here, and the rest of what the last owner parked is taken up. */
#include "base/mem.h"
#include "log/log.h"
#include "metrics/catalog.h"
#include "run/engine.h"
#include "tables/owner.h"
#include "tables/suspect.h"

#include <stdio.h>
#include <stdlib.h>

enum { DATABASE_MS = 3000 };

/* What is gathered; handed to the engine when all of it is there. */
struct taking {
    struct engine *engine;
    struct partition *partitions;
    struct owner *owners; /* of the distinct partition numbers, ascending */
    size_t owner_count;
    struct item *stubs;
    struct suspected *suspects;
    int64_t forgotten;
};

/* Partitions */

void partition_free(struct partition *p)
{
    metric_set(p->lag, 0); /* its new owner tells the lag from now on */
    metric_set(p->lag_seconds, 0);
    offsets_free(p->offsets);
    buf_done(&p->marks);
    mem_free(p);
}

/* A text that cannot be trusted is as none: what it meant to be done is done again. */
static void read_marks(struct engine *engine, const struct topic_partition *from, size_t *count)
{
    *count = 0;
    if (from->offset >= 0 && marks_read(from->metadata, (struct str){NULL, 0}, from->offset,
                                        engine->ranges, RANGES_MAX, count))
        return;
    if (!str_is_empty(from->metadata))
        log_warn(EV("commit.metadata_ignored"), kv_cstr("topic", from->topic),
                 kv_int("partition", from->partition), kv_int("offset", from->offset));
}

static void find_lag_series(struct engine *engine, struct partition *p)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%d", p->number);
    p->lag = metric_2(engine->app->metrics, &METRIC_CONSUMER_LAG, p->topic, number);
    p->lag_seconds = metric_2(engine->app->metrics, &METRIC_CONSUMER_LAG_SECONDS, p->topic, number);
}

/* NULL: no memory. Its ranges stay in engine->ranges until the next. */
static struct partition *partition_new(struct engine *engine, const struct topic_partition *from,
                                       size_t *ranges)
{
    int topic_index = engine_topic(engine, str_from(from->topic));
    struct partition *p = mem_zalloc(sizeof(*p));

    if (!p)
        return NULL;
    p->topic_index = topic_index;
    p->topic = engine->topics[topic_index];
    p->number = from->partition;
    p->marks = (struct buf)BUF_INIT(COMMIT_METADATA_MAX);
    p->whole = true;
    p->begin = from->begin;
    find_lag_series(engine, p);
    read_marks(engine, from, ranges);
    p->offsets = offsets_new();
    if (p->offsets &&
        (from->offset < 0 || offsets_restore(p->offsets, from->offset, engine->ranges, *ranges)))
        return p;
    partition_free(p);
    return NULL;
}

/* What MySQL holds */

static enum status forget_uncovered(struct taking *t, struct db *db, const struct partition *p,
                                    const struct covered *covered, struct err *err)
{
    const struct source from = {
        .worker = t->engine->def->name, .topic = str_from(p->topic), .part = p->number};
    int64_t forgotten = 0;
    enum status rc = parked_forget_uncovered(db, &from, covered, &forgotten, err);

    t->forgotten += forgotten;
    return rc == ST_OK ? suspect_forget_covered(db, &from, covered, err) : rc;
}

static enum status take_partition(struct taking *t, struct db *db,
                                  const struct topic_partition *from, struct err *err)
{
    size_t ranges = 0;
    struct partition *p = partition_new(t->engine, from, &ranges);
    struct covered covered = {
        .commit = from->offset, .ranges = t->engine->ranges, .range_count = ranges};

    if (!p)
        return err_retry(err, "memory", "no memory for a partition");
    p->next = t->partitions;
    t->partitions = p;
    return forget_uncovered(t, db, p, &covered, err);
}

static struct partition *partition_of(const struct taking *t, int32_t number)
{
    for (struct partition *p = t->partitions; p; p = p->next)
        if (p->number == number)
            return p;
    return NULL;
}

static int64_t mono_of(int64_t wall_ms)
{
    int64_t left_ms = wall_ms - clock_wall_ms();

    return left_ms > 0 ? clock_mono_ms() + left_ms : 0;
}

/* parked_head_fn */
static enum status add_stub(void *arg, const struct parked_head *head, struct err *err)
{
    struct taking *t = arg;
    struct item *stub = item_new(ITEM_PARKED, head->key);

    if (!stub)
        return err_retry(err, "memory", "no memory for a parked key");
    stub->partition = partition_of(t, head->part);
    stub->topic_index = engine_topic(t->engine, head->topic);
    stub->link.redrive = engine_is_redrive(t->engine, stub->topic_index);
    stub->offset = head->off;
    stub->number = head->part;
    stub->rows = (size_t)head->rows;
    stub->due_ms = mono_of(head->next_at_ms);
    stub->admitted_ms = clock_mono_ms();
    if (stub->topic_index < 0) { /* of an input this program has no more */
        item_free(stub);
        return ST_OK;
    }
    stub->park_next = t->stubs;
    t->stubs = stub;
    return ST_OK;
}

/* suspect_fn */
static enum status add_suspect(void *arg, const struct suspect *suspect, struct err *err)
{
    struct taking *t = arg;
    struct suspected *s;

    if (engine_topic(t->engine, suspect->topic) < 0)
        return ST_OK;
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return err_retry(err, "memory", "no memory for a suspect");
    s->topic_index = engine_topic(t->engine, suspect->topic);
    s->partition = suspect->part;
    s->offset = suspect->off;
    s->crashes = suspect->crashes;
    s->next = t->suspects;
    t->suspects = s;
    return ST_OK;
}

static enum status load(struct taking *t, struct db *db, const struct topic_partition *partitions,
                        size_t count, struct err *err)
{
    const char *worker = t->engine->def->name;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < count; i++)
        rc = take_partition(t, db, &partitions[i], err);
    for (size_t i = 0; rc == ST_OK && i < t->owner_count; i++) {
        rc = parked_heads(db, worker, t->owners[i].part, add_stub, t, err);
        if (rc == ST_OK)
            rc = suspect_load(db, worker, t->owners[i].part, add_suspect, t, err);
    }
    return rc;
}

/* The fence */

/* writer_fn */
static enum status raise(struct db *tx, void *arg, struct err *err)
{
    struct taking *t = arg;

    return owner_raise(tx, t->engine->def->name, t->owners, t->owner_count, err);
}

static int by_part(const void *left, const void *right)
{
    const struct owner *a = left;
    const struct owner *b = right;

    return (a->part > b->part) - (a->part < b->part);
}

static bool list_owners(struct taking *t, const struct topic_partition *partitions, size_t count)
{
    size_t kept = 0;

    t->owners = mem_array(count, sizeof(*t->owners));
    if (!t->owners)
        return false;
    for (size_t i = 0; i < count; i++)
        t->owners[i].part = partitions[i].partition;
    qsort(t->owners, count, sizeof(*t->owners), by_part);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || t->owners[kept - 1].part != t->owners[i].part)
            t->owners[kept++] = t->owners[i];
    t->owner_count = kept;
    return true;
}

/* Handing over */

static int64_t epoch_of(const struct taking *t, int32_t number)
{
    size_t i = 0;

    while (t->owners[i].part != number)
        i++;
    return t->owners[i].epoch;
}

/* With sched_lock. A stub that cannot be queued would be a key out of order. */
static bool queue_stubs(struct taking *t)
{
    struct engine *engine = t->engine;

    /* They were gathered last first; of one key there is only one. */
    while (t->stubs) {
        struct item *stub = t->stubs;

        if (!keys_add(engine->keys, stub->partition->number, stub->key, &stub->link))
            return false;
        t->stubs = stub->park_next;
        stub->park_next = NULL;
        stub->epoch = epoch_of(t, stub->number);
        engine->parked_keys++;
        engine->parked_records += stub->rows;
    }
    return true;
}

/* With sched_lock. */
static void link_partitions(struct taking *t)
{
    struct engine *engine = t->engine;

    for (size_t i = 0; i < t->owner_count; i++)
        engine->epochs[t->owners[i].part] = t->owners[i].epoch;
    while (t->partitions) {
        struct partition *p = t->partitions;

        t->partitions = p->next;
        p->next = engine->partitions;
        engine->partitions = p;
    }
    suspects_free(engine->suspects); /* of an earlier assignment */
    engine->suspects = t->suspects;
    t->suspects = NULL;
}

static enum status hand_over(struct taking *t, struct err *err)
{
    struct engine *engine = t->engine;
    bool queued;

    (void)pthread_mutex_lock(&engine->sched_lock);
    queued = queue_stubs(t);
    if (queued)
        link_partitions(t);
    else
        for (size_t i = 0; i < t->owner_count; i++)
            keys_drop(engine->keys, t->owners[i].part, partitions_drop, engine);
    (void)pthread_cond_signal(&engine->lane_wanted);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return queued ? ST_OK : err_retry(err, "memory", "no memory for parked keys");
}

static void taking_done(struct taking *t)
{
    while (t->partitions) {
        struct partition *p = t->partitions;

        t->partitions = p->next;
        partition_free(p);
    }
    while (t->stubs) {
        struct item *stub = t->stubs;

        t->stubs = stub->park_next;
        item_free(stub);
    }
    suspects_free(t->suspects);
    mem_free(t->owners);
}

enum status takeover(struct engine *engine, const struct topic_partition *partitions, size_t count,
                     struct err *err)
{
    AUTO(taking_done) struct taking t = {.engine = engine};
    struct db *db = NULL;
    enum status rc;

    if (count == 0)
        return ST_OK;
    if (!list_owners(&t, partitions, count))
        return err_retry(err, "memory", "no memory for an assignment");
    rc = writer_run(engine->writer, raise, &t, deadline_in(DATABASE_MS), err);
    if (rc == ST_OK)
        rc = db_pool_acquire(engine->pool, deadline_in(DATABASE_MS), &db, err);
    if (rc != ST_OK)
        return rc;
    rc = load(&t, db, partitions, count, err);
    db_pool_release(engine->pool, db);
    if (rc == ST_OK)
        rc = hand_over(&t, err);
    if (rc == ST_OK && t.forgotten > 0)
        log_info(EV("parked.forgotten"), kv_int("records", t.forgotten));
    return rc;
}

/* After a stall */

bool takeover_holds(struct engine *engine)
{
    AUTO(taking_done) struct taking t = {.engine = engine};
    struct db *db = NULL;
    struct err err = {0};
    bool mine = false;

    if (!engine->partitions)
        return true;
    t.owners = mem_array(partitions_count(engine), sizeof(*t.owners));
    if (!t.owners)
        return false;
    for (const struct partition *p = engine->partitions; p; p = p->next)
        if (p->topic_index == 0) /* all topics have the same numbers */
            t.owners[t.owner_count++] = (struct owner){p->number, engine->epochs[p->number]};
    if (db_pool_acquire(engine->pool, deadline_in(DATABASE_MS), &db, &err) != ST_OK)
        return false;
    if (owner_read(db, engine->def->name, t.owners, t.owner_count, &mine, &err) != ST_OK)
        mine = false;
    db_pool_release(engine->pool, db);
    return mine;
}
