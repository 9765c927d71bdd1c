/* SPDX-License-Identifier: Apache-2.0 */
/* Passive replies: what stands in the answer to a push (wechat-api 1.5, 9.3). */
#pragma once

#include "base/buf.h"
#include "wechat/push.h"

enum reply_type {
    REPLY_TEXT,
    REPLY_IMAGE,
    REPLY_VOICE,
    REPLY_VIDEO,
    REPLY_MUSIC,
    REPLY_NEWS,
    REPLY_TRANSFER,
    REPLY_TYPE_COUNT
};

enum { REPLY_PARTS_MAX = 5, REPLY_TEXT_MAX = 2048 /* bytes of a text's content */ };

enum reply_kind { REPLY_WORDS, REPLY_URL, REPLY_NAME /* one of WeChat's: a media_id */ };

struct reply_part {
    const char *member; /* in rules: "media_id" */
    struct str element; /* in XML: "MediaId" */
    enum reply_kind kind;
    bool required;
};

struct reply_form {
    const char *name; /* in rules, and MsgType */
    struct str before;
    struct str after;
    struct reply_part parts[REPLY_PARTS_MAX]; /* ends with the first that has no member */
};

extern const struct reply_form REPLY_FORMS[REPLY_TYPE_COUNT];

struct reply {
    enum reply_type type;
    struct str parts[REPLY_PARTS_MAX]; /* as in its form; absent: none */
};

struct reply_head {
    struct str openid;      /* to */
    struct str original_id; /* from: the push's ToUserName */
    int64_t now_s;
};

/* The reply's XML. Control characters are left out, and what a text has over REPLY_TEXT_MAX,
 * between characters. */
void reply_write(const struct reply *reply, const struct reply_head *head, struct buf *out);
/* The same text encrypted and signed, as an encrypted push is answered. In the arena. As
 * crypt_seal. */
MUST_CHECK enum status reply_seal(const struct push_seal *seal, struct str message, int64_t now_s,
                                  struct arena *arena, struct str *out, struct err *err);
