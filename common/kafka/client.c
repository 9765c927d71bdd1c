/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka handles built from settings, its errors in our terms, its log lines in our log. */
#include "kafka/client.h"

#include "base/str.h"
#include "kafka/conf.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* librdkafka's levels are those of syslog, whose header would redefine log.h's names. */
enum { SYSLOG_WARNING = 4 };

enum { TEXT_SIZE = 256, METADATA_TRY_MS = 5000, METADATA_PAUSE_MS = 50, DESTROY_S = 5 };

/* librdkafka warns about properties of the other kind and ignores them; one [kafka] section serves
 * both, so they are kept from it. A test compares the lists with the library's own. */
static const char *const CONSUMER_ONLY[] = {
    "group.id",
    "group.instance.id",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.protocol.type",
    "coordinator.query.interval.ms",
    "max.poll.interval.ms",
    "enable.auto.commit",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "enable.auto.offset.store",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.wait.max.ms",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "fetch.error.backoff.ms",
    "fetch.queue.backoff.ms",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "isolation.level",
    "consume_cb",
    "rebalance_cb",
    "offset_commit_cb",
    "enable.partition.eof",
    "check.crcs",
    "auto.offset.reset",
    "consume.callback.max.messages",
};

static const char *const PRODUCER_ONLY[] = {
    "transactional.id",
    "transaction.timeout.ms",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.ms",
    "linger.ms",
    "message.send.max.retries",
    "retries",
    "retry.backoff.ms",
    "retry.backoff.max.ms",
    "queue.buffering.backpressure.threshold",
    "compression.codec",
    "compression.type",
    "compression.level",
    "batch.num.messages",
    "batch.size",
    "delivery.report.only.error",
    "dr_cb",
    "dr_msg_cb",
    "sticky.partitioning.linger.ms",
    "request.required.acks",
    "acks",
    "request.timeout.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "queuing.strategy",
    "produce.offset.report",
    "partitioner",
    "partitioner_cb",
    "msg_order_cmp",
};

/* Delivery, order and the meaning of a commit rest on these, under all their names. */
static const char *const KEPT[] = {
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "enabled_events",
    "group.id",
    "isolation.level",
    "log.queue",
    "offset.store.method",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "transactional.id",
};

/* Nagle's algorithm holds back the second small request until the first one's ACK, which the peer
 * may delay by 40 ms. A vanished broker is noticed after socket.timeout.ms, one that is back is
 * found after at most reconnect.backoff.max.ms. */
static const struct kafka_option COMMON_DEFAULTS[] = {
    {"socket.keepalive.enable", "true"}, {"socket.nagle.disable", "true"},
    {"socket.timeout.ms", "20000"},      {"reconnect.backoff.max.ms", "1000"},
    {"statistics.interval.ms", "0"},     {NULL, NULL},
};

/* fetch.wait.max.ms also bounds how long a newly added partition waits behind an idle fetch. */
static const struct kafka_option CONSUMER_DEFAULTS[] = {
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "2000"},
    {"queued.max.messages.kbytes", "16384"},
    {"auto.offset.reset", "earliest"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    {NULL, NULL},
};

static const struct kafka_option PRODUCER_DEFAULTS[] = {
    {"linger.ms", "1"},
    {"message.max.bytes", "2097152"}, /* as dead letters may have (topics.c) */
    {NULL, NULL},
};

static const struct kafka_option COMMON_FIXED[] = {
    {"allow.auto.create.topics", "false"},
    {"log.queue", "false"},
    {NULL, NULL},
};

static const struct kafka_option CONSUMER_FIXED[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"},
    {"partition.assignment.strategy", "range"},
    {NULL, NULL},
};

static const struct kafka_option PRODUCER_FIXED[] = {
    {"enable.idempotence", "true"},          {"acks", "all"}, {"partitioner", "murmur2_random"},
    {"delivery.report.only.error", "false"}, {NULL, NULL},
};

static const struct {
    rd_kafka_type_t type;
    const struct kafka_option *defaults;
    const struct kafka_option *fixed;
} KINDS[] = {
    [KAFKA_CLIENT] = {RD_KAFKA_PRODUCER, NULL, NULL},
    [KAFKA_PRODUCER] = {RD_KAFKA_PRODUCER, PRODUCER_DEFAULTS, PRODUCER_FIXED},
    [KAFKA_CONSUMER] = {RD_KAFKA_CONSUMER, CONSUMER_DEFAULTS, CONSUMER_FIXED},
};

