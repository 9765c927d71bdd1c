/* SPDX-License-Identifier: Apache-2.0 */
/* All partitions of some topics into one queue. librdkafka's older consumer interface is used
 * because it alone works without a group. */
#include "kafka/tail.h"

#include "base/mem.h"
#include "kafka/conf.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

enum { TRY_MS = 5000, PAUSE_MS = 50 };

struct partition {
    rd_kafka_topic_t *topic;
    int32_t number;
    int64_t start;
    int64_t end; /* when it was opened */
    bool started;
    bool stops; /* at the end */
    bool lacks; /* tail_lacks */
    bool at_end;
};

struct tail {
    struct kafka_handle handle;
    rd_kafka_queue_t *queue;
    struct partition *partitions;
    size_t count;
    size_t last;          /* whose record came last */
    atomic_size_t behind; /* partitions not yet at their end */
};

/* --- open --- */

static enum status query_ends(rd_kafka_t *rk, struct partition *p, int timeout_ms, struct err *err)
{
    const char *topic = rd_kafka_topic_name(p->topic);
    const rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(rk, topic, p->number, &p->start, &p->end, timeout_ms);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : kafka_error(code, topic, err);
}

/* Where the first record of that time or later stands; -1 when there is none. */
static enum status query_time(rd_kafka_t *rk, const struct partition *p, int64_t wall_ms,
                              int timeout_ms, int64_t *offset, struct err *err)
{
    const char *topic = rd_kafka_topic_name(p->topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *element = rd_kafka_topic_partition_list_add(list, topic, p->number);
    rd_kafka_resp_err_t code;

    element->offset = wall_ms;
    code = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = element->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        *offset = element->offset >= 0 ? element->offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : kafka_error(code, topic, err);
}

/* The first record of all has a time after 1970, or the broker does not look. Nor does Apache Kafka
 * in a segment whose beginning was deleted by DeleteRecords. */
static enum status place_at_time(const struct tail_conf *conf, rd_kafka_t *rk, struct partition *p,
                                 int timeout_ms, struct err *err)
{
    int64_t first = 0;
    int64_t at = -1;
    enum status rc;

    rc = query_time(rk, p, conf->from_wall_ms, timeout_ms, &at, err);
    if (rc == ST_OK && at < 0 && conf->or_all && p->start < p->end)
        rc = query_time(rk, p, 0, timeout_ms, &first, err);
    if (rc != ST_OK)
        return rc;
    if (first < 0)
        at = p->start;
    else if (at < 0)
        at = p->end;
    p->lacks = at <= p->start && p->start > 0;
    p->start = at;
    return ST_OK;
}

static enum status limit_by_time(const struct tail_conf *conf, rd_kafka_t *rk, struct partition *p,
                                 int timeout_ms, struct err *err)
{
    int64_t stop = -1;
    enum status rc;

    if (conf->to_wall_ms == 0)
        return ST_OK;
    rc = query_time(rk, p, conf->to_wall_ms, timeout_ms, &stop, err);
    if (rc == ST_OK && stop >= 0 && stop < p->end) {
        p->end = stop;
        p->stops = true;
    }
    return rc;
}

static const struct tail_span *find_span(const struct tail_conf *conf, const char *topic,
                                         int32_t partition, bool *is_named)
{
    *is_named = false;
    for (size_t i = 0; i < conf->span_count; i++) {
        if (strcmp(conf->spans[i].topic, topic) != 0)
            continue;
        *is_named = true;
        if (conf->spans[i].partition == partition)
            return &conf->spans[i];
    }
    return NULL;
}

static void place_span(struct partition *p, const struct tail_span *span)
{
    p->stops = true;
    if (p->end > span->to)
        p->end = span->to;
    if (p->start < span->from)
        p->start = span->from < p->end ? span->from : p->end;
}

static enum status place_once(const struct tail_conf *conf, rd_kafka_t *rk, struct partition *p,
                              int timeout_ms, struct err *err)
{
    bool is_named;
    const struct tail_span *span =
        find_span(conf, rd_kafka_topic_name(p->topic), p->number, &is_named);
    enum status rc;

    rc = query_ends(rk, p, timeout_ms, err);
    if (rc != ST_OK)
        return rc;
    if (span) {
        place_span(p, span);
        return ST_OK;
    }
    if (conf->from == TAIL_TIME)
        rc = place_at_time(conf, rk, p, timeout_ms, err);
    if (conf->from == TAIL_END)
        p->start = p->end;
    return rc == ST_OK ? limit_by_time(conf, rk, p, timeout_ms, err) : rc;
}

/* A partition may be without a leader for a moment. */
static enum status place(const struct tail_conf *conf, rd_kafka_t *rk, struct partition *p,
                         struct deadline until, struct err *err)
{
    for (;;) {
        const enum status rc = place_once(conf, rk, p, kafka_timeout_ms(until, TRY_MS), err);

        if (rc != ST_RETRY || deadline_passed(until))
            return rc;
        (void)poll(NULL, 0, kafka_timeout_ms(until, PAUSE_MS));
    }
}

static bool is_wanted(const struct tail_conf *conf, const char *topic, int32_t partition,
                      int32_t count)
{
    bool is_named;
    const struct tail_span *span = find_span(conf, topic, partition, &is_named);

    if (is_named)
        return span != NULL;
    for (size_t i = 0; i < conf->key_count; i++)
        if (record_partition(conf->keys[i], count) == partition)
            return true;
    return conf->key_count == 0;
}

static enum status add_partitions(struct tail *t, const struct tail_conf *conf, const char *topic,
                                  int32_t count, struct err *err)
{
    const size_t total = t->count + (size_t)count;
    struct partition *grown = mem_resize(t->partitions, total * sizeof(*grown));

    if (grown == NULL)
        return err_retry(err, "memory", "no memory for a tail");
    t->partitions = grown;
    for (int32_t i = 0; i < count; i++) {
        rd_kafka_topic_t *handle;

        if (!is_wanted(conf, topic, i, count))
            continue;
        handle = rd_kafka_topic_new(t->handle.rk, topic, NULL);
        if (handle == NULL)
            return kafka_error(rd_kafka_last_error(), topic, err);
        t->partitions[t->count++] = (struct partition){.topic = handle, .number = i};
    }
    return ST_OK;
}

static enum status find_partitions(struct tail *t, const struct tail_conf *conf,
                                   struct deadline until, struct err *err)
{
    for (size_t i = 0; i < conf->topic_count; i++) {
        struct kafka_topic_shape shape;
        enum status rc;

        rc = kafka_topic_shape(t->handle.rk, conf->topics[i], until, &shape, err);
        if (rc == ST_FATAL && conf->skips_missing && str_eq_cstr(STR("kafka:topic"), err->code))
            continue;
        if (rc == ST_OK)
            rc = add_partitions(t, conf, conf->topics[i], shape.partitions, err);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static enum status start(struct tail *t, struct partition *p, struct err *err)
{
    if (rd_kafka_consume_start_queue(p->topic, p->number, p->start, t->queue) != 0)
        return kafka_error(rd_kafka_last_error(), rd_kafka_topic_name(p->topic), err);
    p->started = true;
    return ST_OK;
}

/* All are placed before the first is started, so that the ends are of one moment. */
static enum status start_all(struct tail *t, const struct tail_conf *conf, struct deadline until,
                             struct err *err)
{
    enum status rc = ST_OK;
    size_t behind = 0;

    for (size_t i = 0; rc == ST_OK && i < t->count; i++)
        rc = place(conf, t->handle.rk, &t->partitions[i], until, err);
    for (size_t i = 0; rc == ST_OK && i < t->count; i++) {
        struct partition *p = &t->partitions[i];

        p->at_end = p->start >= p->end;
        behind += p->at_end ? 0 : 1;
        if (!p->at_end || !p->stops)
            rc = start(t, p, err);
    }
    atomic_store(&t->behind, behind);
    return rc;
}

enum status tail_open(const struct tail_conf *conf, struct deadline until, struct tail **out,
                      struct err *err)
{
    /* A start that retention has overtaken goes on with the oldest there is. */
    static const struct kafka_option fixed[] = {
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "earliest"},
        {NULL, NULL},
    };
    static const struct kafka_option gathering[] = {
        {"fetch.wait.max.ms", "20"},
        {"fetch.min.bytes", "1048576"},
        {NULL, NULL},
    };
    const struct kafka_spec spec = {
        .settings = conf->kafka,
        .kind = KAFKA_CONSUMER,
        .client_id = conf->client_id,
        .defaults = conf->gathers ? gathering : NULL,
        .fixed = fixed,
    };
    struct tail *t = mem_zalloc(sizeof(*t));
    enum status rc;

    if (t == NULL)
        return err_fatal(err, "memory", "no memory for a tail");
    rc = kafka_handle_open(&spec, t, &t->handle, err);
    if (rc != ST_OK) {
        mem_free(t);
        return rc;
    }
    t->queue = rd_kafka_queue_new(t->handle.rk);
    rc = find_partitions(t, conf, until, err);
    if (rc == ST_OK)
        rc = start_all(t, conf, until, err);
    if (rc != ST_OK) {
        tail_close(t);
        return rc;
    }
    *out = t;
    return ST_OK;
}

void tail_close(struct tail *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        if (t->partitions[i].started)
            (void)rd_kafka_consume_stop(t->partitions[i].topic, t->partitions[i].number);
        rd_kafka_topic_destroy(t->partitions[i].topic);
    }
    rd_kafka_queue_destroy(t->queue);
    mem_free(t->partitions);
    if (kafka_handle_close(&t->handle))
        mem_free(t);
}

/* --- reading --- */

static bool is_of(const struct partition *p, const rd_kafka_message_t *raw, const char *topic)
{
    return p->number == raw->partition && strcmp(rd_kafka_topic_name(p->topic), topic) == 0;
}

/* Mostly records of one partition follow on each other. */
static struct partition *find(struct tail *t, const rd_kafka_message_t *raw)
{
    const char *topic = raw->rkt != NULL ? rd_kafka_topic_name(raw->rkt) : "";

    if (t->last < t->count && is_of(&t->partitions[t->last], raw, topic))
        return &t->partitions[t->last];
    for (size_t i = 0; i < t->count; i++)
        if (is_of(&t->partitions[i], raw, topic)) {
            t->last = i;
            return &t->partitions[i];
        }
    return NULL;
}

/* The end-of-partition mark carries the next offset, past any gap; a record its own. */
static void note_progress(struct tail *t, const rd_kafka_message_t *raw)
{
    const bool is_record = raw->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    struct partition *p;

    if (!is_record && raw->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    p = find(t, raw);
    if (p == NULL || p->at_end || raw->offset + (is_record ? 1 : 0) < p->end)
        return;
    p->at_end = true;
    (void)atomic_fetch_sub(&t->behind, 1);
    if (p->stops) {
        (void)rd_kafka_consume_stop(p->topic, p->number);
        p->started = false;
    }
}

enum status tail_poll(struct tail *t, int timeout_ms, struct kafka_message **out, struct err *err)
{
    rd_kafka_message_t *raw;

    (void)rd_kafka_poll(t->handle.rk, 0);
    raw = rd_kafka_consume_queue(t->queue, timeout_ms);
    if (raw == NULL) {
        *out = NULL;
        return ST_OK;
    }
    if (!tail_at_end(t))
        note_progress(t, raw);
    return kafka_message_take(raw, out, err);
}

bool tail_at_end(const struct tail *t)
{
    return atomic_load(&t->behind) == 0;
}

bool tail_lacks(const struct tail *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->partitions[i].lacks)
            return true;
    return false;
}
