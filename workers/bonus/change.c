/* SPDX-License-Identifier: Apache-2.0 */
/* The account's change and the call that shows it, around the ledger of effects. */
#include "change.h"

enum { REPAIRS_MAX = 8 };

void change_init(struct change *c, struct lane *lane, const struct account *account,
                 const struct message *message, struct bonus_key key)
{
    *c = (struct change){
        .card = {account, key.card_id, key.card_code, lane_traceparent(lane)},
        .identity = message->event.id,
        .word = {.key = key},
    };
    c->word.key.appid = str_from(account->appid);
    c->word.id = bonus_id(message->event.id, c->id_room);
}

enum status change_look_at(struct lane *lane, const struct card *card, struct deadline until,
                           struct bonus_seen *out, bool *active, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct member m = {0};
    enum status rc =
        wechat_member_get(lane_wechat(lane), card, until, lane_arena(lane), &m, &answer, err);

    if (rc != ST_OK)
        return rc;
    *out = (struct bonus_seen){m.bonus, m.balance};
    *active = !m.has_active.set || m.has_active.value;
    return ST_OK;
}

enum status change_look(struct lane *lane, const struct card *card, struct deadline until,
                        struct bonus_seen *out, struct err *err)
{
    bool unused = false;

    return change_look_at(lane, card, until, out, &unused, err);
}

/* What is sent */

static bool differs(struct opt_i64 shown, int64_t value)
{
    return !shown.set || shown.value != value;
}

static bool wants_notice(const struct change *c)
{
    const struct bonus_command *command = c->word.command;

    return command && !str_eq(command->mode, bonus_mode_name(BONUS_SYNC)) &&
           (!command->notify.set || command->notify.value);
}

static bool has_fields(const struct bonus_update *u)
{
    return str_is_set(u->custom_field_value1) || str_is_set(u->custom_field_value2) ||
           str_is_set(u->custom_field_value3) || str_is_set(u->background_pic_url);
}

static void add_texts(const struct bonus_command *command, struct bonus_update *u)
{
    u->record_bonus = command->record_bonus;
    u->record_balance = command->record_balance;
    u->custom_field_value1 = command->custom_field_value1;
    u->custom_field_value2 = command->custom_field_value2;
    u->custom_field_value3 = command->custom_field_value3;
    u->background_pic_url = command->background_pic_url;
}

/* What a `set` that was given up says of levels and notes is the past once a newer one came. */
static bool is_overtaken(const struct change *c)
{
    const struct bonus_command *command = c->word.command;
    struct opt_i64 stands = c->state.account.version;

    return command->version.set && stands.set && command->version.value < stands.value;
}

/* The account's values, where the command names them or the card is known to lack them; the rest of
 * the card may be somebody else's change that we have not heard of yet. */
static struct bonus_update update_of(const struct change *c)
{
    const struct bonus_account *a = &c->state.account;
    const struct bonus_command *command = c->word.command;
    bool syncs = command && str_eq(command->mode, bonus_mode_name(BONUS_SYNC));
    bool lacks_bonus = differs(a->shown, a->bonus);
    bool lacks_balance = a->balance.set && differs(a->shown_balance, a->balance.value);
    struct bonus_update u = {0};

    u.bonus = (struct opt_i64){lacks_bonus || syncs ||
                                   (command && (command->bonus.set || command->add_bonus.set)),
                               a->bonus};
    u.balance = a->balance;
    u.balance.set =
        a->balance.set &&
        (lacks_balance || syncs || (command && (command->balance.set || command->add_balance.set)));
    if (command && !is_overtaken(c))
        add_texts(command, &u);
    u.notify = wants_notice(c) && !c->is_told && (lacks_bonus || lacks_balance);
    if (u.notify) {
        u.add_bonus = (struct opt_i64){u.bonus.set, c->state.entry.delta};
        u.add_balance = (struct opt_i64){u.balance.set, c->state.entry.balance_delta};
    }
    return u;
}

