/* SPDX-License-Identifier: Apache-2.0 */
/* Records out, one delivery report each, served on the caller's thread. */
#include "kafka/producer.h"

#include "base/map.h"
#include "base/mem.h"
#include "kafka/conf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NUMBER_SIZE = 24, CLOSE_STEP_MS = 100, PURGE_WAIT_MS = 5000 };

/* What librdkafka writes into the descriptor when its queue becomes non-empty. */
static const uint64_t ONE = 1;

struct producer {
    struct kafka_handle handle;
    rd_kafka_queue_t *reports;
    int fd;
    atomic_bool fd_watched;
    atomic_size_t in_flight;
    pthread_mutex_t topics_lock; /* guards topics */
    struct map *topics;          /* name -> rd_kafka_topic_t */
};

/* A record's opaque inside librdkafka. */
struct pending {
    delivery_fn *fn;
    void *arg;
};

/* --- open and close --- */

static void tune(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
}

static void topic_done(void *topic)
{
    rd_kafka_topic_destroy(topic);
}

static void producer_free(struct producer *p)
{
    map_free(p->topics, topic_done);
    if (p->reports != NULL)
        rd_kafka_queue_destroy(p->reports);
    if (!kafka_handle_close(&p->handle))
        return;
    if (p->fd >= 0)
        (void)close(p->fd);
    (void)pthread_mutex_destroy(&p->topics_lock);
    mem_free(p);
}

/* NULL for 0. */
static const char *number(int64_t n, char text[static NUMBER_SIZE])
{
    (void)snprintf(text, NUMBER_SIZE, "%lld", (long long)n);
    return n > 0 ? text : NULL;
}

static enum status open_handle(const struct producer_conf *conf, struct producer *p,
                               struct err *err)
{
    char timeout[NUMBER_SIZE];
    char records[NUMBER_SIZE];
    char kbytes[NUMBER_SIZE];
    const struct kafka_option defaults[] = {
        {"linger.ms", conf->linger_ms},
        {"queue.buffering.max.messages", number(conf->queue_records, records)},
        {"queue.buffering.max.kbytes", number(conf->queue_kbytes, kbytes)},
        {NULL, NULL},
    };
    const struct kafka_option fixed[] = {{"message.timeout.ms", timeout}, {NULL, NULL}};
    const struct kafka_spec spec = {
        .settings = conf->kafka,
        .kind = KAFKA_PRODUCER,
        .client_id = conf->client_id,
        .defaults = defaults,
        .fixed = fixed,
        .tune = tune,
    };

    (void)number(conf->message_timeout_ms, timeout);
    return kafka_handle_open(&spec, p, &p->handle, err);
}

enum status producer_open(const struct producer_conf *conf, struct producer **out, struct err *err)
{
    struct producer *p = mem_zalloc(sizeof(*p));
    enum status rc = ST_FATAL;

    if (p == NULL)
        return err_fatal(err, "memory", "no memory for a producer");
    (void)pthread_mutex_init(&p->topics_lock, NULL);
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->topics = map_new();
    if (p->fd < 0)
        (void)err_errno(err, ST_FATAL, errno, "eventfd");
    else if (p->topics == NULL)
        (void)err_fatal(err, "memory", "no memory for a producer");
    else
        rc = open_handle(conf, p, err);
    if (rc != ST_OK) {
        producer_free(p);
        return rc;
    }
    p->reports = rd_kafka_queue_get_main(p->handle.rk);
    *out = p;
    return ST_OK;
}

