/* SPDX-License-Identifier: Apache-2.0 */
#include "check_ping.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 60, ALL_LOST = 100 };

enum { LOW_SHARE = 10 }; /* left is less than the limit's tenth */

/* "0%", "12.5%", or a number; rounded up, so that little is not none. */
static int64_t loss_of(const struct json *ping)
{
    const struct str text = json_get_str(ping, "package_loss");
    int64_t percent = 0;
    bool more = false;

    if (!str_is_set(text)) {
        double number = 0;

        (void)json_double(json_get(ping, "package_loss"), &number);
        percent = (int64_t)number;
        return (double)percent < number ? percent + 1 : percent;
    }
    for (size_t i = 0, fraction = 0; i < text.len && percent <= ALL_LOST; i++) {
        const char c = text.ptr[i];

        if (c == '.')
            fraction = 1;
        else if (c >= '0' && c <= '9' && fraction)
            more = more || c != '0';
        else if (c >= '0' && c <= '9')
            percent = percent * 10 + (c - '0');
    }
    return percent + more;
}

static void tell_loss(const struct json *ping, int64_t loss, const struct check_findings *f)
{
    check_find(f, CHECK_FAIL,
               "%lld%% of WeChat's packets from %.*s to %.*s are lost, and pushes with them: "
               "show this to who runs your network; WeChat repeats a push only twice",
               (long long)loss,
               STR_ARG(str_limit(json_get_str(ping, "from_operator"), NAME_MAX_LEN)),
               STR_ARG(str_limit(json_get_str(ping, "ip"), NAME_MAX_LEN)));
}

/* A firewall that drops pings loses all of them. */
static void judge_pings(const struct json *pings, const struct check_findings *f)
{
    const size_t count = json_len(pings);
    size_t lossy = 0;
    size_t lost = 0;

    for (size_t i = 0; i < count; i++) {
        const int64_t loss = loss_of(json_at(pings, i));

        lossy += loss > 0;
        lost += loss >= ALL_LOST;
    }
    if (count == 0)
        check_find(f, CHECK_NOTE, "WeChat tried no ping");
    else if (lost == count)
        check_find(f, CHECK_NOTE,
                   "none of WeChat's pings is answered: nothing is wrong where your firewall drops "
                   "pings; else no push will arrive, open ports 80 and 443 to WeChat");
    else if (lossy == 0)
        check_find(f, CHECK_OK, "WeChat finds the host, and no packet is lost");
    for (size_t i = 0; lost < count && i < count; i++)
        if (loss_of(json_at(pings, i)) > 0)
            tell_loss(json_at(pings, i), loss_of(json_at(pings, i)), f);
}

void ping_judge(const struct json *answer, const struct check_findings *f)
{
    const struct json *dns = json_get(answer, "dns");

    if (json_len(dns) > 0) {
        judge_pings(json_get(answer, "ping"), f);
        return;
    }
    check_find(
        f, CHECK_FAIL,
        "WeChat's name servers do not find the host of the callback's address: does it have a "
        "public record (dig), is the name in the console spelt right?");
}

enum quota_left quota_judge(const struct json *answer, int64_t *limit, int64_t *left)
{
    const struct json *quota = json_get(answer, "quota");
    int64_t of_day = 0;
    int64_t remain = 0;

    if (!json_get_i64(quota, "daily_limit", &of_day) || of_day <= 0 ||
        !json_get_i64(quota, "remain", &remain))
        return QUOTA_UNSAID;
    *limit = of_day;
    *left = remain;
    return remain < of_day / LOW_SHARE || remain <= 0 ? QUOTA_LOW : QUOTA_ENOUGH;
}
