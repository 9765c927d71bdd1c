/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of the worker benchmark: kabao-member's handler, linked from the worker's own
 * source, on as many threads, without the engine. One thread polls and hands records over, the
 * others run the handler and wait for their acknowledgement, what was handed over is committed
 * every 500 ms. No order per key, no retry, no gap, no limit, no metric, no fence; the first
 * failure ends it.
 *   bare_worker CONFIG TOKEN
 * TOKEN is a file with an access token. Prints a line once it has partitions; SIGTERM commits and
 * ends. */
#include "../../workers/member/import.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/queue.h"
#include "codec/json.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "model/id.h"
#include "run/lane.h"
#include "trace/trace.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stack, arena and value as in run/. */
enum {
    STACK_BYTES = 512 * 1024,
    ARENA_MAX = 16 << 20,
    VALUE_MAX = 4 << 20,
    BUDGET_MS = 15000,
    COMMIT_EVERY_MS = 500,
    PARTITIONS_MAX = 1000,
    POLL_MS = 100,
};

struct bare {
    const struct worker_def *def;
    struct settings *settings;
    void *state;
    struct erased *erased;
    struct token token;
    struct http_share *share;
    struct producer *producer;
    struct consumer *consumer;
    struct queue *records;
    char input[TOPIC_NAME_SIZE];
    char output[TOPIC_NAME_SIZE];
    int64_t next[PARTITIONS_MAX]; /* offsets; -1: nothing came of the partition */
};

struct lane {
    struct bare *bare;
    struct http_client *http;
    struct wechat *wechat;
    struct wechat_env env;
    struct arena arena;
    struct deadline until;
    struct trace trace;
    struct str parent; /* the id of the record in hand */
    struct buf value;
    pthread_mutex_t open_lock;
    pthread_cond_t open_changed;
    size_t open; /* records without their acknowledgement; guarded by open_lock */
};

static void must(enum status rc, const struct err *err)
{
    if (rc == ST_OK)
        return;
    (void)fprintf(stderr, "bare_worker: %s: %s\n", err->code, err->text);
    abort();
}

/* What the handler asks for */

void *lane_state(struct lane *lane)
{
    return lane->bare->state;
}

struct arena *lane_arena(struct lane *lane)
{
    return &lane->arena;
}

struct wechat *lane_wechat(struct lane *lane)
{
    return lane->wechat;
}

struct deadline lane_deadline(const struct lane *lane)
{
    return lane->until;
}

struct str lane_traceparent(const struct lane *lane)
{
    return trace_text(&lane->trace);
}

const struct account *lane_account(struct lane *lane, struct str name)
{
    const struct settings *settings = lane->bare->settings;

    for (size_t i = 0; i < settings->account_count; i++)
        if (str_eq_cstr(name, settings->accounts[i].name))
            return &settings->accounts[i];
    return NULL;
}

/* Nobody is erased: the copy of the table stays empty, and no transaction looks at it. */
struct erased *lane_erased(const struct lane *lane)
{
    return lane->bare->erased;
}

static void on_delivered(void *arg, int32_t partition UNUSED, int64_t offset UNUSED,
                         const struct err *err)
{
    struct lane *lane = arg;

    must(err ? ST_RETRY : ST_OK, err);
    (void)pthread_mutex_lock(&lane->open_lock);
    lane->open--;
    (void)pthread_cond_signal(&lane->open_changed);
    (void)pthread_mutex_unlock(&lane->open_lock);
}

static void await_delivery(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->open_lock);
    while (lane->open > 0)
        (void)pthread_cond_wait(&lane->open_changed, &lane->open_lock);
    (void)pthread_mutex_unlock(&lane->open_lock);
}

enum status lane_emit(struct lane *lane, const struct emit *emit, const void *record,
                      struct err *err)
{
    struct outgoing out = {.topic = lane->bare->output, .partition = -1};
    struct cloudevent event = {.type = str_from(emit->type),
                               .dataschema = str_from(emit->dataschema)};
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct emit_address address = {0};
    char now[CLOCK_RFC3339_SIZE];
    struct trace trace;
    struct id id;

