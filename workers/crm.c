/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-crm: tells the CRM what happened, by signed webhooks (Standard Webhooks), and carries the
 * commands of its answers into their topics. */
#include "codec/jsonw.h"
#include "codec/webhook.h"
#include "config/secret.h"
#include "crm/answer.h"
#include "crm/gate.h"
#include "crm/wants.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    KEYS_MAX = 2,
    CONNECT_MS = 5000,
    REPLY_MAX_BYTES = 1 << 20,
    BODY_MAX_BYTES = 4 << 20,
    SECRET_MAX_BYTES = 4096,
    SIGNATURE_MAX_BYTES = 256,
    TIMESTAMP_SIZE = 24,
};

struct crm {
    const struct settings_crm *settings;
    struct commands *commands;         /* what an answer may ask of WeChat */
    struct webhook_key keys[KEYS_MAX]; /* the current one first */
    size_t key_count;
    struct gate gate; /* guarded by lane_state_lock */
};

/* The CloudEvent in structured mode; the value as it is. */
static void write_body(const struct message *message, struct buf *out)
{
    const struct cloudevent *event = &message->event;
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key_str(&w, "specversion", STR("1.0"));
    jsonw_key_str(&w, "id", event->id);
    jsonw_key_str(&w, "source", event->source);
    jsonw_key_str(&w, "type", event->type);
    jsonw_key_str(&w, "subject", event->subject);
    jsonw_key_str(&w, "time", event->time);
    jsonw_key(&w, STR("data"));
    jsonw_raw(&w, message->data);
    jsonw_object_end(&w);
}

/* One try. */
struct webhook {
    struct str id;
    struct str body;
    char timestamp[TIMESTAMP_SIZE];
    struct buf signature;
};

static enum status sign(const struct crm *crm, struct webhook *hook, struct err *err)
{
    int64_t now_s = clock_wall_ms() / 1000;

    (void)snprintf(hook->timestamp, sizeof(hook->timestamp), "%" PRId64, now_s);
    webhook_sign(crm->keys, crm->key_count, hook->id, now_s, hook->body, &hook->signature);
    return buf_ok(&hook->signature) ? ST_OK
                                    : err_retry(err, "memory", "no memory to sign a webhook");
}

static enum status send_signed(struct lane *lane, const struct webhook *hook, struct str trace,
                               struct http_reply *reply, struct err *err)
{
    const struct crm *crm = lane_state(lane);
    const struct header headers[] = {
        {STR("webhook-id"), hook->id},
        {STR("webhook-timestamp"), str_from(hook->timestamp)},
        {STR("webhook-signature"), buf_str(&hook->signature)},
        {STR("traceparent"), trace},
    };
    const struct http_request request = {
        .method = "POST",
        .url = crm->settings->url,
        .content_type = "application/cloudevents+json; charset=utf-8",
        .body = hook->body,
        .headers = headers,
        .header_count = COUNT_OF(headers),
    };

    return http_client_send(
        lane_http(lane), &request,
        deadline_min(lane_deadline(lane), deadline_in(crm->settings->timeout_ms)), lane_arena(lane),
        reply, err);
}

static enum status post(struct lane *lane, struct str id, struct str body, struct http_reply *reply,
                        struct err *err)
{
    struct webhook hook = {.id = id, .body = body, .signature = BUF_INIT(SIGNATURE_MAX_BYTES)};
    enum status rc = sign(lane_state(lane), &hook, err);
    struct span span;

    if (rc == ST_OK) {
        lane_span_open(lane, &span);
        rc = send_signed(lane, &hook, trace_text(&span.trace), reply, err);
        SPAN_END(&span, SPAN_CALL, rc != ST_OK, kv_cstr("api", "webhook"),
                 kv_cstr("error_code", rc == ST_OK ? NULL : err->code));
    }
    buf_done(&hook.signature);
    return rc;
}

static void count_call(struct lane *lane, int status, enum status rc, const struct err *err)
{
    char label[sizeof(err->code)];

    if (status > 0)
        (void)snprintf(label, sizeof(label), "%d", status);
    else
        (void)str_copy(rc == ST_OK ? STR("") : str_from(err->code), label, sizeof(label));
    lane_count(lane, &METRIC_CRM_REQUESTS, label);
}

static void tell(struct lane *lane, enum gate_news news, struct str type, const struct err *err)
{
    char label[128];

    switch (news) {
    case GATE_NOTHING: break;
    case GATE_CLOSED: lane_warn(lane, "crm.closed", err); break;
    case GATE_DARK: lane_warn(lane, "crm.dark", err); break;
    case GATE_GONE:
        (void)str_copy(str_limit(type, sizeof(label) - 1), label, sizeof(label));
        lane_error(lane, "crm.gone", err);
        lane_count(lane, &METRIC_CRM_GONE, label);
        break;
    }
}

