/* SPDX-License-Identifier: Apache-2.0 */
/* Two request headers of the API: Prefer (RFC 7240) and Idempotency-Key
 * (draft-ietf-httpapi-idempotency-key-header). */
#pragma once

#include "base/str.h"

#include <stdbool.h>

enum { PREFER_WAIT_MAX_S = 60, IDEMPOTENCY_KEY_MAX = 255 };

struct prefer {
    bool respond_async;
    bool has_wait;
    int wait_s; /* 0 to PREFER_WAIT_MAX_S: more is cut */
};

/* Reads what it knows and skips the rest; the first of a name counts, a wait that is no number is
 * none. An absent header prefers nothing. */
struct prefer prefer_parse(struct str header);

/* A quoted structured-field string, or the same unquoted: 1 to 255 characters of ASCII, blanks only
 * inside quotes. False where it is neither. */
bool idempotency_key_parse(struct str header, char out[IDEMPOTENCY_KEY_MAX + 1]);
