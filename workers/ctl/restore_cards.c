/* SPDX-License-Identifier: Apache-2.0 */
/* What kabao-activate knows of each card, as far as receipts and activations tell it: without it a
 * ticket that comes again, before the receipt does, would be a card's first. */
#include "activate/rules.h"
#include "model/activation.h"
#include "model/event.h"
#include "model/id.h"
#include "restore.h"
#include "run/effects.h"

static const struct step STEP_ACTIVATE = {.name = "activate"};

static bool is_flagged(const struct event *e, const char *name)
{
    return str_eq(event_field(e, name), STR("1"));
}

/* activation_wait_fn */
static bool take_receipt(struct activation_wait *row, void *arg)
{
    return receipt_take(row, arg);
}

enum status restore_receipt(struct restore *r, const struct given *given, struct err *err)
{
    struct activation_wait row = {0};
    struct receipt receipt;
    struct event e = {0};
    enum status rc;

    if (!str_eq_cstr(given->event.type, "kabao.wechat.user_get_card"))
        return ST_OK;
    rc = event_parse(given->value, &e, err);
    if (rc != ST_OK || str_is_empty(e.card_id) || str_is_empty(e.card_code))
        return rc == ST_REJECT ? ST_OK : rc;
    receipt = (struct receipt){
        .id = receipt_id(given->event.id, given->arena),
        .at_ms = e.create_time.value * 1000,
        .restored = is_flagged(&e, "IsRestoreMemberCard"),
        .previous_card_code = event_field(&e, "OldUserCardCode"),
        .openid = e.openid,
    };
    if (str_is_empty(receipt.previous_card_code))
        receipt.previous_card_code = (struct str){NULL, 0};
    if (!str_is_set(receipt.id))
        return restore_no_memory(err);
    row.appid = e.appid;
    row.card_id = e.card_id;
    row.card_code = e.card_code;
    return activation_wait_change(r->db, given->arena, &row, take_receipt, &receipt, err);
}

struct telling {
    const struct given *given;
    bool no_memory;
};

/* activation_wait_fn: of an earlier receipt it says nothing. */
static bool mark_told(struct activation_wait *row, void *arg)
{
    struct telling *t = arg;
    struct str name = activation_name(row, receipt_name(row), t->given->arena);
    struct id id;

    t->no_memory = !str_is_set(name);
    if (t->no_memory || row->told_at_ms != 0)
        return false;
    effect_id(&STEP_ACTIVATE, name, &id);
    if (!str_eq_cstr(t->given->event.id, id.text))
        return false;
    row->told_at_ms = t->given->record->timestamp_ms;
    row->seen_at_ms = t->given->record->timestamp_ms;
    row->acting = (struct str){NULL, 0};
    row->asked_at_ms = 0;
    row->overdue_at_ms = 0;
    row->due_at_ms = 0;
    row->form = (struct str){NULL, 0};
    return true;
}

enum status restore_told(struct restore *r, const struct given *given, const struct activation *a,
                         struct err *err)
{
    struct activation_wait row = {
        .appid = a->appid, .card_id = a->card_id, .card_code = a->card_code};
    struct telling telling = {.given = given};
    enum status rc = activation_wait_change(r->db, given->arena, &row, mark_told, &telling, err);

    return rc == ST_OK && telling.no_memory ? restore_no_memory(err) : rc;
}
