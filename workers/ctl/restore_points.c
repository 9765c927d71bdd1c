/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of points and their changes, from what kabao-bonus told of each; and what activations
 * did. */
#include "base/hex.h"
#include "codec/crypto.h"
#include "codec/jsonw.h"
#include "model/activation.h"
#include "model/bonus_result.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "model/validate.h"
#include "restore.h"
#include "run/effects.h"
#include "tables/bonus_ledger.h"
#include "tables/effect.h"
#include "tables/restore.h"

enum { KEPT_MAX = 1024 };

static const struct step STEP_BONUS = {.name = "bonus"};
static const struct step STEP_ACTIVATE = {.name = "activate"};

/* The ledger */

static bool is(struct str text, const char *word)
{
    return str_eq_cstr(text, word);
}

static bool has_error(const struct bonus_result *result)
{
    return result->error.tree != NULL;
}

/* A change of somebody else's that was set back on the card: a call, unlike points that came from
 * another card and add up to none. */
static bool is_reverted(const struct restore *r, const struct bonus_result *result)
{
    const struct account *account = restore_account(r, result->account);

    return account && account->foreign_points == FOREIGN_POINTS_REVERT &&
           is(result->outcome, "observed") && !has_error(result) && result->delta.value == 0 &&
           result->balance_delta.value == 0;
}

static enum status keep_effect(struct restore *r, const struct bonus_result *result,
                               struct err *err)
{
    char room[EFFECT_EVENT_ROOM];
    struct restored_effect effect = {.step = str_from(STEP_BONUS.name)};
    struct id id;

    effect_id(&STEP_BONUS, result->command_id, &id);
    effect.id = str_from(id.text);
    effect.event_id = effect_event_id(result->command_id, room);
    if (is(result->outcome, "failed") || is(result->outcome, "unknown"))
        return restore_effect_begun(r->db, &effect, err);
    if (!is(result->outcome, "applied") && !is_reverted(r, result))
        return restore_effect_refused(r->db, effect.id, err);
    r->counts[RESTORED_EFFECTS]++;
    return restore_effect_done(r->db, &effect, err);
}

/* Accounts */

static bool is_on_card(const struct bonus_result *result)
{
    return is(result->outcome, "applied") ||
           (is(result->outcome, "observed") && !has_error(result));
}

/* As it was before this change, which is the first that is known. */
static struct bonus_account account_before(const struct bonus_result *result)
{
    struct bonus_account account = {.bonus = result->bonus.value - result->delta.value,
                                    .balance = result->balance};

    if (account.balance.set)
        account.balance.value -= result->balance_delta.value;
    account.shown = (struct opt_i64){true, account.bonus};
    account.shown_balance = account.balance;
    return account;
}

/* What the result says of the account; false: nothing new. */
static bool change_account(const struct bonus_result *result, struct bonus_account *account)
{
    const bool is_newer = result->rev.value > account->rev;

    if (result->rev.value < account->rev)
        return false;
    if (is_newer) {
        account->bonus = result->bonus.value;
        account->balance = result->balance;
        account->version = result->version;
        account->rev = result->rev.value;
        account->frozen = false;
        account->moved_to[0] = '\0';
    }
    if (is_on_card(result)) {
        account->shown = (struct opt_i64){true, account->bonus};
        if (account->balance.set)
            account->shown_balance = account->balance;
    }
    return is_newer || is_on_card(result);
}

static enum status keep_account(struct restore *r, const struct bonus_result *result,
                                const struct bonus_key *key, struct bonus_account *before,
                                struct err *err)
{
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(r->db, key, &account, err);

    if (rc == ST_OK && !account.found) {
        account = account_before(result);
        rc = bonus_account_open(r->db, key, &account, err);
    }
    *before = account;
    if (rc != ST_OK || is(json_get_str(result->error.tree, "code"), "moved"))
        return rc; /* that it moved is the activation's to tell */
    return change_account(result, &account) ? bonus_account_save(r->db, key, &account, err) : ST_OK;
}

/* Entries */

static enum bonus_outcome outcome_of(struct str name)
{
    static const enum bonus_outcome all[] = {BONUS_APPLIED, BONUS_SKIPPED, BONUS_REJECTED,
                                             BONUS_OBSERVED, BONUS_UNKNOWN};

    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (str_eq(name, bonus_outcome_name(all[i])))
            return all[i];
    return BONUS_FAILED;
}

static bool is_settled(const struct bonus_entry *entry)
{
    return entry->found && entry->outcome != BONUS_OPEN && entry->outcome != BONUS_FAILED &&
           entry->outcome != BONUS_UNKNOWN;
}

