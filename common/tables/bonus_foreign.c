/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to an account without a command: changes by others, activation, gifts. */
#include "tables/bonus_ledger.h"

static enum status lock(struct db *tx, const struct bonus_word *word, struct bonus_state *out,
                        struct err *err)
{
    enum status rc = bonus_account_lock(tx, &word->key, &out->account, err);

    return rc == ST_OK ? bonus_entry_lock(tx, word->id, &out->entry, err) : rc;
}

static enum status add_entry(struct db *tx, const struct bonus_word *word,
                             struct bonus_state *state, enum bonus_outcome outcome, struct err *err)
{
    state->entry.found = true;
    state->entry.outcome = outcome;
    state->entry.bonus = (struct opt_i64){true, state->account.bonus};
    state->entry.balance = state->account.balance;
    state->entry.version = state->account.version;
    state->entry.rev = (struct opt_i64){true, state->account.rev};
    state->entry.at_ms = state->account.now_ms;
    return bonus_entry_add(tx, word->id, &word->key, &state->entry, err);
}

/* Changes by others */

static bool is_value(struct opt_i64 seen, int64_t value)
{
    return seen.set && seen.value == value;
}

/* What somebody else added; unset: nothing. A card that shows the account shows what we did,
 * whatever we knew of it: an answer may have been lost. */
static struct opt_i64 change_of(struct opt_i64 card, struct opt_i64 account, struct opt_i64 shown)
{
    struct opt_i64 change = {.set = true};

    if (!card.set || (account.set && is_value(card, account.value)) ||
        (shown.set && is_value(card, shown.value)) ||
        __builtin_sub_overflow(card.value, shown.set ? shown.value : 0, &change.value))
        return (struct opt_i64){0};
    return change;
}

static bool note(struct opt_i64 card, struct opt_i64 *shown)
{
    if (!card.set || (shown->set && shown->value == card.value))
        return false;
    *shown = card;
    return true;
}

/* False: it was known. */
static bool note_shown(const struct bonus_seen *card, struct bonus_account *account)
{
    bool noted = note(card->bonus, &account->shown);

    if (account->balance.set && note(card->balance, &account->shown_balance))
        noted = true;
    return noted;
}

static bool join(const struct bonus_seen *change, struct bonus_state *state)
{
    struct bonus_account *account = &state->account;
    int64_t balance = account->balance.value;

    if (__builtin_add_overflow(account->bonus, change->bonus.value, &account->bonus) ||
        __builtin_add_overflow(balance, change->balance.value, &balance))
        return false;
    if (change->balance.set)
        account->balance = (struct opt_i64){true, balance};
    account->rev++;
    state->entry.delta = change->bonus.value;
    state->entry.balance_delta = change->balance.value;
    return true;
}

/* Decides on what the card shows. Nothing of it is ours. */
static enum status meet_foreign(struct db *tx, const struct bonus_word *word,
                                const struct bonus_seen *change, struct bonus_state *state,
                                enum bonus_verdict *verdict, struct err *err)
{
    enum status rc;

    if (word->adopt && !join(change, state))
        return err_reject(err, REASON_REJECTED, "range", "the card's value is too large to adopt");
    *verdict = word->adopt ? BONUS_ANSWERED : BONUS_SEND;
    (void)note_shown(word->card, &state->account);
    rc = bonus_account_save(tx, &word->key, &state->account, err);
    if (rc != ST_OK)
        return rc;
    return add_entry(tx, word, state, word->adopt ? BONUS_OBSERVED : BONUS_OPEN, err);
}

/* What of the card is neither the account's doing nor known. */
static enum status find_change(struct db *tx, const struct bonus_word *word,
                               const struct bonus_account *account, struct bonus_seen *change,
                               struct err *err)
{
    struct opt_i64 card[2] = {word->card->bonus, word->card->balance};
    bool left[2] = {false, false};
    enum status rc = ST_OK;

    if (bonus_is_stale(account))
        rc = bonus_entry_left(tx, &word->key, card, left, err);
    if (rc != ST_OK)
        return rc;
    *change = (struct bonus_seen){0};
    if (!left[0])
        change->bonus = change_of(card[0], (struct opt_i64){true, account->bonus}, account->shown);
    /* Nobody knows to what a balance would be set back that the account never had. */
    if (!left[1] && (account->balance.set || word->adopt))
        change->balance = change_of(card[1], account->balance, account->shown_balance);
    return ST_OK;
}

enum status bonus_observe(struct db *tx, const struct bonus_word *word, struct bonus_state *out,
                          enum bonus_verdict *verdict, struct err *err)
{
    struct bonus_state state = {0};
    struct bonus_seen change;
    enum status rc = lock(tx, word, &state, err);

    if (rc != ST_OK)
        return rc;
    *verdict = BONUS_ANSWERED;
    if (state.account.found && !state.account.frozen && !state.entry.found) {
        rc = find_change(tx, word, &state.account, &change, err);
        if (rc != ST_OK)
            return rc;
        if (change.bonus.set || change.balance.set) {
            rc = meet_foreign(tx, word, &change, &state, verdict, err);
        } else if (note_shown(word->card, &state.account)) {
            rc = bonus_account_save(tx, &word->key, &state.account, err);
        }
    } else if (state.account.found && !state.account.frozen && state.entry.outcome == BONUS_OPEN) {
        *verdict = BONUS_SEND; /* begun before */
    }
    if (rc == ST_OK)
        *out = state;
    return rc;
}

/* Activation */