/* What is not listed passes by itself: ST_RETRY under librdkafka's own name. */
static const struct {
    rd_kafka_resp_err_t from;
    enum status status;
    const char *code;
} ERRORS[] = {
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, ST_RETRY, "kafka:queue-full"},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ST_RETRY, "kafka:timeout"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, ST_RETRY, "kafka:timeout"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ST_RETRY, "kafka:timeout"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ST_RETRY, "kafka:timeout"},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, ST_RETRY, "kafka:closed"},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, ST_RETRY, "kafka:closed"},
    {RD_KAFKA_RESP_ERR__TRANSPORT, ST_RETRY, "kafka:unreachable"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ST_RETRY, "kafka:unreachable"},
    {RD_KAFKA_RESP_ERR__RESOLVE, ST_RETRY, "kafka:unreachable"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ST_REJECT, "kafka:too-large"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ST_REJECT, "kafka:too-large"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, ST_REJECT, "kafka:record"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ST_REJECT, "kafka:record"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, ST_REJECT, "kafka:argument"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ST_REJECT, "kafka:partition"},
    {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, ST_REJECT, "kafka:metadata"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ST_FATAL, "kafka:topic"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ST_FATAL, "kafka:topic"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ST_FATAL, "kafka:topic"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ST_FATAL, "kafka:authorization"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ST_FATAL, "kafka:authorization"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ST_FATAL, "kafka:authorization"},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, ST_FATAL, "kafka:group"},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, ST_FATAL, "kafka:group"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, ST_FATAL, "kafka:group"},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ST_FATAL, "kafka:group"},
    {RD_KAFKA_RESP_ERR__FATAL, ST_FATAL, "kafka:fatal"},
};

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum kafka_kind kafka_property_kind(const char *name)
{
    if (listed(CONSUMER_ONLY, COUNT_OF(CONSUMER_ONLY), name))
        return KAFKA_CONSUMER;
    if (listed(PRODUCER_ONLY, COUNT_OF(PRODUCER_ONLY), name))
        return KAFKA_PRODUCER;
    return KAFKA_CLIENT;
}

static enum status fill_error(enum status status, const char *code, const char *what,
                              const char *text, struct err *err)
{
    if (status == ST_REJECT)
        return err_reject(err, REASON_REJECTED, code, "%s: %s", what, text);
    if (status == ST_FATAL)
        return err_fatal(err, code, "%s: %s", what, text);
    return err_retry(err, code, "%s: %s", what, text);
}

enum status kafka_error_text(rd_kafka_resp_err_t code, const char *what, const char *text,
                             struct err *err)
{
    char name[sizeof(err->code)];

    for (size_t i = 0; i < COUNT_OF(ERRORS); i++)
        if (ERRORS[i].from == code)
            return fill_error(ERRORS[i].status, ERRORS[i].code, what, text, err);
    (void)snprintf(name, sizeof(name), "kafka:%s", rd_kafka_err2name(code));
    return fill_error(ST_RETRY, name, what, text, err);
}

enum status kafka_error(rd_kafka_resp_err_t code, const char *what, struct err *err)
{
    return kafka_error_text(code, what, rd_kafka_err2str(code), err);
}

enum status kafka_error_take(rd_kafka_error_t *error, const char *what, struct err *err)
{
    const enum status status =
        kafka_error_text(rd_kafka_error_code(error), what, rd_kafka_error_string(error), err);

    rd_kafka_error_destroy(error);
    return status;
}

enum status kafka_fatal(rd_kafka_t *rk, struct err *err)
{
    char text[TEXT_SIZE] = "";

