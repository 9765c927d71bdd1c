/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of mode sync to kabao-bonus, and its answers. One thread. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "model/id.h"
#include "tables/reconcile.h"

struct wire;

/* Answers to whatever is sent from here on will be seen. ST_FATAL: a topic does not exist. */
MUST_CHECK enum status wire_open(const struct settings *settings, struct wire **out,
                                 struct err *err);
void wire_close(struct wire *w); /* NULL is fine */

/* The same run and card always give the same command, which kabao-bonus answers again without doing
 * it twice; *id is its ce_id. Returns before the broker has it: a failure shows in wire_poll. */
MUST_CHECK enum status wire_send(struct wire *w, const struct account *account, const char *run_id,
                                 const struct reconcile_card *card, struct id *id, struct err *err);

/* Somebody's, the caller knows whose ids are its own. */
struct wire_answer {
    struct str command_id; /* absent: nothing came */
    struct str outcome;
    struct str error_code; /* absent: none, as the message */
    struct str error_message;
};

/* Waits for timeout_ms at most. The texts live until the next call. ST_RETRY: a command did not
 * reach the broker. */
MUST_CHECK enum status wire_poll(struct wire *w, int timeout_ms, struct wire_answer *out,
                                 struct err *err);
