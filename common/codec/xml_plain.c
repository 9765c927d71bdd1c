/* SPDX-License-Identifier: Apache-2.0 */
/* Own code beside libxml2 because every push passes here: 0.6 us for one of 745 bytes that takes
 * libxml2 5.2 us on the same machine. What is not obviously right is left to libxml2. */
#include "codec/xml_plain.h"

#include <string.h>

/* Far below libxml2's own limits. */
enum { LENGTH_MAX = 1 << 20 };

enum { NAME_FIRST = 1, IN_NAME = 2, BLANK = 4, IN_TEXT = 8, IN_CDATA = 16 };

enum { C = IN_CDATA, T = IN_TEXT | C, B = BLANK | T, N = IN_NAME | T, F = NAME_FIRST | N };

/* Of no class: control characters, and ']', which may begin what a text must not hold. */
/* clang-format off */
static const unsigned char classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, B, B, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    B, T, T, T, T, T, C, T, T, T, T, T, T, N, N, T,
    N, N, N, N, N, N, N, N, N, N, T, T, C, T, T, T,
    T, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, T, T, 0, T, F,
    T, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
};

/* clang-format on */

struct scan {
    const char *at;
    const char *end;
    struct xml_element *elements;
    int capacity;
    int count;
    int current; /* the open element, -1 outside the root */
};

static struct str take_run(struct scan *s, unsigned class)
{
    const char *start = s->at;
    const char *at = start;

    while (at < s->end && (classes[(unsigned char)*at] & class))
        at++;
    s->at = at;
    return str_of(start, (size_t)(at - start));
}

static bool take(struct scan *s, struct str expected)
{
    if ((size_t)(s->end - s->at) < expected.len || memcmp(s->at, expected.ptr, expected.len) != 0)
        return false;
    s->at += expected.len;
    return true;
}

/* U+FFFE and U+FFFF are the only characters above the controls that XML does not have. */
static bool has_noncharacter(struct str text)
{
    struct str head;

    while (str_cut(text, '\xEF', &head, &text))
        if (str_starts(text, STR("\xBF\xBE")) || str_starts(text, STR("\xBF\xBF")))
            return true;
    return false;
}

static bool open_element(struct scan *s)
{
    const int depth = s->current < 0 ? 0 : s->elements[s->current].depth + 1;
    struct str name;

    if (!take(s, STR("<")))
        return false;
    name = take_run(s, IN_NAME);
    if (name.len == 0 || name.len >= XML_NAME_MAX ||
        !(classes[(unsigned char)name.ptr[0]] & NAME_FIRST) || !take(s, STR(">")))
        return false;
    if (depth > XML_DEPTH_MAX || s->count == s->capacity)
        return false;
    if (s->current >= 0) {
        s->elements[s->current].has_children = true;
        s->elements[s->current].text = STR("");
    }
    s->elements[s->count] =
        (struct xml_element){.name = name, .text = STR(""), .parent = s->current, .depth = depth};
    s->current = s->count++;
    return true;
}

static bool close_element(struct scan *s)
{
    const struct xml_element *element = &s->elements[s->current];

    s->current = element->parent;
    return take(s, STR("</")) && take(s, element->name) && take(s, STR(">"));
}

/* Of an element with children libxml2's path keeps no text. Pieces that would have to be joined are
 * not ours. */
static bool add_text(struct scan *s, struct str piece)
{
    struct xml_element *element = &s->elements[s->current];
    const struct str text = str_trim(piece);

    if (text.len == 0 || element->has_children)
        return true;
    if (element->text.len > 0)
        return false;
    element->text = text;
    return true;
}

static bool take_cdata(struct scan *s)
{
    struct str text;

    if (!take(s, STR("<![CDATA[")))
        return false;
    text = take_run(s, IN_CDATA);
    while (!take(s, STR("]]>"))) {
        if (!take(s, STR("]")))
            return false;
        (void)take_run(s, IN_CDATA);
        text.len = (size_t)(s->at - text.ptr);
    }
    return add_text(s, text);
}

/* White space or text, and the tag or CDATA section behind it. */
static bool take_content(struct scan *s)
{
    const struct str text = take_run(s, IN_TEXT);

    if (!add_text(s, text) || s->end - s->at < 2)
        return false;
    switch (s->at[1]) {
    case '/': return close_element(s);
    case '!': return take_cdata(s);
    default: return open_element(s);
    }
}

int xml_plain_scan(struct str text, struct xml_element *elements, int capacity)
{
    struct scan s = {.at = text.ptr,
                     .end = text.ptr + text.len,
                     .elements = elements,
                     .capacity = capacity,
                     .current = -1};

    if (text.len > LENGTH_MAX || has_noncharacter(text))
        return 0;
    (void)take_run(&s, BLANK);
    if (!open_element(&s))
        return 0;
    while (s.current >= 0)
        if (!take_content(&s))
            return 0;
    (void)take_run(&s, BLANK);
    return s.at == s.end ? s.count : 0;
}
