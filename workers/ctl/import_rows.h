/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of an import's CSV file may say. Pure. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "tables/import.h"

enum {
    IMPORT_COLUMN_CARD_ID,
    IMPORT_COLUMN_CARD_CODE,
    IMPORT_COLUMN_OPENID,
    IMPORT_COLUMN_UNIONID,
    IMPORT_COLUMN_MOBILE,
    IMPORT_COLUMN_NUMBER,
    IMPORT_COLUMNS
};

/* NULL, and *out is the card, borrowed from values and the arena; else what is wrong with the row.
 * Static. */
const char *import_row_read(const struct str values[IMPORT_COLUMNS], struct arena *arena,
                            struct import_card *out);

/* A copy whose texts are the arena's. False: no memory. */
bool import_card_keep(struct arena *arena, const struct import_card *card, struct import_card *out);
