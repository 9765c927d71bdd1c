/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's process: parent and child, the child's main thread with signals and the admin port. */
#include "run/worker.h"

#include "app/admin.h"
#include "base/mem.h"
#include "base/num.h"
#include "db/mysql.h"
#include "kafka/client.h"
#include "metrics/catalog.h"
#include "run/crash.h"
#include "run/engine.h"
#include "run/supervisor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { POLL_STUCK_MS = 60000, COMMIT_STUCK_MS = 60000, STUCK_BUDGETS = 2, PROGRAM_SIZE = 64 };

enum { SESSION_MS = 6000 }; /* session.timeout.ms where nobody set it (kafka/client.c) */

enum { BUDGET_MAX_MS = 20000, BUDGET_MIN_MS = 1000, STOP_MIN_MS = 3000 };

struct worker_run {
    struct app *app;
    const struct worker_def *def;
    struct crash_board *board;
};

/* The child's main thread. */
struct child {
    struct engine engine;
    struct loop_timer last_call;
};

/* Stopping: drain_timeout_ms bounds the whole. The largest part of it is for what is in hand, the
 * rest for the last commit and for leaving the group. An attempt must fit in the first. */

static int64_t stop_ms(const struct engine *engine)
{
    int64_t ms = engine->settings->worker.drain_timeout_ms;

    return ms > STOP_MIN_MS ? ms : STOP_MIN_MS;
}

static int64_t drain_ms(const struct engine *engine)
{
    return engine->settings->worker.drain_timeout_ms * 7 / 10;
}

static int64_t budget_ms(const struct engine *engine)
{
    int64_t ms = engine->settings->worker.drain_timeout_ms * 6 / 10;

    if (ms < BUDGET_MIN_MS)
        return BUDGET_MIN_MS;
    return ms < BUDGET_MAX_MS ? ms : BUDGET_MAX_MS;
}

int64_t engine_stuck_ms(const struct engine *engine)
{
    return engine->budget_ms * STUCK_BUDGETS;
}

void engine_ask_stop(struct engine *engine)
{
    int64_t none = 0;

    (void)atomic_compare_exchange_strong(&engine->drain_end_ms, &none,
                                         deadline_in(drain_ms(engine)).at_ms);
    atomic_store(&engine->stopping, true);
}

void engine_fail(struct engine *engine, enum status status, const struct err *err,
                 const char *event)
{
    int code = app_exit(status, err, event);

    (void)pthread_mutex_lock(&engine->sched_lock);
    if (engine->exit_code == EXIT_DONE)
        engine->exit_code = code;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    engine_ask_stop(engine);
}

/* Health */

static bool is_healthy(void *arg, struct buf *why)
{
    struct engine *engine = arg;
    int64_t now_ms = clock_mono_ms();
    int64_t polled_ms = atomic_load(&engine->polled_ms);
    int64_t failing_ms = atomic_load(&engine->commit_failing_ms);

    if (polled_ms > 0 && now_ms - polled_ms > POLL_STUCK_MS) {
        buf_add_cstr(why, "the consumer has not polled for a minute");
        return false;
    }
    if (failing_ms > 0 && now_ms - failing_ms > COMMIT_STUCK_MS) {
        buf_add_cstr(why, "no commit has succeeded for a minute");
        return false;
    }
    for (size_t i = 0; i < atomic_load(&engine->lane_count); i++) {
        int64_t since_ms = atomic_load(&engine->lanes[i].busy_since_ms);

        if (since_ms == 0 || now_ms - since_ms <= engine_stuck_ms(engine))
            continue;
        buf_addf(why, "lane %zu has been in one handler for %lld s", i,
                 (long long)((now_ms - since_ms) / 1000));
        return false;
    }
    return true;
}

static bool is_ready(void *arg, struct buf *why)
{
    const struct engine *engine = arg;

    if (!atomic_load(&engine->joined))
        buf_add_cstr(why, "the consumer group is not joined");
    else if (!atomic_load(&engine->db_answers))
        buf_add_cstr(why, "the database does not answer");
    else if (atomic_load(&engine->stopping))
        buf_add_cstr(why, "stopping");
    else if (!atomic_load(&engine->broker_answers))
        buf_add_cstr(why, "the broker does not answer");
    return why->len == 0;
}

