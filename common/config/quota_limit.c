/* SPDX-License-Identifier: Apache-2.0 */
/* A limit as text. */
#include "config/quota_limit.h"

#include "base/attr.h"
#include "base/num.h"
#include "config/settings.h"

struct period {
    const char *name;
    int64_t ms;
    int64_t max;
};

static const struct period PERIODS[] = {
    {"min", 60000, 1000000},
    {"day", 86400000, 1000000000},
};

const char QUOTA_LIMIT_ALLOWED[] = "N/min (N 1 to 1000000) or N/day (N 1 to 1000000000)";

/* num_parse_i64 would take a sign. */
static bool starts_with_digit(struct str text)
{
    return text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
}

bool quota_limit_parse(struct str text, struct quota_limit *out)
{
    struct str digits = {0};
    struct str period = {0};
    int64_t count;

    if (!str_cut(text, '/', &digits, &period) || !starts_with_digit(digits))
        return false;
    for (size_t i = 0; i < COUNT_OF(PERIODS); i++) {
        if (!str_eq_cstr(period, PERIODS[i].name) ||
            !num_parse_i64(digits, 1, PERIODS[i].max, &count))
            continue;
        out->count = count;
        out->per_ms = PERIODS[i].ms;
        return true;
    }
    return false;
}

void quota_limit_format(const struct quota_limit *limit, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(PERIODS); i++)
        if (limit->count > 0 && limit->per_ms == PERIODS[i].ms)
            buf_addf(out, "%lld/%s", (long long)limit->count, PERIODS[i].name);
}

const struct quota_limit *quota_limit_of(const struct settings_quota *quota, struct str path)
{
    for (size_t i = 0; i < quota->count; i++)
        if (str_eq_cstr(path, quota->limits[i].path))
            return &quota->limits[i];
    return &quota->default_limit;
}
