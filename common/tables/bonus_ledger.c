/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: taken in, done, refused, given up. What others do to a card: tables/bonus_foreign.c. */
#include "tables/bonus_ledger.h"

#include <string.h>

/* What a command makes of an account. */
struct change {
    struct bonus_account after;
    int64_t delta;
    int64_t balance_delta;
    bool fits; /* no value overflows or falls below zero */
};

static bool differs(struct opt_i64 shown, int64_t value)
{
    return !shown.set || shown.value != value;
}

bool bonus_is_stale(const struct bonus_account *a)
{
    return a->found && !a->frozen &&
           (differs(a->shown, a->bonus) ||
            (a->balance.set && differs(a->shown_balance, a->balance.value)));
}

static void set_error(struct bonus_entry *entry, const char *code, const char *message)
{
    (void)str_copy(str_from(code), entry->error_code, sizeof(entry->error_code));
    (void)str_copy(str_from(message), entry->error_message, sizeof(entry->error_message));
}

/* The entry tells how the account stands now. */
static void note_account(struct bonus_entry *entry, const struct bonus_account *account)
{
    entry->at_ms = account->now_ms;
    if (!account->found)
        return;
    entry->bonus = (struct opt_i64){true, account->bonus};
    entry->balance = account->balance;
    entry->version = account->version;
    entry->rev = (struct opt_i64){true, account->rev};
}

static enum status add_entry(struct db *tx, const struct bonus_word *word,
                             struct bonus_entry *entry, struct err *err)
{
    (void)str_copy(word->request_hash, entry->request_hash, sizeof(entry->request_hash));
    entry->found = true;
    return bonus_entry_add(tx, word->id, &word->key, entry, err);
}

static enum status lock(struct db *tx, const struct bonus_word *word, struct bonus_state *out,
                        struct err *err)
{
    enum status rc = bonus_account_lock(tx, &word->key, &out->account, err);

    return rc == ST_OK ? bonus_entry_lock(tx, word->id, &out->entry, err) : rc;
}

/* The id is another command's. */
static bool is_another(const struct bonus_word *word, const struct bonus_entry *entry)
{
    return entry->found && !str_eq_cstr(word->request_hash, entry->request_hash);
}

/* Taking in */

static struct bonus_account fresh_account(const struct bonus_seen *card)
{
    return (struct bonus_account){
        .bonus = card->bonus.set ? card->bonus.value : 0,
        .balance = card->balance,
        .shown = card->bonus,
        .shown_balance = card->balance,
    };
}

/* *value by add, or to set; a value that rises is never too low. */
static bool move_value(int64_t *value, struct opt_i64 set, struct opt_i64 add, int64_t *delta)
{
    int64_t before = *value;

    if (set.set)
        *value = set.value;
    else if (add.set && __builtin_add_overflow(before, add.value, value))
        return false;
    return !__builtin_sub_overflow(*value, before, delta) && (*value >= 0 || *value >= before);
}

static struct change make_change(const struct bonus_account *account, const struct bonus_command *c)
{
    struct change change = {.after = *account};
    int64_t balance = account->balance.value;

    change.fits = move_value(&change.after.bonus, c->bonus, c->add_bonus, &change.delta) &&
                  move_value(&balance, c->balance, c->add_balance, &change.balance_delta);
    if (!str_eq(c->mode, bonus_mode_name(BONUS_SYNC)))
        change.after.rev++;
    if (c->balance.set || c->add_balance.set)
        change.after.balance = (struct opt_i64){true, balance};
    if (c->version.set)
        change.after.version = c->version;
    return change;
}

static bool shows_account(const struct bonus_seen *card, const struct bonus_account *account)
{
    return card->bonus.set && card->bonus.value == account->bonus &&
           (!account->balance.set ||
            (card->balance.set && card->balance.value == account->balance.value));
}

static bool has_fields(const struct bonus_command *c)
{
    return str_is_set(c->custom_field_value1) || str_is_set(c->custom_field_value2) ||
           str_is_set(c->custom_field_value3) || str_is_set(c->background_pic_url);
}

/* Nothing was asked for that is not so already, or newer. */
static bool is_skipped(const struct bonus_word *word, const struct bonus_account *account,
                       enum bonus_mode mode)
{
    const struct bonus_command *c = word->command;

    if (mode == BONUS_SYNC)
        return shows_account(word->card, account) && !has_fields(c);
    return mode == BONUS_SET && c->version.set && account->version.set &&
           c->version.value <= account->version.value;
}

static bool must_look(const struct bonus_word *word, const struct bonus_account *account)
{
    const struct bonus_command *c = word->command;

    if (word->card)
        return false;
    return !account->found || str_eq(c->mode, bonus_mode_name(BONUS_SYNC)) ||
           (c->add_balance.set && !account->balance.set);
}

