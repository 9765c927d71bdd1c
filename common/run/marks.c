/* SPDX-License-Identifier: Apache-2.0 */
/* Run lengths in a 64-character alphabet under a checksum. */
#include "run/marks.h"

#include "run/offsets.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGIT_BITS = 5, DIGIT_MASK = 31, DIGIT_MORE = 32, ALPHABET_LEN = 64, NUMBER_SIZE = 24 };

/* "k1.", 8 digits, "." */
enum { HEAD_LEN = 12 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t crc_add(uint32_t crc, struct str data)
{
    static const uint32_t step[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };

    for (size_t i = 0; i < data.len; i++) {
        crc ^= (uint8_t)data.ptr[i];
        crc = (crc >> 4) ^ step[crc & 0x0F];
        crc = (crc >> 4) ^ step[crc & 0x0F];
    }
    return crc;
}

static void head_format(struct str topic_id, int64_t commit, struct str lengths,
                        char head[HEAD_LEN + 1])
{
    char number[NUMBER_SIZE];
    uint32_t crc = UINT32_MAX;

    (void)snprintf(number, sizeof(number), "%" PRId64 ":", commit);
    crc = crc_add(crc, str_from(number));
    crc = crc_add(crc, topic_id);
    crc = crc_add(crc, STR(":"));
    crc = crc_add(crc, lengths);
    (void)snprintf(head, HEAD_LEN + 1, "k1.%08" PRIx32 ".", ~crc);
}

/* Writing */

static size_t length_size(int64_t length)
{
    uint64_t rest = (uint64_t)length - 1;
    size_t size = 1;

    for (; rest > DIGIT_MASK; rest = (rest >> DIGIT_BITS) - 1)
        size++;
    return size;
}

static char *length_format(int64_t length, char *at)
{
    uint64_t rest = (uint64_t)length - 1;

    for (; rest > DIGIT_MASK; rest = (rest >> DIGIT_BITS) - 1)
        *at++ = alphabet[DIGIT_MORE | (rest & DIGIT_MASK)];
    *at++ = alphabet[rest];
    return at;
}

/* How many of the lowest ranges fit into room, and the size of their lengths. */
static size_t count_fitting(int64_t commit, const struct offset_range *done, size_t count,
                            size_t room, size_t *size)
{
    int64_t at = commit;
    size_t used = 0;
    size_t fitting = 0;

    for (; fitting < count; fitting++) {
        const struct offset_range *range = &done[fitting];
        size_t more;

        assert(range->from > at && range->to > range->from);
        more = length_size(range->from - at) + length_size(range->to - range->from);
        if (more > room - used)
            break;
        used += more;
        at = range->to;
    }
    *size = used;
    return fitting;
}

size_t marks_write(struct str topic_id, int64_t commit, const struct offset_range *done,
                   size_t count, struct buf *out)
{
    size_t room = out->max - out->len;
    char head[HEAD_LEN + 1];
    size_t written;
    size_t size;
    char *text;
    char *at;

    assert(commit >= 0);
    if (room <= HEAD_LEN)
        return 0;
    written = count_fitting(commit, done, count, room - HEAD_LEN, &size);
    if (written == 0)
        return 0;
    text = buf_room(out, HEAD_LEN + size);
    if (!text)
        return 0;
    at = text + HEAD_LEN;
    for (size_t i = 0; i < written; i++) {
        at = length_format(done[i].from - (i == 0 ? commit : done[i - 1].to), at);
        at = length_format(done[i].to - done[i].from, at);
    }
    head_format(topic_id, commit, str_of(text + HEAD_LEN, size), head);
    memcpy(text, head, HEAD_LEN);
    buf_grew(out, HEAD_LEN + size);
    return written;
}

/* Reading */

static bool digit_parse(struct str *text, int64_t *digit)
{
    const char *found;

    if (text->len == 0)
        return false;
    found = memchr(alphabet, text->ptr[0], ALPHABET_LEN);
    if (!found)
        return false;
    *text = str_skip(*text, 1);
    *digit = found - alphabet;
    return true;
}

/* *out: the offset that lies a length above from. */
static bool length_parse(struct str *text, int64_t from, int64_t *out)
{
    int64_t at = from;
    int64_t unit = 1;
    int64_t digit = DIGIT_MORE;

    while (digit & DIGIT_MORE) {
        int64_t part;

        /* What more digits follow counts from 1, like the length itself. */
        if (__builtin_add_overflow(at, unit, &at) || !digit_parse(text, &digit))
            return false;
        if (__builtin_mul_overflow(digit & DIGIT_MASK, unit, &part) ||
            __builtin_add_overflow(at, part, &at))
            return false;
        if ((digit & DIGIT_MORE) && __builtin_mul_overflow(unit, DIGIT_MORE, &unit))
            return false;
    }
    *out = at;
    return true;
}

/* The ranges go into out where it is given. */
static bool lengths_parse(struct str lengths, int64_t commit, struct offset_range *out,
                          size_t *count)
{
    struct offset_range range = {.to = commit};
    size_t found = 0;

    while (lengths.len > 0) {
        if (!length_parse(&lengths, range.to, &range.from) ||
            !length_parse(&lengths, range.from, &range.to))
            return false;
        if (out)
            out[found] = range;
        found++;
    }
    *count = found;
    return true;
}

bool marks_read(struct str text, struct str topic_id, int64_t commit, struct offset_range *out,
                size_t max, size_t *count)
{
    struct str lengths = str_skip(text, HEAD_LEN);
    char head[HEAD_LEN + 1];
    size_t found;

    if (str_is_empty(text)) {
        *count = 0;
        return true;
    }
    if (str_is_empty(lengths))
        return false;
    head_format(topic_id, commit, lengths, head);
    if (memcmp(text.ptr, head, HEAD_LEN) != 0)
        return false;
    if (!lengths_parse(lengths, commit, NULL, &found) || found > max)
        return false;
    return lengths_parse(lengths, commit, out, count);
}

size_t marks_bound(size_t unfinished, int64_t span)
{
    const uint64_t offsets = span > 0 ? (uint64_t)span : 0;
    /* Lengths there may be, all of 1 at first. */
    const uint64_t lengths = unfinished < offsets / 2 ? 2 * (uint64_t)unfinished : offsets;
    uint64_t left = offsets - lengths;
    uint64_t size = lengths;

    /* What is left makes as many as it can longer by a character, the cheapest step first. */
    for (int bits = DIGIT_BITS; bits < 64 && left >> bits > 0; bits += DIGIT_BITS) {
        uint64_t longer = left >> bits < lengths ? left >> bits : lengths;

        size += longer;
        left -= longer << bits;
    }
    return lengths == 0 ? 0 : HEAD_LEN + size;
}