static struct bonus_entry entry_of(const struct bonus_result *result,
                                   const struct bonus_account *before)
{
    struct bonus_entry entry = {
        .mode = bonus_mode_of(result->mode),
        .outcome = outcome_of(result->outcome),
        .delta = result->delta.value,
        .balance_delta = result->balance_delta.value,
        .bonus = result->bonus,
        .balance = result->balance,
        .version = result->version,
        .rev = result->rev,
    };

    if (entry.mode == BONUS_SET && result->version.set &&
        (!before->version.set || before->version.value < result->version.value))
        entry.previous_version = before->version;
    (void)str_copy(json_get_str(result->error.tree, "code"), entry.error_code,
                   sizeof(entry.error_code));
    (void)str_copy(json_get_str(result->error.tree, "message"), entry.error_message,
                   sizeof(entry.error_message));
    (void)str_copy(result->request_hash, entry.request_hash, sizeof(entry.request_hash));
    (void)clock_parse_rfc3339(result->at.ptr, result->at.len, &entry.at_ms);
    return entry;
}

static enum status keep_entry(struct restore *r, const struct bonus_result *result,
                              const struct bonus_key *key, const struct bonus_account *before,
                              struct err *err)
{
    struct bonus_entry entry = entry_of(result, before);
    struct bonus_entry stands = {0};
    char room[BONUS_ID_ROOM];
    struct str id = bonus_id(result->command_id, room);
    enum status rc = bonus_entry_lock(r->db, id, &stands, err);

    if (rc != ST_OK || is_settled(&stands))
        return rc;
    r->counts[RESTORED_ENTRIES]++;
    if (!stands.found)
        return bonus_entry_add(r->db, id, key, &entry, err);
    entry.previous_version = stands.previous_version;
    return bonus_entry_save(r->db, id, &entry, err);
}

/* What was answered without one is in no account. */
static bool has_entry(const struct bonus_result *result)
{
    return str_is_set(result->request_hash) || is(result->outcome, "observed");
}

enum status restore_points(struct restore *r, const struct given *given, struct err *err)
{
    struct bonus_result result = {0};
    struct bonus_account before = {0};
    struct bonus_key key;
    enum status rc = bonus_result_parse(given->value, &result, err);

    if (rc != ST_OK || is(json_get_str(result.error.tree, "code"), "idempotency"))
        return rc == ST_REJECT ? ST_OK : rc;
    r->counts[RESTORED_RESULTS]++;
    if (!restore_know(r, 'b', result.command_id))
        return restore_no_memory(err);
    if (!has_entry(&result))
        return ST_OK;
    key = (struct bonus_key){result.appid, result.card_id, result.card_code};
    rc = keep_effect(r, &result, err);
    if (rc == ST_OK && result.rev.set && result.bonus.set)
        rc = keep_account(r, &result, &key, &before, err);
    return rc == ST_OK ? keep_entry(r, &result, &key, &before, err) : rc;
}

/* Activations */

/* As kabao-activate keeps it (workers/activate/effect.c); absent: no memory. */
static struct str kept_of(const struct activation *a, struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT(KEPT_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "by", a->by);
    jsonw_key_str(&w, "membership_number", a->membership_number);
    if (a->init_bonus.set)
        jsonw_key_i64(&w, "init_bonus", a->init_bonus.value);
    jsonw_key_str(&w, "activated_at", a->activated_at);
    jsonw_object_end(&w);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){NULL, 0};
}

/* The record's id is the effect's (workers/activate/card.c). */
static enum status keep_activation(struct restore *r, const struct given *given,
                                   const struct activation *a, struct err *err)
{
    const struct restored_effect effect = {
        .id = given->event.id,
        .event_id = given->event.id,
        .step = str_from(STEP_ACTIVATE.name),
        .result = kept_of(a, given->arena),
    };
    struct known *opened = restore_know(r, 'o', given->record->key);

    if (!str_is_set(effect.result) || !opened)
        return restore_no_memory(err);
    opened->init_bonus = a->init_bonus.set ? a->init_bonus.value : -1;
    r->counts[RESTORED_EFFECTS]++;
    return restore_effect_done(r->db, &effect, err);
}

enum status restore_activation(struct restore *r, const struct given *given, struct err *err)
{
    struct activation a = {0};
    char room[BONUS_ID_ROOM];
    enum status rc = ST_OK;

