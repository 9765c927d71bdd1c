/* SPDX-License-Identifier: Apache-2.0 */
/* What callbacks answered people: the book that tests of replies read. */
#pragma once

#include "base/attr.h"
#include "codec/jsonw.h"
#include "wxsim/reply.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_REPLIES_KEPT = 64 * 1024 };

/* The last SIM_REPLIES_KEPT. Zero-initialise. */
struct sim_replies {
    char **ring; /* JSON; number n stands at n % SIM_REPLIES_KEPT */
    int64_t last;
    int64_t good; /* how many so far */
    int64_t bad;
};

/* A verdict that is a reply. False: no memory. */
MUST_CHECK bool sim_replies_add(struct sim_replies *r, const struct sim_expected *expected,
                                const struct sim_verdict *verdict);
/* {"replies":[{"n","appid","openid","mode","type","content"?,"fields":{},"bad"?}],"last","good",
 * "bad"}: those numbered above after, oldest first; openid absent: of everybody. */
void sim_replies_write(const struct sim_replies *r, int64_t after, struct str openid,
                       struct jsonw *w);
void sim_replies_done(struct sim_replies *r);
