/* SPDX-License-Identifier: Apache-2.0 */
#include "activate/card.h"

#include "activate/effect.h"
#include "model/id.h"
#include "run/emit.h"

/* An inactive card whose activation was made under this receipt was received again; of lives that
 * nobody told of more than one in a row would need an activation in between each. */
enum { ROUNDS_MAX = 4 };

void card_done(struct card_work *w)
{
    json_free(w->answer);
}

/* The row */

struct change {
    struct card_work *w;
    activation_wait_fn *fn;
    void *arg;
};

/* writer_fn */
static enum status change_row(struct db *tx, void *arg, struct err *err)
{
    const struct change *c = arg;

    return activation_wait_change(tx, lane_arena(c->w->lane), &c->w->row, c->fn, c->arg, err);
}

enum status card_change(struct card_work *w, activation_wait_fn *fn, void *arg, struct err *err)
{
    struct change change = {.w = w, .fn = fn, .arg = arg};

    return lane_run(w->lane, change_row, &change, err);
}

/* What WeChat says */

static bool is_gone_status(struct str status)
{
    return str_eq(status, STR("DELETE")) || str_eq(status, STR("GIFT_SUCC"));
}

static void forget_answer(struct card_work *w)
{
    json_free(w->answer);
    w->answer = NULL;
    w->member = (struct member){0};
    w->form = (struct str){NULL, 0};
}

static enum status read_form(struct card_work *w, struct err *err)
{
    struct field_json form = {0};

    if (!wechat_form_read(json_get(w->answer, "user_info"), w->account->form_fields_drop,
                          lane_arena(w->lane), &form))
        return err_retry(err, "memory", "no memory for a form");
    if (!str_eq(form.text, STR("{}")))
        w->form = form.text;
    return ST_OK;
}

enum status card_read(struct card_work *w, struct err *err)
{
    const struct card card = {
        .account = w->account,
        .card_id = w->row.card_id,
        .card_code = w->row.card_code,
        .traceparent = lane_traceparent(w->lane),
    };
    enum status rc;

    forget_answer(w);
    rc = wechat_member_get(lane_wechat(w->lane), &card, lane_deadline(w->lane), lane_arena(w->lane),
                           &w->member, &w->answer, err);
    w->gone = rc == ST_REJECT && wechat_card_gone(err);
    if (w->gone)
        return ST_OK;
    if (rc != ST_OK)
        return rc;
    if (!is_gone_status(w->member.status))
        return read_form(w, err);
    w->gone = true;
    (void)err_reject(err, REASON_REJECTED, "card:gone", "WeChat says %.*s of it",
                     STR_ARG(w->member.status));
    return ST_OK;
}

/* Telling */

struct told {
    struct str receipt; /* the one that was told of */
    int64_t now_ms;
    bool active; /* and is: else only the effect under way has ended */
};

static const struct str ABSENT = {NULL, 0};

/* activation_wait_fn */
static bool mark_told(struct activation_wait *row, void *arg)
{
    const struct told *told = arg;

    row->acting = ABSENT;
    row->seen_at_ms = told->now_ms;
    if (!told->active || !str_eq(row->receipt_id, told->receipt))
        return true;
    row->told_at_ms = told->now_ms;
    row->asked_at_ms = 0;
    row->overdue_at_ms = 0;
    row->due_at_ms = 0;
    row->ticket_at_ms = 0;
    row->ticket_id = ABSENT;
    row->form = ABSENT;
    return true;
}

/* After what was emitted is acknowledged. */
static enum status keep_told(struct card_work *w, bool active, struct err *err)
{
    struct told told = {.receipt = w->row.receipt_id, .now_ms = clock_wall_ms(), .active = active};
    enum status rc = lane_flush(w->lane, err);

    return rc == ST_OK ? card_change(w, mark_told, &told, err) : rc;
}

/* What all records of event.activation have in common. */
static struct activation describe(const struct card_work *w)
{
    const struct activation_wait *row = &w->row;
    struct activation a = {
        .account = str_from(w->account->name),
        .appid = row->appid,
        .card_id = row->card_id,
        .card_code = row->card_code,
        .openid = str_is_empty(w->member.openid) ? row->openid : w->member.openid,
        .form.text = row->form,
    };

    if (str_is_empty(row->previous_card_code))
        return a;
    a.previous_card_code = row->previous_card_code;
    a.on_gift = w->account->on_gift == ON_GIFT_TRANSFER ? STR("transfer") : STR("fresh");
    return a;
}

