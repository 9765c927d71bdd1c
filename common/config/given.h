/* SPDX-License-Identifier: Apache-2.0 */
/* Where every key of the settings was given, and what is refused of them: the loading notes it, the
 * checks ask for it. For settings_load.c and settings_check.c. */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "config/ini.h"

#include <stdbool.h>

struct map;

/* Places are texts for messages: "kabao.ini:12", or the name of a variable. */
struct given {
    char file[INI_WHERE_SIZE]; /* for what has no place of its own */
    struct map *places;        /* of "section key" */
    struct ini_refusals refusals;
};

/* first and report as in settings_load; borrowed. False: no memory. */
MUST_CHECK bool given_init(struct given *g, const char *file, struct err *first,
                           struct buf *report);
void given_done(struct given *g); /* zeroed is fine */

/* Of sections and keys in the list only (they are short); key "": the section itself. Also when the
 * value is refused. The place is copied; the last one counts. */
void given_note(struct given *g, struct str section, const char *key, const char *place);
/* Borrowed until the next given_note; NULL when neither file nor environment gave it. */
const char *given_place(const struct given *g, struct str section, const char *key);
/* The same, for messages: the file instead of NULL. */
const char *given_where(const struct given *g, struct str section, const char *key);

/* "WHERE: TEXT". */
void given_refuse(struct given *g, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);
void given_refuse_memory(struct given *g);
