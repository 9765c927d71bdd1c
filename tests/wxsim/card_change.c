/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/card_change.h"

#include "wxsim/calls.h"
#include "wxsim/errcode.h"

int sim_find_usable_card(const struct sim_call *call, struct sim_member **out)
{
    struct sim_member *card;
    const int errcode = sim_find_card(call, &card);

    if (errcode != SIM_OK)
        return errcode;
    if (!sim_member_has_status(card, "NORMAL"))
        return SIM_BAD_CARD_STATE;
    *out = card;
    return SIM_OK;
}

int sim_card_keep_texts(const struct sim_call *call, struct sim_member *card,
                        const struct sim_card_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct str text = sim_call_str(call, texts[i].field);
        char **slot = (char **)(void *)((char *)card + texts[i].offset);

        if (!str_is_empty(text) && !sim_member_set_text(slot, text))
            return SIM_BUSY;
    }
    return SIM_OK;
}