    if (!is(given->event.type, CE_TYPE_CARD_ACTIVATED))
        return ST_OK;
    rc = activation_parse(given->value, &a, err);
    if (rc != ST_OK)
        return rc == ST_REJECT ? ST_OK : rc;
    r->counts[RESTORED_RESULTS]++;
    if (is(a.by, "kabao") && given->event.id.len == ID_LEN)
        rc = keep_activation(r, given, &a, err);
    if (rc == ST_OK)
        rc = restore_told(r, given, &a, err);
    if (rc != ST_OK || str_is_empty(a.previous_card_code))
        return rc;
    return restore_moved(r->db,
                         &(struct moved_account){.appid = a.appid,
                                                 .card_id = a.card_id,
                                                 .from = a.previous_card_code,
                                                 .to = a.card_code,
                                                 .entry_id = bonus_id(given->event.id, room)},
                         err);
}

/* Commands without a result */

struct begun {
    struct bonus_command command;
    struct bonus_word word;
    char id_room[BONUS_ID_ROOM];
    char hash[2 * SHA256_LEN + 1];
};

/* False: kabao-bonus refuses it without a look at an account. */
static bool read_command(const struct restore *r, const struct given *given, struct begun *b)
{
    const struct account *account;
    uint8_t hash[SHA256_LEN];
    struct err why = {0};

    if (record_validate(SCHEMA_CMD_BONUS, given->value, &why) != ST_OK ||
        bonus_command_parse(given->value, &b->command, &why) != ST_OK)
        return false;
    account = restore_account(r, b->command.account);
    if (!account)
        return false;
    sha256(given->data, hash);
    hex_format(hash, sizeof(hash), b->hash);
    b->word = (struct bonus_word){
        .id = bonus_id(given->event.id, b->id_room),
        .key = {str_from(account->appid), b->command.card_id, b->command.card_code},
        .command = &b->command,
        .request_hash = str_from(b->hash),
    };
    return true;
}

static enum status open_account(struct restore *r, const struct begun *b, struct arena *arena,
                                bool *opened, struct err *err)
{
    const struct bonus_key *key = &b->word.key;
    struct str card = id_card_key(arena, key->appid, key->card_id, key->card_code);
    const struct known *known = str_is_set(card) ? restore_known(r, 'o', card) : NULL;
    struct bonus_account account = {0};

    *opened = known && known->init_bonus >= 0;
    if (!*opened)
        return ST_OK;
    account.bonus = known->init_bonus;
    account.shown = (struct opt_i64){true, account.bonus};
    return bonus_account_open(r->db, key, &account, err);
}

static enum status take(struct restore *r, const struct given *given, struct begun *b,
                        enum bonus_verdict *verdict, struct err *err)
{
    struct bonus_state state;
    bool opened = false;
    enum status rc = bonus_take(r->db, &b->word, &state, verdict, err);

    if (rc != ST_OK || *verdict != BONUS_LOOK)
        return rc;
    rc = open_account(r, b, given->arena, &opened, err);
    if (rc != ST_OK || !opened)
        return rc;
    return bonus_take(r->db, &b->word, &state, verdict, err);
}

/* The change joins its account as when it came in first; the worker then finds it begun, and asks
 * the card whether it got there. */
static enum status doubt_change(struct restore *r, const struct given *given, struct begun *b,
                                struct err *err)
{
    char room[EFFECT_EVENT_ROOM];
    struct restored_effect effect = {.step = str_from(STEP_BONUS.name)};
    enum bonus_verdict verdict = BONUS_SEND;
    struct id id;
    enum status rc = take(r, given, b, &verdict, err);

    if (rc != ST_OK || verdict == BONUS_CONFLICT || verdict == BONUS_ANSWERED)
        return rc;
    r->counts[RESTORED_DOUBT]++;
    if (verdict == BONUS_LOOK)
        return restore_doubt(r, given, "the card's first change: see whether it shows it twice",
                             err);
    effect_id(&STEP_BONUS, given->event.id, &id);
    effect.id = str_from(id.text);
    effect.event_id = effect_event_id(given->event.id, room);
    return restore_effect_begun(r->db, &effect, err);
}

enum status restore_bonus_command(struct restore *r, const struct given *given, struct err *err)
{
    struct begun begun = {0};

    if (!is(given->event.type, CE_TYPE_BONUS_CHANGE) || given->record->timestamp_ms >= r->to_ms ||
        restore_known(r, 'b', given->event.id) || !read_command(r, given, &begun))
        return ST_OK;
    return doubt_change(r, given, &begun, err);
}
