/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are files (Docker, Kubernetes and systemd credentials fit). */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Reads the file (64 KiB at most) without its final newline (LF or CRLF; one) into out, whose
 * memory the caller wipes with buf_done_secret. ST_FATAL names setting and path: not set (path
 * NULL), missing, unreadable, too large, or empty. */
MUST_CHECK enum status secret_read(const char *setting, const char *path, struct buf *out,
                                   struct err *err);

/* Appends the bytes as they stand; the file must be shorter than what out->max leaves. For
 * settings files as well: a [kafka] section may hold a password. ST_FATAL names the path. */
MUST_CHECK enum status secret_file_read(const char *path, struct buf *out, struct err *err);
