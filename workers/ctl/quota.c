/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl quota: which API paths are limited, how much is spent, what is closed. */
#include "tables/quota.h"

#include "base/clock.h"
#include "listing.h"
#include "reconcile_pace.h"
#include "run/lease.h"

#include <stdio.h>

enum { NUMBER_SIZE = 24, LIMIT_MAX = 64, US_PER_MS = 1000 };

/* One path as it is shown. */
struct path_state {
    struct str account; /* or the appid, where no account has it */
    struct str path;
    struct str limit;  /* absent: none is set */
    int64_t left;      /* calls of the day; -1: no day's limit */
    int64_t wait_ms;   /* 0: a call goes at once */
    int64_t closed_ms; /* wall; 0: open */
};

static struct str account_name(const struct settings *settings, struct str appid)
{
    const struct account *account = settings_account_by_appid(settings, appid);

    return account ? str_from(account->name) : appid;
}

static int64_t left_today(const struct quota_limit *limit, const struct quota_row *row)
{
    const struct lease_rate rate = lease_rate(limit->count, limit->per_ms);
    const int64_t end_us = clock_next_midnight_utc8(row->now_us / US_PER_MS) * US_PER_MS;
    int64_t left;

    if (!rate.is_daily)
        return -1;
    left = (end_us - row->spent_us) / rate.interval_us;
    return left < 0 ? 0 : left < limit->count ? left : limit->count;
}

static void write_state(struct jsonw *w, const struct path_state *state, const char *closed)
{
    jsonw_object(w);
    jsonw_key_str(w, "account", state->account);
    jsonw_key_str(w, "path", state->path);
    jsonw_key(w, STR("limit"));
    jsonw_str(w, state->limit);
    jsonw_key(w, STR("left_today"));
    if (state->left >= 0)
        jsonw_i64(w, state->left);
    else
        jsonw_null(w);
    jsonw_key_i64(w, "wait_ms", state->wait_ms);
    jsonw_key(w, STR("closed_until"));
    jsonw_str(w, state->closed_ms > 0 ? str_from(closed) : (struct str){0});
    jsonw_object_end(w);
}

static enum status add_state(struct listing *l, const struct path_state *state, const char *closed,
                             struct err *err)
{
    char left[NUMBER_SIZE] = "";
    char wait[NUMBER_SIZE] = "";

    if (state->left >= 0)
        (void)snprintf(left, sizeof(left), "%lld", (long long)state->left);
    if (state->wait_ms > 0)
        (void)snprintf(wait, sizeof(wait), "%lld ms", (long long)state->wait_ms);
    return listing_row(l,
                       (const struct str[]){state->account, state->path, state->limit,
                                            str_from(left), str_from(wait), str_from(closed)},
                       err);
}

static enum status show_state(struct listing *l, const struct path_state *state, struct err *err)
{
    char closed[CLOCK_RFC3339_SIZE] = "";

    if (state->closed_ms > 0)
        clock_format_rfc3339(state->closed_ms, closed);
    if (!l->ctl->json)
        return add_state(l, state, closed, err);
    write_state(l->json, state, closed);
    return ST_OK;
}

/* quota_row_fn */
static enum status show_row(void *arg, const struct quota_key *key, const struct quota_row *row,
                            struct err *err)
{
    struct listing *l = arg;
    const struct quota_limit *limit = quota_limit_of(&l->ctl->settings->quota, key->path);
    const int64_t wait_us = pace_wait_us(limit, row);
    AUTO(buf_done) struct buf text = BUF_INIT(LIMIT_MAX);
    struct path_state state = {
        .account = account_name(l->ctl->settings, key->appid),
        .path = key->path,
        .left = limit->count > 0 ? left_today(limit, row) : -1,
        .wait_ms = wait_us > 0 ? (wait_us + US_PER_MS - 1) / US_PER_MS : 0,
        .closed_ms = row->closed_us > row->now_us ? row->closed_us / US_PER_MS : 0,
    };

    quota_limit_format(limit, &text);
    if (text.len > 0)
        state.limit = buf_str(&text);
    return show_state(l, &state, err);
}

/* listing_fn */
static enum status list_all(struct listing *l, struct db *db, struct err *err)
{
    return quota_row_list(db, show_row, l, err);
}

int ctl_quota(const struct ctl *ctl)
{
    static const char *const columns[] = {"account", "path",         "limit", "left today",
                                          "wait",    "closed until", NULL};

    return listing_run(ctl, columns, list_all, NULL);
}
