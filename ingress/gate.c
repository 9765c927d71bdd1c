/* SPDX-License-Identifier: Apache-2.0 */
/* A gate's life: wait for the broker, listen, run, stop without losing a waiting push. */
#include "gate.h"

#include "api.h"
#include "base/mem.h"
#include "held.h"
#include "metrics/catalog.h"
#include "replies_set.h"

#include <sched.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    METADATA_MS = 2000,
    START_RETRY_NS = 300000000,
    STOP_MS = 6000,
    /* A proxy's kept connections are used once more in this time and told that they end. One that
     * were closed at once could be in use again that moment: a push lost to the proxy. */
    LAST_ANSWERS_MS = 3000,
    CLOSE_MS = 1000,
    /* A push that was answered 503 still waits for the broker and comes late, as a repetition.
     * Beyond these, others are refused at once. */
    QUEUE_RECORDS = 20000,
    QUEUE_KBYTES = 65536,
    READ_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 75000,
    VALUE_MAX = 1 << 20,
    STOP_CHECK_MS = 50,
};

static void on_reports(void *arg, uint32_t events UNUSED)
{
    struct gate *gate = arg;

    producer_drain(gate->producer);
}

/* What an alert counts is there before it first happens: of a series that begins at one, Prometheus
 * sees no increase. */
static void declare_outcomes(struct metrics *m, const char *account)
{
    static const char *const outcomes[] = {"ack_timeout", "broker",    "queue_full", "connections",
                                           "stopping",    "signature", "mode",       "decrypt"};

    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        (void)metric_2(m, &METRIC_INGRESS_REQUESTS, account, outcomes[i]);
}

static enum status open_accounts(struct gate *gate, struct err *err)
{
    const struct settings *settings = gate->shared->settings;
    struct metrics *m = gate->shared->metrics;

    gate->accounts = mem_array(settings->account_count + 1, sizeof(*gate->accounts));
    if (!gate->accounts)
        return err_fatal(err, "memory", "out of memory");
    for (size_t i = 0; i < settings->account_count; i++) {
        const struct account *account = &settings->accounts[i];
        enum status rc =
            push_reader_new(account, &gate->shared->secrets[i], &gate->accounts[i].reader, err);

        if (rc != ST_OK)
            return rc;
        gate->accounts[i].source = arena_printf(&gate->arena, "/wechat/%s", account->appid);
        if (!str_is_set(gate->accounts[i].source))
            return err_fatal(err, "memory", "out of memory");
        gate->accounts[i].accepted =
            metric_2(m, &METRIC_INGRESS_REQUESTS, account->name, "accepted");
        gate->accounts[i].duplicate =
            metric_2(m, &METRIC_INGRESS_REQUESTS, account->name, "duplicate");
        declare_outcomes(m, account->name);
    }
    gate->ack_seconds = metric_plain(m, &METRIC_INGRESS_ACK);
    return ST_OK;
}

/* librdkafka's threads inherit the policy of the thread that makes them. A batch thread that wakes
 * up does not interrupt (sched(7)): the loop first takes in every request that has arrived, then
 * their records leave together. That batches by need where a core is short and waits for nothing
 * where one is free; a linger would do the first for a delay of every push. */
static enum status make_producer(const struct producer_conf *conf, struct producer **out,
                                 struct err *err)
{
    const bool ordinary = sched_getscheduler(0) == SCHED_OTHER;
    enum status rc;

