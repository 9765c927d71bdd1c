/* SPDX-License-Identifier: Apache-2.0 */
#include "import_wire.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/jsonw.h"
#include "kafka/producer.h"
#include "kafka/topics.h"
#include "model/cloudevent.h"
#include "model/member.h"
#include "model/schema_ids.h"
#include "model/wechat_command.h"
#include "trace/trace.h"

enum {
    ASK_MS = 10000,
    SEND_MS = 10000, /* what the broker has not taken by then ends the run */
    CLOSE_MS = 3000,
    TEXT_MAX = 1 << 16,
};

struct import_wire {
    const struct account *account;
    char cards[TOPIC_NAME_SIZE];
    char commands[TOPIC_NAME_SIZE];
    struct producer *producer;
    bool failed; /* something is lost: err says why */
    struct err err;
    struct arena arena; /* of the record at hand, as text */
    struct buf text;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

static enum status open_producer(struct import_wire *w, const struct settings *settings,
                                 struct err *err)
{
    const struct producer_conf conf = {
        .kafka = &settings->kafka,
        .client_id = "kabaoctl",
        .message_timeout_ms = SEND_MS,
    };
    int32_t partitions = 0;
    enum status rc = producer_open(&conf, &w->producer, err);

    if (rc == ST_OK)
        rc = producer_topic(w->producer, w->cards, deadline_in(ASK_MS), &partitions, err);
    if (rc == ST_OK)
        rc = producer_topic(w->producer, w->commands, deadline_in(ASK_MS), &partitions, err);
    return rc;
}

enum status import_wire_open(const struct settings *settings, const struct account *account,
                             struct import_wire **out, struct err *err)
{
    struct import_wire *w = mem_zalloc(sizeof(*w));
    enum status rc;

    if (!w)
        return err_fatal(err, "memory", "out of memory");
    w->account = account;
    w->arena.max = TEXT_MAX;
    w->text.max = TEXT_MAX;
    topic_name(&settings->topic, TOPIC_REDRIVE, "member", w->cards);
    topic_name(&settings->topic, TOPIC_CMD_WECHAT, NULL, w->commands);
    rc = open_producer(w, settings, err);
    if (rc != ST_OK) {
        import_wire_close(w);
        return rc;
    }
    *out = w;
    return ST_OK;
}

void import_wire_close(struct import_wire *w)
{
    if (!w)
        return;
    producer_close(w->producer, deadline_in(CLOSE_MS));
    arena_done(&w->arena);
    buf_done(&w->text);
    mem_free(w);
}

/* delivery_fn */
static void on_report(void *arg, int32_t partition UNUSED, int64_t offset UNUSED,
                      const struct err *err)
{
    struct import_wire *w = arg;

    if (!err || w->failed)
        return;
    w->failed = true;
    w->err = *err;
}

/* The value is w->text. */
static enum status send(struct import_wire *w, const char *topic, struct str key,
                        struct cloudevent *event, struct err *err)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct outgoing record = {.topic = topic,
                              .partition = -1,
                              .key = key,
                              .headers = headers,
                              .value = buf_str(&w->text)};
    char now[CLOCK_RFC3339_SIZE];
    struct trace trace;

    event->appid = str_from(w->account->appid);
    event->source = arena_printf(&w->arena, CE_SOURCE_PREFIX "%s", w->account->appid);
    if (!buf_ok(&w->text) || !str_is_set(key) || !str_is_set(event->source))
        return no_memory(err);
    trace_start(&trace);
    clock_format_rfc3339(clock_wall_ms(), now);
    event->time = str_from(now);
    event->traceparent = trace_text(&trace);
    record.header_count = cloudevent_headers(event, headers);
    return producer_send(w->producer, &record, on_report, w, err);
}

/* Cards */

static struct str form_of(struct import_wire *w, const struct import_card *card)
{
    if (str_is_empty(card->mobile)) /* digits and a plus: nothing to escape */
        return (struct str){0};
    return arena_printf(&w->arena, "{\"USER_FORM_INFO_FLAG_MOBILE\":\"%.*s\"}",
                        STR_ARG(card->mobile));
}

static void write_card(struct import_wire *w, const char *run_id, const struct import_card *card)
{
    const struct member m = {
        .version = {true, 0},
        .account = str_from(w->account->name),
        .appid = str_from(w->account->appid),
        .card_id = card->card_id,
        .card_code = card->card_code,
        .openid = card->openid,
        .unionid = card->unionid,
        .membership_number = card->membership_number,
        .form = {.text = form_of(w, card)},
    };
    struct jsonw json = {.out = &w->text};

    buf_clear(&w->text);
    jsonw_object(&json);
    field_write(MEMBER_FIELDS, MEMBER_FIELD_COUNT, &m, &json);
    jsonw_key_str(&json, "run", str_from(run_id));
    jsonw_object_end(&json);
}

enum status import_wire_card(struct import_wire *w, const char *run_id,
                             const struct import_card *card, struct err *err)
{
    struct cloudevent event = {
        .type = STR(CE_TYPE_MEMBER_IMPORT),
        .dataschema = STR(SCHEMA_STATE_MEMBER),
        .subject = card->card_code,
    };
    struct str key;
    struct str name;
    struct id id;

    arena_reset(&w->arena);
    key = id_card_key(&w->arena, str_from(w->account->appid), card->card_id, card->card_code);
    name = arena_printf(&w->arena, "%s:%.*s", run_id, STR_ARG(key));
    if (!str_is_set(key) || !str_is_set(name))
        return no_memory(err);
    id_derive(name, STR("import"), &id);
    event.id = str_from(id.text);
    write_card(w, run_id, card);
    return send(w, w->cards, key, &event, err);
}

/* Commands */

void import_command_id(const char *run_id, const char *type, struct str openid, struct id *out)
{
    struct id step;

    id_derive(openid, str_from(type), &step);
    id_derive(str_from(run_id), str_from(step.text), out);
}

enum status import_wire_command(struct import_wire *w, const char *type, const struct id *id,
                                struct str body, struct err *err)
{
    const struct wechat_command command = {
        .account = str_from(w->account->name),
        .type = str_from(type),
        .body = {.text = body},
    };
    struct cloudevent event = {.id = str_from(id->text), .dataschema = STR(SCHEMA_CMD_WECHAT)};

    arena_reset(&w->arena);
    event.type = arena_printf(&w->arena, CE_TYPE_COMMAND_PREFIX "%s", type);
    if (!str_is_set(event.type))
        return no_memory(err);
    buf_clear(&w->text);
    wechat_command_write(&command, &w->text);
    return send(w, w->commands, event.id, &event, err);
}

enum status import_wire_poll(struct import_wire *w, int timeout_ms, struct err *err)
{
    producer_poll(w->producer, timeout_ms);
    if (!w->failed)
        return ST_OK;
    *err = w->err;
    return ST_RETRY;
}
