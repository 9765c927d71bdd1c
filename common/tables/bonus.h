/* SPDX-License-Identifier: Apache-2.0 */
/* bonus_account and bonus_entry, row by row; what a change means stands in tables/bonus_ledger.h.
 * All of it inside a transaction. One order for everybody: accounts first, those of two cards by
 * card code, then entries. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"
#include "model/field.h"

#include <stdbool.h>
#include <stdint.h>

struct bonus_key {
    struct str appid;
    struct str card_id;
    struct str card_code;
};

enum { BONUS_CODE_SIZE = 257 }; /* 64 characters */

struct bonus_account {
    bool found;
    int64_t now_ms; /* the database's clock, whether there is a row or not */
    int64_t bonus;
    struct opt_i64 balance;
    struct opt_i64 shown; /* on the card, when we last knew */
    struct opt_i64 shown_balance;
    struct opt_i64 version;
    int64_t rev;
    bool frozen;
    char moved_to[BONUS_CODE_SIZE];
};

enum bonus_mode { BONUS_NO_MODE, BONUS_SET, BONUS_ADD, BONUS_SYNC };

enum bonus_outcome {
    BONUS_OPEN, /* nobody knows yet */
    BONUS_APPLIED,
    BONUS_SKIPPED,
    BONUS_REJECTED,
    BONUS_OBSERVED,
    BONUS_UNKNOWN,
    BONUS_FAILED
};

/* "set" ..., absent for BONUS_NO_MODE; "applied" ..., absent for BONUS_OPEN. Static. */
struct str bonus_mode_name(enum bonus_mode mode);
enum bonus_mode bonus_mode_of(struct str name); /* BONUS_NO_MODE: none of them */
struct str bonus_outcome_name(enum bonus_outcome outcome);

struct bonus_entry {
    bool found;
    enum bonus_mode mode;
    enum bonus_outcome outcome;
    int64_t delta; /* what it changed in the account */
    int64_t balance_delta;
    struct opt_i64 bonus; /* the account's afterwards, as the next three; unset: there is none */
    struct opt_i64 balance;
    struct opt_i64 version;
    struct opt_i64 rev;
    struct opt_i64 previous_version;
    char error_code[sizeof(((struct err *)0)->code)]; /* "": no error */
    char error_message[sizeof(((struct err *)0)->text)];
    char request_hash[65]; /* "": not a command */
    int64_t at_ms;         /* wall, the database's */
};

enum { BONUS_ID_ROOM = 65 };

/* An id as the table has it: one over 255 bytes, or ending in a blank (which MySQL does not
 * compare), as the hex digits of its SHA-256, written into room. */
struct str bonus_id(struct str command_id, char room[BONUS_ID_ROOM]);

/* Locked until the transaction ends, if there is one. */
MUST_CHECK enum status bonus_account_lock(struct db *tx, const struct bonus_key *key,
                                          struct bonus_account *out, struct err *err);
/* Writes the account unless there is one; *account is then what stands, locked. */
MUST_CHECK enum status bonus_account_open(struct db *tx, const struct bonus_key *key,
                                          struct bonus_account *account, struct err *err);
MUST_CHECK enum status bonus_account_save(struct db *tx, const struct bonus_key *key,
                                          const struct bonus_account *account, struct err *err);

/* command_id is always bonus_id's. */
MUST_CHECK enum status bonus_entry_lock(struct db *tx, struct str command_id,
                                        struct bonus_entry *out, struct err *err);
/* ST_RETRY where another card gets an entry of this id at the same moment. */
MUST_CHECK enum status bonus_entry_add(struct db *tx, struct str command_id,
                                       const struct bonus_key *key, const struct bonus_entry *entry,
                                       struct err *err);
/* All but command_id, card, mode, request_hash and echo. */
MUST_CHECK enum status bonus_entry_save(struct db *tx, struct str command_id,
                                        const struct bonus_entry *entry, struct err *err);

/* What a push says: the card was changed by so much. */
struct bonus_echo {
    struct str id; /* bonus_id's */
    int64_t delta;
    int64_t balance_delta;
};

/* Marks the oldest entry of the last 10 minutes that changed the card by exactly this and whose
 * echo has not come yet; the same one when the push comes again. *found: there was one. */
MUST_CHECK enum status bonus_entry_echo(struct db *tx, const struct bonus_key *key,
                                        const struct bonus_echo *echo, bool *found,
                                        struct err *err);
/* Whether the card shows what one of our changes left on it that is not known to have got there: an
 * open entry, or a failed one. [0]: points, [1]: balance; unset: no. */
MUST_CHECK enum status bonus_entry_left(struct db *tx, const struct bonus_key *key,
                                        struct opt_i64 shown[2], bool left[2], struct err *err);
/* What all entries of a card changed in its account. */
MUST_CHECK enum status bonus_entry_sum(struct db *tx, const struct bonus_key *key, int64_t *delta,
                                       int64_t *balance_delta, struct err *err);

enum { BONUS_KEPT_DAYS = 60, BONUS_FORGET_ROWS = 500 };

/* Deletes entries with an outcome older than BONUS_KEPT_DAYS, BONUS_FORGET_ROWS at most. */
MUST_CHECK enum status bonus_entry_forget(struct db *tx, int64_t *deleted, struct err *err);
