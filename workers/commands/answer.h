/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what became of a command: on result.wechat, and where reply_to says. */
#pragma once

#include "command.h"

/* Each waits for the acknowledgement. An answer that is too large for a record is left out. */

MUST_CHECK enum status answer_done(struct command *c, const struct reply *reply, struct err *err);
/* outcome is any but done; why->code and text go out. */
MUST_CHECK enum status answer_not_done(struct command *c, const char *outcome,
                                       const struct err *why, struct err *err);
