/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's callback: check, record, produce, and `success` only after the broker has acknowledged.
 */
#include "base/mem.h"
#include "base/num.h"
#include "gate.h"
#include "http/url.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"
#include "trace/trace.h"

#include <string.h>

enum { RECENT_MS = 60000 };

static const char *account_name(const struct gate *gate, size_t account)
{
    return gate->shared->settings->accounts[account].name;
}

static const struct {
    struct str name;
    size_t offset; /* into struct push_query */
} PARAMETERS[] = {
    {STR_INIT("signature"), offsetof(struct push_query, signature)},
    {STR_INIT("timestamp"), offsetof(struct push_query, timestamp)},
    {STR_INIT("nonce"), offsetof(struct push_query, nonce)},
    {STR_INIT("echostr"), offsetof(struct push_query, echostr)},
    {STR_INIT("encrypt_type"), offsetof(struct push_query, encrypt_type)},
    {STR_INIT("msg_signature"), offsetof(struct push_query, msg_signature)},
};

static void read_parameter(struct str pair, struct arena *arena, struct push_query *q)
{
    struct str name;
    struct str value;

    (void)str_cut(pair, '=', &name, &value);
    for (size_t i = 0; i < COUNT_OF(PARAMETERS); i++) {
        struct str *slot = (struct str *)(void *)((char *)q + PARAMETERS[i].offset);

        if (!str_eq(name, PARAMETERS[i].name))
            continue;
        if (!str_is_set(*slot))
            *slot = str_is_set(value) ? url_decode(value, true, arena) : STR("");
        return;
    }
}

/* One pass over the query, as every push has most of these; the first of a name counts. */
static void read_query(struct http_exchange *x, struct push_query *q)
{
    struct str rest = http_exchange_query(x);
    struct str pair;

    *q = (struct push_query){0};
    while (str_cut(rest, '&', &pair, &rest))
        read_parameter(pair, http_exchange_arena(x), q);
}

/* err->code of the push module is "<HTTP status>:<reason>". */
static void refuse(struct gate *gate, struct http_exchange *x, size_t account,
                   const struct err *err)
{
    struct str code = str_from(err->code);
    struct str status_text;
    struct str reason;
    int64_t status = 400;

    if (!str_cut(code, ':', &status_text, &reason) ||
        !num_parse_i64(status_text, 400, 599, &status)) {
        gate_refuse(gate, x, account_name(gate, account), 503, "internal");
        return;
    }
    gate_refuse(gate, x, account_name(gate, account), (int)status, reason.ptr);
}

void callback_check_url(struct gate *gate, struct http_exchange *x, size_t account)
{
    struct push_query q;
    struct err err = {0};
    struct str echo = {NULL, 0};

    read_query(x, &q);
    if (push_check_url(gate->accounts[account].reader, &q, http_exchange_arena(x), &echo, &err) !=
        ST_OK) {
        refuse(gate, x, account, &err);
        return;
    }
    gate_answer(x, echo);
}

/* The waiting pushes, oldest first */

static void publish_oldest(struct gate *gate)
{
    atomic_store(&gate->waiting_since_ms, gate->oldest ? gate->oldest->started_ns / 1000000 : 0);
}

static void enqueue(struct gate *gate, struct gate_push *p)
{
    p->prev = gate->newest;
    if (gate->newest)
        gate->newest->next = p;
    else
        gate->oldest = p;
    gate->newest = p;
    if (gate->oldest == p) {
        publish_oldest(gate);
        loop_timer_set(gate->loop, &gate->answer_timer, p->answer_by);
    }
}

static void dequeue(struct gate *gate, struct gate_push *p)
{
    bool was_oldest = gate->oldest == p;

    if (p->prev)
        p->prev->next = p->next;
    else
        gate->oldest = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        gate->newest = p->prev;
    if (was_oldest)
        publish_oldest(gate);
}

static void fail(struct gate_push *p, const char *reason)
{
    struct http_exchange *x = p->exchange;

    p->exchange = NULL;
    dequeue(p->gate, p);
    gate_refuse(p->gate, x, account_name(p->gate, p->account), 503, reason);
}

