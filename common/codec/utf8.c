/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by the table of well-formed sequences (Unicode 15, table 3-7). Properties of characters are
 * asked for in folding only; what people mostly write needs no library there either. */
#include "codec/utf8.h"

#include <utf8proc.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = 32, SOFT_HYPHEN = 0xAD };

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

static size_t skip_ascii(const unsigned char *bytes, size_t at, size_t len)
{
    uint64_t word;

    while (at + sizeof(word) <= len) {
        memcpy(&word, bytes + at, sizeof(word));
        if (word & HIGH_BITS)
            break;
        at += sizeof(word);
    }
    while (at < len && bytes[at] < 0x80)
        at++;
    return at;
}

/* Length of the sequence that a lead byte opens, 0 when it opens none; the bounds of its second
 * byte keep out overlongs, surrogates and what lies above U+10FFFF. */
static size_t sequence_length(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    if (lead < 0xE0)
        return 2;
    if (lead < 0xF0) {
        if (lead == 0xE0)
            *low = 0xA0;
        if (lead == 0xED)
            *high = 0x9F;
        return 3;
    }
    if (lead == 0xF0)
        *low = 0x90;
    if (lead == 0xF4)
        *high = 0x8F;
    return 4;
}

bool utf8_valid(struct str s)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    unsigned char low;
    unsigned char high;

    for (size_t at = skip_ascii(bytes, 0, s.len); at < s.len; at = skip_ascii(bytes, at, s.len)) {
        size_t length = sequence_length(bytes[at], &low, &high);

        if (length == 0 || length > s.len - at)
            return false;
        if (bytes[at + 1] < low || bytes[at + 1] > high)
            return false;
        for (size_t i = 2; i < length; i++)
            if (!is_tail(bytes[at + i]))
                return false;
        at += length;
    }
    return true;
}

struct str utf8_cut(struct str s, size_t max)
{
    size_t end = max;

    if (s.len <= max)
        return s;
    while (end > 0 && is_tail((unsigned char)s.ptr[end]))
        end--;
    return str_of(s.ptr, end);
}

struct str utf8_without_mark(struct str s)
{
    const struct str mark = STR("\xEF\xBB\xBF");

    return str_starts(s, mark) ? str_skip(s, mark.len) : s;
}

size_t utf8_length(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += !is_tail((unsigned char)s.ptr[i]);
    return count;
}

static char lower(unsigned char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_within(const unsigned char *at, const char *first, const char *last)
{
    return memcmp(at, first, 3) >= 0 && memcmp(at, last, 3) <= 0;
}

/* Ideographs from U+4E00 to U+9FFF, and the quotation marks and stops written with them. */
static bool is_its_own_fold(const unsigned char *at)
{
    return is_within(at, "\xE4\xB8\x80", "\xE9\xBF\xBF") ||
           is_within(at, "\xE3\x80\x81", "\xE3\x80\x82") ||
           is_within(at, "\xE3\x80\x88", "\xE3\x80\x91") ||
           is_within(at, "\xE2\x80\x9C", "\xE2\x80\x9D");
}

/* One character that folds to one and combines with no other of this kind; the bytes it takes, 0
 * for all other characters. */
static size_t fold_simple(struct str rest, char **out)
{
    const unsigned char *at = (const unsigned char *)rest.ptr;

    if (at[0] < 0x80) {
        *(*out)++ = lower(at[0]);
        return 1;
    }
    if (rest.len < 3)
        return 0;
    if (is_its_own_fold(at)) {
        memcpy(*out, at, 3);
        *out += 3;
        return 3;
    }
    if (is_within(at, "\xEF\xBC\x81", "\xEF\xBD\x9E")) /* full-width ! to ~ */
        *(*out)++ = lower((unsigned char)((at[1] - 0xBC) * 0x40 + at[2] - 0x80 + 0x20));
    else if (memcmp(at, "\xE3\x80\x80", 3) == 0) /* full-width blank */
        *(*out)++ = ' ';
    else
        return 0;
    return 3;
}

static bool fold_all_simple(struct str s, struct buf *out)
{
    char *room = buf_room(out, s.len);
    char *end = room;

    if (room == NULL)
        return true; /* out has failed: there is nothing left to do */
    while (s.len > 0) {
        const size_t used = fold_simple(s, &end);

        if (used == 0)
            return false;
        s = str_skip(s, used);
    }
    buf_grew(out, (size_t)(end - room));
    return true;
}

/* Leaves out what stands in a row of marks behind the most that any language puts on a letter (30:
 * UAX #15, stream-safe text): the library sorts a row at the cost of its length squared. What folds
 * to marks alone is a mark by its category, but for the voiced ones of half-width Katakana, which
 * are modifier letters. A soft hyphen is ignored as all that is invisible. */
static utf8proc_int32_t limit_marks(utf8proc_int32_t c, void *arg)
{
    const utf8proc_property_t *is = utf8proc_get_property(c);
    size_t *marks = arg;

    if (is->ignorable)
        return c;
    if (is->category == UTF8PROC_CATEGORY_MN || is->category == UTF8PROC_CATEGORY_MC ||
        is->category == UTF8PROC_CATEGORY_ME || is->category == UTF8PROC_CATEGORY_LM)
        return ++*marks > MARKS_MAX ? SOFT_HYPHEN : c;
    *marks = 0;
    return c;
}

void utf8_fold(struct str s, struct buf *out)
{
    const utf8proc_option_t options =
        (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                            UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t len;
    size_t marks = 0;

    if (fold_all_simple(s, out))
        return;
    len = utf8proc_map_custom((const utf8proc_uint8_t *)s.ptr, (utf8proc_ssize_t)s.len, &folded,
                              options, limit_marks, &marks);
    if (len < 0)
        out->failed = true;
    else
        buf_add(out, str_of(folded, (size_t)len));
    free(folded);
}
