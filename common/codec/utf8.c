/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by the table of well-formed sequences (Unicode 15, table 3-7). No Unicode property is asked
 * for here, so no library is needed. */
#include "codec/utf8.h"

#include <stdint.h>
#include <string.h>

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

size_t utf8_length(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += !is_tail((unsigned char)s.ptr[i]);
    return count;
}
