/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts' tokens and tickets as state.token has them, read on a thread of its own. In clear
 * in memory only: not for logs, metrics or problems. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "wechat/tokens.h"

#include <stdbool.h>

struct tickets;

/* settings are borrowed for its life. ST_OK with *out NULL: [token] seal_key_file is not set, or
 * cannot be used, which has been logged; pushes do not depend on it. ST_FATAL: no memory, no
 * thread. */
MUST_CHECK enum status tickets_open(const struct settings *settings, struct tickets **out,
                                    struct err *err);
void tickets_close(struct tickets *t); /* wipes; NULL is fine */

/* Thread-safe, as all that follows. */

/* What stood in the topic at the start has been read. */
bool tickets_are_read(const struct tickets *t);
/* A copy for the caller to wipe; false when there is none, or it has expired. */
bool tickets_get(struct tickets *t, const struct account *account, enum token_kind kind,
                 struct token_entry *out);
/* True when this is the account's current access token, and that it failed has not been said within
 * the last minute: the caller passes it on. */
bool tickets_is_news(struct tickets *t, const struct account *account, struct str token,
                     char fingerprint[FINGERPRINT_SIZE]);
/* It has been passed on, and the broker has it. True for the first to say so. */
bool tickets_told(struct tickets *t, const struct account *account, struct str token);