    buf_clear(&lane->value);
    emit->write(record, &lane->value);
    if (!buf_ok(&lane->value) || !emit->address(record, &lane->arena, &address))
        return err_retry(err, "memory", "no memory for a %s", emit->type);
    trace_child(&lane->trace, &trace);
    id_derive(lane->parent, str_from(emit->step), &id);
    clock_format_rfc3339(clock_wall_ms(), now);
    event.id = str_from(id.text);
    event.source = arena_printf(&lane->arena, "/wechat/%.*s", STR_ARG(address.appid));
    event.time = str_from(now);
    event.subject = address.subject;
    event.appid = address.appid;
    event.traceparent = trace_text(&trace);
    out.key = address.key;
    out.value = buf_str(&lane->value);
    out.headers = headers;
    out.header_count = cloudevent_headers(&event, headers);
    (void)pthread_mutex_lock(&lane->open_lock);
    lane->open++;
    (void)pthread_mutex_unlock(&lane->open_lock);
    return producer_send(lane->bare->producer, &out, on_delivered, lane, err);
}

/* Nothing is imported here. */
enum status import_on_card(struct lane *lane UNUSED, const struct message *message UNUSED,
                           struct err *err)
{
    return err_fatal(err, "import", "no imports without the engine");
}

enum status import_on_dead(struct lane *lane UNUSED, const struct message *message UNUSED,
                           const struct err *why UNUSED, struct err *err UNUSED)
{
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the shape is that of struct wechat_env. */
static enum status env_token(void *arg, const struct account *account UNUSED,
                             enum token_kind kind UNUSED, const char *older,
                             struct deadline until UNUSED, struct token *out, struct err *err)
{
    const struct lane *lane = arg;

    if (older)
        return err_fatal(err, "token", "the token is refused");
    *out = lane->bare->token;
    return ST_OK;
}

static void env_token_bad(void *arg UNUSED, const struct account *account UNUSED,
                          enum token_kind kind UNUSED, const char *fingerprint UNUSED)
{
}

static enum status env_admit(void *arg UNUSED, const struct account *account UNUSED,
                             const char *path UNUSED, struct err *err UNUSED)
{
    return ST_OK;
}

static void env_report(void *arg UNUSED, const struct account *account UNUSED,
                       const char *path UNUSED, int errcode UNUSED, int64_t took_ms UNUSED)
{
}

/* The threads */

static handler_fn *find_handler(const struct worker_def *def, struct str type)
{
    for (const struct route *r = def->routes; r->type; r++)
        if (str_match(str_from(r->type), type))
            return r->handler;
    return NULL;
}

static void serve(struct lane *lane, const struct record *record)
{
    struct message message = {.record = record, .attempt = 1};
    struct err err = {0};
    handler_fn *handler;

    lane->until = deadline_in(BUDGET_MS);
    must(cloudevent_read(record->headers, record->header_count, record->value, &lane->arena,
                         &message.event, &message.data, &err),
         &err);
    if (!trace_parse(message.event.traceparent, &lane->trace))
        trace_start(&lane->trace);
    lane->parent = message.event.id;
    handler = find_handler(lane->bare->def, message.event.type);
    if (!handler)
        return;
    must(json_parse(message.data, &message.value, &err), &err);
    must(handler(lane, &message, &err), &err);
    await_delivery(lane);
    json_free(message.value);
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;
    struct kafka_message *message;

    while ((message = queue_pop(lane->bare->records, deadline_none())) != NULL) {
        serve(lane, kafka_message_record(message));
        kafka_message_free(message);
        arena_reset(&lane->arena);
    }
    return NULL;
}

static void *reports_main(void *arg)
{
    struct bare *bare = arg;

    for (;;)
        producer_poll(bare->producer, POLL_MS);
    return NULL;
}

static void start_thread(size_t stack_bytes, void *(*fn)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, stack_bytes);
    if (pthread_create(&thread, &attributes, fn, arg) != 0)
        abort();
    (void)pthread_attr_destroy(&attributes);
}

static void start_lane(struct bare *bare, struct lane *lane)
{
    const struct settings_wechat *wechat = &bare->settings->wechat;
    const struct http_client_conf conf = {.connect_timeout_ms = wechat->connect_timeout_ms};
    struct err err = {0};

    *lane = (struct lane){.bare = bare, .arena = ARENA_INIT(ARENA_MAX), .value.max = VALUE_MAX};
    lane->env = (struct wechat_env){.arg = lane,
                                    .token = env_token,
                                    .token_bad = env_token_bad,
                                    .admit = env_admit,
                                    .report = env_report};
    (void)pthread_mutex_init(&lane->open_lock, NULL);
    (void)pthread_cond_init(&lane->open_changed, NULL);
    must(http_client_open(&conf, bare->share, &lane->http, &err), &err);
    lane->wechat = wechat_new(wechat, lane->http, &lane->env);
    if (!lane->wechat)
        abort();
    start_thread(STACK_BYTES, lane_main, lane);
}

/* Kafka */

