/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads (wechat-api 6): a form with one file, told by its content. */
#include "base/rand.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

enum { PICTURE_MAX = 1024 * 1024 };

enum format {
    UNKNOWN,
    JPG = 1 << 0,
    PNG = 1 << 1,
    GIF = 1 << 2,
    BMP = 1 << 3,
    AMR = 1 << 4,
    MP3 = 1 << 5,
    MP4 = 1 << 6
};

static const struct {
    enum format format;
    size_t at;
    struct str bytes;
} beginnings[] = {
    {JPG, 0, STR_INIT("\xff\xd8\xff")}, {PNG, 0, STR_INIT("\x89PNG\r\n\x1a\n")},
    {GIF, 0, STR_INIT("GIF8")},         {BMP, 0, STR_INIT("BM")},
    {AMR, 0, STR_INIT("#!AMR")},        {MP3, 0, STR_INIT("ID3")},
    {MP3, 0, STR_INIT("\xff\xfb")},     {MP4, 4, STR_INIT("ftyp")},
};

static const struct {
    enum format format;
    const char *suffix;
} suffixes[] = {
    {JPG, ".jpg"}, {JPG, ".jpeg"}, {PNG, ".png"}, {GIF, ".gif"},
    {BMP, ".bmp"}, {AMR, ".amr"},  {MP3, ".mp3"}, {MP4, ".mp4"},
};

static const struct {
    const char *type;
    size_t max_bytes;
    int formats;
} types[] = {
    {"image", 10 << 20, BMP | PNG | JPG | GIF},
    {"voice", 2 << 20, AMR | MP3},
    {"video", 10 << 20, MP4},
    {"thumb", 64 << 10, JPG},
};

static enum format format_of(struct str bytes)
{
    for (size_t i = 0; i < COUNT_OF(beginnings); i++)
        if (str_starts(str_skip(bytes, beginnings[i].at), beginnings[i].bytes))
            return beginnings[i].format;
    return UNKNOWN;
}

static bool name_fits(struct str filename, enum format format)
{
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        const struct str suffix = str_from(suffixes[i].suffix);

        if (suffixes[i].format == format && filename.len > suffix.len &&
            str_ieq(str_skip(filename, filename.len - suffix.len), suffix))
            return true;
    }
    return false;
}

/* Without a file name or a type of content a part is no file; neither is one that is empty. */
static bool is_file(const struct sim_part *part)
{
    return part != NULL && !str_is_empty(part->filename) && !str_is_empty(part->content_type) &&
           part->bytes.len > 0;
}

static int upload_picture(struct sim_call *call)
{
    const struct sim_part *part = sim_form_part(&call->form, "buffer");
    const char *host = call->account->picture_host;
    enum format format;

    if (part == NULL)
        part = sim_form_part(&call->form, "media");
    if (!is_file(part) || call->form.count != 1)
        return SIM_NO_MEDIA;
    if (part->bytes.len > PICTURE_MAX)
        return SIM_TOO_LARGE;
    format = format_of(part->bytes);
    if (format != JPG && format != PNG)
        return SIM_BAD_PICTURE_FORMAT;
    if (!name_fits(part->filename, format))
        return SIM_NO_MEDIA;
    call->account->totals[SIM_UPLOADS]++;
    jsonw_key_str(&call->w, "url",
                  arena_printf(call->request.arena, "http://%s/mmbiz/%016llx%016llx/0",
                               host != NULL ? host : "mmbiz.qpic.cn",
                               (unsigned long long)rand_u64(), (unsigned long long)rand_u64()));
    return SIM_OK;
}

static int check_media(const struct sim_part *part, struct str type)
{
    size_t i = 0;
    enum format format;

    while (i < COUNT_OF(types) && !str_eq_cstr(type, types[i].type))
        i++;
    if (i == COUNT_OF(types))
        return SIM_BAD_MEDIA_TYPE;
    if (!is_file(part))
        return SIM_NO_MEDIA;
    if (part->bytes.len > types[i].max_bytes)
        return SIM_TOO_LARGE;
    format = format_of(part->bytes);
    if (((int)format & types[i].formats) == 0)
        return SIM_BAD_FILE_TYPE;
    return name_fits(part->filename, format) ? SIM_OK : SIM_NO_MEDIA;
}

static int upload_media(struct sim_call *call)
{
    const struct str type = sim_call_param(call, "type");
    const int errcode = check_media(sim_form_part(&call->form, "media"), type);
    const bool thumb = str_eq(type, STR("thumb"));

    if (errcode != SIM_OK)
        return errcode;
    if (call->form.count != 1)
        return SIM_NO_MEDIA;
    call->account->totals[SIM_UPLOADS]++;
    jsonw_key_str(&call->w, "type", type);
    jsonw_key_str(&call->w, thumb ? "thumb_media_id" : "media_id",
                  arena_printf(call->request.arena, "%016llx%016llx%016llx%016llx",
                               (unsigned long long)rand_u64(), (unsigned long long)rand_u64(),
                               (unsigned long long)rand_u64(), (unsigned long long)rand_u64()));
    jsonw_key_i64(&call->w, "created_at", call->now_ms / 1000);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/media/uploadimg", HTTP_POST, .bare = true, .form = true, .fn = upload_picture},
    {"/cgi-bin/media/upload", HTTP_POST, .bare = true, .form = true, .fn = upload_media},
};
const struct sim_family SIM_MEDIA_CALLS = {rows, COUNT_OF(rows)};
