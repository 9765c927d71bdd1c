/* SPDX-License-Identifier: Apache-2.0 */
#include "command_wire.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/rand.h"
#include "kafka/producer.h"
#include "kafka/topics.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"
#include "trace/trace.h"

#include <string.h>

enum {
    ASK_MS = 10000,
    SEND_MS = 10000,
    SEND_MORE_MS = 2000, /* the report of a record that timed out comes a second later */
    POLL_MS = 200,
    TEXT_MAX = 512,
    RESULTS_MAX_BYTES = 256 << 20,
};

void command_id_make(char out[COMMAND_ID_SIZE])
{
    uint8_t bytes[COMMAND_ID_SIZE / 2];

    rand_bytes(bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), out);
}

/* Sending */

struct report {
    bool done;
    bool failed;
    struct err err;
    struct command_place place;
};

/* delivery_fn */
static void on_report(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct report *report = arg;

    report->done = true;
    report->failed = err != NULL;
    if (err)
        report->err = *err;
    report->place = (struct command_place){partition, offset};
}

/* The report comes at the latest when the producer closes. */
static enum status produce(struct producer *p, const struct outgoing *record, struct report *report,
                           struct err *err)
{
    const struct deadline until = deadline_in(SEND_MS + SEND_MORE_MS);
    enum status rc = producer_send(p, record, on_report, report, err);

    while (rc == ST_OK && !report->done && !deadline_passed(until))
        producer_poll(p, POLL_MS);
    return rc;
}

static enum status judge(const struct report *report, struct command_place *place, struct err *err)
{
    if (!report->done)
        return err_retry(err, "kafka:timeout",
                         "the broker does not say whether it has the command");
    if (report->failed) {
        *err = report->err;
        return ST_RETRY;
    }
    *place = report->place;
    return ST_OK;
}

static enum status send_record(const struct settings *settings, const struct outgoing *record,
                               struct command_place *place, struct err *err)
{
    const struct producer_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .message_timeout_ms = SEND_MS,
    };
    struct report report = {.done = false};
    struct producer *p = NULL;
    int32_t partitions = 0;
    enum status rc = producer_open(&conf, &p, err);

    if (rc != ST_OK)
        return rc;
    rc = producer_topic(p, record->topic, deadline_in(ASK_MS), &partitions, err);
    if (rc == ST_OK)
        rc = produce(p, record, &report, err);
    producer_close(p, deadline_in(0));
    return rc == ST_OK ? judge(&report, place, err) : rc;
}

enum status command_send(const struct settings *settings, const struct command_out *out,
                         struct command_place *place, struct err *err)
{
    AUTO(buf_done) struct buf type = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf source = BUF_INIT(TEXT_MAX);
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    char topic[TOPIC_NAME_SIZE];
    char now[CLOCK_RFC3339_SIZE];
    struct trace trace;
    struct outgoing record = {
        .topic = topic, .partition = -1, .headers = headers, .key = out->key, .value = out->value};
    struct cloudevent event = {.id = out->id,
                               .dataschema = STR(SCHEMA_CMD_WECHAT),
                               .appid = str_from(out->account->appid)};

    topic_name(&settings->topic, TOPIC_CMD_WECHAT, NULL, topic);
    buf_addf(&type, CE_TYPE_COMMAND_PREFIX "%.*s", STR_ARG(out->type));
    buf_addf(&source, CE_SOURCE_PREFIX "%s", out->account->appid);
    if (!buf_ok(&type) || !buf_ok(&source))
        return err_fatal(err, "memory", "out of memory");
    trace_start(&trace);
    clock_format_rfc3339(clock_wall_ms(), now);
    event.type = buf_str(&type);
    event.source = buf_str(&source);
    event.time = str_from(now);
    event.traceparent = trace_text(&trace);
    record.header_count = cloudevent_headers(&event, headers);
    return send_record(settings, &record, place, err);
}

/* Results */

struct results {
    char topic[TOPIC_NAME_SIZE];
    struct tail *tail;
    struct arena arena; /* of the results that were read under the id */
};

enum status results_open(const struct settings *settings, enum tail_from from, int64_t from_wall_ms,
                         struct results **out, struct err *err)
{
    struct results *r = mem_zalloc(sizeof(*r));
    const char *topics[1];
    struct tail_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .topics = topics,
        .topic_count = 1,
        .from = from,
        .from_wall_ms = from_wall_ms,
    };
    enum status rc;

    if (!r)
        return err_fatal(err, "memory", "out of memory");
    r->arena.max = RESULTS_MAX_BYTES;
    topic_name(&settings->topic, TOPIC_RESULT_WECHAT, NULL, r->topic);
    topics[0] = r->topic;
    rc = tail_open(&conf, deadline_in(ASK_MS), &r->tail, err);
    if (rc != ST_OK) {
        results_close(r);
        return rc;
    }
    *out = r;
    return ST_OK;
}

void results_close(struct results *r)
{
    if (!r)
        return;
    tail_close(r->tail);
    arena_done(&r->arena);
    mem_free(r);
}

static bool keep_texts(struct arena *arena, struct command_result *row)
{
    struct str *texts[] = {&row->command_id, &row->account, &row->type, &row->outcome,
                           &row->errmsg};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!str_is_set(*texts[i]))
            continue;
        *texts[i] = arena_dup(arena, *texts[i]);
        if (!str_is_set(*texts[i]))
            return false;
    }
    return true;
}

/* What is no result, or another command's, is nobody's business here. */
static enum status take(struct results *r, const struct record *record, struct str id, bool others,
                        struct command_result *best, struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;
    struct wechat_result result = {0};
    struct command_result row = {.at_ms = 0};
    struct err unseen = {0};
    enum status rc;

    if (!str_is_set(record->value) || json_parse(record->value, &value, &unseen) != ST_OK ||
        wechat_result_parse(value, &result, &unseen) != ST_OK || !str_eq(result.command_id, id) ||
        (!others && !command_result_counts(&result)))
        return ST_OK;
    rc = command_result_of(&r->arena, &result, &row, err);
    if (rc != ST_OK)
        return rc;
    if (strcmp(row.standing, best->standing) <= 0)
        return ST_OK;
    if (!keep_texts(&r->arena, &row))
        return err_retry(err, "memory", "out of memory");
    *best = row;
    return ST_OK;
}

enum status results_await(struct results *r, struct str id, bool others, struct deadline until,
                          struct command_result *out, struct err *err)
{
    struct command_result best = {.at_ms = 0};
    enum status rc = ST_OK;

    while (rc == ST_OK && !deadline_passed(until) &&
           !(str_is_set(best.command_id) && tail_at_end(r->tail))) {
        struct kafka_message *message = NULL;

        rc = tail_poll(r->tail, POLL_MS, &message, err);
        if (rc == ST_OK && message)
            rc = take(r, kafka_message_record(message), id, others, &best, err);
        else if (rc == ST_RETRY)
            rc = ST_OK; /* the broker is away: until the deadline */
        kafka_message_free(message);
    }
    if (rc == ST_OK)
        *out = best;
    return rc;
}
