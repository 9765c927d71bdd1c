/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's callback: check, record, produce, and `success` or a reply only after the broker has
 * acknowledged. */
#include "base/num.h"
#include "held.h"
#include "http/url.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"
#include "replies.h"
#include "trace/trace.h"

#include <string.h>

enum { REPLY_MAX = 256 * 1024 };

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

/* Replying */

/* One push to be answered. */
struct asked {
    struct gate *gate;
    struct http_exchange *x;
    size_t account;
    const struct push *push;
};

static enum status write_reply(const struct asked *a, const struct reply *reply, struct str *out,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPLY_MAX);
    const struct event *event = &a->push->event;
    struct arena *arena = http_exchange_arena(a->x);
    struct reply_head head = {.openid = event->openid, .now_s = clock_wall_ms() / 1000};
    struct reply filled;
    struct push_seal seal;
    enum status rc = replies_fill(reply, event, arena, &filled, err);

    if (rc != ST_OK)
        return rc;
    head.original_id = event->to_user;
    reply_write(&filled, &head, &text);
    if (!buf_ok(&text))
        return err_retry(err, "memory", "a reply of more than %d bytes", REPLY_MAX);
    if (a->push->encrypted) {
        seal = push_seal_of(a->gate->accounts[a->account].reader, a->push);
        return reply_seal(&seal, buf_str(&text), head.now_s, arena, out, err);
    }
    *out = arena_dup(arena, buf_str(&text));
    return str_is_set(*out) ? ST_OK : err_retry(err, "memory", "no memory for a reply");
}

/* The record matters more than its reply: where that cannot be made, there is none. */
static struct str make_reply(const struct asked *a, const struct reply *reply)
{
    struct str made = {NULL, 0};
    struct err err = {0};

    if (write_reply(a, reply, &made, &err) == ST_OK)
        return made;
    if (log_limit(&a->gate->unmade, NULL))
        log_warn(EV("reply.unmade"), kv_cstr("account", account_name(a->gate, a->account)),
                 kv_cstr("code", err.code), kv_cstr("error", err.text));
    return (struct str){NULL, 0};
}

/* What the account's rules answer, in x's memory; absent: nothing. */
static struct str reply_to(const struct asked *a)
{
    struct replies *replies = a->gate->shared->replies[a->account];
    struct str made = {NULL, 0};
    struct replies_held *rules;
    const struct reply *reply;

    if (!replies)
        return made;
    rules = replies_acquire(replies);
    reply = replies_set_find(replies_of(rules), a->push, &a->gate->folded);
    if (reply)
        made = make_reply(a, reply);
    replies_release(rules);
    return made;
}

static void answer_taken(struct http_exchange *x, struct str reply)
{
    const struct http_answer answer = {
        .status = 200, .content_type = "application/xml; charset=utf-8", .body = reply};

    if (str_is_set(reply))
        http_exchange_answer(x, &answer);
    else
        gate_answer(x, STR("success"));
}

/* Producing */

/* held_answer_fn */
static void answer_push(struct gate *gate, struct http_exchange *x, const struct held *h)
{
    metric_add(gate->accounts[h->account].accepted, 1);
    answer_taken(x, h->reply);
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

static void start_push(const struct asked *a, int64_t started_ns)
{
    struct gate *gate = a->gate;
    struct held *h;

    buf_clear(&gate->value);
    push_write(a->push, &gate->value);
    if (!buf_ok(&gate->value)) {
        gate_refuse(gate, a->x, account_name(gate, a->account), 503, "queue_full");
        return;
    }
    h = held_new(gate, a->x, a->account, &a->push->id);
    if (!h)
        return;
    h->started_ns = started_ns;
    h->answer = answer_push;
    h->reply = reply_to(a);
    produce(gate, a->push, h);
}

void callback_push(struct gate *gate, struct http_exchange *x, size_t account)
{
    int64_t started_ns = clock_mono_ns();
    struct push_query q;
    struct push push;
    const struct asked asked = {.gate = gate, .x = x, .account = account, .push = &push};
    struct err err = {0};

    read_query(x, &q);
    if (push_open(gate->accounts[account].reader, &q, http_exchange_body(x), http_exchange_arena(x),
                  &push, &err) != ST_OK) {
        refuse(gate, x, account, &err);
        return;
    }
    if (recent_has(gate->shared->recent, str_from(push.id.text), clock_mono_ms())) {
        metric_add(gate->accounts[account].duplicate, 1);
        answer_taken(x, reply_to(&asked));
        return;
    }
    start_push(&asked, started_ns);
}
