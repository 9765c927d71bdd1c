/* SPDX-License-Identifier: Apache-2.0 */
/* A form with one file in it (multipart/form-data), as libcurl wants it. For client.c only. */
#pragma once

#include "http/client.h"

#include <curl/curl.h>

/* What libcurl reads from, while the request lasts. */
struct http_form {
    struct str bytes;
    size_t at;
};

/* The file's bytes are not copied; form and file outlive the result, which curl_mime_free ends.
 * NULL when memory is short. */
curl_mime *http_form_new(CURL *easy, const struct http_file *file, struct http_form *form);
