/* SPDX-License-Identifier: Apache-2.0 */
/* A lane: one thread that takes an item, runs its handler, and has the verdict settled. */
#include "base/mem.h"
#include "base/rand.h"
#include "codec/json.h"
#include "metrics/catalog.h"
#include "run/engine.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 16 << 20, VALUE_MAX = 4 << 20 };

/* Ours are below 200. */
enum { KEY_BYTES_MAX = 4096 };

enum { TOKENS_UNREAD_MS = 200, SUSPECT_WAIT_MS = 20 };

/* Writing rows */

enum status lane_put(struct lane *lane, const struct table *table, const struct db_value *values,
                     struct err *err)
{
    if (lane->row_count == LANE_ROWS_MAX)
        return err_reject(err, REASON_REJECTED, "rows", "one record writes more than %d rows",
                          LANE_ROWS_MAX);
    if (lane->row_count == lane->row_size) {
        size_t size = lane->row_size ? lane->row_size * 2 : 8;
        struct db_row *rows = mem_resize(lane->rows, size * sizeof(*rows));

        if (!rows)
            return err_retry(err, "memory", "no memory for a row");
        lane->rows = rows;
        lane->row_size = size;
    }
    lane->rows[lane->row_count++] = (struct db_row){.table = table, .values = values};
    return ST_OK;
}

enum status lane_commit(struct lane *lane, struct writer_job job, struct err *err)
{
    job.guarded = true;
    job.version = lane->erased_seen;
    return blame_database(writer_do(lane->engine->writer, &job, lane->until, err), err);
}

enum status lane_run(struct lane *lane, writer_fn *fn, void *arg, struct err *err)
{
    struct span span;
    enum status rc;

    lane_span_open(lane, &span);
    rc = lane_commit(lane, (struct writer_job){.fn = fn, .arg = arg}, err);
    SPAN_END(&span, SPAN_STORE, rc != ST_OK, kv_cstr("error_code", rc == ST_OK ? NULL : err->code));
    return rc;
}

/* What handlers ask for */

void *lane_state(struct lane *lane)
{
    return lane->engine->state;
}

void lane_state_lock(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->engine->state_lock);
}

void lane_state_unlock(struct lane *lane)
{
    (void)pthread_mutex_unlock(&lane->engine->state_lock);
}

const struct settings *lane_settings(const struct lane *lane)
{
    return lane->engine->settings;
}

struct arena *lane_arena(struct lane *lane)
{
    return &lane->arena;
}

struct wechat *lane_wechat(struct lane *lane)
{
    return lane->wechat;
}

struct http_client *lane_http(struct lane *lane)
{
    return lane->http;
}

struct deadline lane_deadline(const struct lane *lane)
{
    return lane->until;
}

struct str lane_traceparent(const struct lane *lane)
{
    return trace_text(&lane->span.trace);
}

bool lane_is_replay(const struct lane *lane)
{
    return lane->record && engine_is_redrive(lane->engine, lane->topic_index);
}

void lane_look_by(struct lane *lane, struct deadline by)
{
    lane->look_by = by;
}

struct erased *lane_erased(const struct lane *lane)
{
    return lane->engine->erased;
}

enum status lane_run_unguarded(struct lane *lane, writer_fn *fn, void *arg, struct err *err)
{
    return blame_database(writer_run(lane->engine->writer, fn, arg, lane->until, err), err);
}

struct tokens *lane_tokens(struct lane *lane)
{
    return lane->engine->tokens;
}

const struct account *lane_account(struct lane *lane, struct str name)
{
    const struct settings *settings = lane->engine->settings;

    for (size_t i = 0; i < settings->account_count; i++)
        if (str_eq_cstr(name, settings->accounts[i].name))
            return &settings->accounts[i];
    return NULL;
}

void lane_count(struct lane *lane, const struct metric_def *metric, const char *label)
{
    metric_add(metric_1(lane->engine->app->metrics, metric, label), 1);
}

void lane_count_2(struct lane *lane, const struct metric_def *metric, const char *a, const char *b)
{
    metric_add(metric_2(lane->engine->app->metrics, metric, a, b), 1);
}

void lane_observe(struct lane *lane, const struct metric_def *metric, double value)
{
    metric_observe(metric_plain(lane->engine->app->metrics, metric), value);
}

void lane_warn(struct lane *lane, const char *event, const struct err *err)
{
    log_warn(EV(event), kv_str("trace", trace_id(&lane->span.trace)), kv_cstr("code", err->code),
             kv_cstr("error", err->text));
}

