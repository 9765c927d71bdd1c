/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that kabao itself words; those of commands pass through as they are. */
#pragma once

#include "wechat/client.h"

enum { MESSAGE_TEXT_MAX = 2048 /* bytes, wechat-api 9.2 */ };

struct message_to {
    const struct account *account;
    struct str openid;
    struct str traceparent;
    struct deadline until;
    struct deadline send_by; /* this, errmsg and secret as in struct wechat_request */
    struct buf *errmsg;
    struct str secret;
};

/* From customer service, message/custom/send; a longer text is cut between characters. All as
 * wechat_call, without an answer. */
MUST_CHECK enum status message_custom_text(struct wechat *w, const struct message_to *to,
                                           struct str text, struct err *err);

struct message_notice {
    struct str template_id;
    struct str data;          /* JSON object as WeChat takes it */
    struct str client_msg_id; /* templates: the same to the same openid within 10 minutes is sent
                                 once; absent: none */
};

MUST_CHECK enum status message_template(struct wechat *w, const struct message_to *to,
                                        const struct message_notice *notice, struct err *err);
MUST_CHECK enum status message_subscribe(struct wechat *w, const struct message_to *to,
                                         const struct message_notice *notice, struct err *err);

/* Whether the refusal in err (wechat:43004, 43101, 45015, 45047, 48002, 40037 ...) is one of this
 * way of delivery, so that another may still work; not for an openid that is none (40003). */
bool message_may_go_otherwise(const struct err *err);
