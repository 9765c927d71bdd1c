/* SPDX-License-Identifier: Apache-2.0 */
/* For specials' `after`: what a command did, as records of event.binding. */
#pragma once

#include "command.h"
#include "model/binding.h"

/* What all records of this command have; the rest is the caller's to set. Borrows from both. */
struct binding tell_record(const struct command *c, const struct reply *reply, const char *kind);
/* The reply's answer, the caller's to free; NULL: it has none. ST_RETRY, ST_REJECT: as json_parse.
 */
MUST_CHECK enum status tell_answer(const struct reply *reply, struct json **answer,
                                   struct err *err);
