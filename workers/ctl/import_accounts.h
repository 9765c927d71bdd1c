/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of points of imported cards, opened with what the cards showed. */
#pragma once

#include "config/settings.h"
#include "tables/import.h"

struct import_opening {
    const struct account *account;
    const char *run_id;
    const struct import_card *cards; /* looked at, by code */
    size_t count;
};

/* writer_fn, of a struct import_opening. An account that is there stays as it is, frozen or not: it
 * knows more than a look before it. A card that is not active gets none: its activation brings its
 * first points. */
enum status import_accounts_open(struct db *tx, void *arg, struct err *err);
/* Whether what the card showed asks for an account. Pure. */
bool import_has_points(const struct import_card *card);
