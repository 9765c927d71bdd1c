/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about somebody who was erased since they were asked for: not carried out, and what
 * WeChat tells of such a person is not told on. A command that is given again is as old as it was.
 */
#pragma once

#include "command.h"

/* When the command was asked for, wall ms: when it was first produced, or its ce_time where that is
 * later. */
int64_t command_asked_ms(const struct command *c);
/* ST_REJECT, code "erased": the body names an erased person, or their card. */
MUST_CHECK enum status command_refuse_erased(struct command *c, struct err *err);
/* Takes the answer out of a reply that names one. ST_RETRY: no memory. */
MUST_CHECK enum status command_hush_erased(const struct command *c, struct reply *reply,
                                           struct err *err);