/* Where the account never saw a balance it begins with the card's. */
static void meet_balance(const struct bonus_word *word, struct bonus_account *account)
{
    if (account->balance.set || !word->card || !word->card->balance.set)
        return;
    account->balance = word->card->balance;
    account->shown_balance = word->card->balance;
}

/* Writes the entry of a command that is not sent. */
static enum status answer(struct db *tx, const struct bonus_word *word, struct bonus_state *state,
                          enum bonus_outcome outcome, struct err *err)
{
    state->entry.outcome = outcome;
    note_account(&state->entry, &state->account);
    return add_entry(tx, word, &state->entry, err);
}

static enum status answer_moved(struct db *tx, const struct bonus_word *word,
                                struct bonus_state *state, struct err *err)
{
    struct bonus_entry *entry = &state->entry;

    if (entry->found) { /* the change was in the account when it moved */
        entry->outcome = BONUS_APPLIED;
        set_error(entry, "", "");
        entry->at_ms = state->account.now_ms;
        return bonus_entry_save(tx, word->id, entry, err);
    }
    if (word->command)
        entry->mode = bonus_mode_of(word->command->mode);
    (void)err_reject(err, REASON_REJECTED, "moved", "the points of this card are those of %s now",
                     state->account.moved_to);
    set_error(entry, err->code, err->text);
    return answer(tx, word, state, BONUS_REJECTED, err);
}

/* A new one, of a command that is to be sent. */
static enum status take_in(struct db *tx, const struct bonus_word *word, struct bonus_state *state,
                           enum bonus_verdict *verdict, struct err *err)
{
    struct bonus_entry *entry = &state->entry;
    struct change change;
    enum status rc;

    *verdict = BONUS_ANSWERED;
    if (is_skipped(word, &state->account, entry->mode))
        return answer(tx, word, state, BONUS_SKIPPED, err);
    meet_balance(word, &state->account);
    change = make_change(&state->account, word->command);
    if (!change.fits) {
        set_error(entry, "range", "the value would fall below zero or be too large");
        return answer(tx, word, state, BONUS_REJECTED, err);
    }
    *verdict = BONUS_SEND;
    if (word->command->version.set)
        entry->previous_version = state->account.version;
    entry->delta = change.delta;
    entry->balance_delta = change.balance_delta;
    state->account = change.after;
    rc = bonus_account_save(tx, &word->key, &state->account, err);
    return rc == ST_OK ? answer(tx, word, state, BONUS_OPEN, err) : rc;
}

static bool is_settled(const struct bonus_entry *entry)
{
    return entry->found && entry->outcome != BONUS_OPEN && entry->outcome != BONUS_FAILED;
}

/* A new command, or one whose account somebody deleted. */
static enum status take_new(struct db *tx, const struct bonus_word *word, struct bonus_state *state,
                            enum bonus_verdict *verdict, struct err *err)
{
    enum status rc = ST_OK;

    if (must_look(word, &state->account)) {
        *verdict = BONUS_LOOK;
        return ST_OK;
    }
    if (!state->account.found) {
        state->account = fresh_account(word->card);
        rc = bonus_account_open(tx, &word->key, &state->account, err);
    }
    if (rc != ST_OK || state->entry.found)
        return rc;
    state->entry.mode = bonus_mode_of(word->command->mode);
    return take_in(tx, word, state, verdict, err);
}

enum status bonus_take(struct db *tx, const struct bonus_word *word, struct bonus_state *out,
                       enum bonus_verdict *verdict, struct err *err)
{
    struct bonus_state state = {0};
    enum status rc = lock(tx, word, &state, err);

    if (rc != ST_OK)
        return rc;
    *verdict = BONUS_SEND;
    if (is_another(word, &state.entry))
        *verdict = BONUS_CONFLICT;
    else if (is_settled(&state.entry))
        *verdict = BONUS_ANSWERED;
    else if (state.account.found && state.account.frozen) {
        *verdict = BONUS_ANSWERED;
        rc = answer_moved(tx, word, &state, err);
    } else if (!state.entry.found || !state.account.found) {
        rc = take_new(tx, word, &state, verdict, err);
    }
    if (rc == ST_OK)
        *out = state;
    return rc;
}

/* Done */

static enum status save_entry(struct db *tx, const struct bonus_word *word,
                              struct bonus_state *state, enum bonus_outcome outcome,
                              struct err *err)
{
    state->entry.outcome = outcome;
    state->entry.at_ms = state->account.now_ms;
    return bonus_entry_save(tx, word->id, &state->entry, err);
}

