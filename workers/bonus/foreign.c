/* SPDX-License-Identifier: Apache-2.0 */
#include "foreign.h"

#include "answer.h"
#include "base/num.h"
#include "model/activation.h"
#include "model/event.h"

static enum status find_account(struct lane *lane, struct str name, const struct account **out,
                                struct err *err)
{
    *out = lane_account(lane, name);
    if (*out)
        return ST_OK;
    return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                      STR_ARG(name));
}

/* A card that WeChat knows no more shows nothing: events come late, or again. */
static enum status look_at(struct lane *lane, struct change *c, bool *active, struct err *err)
{
    struct err why = {0};
    enum status rc = change_look_at(lane, &c->card, lane_deadline(lane), &c->found, active, &why);

    c->word.card = &c->found;
    c->is_gone = rc == ST_REJECT && wechat_card_gone(&why);
    if (c->is_gone) {
        lane_warn(lane, "card.gone", &why);
        return ST_OK;
    }
    if (rc != ST_OK)
        *err = why;
    return rc;
}

static enum status look(struct lane *lane, struct change *c, struct err *err)
{
    bool unused = false;

    return look_at(lane, c, &unused, err);
}

/* Tells what was observed, and leaves the card as the account has it. */
static enum status tell(struct lane *lane, const struct message *message, struct change *c,
                        struct err *err)
{
    enum status rc = ST_OK;

    if (c->state.entry.found)
        rc = answer_entry(lane, message, c, err);
    return rc == ST_OK ? change_repair(lane, c, err) : rc;
}

/* Pushes of a card's change */

struct push {
    const struct bonus_key *key;
    struct bonus_echo echo;
    bool is_ours; /* or nobody's: the account is frozen */
    bool is_new;  /* there is no account */
};

static int64_t number_of(const struct event *event, const char *name)
{
    int64_t n = 0;

    (void)num_parse_i64(str_trim(event_field(event, name)), INT64_MIN, INT64_MAX, &n);
    return n;
}

/* writer_fn */
static enum status take_echo(struct db *tx, void *arg, struct err *err)
{
    struct push *push = arg;
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(tx, push->key, &account, err);

    if (rc != ST_OK)
        return rc;
    push->is_ours = account.frozen;
    push->is_new = !account.found;
    if (push->is_ours || push->is_new)
        return ST_OK;
    rc = bonus_entry_echo(tx, push->key, &push->echo, &push->is_ours, err);
    if (bonus_is_stale(&account)) /* the call's end was lost: this tells that the card has it */
        push->is_ours = false;
    return rc;
}

static enum status observe(struct lane *lane, const struct message *message, struct change *c,
                           struct err *err)
{
    enum status rc = look(lane, c, err);

    if (rc != ST_OK)
        return rc;
    c->word.adopt = c->card.account->foreign_points == FOREIGN_POINTS_ADOPT;
    rc = c->word.adopt ? change_keep(lane, c, err) : change_make(lane, c, err);
    if (rc != ST_OK || !c->state.entry.found)
        return rc;
    return answer_entry(lane, message, c, err);
}

/* writer_fn */
static enum status open_as_shown(struct db *tx, void *arg, struct err *err)
{
    const struct bonus_start as_shown = {0};
    struct change *c = arg;

    return bonus_open(tx, &c->word, &as_shown, &c->state.account, err);
}

/* Nobody of ours has changed this card's points so far; who does from now on finds what it shows at
 * this moment. An import that looked at it before comes too late with its own word. A card that is
 * not active waits for its activation, which brings its first points. */
static enum status open_by_push(struct lane *lane, struct change *c, struct err *err)
{
    bool active = false;
    enum status rc = look_at(lane, c, &active, err);

    if (rc != ST_OK || c->is_gone || !active)
        return rc;
    return lane_run(lane, open_as_shown, c, err);
}

