/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a card without a command. */
#pragma once

#include "run/lane.h"

/* kabao.wechat.update_member_card: our own change come back, or somebody else's. */
MUST_CHECK enum status foreign_on_update(struct lane *lane, const struct message *message,
                                         struct err *err);
/* kabao.card.activated: opens the account; points of a card given away may move. */
MUST_CHECK enum status foreign_on_activation(struct lane *lane, const struct message *message,
                                             struct err *err);
