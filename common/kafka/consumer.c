/* SPDX-License-Identifier: Apache-2.0 */
/* A group member. Every new assignment waits for its committed offsets before it starts; a start
 * from anywhere else would repeat or skip records. */
#include "kafka/consumer.h"

#include "base/mem.h"
#include "kafka/conf.h"

#include <stdatomic.h>
#include <string.h>

enum {
    OPEN_MS = 10000,
    COMMITTED_MS = 3000,   /* one try to read the commits of an assignment */
    BEGINS_MS = 1000,      /* one try to read where partitions without a commit begin */
    COMMIT_WAIT_MS = 5000, /* a frozen broker must not hold a revoke longer */
    CLOSE_MS = 5000,       /* librdkafka 2.0.2 may never close after a lost partition */
    STEP_MS = 100,
};

struct consumer {
    struct kafka_handle handle;
    struct consumer_events events;
    rd_kafka_topic_partition_list_t *assigned; /* NULL: none */
    struct topic_partition *partitions; /* the same as its owner knows it; NULL: not started, the
                                           commits are still to be read */
    bool paused;                        /* some of them may be */
    bool closing;
    atomic_bool joined;
};

struct kafka_message {
    struct record record;
    rd_kafka_message_t *raw;
    struct header headers[];
};

/* --- lists --- */

static rd_kafka_topic_partition_list_t *list_of(const struct topic_partition *partitions,
                                                size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition)
            ->offset = partitions[i].offset;
    return list;
}

/* NULL: no memory. Texts stay the list's. */
static struct topic_partition *array_of(const rd_kafka_topic_partition_list_t *list)
{
    struct topic_partition *array = mem_array((size_t)list->cnt, sizeof(*array));

    for (int i = 0; array != NULL && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *element = &list->elems[i];

        array[i] = (struct topic_partition){
            .topic = element->topic,
            .partition = element->partition,
            .offset = element->offset >= 0 ? element->offset : -1,
            .begin = -1,
        };
        if (element->metadata_size > 0)
            array[i].metadata = str_of(element->metadata, element->metadata_size);
    }
    return array;
}

/* --- assignment --- */

static bool is_waiting(const struct consumer *c)
{
    return c->assigned != NULL && c->partitions == NULL;
}

static void forget_assignment(struct consumer *c)
{
    if (c->assigned != NULL)
        rd_kafka_topic_partition_list_destroy(c->assigned);
    mem_free(c->partitions);
    c->assigned = NULL;
    c->partitions = NULL;
}

static enum status read_commits(struct consumer *c, struct err *err)
{
    rd_kafka_resp_err_t code;

    if (c->assigned->cnt == 0)
        return ST_OK;
    code = rd_kafka_committed(c->handle.rk, c->assigned, COMMITTED_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, "reading the committed offsets", err);
    return kafka_list_error(c->assigned, "reading the committed offsets", err);
}

/* Only told: what cannot be read stays unknown, and keeps nothing from starting. */
static void read_begins(struct consumer *c, struct topic_partition *partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    struct err err;
    int next = 0;

    for (int i = 0; i < c->assigned->cnt; i++)
        if (partitions[i].offset < 0)
            rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition);
    if (list->cnt > 0 &&
        kafka_read_ends(c->handle.rk, list, RD_KAFKA_OFFSET_BEGINNING, BEGINS_MS, &err) == ST_OK)
        for (int i = 0; i < c->assigned->cnt; i++)
            if (partitions[i].offset < 0)
                partitions[i].begin = list->elems[next++].offset;
    rd_kafka_topic_partition_list_destroy(list);
}

/* The owner's word on where each begins; none committed and none given: by auto.offset.reset. */
static enum status ask_owner(struct consumer *c, struct topic_partition *partitions,
                             struct err *err)
{
    enum status rc = ST_OK;

    if (c->events.on_assign != NULL)
        rc = c->events.on_assign(c->events.arg, partitions, (size_t)c->assigned->cnt, err);
    for (int i = 0; rc == ST_OK && i < c->assigned->cnt; i++)
        c->assigned->elems[i].offset =
            partitions[i].offset >= 0 ? partitions[i].offset : RD_KAFKA_OFFSET_INVALID;
    return rc;
}

