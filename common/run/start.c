/* SPDX-License-Identifier: Apache-2.0 */
/* Start and stop, step by step; a step that is already done is skipped, so that the whole may be
 * repeated. */
#include "base/mem.h"
#include "db/migrate.h"
#include "kafka/client.h"
#include "log/log.h"
#include "run/engine.h"

#include <stdio.h>

enum { STEP_MS = 5000 };

static bool needs_tokens(const struct engine *engine)
{
    return engine->def->calls_wechat || engine->def->keeps_tokens;
}

static enum status check_topic(struct engine *engine, enum topic topic, bool keyed, struct err *err)
{
    int32_t want = (int32_t)engine->settings->topic.partitions;
    char name[TOPIC_NAME_SIZE];
    int32_t partitions = 0;
    enum status rc;

    topic_name(&engine->settings->topic, topic, engine->def->name, name);
    rc = producer_topic(engine->producer, name, deadline_in(STEP_MS), &partitions, err);
    if (rc != ST_OK || !keyed || partitions == want)
        return rc;
    return err_fatal(err, "kafka:partitions",
                     "%s has %d partitions, [topic] partitions says %d: records of one key would "
                     "lose their order (remedy: set it to what the topics have)",
                     name, partitions, want);
}

static bool has_topic(const enum topic topics[WORKER_INPUTS_MAX], size_t i)
{
    return i < WORKER_INPUTS_MAX && topics[i] != TOPIC_NONE;
}

/* Those that others may name; they are not ours to make. */
static enum status check_replies(struct engine *engine, struct err *err)
{
    struct str rest = str_from(engine->settings->topic.reply_to_allowed);
    struct str topic;
    char name[TOPIC_NAME_SIZE];
    int32_t partitions = 0;
    enum status rc = ST_OK;

    while (rc == ST_OK && str_cut(rest, ' ', &topic, &rest)) {
        if (str_is_empty(topic))
            continue;
        (void)str_copy(topic, name, sizeof(name));
        rc = producer_topic(engine->producer, name, deadline_in(STEP_MS), &partitions, err);
    }
    if (rc != ST_FATAL)
        return rc;
    return err_fatal(err, "kafka:reply_to",
                     "[topic] reply_to_allowed names %s, which does not exist (remedy: make it, or "
                     "take it out of the list)",
                     name);
}

static enum status check_topics(struct engine *engine, struct err *err)
{
    const struct worker_def *def = engine->def;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && has_topic(def->inputs, i); i++)
        rc = check_topic(engine, def->inputs[i], true, err);
    if (rc == ST_OK)
        rc = check_topic(engine, TOPIC_REDRIVE, true, err);
    for (size_t i = 0; rc == ST_OK && has_topic(def->outputs, i); i++)
        rc = check_topic(engine, def->outputs[i], true, err);
    if (rc == ST_OK && needs_tokens(engine))
        rc = check_topic(engine, TOPIC_STATE_TOKEN, false, err);
    if (rc == ST_OK)
        rc = check_topic(engine, TOPIC_DLQ, false, err);
    if (rc == ST_OK && def->replies)
        rc = check_replies(engine, err);
    return rc;
}

static enum status start_producer(struct engine *engine, struct err *err)
{
    struct producer_conf conf = {
        .kafka = &engine->settings->kafka,
        .client_id = engine->app->name,
    };

    if (engine->producer)
        return ST_OK;
    return producer_open(&conf, &engine->producer, err);
}

static enum status check_schema(struct engine *engine, struct err *err)
{
    int64_t generation = 0;
    struct db *db = NULL;
    enum status rc = db_pool_acquire(engine->pool, deadline_in(STEP_MS), &db, err);

    if (rc != ST_OK)
        return rc;
    rc = migrate_check(db, err);
    if (rc == ST_OK)
        rc = erased_read(db, engine->erased, &generation, err);
    db_pool_release(engine->pool, db);
    atomic_store(&engine->db_answers, rc == ST_OK);
    return rc;
}

static enum status start_database(struct engine *engine, struct err *err)
{
    if (!engine->pool) {
        engine->pool = db_pool_new(&engine->settings->mysql);
        if (engine->pool)
            db_pool_watch(engine->pool, engine->app->metrics);
    }
    if (!engine->erased)
        engine->erased = erased_new();
    if (engine->pool && !engine->writer)
        engine->writer = writer_new(&engine->settings->mysql, engine->pool, engine->app->metrics);
    if (!engine->writer || !engine->erased)
        return err_fatal(err, "memory", "out of memory");
    writer_set_guard(engine->writer, (struct writer_guard){erased_read, engine->erased});
    return check_schema(engine, err);
}

/* What is closed, before the first call; from then on the watch knows, also when a start has to be
 * tried again. */
static enum status start_quota(struct engine *engine, struct err *err)
{
    if (!engine->tokens || engine->watch_started)
        return ST_OK;
    return quota_open(engine->quota, engine->pool, err);
}

static enum status start_thread(pthread_t *thread, size_t stack_bytes, void *(*fn)(void *),
                                void *arg, struct err *err)
{
    pthread_attr_t attributes;
    int failed;

    (void)pthread_attr_init(&attributes);
    if (stack_bytes > 0)
        (void)pthread_attr_setstacksize(&attributes, stack_bytes);
    failed = pthread_create(thread, &attributes, fn, arg);
    (void)pthread_attr_destroy(&attributes);
    return failed ? err_errno(err, ST_FATAL, failed, "pthread_create") : ST_OK;
}

