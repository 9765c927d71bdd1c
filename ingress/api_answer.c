/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of the API have: the account, the record, and every answer. */
#include "api.h"
#include "base/mem.h"
#include "held.h"
#include "metrics/catalog.h"
#include "model/cloudevent.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { PROBLEM_MAX = 64 * 1024, HEADERS_MAX = 8 };

/* Answers */

static void count(struct api_request *r, const char *outcome)
{
    metric_add(metric_2(r->gate->shared->metrics, &METRIC_INGRESS_REQUESTS,
                        r->account ? r->account->name : "", outcome),
               1);
}

static void end(struct api_request *r)
{
    struct api *api = r->gate->shared->api;

    if (r->tracked)
        outcomes_end(api->outcomes, str_from(r->id.text), r->sent);
    (void)atomic_fetch_sub(&api->in_hand, 1);
    r->gate->api_in_hand--;
    clients_release(r->client);
    json_free(r->body);
    mem_free(r);
}

static void send(struct api_request *r, struct http_answer answer, const struct header *headers,
                 size_t header_count)
{
    struct header all[HEADERS_MAX] = {{STR("Cache-Control"), STR("no-store")}};

    assert(header_count < HEADERS_MAX);
    for (size_t i = 0; i < header_count; i++)
        all[i + 1] = headers[i];
    answer.headers = all;
    answer.header_count = header_count + 1;
    http_exchange_answer(r->x, &answer);
    end(r);
}

void api_answer(struct api_request *r, int status, struct str json, const struct header *headers,
                size_t header_count)
{
    struct http_answer answer = {.status = status, .body = json};

    if (str_is_set(json))
        answer.content_type = "application/json";
    count(r, status == 202 ? "api_accepted" : "api_done");
    send(r, answer, headers, header_count);
}

const char *api_preference(const struct api_request *r, char out[API_PREFERENCE_SIZE])
{
    const char *async = r->prefer.respond_async ? "respond-async" : "";

    if (!r->prefer.respond_async && !r->prefer.has_wait)
        return NULL;
    if (r->prefer.has_wait)
        (void)snprintf(out, API_PREFERENCE_SIZE, "%s%swait=%d", async, *async ? ", " : "",
                       r->prefer.wait_s);
    else
        (void)snprintf(out, API_PREFERENCE_SIZE, "%s", async);
    return out;
}

void api_answer_result(struct api_request *r, struct outcome_text *result)
{
    char applied[API_PREFERENCE_SIZE];
    struct header header = {.name = STR("Preference-Applied")};

    header.value = str_from(api_preference(r, applied));
    api_answer(r, 200, outcome_text(result), &header, str_is_set(header.value) ? 1 : 0);
    outcome_text_release(result);
}

void api_answer_pending(struct api_request *r)
{
    char applied[API_PREFERENCE_SIZE];
    const struct header headers[] = {
        {STR("Retry-After"), STR("1")},
        {STR("Preference-Applied"), str_from(api_preference(r, applied))},
    };

    api_answer(r, 202, (struct str){NULL, 0}, headers, str_is_set(headers[1].value) ? 2 : 1);
}

static int64_t retry_after_s(const struct problem *p)
{
    const int status = problem_def(p->kind)->status;

    if (p->retry_after_s > 0)
        return p->retry_after_s;
    return status == 429 || status == 503 ? 1 : 0;
}

void api_problem(struct api_request *r, const struct problem *p)
{
    const struct problem_def *def = problem_def(p->kind);
    AUTO(buf_done) struct buf body = BUF_INIT(PROBLEM_MAX);
    struct http_answer answer = {.status = def->status, .content_type = PROBLEM_CONTENT_TYPE};
    struct header headers[3];
    char seconds[24];
    size_t n = 0;

    gate_note_refusal(r->gate, "api.refused", r->account ? r->account->name : NULL, def->status,
                      def->outcome);
    problem_write(p, http_exchange_path(r->x), &body);
    answer.body = buf_str(&body);
    if (def->status == 401)
        headers[n++] = (struct header){STR("WWW-Authenticate"), STR("Bearer")};
    if (p->allow)
        headers[n++] = (struct header){STR("Allow"), str_from(p->allow)};
    if (retry_after_s(p) > 0) {
        (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)retry_after_s(p));
        headers[n++] = (struct header){STR("Retry-After"), str_from(seconds)};
    }
    send(r, answer, headers, n);
}

