/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's callback: check, record, produce, and `success` only after the broker has acknowledged.
 */
#include "base/num.h"
#include "held.h"
#include "http/url.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"
#include "trace/trace.h"

#include <string.h>

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

/* Producing */

/* held_answer_fn */
static void answer_success(struct gate *gate, struct http_exchange *x, const struct held *h)
{
    metric_add(gate->accounts[h->account].accepted, 1);
    gate_answer(x, STR("success"));
}

static void produce(struct gate *gate, const struct push *push, struct held *h)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    char time[CLOCK_RFC3339_SIZE];
    struct cloudevent event = {
        .id = str_from(push->id.text),
        .source = gate->accounts[h->account].source,
        .type = push->type,
        .subject = push->event.card_code,
        .dataschema = STR(SCHEMA_EVENT_WECHAT),
        .appid = push->event.appid,
        .traceparent = trace_text(&h->trace),
    };
    struct outgoing record = {.topic = gate->shared->topic, .partition = -1, .key = push->key};

    clock_format_rfc3339(push->event.create_time.value * 1000, time);
    event.time = str_from(time);
    record.value = buf_str(&gate->value);
    record.headers = headers;
    record.header_count = cloudevent_headers(&event, headers);
    held_send(h, &record);
}

static void start_push(struct gate *gate, struct http_exchange *x, size_t account,
                       const struct push *push, int64_t started_ns)
{
    struct held *h;

    buf_clear(&gate->value);
    push_write(push, &gate->value);
    if (!buf_ok(&gate->value)) {
        gate_refuse(gate, x, account_name(gate, account), 503, "queue_full");
        return;
    }
    h = held_new(gate, x, account, &push->id);
    if (!h)
        return;
    h->started_ns = started_ns;
    h->answer = answer_success;
    produce(gate, push, h);
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