/* On failure the assignment waits for the next poll. */
static enum status start_assigned(struct consumer *c, struct err *err)
{
    struct topic_partition *partitions;
    rd_kafka_resp_err_t code;
    enum status rc;

    rc = read_commits(c, err);
    if (rc != ST_OK)
        return rc;
    partitions = array_of(c->assigned);
    if (partitions == NULL)
        return err_retry(err, "memory", "no memory for an assignment");
    read_begins(c, partitions);
    rc = ask_owner(c, partitions, err);
    if (rc != ST_OK) {
        mem_free(partitions);
        return rc;
    }
    c->partitions = partitions;
    code = rd_kafka_assign(c->handle.rk, c->assigned);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_fatal(err, "kafka:assign", "assign: %s", rd_kafka_err2str(code));
    atomic_store(&c->joined, true);
    return ST_OK;
}

/* librdkafka forgets a pause with no revocation: a partition that came back would stay silent for
 * ever. */
static void end_pause(struct consumer *c)
{
    if (c->paused && c->assigned != NULL)
        (void)rd_kafka_resume_partitions(c->handle.rk, c->assigned);
    c->paused = false;
}

static void settle(struct consumer *c, bool lost)
{
    atomic_store(&c->joined, false);
    end_pause(c);
    /* What was never started is nobody's business. */
    if (c->partitions != NULL && c->events.on_revoke != NULL)
        c->events.on_revoke(c->events.arg, c->partitions, (size_t)c->assigned->cnt, lost);
    forget_assignment(c);
}

/* The range assignor is eager: all is revoked before anything is assigned. */
static void rebalance(struct consumer *c, rd_kafka_resp_err_t code,
                      const rd_kafka_topic_partition_list_t *list)
{
    struct err err;

    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        /* Asked before assign(), which clears it. */
        settle(c, rd_kafka_assignment_lost(c->handle.rk) != 0);
        (void)rd_kafka_assign(c->handle.rk, NULL);
    } else if (c->closing) {
        (void)rd_kafka_assign(c->handle.rk, NULL);
    } else {
        forget_assignment(c);
        c->assigned = rd_kafka_topic_partition_list_copy(list);
        if (start_assigned(c, &err) != ST_OK)
            log_debug(EV("kafka.assign_waits"), kv_cstr("code", err.code),
                      kv_cstr("text", err.text));
    }
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_handle *handle = opaque;

    (void)rk;
    rebalance(handle->owner, code, list);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    (void)rk;
    (void)list;
    (void)opaque;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_debug(EV("kafka.commit_failed"), kv_cstr("code", rd_kafka_err2name(code)));
}

/* --- open and close --- */

static void tune(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
}

static enum status check_topics(const struct consumer_conf *conf, rd_kafka_t *rk, struct err *err)
{
    const struct deadline until = deadline_in(OPEN_MS);
    struct kafka_topic_shape shape;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < conf->topic_count; i++)
        rc = kafka_topic_shape(rk, conf->topics[i], until, &shape, err);
    return rc;
}

static enum status subscribe(const struct consumer_conf *conf, rd_kafka_t *rk, struct err *err)
{
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)conf->topic_count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < conf->topic_count; i++)
        rd_kafka_topic_partition_list_add(topics, conf->topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_fatal(err, "kafka:subscribe", "subscribe: %s", rd_kafka_err2str(code));
    return ST_OK;
}

enum status consumer_open(const struct consumer_conf *conf, struct consumer **out, struct err *err)
{
    const struct kafka_option fixed[] = {{"group.id", conf->group}, {NULL, NULL}};
    const struct kafka_spec spec = {
        .settings = conf->kafka,
        .kind = KAFKA_CONSUMER,
        .client_id = conf->client_id,
        .fixed = fixed,
        .tune = tune,
    };
    struct consumer *c = mem_zalloc(sizeof(*c));
    enum status rc;

    if (c == NULL)
        return err_fatal(err, "memory", "no memory for a consumer");
    c->events = conf->events;
    rc = kafka_handle_open(&spec, c, &c->handle, err);
    if (rc != ST_OK) {
        mem_free(c);
        return rc;
    }
    (void)rd_kafka_poll_set_consumer(c->handle.rk);
    rc = check_topics(conf, c->handle.rk, err);
    if (rc == ST_OK)
        rc = subscribe(conf, c->handle.rk, err);
    if (rc != ST_OK) {
        rd_kafka_destroy(c->handle.rk);
        mem_free(c);
        return rc;
    }
    *out = c;
    return ST_OK;
}

