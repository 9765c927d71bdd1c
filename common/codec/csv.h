/* SPDX-License-Identifier: Apache-2.0 */
/* CSV files with a header row (RFC 4180), by libcsv; the only user of it. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* A table of these ends with a NULL name. */
struct csv_column {
    const char *name; /* as the header row has it; case and blanks around it do not matter */
    bool required;    /* the header must have it */
};

/* values: one for each column asked for, in that order, trimmed; unset (str_is_set) where the file
 * has no such column, empty where the cell is empty or the row ends before it. Borrowed for the
 * call. line: where the row begins, from 1. Another status than ST_OK ends the reading and is
 * csv_read's. */
typedef enum status csv_row_fn(void *arg, size_t line, const struct str *values, struct err *err);

/* Reads the whole file, row by row, at constant memory. UTF-8, with or without a byte-order mark;
 * LF or CRLF; other columns are passed over, as are empty lines. ST_FATAL, err->text with path and
 * line: it cannot be read, is not UTF-8 text (a spreadsheet's GBK: says so), has no header row,
 * lacks a required column, names one of the columns twice, has a row of more cells than the header,
 * a quote that is not closed or stands inside a cell, or a cell over 64 KiB. */
MUST_CHECK enum status csv_read(const char *path, const struct csv_column *columns, csv_row_fn *fn,
                                void *arg, struct err *err);

/* Appends a row with its CRLF to out; quotes where RFC 4180 asks for it; unset values are empty.
 * What it wrote csv_read gives back, but for blanks around a value. (csv_write is libcsv's.) */
void csv_add_row(struct buf *out, const struct str *values, size_t count);
