/* SPDX-License-Identifier: Apache-2.0 */
#include "import_accounts.h"

#include "tables/bonus_ledger.h"

bool import_has_points(const struct import_card *card)
{
    return card->active.set ? card->active.value : card->bonus.set;
}

static enum status open_one(struct db *tx, const struct import_opening *o,
                            const struct import_card *card, bool *opened, struct err *err)
{
    const struct bonus_start as_shown = {0};
    const struct bonus_seen seen = {card->bonus, card->balance};
    const struct bonus_word word = {
        .key = {str_from(o->account->appid), card->card_id, card->card_code},
        .card = &seen,
    };
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(tx, &word.key, &account, err);

    if (rc == ST_OK && !account.found) {
        *opened = true;
        rc = bonus_open(tx, &word, &as_shown, &account, err);
    }
    return rc;
}

enum status import_accounts_open(struct db *tx, void *arg, struct err *err)
{
    const struct import_opening *o = arg;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < o->count; i++) {
        bool opened = false;

        if (import_has_points(&o->cards[i]))
            rc = open_one(tx, o, &o->cards[i], &opened, err);
        if (rc == ST_OK)
            rc = import_card_done(tx, o->run_id, &o->cards[i], opened, err);
    }
    return rc;
}