/* Rebalances come as events here, records that were still queued are let go. True when one was
 * served. */
static bool serve_closing(struct consumer *c, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, STEP_MS);
    const bool is_rebalance =
        event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE;

    if (is_rebalance)
        rebalance(c, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
    rd_kafka_event_destroy(event);
    return is_rebalance;
}

/* The time on_revoke takes is its owner's and does not count. */
static bool leave_group(struct consumer *c)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->handle.rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->handle.rk, queue);
    struct deadline until = deadline_in(CLOSE_MS);
    bool closed;

    if (error != NULL)
        rd_kafka_error_destroy(error);
    while (rd_kafka_consumer_closed(c->handle.rk) == 0 && !deadline_passed(until))
        if (serve_closing(c, queue))
            until = deadline_in(CLOSE_MS);
    closed = rd_kafka_consumer_closed(c->handle.rk) != 0;
    rd_kafka_queue_destroy(queue);
    return closed;
}

void consumer_close(struct consumer *c)
{
    bool left;

    if (c == NULL)
        return;
    c->closing = true;
    if (is_waiting(c)) {
        forget_assignment(c);
        (void)rd_kafka_assign(c->handle.rk, NULL);
    }
    left = leave_group(c);
    /* A subscription that had become unusable ends without a last revocation; partitions still held
     * by our list would keep the library from ending. */
    settle(c, true);
    if (!left)
        log_warn(EV("kafka.leave_timeout"), kv_int("ms", CLOSE_MS));
    /* What has not left cannot be destroyed; the process is about to end, the session without us.
     */
    if (left && kafka_handle_close(&c->handle))
        mem_free(c);
}

/* --- messages --- */

