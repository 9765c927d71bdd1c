/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas and address lists (wechat-api 3.5, 3.6). */
#include "base/clock.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

enum { CLEARS_PER_MONTH = 10, MONTH_TEXT = sizeof("2026-01") - 1 };

int sim_call_ip_list(struct sim_call *call)
{
    jsonw_key(&call->w, STR("ip_list"));
    jsonw_array(&call->w);
    jsonw_str(&call->w, STR("127.0.0.1"));
    jsonw_str(&call->w, STR("203.0.113.0/25"));
    jsonw_array_end(&call->w);
    return SIM_OK;
}

int sim_call_quota_get(struct sim_call *call)
{
    const struct sim_call_def *def = sim_calls_find(sim_call_str(call, "cgi_path"));
    const struct sim_quota *quota;

    if (def == NULL)
        return SIM_UNKNOWN_PATH;
    if (sim_account_is_closed(call->account, str_from(def->path)))
        return SIM_CLOSED_PATH;
    quota = sim_account_quota(call->account, str_from(def->path));
    if (quota == NULL)
        return SIM_BUSY;
    jsonw_key(&call->w, STR("quota"));
    jsonw_object(&call->w);
    jsonw_key_i64(&call->w, "daily_limit", quota->per_day);
    jsonw_key_i64(&call->w, "used", quota->used_day);
    jsonw_key_i64(&call->w, "remain", quota->per_day > 0 ? quota->per_day - quota->used_day : 0);
    jsonw_object_end(&call->w);
    jsonw_key(&call->w, STR("rate_limit"));
    jsonw_object(&call->w);
    jsonw_key_i64(&call->w, "call_count", quota->per_minute);
    jsonw_key_i64(&call->w, "refresh_second", 60);
    jsonw_object_end(&call->w);
    return SIM_OK;
}

/* Months are compared by their text. */
static int64_t month_of(int64_t now_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    int64_t month = 0;

    clock_format_rfc3339(now_ms + INT64_C(8) * 3600 * 1000, text);
    for (size_t i = 0; i < MONTH_TEXT; i++)
        month = month * 64 + text[i];
    return month;
}

int sim_call_clear_quota(struct sim_call *call)
{
    struct sim_account *account = call->account;
    const int64_t month = month_of(call->now_ms);

    if (!str_eq_cstr(sim_call_str(call, "appid"), account->appid))
        return SIM_BAD_APPID;
    if (account->clear_month != month) {
        account->clear_month = month;
        account->clears = 0;
    }
    if (account->clears >= CLEARS_PER_MONTH)
        return SIM_CLEAR_LIMIT;
    account->clears++;
    for (const struct map_entry *e = map_first(account->quotas); e != NULL; e = map_next(e)) {
        struct sim_quota *quota = map_value(e);

        quota->used_day = 0;
        quota->used_minute = 0;
    }
    return SIM_OK;
}
