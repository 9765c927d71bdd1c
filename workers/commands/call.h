/* SPDX-License-Identifier: Apache-2.0 */
/* Making the call that a command asks for, once where it matters. */
#pragma once

#include "command.h"

/* Through the ledger of effects unless it only reads. ST_REJECT: WeChat's no, or ours (deadline:
 * REASON_EXPIRED; "replay", "idempotency"); REASON_OUTCOME_UNKNOWN: as lane_effect says. A command
 * that was done before brings the same reply. */
MUST_CHECK enum status command_carry_out(struct command *c, struct reply *reply, struct err *err);

/* For specials. */

/* The body as WeChat takes it, in the arena; absent: no memory. */
struct str command_body(const struct command *c);
/* One wechat_call of the command's type with this body (query for GET), and its answer. */
MUST_CHECK enum status command_send(struct command *c, struct str body, struct deadline until,
                                    struct reply *reply, struct err *err);
/* A reply as of WeChat's yes, with this answer. */
void reply_ok(struct reply *reply, struct str answer);
/* Another call that is part of the command, as command_send makes it: by the command's deadline,
 * with WeChat's words on a refusal; *answer is the caller's to free. */
MUST_CHECK enum status command_call(struct command *c, const struct call *call, struct str body,
                                    struct deadline until, struct json **answer, struct err *err);
/* Asks WeChat something else on behalf of the command; *answer is the caller's to free. */
MUST_CHECK enum status command_ask(struct command *c, const struct call *call, struct str body,
                                   struct deadline until, struct json **answer, struct err *err);
/* "no memory for an answer" */
enum status command_no_memory(struct err *err);
