/* SPDX-License-Identifier: Apache-2.0 */
/* A file from a command to WeChat: decoded or fetched, looked at, sent. */
#include "media.h"

#include "codec/base64.h"
#include "http/fetch.h"
#include "media_format.h"

#include <stdio.h>
#include <string.h>

enum {
    INLINE_MAX_BYTES = 700 * 1024,
    BESIDE_FILE_MAX = 64 * 1024, /* address and content type of a reply */
};

static enum status refuse(struct err *err, const char *code, const char *text)
{
    return err_reject(err, REASON_REJECTED, code, "%s", text);
}

/* Who may fetch what is http/fetch.c's; its refusals are ours by name. */
static enum status rename_refusal(struct err *err)
{
    const struct str http = STR("http:");
    char code[sizeof(err->code)];
    const bool is_http = str_starts(str_from(err->code), http);

    (void)snprintf(code, sizeof(code), "%s%s", is_http ? "media:" : "",
                   err->code + (is_http ? http.len : 0));
    (void)snprintf(err->code, sizeof(err->code), "%s", code);
    return ST_REJECT;
}

static enum status fetch(const struct media_request *r, const struct media_use *use,
                         struct arena *arena, struct str *out, struct err *err)
{
    const struct http_fetch wanted = {
        .hosts = r->hosts,
        .url = json_get_str(r->body, "url"),
        .max_bytes = use->max_bytes,
        .traceparent = r->call.traceparent,
    };
    struct http_reply reply = {0};
    enum status rc = http_fetch(r->http, &wanted, deadline_min(r->call.until, r->call.send_by),
                                arena, &reply, err);

    if (rc == ST_OK)
        *out = reply.body;
    return rc == ST_REJECT ? rename_refusal(err) : rc;
}

static enum status decode(const struct media_request *r, struct buf *room, struct str *out,
                          struct err *err)
{
    const struct str text = json_get_str(r->body, "content_base64");

    if (text.len / 4 > INLINE_MAX_BYTES / 3 + 1)
        return refuse(err, "media:size", "content_base64 holds more than 700 KiB");
    if (!base64_parse(text, room)) {
        if (!buf_ok(room))
            return err_retry(err, "http:fetch", "no memory for a file");
        return refuse(err, "media:base64", "content_base64 is no Base64");
    }
    if (room->len > INLINE_MAX_BYTES)
        return refuse(err, "media:size", "content_base64 holds more than 700 KiB");
    *out = buf_str(room);
    return ST_OK;
}

/* format: NULL where it is none that we know. */
static enum status refuse_type(const struct media_format *format, const struct media_use *use,
                               struct err *err)
{
    return err_reject(err, REASON_REJECTED, "media:type", "the file is %s, which %s does not take",
                      format != NULL ? format->content_type : "of no known type", use->name);
}

static enum status refuse_size(size_t bytes, const struct media_use *use, struct err *err)
{
    return err_reject(err, REASON_REJECTED, "media:size", "%s takes %zu bytes, the file has %zu",
                      use->name, use->max_bytes, bytes);
}

static enum status send_file(const struct media_request *r, const struct media_use *use,
                             struct str bytes, struct json **answer, struct err *err)
{
    const struct media_format *format = media_format_of(bytes);
    struct wechat_request request = r->call;
    struct http_file file = {.name = use->part, .bytes = bytes};
    char filename[MEDIA_FILENAME_SIZE];

    if (format == NULL || (format->bit & use->formats) == 0)
        return refuse_type(format, use, err);
    if (bytes.len > use->max_bytes)
        return refuse_size(bytes.len, use, err);
    media_filename(json_get_str(r->body, "filename"), format, filename);
    file.filename = filename;
    file.content_type = format->content_type;
    request.query = str_from(use->query);
    request.file = &file;
    return wechat_call(r->wechat, &request, answer, err);
}

enum status media_send(const struct media_request *r, struct json **answer, struct err *err)
{
    const struct str type = json_get_str(r->body, "type");
    const struct media_use *use = media_use_find(str_is_set(type) ? type : STR("uploadimg"));
    AUTO(buf_done) struct buf room = BUF_INIT(INLINE_MAX_BYTES + 4);
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct str bytes = {0};
    enum status rc;

    if (use == NULL)
        return refuse(err, "media:type", "no such type of media");
    arena.max = use->max_bytes + BESIDE_FILE_MAX;
    rc = json_has(r->body, "url") ? fetch(r, use, &arena, &bytes, err)
                                  : decode(r, &room, &bytes, err);
    return rc == ST_OK ? send_file(r, use, bytes, answer, err) : rc;
}

bool media_is_elsewhere(const struct json *answer)
{
    const struct str url = json_get_str(answer, "url");

    return str_is_set(url) && !str_starts(url, STR("http://mmbiz.qpic.cn/")) &&
           !str_starts(url, STR("https://mmbiz.qpic.cn/"));
}