static struct opt_i64 shown_now(struct opt_i64 sent, struct opt_i64 answered)
{
    return sent.set && answered.set ? answered : sent;
}

/* The steps of the effect */

static enum status take(struct db *tx, struct change *c, struct err *err)
{
    c->verdict = BONUS_SEND;
    if (c->word.command)
        return bonus_take(tx, &c->word, &c->state, &c->verdict, err);
    return bonus_observe(tx, &c->word, &c->state, &c->verdict, err);
}

/* The intent is for those alone that are to be sent. */
static enum status begin(struct db *tx, void *arg, struct err *err)
{
    struct change *c = arg;
    enum status rc = take(tx, c, err);

    if (rc == ST_OK && c->verdict != BONUS_SEND)
        return err_reject(err, REASON_REJECTED, "bonus", "nothing is to be sent");
    return rc;
}

static enum status call(struct lane *lane, struct deadline until, void *arg,
                        struct str *result UNUSED, struct err *err)
{
    struct change *c = arg;
    const struct bonus_update u = update_of(c);
    struct bonus_shown answer = {0};
    enum status rc;

    c->seen = (struct bonus_seen){0};
    if (!u.bonus.set && !u.balance.set && !has_fields(&u)) /* a newer `set` has said it all */
        return ST_OK;
    rc = wechat_update(lane_wechat(lane), &c->card, &u, until, lane_arena(lane), &answer, err);
    if (rc == ST_OK)
        c->seen = (struct bonus_seen){shown_now(u.bonus, answer.bonus),
                                      shown_now(u.balance, answer.balance)};
    return rc;
}

static bool shows(struct opt_i64 card, struct opt_i64 sent)
{
    return !sent.set || (card.set && card.value == sent.value);
}

/* Points and balance can be read, the other fields cannot: those are sent again, silently. */
static enum status probe(struct lane *lane, struct deadline until, void *arg, bool *happened,
                         struct str *result UNUSED, struct err *err)
{
    struct change *c = arg;
    const struct bonus_update u = update_of(c);
    struct bonus_seen card = {0};
    enum status rc = change_look(lane, &c->card, until, &card, err);

    if (rc != ST_OK)
        return rc;
    c->is_told = shows(card.bonus, u.bonus) && shows(card.balance, u.balance);
    *happened = c->is_told && (u.bonus.set || u.balance.set) && !has_fields(&u);
    c->seen = (struct bonus_seen){u.bonus, u.balance};
    return ST_OK;
}

static enum status end(struct db *tx, void *arg, struct err *err)
{
    struct change *c = arg;

    return bonus_done(tx, &c->word, &c->seen, &c->state, err);
}

static const struct step STEP_TOLD = {
    .name = "bonus",
    .nature = NATURE_PROBE,
    .call = call,
    .probe = probe,
    .begin = begin,
    .end = end,
};

static const struct step STEP_SILENT = {
    .name = "bonus",
    .nature = NATURE_REPEATABLE,
    .call = call,
    .begin = begin,
    .end = end,
};

/* Around them */

/* writer_fn: what is answered without a call. */
static enum status keep(struct db *tx, void *arg, struct err *err)
{
    struct change *c = arg;
    enum status rc = take(tx, c, err);

    if (rc == ST_OK && (c->verdict == BONUS_SEND || c->verdict == BONUS_LOOK))
        return err_retry(err, "bonus:changed", "the account has changed just now");
    return rc;
}

enum status change_keep(struct lane *lane, struct change *c, struct err *err)
{
    return lane_run(lane, keep, c, err);
}

struct refusal {
    struct change *change;
    const struct err *why;
};

/* writer_fn */
static enum status refuse(struct db *tx, void *arg, struct err *err)
{
    const struct refusal *r = arg;

    return bonus_refuse(tx, &r->change->word, r->why, &r->change->state, err);
}

