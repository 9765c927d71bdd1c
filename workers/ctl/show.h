/* SPDX-License-Identifier: Apache-2.0 */
/* Records as they are: bytes that are no text are Base64 for programs, \xNN for people. */
#pragma once

#include "codec/jsonw.h"
#include "kafka/record.h"

#include <stdbool.h>
#include <stdio.h>

/* A text, or {"base64":"..."}; null when absent. */
void show_bytes(struct jsonw *w, struct str bytes);
/* The members key, headers and value of an object that is open; a value that is JSON stands as it
 * is. */
void show_members(struct jsonw *w, const struct record *record);
/* Key, headers and value to stdout, a line each; what could move a terminal's cursor is escaped,
 * and personal data masked unless reveal. */
void show_print(const struct record *record, bool reveal);
void show_print_bytes(struct str bytes);
void show_bytes_to(FILE *to, struct str bytes); /* the same to another place */
/* To stdout with a closing newline; false when the text was too long for memory. */
MUST_CHECK bool show_print_json(const struct buf *json);
