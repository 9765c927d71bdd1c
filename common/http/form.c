/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl reads the file where it lies. */
#include "http/form.h"

#include <string.h>

static size_t on_read(char *out, size_t size, size_t count, void *arg)
{
    struct http_form *form = arg;
    const size_t left = form->bytes.len - form->at;
    const size_t len = size * count < left ? size * count : left;

    memcpy(out, form->bytes.ptr + form->at, len);
    form->at += len;
    return len;
}

/* libcurl goes back to the beginning when a kept connection died under the request. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct http_form *form = arg;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > form->bytes.len)
        return CURL_SEEKFUNC_FAIL;
    form->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

curl_mime *http_form_new(CURL *easy, const struct http_file *file, struct http_form *form)
{
    curl_mime *mime = curl_mime_init(easy);
    curl_mimepart *part = mime != NULL ? curl_mime_addpart(mime) : NULL;

    *form = (struct http_form){.bytes = file->bytes};
    if (part != NULL && curl_mime_name(part, file->name) == CURLE_OK &&
        curl_mime_data_cb(part, (curl_off_t)file->bytes.len, on_read, on_seek, NULL, form) ==
            CURLE_OK &&
        curl_mime_filename(part, file->filename) == CURLE_OK &&
        curl_mime_type(part, file->content_type) == CURLE_OK)
        return mime;
    curl_mime_free(mime);
    return NULL;
}
