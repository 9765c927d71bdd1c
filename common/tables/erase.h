/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a person out of every table: who that is, and the work in small steps. What becomes of
 * each column: schemas/README.md, "Forgetting a person". For kabao-command; `erased` (erased.h) has
 * to know the person before the first step, so that no row comes after it. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum { ERASE_IDS_MAX = 16, ERASE_CARDS_MAX = 500, ERASE_AFTER_SIZE = 256 };

struct erase_card {
    struct str card_id;
    struct str card_code;
};

struct erase_list {
    struct str items[ERASE_IDS_MAX];
    size_t count;
};

/* Texts are the arena's or the caller's. */
struct erase_person {
    struct str appid;
    int64_t at_ms; /* wall: what is later stays */
    struct erase_list openids;
    struct erase_list unionids;
    struct erase_list phones; /* as they may stand in an answer */
    struct erase_card *cards; /* ERASE_CARDS_MAX; NULL: none so far */
    size_t card_count;
};

/* Adds to appid and one openid or one card all that the tables know of the person. ST_REJECT: more
 * than the lists hold. May be repeated on a copy of what was given. */
MUST_CHECK enum status erase_find(struct db *db, struct arena *arena, struct erase_person *p,
                                  struct err *err);

/* How far it has come. The rows by which erase_find finds the rest are changed last and together,
 * so that an erasure that was cut short goes on. */
struct erase_cursor {
    int64_t stage;
    int64_t item;                 /* of the person's, within the stage */
    char after[ERASE_AFTER_SIZE]; /* where a stage that walks through a table goes on */
    int64_t parked; /* records that wait: their workers are asked to turn them into dead letters */
};

bool erase_is_done(const struct erase_cursor *at);

/* The next few hundred rows, inside a transaction; may be repeated: sets *to and *rows (how many it
 * changed) anew. */
MUST_CHECK enum status erase_step(struct db *tx, const struct erase_person *p,
                                  const struct erase_cursor *from, struct erase_cursor *to,
                                  int64_t *rows, struct err *err);

/* Whether effects that were begun before began_ms are still under way: what they were told may be
 * written yet. but: the event_id of one that does not count. */
MUST_CHECK enum status erase_awaits(struct db *db, int64_t began_ms, struct str but, bool *out,
                                    struct err *err);

/* An erasure between its attempts. */
struct erasure {
    int64_t at_ms;    /* wall: of the first attempt */
    int64_t began_ms; /* the database's clock: what was begun later knows of it */
    struct erase_cursor cursor;
};

/* Inside a transaction, all four, by a hash of 64 hex digits. Begins one, or finds what stands. */
MUST_CHECK enum status erase_begin(struct db *tx, struct str hash, int64_t at_ms,
                                   struct erasure *out, struct err *err);
/* With `erased`'s fence in hand: from now on nothing is begun that does not know of it. */
MUST_CHECK enum status erase_marked(struct db *tx, struct str hash, struct erasure *out,
                                    struct err *err);
MUST_CHECK enum status erase_save(struct db *tx, struct str hash, const struct erase_cursor *at,
                                  struct err *err);
/* The one that is done, and those that nobody went on with for a month. */
MUST_CHECK enum status erase_forget(struct db *tx, struct str hash, struct err *err);
