/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of many at once, LOOK_MAX at most, in one statement each: for those who only look.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOOK_MAX = 256, LOOK_ID_SIZE = 256 };

enum look_state {
    LOOK_NONE, /* no row, or one that says to begin anew */
    LOOK_DONE,
    LOOK_OPEN,   /* begun, and nobody said how it ended */
    LOOK_UNKNOWN /* a person must say */
};

/* `id` is the caller's, `state` is set where there is a row, and left alone elsewhere. */
struct look {
    char id[LOOK_ID_SIZE];
    enum look_state state;
};

/* effect, by effect_id. */
MUST_CHECK enum status look_effects(struct db *db, struct look *looks, size_t count,
                                    struct err *err);
/* bonus_entry, by bonus_id's command_id: what has an outcome that stands is done. */
MUST_CHECK enum status look_bonus_entries(struct db *db, struct look *looks, size_t count,
                                          struct err *err);

/* A card in activation_wait; ids of 64 characters at most. */
struct look_card {
    struct str appid; /* borrowed, as the next two */
    struct str card_id;
    struct str card_code;
    bool found;
    bool is_told;        /* that it is active since its last receipt */
    char receipt_id[65]; /* "": none is known */
};

MUST_CHECK enum status look_cards(struct db *db, struct look_card *cards, size_t count,
                                  struct err *err);
