/* SPDX-License-Identifier: Apache-2.0 */
/* effect: what was begun and what was done of the calls that somebody outside can notice
 * (run/effects.h). All times are the database's. A holder is a text of chance that names one
 * attempt: it tells one's own intent from another's. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum effect_state {
    EFFECT_INTENT,
    EFFECT_DONE,
    EFFECT_UNKNOWN /* a person must say */
};

enum { EFFECT_EVENT_MAX = 255, EFFECT_EVENT_ROOM = 65, EFFECT_HASH_MAX = 64 };

/* Borrowed texts. */
struct effect_intent {
    struct str id;       /* 32 hex digits */
    struct str holder;   /* 32 hex digits */
    struct str event_id; /* effect_event_id */
    struct str step;
    struct str request_hash; /* absent: none; EFFECT_HASH_MAX at most */
    int64_t lasts_ms;        /* from now to its deadline */
};

struct effect_row {
    enum effect_state state;
    bool held;               /* by the holder who asks */
    int64_t left_ms;         /* EFFECT_INTENT: to its deadline; 0 or less: it has passed */
    struct str request_hash; /* this and result in the arena; absent: none */
    struct str result;
};

/* As the table has it: a longer one as the hex digits of its SHA-256, written into room. */
struct str effect_event_id(struct str event_id, char room[EFFECT_EVENT_ROOM]);

/* Inside a transaction, down to effect_release; each may be repeated. */

/* Writes the intent unless there is a row; *stands is what is there then, locked until the
 * transaction ends. */
MUST_CHECK enum status effect_begin(struct db *tx, const struct effect_intent *intent,
                                    struct arena *arena, struct effect_row *stands,
                                    struct err *err);
/* An intent whose deadline has passed becomes this one; *taken: of two who try, one. */
MUST_CHECK enum status effect_take_over(struct db *tx, const struct effect_intent *intent,
                                        bool *taken, struct err *err);
/* An intent whose deadline has passed becomes EFFECT_UNKNOWN. */
MUST_CHECK enum status effect_give_up(struct db *tx, const struct effect_intent *intent,
                                      struct err *err);
/* It happened: a fact, whoever holds the row meanwhile. Where somebody else said so before, that
 * stands: *stands is then EFFECT_DONE and not held, with the other's result. */
MUST_CHECK enum status effect_done(struct db *tx, const struct effect_intent *intent,
                                   struct str result, struct arena *arena,
                                   struct effect_row *stands, struct err *err);
/* It did not happen: an intent that the holder still has goes away. */
MUST_CHECK enum status effect_withdraw(struct db *tx, const struct effect_intent *intent,
                                       struct err *err);
/* Nobody is at it any more: the holder's intent may be taken over at once. */
MUST_CHECK enum status effect_release(struct db *tx, const struct effect_intent *intent,
                                      struct err *err);

/* What a person says of an effect. done: it counts as made, without a result, also where there is
 * no row; else an EFFECT_UNKNOWN one is forgotten, to be made again. Intents and done ones stay. */
MUST_CHECK enum status effect_decide(struct db *db, struct str id, bool done, struct err *err);

enum { EFFECT_KEPT_DAYS = 60, EFFECT_FORGET_ROWS = 500 };

/* Deletes done ones older than EFFECT_KEPT_DAYS, EFFECT_FORGET_ROWS at most. */
MUST_CHECK enum status effect_forget(struct db *db, int64_t *deleted, struct err *err);
