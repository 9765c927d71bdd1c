/* SPDX-License-Identifier: Apache-2.0 */
/* A commit's metadata. The first byte says what the rest is: 0 the text itself, 1 its lengths under
 * a right checksum, else ranges to write and to read again. */
#include "run/marks.h"

#include "run/offsets.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum {
    CEILING = 4096,
    RANGES_MAX = CEILING / 2,
    INPUT_MAX = 2 * CEILING,
    TEXT_MAX = 2 * INPUT_MAX,
    COMMIT = 1000
};

static const struct str topic_id = STR_INIT("TbVtGjRBQsKHZmVzqXHkJw");

static struct offset_range ranges[RANGES_MAX];

static bool read_back(struct str text, size_t *count)
{
    return marks_read(text, topic_id, COMMIT, ranges, RANGES_MAX, count);
}

/* What is taken is in order above the commit, and its only text is this one. */
static void read_text(struct str text)
{
    AUTO(buf_done) struct buf again = BUF_INIT(TEXT_MAX);
    int64_t end = COMMIT;
    size_t count = SIZE_MAX;

    if (!read_back(text, &count)) {
        assert(count == SIZE_MAX);
        return;
    }
    assert(count <= RANGES_MAX && count <= text.len / 2);
    for (size_t i = 0; i < count; i++) {
        assert(ranges[i].from > end && ranges[i].to > ranges[i].from);
        end = ranges[i].to;
    }
    assert(marks_write(topic_id, COMMIT, ranges, count, &again) == count);
    assert(str_eq(buf_str(&again), text));
    assert(text.len <= marks_bound(count, end - COMMIT));
}

static void read_lengths(struct str lengths)
{
    AUTO(buf_done) struct buf covered = BUF_INIT(TEXT_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    uint32_t crc = UINT32_MAX;

    buf_addf(&covered, "%d:%.*s:", COMMIT, STR_ARG(topic_id));
    buf_add(&covered, lengths);
    for (size_t i = 0; i < covered.len; i++) {
        crc ^= (uint8_t)covered.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320 : 0);
    }
    buf_addf(&text, "k1.%08" PRIx32 ".", ~crc);
    buf_add(&text, lengths);
    read_text(buf_str(&text));
}

/* 4 bytes a range: a gap of up to 2^15 and a length of up to 2^32. */
static size_t make_ranges(struct str from, struct offset_range *done, size_t max)
{
    int64_t at = COMMIT;
    size_t count = 0;

    for (; from.len >= 4 && count < max; from = str_skip(from, 4)) {
        uint8_t bytes[4];

        memcpy(bytes, from.ptr, sizeof(bytes));
        done[count].from = at + 1 + ((int64_t)(bytes[0] & 0x7F) << (bytes[1] % 9));
        at = done[count].from + 1 + ((int64_t)bytes[2] << (bytes[3] % 25));
        done[count++].to = at;
    }
    return count;
}

/* At any ceiling the lowest ranges come back, and one byte changed is noticed. */
static void write_ranges(uint8_t choice, struct str from)
{
    static struct offset_range done[RANGES_MAX];
    const size_t count = make_ranges(from, done, RANGES_MAX);
    AUTO(buf_done) struct buf text = BUF_INIT(choice < 128 ? CEILING : choice);
    const size_t written = marks_write(topic_id, COMMIT, done, count, &text);
    size_t found = SIZE_MAX;

    assert(buf_ok(&text) && written <= count && (written == 0) == (text.len == 0));
    assert(read_back(buf_str(&text), &found) && found == written);
    assert(written == 0 || memcmp(ranges, done, written * sizeof(*done)) == 0);
    if (written == 0)
        return;
    text.ptr[from.len * choice % text.len] ^= (char)(1 + choice % 255);
    assert(!read_back(buf_str(&text), &found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    rest = str_of(data + 1, size - 1);
    if (data[0] == 0)
        read_text(rest);
    else if (data[0] == 1)
        read_lengths(rest);
    else
        write_ranges(data[0], rest);
    return 0;
}
