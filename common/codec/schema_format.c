/* SPDX-License-Identifier: Apache-2.0 */
/* The named formats of schema.h. */
#include "base/clock.h"
#include "base/hex.h"
#include "codec/schema_node.h"

#include <string.h>

#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS    "0123456789"
#define LOWER_HEX DIGITS "abcdef"

static bool is_date_time(struct str text)
{
    int64_t wall_ms;

    return clock_parse_rfc3339(text.ptr, text.len, &wall_ms);
}

static bool all_in(struct str text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || !strchr(allowed, text.ptr[i]))
            return false;
    return true;
}

static bool is_uri(struct str text)
{
    struct str scheme;
    struct str rest;
    uint8_t byte;
    size_t at;

    if (!str_cut(text, ':', &scheme, &rest) || str_is_empty(rest) || str_is_empty(scheme))
        return false;
    if (!all_in(scheme, LETTERS DIGITS "+-.") || !strchr(LETTERS, scheme.ptr[0]))
        return false;
    if (!all_in(rest, LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%"))
        return false;
    while (str_find(rest, STR("%"), &at)) {
        rest = str_skip(rest, at + 1);
        if (rest.len < 2 || !hex_parse(str_of(rest.ptr, 2), &byte, 1))
            return false;
    }
    return true;
}

static bool is_hex_id(struct str text, size_t len)
{
    return text.len == len && all_in(text, LOWER_HEX) && !all_in(text, "0");
}

static bool is_traceparent(struct str text)
{
    struct str version;
    struct str trace;
    struct str span;
    struct str flags;

    return str_cut(text, '-', &version, &text) && str_eq_cstr(version, "00") &&
           str_cut(text, '-', &trace, &text) && is_hex_id(trace, 32) &&
           str_cut(text, '-', &span, &text) && is_hex_id(span, 16) &&
           str_cut(text, '-', &flags, &text) && flags.len == 2 && all_in(flags, LOWER_HEX) &&
           !str_is_set(text);
}

static bool is_card_key(struct str text)
{
    struct str appid;
    struct str card_id;
    struct str code;

    if (!str_cut(text, ':', &appid, &code) || !str_cut(code, ':', &card_id, &code))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return false;
    return !str_is_empty(appid) && !str_is_empty(card_id) && !str_is_empty(code);
}

static const struct schema_format formats[] = {
    {"date-time", is_date_time},
    {"uri", is_uri},
    {"traceparent", is_traceparent},
    {"card-key", is_card_key},
};

const struct schema_format *schema_format_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (str_eq_cstr(name, formats[i].name))
            return &formats[i];
    return NULL;
}
