/* SPDX-License-Identifier: Apache-2.0 */
/* How many calls one API path may take: "600/min", "10000/day". */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct quota_limit {
    char *path;     /* "/card/code/get"; owned by the settings */
    int64_t count;  /* calls per per_ms; 0: no limit */
    int64_t per_ms; /* 60000 or 86400000 */
};

/* What quota_limit_parse accepts, for messages. */
extern const char QUOTA_LIMIT_ALLOWED[];

/* Fills count and per_ms, leaves path alone. False, and nothing changed, for anything but digits
 * and "/min" (1 to a million) or "/day" (1 to a thousand million). */
bool quota_limit_parse(struct str text, struct quota_limit *out);
/* As quota_limit_parse reads it; nothing when there is no limit. */
void quota_limit_format(const struct quota_limit *limit, struct buf *out);

struct settings_quota;
/* Of this path; the default one where it has none of its own. Never NULL. */
const struct quota_limit *quota_limit_of(const struct settings_quota *quota, struct str path);
