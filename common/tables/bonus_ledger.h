/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an account of points (design 8, "Points"): decisions over bonus_account and
 * bonus_entry, without WeChat. Every function runs inside a transaction and may be repeated; what
 * it gives is set anew each time. Texts are borrowed. */
#pragma once

#include "model/bonus_command.h"
#include "tables/bonus.h"

/* What a card shows; unset: it shows none, or nobody looked. */
struct bonus_seen {
    struct opt_i64 bonus;
    struct opt_i64 balance;
};

/* Somebody's word about one card. */
struct bonus_word {
    struct str id; /* bonus_id's */
    struct bonus_key key;
    const struct bonus_command *command; /* NULL: not a command */
    struct str request_hash;             /* of the command; 64 hex digits */
    const struct bonus_seen *card;       /* NULL: nobody looked */
    bool adopt;                          /* changes by others join the account */
};

/* How an account and the change that was asked for stand. */
struct bonus_state {
    struct bonus_account account;
    struct bonus_entry entry;
};

enum bonus_verdict {
    BONUS_SEND,     /* the account has the change, the entry is open or failed: now the card */
    BONUS_ANSWERED, /* the entry has its outcome */
    BONUS_CONFLICT, /* the id is another command's; nothing was changed */
    BONUS_LOOK,     /* word.card is needed; nothing was changed */
};

/* Takes a command into its account, which is opened with what the card shows where there is none;
 * or finds it taken in. */
MUST_CHECK enum status bonus_take(struct db *tx, const struct bonus_word *word,
                                  struct bonus_state *out, enum bonus_verdict *verdict,
                                  struct err *err);
/* The card shows `seen` by our doing (unset: untouched). The entry of word.id becomes applied, or
 * observed where it is no command's; there may be none. out->account.rev tells whether the account
 * moved on since. */
MUST_CHECK enum status bonus_done(struct db *tx, const struct bonus_word *word,
                                  const struct bonus_seen *seen, struct bonus_state *out,
                                  struct err *err);
/* The same without an entry. */
MUST_CHECK enum status bonus_show(struct db *tx, const struct bonus_key *key,
                                  const struct bonus_seen *seen, struct bonus_account *out,
                                  struct err *err);
/* WeChat refused for good: the change is taken out of the account again, with it the version of a
 * `set` where no later one came, and the entry (made where there is none) is rejected with this
 * error; of another command's entry nothing is said (out->entry.found is false). In an account that
 * moved on meanwhile the change moved along: applied. An entry that has an outcome keeps it; one
 * that is no command's is observed, with the error. */
MUST_CHECK enum status bonus_refuse(struct db *tx, const struct bonus_word *word,
                                    const struct err *why, struct bonus_state *out,
                                    struct err *err);
/* Nobody tries it any more: an open entry becomes failed or unknown, the change stays in the
 * account. out->entry.found is false where nothing was taken in, or the entry is another's. */
MUST_CHECK enum status bonus_fail(struct db *tx, const struct bonus_word *word,
                                  enum bonus_outcome outcome, const struct err *why,
                                  struct bonus_state *out, struct err *err);

/* word.card is not what was shown before: the difference, unless it is our own doing (the account's
 * values, or what an open or failed command may have left there), joins the account (word.adopt)
 * and the entry is observed; or an open entry says that it is to be undone on the card
 * (BONUS_SEND). BONUS_ANSWERED without an entry: nothing to tell. */
MUST_CHECK enum status bonus_observe(struct db *tx, const struct bonus_word *word,
                                     struct bonus_state *out, enum bonus_verdict *verdict,
                                     struct err *err);

/* What an activation brought. */
struct bonus_start {
    struct opt_i64 init_bonus;
    bool is_shown; /* it was put on the card */
};

/* Opens the account of an active card: with init_bonus where given, else with what word.card shows.
 * An account that is there stays as it is; where the card shows init_bonus in its place, that is
 * noted as shown. */
MUST_CHECK enum status bonus_open(struct db *tx, const struct bonus_word *word,
                                  const struct bonus_start *start, struct bonus_account *out,
                                  struct err *err);

/* A card that was given away. */
struct bonus_gift {
    const struct bonus_word *word; /* of the new card; with what it shows */
    struct str from;               /* code of the old one */
    const struct bonus_seen *old;  /* what that one shows; NULL: nobody looked */
};

/* Moves the old card's points to the new one, whose own changes so far stay, except where a `set`
 * has fixed its value. The old account is frozen. BONUS_ANSWERED: moved, now or before
 * (out->entry.found), or there is nothing to move. BONUS_LOOK: gift.old is needed. */
MUST_CHECK enum status bonus_move(struct db *tx, const struct bonus_gift *gift,
                                  struct bonus_state *out, enum bonus_verdict *verdict,
                                  struct err *err);

/* Is the card known to show something else than the account? */
bool bonus_is_stale(const struct bonus_account *account);
