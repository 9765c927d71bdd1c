/* SPDX-License-Identifier: Apache-2.0 */
/* Records that a lane hands on: sent, and waited for. */
#include "base/mem.h"
#include "base/rand.h"
#include "run/engine.h"

#include <string.h>

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

/* A record whose way the trace shows, until its report. */
struct sent {
    struct lane *lane;
    struct span span;
    char topic[TOPIC_NAME_SIZE];
};

static void end_sent(struct sent *s, int32_t partition, int64_t offset, const struct err *err)
{
    const struct str topic = str_from(s->topic);

    if (err)
        SPAN_END(&s->span, SPAN_PRODUCE, true, kv_str("topic", topic),
                 kv_cstr("error_code", err->code));
    else
        SPAN_END(&s->span, SPAN_PRODUCE, false, kv_str("topic", topic),
                 kv_int("partition", partition), kv_int("offset", offset));
    mem_free(s);
}

static void on_sent(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct sent *s = arg;
    struct lane *lane = s->lane;

    end_sent(s, partition, offset, err);
    on_delivered(lane, partition, offset, err);
}

/* Without memory there is no line; the record goes its way. */
static struct sent *sent_new(struct lane *lane, const struct span *span, const char *topic)
{
    struct sent *s = span_is_open(span) ? mem_zalloc(sizeof(*s)) : NULL;

    if (!s)
        return NULL;
    s->lane = lane;
    s->span = *span;
    (void)str_copy(str_from(topic), s->topic, sizeof(s->topic));
    return s;
}

static enum status send_shown(struct lane *lane, const struct outgoing *record,
                              const struct span *span, struct err *err)
{
    struct sent *s = sent_new(lane, span, record->topic);
    enum status rc;

    if (!s)
        return producer_send(lane->engine->producer, record, on_delivered, lane, err);
    rc = producer_send(lane->engine->producer, record, on_sent, s, err);
    if (rc != ST_OK)
        end_sent(s, -1, -1, err);
    return rc;
}

enum status lane_send(struct lane *lane, const struct outgoing *record, const struct span *span,
                      struct err *err)
{
    enum status rc;

    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_open++;
    (void)pthread_mutex_unlock(&lane->emit_lock);
    rc = send_shown(lane, record, span, err);
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

void lane_stop_waiting(struct lane *lane)
{
    (void)pthread_mutex_lock(&lane->emit_lock);
    lane->emits_cut = true;
    (void)pthread_cond_signal(&lane->emit_done);
    (void)pthread_mutex_unlock(&lane->emit_lock);
}

void lane_chance_id(const char *step, struct id *id)
{
    uint64_t random = rand_u64();

    id_derive(str_of(&random, sizeof(random)), str_from(step), id);
}

/* room holds the text where the address names no id. Absent: no memory. */
static struct str record_id(struct lane *lane, const struct emit *emit,
                            const struct emit_address *address, struct id *room)
{
    struct str parent = lane->parent;

    if (!str_is_empty(address->id))
        return address->id;
    if (emit->news) {
        lane_chance_id(emit->step, room);
        return str_from(room->text);
    }
    if (str_is_set(address->part)) {
        parent =
            arena_printf(&lane->arena, "%.*s\x1f%.*s", STR_ARG(parent), STR_ARG(address->part));
        if (!str_is_set(parent))
            return parent;
    }
    id_derive(parent, str_from(emit->step), room);
    return str_from(room->text);
}

/* Every record has an id of its own in the trace, written or not. */
static void open_record(struct lane *lane, struct span *span)
{
    lane_span_open(lane, span);
    if (!span_is_open(span))
        trace_child(&lane->span.trace, &span->trace);
}

/* A tombstone is no event and has no attributes of one. */
static size_t trace_header(const struct cloudevent *event, struct header *out)
{
    *out = (struct header){STR("traceparent"), event->traceparent};
    return 1;
}

enum status lane_emit(struct lane *lane, const struct emit *emit, const void *record,
                      struct err *err)
{
    struct emit_address address = {0};
    struct outgoing out = {.partition = -1};
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent event = {.dataschema = str_from(emit->dataschema)};
    char topic[TOPIC_NAME_SIZE];
    char now[CLOCK_RFC3339_SIZE];
    struct span span;
    struct id id;

    buf_clear(&lane->value);
    if (emit->write)
        emit->write(record, &lane->value);
    if (!buf_ok(&lane->value) || !emit->address(record, &lane->arena, &address))
        return err_retry(err, "memory", "no memory for a %s", emit->type);
    open_record(lane, &span);
    clock_format_rfc3339(clock_wall_ms(), now);
    if (str_is_empty(address.topic))
        topic_name(&lane->engine->settings->topic, emit->topic, NULL, topic);
    else
        (void)str_copy(address.topic, topic, sizeof(topic));
    event.type = str_is_empty(address.type) ? str_from(emit->type) : address.type;
    event.id = record_id(lane, emit, &address, &id);
    if (!str_is_set(event.id))
        return err_retry(err, "memory", "no memory for the id of a %s", emit->type);
    event.source = arena_printf(&lane->arena, "/wechat/%.*s", STR_ARG(address.appid));
    event.time =
        emit->keeps_time && str_is_set(lane->parent_time) ? lane->parent_time : str_from(now);
    event.subject = address.subject;
    event.appid = address.appid;
    event.traceparent = trace_text(&span.trace);
    out.topic = topic;
    out.key = address.key;
    if (emit->write)
        out.value = buf_str(&lane->value);
    out.headers = headers;
    out.header_count =
        emit->write ? cloudevent_headers(&event, headers) : trace_header(&event, headers);
    return lane_send(lane, &out, &span, err);
}
