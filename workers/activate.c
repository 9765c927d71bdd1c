/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-activate: makes cards active, once for each receipt, and tells when they are. A push or a
 * ticket only says "look": what is done depends on what WeChat answers now, on the account's
 * `activation`, and on what table activation_wait knows of the card. */
#include "activate/card.h"
#include "activate/ticket.h"
#include "model/event.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "model/validate.h"

enum {
    TICK_MS = 1000,
    /* A form submitted on a card that WeChat does not activate itself opens the merchant's page,
     * which sends the form: the CRM is asked with it when it comes in time. */
    TICKET_COMES_MS = 3000,
};

static enum status open_card(struct card_work *w, activation_wait_fn *fn, void *arg,
                             struct err *err)
{
    w->key = id_card_key(lane_arena(w->lane), w->row.appid, w->row.card_id, w->row.card_code);
    if (!str_is_set(w->key))
        return err_retry(err, "memory", "no memory for a key");
    return card_change(w, fn, arg, err);
}

/* What an inactive card with a submitted form waits for. */
static enum status await_activation(struct card_work *w, struct err *err)
{
    const int64_t pending_ms = w->account->pending_after_s * 1000;
    bool has_form = str_is_set(w->form) || str_is_set(w->row.form);

    if (w->row.overdue_at_ms != 0)
        return ST_OK;
    switch ((enum activation_mode)w->account->activation) {
    case ACTIVATION_NONE: return ST_OK;
    case ACTIVATION_ON_TICKET: return card_wait(w, pending_ms, err);
    case ACTIVATION_ON_RECEIVE:
        /* The receipt tells of gifts and restored cards; it is given time to come. */
        return str_is_empty(w->row.receipt_id) ? card_wait(w, pending_ms, err)
                                               : card_activate(w, err);
    case ACTIVATION_CRM: return has_form ? card_ask(w, err) : card_wait(w, TICKET_COMES_MS, err);
    }
    return ST_OK;
}

/* Pushes */

static bool is_flagged(const struct event *event, const char *name)
{
    return str_eq(event_field(event, name), STR("1"));
}

/* activation_wait_fn */
static bool take_receipt(struct activation_wait *row, void *arg)
{
    return receipt_take(row, arg);
}

/* Opens *w; false: the push is no card's. */
static enum status take_event(struct lane *lane, const struct message *message, struct event *event,
                              struct card_work *w, struct err *err)
{
    enum status rc = event_parse(message->value, event, err);

    if (rc != ST_OK)
        return rc;
    *w = (struct card_work){
        .lane = lane,
        .account = lane_account(lane, event->account),
        .row = {.appid = event->appid, .card_id = event->card_id, .card_code = event->card_code},
    };
    if (!w->account)
        return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                          STR_ARG(event->account));
    return ST_OK;
}

static bool has_card(const struct card_work *w)
{
    return !str_is_empty(w->row.card_id) && !str_is_empty(w->row.card_code);
}

/* Of what was said at at_ms of the card, by or about openid. */
static bool is_erased(const struct card_work *w, struct str openid, int64_t at_ms)
{
    const struct erased_who who = {
        .appid = w->row.appid,
        .openid = openid,
        .card_id = w->row.card_id,
        .card_code = w->row.card_code,
    };

    return erased_knows(lane_erased(w->lane), &who, at_ms);
}

static bool is_of_concern(const struct card_work *w, const struct event *event)
{
    return has_card(w) && !is_erased(w, event->openid, event->create_time.value * 1000);
}

static enum status after_receipt(struct card_work *w, struct err *err)
{
    if (w->account->activation == ACTIVATION_ON_RECEIVE)
        return card_activate(w, err);
    if (w->row.submitted_at_ms >= w->row.received_at_ms) /* whose push was the faster one */
        return await_activation(w, err);
    return ST_OK;
}

/* Reads the card and goes on with an inactive one. */
static enum status look(struct card_work *w, int64_t at_ms,
                        enum status (*inactive)(struct card_work *w, struct err *err),
                        struct err *err)
{
    struct err why = {0};
    enum status rc = card_read(w, &why);

    if (rc != ST_OK) {
        *err = why;
        return rc;
    }
    if (!w->gone && card_is_active(w))
        rc = card_report(w, at_ms, &why);
    else if (!w->gone)
        rc = inactive(w, &why);
    if (rc == ST_OK && w->gone)
        return card_drop(w, &why, err);
    if (rc != ST_OK)
        *err = why;
    return rc;
}

