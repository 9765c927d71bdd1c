/* SPDX-License-Identifier: Apache-2.0 */
/* The INI syntax, by libini_config (SSSD's parser: exact line numbers, no length limit).
 *
 * Lines are "[section]", "key = value", or a comment that begins with # or ; in the first column.
 * A value runs to the end of its line and keeps inner blanks, quotes, # and ;. Names are printable
 * ASCII without "!". CRLF and a UTF-8 byte order mark are tolerated. A line that begins with a
 * blank is refused: the library would append it to the value above. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum { INI_WHERE_SIZE = 96 };

/* "kabao.ini:12" for messages; a long path keeps its end, line 0 is left out. */
void ini_where(const char *path, unsigned line, char out[INI_WHERE_SIZE]);

/* What settings are refused for: the first for the caller's err, all (one line each) for report,
 * which may be NULL. */
struct ini_refusals {
    struct err *first;
    struct buf *report;
    bool any;
};

void ini_refuse(struct ini_refusals *refusals, const struct err *why);

/* One call per section header (key and value absent) and one per key, in file order. A status
 * other than ST_OK ends the reading and is passed on. Memory is borrowed for the call. */
typedef enum status ini_fn(void *arg, struct str section, struct str key, struct str value,
                           unsigned line, struct err *err);

/* ST_FATAL "FILE:LINE: ..." on syntax errors, on bytes that are no UTF-8 text, on a key before the
 * first section, and on a section or key given twice (without regard to case): err has the first,
 * report (may be NULL) all of them, one a line; fn is not called then. ST_FATAL as well when the
 * file cannot be read or is larger than 256 KiB. */
MUST_CHECK enum status ini_read(const char *path, ini_fn *fn, void *arg, struct buf *report,
                                struct err *err);
