/* SPDX-License-Identifier: Apache-2.0 */
/* What calls that change a card have in common. */
#pragma once

#include "wxsim/api.h"

#include <stddef.h>

/* A field of the call that replaces a text of the card. */
struct sim_card_text {
    const char *field;
    size_t offset; /* of a char * in struct sim_member */
};

/* Like sim_find_card, and 40127 unless the card is NORMAL. */
MUST_CHECK int sim_find_usable_card(const struct sim_call *call, struct sim_member **out);
/* Texts that the call gives replace the card's; an empty one leaves it. Returns an errcode. */
MUST_CHECK int sim_card_keep_texts(const struct sim_call *call, struct sim_member *card,
                                   const struct sim_card_text *texts, size_t count);
