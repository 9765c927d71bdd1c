/* SPDX-License-Identifier: Apache-2.0 */
/* wechat_event (every push) and card_use (redemptions and payments). */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/event.h"

extern const struct table TABLE_WECHAT_EVENT;
extern const struct table TABLE_CARD_USE;

/* Values live in the arena and borrow from what they are made of; NULL: no memory. */
const struct db_value *event_row(struct arena *arena, const struct event *e, struct str event_id,
                                 struct str body);
/* For user_consume_card and user_pay_from_pay_cell. */
const struct db_value *card_use_row(struct arena *arena, const struct event *e,
                                    struct str event_id);
