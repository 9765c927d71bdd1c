/* SPDX-License-Identifier: Apache-2.0 */
/* Files of JSON that people edit: a menu, the rules of replies. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "ctl.h"

struct json;

/* With line breaks and indents; a list or object without another in it keeps its line. */
void menu_file_format(const struct json *value, struct buf *out);
/* EXIT_DONE: path may be written: there is no such file, or --yes, or a person agreed. Else told.
 */
int menu_file_ask(const struct ctl *ctl, const char *path);
/* Mode 0644; readers have the old file or the new one. ST_RETRY: told by errno. */
MUST_CHECK enum status menu_file_put(const char *path, struct str text, struct err *err);