/* The id of what tells of the activation under this receipt; suffix "": the activation itself. */
static bool name_record(struct card_work *w, struct str receipt, struct str suffix, struct str *out)
{
    struct arena *arena = lane_arena(w->lane);
    struct str name = activation_name(&w->row, receipt, arena);
    struct id id;

    if (!str_is_set(name))
        return false;
    activation_effect_id(name, &id);
    if (suffix.len > 0)
        id_derive(str_from(id.text), suffix, &id);
    *out = arena_dup(arena, str_from(id.text));
    return str_is_set(*out);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a record");
}

static enum status tell(struct card_work *w, struct str receipt, const struct activation_made *made,
                        struct err *err)
{
    struct activation_emit record = {.activation = describe(w)};
    struct activation *a = &record.activation;

    if (!name_record(w, receipt, STR(""), &record.id))
        return no_memory(err);
    a->by = made->by;
    a->membership_number = made->membership_number;
    a->init_bonus = made->init_bonus;
    a->activated_at = made->activated_at;
    return lane_emit(w->lane, &EMIT_CARD_ACTIVATED, &record, err);
}

static enum status tell_of_wechat(struct card_work *w, int64_t at_ms, struct err *err)
{
    char at[CLOCK_RFC3339_SIZE];
    struct activation_made made = {.by = STR("wechat"),
                                   .membership_number = w->member.membership_number};

    clock_format_rfc3339(at_ms, at);
    made.activated_at = arena_dup(lane_arena(w->lane), str_from(at));
    if (!str_is_set(made.activated_at))
        return no_memory(err);
    return tell(w, receipt_name(&w->row), &made, err);
}

/* Activating */

/* activation_wait_fn */
static bool end_acting(struct activation_wait *row, void *arg UNUSED)
{
    row->acting = ABSENT;
    return true;
}

/* WeChat's no: the ledger withdrew what was begun. */
static enum status refused(struct card_work *w, struct err *err)
{
    const struct err why = *err;
    enum status rc = card_change(w, end_acting, NULL, err);

    if (rc != ST_OK)
        return rc;
    *err = why;
    w->gone = wechat_card_gone(&why);
    return w->gone ? ST_OK : ST_REJECT;
}

/* It was made before, and the card is inactive: a process that died may have made it a moment ago;
 * else the receipt it was made under is over. */
static enum status look_again(struct card_work *w, struct str receipt, bool *again, struct err *err)
{
    enum status rc = card_read(w, err);

    if (rc != ST_OK || w->gone)
        return rc;
    if (card_is_active(w))
        return keep_told(w, true, err);
    *again = true;
    if (!str_eq(receipt, receipt_name(&w->row)))
        return ST_OK;
    return card_begin_again(w, clock_wall_ms() - CLOCKS_DIFFER_MS, err);
}

/* Makes or finds one effect and tells of it: the one that was begun, else the receipt's. *again: it
 * belongs to a receipt that is over. */
static enum status activate_once(struct card_work *w, bool *again, struct err *err)
{
    const bool was_active = card_is_active(w);
    struct str receipt = str_is_empty(w->row.acting) ? receipt_name(&w->row) : w->row.acting;
    struct activation_made result = {0};
    bool made = false;
    enum status rc = activation_make(w, receipt, &result, &made, err);

    *again = false;
    if (rc == ST_REJECT)
        return refused(w, err);
    if (rc == ST_OK)
        rc = tell(w, receipt, &result, err);
    if (rc == ST_OK)
        rc = keep_told(w, made || was_active, err);
    return rc != ST_OK || made || was_active ? rc : look_again(w, receipt, again, err);
}

enum status card_activate(struct card_work *w, struct err *err)
{
    enum status rc = ST_OK;
    bool again = true;

    for (int round = 0; rc == ST_OK && again && round < ROUNDS_MAX; round++)
        rc = activate_once(w, &again, err);
    if (rc == ST_OK && again)
        return err_retry(err, "card", "the card is inactive after each of its activations");
    return rc;
}

/* Its push came after the card was seen active, and brings no news. */
static bool was_seen(const struct activation_wait *row)
{
    return row->seen_at_ms != 0 && row->seen_at_ms >= row->received_at_ms &&
           str_is_empty(row->previous_card_code);
}

