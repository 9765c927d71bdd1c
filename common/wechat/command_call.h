/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose bodies and answers pass through: what a command asks for, and what WeChat said. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

#include <stdbool.h>

/* A command's body as WeChat takes it: the same members in the same order with the same digits;
 * only blanks go, and \uXXXX becomes UTF-8, which WeChat insists on (wechat-api 0). NULL: "{}". */
void wechat_body_write(const struct json *body, struct buf *out);
/* The body of a GET as a query, "openid=o...&lang=zh_CN", percent-encoded: texts as they are,
 * everything else as JSON; null is left out. */
void wechat_query_write(const struct json *body, struct buf *out);

/* WeChat's answer without errcode and errmsg. */
void wechat_answer_write(const struct json *answer, struct buf *out);

/* What wx.navigateToMiniProgram needs of the address that card.activate_url answers (wechat-api
 * 4.5): decoded, Base64's "=" kept. */
struct activate_extra {
    struct str encrypt_card_id; /* each in the arena or borrowed from url; absent: not there */
    struct str outer_str;
    struct str biz;
};

void wechat_activate_extra(struct str url, struct arena *arena, struct activate_extra *out);