void lane_error(struct lane *lane, const char *event, const struct err *err)
{
    log_error(EV(event), kv_str("trace", trace_id(&lane->span.trace)), kv_cstr("code", err->code),
              kv_cstr("error", err->text));
}

/* The range assignor gives the same number of all topics to one instance. */
static struct partition *find_owned(const struct engine *engine, int32_t number)
{
    for (struct partition *p = engine->partitions; p; p = p->next)
        if (p->number == number && !p->draining)
            return p;
    return NULL;
}

static bool queue_key(struct engine *engine, struct item *item)
{
    int32_t number = record_partition(item->key, engine->partition_count);

    item->partition = find_owned(engine, number);
    if (!item->partition || keys_find(engine->keys, number, item->key) ||
        !keys_add(engine->keys, number, item->key, &item->link))
        return false;
    (void)pthread_cond_signal(&engine->lane_wanted);
    return true;
}

void lane_schedule(struct lane *lane, struct str key)
{
    struct engine *engine = lane->engine;
    struct item *item = item_new(ITEM_KEY, key);
    bool queued;

    if (!item)
        return;
    (void)pthread_mutex_lock(&engine->sched_lock);
    queued = queue_key(engine, item);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!queued)
        item_free(item);
}

/* Running one item */

static const struct route *find_route(const struct engine *engine, struct str type)
{
    const struct worker_def *def = engine->def;

    if (def->wants && !def->wants(engine->settings, type))
        return NULL;
    for (const struct route *r = def->routes; r && r->type; r++)
        if (str_match(str_from(r->type), type))
            return r;
    return NULL;
}

static void take_identity(struct lane *lane, const struct cloudevent *event)
{
    struct trace cause;

    if (trace_parse(event->traceparent, &cause))
        span_open(&cause, &lane->span);
    else
        lane_root(lane);
    lane->parent = event->id;
    lane->parent_time = event->time;
}

static void make_identity(struct lane *lane)
{
    lane_root(lane);
    lane_chance_id("tick", &lane->chance);
    lane->parent = str_from(lane->chance.text);
    lane->parent_time = (struct str){NULL, 0};
}

static enum status crashed(const struct lane *lane, struct err *err)
{
    return err_reject(err, REASON_CRASH, "crash", "a worker died over it %lld times",
                      (long long)lane->crashes);
}

static enum status run_handler(struct lane *lane, const struct message *message,
                               const struct route *route, struct err *err)
{
    int64_t started_ns = clock_mono_ns();
    enum status rc;

    if (lane->crashes >= lane->engine->settings->worker.crash_limit)
        return crashed(lane, err);
    lane->ran = true;
    atomic_store(&lane->busy_since_ms, clock_mono_ms());
    rc = route->handler(lane, message, err);
    atomic_store(&lane->busy_since_ms, 0);
    metric_observe(lane->engine->series.duration, (double)(clock_mono_ns() - started_ns) / 1e9);
    return blame_path(lane, rc, err);
}

/* Reads the envelope and finds the handler. A record of no interest is settled without parsing. */
static enum status run_record(struct lane *lane, struct message *message, struct err *err)
{
    const struct record *record = message->record;
    const struct route *route;
    enum status rc;

    /* Beyond the limit it was not the handler: nothing of it is looked at. */
    if (lane->crashes > lane->engine->settings->worker.crash_limit) {
        make_identity(lane);
        return crashed(lane, err);
    }
    if (!str_is_set(record->value)) {
        make_identity(lane);
        route = find_route(lane->engine, STR("tombstone"));
        lane->ignored = route == NULL;
        return route ? run_handler(lane, message, route, err) : ST_OK;
    }
    rc = cloudevent_read(record->headers, record->header_count, record->value, &lane->arena,
                         &message->event, &message->data, err);
    if (rc == ST_OK && record->key.len > KEY_BYTES_MAX)
        rc = err_reject(err, REASON_MALFORMED, "key", "the key has %zu bytes", record->key.len);
    if (rc != ST_OK) {
        make_identity(lane);
        return rc;
    }
    take_identity(lane, &message->event);
    route = find_route(lane->engine, message->event.type);
    lane->ignored = route == NULL;
    if (!route)
        return ST_OK;
    rc = json_parse(message->data, &message->value, err);
    if (rc != ST_OK)
        return rc;
    return run_handler(lane, message, route, err);
}

/* On the crash board and, when it once crashed a worker, alone among its like. */
static enum status hold_record(struct lane *lane, struct err *err)
{
    const struct record *record = lane->record;

