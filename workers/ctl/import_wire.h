/* SPDX-License-Identifier: Apache-2.0 */
/* What an import sends: cards to kabao-member, by its redrive topic, where live records go before
 * them; commands to kabao-command. What becomes of them stands in the database. One thread. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "model/id.h"
#include "tables/import.h"

struct import_wire;

/* ST_FATAL: a topic does not exist. */
MUST_CHECK enum status import_wire_open(const struct settings *settings,
                                        const struct account *account, struct import_wire **out,
                                        struct err *err);
void import_wire_close(struct import_wire *w); /* NULL is fine */

/* Both return before the broker has it: a failure shows in import_wire_poll. */
MUST_CHECK enum status import_wire_card(struct import_wire *w, const char *run_id,
                                        const struct import_card *card, struct err *err);
/* body: JSON. */
MUST_CHECK enum status import_wire_command(struct import_wire *w, const char *type,
                                           const struct id *id, struct str body, struct err *err);
/* The same run asks for the same under the same id: "user.list" behind an openid, "user.cards" of
 * one. */
void import_command_id(const char *run_id, const char *type, struct str openid, struct id *out);

/* Serves for timeout_ms at most. ST_RETRY: something did not reach the broker. */
MUST_CHECK enum status import_wire_poll(struct import_wire *w, int timeout_ms, struct err *err);
