/* SPDX-License-Identifier: Apache-2.0 */
/* The page that WeChat opens after a card's form, or to activate a card: what stands on its address
 * goes to kabao-activate, the browser to the merchant's page. It proves nothing here; the worker
 * asks WeChat. */
#include "landing.h"

#include "held.h"
#include "metrics/catalog.h"
#include "model/cloudevent.h"
#include "model/schema_ids.h"

enum { LOCATION_MAX = 8192 };

/* Not kept by anybody on the way, and what stands on this address is not told to the next page. */
static void redirect(struct http_exchange *x, struct str location)
{
    const struct header headers[] = {{STR("Location"), location},
                                     {STR("Cache-Control"), STR("no-store")},
                                     {STR("Referrer-Policy"), STR("no-referrer")}};
    const struct http_answer answer = {
        .status = 302, .headers = headers, .header_count = COUNT_OF(headers)};

    http_exchange_answer(x, &answer);
}

static void count(struct gate *gate, size_t account, const char *outcome)
{
    const struct gate_shared *shared = gate->shared;

    metric_add(metric_2(shared->metrics, &METRIC_INGRESS_REQUESTS,
                        shared->settings->accounts[account].name, outcome),
               1);
}

/* held_answer_fn */
static void answer_redirect(struct gate *gate, struct http_exchange *x, const struct held *h)
{
    count(gate, h->account, "ticket");
    redirect(x, h->location);
}

/* gate->value is the record's. */
static void produce(struct gate *gate, struct held *h, struct str key)
{
    const struct account *account = &gate->shared->settings->accounts[h->account];
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    char time[CLOCK_RFC3339_SIZE];
    struct cloudevent event = {
        .id = str_from(h->id.text),
        .source = gate->accounts[h->account].source,
        .type = STR(CE_TYPE_ACTIVATION_TICKET),
        .dataschema = STR(SCHEMA_CMD_ACTIVATION),
        .appid = str_from(account->appid),
        .traceparent = trace_text(&h->trace),
    };
    struct outgoing record = {.topic = gate->shared->ticket_topic, .partition = -1, .key = key};

    clock_format_rfc3339(clock_wall_ms(), time);
    event.time = str_from(time);
    record.value = buf_str(&gate->value);
    record.headers = headers;
    record.header_count = cloudevent_headers(&event, headers);
    held_send(h, &record);
}

/* What is made of an address before anything is sent; texts in the exchange's memory. */
struct landing {
    struct activation_request request;
    struct id id;
    struct str key;
    struct str location;
};

static bool prepare(const struct account *account, struct arena *arena, struct landing *l)
{
    AUTO(buf_done) struct buf location = BUF_INIT(LOCATION_MAX);
    struct str appid = str_from(account->appid);

    l->request.account = str_from(account->name);
    landing_location(account->landing_url, &l->request, &location);
    l->location = buf_ok(&location) ? arena_dup(arena, buf_str(&location)) : (struct str){0};
    l->key = activation_request_key(arena, appid, &l->request);
    return landing_id(appid, &l->request, arena, &l->id) && str_is_set(l->key) &&
           str_is_set(l->location);
}

static void pass_on(struct gate *gate, struct http_exchange *x, size_t account,
                    const struct landing *l)
{
    struct held *h;

    buf_clear(&gate->value);
    activation_request_write(&l->request, &gate->value);
    if (!buf_ok(&gate->value)) {
        gate_refuse(gate, x, gate->shared->settings->accounts[account].name, 503, "memory");
        return;
    }
    h = held_new(gate, x, account, &l->id);
    if (!h)
        return;
    h->started_ns = clock_mono_ns();
    h->answer = answer_redirect;
    h->location = l->location;
    produce(gate, h, l->key);
}

void landing_open(struct gate *gate, struct http_exchange *x, size_t account, struct str query)
{
    const struct account *to = &gate->shared->settings->accounts[account];
    struct landing l = {0};

    if (!to->landing_url) {
        gate_refuse(gate, x, to->name, 404, "no_landing");
        return;
    }
    if (!landing_read(query, http_exchange_arena(x), &l.request)) {
        gate_refuse(gate, x, to->name, 400, "ticket_shape");
        return;
    }
    if (!prepare(to, http_exchange_arena(x), &l)) {
        gate_refuse(gate, x, to->name, 503, "memory");
        return;
    }
    if (str_eq(http_exchange_method_text(x), STR("HEAD"))) {
        redirect(x, l.location);
        return;
    }
    if (recent_has(gate->shared->recent, str_from(l.id.text), clock_mono_ms())) {
        count(gate, account, "ticket_again");
        redirect(x, l.location);
        return;
    }
    pass_on(gate, x, account, &l);
}