    if (!suspects_enter(lane))
        return err_wait(err, "suspects", deadline_in(SUSPECT_WAIT_MS),
                        "another record that may have crashed a worker runs");
    crash_hold(lane->engine->board, lane->number, lane->topic_index, record->partition,
               record->offset);
    return ST_OK;
}

/* What was emitted must be acknowledged before anything is written or settled, and no delivery
 * report may outlive the item; a failed emission outweighs ST_OK only. */
static enum status await_emits(struct lane *lane, enum status rc, struct err *err)
{
    struct err failure = {0};

    enum status flushed = lane_flush(lane, &failure);

    if (flushed == ST_OK || rc != ST_OK)
        return rc;
    *err = failure;
    return flushed;
}

static enum status write_rows(struct lane *lane, struct err *err)
{
    struct span span;
    enum status rc;

    if (lane->row_count == 0 && !parked_has_row(lane->item))
        return ST_OK;
    lane_span_open(lane, &span);
    if (parked_has_row(lane->item))
        rc = parked_finish(lane, err);
    else
        rc = lane_commit(lane, (struct writer_job){.rows = lane->rows, .count = lane->row_count},
                         err);
    SPAN_END(&span, SPAN_STORE, rc != ST_OK, kv_int("rows", (int64_t)lane->row_count),
             kv_cstr("error_code", rc == ST_OK ? NULL : err->code));
    return rc;
}

static enum status take_record(struct lane *lane, struct message *message, struct err *err)
{
    struct item *item = lane->item;
    enum status rc = ST_OK;

    if (item->kind == ITEM_PARKED) {
        make_identity(lane); /* until its own is read */
        rc = parked_take(lane, err);
    } else {
        lane->record = item->record;
    }
    if (!lane->record)
        return rc;
    message->record = lane->record;
    message->attempt = (int)item->attempts + 1;
    if (rc != ST_OK)
        return rc;
    if (item->kind == ITEM_RECORD)
        lane->topic_index = item->topic_index;
    rc = hold_record(lane, err);
    return rc == ST_OK ? run_record(lane, message, err) : rc;
}

static enum status run_tick(struct lane *lane, struct err *err)
{
    const struct worker_tick *tick = &lane->engine->def->tick;
    enum status rc;

    make_identity(lane);
    atomic_store(&lane->busy_since_ms, clock_mono_ms());
    rc = lane->item->kind == ITEM_TICK ? tick->fn(lane, err)
                                       : tick->on_key(lane, lane->item->key, err);
    atomic_store(&lane->busy_since_ms, 0);
    return rc;
}

static enum status run_item(struct lane *lane, struct message *message, struct err *err)
{
    if (lane->engine->def->keeps_tokens && !watch_tokens_read(lane->engine))
        return err_wait(err, "tokens", deadline_in(TOKENS_UNREAD_MS),
                        "state.token is being read to its end");
    switch (lane->item->kind) {
    case ITEM_RECORD:
    case ITEM_PARKED: return take_record(lane, message, err);
    case ITEM_TICK:
    case ITEM_KEY: return run_tick(lane, err);
    }
    return ST_OK;
}

/* A stop shortens what is begun late. */
static struct deadline attempt_ends(struct engine *engine)
{
    struct deadline drain_end = {atomic_load(&engine->drain_end_ms)};
    struct deadline until = deadline_in(engine->budget_ms);

    return drain_end.at_ms == 0 ? until : deadline_min(until, drain_end);
}

static void begin_item(struct lane *lane, struct item *item, const struct message *message)
{
    lane->item = item;
    lane->message = message;
    lane->record = NULL;
    lane->row_count = 0;
    lane->span.start_ns = 0;
    lane->caused = false;
    lane->ignored = false;
    lane->ran = false;
    lane->crashes = 0;
    lane->is_dark = false;
    lane->unknown.text[0] = '\0';
    lane->erased_seen = erased_generation(lane->engine->erased);
    lane->until = attempt_ends(lane->engine);
    lane->look_by = (struct deadline){0};
}

static void end_item(struct lane *lane)
{
    crash_let_go(lane->engine->board, lane->number);
    lane->item = NULL;
    lane->message = NULL;
    lane->record = NULL;
    arena_reset(&lane->arena);
}