    if (ordinary)
        (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    rc = producer_open(conf, out, err);
    if (ordinary)
        (void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
    return rc;
}

static enum status open_producer(struct gate *gate, struct err *err)
{
    const struct producer_conf conf = {
        .kafka = &gate->shared->settings->kafka,
        .client_id = "kabao-ingress",
        .queue_records = QUEUE_RECORDS,
        .queue_kbytes = QUEUE_KBYTES,
        .linger_ms = "0",
    };
    const enum status rc = make_producer(&conf, &gate->producer, err);

    if (rc != ST_OK)
        return rc;
    return loop_watch(gate->loop, producer_fd(gate->producer), EPOLLIN, on_reports, gate, err);
}

static enum status check_topic(struct gate *gate, const char *topic, struct err *err)
{
    int32_t want = (int32_t)gate->shared->settings->topic.partitions;
    int32_t partitions = 0;
    enum status rc =
        producer_topic(gate->producer, topic, deadline_in(METADATA_MS), &partitions, err);

    if (rc != ST_OK || partitions == want)
        return rc;
    return err_fatal(err, "kafka:partitions", "%s has %d partitions, [topic] partitions says %d",
                     topic, partitions, want);
}

static enum status check_api_topics(struct gate *gate, struct err *err)
{
    const struct api *api = gate->shared->api;
    enum status rc = check_topic(gate, api->wechat_topic, err);

    if (rc == ST_OK)
        rc = check_topic(gate, api->bonus_topic, err);
    return rc == ST_OK ? check_topic(gate, api->activation_topic, err) : rc;
}

static enum status check_topics(struct gate *gate, struct err *err)
{
    enum status rc = check_topic(gate, gate->shared->topic, err);

    if (rc == ST_OK && gate->shared->ticket_topic[0] != '\0')
        rc = check_topic(gate, gate->shared->ticket_topic, err);
    return rc == ST_OK && gate->shared->api ? check_api_topics(gate, err) : rc;
}

/* The first record must not pay for the connection: nobody is let in before the topic is known. */
static enum status await_broker(struct gate *gate, struct err *err)
{
    struct log_limit limit = {0};
    enum status rc;

    while (!atomic_load(&gate->shared->stopping)) {
        rc = check_topics(gate, err);
        if (rc != ST_RETRY)
            return rc;
        if (log_limit(&limit, NULL))
            log_warn(EV("start.waits"), kv_cstr("error", err->text));
        (void)nanosleep(&(struct timespec){.tv_nsec = START_RETRY_NS}, NULL);
    }
    return ST_OK;
}

/* The kernel spreads connections over the gates. */
size_t gate_connections(const struct gate_shared *shared)
{
    size_t total = (size_t)shared->settings->ingress.max_connections;

    return (total + shared->gate_count - 1) / shared->gate_count;
}

static enum status listen_now(struct gate *gate, struct err *err)
{
    const struct settings_ingress *settings = &gate->shared->settings->ingress;
    struct http_server_conf conf = {
        .listen = settings->listen,
        .max_body_bytes = (size_t)settings->max_body_bytes,
        .max_connections = gate_connections(gate->shared),
        .read_timeout_ms = READ_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .reuse_port = true,
        .on_request = routes_request,
        .on_refused = routes_refused,
        .body_limit = gate->shared->api ? api_body_limit : NULL,
        .refusal = gate->shared->api ? api_refusal : NULL,
        .arg = gate,
    };
    enum status rc = http_server_open(gate->loop, &conf, &gate->server, err);

    if (rc == ST_OK)
        atomic_store(&gate->listening, true);
    return rc;
}

static bool is_done(const struct gate *gate)
{
    return producer_in_flight(gate->producer) == 0 && http_server_open_exchanges(gate->server) == 0;
}

static void begin_stop(struct gate *gate)
{
    gate->stop_by = deadline_in(STOP_MS);
    gate->refuse_at = deadline_in(LAST_ANSWERS_MS);
    atomic_store(&gate->listening, false);
    http_server_quiesce(gate->server);
}

static void refuse_from_now_on(struct gate *gate)
{
    gate->refusing = true;
    waiting_stop(gate->waiting);
    http_server_end_idle(gate->server);
}

/* Lets nobody new in, takes what comes on connections that are there, answers what waits, ends. */
static int64_t check_stop(void *arg)
{
    struct gate *gate = arg;

    if (!atomic_load(&gate->shared->stopping))
        return -1;
    if (gate->stop_by.at_ms == 0)
        begin_stop(gate);
    if (!gate->refusing &&
        (deadline_passed(gate->refuse_at) || http_server_connections(gate->server) == 0))
        refuse_from_now_on(gate);
    if ((gate->refusing && is_done(gate)) || deadline_passed(gate->stop_by))
        loop_stop(gate->loop);
    return STOP_CHECK_MS;
}

static enum status run(struct gate *gate, struct err *err)
{
    enum status rc = open_accounts(gate, err);

    gate->value.max = VALUE_MAX;
    gate->folded.max = REPLIES_FOLDED_MAX;
    if (gate->shared->api)
        gate->value.max += (size_t)gate->shared->settings->ingress.api_max_body_bytes;
    gate->answer_timer = (struct loop_timer){.fn = held_expire, .arg = gate};
    if (rc == ST_OK)
        rc = open_producer(gate, err);
    if (rc == ST_OK && gate->shared->api)
        rc = waiting_open(gate, &gate->waiting, err);
    if (rc == ST_OK)
        rc = await_broker(gate, err);
    if (rc != ST_OK || atomic_load(&gate->shared->stopping))
        return rc;
    rc = listen_now(gate, err);
    if (rc == ST_OK)
        rc = loop_prepare(gate->loop, check_stop, gate, err);
    return rc == ST_OK ? loop_run(gate->loop, err) : rc;
}

static void close_gate(struct gate *gate)
{
    atomic_store(&gate->listening, false);
    waiting_stop(gate->waiting);
    if (gate->producer)
        loop_unwatch(gate->loop, producer_fd(gate->producer));
    producer_close(gate->producer, deadline_in(CLOSE_MS)); /* reports still answer their pushes */
    http_server_close(gate->server);
    waiting_close(gate->waiting);
    for (size_t i = 0; gate->accounts && i < gate->shared->settings->account_count; i++)
        push_reader_free(gate->accounts[i].reader);
    mem_free(gate->accounts);
    buf_done(&gate->value);
    buf_done(&gate->folded);
    arena_done(&gate->arena);
}

void gate_main(void *arg)
{
    struct gate *gate = arg;
    struct err err = {0};

    gate->result = run(gate, &err);
    if (gate->result != ST_OK)
        log_error(EV("ingress.failed"), kv_cstr("code", err.code), kv_cstr("error", err.text));
    close_gate(gate);
    loop_stop(gate->shared->main_loop);
}