    if (rd_kafka_fatal_error(rk, text, sizeof(text)) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ST_OK;
    return err_fatal(err, "kafka:fatal", "librdkafka gave up: %s", text);
}

/* --- librdkafka's log lines --- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_handle *handle = rd_kafka_opaque(rk);
    int64_t suppressed = 0;

    if (level > SYSLOG_WARNING || handle == NULL) {
        log_debug(EV("kafka.library"), kv_cstr("facility", facility), kv_cstr("text", text));
        return;
    }
    if (log_limit(&handle->warned, &suppressed))
        log_warn(EV("kafka.library"), kv_cstr("facility", facility), kv_cstr("text", text),
                 kv_int("suppressed", suppressed));
}

/* The same failure of a connection was already logged by on_log. */
static void on_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    (void)rk;
    (void)opaque;
    log_debug(EV("kafka.error"), kv_cstr("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              kv_cstr("text", text));
}

/* --- building a handle --- */

static enum status set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[TEXT_SIZE] = "";

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        return err_fatal(err, "kafka:setting", "[kafka] %s: %s", name, text);
    return ST_OK;
}

static enum status set_all(rd_kafka_conf_t *conf, const struct kafka_option *options,
                           struct err *err)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (options->value == NULL)
            continue;
        if (set(conf, options->name, options->value, err) != ST_OK)
            return ST_FATAL;
    }
    return ST_OK;
}

static enum status set_properties(rd_kafka_conf_t *conf, const struct settings_kafka *settings,
                                  enum kafka_kind kind, struct err *err)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct kafka_property *property = &settings->properties[i];
        const enum kafka_kind only = kafka_property_kind(property->name);

        if (listed(KEPT, COUNT_OF(KEPT), property->name))
            return err_fatal(err, "kafka:setting",
                             "[kafka] %s: is set by kabao itself and cannot be changed; remove it",
                             property->name);
        if (only != KAFKA_CLIENT && only != kind)
            continue;
        if (set(conf, property->name, property->value, err) != ST_OK)
            return ST_FATAL;
    }
    return ST_OK;
}

static bool has_servers(const struct settings_kafka *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct kafka_property *property = &settings->properties[i];

        if (strcmp(property->name, "bootstrap.servers") == 0 ||
            strcmp(property->name, "metadata.broker.list") == 0)
            return property->value[0] != '\0';
    }
    return false;
}

static enum status fill_conf(rd_kafka_conf_t *conf, const struct kafka_spec *spec, struct err *err)
{
    const struct kafka_option id[] = {{"client.id", spec->client_id}, {NULL, NULL}};

    if (!has_servers(spec->settings))
        return err_fatal(err, "kafka:setting",
                         "[kafka] bootstrap.servers: not set; put HOST:PORT there or into "
                         "KABAO_KAFKA_BOOTSTRAP_SERVERS");
    if (set_all(conf, COMMON_DEFAULTS, err) != ST_OK || set_all(conf, id, err) != ST_OK ||
        set_all(conf, KINDS[spec->kind].defaults, err) != ST_OK ||
        set_all(conf, spec->defaults, err) != ST_OK ||
        set_properties(conf, spec->settings, spec->kind, err) != ST_OK ||
        set_all(conf, COMMON_FIXED, err) != ST_OK ||
        set_all(conf, KINDS[spec->kind].fixed, err) != ST_OK ||
        set_all(conf, spec->fixed, err) != ST_OK)
        return ST_FATAL;
    return ST_OK;
}

