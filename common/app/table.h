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

/* A line of a tree. Lives as long as the table. */
struct text_line;

enum text_colour { TEXT_PLAIN, TEXT_GOOD, TEXT_BAD };

/* The column that shows the branches; before the first line. */
MUST_CHECK bool text_table_tree(struct text_table *t, const char *column);
/* As text_table_row; under NULL it begins a tree. NULL: no memory. */
MUST_CHECK struct text_line *text_table_branch(struct text_table *t, struct text_line *parent,
                                               const struct str *cells);
/* Green or red, on a terminal only. */
MUST_CHECK bool text_line_colour(struct text_line *line, size_t column, enum text_colour colour);

/* To stdout: aligned, with colours only on a terminal; JSON: a list of objects. */
MUST_CHECK bool text_table_print(const struct text_table *t);