static enum status on_get(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(card_done) struct card_work w = {0};
    struct receipt receipt = {0};
    struct event event = {0};
    enum status rc = take_event(lane, message, &event, &w, err);

    if (rc != ST_OK || !is_of_concern(&w, &event))
        return rc;
    receipt = (struct receipt){
        .id = receipt_id(message->event.id, lane_arena(lane)),
        .at_ms = event.create_time.value * 1000,
        .restored = is_flagged(&event, "IsRestoreMemberCard"),
        .previous_card_code = event_field(&event, "OldUserCardCode"),
        .openid = event.openid,
    };
    if (str_is_empty(receipt.previous_card_code))
        receipt.previous_card_code = (struct str){NULL, 0};
    rc = open_card(&w, take_receipt, &receipt, err);
    if (rc != ST_OK || !str_eq(w.row.receipt_id, receipt.id) || card_is_told(&w))
        return rc;
    return look(&w, receipt.at_ms, after_receipt, err);
}

/* activation_wait_fn */
static bool take_submission(struct activation_wait *row, void *arg)
{
    const struct event *event = arg;
    int64_t at_ms = event->create_time.value * 1000;

    if (at_ms <= row->submitted_at_ms)
        return false;
    row->submitted_at_ms = at_ms;
    if (str_is_empty(row->openid))
        row->openid = event->openid;
    return true;
}

static enum status after_submission(struct card_work *w, struct err *err)
{
    enum status rc = ST_OK;

    if (card_is_told(w))
        rc = card_begin_again(w, w->row.submitted_at_ms, err);
    return rc == ST_OK ? await_activation(w, err) : rc;
}

/* Also fires when a member edits the form, and before activation where a page is to do that. */
static enum status on_submit(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(card_done) struct card_work w = {0};
    struct event event = {0};
    enum status rc = take_event(lane, message, &event, &w, err);
    int64_t at_ms;

    if (rc != ST_OK || !is_of_concern(&w, &event))
        return rc;
    rc = open_card(&w, take_submission, &event, err);
    if (rc != ST_OK)
        return rc;
    at_ms = event.create_time.value * 1000;
    if (at_ms < w.row.received_at_ms || (card_is_told(&w) && at_ms <= w.row.told_at_ms))
        return ST_OK;
    return look(&w, at_ms, after_submission, err);
}

/* Tickets and commands */

static enum status carry_out(struct card_work *w, const struct message *message, struct err *err)
{
    const bool from_page = is_ticket(w->request);
    enum status rc = ST_OK;

    if (card_is_told(w))
        rc = card_begin_again(w, clock_wall_ms() - CLOCKS_DIFFER_MS, err);
    if (rc == ST_OK && from_page)
        rc = ticket_accept(w, message, err);
    if (rc != ST_OK)
        return rc;
    if (from_page && w->account->activation == ACTIVATION_CRM)
        return card_ask(w, err);
    return card_activate(w, err);
}

/* For a card that is gone: what a page sent is over, and so is what was done before it went;
 * somebody who named a card that was not active yet gets it back. */
static enum status end_request(struct card_work *w, const struct err *why, struct err *err)
{
    if (is_ticket(w->request) || card_is_told(w))
        return card_drop(w, why, err);
    return err_reject(err, REASON_REJECTED, why->code, "%s", why->text);
}

/* The same for every delivery of the record. */
static int64_t requested_at_ms(const struct message *message)
{
    struct str at = message->event.time;
    int64_t at_ms = 0;

    return clock_parse_rfc3339(at.ptr, at.len, &at_ms) ? at_ms : clock_wall_ms();
}

static enum status run_request(struct card_work *w, const struct message *message, struct err *err)
{
    struct err why = {0};
    enum status rc = card_read(w, &why);

    if (rc == ST_OK && !w->gone)
        rc = card_is_active(w) ? card_report(w, requested_at_ms(message), &why)
                               : carry_out(w, message, &why);
    if (rc == ST_OK && w->gone)
        return end_request(w, &why, err);
    if (rc != ST_OK)
        *err = why;
    return rc;
}

/* It was asked for before the card was received again, as WeChat told; of a receipt of our own, the
 * request itself may be the reason. */
static bool is_of_earlier_life(const struct card_work *w, const struct message *message)
{
    return !str_is_empty(w->row.receipt_id) && !str_starts(w->row.receipt_id, STR("-")) &&
           requested_at_ms(message) + CLOCKS_DIFFER_MS < w->row.received_at_ms;
}

static enum status pass_over(struct lane *lane)
{
    struct err why = {0};

    (void)err_reject(&why, REASON_EXPIRED, "activation:overtaken",
                     "asked for before the card was received again");
    lane_warn(lane, "activation.overtaken", &why);
    return ST_OK;
}

