/* SPDX-License-Identifier: Apache-2.0 */
/* A lane: one thread that takes an item, runs its handler, and has the verdict settled. */
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "codec/json.h"
#include "db/fault.h"
#include "metrics/catalog.h"
#include "run/engine.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 16 << 20, VALUE_MAX = 4 << 20 };

enum { AWAY_LEAST_MS = 500, AWAY_SPREAD_MS = 1000, TOKENS_UNREAD_MS = 200 };

/* When broker or database are away no record is to blame: it waits without an attempt counted. */

static bool is_broker_away(const char *code)
{
    static const char *const codes[] = {"kafka:timeout", "kafka:unreachable", "kafka:queue-full",
                                        "kafka:closed"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static bool is_database_away(const char *code)
{
    static const struct str prefix = STR_INIT("mysql:");
    struct str number = str_from(code);
    int64_t value = 0;

    if (!str_starts(number, prefix))
        return false;
    number = str_skip(number, prefix.len);
    return str_eq(number, STR("busy")) ||
           (num_parse_i64(number, 0, UINT16_MAX, &value) &&
            (fault_find((unsigned)value, "").flags & FAULT_LOST) != 0);
}

static enum status wait_for(const char *resource, struct err *err)
{
    const struct err cause = *err;

    (void)err_wait(err, resource, deadline_in(AWAY_LEAST_MS + rand_below(AWAY_SPREAD_MS)), "%s",
                   cause.text);
    (void)snprintf(err->code, sizeof(err->code), "%s", cause.code);
    return ST_WAIT;
}

static enum status blame_broker(enum status rc, struct err *err)
{
    return rc == ST_RETRY && is_broker_away(err->code) ? wait_for("kafka", err) : rc;
}

static enum status blame_database(enum status rc, struct err *err)
{
    return rc == ST_RETRY && is_database_away(err->code) ? wait_for("mysql", err) : rc;
}

/* Handing records on */

static void on_delivered(void *arg, int32_t partition UNUSED, int64_t offset UNUSED,
                         const struct err *err)
{
    struct lane *lane = arg;

    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_open--;
    if (err)
        lane->emit_failure = *err;
    if (lane->emits_open == 0)
        (void)pthread_cond_signal(&lane->emit_done);
    (void)pthread_mutex_unlock(&lane->emit_lock);
}

enum status lane_send(struct lane *lane, const struct outgoing *record, struct err *err)
{
    enum status rc;

    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_open++;
    (void)pthread_mutex_unlock(&lane->emit_lock);
    rc = producer_send(lane->engine->producer, record, on_delivered, lane, err);
    if (rc == ST_OK)
        return ST_OK;
    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_open--;
    (void)pthread_mutex_unlock(&lane->emit_lock);
    return blame_broker(rc, err);
}

enum status lane_flush(struct lane *lane, struct err *err)
{
    struct err failure;
    bool cut;

    (void)pthread_mutex_lock(&lane->emit_lock);
    while (lane->emits_open > 0 && !lane->emits_cut)
        (void)pthread_cond_wait(&lane->emit_done, &lane->emit_lock);
    cut = lane->emits_open > 0;
    failure = lane->emit_failure;
    lane->emit_failure = (struct err){0};
    (void)pthread_mutex_unlock(&lane->emit_lock);
    if (cut)
        return err_wait(err, "kafka", deadline_in(0), "the process ends");
    if (failure.code[0] == '\0')
        return ST_OK;
    *err = failure;
    /* The broker refuses this very record, too large for the topic for example. */
    if (failure.reason != REASON_NONE)
        return ST_REJECT;
    return blame_broker(ST_RETRY, err);
}

void lane_cut(struct lane *lane)
{
    if (lane->http)
        http_client_cut(lane->http);
    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_cut = true;
    (void)pthread_cond_signal(&lane->emit_done);
    (void)pthread_mutex_unlock(&lane->emit_lock);
}

static void id_by_chance(const char *step, struct id *id)
{
    uint64_t random = rand_u64();

    id_derive(str_of(&random, sizeof(random)), str_from(step), id);
}

static void name_record(const struct lane *lane, const struct emit *emit, struct id *id)
{
    if (emit->news)
        id_by_chance(emit->step, id);
    else
        id_derive(lane->parent, str_from(emit->step), id);
}

enum status lane_emit(struct lane *lane, const struct emit *emit, const void *record,
                      struct err *err)
{
    struct emit_address address = {0};
    struct outgoing out = {.partition = -1};
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent event = {.type = str_from(emit->type),
                               .dataschema = str_from(emit->dataschema)};
    char topic[TOPIC_NAME_SIZE];
    char now[CLOCK_RFC3339_SIZE];
    struct trace trace;
    struct id id;

    buf_clear(&lane->value);
    emit->write(record, &lane->value);
    if (!buf_ok(&lane->value) || !emit->address(record, &lane->arena, &address))
        return err_retry(err, "memory", "no memory for a %s", emit->type);
    trace_child(&lane->trace, &trace);
    name_record(lane, emit, &id);
    clock_format_rfc3339(clock_wall_ms(), now);
    topic_name(&lane->engine->settings->topic, emit->topic, NULL, topic);
    event.id = str_from(id.text);
    event.source = arena_printf(&lane->arena, "/wechat/%.*s", STR_ARG(address.appid));
    event.time = str_from(now);
    event.subject = address.subject;
    event.appid = address.appid;
    event.traceparent = trace_text(&trace);
    out.topic = topic;
    out.key = address.key;
    out.value = buf_str(&lane->value);
    out.headers = headers;
    out.header_count = cloudevent_headers(&event, headers);
    return lane_send(lane, &out, err);
}

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

enum status lane_run(struct lane *lane, writer_fn *fn, void *arg, struct err *err)
{
    return blame_database(writer_run(lane->engine->writer, fn, arg, lane->until, err), err);
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
    return trace_text(&lane->trace);
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

void lane_warn(struct lane *lane, const char *event, const struct err *err)
{
    log_warn(EV(event), kv_str("trace", trace_id(&lane->trace)), kv_cstr("code", err->code),
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
    if (!item->partition || keys_has(engine->keys, number, item->key) ||
        !keys_add(engine->keys, number, item->key, &item->link))
        return false;
    (void)pthread_cond_signal(&engine->lane_wanted);
    return true;
}

void lane_schedule(struct lane *lane, struct str key)
{
    struct engine *engine = lane->engine;
    struct item *item = mem_zalloc(sizeof(*item) + key.len);
    bool queued;

    if (!item)
        return;
    item->kind = ITEM_KEY;
    memcpy(item + 1, key.ptr, key.len);
    item->key = str_of(item + 1, key.len);
    (void)pthread_mutex_lock(&engine->sched_lock);
    queued = queue_key(engine, item);
    (void)pthread_mutex_unlock(&engine->sched_lock);
    if (!queued)
        item_free(item);
}

/* Running one item */

static const struct route *find_route(const struct worker_def *def, struct str type)
{
    for (const struct route *r = def->routes; r && r->type; r++)
        if (str_match(str_from(r->type), type))
            return r;
    return NULL;
}

static void take_identity(struct lane *lane, const struct cloudevent *event)
{
    if (!trace_parse(event->traceparent, &lane->trace))
        trace_start(&lane->trace);
    lane->parent = event->id;
}

static void make_identity(struct lane *lane)
{
    trace_start(&lane->trace);
    id_by_chance("tick", &lane->chance);
    lane->parent = str_from(lane->chance.text);
}

static enum status run_handler(struct lane *lane, const struct message *message,
                               const struct route *route, struct err *err)
{
    int64_t started_ns = clock_mono_ns();
    enum status rc = route->handler(lane, message, err);

    metric_observe(lane->engine->series.duration, (double)(clock_mono_ns() - started_ns) / 1e9);
    return rc;
}

/* Reads the envelope and finds the handler. A record of no interest is settled without parsing. */
static enum status run_record(struct lane *lane, struct message *message, struct err *err)
{
    const struct record *record = message->record;
    const struct route *route;
    enum status rc;

    if (!str_is_set(record->value)) {
        make_identity(lane);
        route = find_route(lane->engine->def, STR("tombstone"));
        lane->ignored = route == NULL;
        return route ? run_handler(lane, message, route, err) : ST_OK;
    }
    rc = cloudevent_read(record->headers, record->header_count, record->value, &lane->arena,
                         &message->event, &message->data, err);
    if (rc != ST_OK) {
        make_identity(lane);
        return rc;
    }
    take_identity(lane, &message->event);
    route = find_route(lane->engine->def, message->event.type);
    lane->ignored = route == NULL;
    if (!route)
        return ST_OK;
    rc = json_parse(message->data, &message->value, err);
    if (rc != ST_OK)
        return rc;
    return run_handler(lane, message, route, err);
}

static enum status write_rows(struct lane *lane, struct err *err)
{
    if (lane->row_count == 0)
        return ST_OK;
    return blame_database(
        writer_put(lane->engine->writer, lane->rows, lane->row_count, lane->until, err), err);
}

static enum status run_item(struct lane *lane, struct message *message, struct err *err)
{
    const struct worker_tick *tick = &lane->engine->def->tick;
    struct item *item = lane->item;
    enum status rc = ST_OK;

    if (lane->engine->def->keeps_tokens && !watch_tokens_read(lane->engine))
        return err_wait(err, "tokens", deadline_in(TOKENS_UNREAD_MS),
                        "state.token is being read to its end");
    switch (item->kind) {
    case ITEM_RECORD: rc = run_record(lane, message, err); break;
    case ITEM_TICK: rc = tick->fn(lane, err); break;
    case ITEM_KEY: rc = tick->on_key(lane, item->key, err); break;
    }
    return rc == ST_OK ? write_rows(lane, err) : rc;
}

/* What was emitted must be acknowledged before anything is settled, and no delivery report may
 * outlive the item; a failed emission outweighs ST_OK only. */
static enum status await_emits(struct lane *lane, enum status rc, struct err *err)
{
    struct err failure = {0};

    enum status flushed = lane_flush(lane, &failure);

    if (flushed == ST_OK || rc != ST_OK)
        return rc;
    *err = failure;
    return flushed;
}

/* A stop shortens what is begun late. */
static struct deadline attempt_ends(struct engine *engine)
{
    struct deadline drain_end = {atomic_load(&engine->drain_end_ms)};
    struct deadline until = deadline_in(engine->budget_ms);

    return drain_end.at_ms == 0 ? until : deadline_min(until, drain_end);
}

static void serve_item(struct lane *lane, struct item *item)
{
    struct message message = {.record = item->record, .attempt = (int)item->attempts + 1};
    struct err err = {0};
    enum status rc;

    lane->item = item;
    lane->message = &message;
    lane->row_count = 0;
    lane->ignored = false;
    lane->until = attempt_ends(lane->engine);
    atomic_store(&lane->busy_since_ms, clock_mono_ms());
    if (item->kind != ITEM_RECORD)
        make_identity(lane);
    rc = run_item(lane, &message, &err);
    rc = await_emits(lane, rc, &err);
    settle_item(lane, rc, &err);
    json_free(message.value);
    lane->item = NULL;
    lane->message = NULL;
    arena_reset(&lane->arena);
    atomic_store(&lane->busy_since_ms, 0);
}

static struct item *await_item(struct engine *engine)
{
    while (!engine->lanes_end) {
        /* keys_item is the item's first member. */
        struct item *item = (struct item *)keys_next(engine->keys, clock_mono_ms());

        if (item)
            return item;
        engine->idle++;
        (void)pthread_cond_wait(&engine->lane_wanted, &engine->sched_lock);
        engine->idle--;
    }
    return NULL;
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
        engine->running++;
        if (item->partition)
            item->partition->running++;
        if (engine->idle > 0 && keys_ready(engine->keys) > 0)
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

    while ((item = next_item(lane)) != NULL)
        serve_item(lane, item);
    if (lane->engine->def->uses_mysql)
        db_thread_done();
    return NULL;
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
    lane->arena.max = ARENA_MAX;
    lane->value.max = VALUE_MAX;
    (void)pthread_mutex_init(&lane->emit_lock, NULL);
    (void)pthread_cond_init(&lane->emit_done, NULL);
    if (!engine->share)
        return ST_OK;
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
