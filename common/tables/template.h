/* SPDX-License-Identifier: Apache-2.0 */
/* card_template: what the audit events say of a card template. */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/event.h"

extern const struct table TABLE_CARD_TEMPLATE_STATUS;

/* For card_pass_check and card_not_pass_check. Values live in the arena; NULL: no memory. */
const struct db_value *card_template_status_row(struct arena *arena, const struct event *e);