static void *reports_main(void *arg)
{
    struct engine *engine = arg;

    while (!atomic_load(&engine->reports_end))
        producer_poll(engine->producer, 100);
    return NULL;
}

static enum status start_helpers(struct engine *engine, struct err *err)
{
    enum status rc = ST_OK;

    if (!engine->reports_started) {
        rc = start_thread(&engine->reports, 0, reports_main, engine, err);
        engine->reports_started = rc == ST_OK;
    }
    if (rc == ST_OK && !engine->watch_started) {
        rc = start_thread(&engine->watch, 0, watch_main, engine, err);
        engine->watch_started = rc == ST_OK;
    }
    if (rc == ST_OK && !engine->park_started) {
        rc = start_thread(&engine->park, 0, park_main, engine, err);
        engine->park_started = rc == ST_OK;
    }
    return rc;
}

static size_t lanes_wanted(const struct engine *engine)
{
    int64_t lanes = engine->settings->worker.lanes;

    if (engine->own_lanes.count > 0)
        return (size_t)engine->own_lanes.count;
    if (lanes == 0)
        lanes = engine->def->lanes > 0 ? engine->def->lanes : LANES_DEFAULT;
    return (size_t)lanes;
}

static enum status start_lanes(struct engine *engine, struct err *err)
{
    size_t wanted = lanes_wanted(engine);
    enum status rc = ST_OK;

    engine->redrive_lanes = (size_t)((double)wanted * engine->settings->quota.replay_share + 0.5);
    if (engine->redrive_lanes == 0)
        engine->redrive_lanes = 1;
    if (!engine->lanes)
        engine->lanes = mem_array(wanted, sizeof(*engine->lanes));
    if (!engine->lanes)
        return err_fatal(err, "memory", "out of memory");
    while (rc == ST_OK && engine->lanes_made < wanted) {
        struct lane *lane = &engine->lanes[engine->lanes_made++];

        rc = lane_open(lane, engine, err);
        if (rc == ST_OK)
            rc = start_thread(&lane->thread, LANE_STACK_BYTES, lane_main, lane, err);
        if (rc == ST_OK)
            (void)atomic_fetch_add(&engine->lane_count, 1);
    }
    return rc;
}

static enum status await_tokens(struct engine *engine, struct err *err)
{
    if (!needs_tokens(engine) || watch_tokens_read(engine))
        return ST_OK;
    return err_retry(err, "tokens", "state.token is not read to its end yet");
}

/* The consumer reads names only while it opens. */
static enum status start_consumer(struct engine *engine, struct err *err)
{
    const char *topics[TOPICS_MAX];
    struct consumer_conf conf = {
        .kafka = &engine->settings->kafka,
        .client_id = engine->app->name,
        .group = engine->group,
        .topics = topics,
        .topic_count = engine->topic_count,
        .events = partitions_events(engine),
    };

    if (engine->consumer)
        return ST_OK;
    for (size_t i = 0; i < engine->topic_count; i++)
        topics[i] = engine->topics[i];
    return consumer_open(&conf, &engine->consumer, err);
}

enum status engine_start(struct engine *engine, struct err *err)
{
    static enum status (*const steps[])(struct engine *, struct err *) = {
        start_producer, check_topics, start_database, suspects_count, start_quota,
        start_helpers,  await_tokens, start_lanes,    start_consumer,
    };
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(steps); i++)
        rc = steps[i](engine, err);
    return rc;
}

/* What they have in hand and cannot finish is left undone. */
static void stop_lanes(struct engine *engine)
{
    size_t count = atomic_load(&engine->lane_count);

    (void)pthread_mutex_lock(&engine->sched_lock);
    engine->lanes_end = true;
    (void)pthread_cond_broadcast(&engine->lane_wanted);
    for (size_t i = 0; i < count; i++)
        lane_cut(&engine->lanes[i]);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    for (size_t i = 0; i < count; i++)
        (void)pthread_join(engine->lanes[i].thread, NULL);
    atomic_store(&engine->lane_count, 0);
}

static void stop_thread(pthread_t thread, bool started, atomic_bool *end)
{
    if (!started)
        return;
    atomic_store(end, true);
    (void)pthread_join(thread, NULL);
}

static void stop_park(struct engine *engine)
{
    if (!engine->park_started)
        return;
    (void)pthread_mutex_lock(&engine->sched_lock);
    engine->park_ends = true;
    (void)pthread_cond_signal(&engine->park_wanted);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    (void)pthread_join(engine->park, NULL);
}

void engine_stop(struct engine *engine)
{
    stop_lanes(engine);
    stop_park(engine);
    consumer_close(engine->consumer); /* revokes: commits what is done, drops what is queued */
    engine->consumer = NULL;
    keys_drop(engine->keys, TICK_PARTITION, partitions_drop, engine);
    stop_thread(engine->watch, engine->watch_started, &engine->watch_ends);
    stop_thread(engine->reports, engine->reports_started, &engine->reports_end);
    producer_close(engine->producer, deadline_in(0)); /* nobody waits for an acknowledgement */
    engine->producer = NULL;
    for (size_t i = 0; i < engine->lanes_made; i++) /* reports of cut ones came until now */
        lane_close(&engine->lanes[i]);
    engine->lanes_made = 0;
    writer_free(engine->writer);
    db_pool_free(engine->pool);
    erased_free(engine->erased);
    engine->erased = NULL;
    engine->writer = NULL;
    engine->pool = NULL;
}
