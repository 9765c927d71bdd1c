/* SPDX-License-Identifier: Apache-2.0 */
#include "code_channels.h"

#include "call.h"
#include "codec/jsonw.h"
#include "model/id.h"
#include "state.h"
#include "wechat/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    HOOK_MAX = 4096,
    SIGNATURE_MAX = 256,
    TIMESTAMP_SIZE = 24,
    SMS_MS = 10000,
    MS = 1000,
    MSG_ID_MAX = 32, /* bytes; an id of ours has as many */
};

static struct message_to to_openid(const struct code_delivery *d)
{
    return (struct message_to){
        .account = d->c->account,
        .openid = json_get_str(d->c->body, "openid"),
        .traceparent = lane_traceparent(d->c->lane),
        .until = d->until,
        .send_by = d->c->send_by,
        .errmsg = &d->c->errmsg,
        .secret = str_from(d->code->text),
    };
}

/* Customer message */

static bool custom_is_open(const struct command *c UNUSED)
{
    return true;
}

static enum status send_custom(const struct code_delivery *d, struct err *err)
{
    const struct command_state *state = lane_state(d->c->lane);
    const struct message_to to = to_openid(d);
    const struct bind_facts facts = {
        .code = str_from(d->code->text),
        .ttl_s = (d->code->expires_at_ms - clock_wall_ms()) / MS,
    };
    struct str text =
        bind_text_of(state->texts, d->c->account, BIND_TEXT_CODE, &facts, lane_arena(d->c->lane));

    if (!str_is_set(text))
        return command_no_memory(err);
    return message_custom_text(lane_wechat(d->c->lane), &to, text, err);
}

/* Template and subscription notice */

static bool notice_is_open(const struct command *c)
{
    return json_has(c->body, "template_id");
}

/* {code} stands in strings only: nowhere else can JSON have it. */
static void write_data(const struct code_delivery *d, struct buf *out)
{
    static const struct str place = STR_INIT("{code}");
    AUTO(buf_done) struct buf text = BUF_INIT(CODE_DATA_MAX);
    struct str rest;
    size_t at;

    json_format(json_get(d->c->body, "data"), &text);
    out->failed = out->failed || !buf_ok(&text);
    rest = buf_str(&text);
    while (str_find(rest, place, &at)) {
        buf_add(out, str_of(rest.ptr, at));
        buf_add_cstr(out, d->code->text);
        rest = str_skip(rest, at + place.len);
    }
    buf_add(out, rest);
}

static enum status send_notice(const struct code_delivery *d, bool is_template, struct err *err)
{
    AUTO(buf_done_secret) struct buf data = BUF_INIT(CODE_DATA_MAX);
    const struct message_to to = to_openid(d);
    struct message_notice notice = {
        .template_id = json_get_str(d->c->body, "template_id"),
        .client_msg_id = d->c->message->event.id,
    };
    struct id stand_in;

    write_data(d, &data);
    if (!buf_ok(&data))
        return command_no_memory(err);
    notice.data = buf_str(&data);
    if (notice.client_msg_id.len > MSG_ID_MAX) {
        id_derive(notice.client_msg_id, STR("client_msg_id"), &stand_in);
        notice.client_msg_id = str_from(stand_in.text);
    }
    return is_template ? message_template(lane_wechat(d->c->lane), &to, &notice, err)
                       : message_subscribe(lane_wechat(d->c->lane), &to, &notice, err);
}

static enum status send_template(const struct code_delivery *d, struct err *err)
{
    return send_notice(d, true, err);
}

static enum status send_subscribe(const struct code_delivery *d, struct err *err)
{
    return send_notice(d, false, err);
}

/* The merchant's SMS, by a signed webhook */

static bool webhook_is_open(const struct command *c)
{
    return lane_settings(c->lane)->verify.sms_url != NULL;
}

static void write_hook(const struct code_delivery *d, struct buf *out)
{
    struct jsonw w = {.out = out};
    char expires_at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(d->code->expires_at_ms, expires_at);
    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(d->c->account->name));
    jsonw_key_str(&w, "appid", str_from(d->c->account->appid));
    jsonw_key_str(&w, "openid", json_get_str(d->c->body, "openid"));
    jsonw_key_str(&w, "purpose", json_get_str(d->c->body, "purpose"));
    jsonw_key_str(&w, "code", str_from(d->code->text));
    jsonw_key_str(&w, "expires_at", str_from(expires_at));
    jsonw_object_end(&w);
}

static enum status post(const struct code_delivery *d, struct str body, struct str signature,
                        struct str timestamp, struct err *err)
{
    struct lane *lane = d->c->lane;
    const struct header headers[] = {
        {STR("webhook-id"), d->c->message->event.id},
        {STR("webhook-timestamp"), timestamp},
        {STR("webhook-signature"), signature},
        {STR("traceparent"), lane_traceparent(lane)},
    };
    const struct http_request request = {
        .method = "POST",
        .url = lane_settings(lane)->verify.sms_url,
        .content_type = "application/json; charset=utf-8",
        .body = body,
        .headers = headers,
        .header_count = COUNT_OF(headers),
    };
    const struct deadline until =
        deadline_min(deadline_min(d->until, d->c->send_by), deadline_in(SMS_MS));
    struct http_reply reply = {0};
    enum status rc =
        http_client_send(lane_http(lane), &request, until, lane_arena(lane), &reply, err);

    if (rc == ST_REJECT && strcmp(err->code, "http:size") == 0)
        return ST_OK; /* only a yes is refused for its size (http/client.h) */
    if (rc == ST_REJECT && reply.status > 0)
        (void)snprintf(err->code, sizeof(err->code), "sms:%d", reply.status);
    return rc;
}

static enum status send_webhook(const struct code_delivery *d, struct err *err)
{
    AUTO(buf_done_secret) struct buf body = BUF_INIT(HOOK_MAX);
    AUTO(buf_done) struct buf signature = BUF_INIT(SIGNATURE_MAX);
    const struct command_state *state = lane_state(d->c->lane);
    const int64_t now_s = clock_wall_ms() / MS;
    char timestamp[TIMESTAMP_SIZE];

    if (deadline_passed(d->c->send_by))
        return err_reject(err, REASON_EXPIRED, "deadline", "the code expired before it was sent");
    write_hook(d, &body);
    (void)snprintf(timestamp, sizeof(timestamp), "%" PRId64, now_s);
    webhook_sign(&state->sms, 1, d->c->message->event.id, now_s, buf_str(&body), &signature);
    if (!buf_ok(&body) || !buf_ok(&signature))
        return command_no_memory(err);
    return post(d, buf_str(&body), buf_str(&signature), str_from(timestamp), err);
}

static const struct code_channel CHANNELS[] = {
    {"custom", true, custom_is_open, send_custom},
    {"template", true, notice_is_open, send_template},
    {"subscribe", true, notice_is_open, send_subscribe},
    {"webhook", false, webhook_is_open, send_webhook},
};

const struct code_channel *code_channel_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(CHANNELS); i++)
        if (str_eq_cstr(name, CHANNELS[i].name))
            return &CHANNELS[i];
    return NULL;
}

bool code_may_go_otherwise(const struct err *err)
{
    return message_may_go_otherwise(err) || str_starts(str_from(err->code), STR("sms:"));
}
