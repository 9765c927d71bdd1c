/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile_wire.h"

#include "base/mem.h"
#include "kafka/producer.h"
#include "kafka/tail.h"
#include "kafka/topics.h"
#include "model/bonus_command.h"
#include "model/bonus_result.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"
#include "tables/bonus.h"
#include "trace/trace.h"

enum {
    ASK_MS = 10000,
    SEND_MS = 10000, /* a command that the broker has not taken by then ends the run */
    CLOSE_MS = 1000,
    ARENA_MAX = 1 << 16,
    VALUE_MAX = 1 << 16,
};

struct wire {
    char commands[TOPIC_NAME_SIZE];
    char results[TOPIC_NAME_SIZE];
    struct producer *producer;
    struct tail *tail;
    struct kafka_message *message; /* the last one read */
    struct json *value;            /* its */
    bool failed;                   /* a command is lost: err says why */
    struct err err;
    struct arena arena; /* of the command at hand */
    struct buf text;
};

static enum status open_producer(struct wire *w, const struct settings *settings, struct err *err)
{
    const struct producer_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .message_timeout_ms = SEND_MS,
    };
    int32_t partitions = 0;
    enum status rc = producer_open(&conf, &w->producer, err);

    if (rc != ST_OK)
        return rc;
    return producer_topic(w->producer, w->commands, deadline_in(ASK_MS), &partitions, err);
}

static enum status open_tail(struct wire *w, const struct settings *settings, struct err *err)
{
    const char *topics[] = {w->results};
    const struct tail_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .topics = topics,
        .topic_count = 1,
        .from = TAIL_END,
    };

    return tail_open(&conf, deadline_in(ASK_MS), &w->tail, err);
}

enum status wire_open(const struct settings *settings, struct wire **out, struct err *err)
{
    struct wire *w = mem_zalloc(sizeof(*w));
    enum status rc;

    if (!w)
        return err_fatal(err, "memory", "out of memory");
    w->arena.max = ARENA_MAX;
    w->text.max = VALUE_MAX;
    topic_name(&settings->topic, TOPIC_CMD_BONUS, NULL, w->commands);
    topic_name(&settings->topic, TOPIC_RESULT_BONUS, NULL, w->results);
    rc = open_producer(w, settings, err);
    if (rc == ST_OK)
        rc = open_tail(w, settings, err);
    if (rc != ST_OK) {
        wire_close(w);
        return rc;
    }
    *out = w;
    return ST_OK;
}

static void drop_answer(struct wire *w)
{
    json_free(w->value);
    kafka_message_free(w->message);
    w->value = NULL;
    w->message = NULL;
}

void wire_close(struct wire *w)
{
    if (!w)
        return;
    drop_answer(w);
    producer_close(w->producer, deadline_in(CLOSE_MS));
    tail_close(w->tail);
    arena_done(&w->arena);
    buf_done(&w->text);
    mem_free(w);
}

/* Sending */

/* delivery_fn */
static void on_report(void *arg, int32_t partition UNUSED, int64_t offset UNUSED,
                      const struct err *err)
{
    struct wire *w = arg;

    if (!err || w->failed)
        return;
    w->failed = true;
    w->err = *err;
}

static bool write_command(struct wire *w, const struct account *account,
                          const struct reconcile_card *card)
{
    const struct bonus_command command = {
        .account = str_from(account->name),
        .card_id = str_from(card->card_id),
        .card_code = str_from(card->card_code),
        .mode = bonus_mode_name(BONUS_SYNC),
    };

    buf_clear(&w->text);
    bonus_command_write(&command, &w->text);
    return buf_ok(&w->text);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

enum status wire_send(struct wire *w, const struct account *account, const char *run_id,
                      const struct reconcile_card *card, struct id *id, struct err *err)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct outgoing record = {.topic = w->commands, .partition = -1, .headers = headers};
    struct cloudevent event = {
        .type = STR(CE_TYPE_BONUS_CHANGE),
        .dataschema = STR(SCHEMA_CMD_BONUS),
        .subject = str_from(card->card_code),
        .appid = str_from(account->appid),
    };
    char now[CLOCK_RFC3339_SIZE];
    struct trace trace;
    struct str identity;

    arena_reset(&w->arena);
    record.key =
        id_card_key(&w->arena, event.appid, str_from(card->card_id), str_from(card->card_code));
    identity = arena_printf(&w->arena, "%s:%.*s", run_id, STR_ARG(record.key));
    event.source = arena_printf(&w->arena, CE_SOURCE_PREFIX "%s", account->appid);
    if (!str_is_set(record.key) || !str_is_set(identity) || !str_is_set(event.source) ||
        !write_command(w, account, card))
        return no_memory(err);
    id_derive(identity, STR("reconcile"), id);
    trace_start(&trace);
    clock_format_rfc3339(clock_wall_ms(), now);
    event.id = str_from(id->text);
    event.time = str_from(now);
    event.traceparent = trace_text(&trace);
    record.value = buf_str(&w->text);
    record.header_count = cloudevent_headers(&event, headers);
    return producer_send(w->producer, &record, on_report, w, err);
}

/* Answers */

static void take_answer(struct wire *w, struct wire_answer *out)
{
    struct bonus_result result = {0};
    struct err err = {0};

    if (json_parse(kafka_message_record(w->message)->value, &w->value, &err) != ST_OK ||
        bonus_result_parse(w->value, &result, &err) != ST_OK)
        return; /* it is nobody's answer */
    out->command_id = result.command_id;
    out->outcome = result.outcome;
    out->error_code = json_get_str(result.error.tree, "code");
    out->error_message = json_get_str(result.error.tree, "message");
}

enum status wire_poll(struct wire *w, int timeout_ms, struct wire_answer *out, struct err *err)
{
    struct wire_answer answer = {0};
    struct err passing = {0};
    enum status rc;

    drop_answer(w);
    producer_poll(w->producer, 0);
    if (w->failed) {
        *err = w->err;
        return ST_RETRY;
    }
    rc = tail_poll(w->tail, timeout_ms, &w->message, &passing);
    if (rc != ST_OK && rc != ST_RETRY) {
        *err = passing;
        return rc;
    }
    if (w->message)
        take_answer(w, &answer);
    *out = answer;
    return ST_OK;
}
