/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people, JSON for programs (libsmartcols behind): the output of kabaoctl. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct text_table;

/* columns: names, NULL-terminated, as --json keys; shown in upper case to people. NULL: no memory.
 */
struct text_table *text_table_new(const char *const *columns, bool json);
void text_table_free(struct text_table *t);
DECLARE_FREEP(struct text_table, text_table_free)
/* One cell per column, absent: empty (null in JSON). False: no memory. */
MUST_CHECK bool text_table_row(struct text_table *t, const struct str *cells);
/* To stdout: aligned, with colours only on a terminal; JSON: a list of objects. */
MUST_CHECK bool text_table_print(const struct text_table *t);