static enum status on_assign(void *arg UNUSED, struct topic_partition *partitions UNUSED,
                             size_t count UNUSED, struct err *err UNUSED)
{
    (void)printf("joined\n");
    (void)fflush(stdout);
    return ST_OK;
}

static void on_revoke(void *arg UNUSED, const struct topic_partition *partitions UNUSED,
                      size_t count UNUSED, bool lost UNUSED)
{
}

static void commit(struct bare *bare, bool wait)
{
    struct topic_partition done[PARTITIONS_MAX];
    size_t count = 0;
    struct err err = {0};

    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (bare->next[i] >= 0)
            done[count++] = (struct topic_partition){
                .topic = bare->input, .partition = i, .offset = bare->next[i]};
    if (count > 0)
        must(consumer_commit(bare->consumer, done, count, wait, &err), &err);
}

static void poll_once(struct bare *bare)
{
    struct kafka_message *message = NULL;
    const struct record *record;
    struct err err = {0};

    if (consumer_poll(bare->consumer, POLL_MS, &message, &err) != ST_OK || !message)
        return;
    record = kafka_message_record(message);
    bare->next[record->partition] = record->offset + 1;
    if (!queue_push(bare->records, message, deadline_none()))
        abort();
}

/* SIGTERM is blocked. */
static bool must_end(void)
{
    sigset_t set;

    return sigpending(&set) == 0 && sigismember(&set, SIGTERM) == 1;
}

static void run(struct bare *bare)
{
    struct deadline commit_at = deadline_in(COMMIT_EVERY_MS);

    while (!must_end()) {
        poll_once(bare);
        if (!deadline_passed(commit_at))
            continue;
        commit(bare, false);
        commit_at = deadline_in(COMMIT_EVERY_MS);
    }
    commit(bare, true);
}

/* Start */

static void read_token(const char *path, struct token *out)
{
    FILE *file = fopen(path, "re");

    if (!file || !fgets(out->text, sizeof(out->text), file))
        abort();
    (void)fclose(file);
    out->text[strcspn(out->text, "\n")] = '\0';
    token_fingerprint(str_from(out->text), out->fingerprint);
}

static void open_kafka(struct bare *bare)
{
    const struct settings *settings = bare->settings;
    const struct producer_conf producing = {.kafka = &settings->kafka, .client_id = "bare_worker"};
    const char *const topics[] = {bare->input};
    const struct consumer_conf consuming = {.kafka = &settings->kafka,
                                            .client_id = "bare_worker",
                                            .group = "bare_worker",
                                            .topics = topics,
                                            .topic_count = 1,
                                            .events = {on_assign, on_revoke, NULL}};
    int32_t partitions = 0;
    struct err err = {0};

    topic_name(&settings->topic, bare->def->inputs[0], NULL, bare->input);
    topic_name(&settings->topic, bare->def->outputs[0], NULL, bare->output);
    must(producer_open(&producing, &bare->producer, &err), &err);
    must(producer_topic(bare->producer, bare->output, deadline_in(BUDGET_MS), &partitions, &err),
         &err);
    start_thread(STACK_BYTES, reports_main, bare);
    must(consumer_open(&consuming, &bare->consumer, &err), &err);
}

static void open_bare(struct bare *bare, const char *config, const char *token)
{
    const struct worker_def *def = bare->def;
    struct err err = {0};

    must(settings_load(config, NULL, &bare->settings, NULL, NULL, &err), &err);
    read_token(token, &bare->token);
    for (size_t i = 0; i < COUNT_OF(bare->next); i++)
        bare->next[i] = -1;
    bare->state = mem_zalloc(def->state_size + 1);
    bare->share = http_share_new();
    bare->records = queue_new((size_t)bare->settings->worker.max_inflight);
    bare->erased = erased_new();
    if (!bare->state || !bare->erased || !bare->share || !bare->records)
        abort();
    if (def->open)
        must(def->open(bare->state, bare->settings, &err), &err);
}

static void block_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int worker_main(int argc, char **argv, const struct worker_def *def)
{
    static struct bare bare;
    struct lane *lanes;
    size_t count;

    if (argc != 3) {
        (void)fputs("usage: bare_worker CONFIG TOKEN\n", stderr);
        return 64;
    }
    block_signals();
    bare.def = def;
    open_bare(&bare, argv[1], argv[2]);
    count = (size_t)bare.settings->worker.lanes;
    lanes = mem_array(count, sizeof(*lanes));
    if (!lanes)
        abort();
    open_kafka(&bare);
    for (size_t i = 0; i < count; i++)
        start_lane(&bare, &lanes[i]);
    run(&bare);
    _exit(0); /* with all that the threads hold */
}