static enum status ask(struct lane *lane, const struct message *message, struct str body,
                       struct http_reply *reply, struct err *err)
{
    struct crm *crm = lane_state(lane);
    struct gate_call call = {
        .type = message->event.type,
        .began_ms = clock_mono_ms(),
        .key_hash = str_hash(message->record->key),
        .reply = reply,
    };
    enum gate_news news = GATE_NOTHING;
    enum status rc = post(lane, message->event.id, body, reply, err);

    count_call(lane, reply->status, rc, err);
    lane_state_lock(lane);
    rc = gate_judge(&crm->gate, &call, rc, &news, err);
    lane_state_unlock(lane);
    tell(lane, news, call.type, err);
    return rc;
}

/* Told before the person was erased, or whose card it is. A revocation the CRM has to act on, too.
 */
static bool is_erased(struct lane *lane, const struct message *message)
{
    const struct cloudevent *event = &message->event;
    struct erased *erased = lane_erased(lane);
    const struct erased_who card = {
        .appid = event->appid,
        .card_id = json_get_str(message->value, "card_id"),
        .card_code = json_get_str(message->value, "card_code"),
    };
    int64_t at_ms = 0;

    if (erased_is_empty(erased) ||
        str_eq(event->type, STR("kabao.wechat.user_authorization_revoke")) ||
        !clock_parse_rfc3339(event->time.ptr, event->time.len, &at_ms))
        return false;
    return erased_knows(erased, &card, at_ms) ||
           str_is_set(erased_named_in(erased, event->appid, message->value, at_ms));
}

static enum status on_event(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX_BYTES);
    struct crm *crm = lane_state(lane);
    struct http_reply reply = {.retry_after_s = -1};
    const struct answer_to to = {message->event.id, message->record->key};
    enum status rc;

    if (!message->value || is_erased(lane, message)) /* a tombstone tells nothing */
        return ST_OK;
    lane_state_lock(lane);
    rc = gate_admit(&crm->gate, message->event.type, err);
    lane_state_unlock(lane);
    if (rc != ST_OK)
        return rc;
    write_body(message, &body);
    if (!buf_ok(&body))
        return err_retry(err, "memory", "no memory for a webhook");
    rc = ask(lane, message, buf_str(&body), &reply, err);
    return rc == ST_OK ? answer_take(lane, crm->commands, &to, reply.body, err) : rc;
}

static void crm_lanes(const struct settings *settings, struct worker_lanes *out)
{
    out->count = settings->crm.max_inflight;
    out->calls_http = true;
    out->http = (struct http_client_conf){
        .ca_file = settings->crm.ca_file,
        .connect_timeout_ms = CONNECT_MS,
        .max_reply_bytes = REPLY_MAX_BYTES,
    };
}

static enum status read_key(struct crm *crm, const char *setting, const char *path, struct err *err)
{
    AUTO(buf_done_secret) struct buf secret = BUF_INIT(SECRET_MAX_BYTES);
    enum status rc = secret_read(setting, path, &secret, err);

    if (rc != ST_OK)
        return rc;
    rc = webhook_key_parse(setting, buf_str(&secret), &crm->keys[crm->key_count], err);
    if (rc == ST_OK)
        crm->key_count++;
    return rc;
}

static enum status crm_open(void *state, const struct settings *settings, struct err *err)
{
    struct crm *crm = state;
    enum status rc;

    crm->settings = &settings->crm;
    if (!settings->crm.url)
        return err_fatal(err, "config",
                         "[crm] url is not set (remedy: the address of the webhook)");
    rc = read_key(crm, "[crm] secret_file", settings->crm.secret_file, err);
    if (rc == ST_OK && settings->crm.secret_previous_file)
        rc = read_key(crm, "[crm] secret_previous_file", settings->crm.secret_previous_file, err);
    if (rc == ST_OK)
        rc = commands_open(settings, &crm->commands, err);
    return rc == ST_OK ? gate_open(&crm->gate, err) : rc;
}

static void crm_close(void *state)
{
    struct crm *crm = state;

    for (size_t i = 0; i < KEYS_MAX; i++)
        webhook_key_done(&crm->keys[i]);
    gate_close(&crm->gate);
    commands_close(crm->commands);
}

static const struct route ROUTES[] = {
    {"kabao.*", on_event},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "crm",
        .purpose = "tells the CRM what happens, and takes the commands it answers with",
        .inputs = {TOPIC_EVENT_WECHAT, TOPIC_STATE_MEMBER, TOPIC_EVENT_ACTIVATION,
                   TOPIC_EVENT_BINDING, TOPIC_RESULT_BONUS},
        .outputs = {TOPIC_CMD_BONUS, TOPIC_CMD_ACTIVATION, TOPIC_CMD_WECHAT},
        .routes = ROUTES,
        .wants = crm_wants,
        .lanes_of = crm_lanes,
        .metric_groups = METRIC_GROUP_CRM,
        .state_size = sizeof(struct crm),
        .open = crm_open,
        .close = crm_close,
    };

    return worker_main(argc, argv, &def);
}
