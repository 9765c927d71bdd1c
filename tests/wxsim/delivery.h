/* SPDX-License-Identifier: Apache-2.0 */
/* One delivery to a callback URL as WeChat makes it: query parameters, signatures, encryption, and
 * what it makes of the answer (wechat-api 1). */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "wxsim/reply.h"

#include <stdbool.h>

/* Whose push goes where; texts are the caller's and outlive the sender. */
struct sim_sender_conf {
    const char *url;
    const char *appid;
    const char *token;
    const char *original_id;
    const char *aes_key;   /* 43 characters, needed unless the mode is plain */
    const char *nonce;     /* NULL: a fresh one for each delivery */
    const char *report_to; /* the simulator that replies are reported to; NULL: none */
    enum sim_mode mode;
};

struct sim_sender;

MUST_CHECK enum status sim_sender_open(const struct sim_sender_conf *conf, struct sim_sender **out,
                                       struct err *err);
void sim_sender_close(struct sim_sender *s); /* NULL is fine */
DECLARE_FREEP(struct sim_sender, sim_sender_close)

struct sim_reply {
    int status;
    struct str body; /* in the arena; decrypted where it came encrypted */
    bool accepted;   /* 200 with "success", nothing, or a reply that WeChat would take */
    const char *bad; /* why it would not; NULL: it would, or there was no reply. Static */
};

/* elements is the push without <xml> around it. Waits at most five seconds, like WeChat. ST_OK when
 * an answer came, whatever it is. */
MUST_CHECK enum status sim_deliver(struct sim_sender *s, struct str elements, struct str openid,
                                   struct arena *arena, struct sim_reply *out, struct err *err);
/* The URL check: accepted when the answer is the echostr. In secure mode it goes out encrypted. */
MUST_CHECK enum status sim_check_url(struct sim_sender *s, struct str echostr, struct arena *arena,
                                     struct sim_reply *out, struct err *err);
