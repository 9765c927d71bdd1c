/* SPDX-License-Identifier: Apache-2.0 */
/* The hot writer: one table says which bytes need an escape, runs between them are copied whole. */
#include "codec/jsonw.h"

#include "base/num.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPE_MAX = 6, DOUBLE_TEXT_MAX = 32 };

/* 0: copied as it stands; 'u': \u00xx; else the letter after the backslash (RFC 8259, 7). */
static const char escape_letter[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', [0x0B] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [0x0E] = 'u', [0x0F] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1A] = 'u', [0x1B] = 'u',  [0x1C] = 'u', [0x1D] = 'u',
    [0x1E] = 'u', [0x1F] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void add_escape(struct buf *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[ESCAPE_MAX] = {'\\', escape_letter[byte], '0', '0'};

    if (text[1] != 'u') {
        buf_add(out, str_of(text, 2));
        return;
    }
    text[4] = digits[byte >> 4];
    text[5] = digits[byte & 15];
    buf_add(out, str_of(text, ESCAPE_MAX));
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Whether one of eight bytes is a quote, a backslash or below 0x20. */
static bool has_escape(uint64_t word)
{
    const uint64_t control = (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80);

    return (control | zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'))) != 0;
}

static size_t plain_run(struct str s, size_t at)
{
    uint64_t word;

    for (; at + sizeof(word) <= s.len; at += sizeof(word)) {
        memcpy(&word, s.ptr + at, sizeof(word));
        if (has_escape(word))
            break;
    }
    while (at < s.len && escape_letter[(uint8_t)s.ptr[at]] == 0)
        at++;
    return at;
}

/* Nearly every text: no escape in it, so that one reservation does. */
static void add_plain(struct buf *out, struct str s)
{
    char *room = buf_room(out, s.len + 2);

    if (!room)
        return;
    room[0] = '"';
    if (s.len > 0)
        memcpy(room + 1, s.ptr, s.len);
    room[s.len + 1] = '"';
    buf_grew(out, s.len + 2);
}

static void add_quoted(struct buf *out, struct str s)
{
    size_t start = 0;
    size_t end = plain_run(s, 0);

    if (end == s.len) {
        add_plain(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (; end < s.len; end = plain_run(s, start)) {
        buf_add(out, str_of(s.ptr + start, end - start));
        add_escape(out, (uint8_t)s.ptr[end]);
        start = end + 1;
    }
    buf_add(out, str_skip(s, start));
    buf_add_char(out, '"');
}

/* The comma before a key or an array's value; none after a key. */
static void separate(struct jsonw *w)
{
    bool *comma;

    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0 || w->depth > JSONW_DEPTH_MAX)
        return;
    comma = &w->comma[w->depth - 1];
    if (*comma)
        buf_add_char(w->out, ',');
    *comma = true;
}

static void open_container(struct jsonw *w, char bracket)
{
    separate(w);
    buf_add_char(w->out, bracket);
    w->depth++;
    if (w->depth > JSONW_DEPTH_MAX)
        w->out->failed = true;
    else
        w->comma[w->depth - 1] = false;
}

static void close_container(struct jsonw *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_add_char(w->out, bracket);
}

void jsonw_object(struct jsonw *w)
{
    open_container(w, '{');
}

void jsonw_object_end(struct jsonw *w)
{
    close_container(w, '}');
}

void jsonw_array(struct jsonw *w)
{
    open_container(w, '[');
}

void jsonw_array_end(struct jsonw *w)
{
    close_container(w, ']');
}

void jsonw_key(struct jsonw *w, struct str key)
{
    assert(w->depth > 0 && !w->after_key);
    separate(w);
    add_quoted(w->out, key);
    buf_add_char(w->out, ':');
    w->after_key = true;
}

void jsonw_str(struct jsonw *w, struct str value)
{
    if (!str_is_set(value)) {
        jsonw_null(w);
        return;
    }
    separate(w);
    add_quoted(w->out, value);
}

void jsonw_i64(struct jsonw *w, int64_t value)
{
    separate(w);
    buf_add_i64(w->out, value);
}

void jsonw_double(struct jsonw *w, double value)
{
    char text[DOUBLE_TEXT_MAX];
    double read_back = 0;

    if (!isfinite(value)) {
        jsonw_null(w);
        return;
    }
    /* The shortest of the texts that read back as the same number: 0.1, not 0.10000000000000001. */
    for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (num_parse_double(str_from(text), -DBL_MAX, DBL_MAX, &read_back) && read_back == value)
            break;
    }
    separate(w);
    buf_add_cstr(w->out, text);
}

void jsonw_bool(struct jsonw *w, bool value)
{
    separate(w);
    buf_add(w->out, value ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *w)
{
    separate(w);
    buf_add(w->out, STR("null"));
}

void jsonw_raw(struct jsonw *w, struct str json)
{
    if (!str_is_set(json)) {
        jsonw_null(w);
        return;
    }
    separate(w);
    buf_add(w->out, json);
}

void jsonw_key_str(struct jsonw *w, const char *key, struct str value)
{
    if (!str_is_set(value))
        return;
    jsonw_key(w, str_from(key));
    jsonw_str(w, value);
}

void jsonw_key_i64(struct jsonw *w, const char *key, int64_t value)
{
    jsonw_key(w, str_from(key));
    jsonw_i64(w, value);
}

void jsonw_key_bool(struct jsonw *w, const char *key, bool value)
{
    jsonw_key(w, str_from(key));
    jsonw_bool(w, value);
}
