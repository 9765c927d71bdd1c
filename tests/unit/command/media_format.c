/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/media_format.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

#define BMP_HEAD "BM\x7A\0\0\0\0\0\0\0\x7A\0\0\0"
#define BMP_REST "\x6C\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x20\0"

static const struct {
    struct str bytes;
    const char *content_type; /* NULL: none */
} BEGINNINGS[] = {
    {STR_INIT("\xFF\xD8\xFF\xE0\0\x10JFIF"), "image/jpeg"},
    {STR_INIT("\xFF\xD8\xFF"), "image/jpeg"},
    {STR_INIT("\xFF\xD8"), NULL},
    {STR_INIT("\x89PNG\r\n\x1A\n\0\0\0\rIHDR"), "image/png"},
    {STR_INIT("\x89PNG\n\x1A\n"), NULL},
    {STR_INIT("GIF87a"), "image/gif"},
    {STR_INIT("GIF89a\x01\0"), "image/gif"},
    {STR_INIT("GIF88a"), NULL},
    {STR_INIT(BMP_HEAD BMP_REST), "image/bmp"},
    {STR_INIT(BMP_HEAD), NULL},
    {STR_INIT("BMW is a car, and no picture at all"), NULL},
    {STR_INIT("ID3\x03\0\0\0\0\0\0"), "audio/mpeg"},
    {STR_INIT("\xFF\xFB\x90\x64"), "audio/mpeg"},
    {STR_INIT("\xFF\xF3\x18\xC4"), "audio/mpeg"},
    {STR_INIT("\xFF\xEB\x90\x64"), NULL},
    {STR_INIT("\xFF\xFB\xF0\x64"), NULL},
    {STR_INIT("\xFF\xFB\x9C\x64"), NULL},
    {STR_INIT("\xFF\xF1\x50\x80"), NULL}, /* AAC */
    {STR_INIT("\xFF\xFB\x90"), NULL},
    {STR_INIT("\xFF\xFE\x90\x64"), NULL}, /* UTF-16 */
    {STR_INIT("#!AMR\n\x3C"), "audio/amr"},
    {STR_INIT("#!AMR-WB\n\x04"), "audio/amr"},
    {STR_INIT("#!AMR_MC1.0\n"), NULL},
    {STR_INIT("#!/bin/sh\n"), NULL},
    {STR_INIT("\0\0\0\x18"
              "ftypisom\0\0\x02\0"),
     "video/mp4"},
    {STR_INIT("\0\0\0\x20"
              "ftypmp42\0\0\0\0"),
     "video/mp4"},
    {STR_INIT("\0\0\0\x20"
              "ftypheic\0\0\0\0"),
     NULL},
    {STR_INIT("\0\0\0\x20"
              "ftypqt  \0\0\0\0"),
     NULL},
    {STR_INIT("\0\0\0\x20"
              "ftyp"),
     NULL},
    {STR_INIT("RIFF\0\0\0\0WEBPVP8 "), NULL},
    {STR_INIT("<svg xmlns=\"http://www.w3.org/2000/svg\">"), NULL},
    {STR_INIT("<html>not found</html>"), NULL},
    {STR_INIT("\x1F\x8B\x08"), NULL},
    {STR_INIT(" \xFF\xD8\xFF\xE0"), NULL},
    {STR_INIT(""), NULL},
    {{NULL, 0}, NULL},
};

static void test_format_goes_by_the_first_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(BEGINNINGS); i++) {
        const struct media_format *format = media_format_of(BEGINNINGS[i].bytes);

        if ((format == NULL) != (BEGINNINGS[i].content_type == NULL) ||
            (format != NULL && strcmp(format->content_type, BEGINNINGS[i].content_type) != 0))
            fail_msg("row %zu is %s", i, format != NULL ? format->content_type : "nothing");
    }
}

/* One byte less or another byte never makes it something else than before or nothing. */
static void test_format_of_every_beginning_is_safe(void **state)
{
    static const struct str whole = STR_INIT("\0\0\0\x18"
                                             "ftypisom\0\0\x02\0");

    (void)state;
    for (size_t len = 0; len < whole.len; len++) {
        char *exact = test_malloc(len > 0 ? len : 1);

        memcpy(exact, whole.ptr, len);
        assert_null(media_format_of(str_of(exact, len)));
        test_free(exact);
    }
}

static void test_use_says_what_wechat_takes(void **state)
{
    static const struct {
        const char *name;
        const char *part;
        size_t max_bytes;
        size_t formats;
    } rows[] = {
        {"uploadimg", "buffer", 1048576, 2}, {"image", "media", 10485760, 4},
        {"voice", "media", 2097152, 2},      {"video", "media", 10485760, 1},
        {"thumb", "media", 65536, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct media_use *use = media_use_find(str_from(rows[i].name));

        assert_non_null(use);
        assert_string_equal(use->part, rows[i].part);
        assert_int_equal(use->max_bytes, rows[i].max_bytes);
        assert_int_equal(__builtin_popcount(use->formats), rows[i].formats);
    }
    assert_null(media_use_find(STR("news")));
    assert_null(media_use_find((struct str){0}));
}

static void test_filename_is_plain_and_fits_the_file(void **state)
{
    static const struct {
        struct str wanted;
        const char *name;
    } rows[] = {
        {STR_INIT("logo.png"), "logo.png"},
        {STR_INIT("logo.jpeg"), "logo.png"},
        {STR_INIT("logo"), "logo.png"},
        {STR_INIT("a.b.exe"), "a_b.png"},
        {STR_INIT("../../etc/passwd"), "passwd.png"},
        {STR_INIT("C:\\x\\y.bmp"), "y.png"},
        {STR_INIT("会员 卡.png"), "____.png"},
        {STR_INIT("a\"\r\nX: 1.png"), "a___X__1.png"},
        {STR_INIT(".png"), "file.png"},
        {STR_INIT("a/"), "file.png"},
        {STR_INIT(""), "file.png"},
        {{NULL, 0}, "file.png"},
        {STR_INIT("a\0b.png"), "a_b.png"},
    };
    const struct media_format *png = media_format_of(STR("\x89PNG\r\n\x1A\n"));
    char name[MEDIA_FILENAME_SIZE];
    char lengthy[300];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        media_filename(rows[i].wanted, png, name);
        assert_string_equal(name, rows[i].name);
    }
    memset(lengthy, 'x', sizeof(lengthy));
    media_filename(str_of(lengthy, sizeof(lengthy)), png, name);
    assert_true(strlen(name) < sizeof(name) && str_ends(str_from(name), STR("xxx.png")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_goes_by_the_first_bytes),
        cmocka_unit_test(test_format_of_every_beginning_is_safe),
        cmocka_unit_test(test_use_says_what_wechat_takes),
        cmocka_unit_test(test_filename_is_plain_and_fits_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