enum status card_report(struct card_work *w, int64_t at_ms, struct err *err)
{
    enum status rc = ST_OK;
    bool again;

    if (card_is_told(w))
        return ST_OK;
    if (!str_is_empty(w->row.acting))
        return activate_once(w, &again, err);
    if (!was_seen(&w->row))
        rc = tell_of_wechat(w, at_ms, err);
    return rc == ST_OK ? keep_told(w, true, err) : rc;
}

struct beginning {
    int64_t at_ms;
    struct arena *arena;
    bool no_memory;
};

/* activation_wait_fn */
static bool begin_again(struct activation_wait *row, void *arg)
{
    struct beginning *b = arg;

    b->no_memory = !receipt_invent(row, b->at_ms, b->arena);
    return !b->no_memory;
}

enum status card_begin_again(struct card_work *w, int64_t at_ms, struct err *err)
{
    struct beginning b = {.at_ms = at_ms, .arena = lane_arena(w->lane)};
    enum status rc = card_change(w, begin_again, &b, err);

    return rc == ST_OK && b.no_memory ? no_memory(err) : rc;
}

/* Asking and waiting */

static enum status emit_form(struct card_work *w, const struct emit *emit, struct err *err)
{
    struct activation_emit record = {.activation = describe(w)};

    if (!name_record(w, receipt_name(&w->row), str_from(emit->step), &record.id))
        return no_memory(err);
    if (str_is_empty(w->row.form))
        record.activation.form.text = w->form;
    return lane_emit(w->lane, emit, &record, err);
}

struct dates {
    int64_t now_ms;
    int64_t due_ms;
};

/* activation_wait_fn */
static bool mark_asked(struct activation_wait *row, void *arg)
{
    const struct dates *d = arg;

    row->asked_at_ms = d->now_ms;
    row->due_at_ms = d->due_ms;
    return true;
}

enum status card_ask(struct card_work *w, struct err *err)
{
    struct dates d;
    enum status rc;

    if (w->row.asked_at_ms != 0)
        return ST_OK;
    rc = emit_form(w, &EMIT_ACTIVATION_REQUESTED, err);
    if (rc == ST_OK)
        rc = lane_flush(w->lane, err);
    d.now_ms = clock_wall_ms();
    d.due_ms = d.now_ms + w->account->activation_deadline_s * 1000;
    return rc == ST_OK ? card_change(w, mark_asked, &d, err) : rc;
}

/* activation_wait_fn */
static bool mark_overdue(struct activation_wait *row, void *arg)
{
    const struct dates *d = arg;

    row->overdue_at_ms = d->now_ms;
    row->due_at_ms = 0;
    return true;
}

enum status card_overdue(struct card_work *w, struct err *err)
{
    struct dates d = {0};
    enum status rc = emit_form(w, &EMIT_ACTIVATION_PENDING, err);

    if (rc == ST_OK)
        rc = lane_flush(w->lane, err);
    d.now_ms = clock_wall_ms();
    return rc == ST_OK ? card_change(w, mark_overdue, &d, err) : rc;
}

/* activation_wait_fn */
static bool mark_due(struct activation_wait *row, void *arg)
{
    const struct dates *d = arg;

    if (row->due_at_ms != 0)
        return false;
    row->due_at_ms = d->due_ms;
    return true;
}

enum status card_wait(struct card_work *w, int64_t wait_ms, struct err *err)
{
    struct dates d = {.due_ms = clock_wall_ms() + wait_ms};

    return w->row.due_at_ms != 0 ? ST_OK : card_change(w, mark_due, &d, err);
}

/* activation_wait_fn */
static bool mark_dropped(struct activation_wait *row, void *arg UNUSED)
{
    bool waits = row->due_at_ms != 0 || row->asked_at_ms != 0 || row->overdue_at_ms != 0 ||
                 str_is_set(row->form) || str_is_set(row->ticket_id);

    row->due_at_ms = 0;
    row->asked_at_ms = 0; /* should it come back, the CRM is asked anew */
    row->overdue_at_ms = 0;
    row->form = ABSENT;
    row->ticket_id = ABSENT;
    row->ticket_at_ms = 0;
    return waits;
}

enum status card_drop(struct card_work *w, const struct err *why, struct err *err)
{
    lane_warn(w->lane, "card.gone", why);
    return card_change(w, mark_dropped, NULL, err);
}
