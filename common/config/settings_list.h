/* SPDX-License-Identifier: Apache-2.0 */
/* The list of keys as settings.c holds it, and the structs behind it (settings_new.c): for the
 * other settings_*.c and the tests of the list. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "config/rows.h"
#include "config/settings.h"

/* In the order in which they are printed and described. */
const struct row *settings_rows(size_t *count);
/* "account", "command" and "kafka" among them; NULL past the last. */
const char *settings_section(size_t index);
const char *settings_section_help(size_t index);
/* Whether there is one for each NAME: "account", "command". */
bool settings_has_names(const char *section);
/* Where in struct settings the rows' part of a section without names is; of kafka, which has no
 * rows, where its properties are. */
size_t settings_section_offset(size_t index);

/* All presets, no account and no command. */
MUST_CHECK enum status settings_new(struct settings **out, struct err *err);
/* Nothing happens when the account is there. */
MUST_CHECK enum status settings_account_add(struct settings *s, struct str name, struct err *err);
/* The same; a command has no presets. */
MUST_CHECK enum status settings_command_add(struct settings *s, struct str name, struct err *err);
/* Sets or replaces. */
MUST_CHECK enum status settings_kafka_set(struct settings *s, struct str name, struct str value,
                                          struct err *err);

/* For a path that has no limit yet, as the file gives every key once; limit->path is not used. */
MUST_CHECK enum status settings_limit_add(struct settings *s, struct str path,
                                          const struct quota_limit *limit, struct err *err);

/* The struct behind "topic", "account demo" or "command a.b", and in *family what its rows call it
 * ("topic", "account", "command"). NULL when there is none; [kafka] has no struct of rows. Borrowed
 * until the next settings_account_add or settings_command_add. */
void *settings_base(struct settings *s, struct str section, const char **family);