/* In hand, queued or waiting: admitted and not settled. */
static void collect_inflight(struct engine *engine)
{
    struct metrics *m = engine->app->metrics;
    int64_t now_ms = clock_mono_ms();
    int64_t oldest_ms = now_ms;
    size_t inflight;

    (void)pthread_mutex_lock(&engine->sched_lock);
    inflight = engine->inflight;
    metric_set(metric_plain(m, &METRIC_PARKED_KEYS), (double)engine->parked_keys);
    metric_set(metric_plain(m, &METRIC_PARKED_RECORDS), (double)engine->parked_records);
    for (const struct partition *p = engine->partitions; p; p = p->next) {
        int64_t timestamp_ms = 0;
        int64_t admitted_ms = now_ms;

        if (offsets_oldest(p->offsets, &timestamp_ms, &admitted_ms) && admitted_ms < oldest_ms)
            oldest_ms = admitted_ms;
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    metric_set(metric_plain(m, &METRIC_INFLIGHT), (double)inflight);
    metric_set(metric_plain(m, &METRIC_OLDEST_INFLIGHT), (double)(now_ms - oldest_ms) / 1000);
}

static void collect(void *arg)
{
    struct engine *engine = arg;
    int64_t polled_ms = atomic_load(&engine->polled_ms);

    collect_inflight(engine);
    metric_set(metric_plain(engine->app->metrics, &METRIC_POLL_AGE),
               polled_ms > 0 ? (double)(clock_mono_ms() - polled_ms) / 1000 : 0);
    if (engine->tokens)
        tokens_collect(engine->tokens, engine->app->metrics);
    quota_collect(engine->quota);
}

/* Making and unmaking */

static void init_locks(struct engine *engine)
{
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&engine->sched_lock, NULL);
    (void)pthread_mutex_init(&engine->state_lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&engine->lane_wanted, &attributes);
    (void)pthread_cond_init(&engine->lane_freed, &attributes);
    (void)pthread_cond_init(&engine->park_wanted, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static enum status make_tokens(struct engine *engine, struct err *err)
{
    struct seal_key key = {0};
    enum status rc = seal_key_read(&engine->settings->token, &key, err);

    if (rc != ST_OK)
        return rc;
    engine->tokens = tokens_new(engine->settings, &key);
    seal_key_done(&key);
    return engine->tokens ? ST_OK : err_fatal(err, "memory", "out of memory");
}

static enum status make_parts(struct engine *engine, struct err *err)
{
    const struct worker_def *def = engine->def;
    enum status rc = ST_OK;

    engine->keys = keys_new();
    engine->quota = quota_new(engine->settings, engine->app->metrics);
    engine->state = mem_zalloc(def->state_size + 1);
    engine->ranges = mem_array(RANGES_MAX, sizeof(*engine->ranges));
    engine->epochs = mem_array((size_t)engine->partition_count, sizeof(*engine->epochs));
    engine->behind = mem_array((size_t)engine->partition_count, sizeof(*engine->behind));
    if (!engine->keys || !engine->quota || !engine->state || !engine->ranges || !engine->epochs ||
        !engine->behind)
        return err_fatal(err, "memory", "out of memory");
    if (def->calls_wechat || def->keeps_tokens || engine->own_lanes.calls_http) {
        engine->share = http_share_new();
        if (!engine->share)
            return err_fatal(err, "memory", "out of memory");
    }
    if (def->calls_wechat || def->keeps_tokens)
        rc = make_tokens(engine, err);
    if (rc == ST_OK)
        rc = db_library_init(err);
    if (rc == ST_OK && def->open)
        rc = def->open(engine->state, engine->settings, err);
    return rc;
}

static unsigned metric_groups(const struct worker_def *def)
{
    unsigned groups = METRIC_GROUP_WORKER | def->metric_groups;

    if (def->calls_wechat)
        groups |= METRIC_GROUP_WECHAT;
    if (def->calls_wechat || def->keeps_tokens)
        groups |= METRIC_GROUP_TOKENS;
    return groups;
}

static void find_series(struct engine *engine)
{
    struct metrics *m = engine->app->metrics;

    metric_declare_groups(m, metric_groups(engine->def));
    engine->series = (struct engine_series){
        .ok = metric_1(m, &METRIC_PROCESSED, "ok"),
        .ignored = metric_1(m, &METRIC_PROCESSED, "ignored"),
        .dead = metric_1(m, &METRIC_PROCESSED, "dead"),
        .late = metric_plain(m, &METRIC_LATE_RESULTS),
        .duration = metric_plain(m, &METRIC_PROCESS_DURATION),
    };
    if (engine->def->calls_wechat)
        engine->series.wechat_seconds = metric_plain(m, &METRIC_WECHAT_SECONDS);
}

static void name_topics(struct engine *engine)
{
    const struct settings_topic *settings = &engine->settings->topic;
    const struct worker_def *def = engine->def;
    const struct topic_worker *row = topic_worker(def->name);

    assert(!row || memcmp(row->inputs, def->inputs, sizeof(def->inputs)) == 0);
    (void)snprintf(engine->group, sizeof(engine->group), "%s-%s", settings->prefix, def->name);
    topic_name(settings, TOPIC_DLQ, def->name, engine->dlq_topic);
    for (size_t i = 0; i < WORKER_INPUTS_MAX && def->inputs[i] != TOPIC_NONE; i++)
        topic_name(settings, def->inputs[i], def->name, engine->topics[engine->topic_count++]);
    topic_name(settings, TOPIC_REDRIVE, def->name, engine->topics[engine->topic_count++]);
    engine->partition_count = (int32_t)settings->partitions;
}

static int64_t session_ms(const struct settings_kafka *kafka)
{
    int64_t ms = SESSION_MS;

    for (size_t i = 0; i < kafka->count; i++)
        if (strcmp(kafka->properties[i].name, "session.timeout.ms") == 0)
            (void)num_parse_i64(str_from(kafka->properties[i].value), 1, INT32_MAX, &ms);
    return ms;
}

static enum status engine_open(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->settings;

    engine->retry = (struct retry_policy){
        .initial_ms = settings->worker.retry_initial_ms,
        .max_ms = settings->worker.retry_max_ms,
        .max_attempts = settings->worker.max_attempts,
    };
    name_topics(engine);
    if (engine->def->lanes_of)
        engine->def->lanes_of(settings, &engine->own_lanes);
    engine->budget_ms = budget_ms(engine);
    engine->owner_sure_ms = session_ms(&settings->kafka) * 2 / 3;
    engine->tokens_wanted = 1;
    find_series(engine);
    return make_parts(engine, err);
}

static void engine_close(struct engine *engine)
{
    const struct worker_def *def = engine->def;

    if (def->close && engine->state)
        def->close(engine->state);
    mem_free(engine->state);
    mem_free(engine->lanes);
    tokens_free(engine->tokens);
    http_share_free(engine->share);
    quota_free(engine->quota);
    keys_free(engine->keys);
    suspects_free(engine->suspects);
    mem_free(engine->ranges);
    mem_free(engine->epochs);
    mem_free(engine->behind);
    db_library_done();
    (void)pthread_mutex_destroy(&engine->sched_lock);
    (void)pthread_mutex_destroy(&engine->state_lock);
    (void)pthread_cond_destroy(&engine->lane_wanted);
    (void)pthread_cond_destroy(&engine->lane_freed);
    (void)pthread_cond_destroy(&engine->park_wanted);
}

/* Running */

/* Whatever hangs then, what is done was committed or will be done again. */
static void on_last_call(void *arg)
{
    struct child *child = arg;
    struct engine *engine = &child->engine;
    int code;

    (void)pthread_mutex_lock(&engine->sched_lock);
    code = engine->exit_code;
    (void)pthread_mutex_unlock(&engine->sched_lock);
    log_warn(EV("stop.cut"), kv_int("ms", stop_ms(engine)), kv_int("exit", code));
    _exit(code);
}

static void on_stop(void *arg)
{
    struct child *child = arg;

    child->last_call = (struct loop_timer){.fn = on_last_call, .arg = child};
    loop_timer_set(child->engine.app->loop, &child->last_call,
                   deadline_in(stop_ms(&child->engine)));
    engine_ask_stop(&child->engine);
}

static enum status serve(struct engine *engine, struct err *err)
{
    struct admin_port_conf conf = {
        .healthy = is_healthy, .ready = is_ready, .collect = collect, .arg = engine};
    struct admin_port *admin = NULL;
    pthread_t pump;
    int failed;
    enum status rc = admin_port_open(engine->app, &conf, &admin, err);

    if (rc != ST_OK)
        return rc;
    failed = pthread_create(&pump, NULL, pump_main, engine);
    if (failed) {
        admin_port_close(admin);
        return err_errno(err, ST_FATAL, failed, "pthread_create");
    }
    rc = loop_run(engine->app->loop, err); /* pump_main stops it */
    engine_ask_stop(engine);
    (void)pthread_join(pump, NULL);
    admin_port_close(admin);
    return rc;
}

static int child_main(void *arg)
{
    struct worker_run *run = arg;
    struct child child = {0};
    struct engine *engine = &child.engine;
    struct err err = {0};
    enum status rc;

    run->app->supervised = true;
    run->app->on_stop = on_stop;
    run->app->arg = &child;
    engine->def = run->def;
    engine->app = run->app;
    engine->settings = run->app->settings;
    engine->board = run->board;
    init_locks(engine);
    rc = app_open(run->app, &err);
    crash_install(run->board);
    if (rc == ST_OK)
        rc = engine_open(engine, &err);
    if (rc == ST_OK)
        rc = serve(engine, &err);
    if (rc != ST_OK)
        engine->exit_code = app_exit(rc, &err, "worker.failed");
    engine_close(engine);
    app_close(run->app);
    if (engine->exit_code == EXIT_DONE)
        log_info(EV("worker.stopped"));
    return engine->exit_code;
}

static int run_worker(struct app *app)
{
    AUTO(crash_freep) struct crash_board *board = crash_new();
    struct worker_run run = {.app = app, .def = app->program->arg, .board = board};
    struct err err = {0};

    if (!board)
        return app_exit(err_fatal(&err, "memory", "out of memory"), &err, "worker.failed");
    return supervisor_run(child_main, &run, board);
}

static enum status check(const struct settings *settings, struct err *err)
{
    return kafka_check(&settings->kafka, err);
}

int worker_main(int argc, char **argv, const struct worker_def *def)
{
    char name[PROGRAM_SIZE];
    struct program program = {
        .name = name, .purpose = def->purpose, .check = check, .run = run_worker, .arg = def};

    (void)snprintf(name, sizeof(name), "kabao-%s", def->name);
    return app_main(argc, argv, &program);
}
