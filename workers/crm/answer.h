/* SPDX-License-Identifier: Apache-2.0 */
/* The commands in the CRM's 2xx answer: {"commands":[{"type","data"}, ...]}. */
#pragma once

#include "run/lane.h"

enum { ANSWER_COMMANDS_MAX = 100 };

/* Emits all of them, or none where one is bad: ST_REJECT, REASON_SCHEMA, code "crm:answer", the
 * text names the place and never a value. Their ids derive from the webhook's id and the place, so
 * that the same answer to the same webhook makes the same records. An answer without commands is
 * fine, and so is one that is no JSON; but what begins as an object has to be one: a text that was
 * cut short must not pass for an answer without commands. */
MUST_CHECK enum status answer_take(struct lane *lane, struct str webhook_id, struct str body,
                                   struct err *err);
