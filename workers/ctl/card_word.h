/* SPDX-License-Identifier: Apache-2.0 */
/* CARD of the command line, CODE or CARD_ID:CODE: which card that is. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "ctl.h"
#include "db/mysql.h"

struct card_word {
    const struct account *account; /* of --account; NULL: any */
    struct str word_id;            /* CARD_ID; absent: it is not given */
    struct str code;
    struct str card[3]; /* appid, card_id, card_code, once it is found; borrowed from here */
    size_t cards;       /* that have this code */
    struct buf found;   /* their names, a line each */
    struct arena arena;
};

/* From the first word and --account. EXIT_DONE, or told. Borrows from ctl; _done in either case. */
int card_word_init(struct card_word *w, const struct ctl *ctl);
void card_word_done(struct card_word *w);
/* By the members' table; of a card that never got there by its pushes. EXIT_DONE: there is one;
 * else told: none, or which. */
int card_word_find(struct card_word *w, struct db *db);
