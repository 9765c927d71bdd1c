/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of a callback as WeChat judges it: nothing, or a reply that the person gets, or one
 * that makes him see "service unavailable" (wechat-api 1.5, 9.3). Pure; the time plays no part. */
#pragma once

#include "base/arena.h"
#include "codec/xml.h"
#include "wxsim/secure.h"

/* Whose reply to what it must be. Texts are borrowed. */
struct sim_expected {
    struct str openid;
    struct str original_id;
    struct str appid;
    struct str token;
    struct str push_type; /* MsgType of the push: an event may be answered with eight articles */
    struct crypt *crypt;  /* NULL: the account has no key */
    enum sim_mode mode;
};

/* An element by its place: "Articles/item#2/Title", without "#2" in plain. */
struct sim_reply_part {
    struct str path;
    struct str plain;
};

/* Everything is in the arena, or borrowed from the answer. */
struct sim_verdict {
    bool is_reply;                /* false: "success", or empty */
    const char *bad;              /* why WeChat would refuse it; NULL: it is good, or none */
    struct str message;           /* its XML, decrypted; absent where it cannot be read */
    struct xml xml;               /* of the message; count 0: it is none */
    struct sim_reply_part *parts; /* of each element */
};

void sim_reply_judge(const struct sim_expected *expected, struct str answer, struct arena *arena,
                     struct sim_verdict *out);
