/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-forward: every push goes on to the account's old system, as WeChat would have sent it. */
#include "base/mem.h"
#include "config/accounts.h"
#include "forward/gate.h"
#include "forward/wants.h"
#include "http/url.h"
#include "run/lane.h"
#include "wechat/push_again.h"

enum {
    ANSWER_MS = 5000, /* WeChat's own patience (wechat-api 1.6) */
    REPLY_MAX_BYTES = 64 << 10,
    LANES = 32,
};

/* One account's old system. */
struct target {
    const struct account *account;
    struct account_secrets secrets;
    struct push_again_as as; /* of the two */
    struct gate gate;        /* guarded by lane_state_lock */
};

struct forward {
    struct target *targets; /* of the accounts with a forward_url */
    size_t count;
};

/* NULL: nobody else gets this account's pushes. */
static struct target *find_target(const struct forward *forward, struct str account)
{
    for (size_t i = 0; i < forward->count; i++)
        if (str_eq_cstr(account, forward->targets[i].account->name))
            return &forward->targets[i];
    return NULL;
}

static enum status post(struct lane *lane, const struct target *target,
                        const struct push_again *push, struct str trace, struct http_reply *reply,
                        struct err *err)
{
    const struct header headers[] = {{STR("traceparent"), trace}};
    const char *url =
        url_with_query(str_from(target->account->forward_url), push->query, lane_arena(lane));
    const struct http_request request = {
        .method = "POST",
        .url = url,
        .content_type = "text/xml",
        .body = push->body,
        .headers = headers,
        .header_count = COUNT_OF(headers),
    };

    if (!url)
        return err_retry(err, "memory", "no memory for an address");
    return http_client_send(lane_http(lane), &request,
                            deadline_min(lane_deadline(lane), deadline_in(ANSWER_MS)),
                            lane_arena(lane), reply, err);
}

/* Sends it, and reads what came back. */
static enum status send_push(struct lane *lane, const struct target *target,
                             const struct push_again *push, struct gate_call *call, struct err *err)
{
    struct http_reply reply = {.retry_after_s = -1};
    struct span span;
    enum status rc;

    lane_span_open(lane, &span);
    rc = post(lane, target, push, trace_text(&span.trace), &reply, err);
    call->answer = answer_read(rc, &reply, err, lane_arena(lane));
    call->status = reply.status;
    if (call->answer == ANSWER_RUBBISH)
        rc = err_retry(err, "forward:rubbish", "HTTP %d with what is neither success nor a reply",
                       reply.status);
    SPAN_END(&span, SPAN_CALL, rc != ST_OK, kv_cstr("api", "forward"),
             kv_cstr("error_code", rc == ST_OK ? NULL : err->code));
    return rc;
}

static void count_call(struct lane *lane, const struct target *target, const struct gate_call *call)
{
    if (call->answer == ANSWER_NONE)
        return;
    lane_count_2(lane, &METRIC_FORWARD_REQUESTS, target->account->name, answer_name(call->answer));
    lane_observe(lane, &METRIC_FORWARD_SECONDS, (double)(clock_mono_ms() - call->began_ms) / 1e3);
}

static enum status forward_to(struct lane *lane, const struct message *message,
                              struct target *target, const struct push_again *push, struct err *err)
{
    struct gate_call call = {
        .began_ms = clock_mono_ms(),
        .key_hash = str_hash(message->record->key),
        .attempt = message->attempt,
    };
    bool darkened = false;
    enum status rc = send_push(lane, target, push, &call, err);

    count_call(lane, target, &call);
    lane_state_lock(lane);
    rc = gate_judge(&target->gate, &call, rc, &darkened, err);
    lane_state_unlock(lane);
    if (darkened)
        lane_warn(lane, "forward.dark", err);
    return rc;
}

static enum status on_push(struct lane *lane, const struct message *message, struct err *err)
{
    struct event event = {0};
    struct push_again push;
    struct target *target;
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK)
        return rc;
    target = find_target(lane_state(lane), event.account);
    if (!target)
        return ST_OK;
    lane_state_lock(lane);
    rc = gate_admit(&target->gate, err);
    lane_state_unlock(lane);
    if (rc == ST_OK)
        rc = push_again_make(&target->as, &event, clock_wall_ms() / 1000, lane_arena(lane), &push,
                             err);
    return rc == ST_OK ? forward_to(lane, message, target, &push, err) : rc;
}

static void forward_lanes(const struct settings *settings, struct worker_lanes *out)
{
    (void)settings;
    out->calls_http = true;
    out->http = (struct http_client_conf){
        .connect_timeout_ms = ANSWER_MS,
        .max_reply_bytes = REPLY_MAX_BYTES,
    };
}

static enum status forward_open(void *state, const struct settings *settings, struct err *err)
{
    struct forward *forward = state;

    forward->targets = mem_array(settings->account_count, sizeof(*forward->targets));
    if (!forward->targets)
        return err_fatal(err, "memory", "out of memory");
    for (size_t i = 0; i < settings->account_count; i++) {
        struct target *target = &forward->targets[forward->count];
        enum status rc;

        if (!settings->accounts[i].forward_url)
            continue;
        *target = (struct target){.account = &settings->accounts[i]};
        rc = account_secrets_read(target->account, &target->secrets, err);
        if (rc != ST_OK)
            return rc;
        target->as = (struct push_again_as){target->account, &target->secrets};
        forward->count++;
    }
    return ST_OK;
}

static void forward_close(void *state)
{
    struct forward *forward = state;

    for (size_t i = 0; i < forward->count; i++)
        account_secrets_done(&forward->targets[i].secrets);
    mem_free(forward->targets);
}

static const struct route ROUTES[] = {
    {"kabao.wechat.*", on_push},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "forward",
        .purpose = "hands every push on to the account's old system, as WeChat would",
        .inputs = {TOPIC_EVENT_WECHAT},
        .routes = ROUTES,
        .lanes = LANES,
        .waits_in_kafka = true, /* an old system that is away for a week fills no table */
        .wants = forward_wants,
        .lanes_of = forward_lanes,
        .metric_groups = METRIC_GROUP_FORWARD,
        .state_size = sizeof(struct forward),
        .open = forward_open,
        .close = forward_close,
    };

    return worker_main(argc, argv, &def);
}