static size_t count_headers(const rd_kafka_message_t *raw, rd_kafka_headers_t **headers)
{
    if (rd_kafka_message_headers(raw, headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return rd_kafka_header_cnt(*headers);
}

static void fill_headers(struct kafka_message *m, const rd_kafka_headers_t *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t size = 0;

        if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return;
        m->headers[i] = (struct header){str_from(name), str_of(value, size)};
        m->record.header_count = i + 1;
    }
}

static struct kafka_message *wrap(rd_kafka_message_t *raw)
{
    rd_kafka_headers_t *headers = NULL;
    const size_t count = count_headers(raw, &headers);
    struct kafka_message *m = mem_alloc(sizeof(*m) + count * sizeof(m->headers[0]));
    rd_kafka_timestamp_type_t type;

    if (m == NULL)
        return NULL;
    m->raw = raw;
    m->record = (struct record){
        .topic = str_from(rd_kafka_topic_name(raw->rkt)),
        .partition = raw->partition,
        .offset = raw->offset,
        .timestamp_ms = rd_kafka_message_timestamp(raw, &type),
        .key = str_of(raw->key, raw->key_len),
        .value = str_of(raw->payload, raw->len),
        .headers = m->headers,
    };
    fill_headers(m, headers, count);
    return m;
}

enum status kafka_message_take(rd_kafka_message_t *raw, struct kafka_message **out, struct err *err)
{
    struct kafka_message *m;
    enum status rc = ST_OK;

    if (raw->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (raw->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            rc = kafka_error_text(raw->err, "consumer", rd_kafka_message_errstr(raw), err);
        rd_kafka_message_destroy(raw);
        if (rc == ST_OK)
            *out = NULL;
        return rc;
    }
    m = wrap(raw);
    if (m == NULL) {
        rd_kafka_message_destroy(raw);
        /* Going on would skip the record. */
        return err_fatal(err, "memory", "no memory for a record");
    }
    *out = m;
    return ST_OK;
}

const struct record *kafka_message_record(const struct kafka_message *m)
{
    return &m->record;
}

void kafka_message_free(struct kafka_message *m)
{
    if (m == NULL)
        return;
    rd_kafka_message_destroy(m->raw);
    mem_free(m);
}

enum status consumer_poll(struct consumer *c, int timeout_ms, struct kafka_message **out,
                          struct err *err)
{
    rd_kafka_message_t *raw;
    enum status rc = ST_OK;

    if (is_waiting(c))
        rc = start_assigned(c, err);
    if (rc == ST_FATAL)
        return rc;
    /* Also while an assignment waits: its revocation comes here. */
    raw = rd_kafka_consumer_poll(c->handle.rk, timeout_ms);
    if (raw != NULL)
        return kafka_message_take(raw, out, err);
    if (rc != ST_OK && is_waiting(c))
        return rc;
    rc = kafka_fatal(c->handle.rk, err);
    if (rc == ST_OK)
        *out = NULL;
    return rc;
}

/* --- commits --- */

static void attach_metadata(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                            const struct topic_partition *partitions)
{
    for (int i = 0; i < list->cnt; i++) {
        const struct str text = partitions[i].metadata;

        if (text.len == 0)
            continue;
        list->elems[i].metadata = rd_kafka_mem_malloc(rk, text.len);
        memcpy(list->elems[i].metadata, text.ptr, text.len);
        list->elems[i].metadata_size = text.len;
    }
}

static enum status commit_result(rd_kafka_event_t *event, struct err *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return ST_OK;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, "commit", err);
    return kafka_list_error(rd_kafka_event_topic_partition_list(event), "commit", err);
}

static enum status commit_and_wait(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list,
                                   struct err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    const rd_kafka_resp_err_t code = rd_kafka_commit_queue(rk, list, queue, NULL, NULL);
    rd_kafka_event_t *event = NULL;
    enum status rc;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        event = rd_kafka_queue_poll(queue, COMMIT_WAIT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = kafka_error(code, "commit", err);
    else if (event == NULL)
        rc = err_retry(err, "kafka:timeout", "commit: no answer within %d ms", COMMIT_WAIT_MS);
    else
        rc = commit_result(event, err);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return rc;
}

enum status consumer_commit(struct consumer *c, const struct topic_partition *partitions,
                            size_t count, bool wait, struct err *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;
    enum status rc = ST_OK;

    if (count == 0)
        return ST_OK;
    for (size_t i = 0; i < count; i++)
        if (partitions[i].metadata.len > COMMIT_METADATA_MAX)
            return err_reject(err, REASON_REJECTED, "kafka:metadata",
                              "commit: metadata is longer than %d bytes", COMMIT_METADATA_MAX);
    list = list_of(partitions, count);
    attach_metadata(c->handle.rk, list, partitions);
    if (wait) {
        rc = commit_and_wait(c->handle.rk, list, err);
    } else {
        code = rd_kafka_commit(c->handle.rk, list, 1);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            rc = kafka_error(code, "commit", err);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* --- the rest --- */

typedef rd_kafka_resp_err_t switch_fn(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list);

static enum status switch_fetching(struct consumer *c, switch_fn *fn, const char *what,
                                   const struct topic_partition *partitions, size_t count,
                                   struct err *err)
{
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    const rd_kafka_resp_err_t code = fn(c->handle.rk, list);
    enum status rc;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = kafka_error(code, what, err);
    else
        rc = kafka_list_error(list, what, err);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

enum status consumer_pause(struct consumer *c, const struct topic_partition *partitions,
                           size_t count, struct err *err)
{
    c->paused = true;
    return switch_fetching(c, rd_kafka_pause_partitions, "pause", partitions, count, err);
}

enum status consumer_resume(struct consumer *c, const struct topic_partition *partitions,
                            size_t count, struct err *err)
{
    return switch_fetching(c, rd_kafka_resume_partitions, "resume", partitions, count, err);
}

int64_t consumer_end_offset(struct consumer *c, const char *topic, int32_t partition)
{
    int64_t low = -1;
    int64_t high = -1;

    if (rd_kafka_get_watermark_offsets(c->handle.rk, topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
        return -1;
    return high;
}

int32_t consumer_partition_count(struct consumer *c, const char *topic, struct deadline until)
{
    struct kafka_topic_shape shape;
    struct err err;

    return kafka_topic_shape(c->handle.rk, topic, until, &shape, &err) == ST_OK ? shape.partitions
                                                                                : 0;
}

bool consumer_is_joined(const struct consumer *c)
{
    return atomic_load(&c->joined);
}