static void serve_item(struct lane *lane, struct item *item)
{
    struct message message = {0};
    struct err err = {0};
    enum status rc;

    begin_item(lane, item, &message);
    rc = run_item(lane, &message, &err);
    rc = await_emits(lane, rc, &err);
    if (rc == ST_OK)
        rc = write_rows(lane, &err);
    settle_item(lane, rc, &err);
    json_free(message.value);
    end_item(lane);
}

/* Called with sched_lock, as are the next two. Nothing new begins while it is not known that the
 * partitions are still ours: the process, or the pump, stood still. */
static bool may_begin(const struct engine *engine, int64_t now_ms)
{
    return now_ms - atomic_load(&engine->owner_ms) < engine->owner_sure_ms;
}

static struct item *find_item(struct engine *engine)
{
    int64_t now_ms = clock_mono_ms();

    if (!may_begin(engine, now_ms))
        return NULL;
    for (;;) {
        /* keys_item is the item's first member. */
        struct item *item = (struct item *)keys_next(engine->keys, now_ms, engine->redrive_lanes);

        if (!item || item->due_ms <= now_ms)
            return item;
        keys_defer(engine->keys, &item->link, item->due_ms); /* its time has not come */
    }
}

static struct item *await_item(struct engine *engine)
{
    while (!engine->lanes_end) {
        struct item *item = find_item(engine);

        if (item)
            return item;
        engine->idle++;
        (void)pthread_cond_wait(&engine->lane_wanted, &engine->sched_lock);
        engine->idle--;
    }
    return NULL;
}

/* Of the assignment by which the item is ours. */
static struct owner owner_of(const struct engine *engine, const struct item *item)
{
    if (item->kind == ITEM_PARKED)
        return (struct owner){item->number, item->epoch};
    if (!item->partition)
        return (struct owner){TICK_PARTITION, 0};
    return (struct owner){item->partition->number, engine->epochs[item->partition->number]};
}

/* Each lane that goes to work wakes the next while there is more: what became ready by the hand of
 * one lane, or by the clock, needs no other signal. */
static struct item *next_item(struct lane *lane)
{
    struct engine *engine = lane->engine;
    struct item *item;

    (void)pthread_mutex_lock(&engine->sched_lock);
    item = await_item(engine);
    if (item) {
        park_forget(engine, item);
        lane->owner = owner_of(engine, item);
        engine->running++;
        if (item->partition)
            item->partition->running++;
        if (engine->idle > 0 && keys_has_next(engine->keys, engine->redrive_lanes))
            (void)pthread_cond_signal(&engine->lane_wanted);
        if (lane->http)
            http_client_uncut(lane->http); /* an earlier item's partition was revoked */
    }
    (void)pthread_mutex_unlock(&engine->sched_lock);
    return item;
}

void *lane_main(void *arg)
{
    struct lane *lane = arg;
    struct item *item;

    crash_enter_lane(lane->number);
    while ((item = next_item(lane)) != NULL)
        serve_item(lane, item);
    crash_leave_lane();
    db_thread_done();
    return NULL;
}

void lane_cut(struct lane *lane)
{
    if (lane->http)
        http_client_cut(lane->http);
    lane_stop_waiting(lane);
}

enum status lane_open(struct lane *lane, struct engine *engine, struct err *err)
{
    const struct settings_wechat *wechat = &engine->settings->wechat;
    struct http_client_conf conf = {
        .ca_file = wechat->ca_file,
        .connect_timeout_ms = wechat->connect_timeout_ms,
    };
    enum status rc;

    lane->engine = engine;
    lane->number = (int)(lane - engine->lanes);
    lane->arena.max = ARENA_MAX;
    lane->value.max = VALUE_MAX;
    (void)pthread_mutex_init(&lane->emit_lock, NULL);
    (void)pthread_cond_init(&lane->emit_done, NULL);
    if (!engine->share)
        return ST_OK;
    if (!engine->tokens)
        return http_client_open(&engine->own_lanes.http, engine->share, &lane->http, err);
    rc = http_client_open(&conf, engine->share, &lane->http, err);
    if (rc != ST_OK)
        return rc;
    lane_env(lane);
    lane->wechat = wechat_new(wechat, lane->http, &lane->env);
    return lane->wechat ? ST_OK : err_fatal(err, "memory", "out of memory");
}

void lane_close(struct lane *lane)
{
    wechat_free(lane->wechat);
    http_client_close(lane->http);
    arena_done(&lane->arena);
    buf_done(&lane->value);
    mem_free(lane->rows);
    (void)pthread_mutex_destroy(&lane->emit_lock);
    (void)pthread_cond_destroy(&lane->emit_done);
}
