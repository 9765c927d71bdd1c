/* SPDX-License-Identifier: Apache-2.0 */
#include "replies_text.h"

#include "base/attr.h"
#include "codec/utf8.h"
#include "http/url.h"

#include <string.h>

enum { NAME_MAX_BYTES = 32, VALUE_MAX_BYTES = 256 };

static const struct {
    struct str name;
    size_t offset; /* into struct event */
} PLACEHOLDERS[] = {
    {STR_INIT("openid"), offsetof(struct event, openid)},
    {STR_INIT("card_code"), offsetof(struct event, card_code)},
    {STR_INIT("card_id"), offsetof(struct event, card_id)},
    {STR_INIT("scene"), offsetof(struct event, scene)},
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Of the placeholder that text begins with; absent: it begins with none. */
static struct str name_at(struct str text)
{
    size_t end = 1;

    if (text.len == 0 || text.ptr[0] != '{')
        return (struct str){0};
    while (end < text.len && end <= NAME_MAX_BYTES && is_name_char(text.ptr[end]))
        end++;
    if (end == 1 || end == text.len || text.ptr[end] != '}')
        return (struct str){0};
    return str_of(text.ptr + 1, end - 1);
}

/* Cuts at the first placeholder; false: there is none. */
static bool next(struct str text, struct str *before, struct str *name, struct str *after)
{
    for (size_t at = 0; at < text.len; at++) {
        *name = name_at(str_skip(text, at));
        if (!str_is_set(*name))
            continue;
        *before = str_of(text.ptr, at);
        *after = str_skip(text, at + name->len + 2);
        return true;
    }
    return false;
}

static size_t find(struct str name)
{
    size_t i = 0;

    while (i < COUNT_OF(PLACEHOLDERS) && !str_eq(PLACEHOLDERS[i].name, name))
        i++;
    return i;
}

struct str replies_placeholder(struct str text)
{
    struct str before;
    struct str name;
    struct str after;

    return next(text, &before, &name, &after) ? name : (struct str){0};
}

struct str replies_unknown_placeholder(struct str text)
{
    struct str before;
    struct str name;

    while (next(text, &before, &name, &text))
        if (find(name) == COUNT_OF(PLACEHOLDERS))
            return name;
    return (struct str){0};
}

static void add_value(struct str name, bool is_url, const struct event *event, struct buf *out)
{
    const size_t i = find(name);
    struct str value;

    if (i == COUNT_OF(PLACEHOLDERS))
        return;
    value = *(const struct str *)(const void *)((const char *)event + PLACEHOLDERS[i].offset);
    value = utf8_cut(value, VALUE_MAX_BYTES);
    if (is_url)
        url_encode(value, out);
    else
        buf_add(out, value);
}

void replies_expand(struct str text, bool is_url, const struct event *event, struct buf *out)
{
    struct str before;
    struct str name;
    struct str after;

    while (next(text, &before, &name, &after)) {
        buf_add(out, before);
        add_value(name, is_url, event, out);
        text = after;
    }
    buf_add(out, text);
}
