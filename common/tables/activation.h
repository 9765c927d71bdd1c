/* SPDX-License-Identifier: Apache-2.0 */
/* activation, and member.activated_at, from event.activation. */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/activation.h"

extern const struct table TABLE_ACTIVATION;
extern const struct table TABLE_MEMBER_ACTIVATED;

/* Values live in the arena and borrow from what they are made of; NULL: no memory. */
const struct db_value *activation_row(struct arena *arena, const struct activation *a,
                                      struct str event_id);
const struct db_value *member_activated_row(struct arena *arena, const struct activation *a);
