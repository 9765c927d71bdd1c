/* SPDX-License-Identifier: Apache-2.0 */
/* The life of access tokens and tickets (wechat-api 3.1 to 3.4): a pure state machine; the time
 * comes in. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_TOKEN_KEPT = 8, SIM_TOKEN_MAX = 512 };

struct sim_token_rules {
    int64_t ttl_s;
    int64_t bytes; /* length of a token, at most SIM_TOKEN_MAX */
    int64_t forced_interval_s;
    int64_t forced_per_day; /* UTC+8 */
};

struct sim_token {
    char text[SIM_TOKEN_MAX + 1];
    int64_t expires_at_ms; /* 42001 from then on */
    int64_t retired_at_ms; /* 40001 from then on, whichever is first */
};

/* The tokens of one kind of one account, newest first. Zero-initialise. */
struct sim_token_line {
    struct sim_token kept[SIM_TOKEN_KEPT];
    size_t count;
    bool sticky;           /* normal mode hands the newest out although it is refused */
    uint64_t issued;       /* so far */
    int64_t forced_at_ms;  /* the last forced refresh; 0 = none */
    int64_t forced_day;    /* the UTC+8 day of ... */
    int64_t forced_so_far; /* ... this many refreshes */
};

struct sim_grant {
    struct str text; /* borrowed from the line until its next change */
    int64_t expires_in_s;
    bool fresh; /* made by this call */
};

/* stable_token without force, and tickets: the same one with its remaining time; in the last five
 * minutes a new one, both valid for five minutes more. */
struct sim_grant sim_token_normal(struct sim_token_line *line, const struct sim_token_rules *rules,
                                  int64_t now_ms);
/* stable_token with force_refresh: a new one, all others invalid at once; within the interval or
 * beyond the day's count it does not refresh but answers like normal mode. */
struct sim_grant sim_token_forced(struct sim_token_line *line, const struct sim_token_rules *rules,
                                  int64_t now_ms);
/* The classic call: always a new one; the one before works for five minutes more. */
struct sim_grant sim_token_classic(struct sim_token_line *line, const struct sim_token_rules *rules,
                                   int64_t now_ms);

enum sim_token_state { SIM_TOKEN_UNKNOWN, SIM_TOKEN_GOOD, SIM_TOKEN_EXPIRED, SIM_TOKEN_RETIRED };
enum sim_token_state sim_token_check(const struct sim_token_line *line, struct str text,
                                     int64_t now_ms);

/* For tests: all tokens are expired (42001), or refused (40001), from now on. sticky: normal mode
 * goes on handing out the refused one, so that only force helps. */
void sim_token_expire(struct sim_token_line *line, int64_t now_ms);
void sim_token_invalidate(struct sim_token_line *line, int64_t now_ms, bool sticky);
