/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-bonus: keeps the account of each card's points, and the card in step with it. A command
 * changes the account first; then the card shows what the account holds. */
#include "base/hex.h"
#include "bonus/answer.h"
#include "bonus/foreign.h"
#include "codec/crypto.h"
#include "model/schema_ids.h"
#include "model/validate.h"

enum { SWEEP_EVERY_MS = 600000, SWEEPS_MAX = 20 };

/* A command as far as it can be read. */
struct order {
    struct bonus_command command;
    char request_hash[2 * SHA256_LEN + 1];
    struct change change;
};

static enum status read_order(struct lane *lane, const struct message *message, struct order *o,
                              struct err *err)
{
    const struct account *account;
    uint8_t hash[SHA256_LEN];
    enum status rc = record_validate(SCHEMA_CMD_BONUS, message->value, err);

    if (rc == ST_OK)
        rc = bonus_command_parse(message->value, &o->command, err);
    if (rc != ST_OK)
        return rc;
    account = lane_account(lane, o->command.account);
    if (!account)
        return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                          STR_ARG(o->command.account));
    sha256(message->data, hash);
    hex_format(hash, sizeof(hash), o->request_hash);
    change_init(
        &o->change, lane, account, message,
        (struct bonus_key){.card_id = o->command.card_id, .card_code = o->command.card_code});
    o->change.word.command = &o->command;
    o->change.word.request_hash = str_from(o->request_hash);
    return ST_OK;
}

static enum status answer_conflict(struct lane *lane, const struct message *message,
                                   struct err *err)
{
    struct err why = {0};

    (void)err_reject(&why, REASON_REJECTED, "idempotency",
                     "another command has this id and came before");
    return answer_without_entry(lane, message, BONUS_REJECTED, &why, err);
}

static enum status on_command(struct lane *lane, const struct message *message, struct err *err)
{
    struct order order = {0};
    struct err why = {0};
    enum status rc = read_order(lane, message, &order, &why);

    if (rc == ST_REJECT)
        return answer_without_entry(lane, message, BONUS_REJECTED, &why, err);
    if (rc != ST_OK) {
        *err = why;
        return rc;
    }
    rc = change_make(lane, &order.change, err);
    if (rc != ST_OK)
        return rc;
    if (order.change.verdict == BONUS_CONFLICT)
        return answer_conflict(lane, message, err);
    rc = answer_entry(lane, message, &order.change, err);
    return rc == ST_OK ? change_repair(lane, &order.change, err) : rc;
}

/* A command that nobody tries any more */

struct giving_up {
    struct change *change;
    enum bonus_outcome outcome;
    const struct err *why;
};

/* writer_fn */
static enum status give_up(struct db *tx, void *arg, struct err *err)
{
    const struct giving_up *g = arg;
    struct change *c = g->change;

    if (g->outcome == BONUS_REJECTED)
        return bonus_refuse(tx, &c->word, g->why, &c->state, err);
    return bonus_fail(tx, &c->word, g->outcome, g->why, &c->state, err);
}

static enum bonus_outcome outcome_of(enum reason reason)
{
    switch (reason) {
    case REASON_CRASH:
    case REASON_EXHAUSTED: return BONUS_FAILED;
    case REASON_OUTCOME_UNKNOWN: return BONUS_UNKNOWN;
    case REASON_NONE:
    case REASON_MALFORMED:
    case REASON_SCHEMA:
    case REASON_REJECTED:
    case REASON_EXPIRED: break;
    }
    return BONUS_REJECTED;
}

static enum status on_dead(struct lane *lane, const struct message *message, const struct err *why,
                           struct err *err)
{
    struct order order = {0};
    struct giving_up g = {&order.change, outcome_of(why->reason), why};
    struct err unread = {0};
    struct err named = *why;
    enum status rc;

    if (!str_eq_cstr(message->event.type, CE_TYPE_BONUS_CHANGE) || !message->value)
        return ST_OK;
    rc = read_order(lane, message, &order, &unread);
    if (rc == ST_REJECT)
        return answer_without_entry(lane, message, BONUS_REJECTED, &unread, err);
    if (rc == ST_OK)
        rc = lane_run(lane, give_up, &g, &unread);
    if (rc != ST_OK) {
        *err = unread;
        return rc;
    }
    if (order.change.state.entry.found)
        return answer_entry(lane, message, &order.change, err);
    (void)str_copy(str_from(reason_name(why->reason)), named.code, sizeof(named.code));
    return answer_without_entry(lane, message, g.outcome, &named, err);
}

/* Keeping the table small */

/* writer_fn */
static enum status forget(struct db *tx, void *arg, struct err *err)
{
    int64_t *deleted = arg;

    return bonus_entry_forget(tx, deleted, err);
}

static enum status on_tick(struct lane *lane, struct err *err)
{
    int64_t deleted = BONUS_FORGET_ROWS;
    enum status rc = ST_OK;

    for (int i = 0; i < SWEEPS_MAX && rc == ST_OK && deleted == BONUS_FORGET_ROWS; i++)
        rc = lane_run(lane, forget, &deleted, err);
    return rc;
}

static const struct route ROUTES[] = {
    {CE_TYPE_BONUS_CHANGE, on_command},
    {"kabao.wechat.update_member_card", foreign_on_update},
    {CE_TYPE_CARD_ACTIVATED, foreign_on_activation},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "bonus",
        .purpose = "keeps the points of each card, and shows them on it",
        .inputs = {TOPIC_CMD_BONUS, TOPIC_EVENT_WECHAT, TOPIC_EVENT_ACTIVATION},
        .outputs = {TOPIC_RESULT_BONUS, TOPIC_CMD_TOKEN},
        .routes = ROUTES,
        .calls_wechat = true,
        .tick = {.every_ms = SWEEP_EVERY_MS, .fn = on_tick},
        .on_dead = on_dead,
    };

    return worker_main(argc, argv, &def);
}