enum status foreign_on_update(struct lane *lane, const struct message *message, struct err *err)
{
    const struct account *account;
    struct event event = {0};
    struct change change;
    struct push push;
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK || str_is_empty(event.card_id) || str_is_empty(event.card_code))
        return rc;
    rc = find_account(lane, event.account, &account, err);
    if (rc != ST_OK)
        return rc;
    change_init(&change, lane, account, message,
                (struct bonus_key){.card_id = event.card_id, .card_code = event.card_code});
    push = (struct push){
        .key = &change.word.key,
        .echo = {change.word.id, number_of(&event, "ModifyBonus"),
                 number_of(&event, "ModifyBalance")},
    };
    rc = lane_run(lane, take_echo, &push, err);
    if (rc != ST_OK || push.is_ours)
        return rc;
    return push.is_new ? open_by_push(lane, &change, err) : observe(lane, message, &change, err);
}

/* Activations */

struct opening {
    struct change *change;
    struct bonus_start start;
    bool is_open; /* and nothing else is to be done */
};

/* writer_fn */
static enum status find_open(struct db *tx, void *arg, struct err *err)
{
    struct opening *o = arg;
    struct bonus_account account = {0};
    enum status rc = bonus_account_lock(tx, &o->change->word.key, &account, err);

    o->is_open = account.found && (account.frozen || !o->start.init_bonus.set);
    return rc;
}

/* writer_fn */
static enum status open_account(struct db *tx, void *arg, struct err *err)
{
    struct opening *o = arg;

    return bonus_open(tx, &o->change->word, &o->start, &o->change->state.account, err);
}

static enum status open_card(struct lane *lane, const struct activation *a, struct change *c,
                             struct err *err)
{
    struct opening o = {c, {a->init_bonus, str_eq(a->by, STR("kabao"))}, false};
    enum status rc = lane_run(lane, find_open, &o, err);

    if (rc != ST_OK || o.is_open)
        return rc;
    if (!c->word.card)
        rc = look(lane, c, err);
    if (rc != ST_OK || c->is_gone)
        return rc;
    rc = lane_run(lane, open_account, &o, err);
    return rc == ST_OK ? change_repair(lane, c, err) : rc;
}

struct moving {
    struct change *change;
    struct bonus_gift gift;
    struct bonus_seen old;
};

/* writer_fn */
static enum status move_points(struct db *tx, void *arg, struct err *err)
{
    struct moving *m = arg;

    return bonus_move(tx, &m->gift, &m->change->state, &m->change->verdict, err);
}

/* What the old card shows; nothing where WeChat knows it no more. */
static enum status look_at_old(struct lane *lane, struct moving *m, struct err *err)
{
    struct card card = m->change->card;
    struct err gone = {0};
    enum status rc;

    card.card_code = m->gift.from;
    rc = change_look(lane, &card, lane_deadline(lane), &m->old, &gone);
    m->gift.old = &m->old;
    if (rc == ST_OK || rc == ST_REJECT)
        return ST_OK;
    *err = gone;
    return rc;
}

static enum status move_gift(struct lane *lane, const struct activation *a, struct change *c,
                             struct err *err)
{
    struct moving m = {.change = c, .gift = {&c->word, a->previous_card_code, NULL}};
    enum status rc = look(lane, c, err);

    if (rc == ST_OK)
        rc = lane_run(lane, move_points, &m, err);
    if (rc != ST_OK || c->verdict != BONUS_LOOK)
        return rc;
    rc = look_at_old(lane, &m, err);
    return rc == ST_OK ? lane_run(lane, move_points, &m, err) : rc;
}

static bool is_moved(const struct activation *a, const struct account *account)
{
    if (str_is_empty(a->previous_card_code) || str_eq(a->previous_card_code, a->card_code))
        return false;
    if (str_is_set(a->on_gift))
        return str_eq(a->on_gift, STR("transfer"));
    return account->on_gift == ON_GIFT_TRANSFER;
}

enum status foreign_on_activation(struct lane *lane, const struct message *message, struct err *err)
{
    const struct account *account;
    struct activation a = {0};
    struct change change;
    enum status rc = activation_parse(message->value, &a, err);

    if (rc == ST_OK)
        rc = find_account(lane, a.account, &account, err);
    if (rc != ST_OK)
        return rc;
    change_init(&change, lane, account, message,
                (struct bonus_key){.card_id = a.card_id, .card_code = a.card_code});
    if (is_moved(&a, account)) {
        rc = move_gift(lane, &a, &change, err);
        if (rc != ST_OK || change.state.entry.found)
            return rc == ST_OK ? tell(lane, message, &change, err) : rc;
    }
    return open_card(lane, &a, &change, err);
}
