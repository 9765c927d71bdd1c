/* SPDX-License-Identifier: Apache-2.0 */
/* Path and method to handler; and every refusal, counted and logged. */
#include "gate.h"
#include "metrics/catalog.h"

#include <string.h>

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

static void note_refusal(struct gate *gate, const char *account, int status, const char *reason)
{
    struct metrics *metrics = gate->shared->metrics;
    int64_t held_back = 0;

    metric_add(metric_2(metrics, &METRIC_INGRESS_REQUESTS, account ? account : "", reason), 1);
    if (log_limit(&find_refusal(gate, reason)->limit, &held_back))
        log_warn(EV("callback.refused"), kv_cstr("account", account ? account : ""),
                 kv_int("status", status), kv_cstr("reason", reason), kv_int("more", held_back));
}

void gate_refuse(struct gate *gate, struct http_exchange *x, const char *account, int status,
                 const char *reason)
{
    static const struct header retry_after = {STR_INIT("Retry-After"), STR_INIT("1")};
    static const struct header allow = {STR_INIT("Allow"), STR_INIT("GET, HEAD, POST")};
    struct http_answer answer = {.status = status};

    note_refusal(gate, account, status, reason);
    if (status == 503)
        answer.headers = &retry_after;
    if (status == 405)
        answer.headers = &allow;
    answer.header_count = answer.headers ? 1 : 0;
    http_exchange_answer(x, &answer);
}

void gate_answer(struct http_exchange *x, struct str body)
{
    struct http_answer answer = {
        .status = 200, .content_type = "text/plain; charset=utf-8", .body = body};

    http_exchange_answer(x, &answer);
}

void routes_refused(void *arg, int status, struct str path)
{
    struct gate *gate = arg;
    size_t account = 0;
    const char *name = NULL;

    if (str_starts(path, STR("/wechat/")) &&
        find_account(gate, str_skip(path, strlen("/wechat/")), &account))
        name = gate->shared->settings->accounts[account].name;
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
    struct str path = http_exchange_path(x);
    size_t account = 0;
    const char *name;

    if (!str_starts(path, STR("/wechat/")) ||
        !find_account(gate, str_skip(path, strlen("/wechat/")), &account)) {
        gate_refuse(gate, x, NULL, 404, "unknown_account");
        return;
    }
    name = gate->shared->settings->accounts[account].name;
    if (atomic_load(&gate->shared->stopping)) {
        gate_refuse(gate, x, name, 503, "stopping");
        return;
    }
    switch (http_exchange_method(x)) {
    case HTTP_GET: callback_check_url(gate, x, account); break;
    case HTTP_POST: callback_push(gate, x, account); break;
    case HTTP_PUT:
    case HTTP_DELETE:
    case HTTP_OTHER: gate_refuse(gate, x, name, 405, "method"); break;
    }
}
