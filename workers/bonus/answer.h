/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a command, or was observed, as a record of result.bonus. */
#pragma once

#include "change.h"

/* From the entry: the same bytes and the same ce_id however often it is told. What failed has a
 * ce_id of its own, for a redrive may bring another answer. */
MUST_CHECK enum status answer_entry(struct lane *lane, const struct message *message,
                                    const struct change *c, struct err *err);
/* Of a command that has no entry, or whose entry is another command's; from what its value says,
 * readable or not. */
MUST_CHECK enum status answer_without_entry(struct lane *lane, const struct message *message,
                                            enum bonus_outcome outcome, const struct err *why,
                                            struct err *err);
