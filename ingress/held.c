/* SPDX-License-Identifier: Apache-2.0 */
#include "held.h"

#include "base/mem.h"

#include <string.h>

enum { RECENT_MS = 60000 };

static const char *account_name(const struct held *h)
{
    return h->gate->shared->settings->accounts[h->account].name;
}

/* Those that wait, oldest first */

static void publish_oldest(struct gate *gate)
{
    atomic_store(&gate->waiting_since_ms, gate->oldest ? gate->oldest->started_ns / 1000000 : 0);
}

static void enqueue(struct gate *gate, struct held *h)
{
    h->prev = gate->newest;
    if (gate->newest)
        gate->newest->next = h;
    else
        gate->oldest = h;
    gate->newest = h;
    if (gate->oldest == h) {
        publish_oldest(gate);
        loop_timer_set(gate->loop, &gate->answer_timer, h->answer_by);
    }
}

static void dequeue(struct gate *gate, struct held *h)
{
    bool was_oldest = gate->oldest == h;

    if (h->prev)
        h->prev->next = h->next;
    else
        gate->oldest = h->next;
    if (h->next)
        h->next->prev = h->prev;
    else
        gate->newest = h->prev;
    if (was_oldest)
        publish_oldest(gate);
}

/* Span lines: a record below the request it came of. */

static void open_spans(struct held *h, struct http_exchange *x)
{
    struct held_spans *spans = mem_zalloc(sizeof(*spans));
    struct trace incoming;

    if (!spans)
        return;
    if (trace_parse(http_exchange_header(x, "traceparent"), &incoming))
        span_begin(&h->trace, &incoming, &spans->receive);
    else
        span_begin(&h->trace, NULL, &spans->receive);
    span_open(&h->trace, &spans->produce);
    h->trace = spans->produce.trace;
    h->spans = spans;
}

/* When the request was read, and when its record leaves, are known by then. */
static void note_sending(struct held *h, const struct outgoing *record)
{
    struct held_spans *spans = h->spans;

    spans->produce.start_ns = clock_wall_ns();
    spans->receive.start_ns = spans->produce.start_ns - (clock_mono_ns() - h->started_ns);
    (void)str_copy(str_from(record->topic), spans->topic, sizeof(spans->topic));
}

static void end_receive(const struct held *h, const char *refusal)
{
    if (h->spans)
        SPAN_END(&h->spans->receive, SPAN_RECEIVE, refusal != NULL,
                 kv_cstr("account", account_name(h)),
                 kv_cstr("outcome", refusal ? refusal : "accepted"));
}

static void end_produce(const struct held *h, int32_t partition, int64_t offset,
                        const struct err *err)
{
    const struct held_spans *spans = h->spans;

    if (!spans)
        return;
    if (err)
        SPAN_END(&spans->produce, SPAN_PRODUCE, true, kv_cstr("topic", spans->topic),
                 kv_cstr("error_code", err->code));
    else
        SPAN_END(&spans->produce, SPAN_PRODUCE, false, kv_cstr("topic", spans->topic),
                 kv_int("partition", partition), kv_int("offset", offset));
}

static void held_free(struct held *h)
{
    mem_free(h->spans);
    mem_free(h);
}

static void refuse(struct held *h, const char *reason)
{
    struct http_exchange *x = h->exchange;

    h->exchange = NULL;
    end_receive(h, reason);
    if (h->fail)
        h->fail(h, reason);
    else
        gate_refuse(h->gate, x, account_name(h), 503, reason);
}

static void fail(struct held *h, const char *reason)
{
    dequeue(h->gate, h);
    refuse(h, reason);
}

static bool is_too_large(const struct held *h, const struct err *err)
{
    return h->fail && strcmp(err->code, "kafka:too-large") == 0;
}

void held_expire(void *arg)
{
    struct gate *gate = arg;

    while (gate->oldest && deadline_passed(gate->oldest->answer_by))
        fail(gate->oldest, "ack_timeout");
    if (gate->oldest)
        loop_timer_set(gate->loop, &gate->answer_timer, gate->oldest->answer_by);
}

static void accept(struct held *h)
{
    struct gate *gate = h->gate;
    struct http_exchange *x = h->exchange;

    h->exchange = NULL;
    dequeue(gate, h);
    if (!h->fail)
        metric_observe(gate->ack_seconds, (double)(clock_mono_ns() - h->started_ns) / 1e9);
    h->answer(gate, x, h);
    end_receive(h, NULL);
}

static void on_delivered(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct held *h = arg;

    if (!err && !h->fail)
        recent_add(h->gate->shared->recent, str_from(h->id.text), clock_mono_ms(), RECENT_MS);
    if (!err)
        log_debug(EV(h->fail ? "api.stored" : "push.stored"), kv_str("trace", trace_id(&h->trace)),
                  kv_cstr("id", h->id.text), kv_int("partition", partition),
                  kv_int("offset", offset));
    end_produce(h, partition, offset, err);
    if (h->exchange && err)
        fail(h, is_too_large(h, err) ? HELD_TOO_LARGE : "broker");
    else if (h->exchange)
        accept(h);
    held_free(h);
}

static void continue_trace(struct gate *gate, struct http_exchange *x, struct trace *trace)
{
    struct trace incoming;

    if (trace_parse(http_exchange_header(x, "traceparent"), &incoming))
        trace_child_pooled(&gate->random, &incoming, trace);
    else
        trace_start_pooled(&gate->random, trace);
}

struct held *held_make(struct gate *gate, struct http_exchange *x, size_t account,
                       const struct id *id)
{
    struct held *h = mem_zalloc(sizeof(*h));

    if (!h)
        return NULL;
    h->gate = gate;
    h->exchange = x;
    h->account = account;
    h->id = *id;
    h->answer_by = deadline_in(gate->shared->settings->ingress.ack_timeout_ms);
    continue_trace(gate, x, &h->trace);
    if (span_wanted(&h->trace))
        open_spans(h, x);
    return h;
}

struct held *held_new(struct gate *gate, struct http_exchange *x, size_t account,
                      const struct id *id)
{
    struct held *h = held_make(gate, x, account, id);

    if (!h)
        gate_refuse(gate, x, gate->shared->settings->accounts[account].name, 503, "memory");
    return h;
}

void held_send(struct held *h, const struct outgoing *record)
{
    struct gate *gate = h->gate;
    struct err err = {0};

    if (h->spans)
        note_sending(h, record);
    if (producer_send(gate->producer, record, on_delivered, h, &err) != ST_OK) {
        end_produce(h, -1, -1, &err);
        refuse(h, is_too_large(h, &err) ? HELD_TOO_LARGE : "queue_full");
        held_free(h);
        return;
    }
    enqueue(gate, h);
}
