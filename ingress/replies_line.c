/* SPDX-License-Identifier: Apache-2.0 */
/* Moves over a text that the parser has taken, so nothing is checked but its end. */
#include "replies_line.h"

#include "base/num.h"

#include <string.h>

enum { KEYS_COMPARED = 64 };

unsigned replies_line_at(struct str text, size_t offset)
{
    unsigned line = 1;

    for (size_t i = 0; i < offset && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return line;
}

static char char_at(struct str text, size_t at)
{
    return at < text.len ? text.ptr[at] : '\0';
}

static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]))
        at++;
    return at;
}

/* at stands on its quotation mark */
static size_t skip_string(struct str text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++)
        if (text.ptr[at] == '\\')
            at++;
    return at + 1;
}

static size_t skip_value(struct str text, size_t at)
{
    int depth = 0;

    while (at < text.len) {
        const char c = text.ptr[at];

        if (depth == 0 && strchr(",]}", c))
            return at;
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        at++;
    }
    return at;
}

/* From one element of an array, or key of an object, to the next; on its end: stays there. */
static size_t skip_comma(struct str text, size_t at)
{
    at = skip_blanks(text, at);
    return char_at(text, at) == ',' ? skip_blanks(text, at + 1) : at;
}

/* The key at at, without its marks, and in *value where its value begins. */
static struct str key_at(struct str text, size_t at, size_t *value)
{
    const size_t end = skip_string(text, at);

    *value = skip_blanks(text, end);
    if (char_at(text, *value) == ':')
        *value = skip_blanks(text, *value + 1);
    if (end > text.len || end < at + 2)
        return str_of(text.ptr, 0);
    return str_of(text.ptr + at + 1, end - at - 2);
}

/* Where the member or element begins; 0: there is none. */
static size_t step_into(struct str text, size_t at, struct str step)
{
    const char kind = char_at(text, at);
    int64_t left = 0;

    if (kind != '{' && (kind != '[' || !num_parse_i64(step, 0, INT32_MAX, &left)))
        return 0;
    for (at = skip_blanks(text, at + 1); at < text.len; at = skip_comma(text, at)) {
        size_t value = at;

        if (strchr("]}", text.ptr[at]))
            return 0;
        if (kind == '{' ? str_eq(key_at(text, at, &value), step) : left-- == 0)
            return value;
        at = skip_value(text, value);
    }
    return 0;
}

unsigned replies_line_of(struct str text, struct str pointer)
{
    size_t at = skip_blanks(text, 0);
    struct str step;

    if (!str_cut(pointer, '/', &step, &pointer))
        return replies_line_at(text, at);
    while (str_cut(pointer, '/', &step, &pointer)) {
        const size_t next = step_into(text, at, step);

        if (next == 0)
            break;
        at = next;
    }
    return replies_line_at(text, at);
}

/* at stands behind a key's value. */
static size_t same_key_behind(struct str text, size_t at, struct str key)
{
    for (int i = 0; i < KEYS_COMPARED; i++) {
        size_t value;

        at = skip_comma(text, at);
        if (char_at(text, at) != '"')
            return 0;
        if (str_eq(key_at(text, at, &value), key))
            return at;
        at = skip_value(text, value);
    }
    return 0;
}

unsigned replies_line_of_twice(struct str text)
{
    size_t at = 0;

    while (at < text.len) {
        size_t value = 0;
        size_t again;
        struct str key;

        if (text.ptr[at] != '"') {
            at++;
            continue;
        }
        key = key_at(text, at, &value);
        if (char_at(text, skip_blanks(text, skip_string(text, at))) == ':') {
            again = same_key_behind(text, skip_value(text, value), key);
            if (again > 0)
                return replies_line_at(text, again);
        }
        at = skip_string(text, at);
    }
    return 0;
}