static struct bonus_account account_of(const struct bonus_seen *card,
                                       const struct bonus_start *start)
{
    struct bonus_account account = {
        .bonus = card->bonus.set ? card->bonus.value : 0,
        .balance = card->balance,
        .shown = card->bonus,
        .shown_balance = card->balance,
    };

    if (!start->init_bonus.set)
        return account;
    account.bonus = start->init_bonus.value;
    if (start->is_shown) /* what differs since then was done by somebody else, and will be told */
        account.shown = start->init_bonus;
    return account;
}

enum status bonus_open(struct db *tx, const struct bonus_word *word,
                       const struct bonus_start *start, struct bonus_account *out, struct err *err)
{
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(tx, &word->key, &account, err);

    if (rc != ST_OK)
        return rc;
    if (!account.found) {
        account = account_of(word->card, start);
        rc = bonus_account_open(tx, &word->key, &account, err);
    } else if (!account.frozen && start->init_bonus.set &&
               is_value(word->card->bonus, start->init_bonus.value) &&
               note_shown(word->card, &account)) {
        rc = bonus_account_save(tx, &word->key, &account, err);
    }
    if (rc == ST_OK)
        *out = account;
    return rc;
}

/* Gifts */

struct move {
    struct bonus_key from_key;
    struct bonus_account from;
    struct bonus_state to;
};

static enum status lock_both(struct db *tx, const struct bonus_gift *gift, struct move *m,
                             struct err *err)
{
    const struct bonus_key *to_key = &gift->word->key;
    bool from_first;
    enum status rc = ST_OK;

    m->from_key = *to_key;
    m->from_key.card_code = gift->from;
    from_first = str_cmp(gift->from, to_key->card_code) < 0;
    if (from_first)
        rc = bonus_account_lock(tx, &m->from_key, &m->from, err);
    if (rc == ST_OK)
        rc = bonus_account_lock(tx, to_key, &m->to.account, err);
    if (rc == ST_OK && !from_first)
        rc = bonus_account_lock(tx, &m->from_key, &m->from, err);
    return rc == ST_OK ? bonus_entry_lock(tx, gift->word->id, &m->to.entry, err) : rc;
}

/* What the new card's account held before its own changes gives way to what the old one held. */
static enum status add_own_changes(struct db *tx, const struct bonus_gift *gift, struct move *m,
                                   struct err *err)
{
    struct bonus_account *to = &m->to.account;
    int64_t bonus = 0;
    int64_t balance = 0;
    enum status rc = bonus_entry_sum(tx, &gift->word->key, &bonus, &balance, err);

    if (rc != ST_OK)
        return rc;
    if (__builtin_add_overflow(m->from.bonus, bonus, &to->bonus) ||
        __builtin_add_overflow(m->from.balance.value, balance, &balance))
        return err_reject(err, REASON_REJECTED, "range", "the points of both cards are too many");
    if (m->from.balance.set || to->balance.set)
        to->balance = (struct opt_i64){true, balance};
    return ST_OK;
}

static enum status fill_new(struct db *tx, const struct bonus_gift *gift, struct move *m,
                            struct err *err)
{
    struct bonus_account *to = &m->to.account;
    bool was_given_away = to->found && to->frozen;
    struct bonus_account before;
    enum status rc = ST_OK;

    if (!to->found) {
        *to = account_of(gift->word->card, &(struct bonus_start){0});
        rc = bonus_account_open(tx, &gift->word->key, to, err);
    }
    if (rc != ST_OK)
        return rc;
    before = *to;
    if (was_given_away) { /* it held nothing any more */
        before.bonus = 0;
        before.balance.value = 0;
        to->frozen = false;
        to->moved_to[0] = '\0';
        to->bonus = m->from.bonus;
        to->balance = m->from.balance;
        to->version = (struct opt_i64){0};
        (void)note_shown(gift->word->card, to);
    } else if (!to->version.set) {
        rc = add_own_changes(tx, gift, m, err);
    }
    if (rc != ST_OK)
        return rc;
    (void)__builtin_sub_overflow(to->bonus, before.bonus, &m->to.entry.delta);
    (void)__builtin_sub_overflow(to->balance.value, before.balance.value,
                                 &m->to.entry.balance_delta);
    to->rev++;
    return bonus_account_save(tx, &gift->word->key, to, err);
}

static enum status move(struct db *tx, const struct bonus_gift *gift, struct move *m,
                        struct err *err)
{
    enum status rc = fill_new(tx, gift, m, err);

    if (rc != ST_OK)
        return rc;
    m->from.frozen = true;
    (void)str_copy(gift->word->key.card_code, m->from.moved_to, sizeof(m->from.moved_to));
    m->from.rev++;
    rc = bonus_account_save(tx, &m->from_key, &m->from, err);
    return rc == ST_OK ? add_entry(tx, gift->word, &m->to, BONUS_OBSERVED, err) : rc;
}

enum status bonus_move(struct db *tx, const struct bonus_gift *gift, struct bonus_state *out,
                       enum bonus_verdict *verdict, struct err *err)
{
    struct move m = {0};
    enum status rc = lock_both(tx, gift, &m, err);

    if (rc != ST_OK)
        return rc;
    *verdict = BONUS_ANSWERED;
    if (!m.to.entry.found && !m.from.found && !gift->old) {
        *verdict = BONUS_LOOK;
        return ST_OK;
    }
    if (!m.to.entry.found && !m.from.found && gift->old->bonus.set) {
        m.from = account_of(gift->old, &(struct bonus_start){0});
        rc = bonus_account_open(tx, &m.from_key, &m.from, err);
    }
    if (rc == ST_OK && !m.to.entry.found && m.from.found && !m.from.frozen)
        rc = move(tx, gift, &m, err);
    if (rc == ST_OK)
        *out = m.to;
    return rc;
}