enum status kafka_handle_open(const struct kafka_spec *spec, void *owner, struct kafka_handle *out,
                              struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[TEXT_SIZE] = "";
    enum status rc;

    rc = fill_conf(conf, spec, err);
    if (rc != ST_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    *out = (struct kafka_handle){.owner = owner};
    rd_kafka_conf_set_opaque(conf, out);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (spec->tune != NULL)
        spec->tune(conf);
    out->rk = rd_kafka_new(KINDS[spec->kind].type, conf, text, sizeof(text));
    if (out->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_fatal(err, "kafka:setting", "[kafka] %s", text);
    }
    return ST_OK;
}

static void *destroy(void *rk)
{
    rd_kafka_destroy(rk);
    return NULL;
}

/* A thread, because the library offers no other way to stop waiting for it. */
bool kafka_handle_close(struct kafka_handle *handle)
{
    struct timespec until;
    pthread_t destroyer;

    if (handle->rk == NULL)
        return true;
    if (pthread_create(&destroyer, NULL, destroy, handle->rk) != 0) {
        rd_kafka_destroy(handle->rk);
        return true;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DESTROY_S;
    if (pthread_clockjoin_np(destroyer, NULL, CLOCK_MONOTONIC, &until) == 0)
        return true;
    (void)pthread_detach(destroyer);
    log_warn(EV("kafka.close_timeout"), kv_int("seconds", DESTROY_S));
    return false;
}

/* --- metadata --- */

int kafka_timeout_ms(struct deadline until, int max_ms)
{
    const int64_t left = deadline_left_ms(until);

    return left < max_ms ? (int)left : max_ms;
}

static enum status read_shape(const struct rd_kafka_metadata *metadata, const char *topic,
                              struct kafka_topic_shape *out, struct err *err)
{
    const struct rd_kafka_metadata_topic *found = metadata->topics;

    if (metadata->topic_cnt != 1)
        return err_retry(err, "kafka:topic", "topic %s: the broker did not speak of it", topic);
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return err_fatal(err, "kafka:topic",
                         "topic %s does not exist; create it with: kabaoctl topics apply", topic);
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(found->err, topic, err);
    if (found->partition_cnt == 0)
        return err_retry(err, "kafka:topic", "topic %s has no partitions yet", topic);
    *out = (struct kafka_topic_shape){
        .partitions = found->partition_cnt,
        .replication = found->partitions[0].replica_cnt,
    };
    return ST_OK;
}

static enum status ask_shape(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms,
                             struct kafka_topic_shape *out, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms);
    enum status rc;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, "metadata", err);
    rc = read_shape(metadata, rd_kafka_topic_name(topic), out, err);
    rd_kafka_metadata_destroy(metadata);
    return rc;
}

enum status kafka_topic_shape(rd_kafka_t *rk, const char *topic, struct deadline until,
                              struct kafka_topic_shape *out, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    enum status rc;

    if (handle == NULL)
        return kafka_error(rd_kafka_last_error(), topic, err);
    for (;;) {
        rc = ask_shape(rk, handle, kafka_timeout_ms(until, METADATA_TRY_MS), out, err);
        if (rc != ST_RETRY || deadline_passed(until))
            break;
        (void)poll(NULL, 0, kafka_timeout_ms(until, METADATA_PAUSE_MS));
    }
    rd_kafka_topic_destroy(handle);
    return rc;
}

/* --- client.h --- */

/* The library checks what spans properties only when it makes a client, which also begins to
 * connect: whether that works is not the question here. */
enum status kafka_list_error(const rd_kafka_topic_partition_list_t *list, const char *what,
                             struct err *err)
{
    for (int i = 0; list != NULL && i < list->cnt; i++)
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(list->elems[i].err, what, err);
    return ST_OK;
}

/* Brokers take the two ends in the place of a time (ListOffsets, -1 latest, -2 earliest). */
enum status kafka_read_ends(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int64_t which,
                            int timeout_ms, struct err *err)
{
    rd_kafka_resp_err_t code;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    code = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, "ends", err);
    return kafka_list_error(list, "ends", err);
}

static enum status try_kind(const struct settings_kafka *settings, enum kafka_kind kind,
                            struct err *err)
{
    const struct kafka_option fixed[] = {
        {"log_level", "0"},
        {"group.id", kind == KAFKA_CONSUMER ? "kabao-check" : NULL},
        {NULL, NULL},
    };
    const struct kafka_spec spec = {.settings = settings, .kind = kind, .fixed = fixed};
    struct kafka_handle handle;
    enum status rc;

    rc = kafka_handle_open(&spec, NULL, &handle, err);
    if (rc == ST_OK)
        rd_kafka_destroy(handle.rk);
    return rc;
}

enum status kafka_check(const struct settings_kafka *settings, struct err *err)
{
    enum status rc;

    rc = try_kind(settings, KAFKA_PRODUCER, err);
    if (rc != ST_OK)
        return rc;
    return try_kind(settings, KAFKA_CONSUMER, err);
}

enum status kafka_ping(const struct settings_kafka *settings, struct deadline until,
                       struct err *err)
{
    const struct kafka_spec spec = {.settings = settings, .kind = KAFKA_CLIENT};
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code;
    struct kafka_handle handle;
    enum status rc;

    rc = kafka_handle_open(&spec, NULL, &handle, err);
    if (rc != ST_OK)
        return rc;
    code = rd_kafka_metadata(handle.rk, 0, NULL, &metadata, kafka_timeout_ms(until, INT_MAX));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    else
        rc = kafka_error(code, "broker", err);
    rd_kafka_destroy(handle.rk);
    return rc;
}
