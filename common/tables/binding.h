/* SPDX-License-Identifier: Apache-2.0 */
/* binding, from event.binding: who is bound to which scene, since and until when. */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/binding.h"

extern const struct table TABLE_BINDING;

/* Values live in the arena and borrow from what they are made of; NULL: no memory. Only for the
 * kinds bound and unbound. */
const struct db_value *binding_row(struct arena *arena, const struct binding *b);
