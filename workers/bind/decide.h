/* SPDX-License-Identifier: Apache-2.0 */
/* What a push does to scenes and bindings: decided once, in one transaction with the ledger, which
 * has what is needed to tell the same again. */
#pragma once

#include "bind/rules.h"
#include "run/lane.h"

/* One push; texts as long as the message or the arena. */
struct scan {
    const struct account *account;
    struct str appid;
    struct str openid;
    struct str scene;
    struct str id; /* ce_id */
    int64_t at_ms;
    bool first_follow;
};

enum verdict {
    VERDICT_BOUND,
    VERDICT_REFUSED,
    VERDICT_CODE, /* a code is to be sent (bind/code.h) */
    VERDICT_LEFT  /* the openid unfollowed */
};

/* Absent texts and 0: there is none. All lives in the lane's arena. */
struct decision {
    enum verdict verdict;
    bool is_old; /* an earlier attempt decided it */
    struct str reason;
    struct str user;
    struct str purpose;
    int64_t code_ttl_s;
    int64_t code_until_ms;   /* VERDICT_CODE, once it was sent */
    int64_t ended_at_ms;     /* VERDICT_BOUND: it was over again at that moment */
    struct bound_list ended; /* scenes and users, ended by this push at its at_ms */
};

/* A scan of what scene_binds says is not BINDS_NOBODY. As lane_effect. */
MUST_CHECK enum status decide_scan(struct lane *lane, const struct scan *scan, struct decision *out,
                                   struct err *err);
/* The openid unfollows. */
MUST_CHECK enum status decide_leave(struct lane *lane, const struct scan *scan,
                                    struct decision *out, struct err *err);
