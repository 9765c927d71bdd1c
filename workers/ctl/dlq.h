/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of kabaoctl dlq share. */
#pragma once

#include "letters.h"

/* The words WORKER [P:O] and the options that choose letters; of all that died. Returns EXIT_DONE,
 * or what ctl_usage returned. */
int dlq_select(const struct ctl *ctl, struct letters_query *out);
/* What would be done to a letter; static. */
typedef const char *dlq_would_fn(void *arg, const struct dead *dead);
/* A table and how many there are by reason, or a JSON list; would may be NULL. An exit code. */
int dlq_print_list(const struct ctl *ctl, const struct letters *letters, dlq_would_fn *would,
                   void *arg);
