/* SPDX-License-Identifier: Apache-2.0 */
/* Formats and uses as rows. */
#include "media_format.h"

#include "base/attr.h"

#include <stdio.h>
#include <string.h>

enum {
    STEM_MAX = MEDIA_FILENAME_SIZE - 8,
    THUMB_MAX = 64 << 10,
    UPLOADIMG_MAX = 1 << 20,
    VOICE_MAX = 2 << 20,
    IMAGE_MAX = 10 << 20,
    VIDEO_MAX = 10 << 20,
};

enum {
    JPEG = 1 << 0,
    PNG = 1 << 1,
    GIF = 1 << 2,
    BMP = 1 << 3,
    MP3 = 1 << 4,
    AMR = 1 << 5,
    MP4 = 1 << 6,
};

static const struct media_format formats[] = {
    {JPEG, ".jpg", "image/jpeg"}, {PNG, ".png", "image/png"},  {GIF, ".gif", "image/gif"},
    {BMP, ".bmp", "image/bmp"},   {MP3, ".mp3", "audio/mpeg"}, {AMR, ".amr", "audio/amr"},
    {MP4, ".mp4", "video/mp4"},
};

static const struct media_use uses[] = {
    {"uploadimg", "buffer", "", JPEG | PNG, UPLOADIMG_MAX},
    {"image", "media", "type=image", JPEG | PNG | GIF | BMP, IMAGE_MAX},
    {"voice", "media", "type=voice", MP3 | AMR, VOICE_MAX},
    {"video", "media", "type=video", MP4, VIDEO_MAX},
    {"thumb", "media", "type=thumb", JPEG, THUMB_MAX},
};

/* A text that such a file begins with. */
static const struct {
    struct str text;
    unsigned bit;
} beginnings[] = {
    {STR_INIT("\xFF\xD8\xFF"), JPEG}, {STR_INIT("\x89PNG\r\n\x1A\n"), PNG},
    {STR_INIT("GIF87a"), GIF},        {STR_INIT("GIF89a"), GIF},
    {STR_INIT("ID3"), MP3},           {STR_INIT("#!AMR\n"), AMR},
    {STR_INIT("#!AMR-WB\n"), AMR},
};

static uint8_t at(struct str bytes, size_t i)
{
    return (uint8_t)bytes.ptr[i];
}

static uint32_t le32(struct str bytes, size_t i)
{
    return (uint32_t)at(bytes, i) | (uint32_t)at(bytes, i + 1) << 8 |
           (uint32_t)at(bytes, i + 2) << 16 | (uint32_t)at(bytes, i + 3) << 24;
}

/* "BM" alone begins many a text: the reserved words are 0 and the second header has one of its
 * sizes. */
static bool is_bmp(struct str bytes)
{
    enum { RESERVED = 6, HEADER_SIZE = 14, LEAST = 26 };

    static const uint32_t sizes[] = {12, 40, 52, 56, 64, 108, 124};

    if (bytes.len < LEAST || !str_starts(bytes, STR("BM")) || le32(bytes, RESERVED) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (le32(bytes, HEADER_SIZE) == sizes[i])
            return true;
    return false;
}

/* A frame of MPEG layer III without a tag before it: sync, version, layer, bit rate, sampling rate.
 */
static bool is_mp3_frame(struct str bytes)
{
    return bytes.len >= 4 && at(bytes, 0) == 0xFF && (at(bytes, 1) & 0xE0) == 0xE0 &&
           (at(bytes, 1) >> 3 & 3) != 1 && (at(bytes, 1) >> 1 & 3) == 1 &&
           at(bytes, 2) >> 4 != 15 && (at(bytes, 2) >> 2 & 3) != 3;
}

/* The same box begins pictures (HEIC, AVIF) and QuickTime films: by their brands. */
static bool is_mp4(struct str bytes)
{
    enum { BOX_TYPE = 4, BRAND = 8, LEAST = 16 };
    static const struct str brands[] = {STR_INIT("iso"),  STR_INIT("mp4"),  STR_INIT("avc1"),
                                        STR_INIT("M4V "), STR_INIT("MSNV"), STR_INIT("mmp4"),
                                        STR_INIT("dash")};

    if (bytes.len < LEAST || !str_starts(str_skip(bytes, BOX_TYPE), STR("ftyp")))
        return false;
    for (size_t i = 0; i < COUNT_OF(brands); i++)
        if (str_starts(str_skip(bytes, BRAND), brands[i]))
            return true;
    return false;
}

static unsigned bit_of(struct str bytes)
{
    for (size_t i = 0; i < COUNT_OF(beginnings); i++)
        if (str_starts(bytes, beginnings[i].text))
            return beginnings[i].bit;
    if (is_bmp(bytes))
        return BMP;
    if (is_mp4(bytes))
        return MP4;
    return is_mp3_frame(bytes) ? MP3 : 0;
}

const struct media_format *media_format_of(struct str bytes)
{
    const unsigned bit = bit_of(bytes);

    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (formats[i].bit == bit)
            return &formats[i];
    return NULL;
}

const struct media_use *media_use_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++)
        if (str_eq_cstr(name, uses[i].name))
            return &uses[i];
    return NULL;
}

/* What stands between the last slash and the last dot. */
static struct str stem_of(struct str name)
{
    size_t begin = 0;
    size_t end = name.len;

    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '/' || name.ptr[i] == '\\')
            begin = i + 1;
    for (size_t i = begin; i < name.len; i++)
        if (name.ptr[i] == '.')
            end = i;
    return str_of(name.ptr + begin, end - begin);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* One for each character, not for each of its bytes. */
static bool is_tail(char c)
{
    return ((uint8_t)c & 0xC0) == 0x80;
}

void media_filename(struct str wanted, const struct media_format *format,
                    char out[MEDIA_FILENAME_SIZE])
{
    const struct str stem = str_is_empty(wanted) ? wanted : stem_of(wanted);
    size_t len = 0;

    for (size_t i = 0; i < stem.len && len < STEM_MAX; i++)
        if (!is_tail(stem.ptr[i]))
            out[len++] = is_plain(stem.ptr[i]) ? stem.ptr[i] : '_';
    (void)snprintf(out + len, MEDIA_FILENAME_SIZE - len, "%s%s", len > 0 ? "" : "file",
                   format->extension);
}
