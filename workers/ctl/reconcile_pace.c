/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile_pace.h"

#include "run/lease.h"
#include "tables/quota.h"
#include "wechat/calls.h"

#include <stdio.h>

enum {
    US_PER_MS = 1000,
    US_PER_S = 1000000,
    MIN_S = 60,
    HOUR_S = 3600,
    DAY_S = 86400,
    LONG_S = 2 * DAY_S
};

/* With none at all a replay still gets a lane. */
static const double SHARE_LEAST = 0.01;

static const struct call *const CALLS[PACE_CALLS] = {&CALL_MEMBER_GET, &CALL_MEMBER_UPDATE};

static void join(struct pace *pace, const struct quota_limit *limit)
{
    struct lease_rate rate;

    if (limit->count == 0)
        return;
    rate = lease_rate(limit->count, limit->per_ms);
    if (rate.is_daily && (pace->per_day == 0 || limit->count < pace->per_day))
        pace->per_day = limit->count;
    if (!rate.is_daily && rate.interval_us > pace->us_per_card)
        pace->us_per_card = rate.interval_us;
}

struct pace pace_of(const struct settings_quota *quota)
{
    struct pace pace = {0};

    for (size_t i = 0; i < PACE_CALLS; i++)
        join(&pace, quota_limit_of(quota, str_from(CALLS[i]->path)));
    return pace;
}

void pace_slow(struct pace *pace, int64_t per_s)
{
    if (per_s > 0 && US_PER_S / per_s > pace->us_per_card)
        pace->us_per_card = US_PER_S / per_s;
}

int64_t pace_seconds(const struct pace *pace, int64_t cards)
{
    int64_t seconds = -1;

    if (pace->us_per_card > 0)
        seconds = (int64_t)((double)cards * (double)pace->us_per_card / US_PER_S);
    if (pace->per_day > 0 && cards > 0) {
        const int64_t days_s = (cards - 1) / pace->per_day * DAY_S;

        seconds = days_s > seconds ? days_s : seconds;
    }
    return seconds;
}

int64_t pace_path_seconds(const struct settings_quota *quota, const char *path, int64_t calls,
                          double share)
{
    struct pace pace = {0};

    join(&pace, quota_limit_of(quota, str_from(path)));
    return pace_seconds(&pace,
                        (int64_t)((double)calls / (share > SHARE_LEAST ? share : SHARE_LEAST)));
}

void pace_format(int64_t seconds, char out[PACE_TIME_SIZE])
{
    const long long s = seconds;

    out[0] = '\0';
    if (s >= LONG_S)
        (void)snprintf(out, PACE_TIME_SIZE, "%lld days", (s + DAY_S - 1) / DAY_S);
    else if (s >= HOUR_S)
        (void)snprintf(out, PACE_TIME_SIZE, "%lld h %lld min", s / HOUR_S, s % HOUR_S / MIN_S);
    else if (s >= MIN_S)
        (void)snprintf(out, PACE_TIME_SIZE, "%lld min", (s + MIN_S - 1) / MIN_S);
    else if (s >= 0)
        (void)snprintf(out, PACE_TIME_SIZE, "%lld s", s);
}

int64_t pace_wait_us(const struct quota_limit *limit, const struct quota_row *row)
{
    const struct lease_row spent = {row->now_us, row->spent_us};
    int64_t us = row->closed_us - row->now_us;

    if (limit->count > 0) {
        const struct lease_rate rate = lease_rate(limit->count, limit->per_ms);
        const struct lease_offer offer = lease_offer(&rate, &spent, 1, 1);

        if (offer.count == 0 && offer.wait_us > us)
            us = offer.wait_us;
    }
    return us;
}

enum status pace_closed(struct db *db, const struct settings_quota *quota, struct str appid,
                        int64_t *closed_ms, struct err *err)
{
    int64_t longest_us = 0;

    for (size_t i = 0; i < PACE_CALLS; i++) {
        const struct quota_key key = {appid, str_from(CALLS[i]->path)};
        struct quota_row row = {0};
        enum status rc = quota_row_read(db, &key, &row, err);
        int64_t us;

        if (rc != ST_OK)
            return rc;
        us = pace_wait_us(quota_limit_of(quota, str_from(CALLS[i]->path)), &row);
        longest_us = us > longest_us ? us : longest_us;
    }
    *closed_ms = longest_us > US_PER_S ? longest_us / US_PER_MS : 0;
    return ST_OK;
}