static enum status make_effect(struct lane *lane, struct change *c, struct err *err)
{
    const struct effect effect = {
        .step = wants_notice(c) ? &STEP_TOLD : &STEP_SILENT,
        .identity = c->identity,
        .arg = c,
    };
    struct str result;
    bool made = false;
    enum status rc;

    c->verdict = BONUS_SEND;
    rc = lane_effect(lane, &effect, &result, &made, err);
    if (rc != ST_OK)
        return rc;
    c->verdict = BONUS_ANSWERED;
    return made ? ST_OK : change_keep(lane, c, err);
}

static enum status look_and_send(struct lane *lane, struct change *c, struct err *err)
{
    enum status rc = change_look(lane, &c->card, lane_deadline(lane), &c->found, err);

    if (rc != ST_OK)
        return rc;
    c->word.card = &c->found;
    return make_effect(lane, c, err);
}

static enum status settle_refused(struct lane *lane, struct change *c, const struct err *why,
                                  struct err *err)
{
    struct refusal r = {c, why};
    enum status rc;

    if (c->verdict == BONUS_ANSWERED)
        return change_keep(lane, c, err);
    if (c->verdict == BONUS_CONFLICT)
        return ST_OK;
    rc = lane_run(lane, refuse, &r, err);
    if (rc == ST_OK)
        c->verdict = BONUS_ANSWERED;
    return rc;
}

enum status change_make(struct lane *lane, struct change *c, struct err *err)
{
    struct err why = {0};
    enum status rc = make_effect(lane, c, &why);

    if (rc == ST_REJECT && c->verdict == BONUS_LOOK)
        rc = look_and_send(lane, c, &why);
    if (rc == ST_REJECT)
        return settle_refused(lane, c, &why, err);
    if (rc != ST_OK)
        *err = why;
    return rc;
}

/* Putting the card right */

/* writer_fn */
static enum status begin_repair(struct db *tx, void *arg, struct err *err)
{
    struct change *c = arg;
    enum status rc = bonus_account_lock(tx, &c->word.key, &c->state.account, err);

    if (rc == ST_OK && !bonus_is_stale(&c->state.account))
        return err_reject(err, REASON_REJECTED, "bonus", "nothing is to be sent");
    return rc;
}

/* writer_fn */
static enum status end_repair(struct db *tx, void *arg, struct err *err)
{
    struct change *c = arg;

    return bonus_show(tx, &c->word.key, &c->seen, &c->state.account, err);
}

static const struct step STEP_REPAIR = {
    .name = "bonus",
    .nature = NATURE_REPEATABLE,
    .call = call,
    .begin = begin_repair,
    .end = end_repair,
};

static enum status repair_once(struct lane *lane, struct change *c, bool *made, struct err *err)
{
    const struct effect effect = {
        .step = &STEP_REPAIR,
        .identity = arena_printf(lane_arena(lane), "%.*s#%lld", STR_ARG(c->identity),
                                 (long long)c->state.account.rev),
        .arg = c,
    };
    struct str result;

    if (!str_is_set(effect.identity))
        return err_retry(err, "memory", "no memory for an identity");
    return lane_effect(lane, &effect, &result, made, err);
}

enum status change_repair(struct lane *lane, struct change *c, struct err *err)
{
    struct change repair = {.card = c->card, .identity = c->identity, .word = {.key = c->word.key}};
    struct err why = {0};
    enum status rc = ST_OK;
    bool made = true;

    repair.state.account = c->state.account;
    for (int i = 0; i < REPAIRS_MAX && made && bonus_is_stale(&repair.state.account); i++) {
        rc = repair_once(lane, &repair, &made, &why);
        if (rc != ST_OK)
            break;
    }
    if (rc == ST_REJECT) { /* or somebody else has done it */
        if (bonus_is_stale(&repair.state.account))
            lane_warn(lane, "bonus.card_refuses", &why);
        return ST_OK;
    }
    if (rc != ST_OK)
        *err = why;
    return rc;
}
