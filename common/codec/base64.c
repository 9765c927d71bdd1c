/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with one table each way. */
#include "codec/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of a digit plus one, so that 0 marks every other byte. */
static const uint8_t digit_value[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static void format_quad(const uint8_t *in, size_t count, char out[4])
{
    uint32_t bits = (uint32_t)in[0] << 16;

    if (count > 1)
        bits |= (uint32_t)in[1] << 8;
    if (count > 2)
        bits |= in[2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = count > 1 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = count > 2 ? alphabet[bits & 63] : '=';
}

void base64_format(const void *bytes, size_t len, struct buf *out)
{
    const uint8_t *in = bytes;
    size_t size = (len + 2) / 3 * 4;
    char *room = buf_room(out, size);

    if (!room)
        return;
    for (size_t at = 0; at < len; at += 3, room += 4)
        format_quad(in + at, len - at, room);
    buf_grew(out, size);
}

/* Reads four digits into three bytes; false when one of them is none. */
static bool parse_quad(const char in[4], char out[3])
{
    uint8_t a = digit_value[(uint8_t)in[0]];
    uint8_t b = digit_value[(uint8_t)in[1]];
    uint8_t c = digit_value[(uint8_t)in[2]];
    uint8_t d = digit_value[(uint8_t)in[3]];

    if (!a || !b || !c || !d)
        return false;
    a--;
    b--;
    c--;
    d--;
    out[0] = (char)(a << 2 | b >> 4);
    out[1] = (char)(b << 4 | c >> 2);
    out[2] = (char)(c << 6 | d);
    return true;
}

static size_t padding_length(struct str text)
{
    if (text.ptr[text.len - 1] != '=')
        return 0;
    return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

/* Reads whole quads into room, which holds three bytes for each; the number of bytes that count, 0
 * when something is no Base64. */
static size_t parse_quads(struct str text, char *room)
{
    char last[4] = {'A', 'A', 'A', 'A'};
    size_t padding = padding_length(text);
    size_t at = 0;

    for (; at + 4 < text.len; at += 4, room += 3)
        if (!parse_quad(text.ptr + at, room))
            return 0;
    /* Padding reads as the digit of value zero, and its bytes do not count. */
    memcpy(last, text.ptr + at, sizeof(last) - padding);
    return parse_quad(last, room) ? text.len / 4 * 3 - padding : 0;
}

bool base64_parse(struct str text, struct buf *out)
{
    size_t parsed;
    char *room;

    if (text.len % 4 != 0)
        return false;
    if (text.len == 0)
        return true;
    room = buf_room(out, text.len / 4 * 3);
    if (!room)
        return false;
    parsed = parse_quads(text, room);
    buf_grew(out, parsed);
    return parsed > 0;
}