enum status bonus_show(struct db *tx, const struct bonus_key *key, const struct bonus_seen *seen,
                       struct bonus_account *out, struct err *err)
{
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(tx, key, &account, err);

    if (rc == ST_OK && account.found) {
        if (seen->bonus.set)
            account.shown = seen->bonus;
        if (seen->balance.set)
            account.shown_balance = seen->balance;
        rc = bonus_account_save(tx, key, &account, err);
    }
    if (rc == ST_OK)
        *out = account;
    return rc;
}

enum status bonus_done(struct db *tx, const struct bonus_word *word, const struct bonus_seen *seen,
                       struct bonus_state *out, struct err *err)
{
    struct bonus_state state = {0};
    enum status rc = bonus_show(tx, &word->key, seen, &state.account, err);

    if (rc == ST_OK)
        rc = bonus_entry_lock(tx, word->id, &state.entry, err);
    if (rc == ST_OK && state.entry.found && !is_settled(&state.entry)) {
        set_error(&state.entry, "", "");
        rc = save_entry(tx, word, &state,
                        state.entry.mode == BONUS_NO_MODE ? BONUS_OBSERVED : BONUS_APPLIED, err);
    }
    if (rc == ST_OK)
        *out = state;
    return rc;
}

/* Refused */

static void take_back(struct bonus_account *account, struct bonus_entry *entry)
{
    /* It fitted when it came in: only a value changed by others since can overflow. */
    if (__builtin_sub_overflow(account->bonus, entry->delta, &account->bonus))
        account->bonus = 0;
    if (account->balance.set && __builtin_sub_overflow(account->balance.value, entry->balance_delta,
                                                       &account->balance.value))
        account->balance.value = 0;
    if (account->balance.value == 0 && !account->shown_balance.set)
        account->balance.set = false; /* a card without stored value */
    if (entry->mode == BONUS_SET && entry->version.set && account->version.set &&
        account->version.value == entry->version.value)
        account->version = entry->previous_version;
    if (entry->mode != BONUS_SYNC)
        account->rev++;
    entry->delta = 0;
    entry->balance_delta = 0;
}

static enum status refuse_new(struct db *tx, const struct bonus_word *word, const struct err *why,
                              struct bonus_state *state, struct err *err)
{
    if (word->command)
        state->entry.mode = bonus_mode_of(word->command->mode);
    set_error(&state->entry, why->code, why->text);
    return answer(tx, word, state, BONUS_REJECTED, err);
}

static enum status refuse_taken(struct db *tx, const struct bonus_word *word, const struct err *why,
                                struct bonus_state *state, struct err *err)
{
    enum status rc = ST_OK;

    if (state->account.found && state->account.frozen)
        return answer_moved(tx, word, state, err);
    if (state->account.found) {
        take_back(&state->account, &state->entry);
        rc = bonus_account_save(tx, &word->key, &state->account, err);
    }
    if (rc != ST_OK)
        return rc;
    set_error(&state->entry, why->code, why->text);
    note_account(&state->entry, &state->account);
    return save_entry(tx, word, state,
                      state->entry.mode == BONUS_NO_MODE ? BONUS_OBSERVED : BONUS_REJECTED, err);
}

enum status bonus_refuse(struct db *tx, const struct bonus_word *word, const struct err *why,
                         struct bonus_state *out, struct err *err)
{
    struct bonus_state state = {0};
    enum status rc = lock(tx, word, &state, err);

    if (rc != ST_OK)
        return rc;
    if (is_another(word, &state.entry))
        state.entry = (struct bonus_entry){0};
    else if (!state.entry.found)
        rc = refuse_new(tx, word, why, &state, err);
    else if (!is_settled(&state.entry))
        rc = refuse_taken(tx, word, why, &state, err);
    if (rc == ST_OK)
        *out = state;
    return rc;
}

/* Given up */

/* NOLINTNEXTLINE(readability-function-size): the reason, the state and err make it more than five.
 */
enum status bonus_fail(struct db *tx, const struct bonus_word *word, enum bonus_outcome outcome,
                       const struct err *why, struct bonus_state *out, struct err *err)
{
    struct bonus_state state = {0};
    enum status rc = lock(tx, word, &state, err);

    if (rc == ST_OK && is_another(word, &state.entry))
        state.entry = (struct bonus_entry){0};
    if (rc == ST_OK && state.entry.found && !is_settled(&state.entry)) {
        set_error(&state.entry, reason_name(why->reason), why->text);
        rc = save_entry(tx, word, &state, outcome, err);
    }
    if (rc == ST_OK)
        *out = state;
    return rc;
}
