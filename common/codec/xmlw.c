/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/xmlw.h"

void xmlw_open(struct buf *out, struct str name)
{
    buf_add_char(out, '<');
    buf_add(out, name);
    buf_add_char(out, '>');
}

void xmlw_close(struct buf *out, struct str name)
{
    buf_add(out, STR("</"));
    buf_add(out, name);
    buf_add_char(out, '>');
}

/* What XML cannot hold: control characters, U+FFFE and U+FFFF. The bytes it takes; 0: it can. */
static size_t unwritable(struct str rest)
{
    const unsigned char c = (unsigned char)rest.ptr[0];

    if (c < 0x20 && c != '\n' && c != '\t')
        return 1;
    return str_starts(rest, STR("\xEF\xBF\xBE")) || str_starts(rest, STR("\xEF\xBF\xBF")) ? 3 : 0;
}

/* Brackets are counted in what is written: a character that is left out may stand between them. */
static void add_cdata(struct buf *out, struct str text)
{
    size_t brackets = 0;
    size_t written = 0;

    buf_add(out, STR("<![CDATA["));
    for (size_t at = 0; at < text.len; at++) {
        const size_t left_out = unwritable(str_skip(text, at));
        const bool splits = text.ptr[at] == '>' && brackets >= 2;

        if (left_out > 0 || splits)
            buf_add(out, str_of(text.ptr + written, at - written));
        if (splits)
            buf_add(out, STR("]]><![CDATA["));
        if (left_out > 0 || splits)
            written = at + left_out;
        if (left_out > 0)
            at += left_out - 1;
        else
            brackets = text.ptr[at] == ']' ? brackets + 1 : 0;
    }
    buf_add(out, str_skip(text, written));
    buf_add(out, STR("]]>"));
}

void xmlw_cdata(struct buf *out, struct str name, struct str text)
{
    xmlw_open(out, name);
    add_cdata(out, text);
    xmlw_close(out, name);
}

static void add_char(struct buf *out, char c)
{
    switch (c) {
    case '&': buf_add(out, STR("&amp;")); break;
    case '<': buf_add(out, STR("&lt;")); break;
    case '>': buf_add(out, STR("&gt;")); break;
    case '\r': buf_add(out, STR("&#13;")); break;
    default: buf_add_char(out, c); break;
    }
}

void xmlw_text(struct buf *out, struct str name, struct str text)
{
    xmlw_open(out, name);
    for (size_t i = 0; i < text.len; i++)
        add_char(out, text.ptr[i]);
    xmlw_close(out, name);
}
