/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/tries.h"

#include <stdio.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

void sim_report_delivery(enum status rc, const struct sim_reply *reply, const struct err *err)
{
    if (rc == ST_OK)
        (void)printf("%d %.*s\n", reply->status, STR_ARG(reply->body));
    else
        (void)printf("0 %s\n", err->text);
    if (rc == ST_OK && reply->bad != NULL)
        (void)fprintf(stderr, "kabao-wxsim: a reply that WeChat refuses: %s\n", reply->bad);
    (void)fflush(stdout);
}

static bool try_once(struct sim_sender *s, struct str elements, struct str openid)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct sim_reply reply;
    struct err err;
    const enum status rc = sim_deliver(s, elements, openid, &arena, &reply, &err);

    sim_report_delivery(rc, &reply, &err);
    return rc == ST_OK && reply.accepted;
}

bool sim_try_push(struct sim_sender *s, struct str elements, struct str openid, int tries)
{
    for (int i = 0; i < tries; i++)
        if (try_once(s, elements, openid))
            return true;
    return false;
}
