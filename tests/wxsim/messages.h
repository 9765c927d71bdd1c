/* SPDX-License-Identifier: Apache-2.0 */
/* What people were sent: the book that tests of "told once" read. */
#pragma once

#include "base/attr.h"
#include "base/map.h"
#include "base/str.h"
#include "codec/jsonw.h"
#include "wxsim/user.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_MESSAGES_KEPT = 64 * 1024 };

/* Texts are borrowed for the call; absent where the kind has none. */
struct sim_message {
    enum sim_told kind;
    const struct sim_user *to;
    struct str template_id;
    struct str client_msg_id;
    struct str type; /* msgtype of customer service, what the system tells of */
    struct str body; /* JSON; absent: none */
    int64_t msgid;   /* 0: none */
    int64_t at_ms;
};

/* The last SIM_MESSAGES_KEPT. Zero-initialise. */
struct sim_messages {
    char **ring; /* JSON; number n stands at n % SIM_MESSAGES_KEPT */
    int64_t last;
    struct map *by_client_id; /* appid:openid:client_msg_id to struct sim_sent */
};

MUST_CHECK bool sim_messages_add(struct sim_messages *m, const struct sim_message *message);
/* The msgid that the same client_msg_id to the same person got in the last ten minutes; 0: none
 * (wechat-api 9.1). */
int64_t sim_messages_repeated(const struct sim_messages *m, const struct sim_user *to,
                              struct str client_msg_id, int64_t now_ms);
/* {"messages":[{"n","kind","appid","openid","template_id","client_msg_id","type","msgid","at_ms",
 * "body"}],"last"}: those numbered above after, oldest first; openid absent: of everybody. */
void sim_messages_write(const struct sim_messages *m, int64_t after, struct str openid,
                        struct jsonw *w);
void sim_messages_done(struct sim_messages *m);