static enum status take_request(struct lane *lane, const struct message *message,
                                struct activation_request *request, const struct account **account,
                                struct err *err)
{
    enum status rc = record_validate(SCHEMA_CMD_ACTIVATION, message->value, err);

    if (rc == ST_OK)
        rc = activation_request_parse(message->value, request, err);
    if (rc != ST_OK)
        return rc;
    *account = lane_account(lane, request->account);
    if (*account)
        return ST_OK;
    return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                      STR_ARG(request->account));
}

static enum status on_request(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(card_done) struct card_work w = {.lane = lane};
    struct activation_request request = {0};
    bool moved = false;
    enum status rc = take_request(lane, message, &request, &w.account, err);

    if (rc != ST_OK || (is_ticket(&request) && w.account->activation == ACTIVATION_NONE))
        return rc;
    rc = ticket_move(lane, message, w.account, &request, &moved, err);
    if (rc != ST_OK || moved)
        return rc;
    w.request = &request;
    w.row.appid = str_from(w.account->appid);
    w.row.card_id = request.card_id;
    w.row.card_code = request.card_code;
    if (is_erased(&w, request.openid, requested_at_ms(message)))
        return ST_OK;
    rc = open_card(&w, NULL, NULL, err);
    if (rc != ST_OK)
        return rc;
    return is_of_earlier_life(&w, message) ? pass_over(lane) : run_request(&w, message, err);
}

/* What is due */

static enum status fall_back(struct card_work *w, struct err *err)
{
    const struct account *account = w->account;

    switch ((enum activation_mode)account->activation) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_ON_TICKET: return card_overdue(w, err);
    case ACTIVATION_ON_RECEIVE: return card_activate(w, err);
    case ACTIVATION_CRM:
        if (w->row.asked_at_ms == 0)
            return card_ask(w, err);
        return account->activation_fallback == ACTIVATION_FALLBACK_ACTIVATE ? card_activate(w, err)
                                                                            : card_overdue(w, err);
    }
    return ST_OK;
}

/* A no of WeChat's is the CRM's to know: nobody looks at this card again by itself. */
static enum status serve_due(struct card_work *w, struct err *err)
{
    enum status rc = look(w, w->row.due_at_ms, fall_back, err);

    if (rc != ST_REJECT)
        return rc;
    lane_warn(w->lane, "activation.refused", err);
    return card_overdue(w, err);
}

/* activation_wait_fn */
static bool end_wait(struct activation_wait *row, void *arg UNUSED)
{
    row->due_at_ms = 0;
    return true;
}

static enum status on_key(struct lane *lane, struct str key, struct err *err)
{
    AUTO(card_done) struct card_work w = {.lane = lane};
    struct str rest;
    enum status rc;

    (void)str_cut(key, ':', &w.row.appid, &rest);
    (void)str_cut(rest, ':', &w.row.card_id, &w.row.card_code);
    w.account = settings_account_by_appid(lane_settings(lane), w.row.appid);
    rc = open_card(&w, NULL, NULL, err);
    if (rc != ST_OK || w.row.due_at_ms == 0 || w.row.due_at_ms > clock_wall_ms())
        return rc;
    if (!w.account || w.account->activation == ACTIVATION_NONE || card_is_told(&w))
        return card_change(&w, end_wait, NULL, err);
    return serve_due(&w, err);
}

static void schedule(void *arg, struct str appid, struct str card_id, struct str card_code)
{
    struct lane *lane = arg;
    struct str key = id_card_key(lane_arena(lane), appid, card_id, card_code);

    if (str_is_set(key))
        lane_schedule(lane, key);
}

/* writer_fn */
static enum status list_due(struct db *tx, void *arg, struct err *err)
{
    return activation_wait_due(tx, clock_wall_ms(), schedule, arg, err);
}

static enum status on_tick(struct lane *lane, struct err *err)
{
    return lane_run(lane, list_due, lane, err);
}

static const struct route ROUTES[] = {
    {"kabao.wechat.user_get_card", on_get},
    {"kabao.wechat.submit_membercard_user_info", on_submit},
    {CE_TYPE_ACTIVATION_TICKET, on_request},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "activate",
        .purpose = "activates cards: on receipt, on a ticket, or as the CRM says",
        .inputs = {TOPIC_EVENT_WECHAT, TOPIC_CMD_ACTIVATION},
        .outputs = {TOPIC_EVENT_ACTIVATION, TOPIC_CMD_ACTIVATION, TOPIC_CMD_TOKEN},
        .routes = ROUTES,
        .calls_wechat = true,
        .tick = {.every_ms = TICK_MS, .fn = on_tick, .on_key = on_key},
    };

    return worker_main(argc, argv, &def);
}
