/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and text. Nothing here looks at the process's locale. */
#include "base/num.h"

#include "base/attr.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOUBLE_TEXT_MAX = 64 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(struct str s)
{
    size_t count = 0;

    while (count < s.len && is_digit(s.ptr[count]))
        count++;
    return count;
}

static bool skip_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool parse_digits(struct str s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0 || count_digits(s) != s.len)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    *out = value;
    return true;
}

bool num_parse_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
    const bool negative = skip_char(&s, '-');
    uint64_t magnitude;
    int64_t value;

    if (!negative)
        (void)skip_char(&s, '+');
    if (!parse_digits(s, &magnitude))
        return false;
    if (negative ? __builtin_sub_overflow(0, magnitude, &value)
                 : __builtin_add_overflow(0, magnitude, &value))
        return false;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool num_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value;

    (void)skip_char(&s, '+');
    if (!parse_digits(s, &value) || value < min || value > max)
        return false;
    *out = value;
    return true;
}

/* [sign] digits [. digits] [e [sign] digits]: keeps out what strtod takes beyond that. */
static bool is_decimal(struct str s)
{
    size_t digits;

    if (!skip_char(&s, '-'))
        (void)skip_char(&s, '+');
    digits = count_digits(s);
    s = str_skip(s, digits);
    if (digits == 0)
        return false;
    if (skip_char(&s, '.')) {
        digits = count_digits(s);
        s = str_skip(s, digits);
        if (digits == 0)
            return false;
    }
    if (!skip_char(&s, 'e') && !skip_char(&s, 'E'))
        return s.len == 0;
    if (!skip_char(&s, '-'))
        (void)skip_char(&s, '+');
    return s.len > 0 && count_digits(s) == s.len;
}

/* glibc hands out the static "C" locale here: nothing is allocated, nothing to free. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool num_parse_double(struct str s, double min, double max, double *out)
{
    char text[DOUBLE_TEXT_MAX];
    double value;

    if (!is_decimal(s) || !str_copy(s, text, sizeof(text)))
        return false;
    value = strtod_l(text, NULL, c_locale());
    if (!isfinite(value) || value < min || value > max)
        return false;
    *out = value;
    return true;
}

void num_format_double(double value, char out[NUM_DOUBLE_SIZE])
{
    const locale_t before = uselocale(c_locale());

    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, NUM_DOUBLE_SIZE, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    (void)uselocale(before);
}

bool num_parse_size(struct str s, int64_t min, int64_t max, int64_t *out)
{
    static const struct {
        struct str letter;
        struct str unit;
        int64_t factor;
    } units[] = {
        {STR_INIT(""), STR_INIT(""), 1},
        {STR_INIT("K"), STR_INIT("KiB"), INT64_C(1) << 10},
        {STR_INIT("M"), STR_INIT("MiB"), INT64_C(1) << 20},
        {STR_INIT("G"), STR_INIT("GiB"), INT64_C(1) << 30},
        {STR_INIT("T"), STR_INIT("TiB"), INT64_C(1) << 40},
    };

    const size_t digits = count_digits(s);
    const struct str unit = str_trim(str_skip(s, digits));
    int64_t value;

    if (digits < s.len && str_is_empty(unit))
        return false;
    if (!num_parse_i64(str_of(s.ptr, digits), 0, INT64_MAX, &value))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!str_ieq(unit, units[i].letter) && !str_ieq(unit, units[i].unit))
            continue;
        if (__builtin_mul_overflow(value, units[i].factor, &value) || value < min || value > max)
            return false;
        *out = value;
        return true;
    }
    return false;
}

int64_t num_add_i64(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}
