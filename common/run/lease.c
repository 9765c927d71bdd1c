/* SPDX-License-Identifier: Apache-2.0 */
#include "run/lease.h"

static const int64_t MINUTE_US = 60000000;
static const int64_t DAY_US = 86400000000;
static const int64_t ZONE_US = 28800000000; /* UTC+8 */

/* WeChat's counters are said to err by 1 %, and what is between lease and call needs room. */
static const int64_t USABLE_PERCENT = 97;
/* No rate and no burst reaches further ahead: an interval is 62 s at most. */
static const int64_t AHEAD_MAX_US = 120000000;
/* The last seconds of a day stay unused: a call must not arrive in the next one. */
static const int64_t DAY_GUARD_US = 2000000;
static const int64_t DAY_LEASE_MAX = 100;
static const int64_t DAY_TURN_US = 1000;
static const int64_t TURN_MAX_US = 5000000;

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

struct lease_rate lease_rate(int64_t count, int64_t per_ms)
{
    const int64_t minute_ms = MINUTE_US / 1000;
    struct lease_rate rate = {.is_daily = per_ms != minute_ms};

    if (rate.is_daily) {
        rate.interval_us = divide_up(DAY_US, count);
        rate.most = min_i64(max_i64(count / 2000, 1), DAY_LEASE_MAX);
    } else {
        rate.interval_us = divide_up(divide_up(MINUTE_US * 100, USABLE_PERCENT), count);
        rate.most = max_i64(LEASE_BURST_US / 2 / rate.interval_us, 1);
    }
    return rate;
}

static struct lease_offer offer_up_to(int64_t want, int64_t room, int64_t base_us,
                                      int64_t interval_us)
{
    int64_t count = min_i64(want, max_i64(room, 0));

    return (struct lease_offer){
        .count = count,
        .spent_us = count > 0 ? base_us + count * interval_us : 0,
        .life_us = LEASE_LIFE_US,
    };
}

static struct lease_offer offer_of_minute(const struct lease_rate *rate,
                                          const struct lease_row *row, int64_t want, double share)
{
    int64_t base_us = max_i64(row->spent_us, row->now_us);
    int64_t last_us = row->now_us + (int64_t)((double)LEASE_BURST_US * share);
    int64_t ahead_us = last_us - base_us;
    struct lease_offer offer;

    /* The clock went back: as if more than a minute had just been spent, and what was leased before
     * came late. */
    if (row->spent_us - row->now_us > AHEAD_MAX_US)
        return (struct lease_offer){.spent_us = row->now_us + AHEAD_MAX_US,
                                    .wait_us = AHEAD_MAX_US};
    offer = offer_up_to(want, ahead_us < 0 ? 0 : ahead_us / rate->interval_us + 1, base_us,
                        rate->interval_us);
    if (offer.count == 0) /* worth it when all that were asked for are there, or a good part */
        offer.wait_us = (min_i64(want, rate->most) - 1) * rate->interval_us - ahead_us;
    return offer;
}

static struct lease_offer offer_of_day(const struct lease_rate *rate, const struct lease_row *row,
                                       int64_t want, double share)
{
    int64_t midnight_us = row->now_us - (row->now_us + ZONE_US) % DAY_US;
    int64_t next_us = midnight_us + DAY_US;
    int64_t base_us = max_i64(row->spent_us, midnight_us);
    int64_t limit_us = midnight_us + (int64_t)((double)DAY_US * share);
    int64_t left_us = next_us - DAY_GUARD_US - row->now_us;
    struct lease_offer offer;

    /* The clock went back by days: as if this one were spent. */
    if (row->spent_us - next_us > DAY_US)
        return (struct lease_offer){.spent_us = next_us, .wait_us = next_us - row->now_us};
    offer = offer_up_to(left_us > 0 ? want : 0, (limit_us - base_us) / rate->interval_us, base_us,
                        rate->interval_us);
    offer.life_us = min_i64(offer.life_us, left_us);
    if (offer.count == 0)
        offer.wait_us = next_us - row->now_us;
    return offer;
}

struct lease_offer lease_offer(const struct lease_rate *rate, const struct lease_row *row,
                               int64_t want, double share)
{
    if (share < 1)
        want = 1;
    return rate->is_daily ? offer_of_day(rate, row, want, share)
                          : offer_of_minute(rate, row, want, share);
}

/* Twice as many when all were used before they lapsed, else as many as were. */
static void learn_size(struct lease *l, const struct lease_rate *rate, int64_t now_us)
{
    bool was_short = l->left == 0 && now_us < l->until_us;
    int64_t size = was_short ? l->taken * 2 : l->taken - l->left;

    l->size = min_i64(max_i64(size, 1), rate->most);
    l->left = 0;
}

enum lease_verdict lease_take(struct lease *l, const struct lease_rate *rate, int64_t now_us)
{
    if (l->left > 0 && now_us < l->until_us) {
        l->left--;
        return LEASE_GO;
    }
    if (now_us < l->opens_us)
        return LEASE_WAIT;
    if (l->asked_us != 0)
        return LEASE_AWAIT;
    learn_size(l, rate, now_us);
    l->asked_us = now_us;
    return LEASE_ASK;
}

static int64_t turn_interval_us(const struct lease_rate *rate)
{
    return rate->is_daily ? DAY_TURN_US : rate->interval_us;
}

int64_t lease_want(const struct lease *l, const struct lease_rate *rate, int64_t waiting,
                   int64_t now_us)
{
    int64_t due = max_i64(l->turn_us - now_us, 0) / turn_interval_us(rate);

    return min_i64(max_i64(1 + waiting + due, max_i64(l->size, 1)), rate->most);
}

bool lease_filled(struct lease *l, const struct lease_offer *offer, int64_t now_us)
{
    l->until_us = l->asked_us + offer->life_us;
    l->taken = offer->count;
    l->left = now_us < l->until_us ? offer->count : 0;
    if (offer->count == 0)
        l->opens_us = now_us + offer->wait_us;
    l->asked_us = 0;
    if (l->left == 0)
        return false;
    l->left--;
    return true;
}

void lease_failed(struct lease *l, int64_t pause_us, int64_t now_us)
{
    l->opens_us = now_us + pause_us;
    l->asked_us = 0;
}

int64_t lease_turn(struct lease *l, const struct lease_rate *rate, int64_t now_us)
{
    int64_t opens_us = max_i64(l->opens_us, now_us);
    int64_t turn_us = max_i64(l->turn_us, opens_us);

    if (turn_us - opens_us > TURN_MAX_US)
        return opens_us + TURN_MAX_US;
    l->turn_us = turn_us + turn_interval_us(rate);
    return turn_us;
}
