/* SPDX-License-Identifier: Apache-2.0 */
/* How many calls may go out on one API path, over all processes. Pure: no clock, no lock, no SQL.
 *
 * One row in MySQL says until when the path's calls are spent (GCRA: each call spends one interval,
 * spent_us never lies further ahead than a burst). A process leases calls from it, as many as it
 * has use for, and uses them within LEASE_LIFE_US of having asked; what is left then is lost.
 *
 * Why a minute's limit N holds. The interval is 60 s / (0.97 N). Calls that are made within any
 * 60 s were leased within 60 s + LEASE_LIFE_US, so at most (60 s + life + LEASE_BURST_US) /
 * interval + 1 of them, and that is N at most while life + burst stay below 60 s / 0.97 - 60 s =
 * 1.856 s. What is between, 0.356 s, is for the way from the permit to WeChat. A clock put back
 * only makes everybody wait; one put forward gives one burst more.
 *
 * A day's limit is a counter in the same column: the day (UTC+8) is cut into N intervals, and
 * spent_us says how many are gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LEASE_LIFE_US = 1000000, LEASE_BURST_US = 500000 };

struct lease_rate {
    int64_t interval_us; /* 0: no limit */
    bool is_daily;
    int64_t most; /* that one lease may hold */
};

/* per_ms is 60000 or a day's 86400000; count is at least 1. */
struct lease_rate lease_rate(int64_t count, int64_t per_ms);

/* The path's row. Times are the database's, in microseconds since 1970. */
struct lease_row {
    int64_t now_us;
    int64_t spent_us; /* 0: never */
};

struct lease_offer {
    int64_t count;    /* 0: none now */
    int64_t spent_us; /* what to write; 0: nothing. Not 0 with count 0: the row's value is one that
                         no clock can have meant, and this one heals it */
    int64_t wait_us;  /* count 0: until it is worth asking again */
    int64_t life_us;  /* count above 0: what was leased lapses so long after it was asked for */
};

/* What the row allows to somebody who has use for `want` (at least 1). share: 1 for live calls, at
 * which the whole burst (the whole day) may be spent; a replay's is less and it gets one at most.
 */
struct lease_offer lease_offer(const struct lease_rate *rate, const struct lease_row *row,
                               int64_t want, double share);

/* What one process holds, and who waits for more. Zero: nothing. Times are monotonic, in
 * microseconds and above 0. */
struct lease {
    int64_t left;
    int64_t until_us; /* when those lapse */
    int64_t taken;    /* how many they were */
    int64_t size;     /* how many to take when nobody waits; 0 is 1 */
    int64_t opens_us; /* nobody asks before */
    int64_t turn_us;  /* of the next that has to wait */
    int64_t asked_us; /* somebody asks since then; 0: nobody */
};

enum lease_verdict {
    LEASE_GO,    /* one is taken */
    LEASE_ASK,   /* the caller asks, and says how it went: lease_filled or lease_failed */
    LEASE_AWAIT, /* somebody asks already */
    LEASE_WAIT   /* nobody gets any before opens_us */
};

enum lease_verdict lease_take(struct lease *l, const struct lease_rate *rate, int64_t now_us);
/* For how many to ask; waiting: lanes that stand by for the answer, beside the one that asks. */
int64_t lease_want(const struct lease *l, const struct lease_rate *rate, int64_t waiting,
                   int64_t now_us);
/* The answer to who asked. True: it has one of the offered. */
bool lease_filled(struct lease *l, const struct lease_offer *offer, int64_t now_us);
/* There was no answer: nobody asks for pause_us. */
void lease_failed(struct lease *l, int64_t pause_us, int64_t now_us);
/* When one that got none may come again: one interval after the one before it, so that as many come
 * as can be served, but within a few seconds after opens_us. */
int64_t lease_turn(struct lease *l, const struct lease_rate *rate, int64_t now_us);
