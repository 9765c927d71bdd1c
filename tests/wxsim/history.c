/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/history.h"

#include "base/mem.h"
#include "base/num.h"

#include <string.h>

enum { ROOM_FIRST = 4 };

/* False: this one is counted only. */
static bool make_room(struct sim_history *h)
{
    const size_t room = h->room > 0 ? 2 * h->room : ROOM_FIRST;
    struct sim_notice *grown;

    if (h->kept_count == SIM_NOTICES_KEPT)
        return false;
    if (h->kept_count < h->room)
        return true;
    grown = mem_resize(h->kept, room * sizeof(*grown));
    if (grown == NULL)
        return false;
    h->kept = grown;
    h->room = room;
    return true;
}

void sim_history_notice(struct sim_history *h, const struct sim_notice *notice)
{
    h->notices++;
    if (strcmp(notice->about, "bonus") == 0)
        h->add_bonus_shown = num_add_i64(h->add_bonus_shown, notice->add);
    if (strcmp(notice->about, "balance") == 0)
        h->add_balance_shown = num_add_i64(h->add_balance_shown, notice->add);
    if (make_room(h))
        h->kept[h->kept_count++] = *notice;
}

void sim_history_write_counts(const struct sim_history *h, struct jsonw *w)
{
    jsonw_key_i64(w, "activations", h->activations);
    jsonw_key_i64(w, "updates", h->updates);
    jsonw_key_i64(w, "consumed", h->consumed);
    jsonw_key_i64(w, "notices", h->notices);
    jsonw_key_i64(w, "add_bonus_shown", h->add_bonus_shown);
    jsonw_key_i64(w, "add_balance_shown", h->add_balance_shown);
}

void sim_history_write_notices(const struct sim_history *h, struct jsonw *w)
{
    jsonw_array(w);
    for (size_t i = 0; i < h->kept_count; i++) {
        const struct sim_notice *notice = &h->kept[i];

        jsonw_object(w);
        jsonw_key_str(w, "about", str_from(notice->about));
        jsonw_key_i64(w, "add", notice->add);
        jsonw_key_i64(w, "value", notice->value);
        jsonw_key_str(w, "text", str_from(notice->text));
        jsonw_key_i64(w, "at_ms", notice->at_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void sim_history_done(struct sim_history *h)
{
    mem_free(h->kept);
    memset(h, 0, sizeof(*h));
}