bool api_refuse(struct api_request *r, enum problem_kind kind, struct str detail)
{
    api_problem(r, &(struct problem){.kind = kind, .detail = detail});
    return false;
}

/* Rights */

static bool refuse_account(struct api_request *r, const char *fault)
{
    api_problem(r, &(struct problem){.kind = PROBLEM_ACCOUNT,
                                     .pointer = STR("/account"),
                                     .fault = str_from(fault)});
    return false;
}

static bool pick_account(struct api_request *r, struct str name)
{
    const struct settings *settings = r->gate->shared->settings;

    for (size_t i = 0; i < settings->account_count; i++)
        if (str_eq_cstr(name, settings->accounts[i].name))
            r->account = &settings->accounts[i];
    return r->account || refuse_account(r, "is no account of this service");
}

bool api_account(struct api_request *r, struct str name)
{
    const struct settings *settings = r->gate->shared->settings;

    if (!str_is_set(name) && json_has(r->body, "account")) {
        name = json_get_str(r->body, "account");
        if (!str_is_set(name))
            return refuse_account(r, "must be a string");
    }
    if (!str_is_set(name)) {
        if (settings->account_count != 1)
            return refuse_account(r, "is required: there are several");
        name = str_from(settings->accounts[0].name);
    }
    if (!api_client_may_use(r->client, name))
        return api_refuse(r, PROBLEM_FORBIDDEN, STR("This token is not for this account."));
    return pick_account(r, name);
}

bool api_may(struct api_request *r, struct str type)
{
    return api_client_may_ask(r->client, type) ||
           api_refuse(r, PROBLEM_FORBIDDEN, STR("This token is not for this type of command."));
}

/* Producing */

/* held_answer_fn */
static void on_acked(struct gate *gate UNUSED, struct http_exchange *x UNUSED, const struct held *h)
{
    struct api_request *r = h->arg;

    r->sent = true;
    r->acked(r);
}

/* held_fail_fn */
static void on_failed(const struct held *h, const char *reason)
{
    struct api_request *r = h->arg;

    if (strcmp(reason, HELD_TOO_LARGE) == 0)
        (void)api_refuse(r, PROBLEM_TOO_LARGE, STR("The broker takes no record as large as this."));
    else
        (void)api_refuse(r, PROBLEM_BROKER, STR("Whether it was taken is not known: try again."));
}

static void fill(struct api_request *r, struct held *h, const struct api_record *record)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    char time[CLOCK_RFC3339_SIZE];
    struct cloudevent event = {
        .id = str_from(r->id.text),
        .source = r->gate->accounts[h->account].source,
        .type = record->type,
        .subject = record->subject,
        .dataschema = str_from(record->dataschema),
        .appid = str_from(r->account->appid),
        .traceparent = trace_text(&h->trace),
    };
    struct outgoing out = {
        .topic = record->topic, .partition = -1, .key = record->key, .value = record->value};

    clock_format_rfc3339(clock_wall_ms(), time);
    event.time = str_from(time);
    out.headers = headers;
    out.header_count = cloudevent_headers(&event, headers);
    held_send(h, &out);
}

void api_produce(struct api_request *r, const struct api_record *record, api_acked_fn *acked)
{
    const size_t account = (size_t)(r->account - r->gate->shared->settings->accounts);
    struct held *h = held_make(r->gate, r->x, account, &r->id);

    if (!h) {
        (void)api_refuse(r, PROBLEM_MEMORY, (struct str){0});
        return;
    }
    r->acked = acked;
    h->started_ns = clock_mono_ns();
    h->answer = on_acked;
    h->fail = on_failed;
    h->arg = r;
    fill(r, h, record);
}
