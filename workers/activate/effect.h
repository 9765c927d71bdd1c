/* SPDX-License-Identifier: Apache-2.0 */
/* The effect: card/membercard/activate, made once for a card and its receipt. */
#pragma once

#include "activate/card.h"
#include "model/id.h"

/* What became of it; the ledger keeps it. */
struct activation_made {
    struct str by; /* kabao; wechat, where the card turned out to be active before the call */
    struct str membership_number;
    struct opt_i64 init_bonus;
    struct str activated_at;
};

/* name is activation_name(). */
void activation_effect_id(struct str name, struct id *out);

/* w has been read; an active card is not activated again, only found in the ledger or noted there.
 * *made: by this call. As lane_effect otherwise. */
MUST_CHECK enum status activation_make(struct card_work *w, struct str receipt,
                                       struct activation_made *out, bool *made, struct err *err);
