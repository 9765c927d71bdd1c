/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding and query strings (RFC 3986, form encoding for queries). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>

void url_encode(struct str raw, struct buf *out); /* everything but unreserved characters */
/* plus: '+' reads as blank (queries). Borrowed from text when there is nothing to decode, else in
 * the arena. The absent str on a broken escape, NUL byte or short memory. */
struct str url_decode(struct str text, bool plus, struct arena *arena);
/* Decoded value of the first parameter of that name in a raw query string, empty when it stands
 * without '='; absent when there is none or it cannot be decoded. Memory as in url_decode. */
struct str url_query(struct str query, const char *name, struct arena *arena);
/* url with these parameters behind its own, without its fragment; in the arena, NUL-terminated.
 * NULL: no memory. */
const char *url_with_query(struct str url, struct str query, struct arena *arena);
/* "https://host:port/path?query" without its query and fragment, for logs and errors; with
 * credentials before the host, without them and the scheme. Borrowed from url. */
struct str url_without_query(struct str url);
/* http:// on 127.0.0.0/8, [::1] or localhost; false for every spelling that parsers may read
 * differently. */
bool url_is_loopback_http(struct str url);