void producer_close(struct producer *p, struct deadline until)
{
    struct deadline purged;

    if (p == NULL)
        return;
    while (producer_in_flight(p) > 0 && !deadline_passed(until))
        producer_poll(p, kafka_timeout_ms(until, CLOSE_STEP_MS));
    if (producer_in_flight(p) > 0)
        (void)rd_kafka_purge(p->handle.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    purged = deadline_in(PURGE_WAIT_MS);
    while (producer_in_flight(p) > 0 && !deadline_passed(purged))
        producer_poll(p, CLOSE_STEP_MS);
    producer_free(p);
}

/* --- topics --- */

/* Borrowed for the producer's life; NULL when memory is short or the name is none. */
static rd_kafka_topic_t *topic_handle(struct producer *p, const char *name)
{
    rd_kafka_topic_t *topic;

    (void)pthread_mutex_lock(&p->topics_lock);
    topic = map_get(p->topics, str_from(name));
    if (topic == NULL) {
        topic = rd_kafka_topic_new(p->handle.rk, name, NULL);
        if (topic != NULL && !map_put(p->topics, str_from(name), topic, NULL)) {
            rd_kafka_topic_destroy(topic);
            topic = NULL;
        }
    }
    (void)pthread_mutex_unlock(&p->topics_lock);
    return topic;
}

enum status producer_topic(struct producer *p, const char *topic, struct deadline until,
                           int32_t *partitions, struct err *err)
{
    struct kafka_topic_shape shape;
    enum status rc;

    if (topic_handle(p, topic) == NULL)
        return err_fatal(err, "kafka:topic", "%s cannot be a topic", topic);
    rc = kafka_topic_shape(p->handle.rk, topic, until, &shape, err);
    if (rc == ST_OK)
        *partitions = shape.partitions;
    return rc;
}

/* --- sending --- */

/* NULL: no memory. */
static rd_kafka_headers_t *copy_headers(const struct outgoing *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; headers != NULL && i < record->header_count; i++) {
        const struct header *h = &record->headers[i];

        if (rd_kafka_header_add(headers, h->name.ptr, (ssize_t)h->name.len, h->value.ptr,
                                (ssize_t)h->value.len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(headers);
            return NULL;
        }
    }
    return headers;
}

/* librdkafka's field is not const though it only reads. */
static void *unconst(const void *bytes)
{
    void *same;

    memcpy(&same, &bytes, sizeof(same));
    return same;
}

/* librdkafka takes headers over only when it takes the record. */
static rd_kafka_error_t *hand_over(struct producer *p, rd_kafka_topic_t *topic,
                                   const struct outgoing *record, rd_kafka_headers_t *headers,
                                   struct pending *pending)
{
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = unconst(record->key.ptr), .size = record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = unconst(record->value.ptr), .size = record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = pending},
    };

    return rd_kafka_produceva(p->handle.rk, fields, COUNT_OF(fields));
}

/* What is fatal at the start refuses only this record later on: rights and topics come back. What
 * is fatal to the producer is told with its cause. */
static enum status refuse(struct producer *p, const char *topic, rd_kafka_error_t *error,
                          struct err *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    enum status rc;

    rc = kafka_error_take(error, topic, err);
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        return kafka_fatal(p->handle.rk, err);
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return err_reject(err, REASON_REJECTED, "kafka:topic", "topic %s does not exist", topic);
    return rc == ST_FATAL ? ST_RETRY : rc;
}

enum status producer_send(struct producer *p, const struct outgoing *record, delivery_fn *fn,
                          void *arg, struct err *err)
{
    rd_kafka_topic_t *topic = topic_handle(p, record->topic);
    rd_kafka_headers_t *headers;
    struct pending *pending;
    rd_kafka_error_t *error;

    if (topic == NULL)
        return err_retry(err, "memory", "no memory for topic %s", record->topic);
    headers = copy_headers(record);
    pending = mem_alloc(sizeof(*pending));
    if (headers == NULL || pending == NULL) {
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
        mem_free(pending);
        return err_retry(err, "memory", "no memory for a record");
    }
    *pending = (struct pending){fn, arg};
    (void)atomic_fetch_add(&p->in_flight, 1);
    error = hand_over(p, topic, record, headers, pending);
    if (error != NULL) {
        (void)atomic_fetch_sub(&p->in_flight, 1);
        rd_kafka_headers_destroy(headers);
        mem_free(pending);
        return refuse(p, record->topic, error, err);
    }
    return ST_OK;
}

/* --- delivery reports --- */

static void report(struct producer *p, const rd_kafka_message_t *message)
{
    struct pending *pending = message->_private;
    struct err err;

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        pending->fn(pending->arg, message->partition, message->offset, NULL);
    } else {
        (void)kafka_error(message->err, rd_kafka_topic_name(message->rkt), &err);
        pending->fn(pending->arg, message->partition, -1, &err);
    }
    mem_free(pending);
    (void)atomic_fetch_sub(&p->in_flight, 1);
}

static void serve_reports(struct producer *p, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message = rd_kafka_event_message_next(event);

    for (; message != NULL; message = rd_kafka_event_message_next(event))
        report(p, message);
}

static void serve(struct producer *p, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
        serve_reports(p, event);
    else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        log_debug(EV("kafka.error"),
                  kv_cstr("code", rd_kafka_err2name(rd_kafka_event_error(event))),
                  kv_cstr("text", rd_kafka_event_error_string(event)));
    rd_kafka_event_destroy(event);
}

void producer_poll(struct producer *p, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(p->reports, timeout_ms);

    while (event != NULL) {
        serve(p, event);
        event = rd_kafka_queue_poll(p->reports, 0);
    }
}

int producer_fd(struct producer *p)
{
    if (!atomic_exchange(&p->fd_watched, true)) {
        rd_kafka_queue_io_event_enable(p->reports, p->fd, &ONE, sizeof(ONE));
        /* What came before has rung no bell. */
        (void)eventfd_write(p->fd, ONE);
    }
    return p->fd;
}

void producer_drain(struct producer *p)
{
    eventfd_t count;

    /* Before the queue: a report that comes after the last look at it rings again. */
    (void)eventfd_read(p->fd, &count);
    producer_poll(p, 0);
}

size_t producer_in_flight(struct producer *p)
{
    return atomic_load(&p->in_flight);
}
