/* SPDX-License-Identifier: Apache-2.0 */
/* Path and method to handler; and every refusal, counted and logged. */
#include "api.h"
#include "metrics/catalog.h"

#include <string.h>

#define LANDING_METHOD "landing_method"

static bool find_account(const struct gate *gate, struct str name, size_t *account)
{
    const struct settings *settings = gate->shared->settings;

    for (size_t i = 0; i < settings->account_count; i++) {
        if (!str_eq_cstr(name, settings->accounts[i].name))
            continue;
        *account = i;
        return true;
    }
    return false;
}

static struct gate_refusal *find_refusal(struct gate *gate, const char *reason)
{
    for (size_t i = 0; i < REFUSALS_MAX; i++) {
        struct gate_refusal *refusal = &gate->refusals[i];

        if (refusal->reason[0] == '\0')
            (void)str_copy(str_from(reason), refusal->reason, sizeof(refusal->reason));
        if (strcmp(refusal->reason, reason) == 0)
            return refusal;
    }
    return &gate->refusals[REFUSALS_MAX - 1];
}

void gate_note_refusal(struct gate *gate, const char *event, const char *account, int status,
                       const char *reason)
{
    struct metrics *metrics = gate->shared->metrics;
    int64_t held_back = 0;

    metric_add(metric_2(metrics, &METRIC_INGRESS_REQUESTS, account ? account : "", reason), 1);
    if (log_limit(&find_refusal(gate, reason)->limit, &held_back))
        log_warn(EV(event), kv_cstr("account", account ? account : ""), kv_int("status", status),
                 kv_cstr("reason", reason), kv_int("more", held_back));
}

static void note_refusal(struct gate *gate, const char *account, int status, const char *reason)
{
    gate_note_refusal(gate, "callback.refused", account, status, reason);
}

void gate_refuse(struct gate *gate, struct http_exchange *x, const char *account, int status,
                 const char *reason)
{
    static const struct header retry_after = {STR_INIT("Retry-After"), STR_INIT("1")};
    static const struct header allow = {STR_INIT("Allow"), STR_INIT("GET, HEAD, POST")};
    static const struct header allow_get = {STR_INIT("Allow"), STR_INIT("GET, HEAD")};
    struct http_answer answer = {.status = status};

    note_refusal(gate, account, status, reason);
    if (status == 503)
        answer.headers = &retry_after;
    if (status == 405)
        answer.headers = strcmp(reason, LANDING_METHOD) == 0 ? &allow_get : &allow;
    answer.header_count = answer.headers ? 1 : 0;
    http_exchange_answer(x, &answer);
}

void gate_answer(struct http_exchange *x, struct str body)
{
    struct http_answer answer = {
        .status = 200, .content_type = "text/plain; charset=utf-8", .body = body};

    http_exchange_answer(x, &answer);
}

/* /wechat/{account} and what follows it. */
struct place {
    size_t account;
    struct str page; /* absent: none */
};

static bool find_place(const struct gate *gate, struct str path, struct place *place)
{
    static const struct str root = STR_INIT("/wechat/");
    struct str name;

    if (!str_starts(path, root))
        return false;
    (void)str_cut(str_skip(path, root.len), '/', &name, &place->page);
    return find_account(gate, name, &place->account);
}

/* WeChat appends its parameters to the landing page's address as they are, also where that has no
 * '?' (wechat-api 4.2): then they stand in the path. */
static bool is_landing(struct str page, struct str *parameters)
{
    static const struct str name = STR_INIT("activate");

    if (!str_starts(page, name))
        return false;
    *parameters = str_skip(page, name.len);
    return parameters->len == 0 || parameters->ptr[0] == '&';
}

static void request_landing(struct gate *gate, struct http_exchange *x, size_t account,
                            struct str parameters)
{
    if (http_exchange_method(x) == HTTP_GET)
        landing_open(gate, x, account, parameters.len > 0 ? parameters : http_exchange_query(x));
    else
        gate_refuse(gate, x, gate->shared->settings->accounts[account].name, 405, LANDING_METHOD);
}

static void request_callback(struct gate *gate, struct http_exchange *x, size_t account)
{
    switch (http_exchange_method(x)) {
    case HTTP_GET: callback_check_url(gate, x, account); break;
    case HTTP_POST: callback_push(gate, x, account); break;
    case HTTP_PUT:
    case HTTP_DELETE:
    case HTTP_OTHER:
        gate_refuse(gate, x, gate->shared->settings->accounts[account].name, 405, "method");
        break;
    }
}

static bool is_api(const struct gate *gate, struct str path)
{
    return gate->shared->api && api_is_path(path);
}

void routes_refused(void *arg, int status, struct str path)
{
    struct gate *gate = arg;
    struct place place = {0};
    const char *name = NULL;

    if (status != 0 && is_api(gate, path))
        return; /* api_refusal says more of it */

    if (find_place(gate, path, &place))
        name = gate->shared->settings->accounts[place.account].name;
    switch (status) {
    case 413: note_refusal(gate, name, status, "body_size"); break;
    case 503: note_refusal(gate, name, status, "connections"); break;
    case 0: note_refusal(gate, name, status, "slow"); break;
    default: note_refusal(gate, name, status, "http"); break;
    }
}

void routes_request(void *arg, struct http_exchange *x)
{
    struct gate *gate = arg;
    struct place place = {0};
    struct str parameters = {NULL, 0};

    if (is_api(gate, http_exchange_path(x))) {
        api_open(gate, x);
        return;
    }
    if (!find_place(gate, http_exchange_path(x), &place) ||
        (str_is_set(place.page) && !is_landing(place.page, &parameters))) {
        gate_refuse(gate, x, NULL, 404, "unknown_account");
        return;
    }
    if (gate->refusing) {
        gate_refuse(gate, x, gate->shared->settings->accounts[place.account].name, 503, "stopping");
        return;
    }
    if (str_is_set(place.page))
        request_landing(gate, x, place.account, parameters);
    else
        request_callback(gate, x, place.account);
}
