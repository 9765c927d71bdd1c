/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/message.h"

#include "codec/jsonw.h"
#include "codec/utf8.h"

#include <string.h>

enum { BODY_MAX = 64 * 1024 };

static enum status send(struct wechat *w, const struct message_to *to, const struct call *call,
                        const struct buf *body, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct wechat_request request = {
        .account = to->account,
        .call = call,
        .body = buf_str(body),
        .traceparent = to->traceparent,
        .until = to->until,
        .send_by = to->send_by,
        .errmsg = to->errmsg,
        .secret = to->secret,
    };

    if (!buf_ok(body))
        return err_reject(err, REASON_REJECTED, "size", "%s: the message is too long", call->type);
    return wechat_call(w, &request, &answer, err);
}

enum status message_custom_text(struct wechat *w, const struct message_to *to, struct str text,
                                struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct jsonw json = {.out = &body};

    jsonw_object(&json);
    jsonw_key_str(&json, "touser", to->openid);
    jsonw_key_str(&json, "msgtype", STR("text"));
    jsonw_key(&json, STR("text"));
    jsonw_object(&json);
    jsonw_key_str(&json, "content", utf8_cut(text, MESSAGE_TEXT_MAX));
    jsonw_object_end(&json);
    jsonw_object_end(&json);
    return send(w, to, &CALL_MESSAGE_CUSTOM, &body, err);
}

static void write_notice(const struct message_to *to, const struct message_notice *notice,
                         struct buf *out)
{
    struct jsonw json = {.out = out};

    jsonw_object(&json);
    jsonw_key_str(&json, "touser", to->openid);
    jsonw_key_str(&json, "template_id", notice->template_id);
    jsonw_key_str(&json, "client_msg_id", notice->client_msg_id);
    jsonw_key(&json, STR("data"));
    jsonw_raw(&json, notice->data);
    jsonw_object_end(&json);
}

enum status message_template(struct wechat *w, const struct message_to *to,
                             const struct message_notice *notice, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);

    write_notice(to, notice, &body);
    return send(w, to, &CALL_MESSAGE_TEMPLATE, &body, err);
}

enum status message_subscribe(struct wechat *w, const struct message_to *to,
                              const struct message_notice *notice, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct message_notice unnamed = *notice;

    unnamed.client_msg_id = (struct str){NULL, 0};
    write_notice(to, &unnamed, &body);
    return send(w, to, &CALL_MESSAGE_NOTICE, &body, err);
}

/* 9.1 and 9.2 of the platform's pages on messages. */
bool message_may_go_otherwise(const struct err *err)
{
    static const char *const codes[] = {
        "wechat:40037", /* a template of the other system, or none */
        "wechat:40247", /* a template of the closed library */
        "wechat:43004", /* does not follow */
        "wechat:43019", /* refused, or on the blacklist */
        "wechat:43101", /* refused the notice */
        "wechat:45015", /* outside the time for a reply */
        "wechat:45047", /* too many customer messages */
        "wechat:45087", /* customer messages are blocked */
        "wechat:47003", /* the data do not fit this template */
        "wechat:48002", /* refuses messages */
    };

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}
