/* SPDX-License-Identifier: Apache-2.0 */
/* member and member_field, from state.member alone (but for member.activated_at: activation.h). */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/member.h"

extern const struct table TABLE_MEMBER;
extern const struct table TABLE_MEMBER_FIELD;

/* Values live in the arena and borrow from what they are made of; NULL: no memory. */
const struct db_value *member_row(struct arena *arena, const struct member *m);
/* One answer of the card's form; several values are kept as their JSON array. */
const struct db_value *member_field_row(struct arena *arena, const struct member *m,
                                        struct str name, const struct json *value);

/* E.164 of what a form holds: "155 2132 8888" -> "+8615521328888"; the absent str when it is no
 * telephone number. */
struct str member_mobile(struct arena *arena, struct str form_value);
