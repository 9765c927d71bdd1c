/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is, by its first bytes, and what WeChat takes of it. Pure functions. */
#pragma once

#include "base/str.h"

struct media_format {
    unsigned bit; /* of struct media_use.formats */
    const char *extension;
    const char *content_type;
};

/* NULL: none that we know (JPEG, PNG, GIF, BMP, MP3, AMR, MP4). Borrows nothing. */
const struct media_format *media_format_of(struct str bytes);

/* What a file is sent for, and what WeChat takes then (wechat-api 6). */
struct media_use {
    const char *name;  /* "uploadimg", or the type of media.upload */
    const char *part;  /* name of the form's part */
    const char *query; /* of the call */
    unsigned formats;
    size_t max_bytes;
};

const struct media_use *media_use_find(struct str name); /* NULL: no such type */

enum { MEDIA_FILENAME_SIZE = 72 };

/* The caller's name with the extension of what the file is, in plain letters: with others WeChat
 * has answered 41005. "../会 员.txt" is "____.png" then, an empty one "file.png". */
void media_filename(struct str wanted, const struct media_format *format,
                    char out[MEDIA_FILENAME_SIZE]);
