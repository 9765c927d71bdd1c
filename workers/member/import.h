/* SPDX-License-Identifier: Apache-2.0 */
/* A card that kabaoctl import found: a look at it, as after a push, and a word about it in table
 * import_card. The record (kabao.member.import, on redrive.member alone) is one of state.member
 * with what the source knows of the person, and `run`. */
#pragma once

#include "run/lane.h"

/* A card that the run wants no more of (looked at already, the run is over) is passed over. What
 * WeChat refuses for good is the card's outcome and no dead letter. */
enum status import_on_card(struct lane *lane, const struct message *message, struct err *err);
/* worker_def.on_dead: the run is told. Other records are none of its business. */
enum status import_on_dead(struct lane *lane, const struct message *message, const struct err *why,
                           struct err *err);
