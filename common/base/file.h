/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes of file descriptors. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

/* The AUTO form of close; -1 is fine. */
void file_close(const int *fd);
/* Adds what fd has to out, until it ends or out is full. ST_FATAL: it cannot be read (err names
 * path), or memory. */
MUST_CHECK enum status file_read(int fd, const char *path, struct buf *out, struct err *err);
/* Writes all of text; false with errno when it cannot be. */
MUST_CHECK bool file_write(int fd, struct str text);