void callback_expire(void *arg)
{
    struct gate *gate = arg;

    while (gate->oldest && deadline_passed(gate->oldest->answer_by))
        fail(gate->oldest, "ack_timeout");
    if (gate->oldest)
        loop_timer_set(gate->loop, &gate->answer_timer, gate->oldest->answer_by);
}

static void accept_push(struct gate_push *p)
{
    struct gate *gate = p->gate;
    struct http_exchange *x = p->exchange;

    p->exchange = NULL;
    dequeue(gate, p);
    metric_observe(gate->ack_seconds, (double)(clock_mono_ns() - p->started_ns) / 1e9);
    metric_add(gate->accounts[p->account].accepted, 1);
    gate_answer(x, STR("success"));
}

static void on_delivered(void *arg, int32_t partition, int64_t offset, const struct err *err)
{
    struct gate_push *p = arg;

    if (!err) {
        recent_add(p->gate->shared->recent, str_from(p->id.text), clock_mono_ms(), RECENT_MS);
        log_debug(EV("push.stored"), kv_str("trace", trace_id(&p->trace)),
                  kv_cstr("id", p->id.text), kv_int("partition", partition),
                  kv_int("offset", offset));
    }
    if (p->exchange && err)
        fail(p, "broker");
    else if (p->exchange)
        accept_push(p);
    mem_free(p);
}

/* Producing */

static void continue_trace(struct gate *gate, struct http_exchange *x, struct trace *trace)
{
    struct trace incoming;

    if (trace_parse(http_exchange_header(x, "traceparent"), &incoming))
        trace_child_pooled(&gate->random, &incoming, trace);
    else
        trace_start_pooled(&gate->random, trace);
}

static enum status produce(struct gate *gate, const struct push *push, struct gate_push *p,
                           struct err *err)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    char time[CLOCK_RFC3339_SIZE];
    struct cloudevent event = {
        .id = str_from(push->id.text),
        .source = gate->accounts[p->account].source,
        .type = push->type,
        .subject = push->event.card_code,
        .dataschema = STR(SCHEMA_EVENT_WECHAT),
        .appid = push->event.appid,
        .traceparent = trace_text(&p->trace),
    };
    struct outgoing record = {.topic = gate->shared->topic, .partition = -1, .key = push->key};

    clock_format_rfc3339(push->event.create_time.value * 1000, time);
    event.time = str_from(time);
    buf_clear(&gate->value);
    push_write(push, &gate->value);
    if (!buf_ok(&gate->value))
        return err_retry(err, "memory", "no memory for the record");
    record.value = buf_str(&gate->value);
    record.headers = headers;
    record.header_count = cloudevent_headers(&event, headers);
    return producer_send(gate->producer, &record, on_delivered, p, err);
}

static void start_push(struct gate *gate, struct http_exchange *x, size_t account,
                       const struct push *push, int64_t started_ns)
{
    struct gate_push *p = mem_zalloc(sizeof(*p));
    struct err err = {0};

    if (!p) {
        gate_refuse(gate, x, account_name(gate, account), 503, "memory");
        return;
    }
    p->gate = gate;
    p->exchange = x;
    p->account = account;
    p->id = push->id;
    p->started_ns = started_ns;
    p->answer_by = deadline_in(gate->shared->settings->ingress.ack_timeout_ms);
    continue_trace(gate, x, &p->trace);
    if (produce(gate, push, p, &err) != ST_OK) {
        mem_free(p);
        gate_refuse(gate, x, account_name(gate, account), 503, "queue_full");
        return;
    }
    enqueue(gate, p);
}

void callback_push(struct gate *gate, struct http_exchange *x, size_t account)
{
    int64_t started_ns = clock_mono_ns();
    struct push_query q;
    struct push push;
    struct err err = {0};

    read_query(x, &q);
    if (push_open(gate->accounts[account].reader, &q, http_exchange_body(x), http_exchange_arena(x),
                  &push, &err) != ST_OK) {
        refuse(gate, x, account, &err);
        return;
    }
    if (recent_has(gate->shared->recent, str_from(push.id.text), clock_mono_ms())) {
        metric_add(gate->accounts[account].duplicate, 1);
        gate_answer(x, STR("success"));
        return;
    }
    start_push(gate, x, account, &push, started_ns);
}
