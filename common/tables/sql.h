/* SPDX-License-Identifier: Apache-2.0 */
/* What the statements of this folder share. Numbers of placeholders are few, so that few statements
 * have to be prepared and remembered. */
#pragma once

#include "base/buf.h"
#include "db/mysql.h"

#include <stddef.h>
#include <stdint.h>

/* Appends "(?,?,?)". */
void sql_places(struct buf *sql, size_t count);
/* The largest power of two that is at most both; both are at least 1. */
size_t sql_chunk(size_t count, size_t max);
/* Fills the last of values with copies of values[count - 1], for a list longer than what is in it;
 * count is at least 1. */
void sql_pad(struct db_value *values, size_t count, size_t size);

/* A column as read; none: NULL. */
int64_t sql_int(const struct db_value *column, int64_t none);
struct str sql_text(const struct db_value *column); /* absent: NULL */
