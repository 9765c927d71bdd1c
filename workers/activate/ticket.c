/* SPDX-License-Identifier: Apache-2.0 */
#include "activate/ticket.h"

#include "model/id.h"
#include "run/emit.h"
#include "wechat/activate.h"

#include <string.h>

enum { VALUE_MAX = 64 * 1024, EXPIRED_TRIES = 3 };

bool is_ticket(const struct activation_request *request)
{
    return !str_is_empty(request->encrypt_code) || !str_is_empty(request->activate_ticket);
}

static enum status emit_moved(struct lane *lane, const struct message *message,
                              const struct account *account,
                              const struct activation_request *request, struct err *err)
{
    AUTO(buf_done) struct buf value = BUF_INIT(VALUE_MAX);
    struct id id;
    struct command_emit moved = {
        .key = id_card_key(lane_arena(lane), str_from(account->appid), request->card_id,
                           request->card_code),
        .appid = str_from(account->appid),
        .subject = request->card_code,
    };

    activation_request_write(request, &value);
    id_derive(message->event.id, STR("card"), &id);
    moved.id = arena_dup(lane_arena(lane), str_from(id.text));
    moved.json = buf_str(&value);
    if (!buf_ok(&value) || !str_is_set(moved.key) || !str_is_set(moved.id))
        return err_retry(err, "memory", "no memory for a request");
    return lane_emit(lane, &EMIT_COMMAND_ACTIVATION, &moved, err);
}

enum status ticket_move(struct lane *lane, const struct message *message,
                        const struct account *account, struct activation_request *request,
                        bool *moved, struct err *err)
{
    enum status rc = ST_OK;
    struct str key;

    *moved = true;
    if (str_is_empty(request->card_code))
        rc = wechat_decrypt(lane_wechat(lane), account, request->encrypt_code,
                            lane_traceparent(lane), lane_deadline(lane), lane_arena(lane),
                            &request->card_code, err);
    if (rc != ST_OK)
        return rc;
    key = id_card_key(lane_arena(lane), str_from(account->appid), request->card_id,
                      request->card_code);
    if (!str_is_set(key))
        return err_retry(err, "memory", "no memory for a key");
    if (!str_eq(message->record->key, key))
        return emit_moved(lane, message, account, request, err);
    *moved = false;
    return ST_OK;
}

static enum status ask_for_form(struct card_work *w, const struct message *message,
                                struct field_json *form, struct err *err)
{
    const struct card card = {.account = w->account, .traceparent = lane_traceparent(w->lane)};
    enum status rc = wechat_temp_info(lane_wechat(w->lane), &card, w->request->activate_ticket,
                                      lane_deadline(w->lane), lane_arena(w->lane), form, err);

    if (rc == ST_RETRY && strcmp(err->code, "wechat:72012") == 0 &&
        message->attempt >= EXPIRED_TRIES)
        return err_reject(err, REASON_REJECTED, "wechat:72012", "the activation ticket is over");
    return rc;
}

struct acceptance {
    struct str ticket_id;
    struct str form;
    struct str openid;
    int64_t now_ms;
};

/* activation_wait_fn */
static bool keep_ticket(struct activation_wait *row, void *arg)
{
    const struct acceptance *a = arg;

    row->ticket_id = a->ticket_id;
    row->ticket_at_ms = a->now_ms;
    if (str_is_set(a->form))
        row->form = a->form;
    if (str_is_empty(row->openid))
        row->openid = a->openid;
    return true;
}

enum status ticket_accept(struct card_work *w, const struct message *message, struct err *err)
{
    struct acceptance a = {
        .ticket_id = receipt_id(message->event.id, lane_arena(w->lane)),
        .openid = w->member.openid,
        .now_ms = clock_wall_ms(),
    };
    struct field_json form = {0};
    enum status rc = ST_OK;

    if (str_eq(w->row.ticket_id, a.ticket_id))
        return ST_OK;
    if (!str_is_empty(w->request->activate_ticket))
        rc = ask_for_form(w, message, &form, err);
    a.form = form.text;
    return rc == ST_OK ? card_change(w, keep_ticket, &a, err) : rc;
}
