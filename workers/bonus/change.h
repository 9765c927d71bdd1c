/* SPDX-License-Identifier: Apache-2.0 */
/* One change on its way into the account and onto the card, made once (design 8, "Points"). */
#pragma once

#include "run/lane.h"
#include "tables/bonus_ledger.h"
#include "wechat/bonus.h"

struct change {
    /* The caller's; borrowed. */
    struct card card;
    struct str identity; /* of the effect: the record's ce_id, any length */
    struct bonus_word word;

    /* change_make's. */
    char id_room[BONUS_ID_ROOM];
    struct bonus_seen found; /* word.card, once it was looked at */
    bool is_gone;            /* WeChat knows the card no more, and found is empty */
    enum bonus_verdict verdict;
    struct bonus_state state; /* as it stands */
    struct bonus_seen seen;   /* on the card, by our doing */
    bool is_told;             /* the card shows it already: nothing more is said to the member */
};

/* Card and identity of the record in hand; the word's id and key. */
void change_init(struct change *c, struct lane *lane, const struct account *account,
                 const struct message *message, struct bonus_key key);

/* ST_OK: c->verdict is BONUS_ANSWERED, c->state what became of it (entry.found false: nothing to
 * tell), or BONUS_CONFLICT. Otherwise as lane_effect; a refusal is an answer, too. */
MUST_CHECK enum status change_make(struct lane *lane, struct change *c, struct err *err);
/* The same without a call, for what only the account takes note of. */
MUST_CHECK enum status change_keep(struct lane *lane, struct change *c, struct err *err);
/* Where the card is known to show something else than the account, the account's values, silently.
 * A card that WeChat refuses to change is left as it is, with a warning. */
MUST_CHECK enum status change_repair(struct lane *lane, struct change *c, struct err *err);

/* userinfo/get; *active: WeChat does not say that the card is not active. */
MUST_CHECK enum status change_look_at(struct lane *lane, const struct card *card,
                                      struct deadline until, struct bonus_seen *out, bool *active,
                                      struct err *err);
MUST_CHECK enum status change_look(struct lane *lane, const struct card *card,
                                   struct deadline until, struct bonus_seen *out, struct err *err);
