/* SPDX-License-Identifier: Apache-2.0 */
/* Time, deadlines, RFC 3339. Calendar arithmetic is our own: the C library's takes a lock and looks
 * at the time zone. */
#include "base/clock.h"

#include "base/num.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum {
    MS_PER_S = 1000,
    S_PER_MIN = 60,
    S_PER_H = 60 * S_PER_MIN,
    S_PER_DAY = 24 * S_PER_H,
    MS_PER_DAY = S_PER_DAY * MS_PER_S,
    UTC8_MS = 8 * S_PER_H * MS_PER_S,
    DAYS_PER_ERA = 146097,     /* of 400 years */
    EPOCH_FROM_YEAR0 = 719468, /* days from 0000-03-01 to 1970-01-01 */
};

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define YEAR_MS   (INT64_C(365) * MS_PER_DAY)
/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: four digits hold no other year. */
#define WALL_MIN_MS INT64_C(-62167219200000)
#define WALL_MAX_MS INT64_C(253402300799999)

struct date {
    int64_t year;
    int64_t month;
    int64_t day;
};

static struct timespec now(clockid_t clock)
{
    struct timespec t = {0};
    const int rc = clock_gettime(clock, &t);

    assert(rc == 0);
    return t;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

int64_t clock_mono_ns(void)
{
    const struct timespec t = now(CLOCK_MONOTONIC);

    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    const struct timespec t = now(CLOCK_REALTIME);

    return t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

int64_t clock_wall_ns(void)
{
    const struct timespec t = now(CLOCK_REALTIME);

    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct deadline deadline_in(int64_t from_now_ms)
{
    const int64_t at_ms = num_add_i64(clock_mono_ms(), from_now_ms);

    return (struct deadline){at_ms > 0 ? at_ms : 1};
}

struct deadline deadline_none(void)
{
    return (struct deadline){0};
}

struct deadline deadline_min(struct deadline a, struct deadline b)
{
    if (a.at_ms == 0)
        return b;
    if (b.at_ms == 0)
        return a;
    return a.at_ms <= b.at_ms ? a : b;
}

int64_t deadline_left_ms(struct deadline deadline)
{
    int64_t now_ms;

    if (deadline.at_ms == 0)
        return INT64_MAX;
    now_ms = clock_mono_ms();
    return deadline.at_ms > now_ms ? deadline.at_ms - now_ms : 0;
}

struct timespec deadline_timespec(struct deadline deadline)
{
    int64_t at_ms = deadline.at_ms;

    if (at_ms == deadline_none().at_ms)
        at_ms = clock_mono_ms() + YEAR_MS;
    return (struct timespec){.tv_sec = at_ms / MS_PER_S, .tv_nsec = at_ms % MS_PER_S * NS_PER_MS};
}

bool deadline_passed(struct deadline deadline)
{
    return deadline_left_ms(deadline) == 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years begin in March here, so that the leap day is the last one:
 * https://howardhinnant.github.io/date_algorithms.html */
static struct date date_from_days(int64_t days)
{
    const int64_t shifted = days + EPOCH_FROM_YEAR0;
    const int64_t era = floor_div(shifted, DAYS_PER_ERA);
    const int64_t doe = shifted - era * DAYS_PER_ERA;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t march_month = (5 * doy + 2) / 153;
    const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    return (struct date){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = doy - (153 * march_month + 2) / 5 + 1,
    };
}

static int64_t days_from_date(struct date d)
{
    const int64_t year = d.year - (d.month <= 2);
    const int64_t era = floor_div(year, 400);
    const int64_t yoe = year - era * 400;
    const int64_t march_month = d.month > 2 ? d.month - 3 : d.month + 9;
    const int64_t doy = (153 * march_month + 2) / 5 + d.day - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * DAYS_PER_ERA + doe - EPOCH_FROM_YEAR0;
}

static bool date_exists(struct date d)
{
    const struct date back = date_from_days(days_from_date(d));

    return d.month >= 1 && d.month <= 12 && d.day >= 1 && back.month == d.month &&
           back.day == d.day;
}

/* The last digits of a number that is not negative. By hand: every record carries a time. */
static void put_number(char *out, size_t digits, int64_t number)
{
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}

void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
    int64_t days;
    int64_t ms;
    struct date d;

    if (wall_ms < WALL_MIN_MS)
        wall_ms = WALL_MIN_MS;
    if (wall_ms > WALL_MAX_MS)
        wall_ms = WALL_MAX_MS;
    days = floor_div(wall_ms, MS_PER_DAY);
    ms = wall_ms - days * MS_PER_DAY;
    d = date_from_days(days);
    memcpy(out, "0000-00-00T00:00:00.000Z", sizeof("0000-00-00T00:00:00.000Z"));
    put_number(out, 4, d.year);
    put_number(out + 5, 2, d.month);
    put_number(out + 8, 2, d.day);
    put_number(out + 11, 2, ms / MS_PER_S / S_PER_H);
    put_number(out + 14, 2, ms / MS_PER_S / S_PER_MIN % 60);
    put_number(out + 17, 2, ms / MS_PER_S % S_PER_MIN);
    put_number(out + 20, 3, ms % MS_PER_S);
}

/* One decimal number of a fixed count of digits at the beginning of *s, which moves past it. */
static bool take_number(struct str *s, size_t digits, int64_t max, int64_t *out)
{
    if (s->len < digits || s->ptr[0] == '+' || s->ptr[0] == '-')
        return false;
    if (!num_parse_i64(str_of(s->ptr, digits), 0, max, out))
        return false;
    *s = str_skip(*s, digits);
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool take_date(struct str *s, int64_t *days)
{
    struct date d;

    if (!take_number(s, 4, 9999, &d.year) || !take_char(s, '-') ||
        !take_number(s, 2, 12, &d.month) || !take_char(s, '-') || !take_number(s, 2, 31, &d.day) ||
        !date_exists(d))
        return false;
    *days = days_from_date(d);
    return true;
}

/* *leap: the second is 60. */
static bool take_time(struct str *s, int64_t *seconds, bool *leap)
{
    int64_t h;
    int64_t min;
    int64_t sec;

    if (!take_number(s, 2, 23, &h) || !take_char(s, ':') || !take_number(s, 2, 59, &min) ||
        !take_char(s, ':') || !take_number(s, 2, 60, &sec))
        return false;
    *seconds = h * S_PER_H + min * S_PER_MIN + sec;
    *leap = sec == 60;
    return true;
}

/* Digits past the millisecond are read and dropped. */
static bool take_fraction(struct str *s, int64_t *ms)
{
    int64_t weight = 100;
    int64_t digit;
    size_t count = 0;

    *ms = 0;
    if (!take_char(s, '.'))
        return true;
    for (; s->len > 0 && take_number(s, 1, 9, &digit); count++) {
        *ms += digit * weight;
        weight /= 10;
    }
    return count > 0;
}

static bool take_offset(struct str *s, int64_t *seconds)
{
    const bool west = s->len > 0 && s->ptr[0] == '-';
    int64_t h;
    int64_t min;

    *seconds = 0;
    if (take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    if (!take_char(s, '+') && !take_char(s, '-'))
        return false;
    if (!take_number(s, 2, 23, &h) || !take_char(s, ':') || !take_number(s, 2, 59, &min))
        return false;
    *seconds = (h * S_PER_H + min * S_PER_MIN) * (west ? -1 : 1);
    return true;
}

bool clock_parse_rfc3339(const char *text, size_t len, int64_t *wall_ms)
{
    struct str s = str_of(text, len);
    int64_t days;
    int64_t seconds;
    int64_t ms;
    int64_t offset;
    bool leap;

    if (!take_date(&s, &days) || (!take_char(&s, 'T') && !take_char(&s, 't')) ||
        !take_time(&s, &seconds, &leap) || !take_fraction(&s, &ms) || !take_offset(&s, &offset) ||
        s.len != 0)
        return false;
    seconds = days * S_PER_DAY + seconds - offset;
    /* A leap second ends a day in UTC and nothing else. */
    if (leap && seconds - floor_div(seconds, S_PER_DAY) * S_PER_DAY != 0)
        return false;
    *wall_ms = seconds * MS_PER_S + ms;
    return true;
}

int64_t clock_next_midnight_utc8(int64_t wall_ms)
{
    const int64_t days = floor_div(wall_ms + UTC8_MS, MS_PER_DAY);

    return (days + 1) * MS_PER_DAY - UTC8_MS;
}
