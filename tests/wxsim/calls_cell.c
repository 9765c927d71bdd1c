/* SPDX-License-Identifier: Apache-2.0 */
/* Entries on a card for paying and redeeming oneself (wechat-api 4.14). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

static const struct sim_field pay_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"is_open", SIM_BOOL, SIM_NO_FIELD, 0},
};

static const struct sim_field consume_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"is_open", SIM_BOOL, SIM_NO_FIELD, 0},
    {"need_verify_cod", SIM_BOOL, SIM_OK, 0},
    {"need_remark_amount", SIM_BOOL, SIM_OK, 0},
};

static int find_with_store(const struct sim_call *call, struct sim_template **out)
{
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), out);

    if (errcode != SIM_OK)
        return errcode;
    return sim_template_is_approved(*out) && !sim_account_denies(call->account, SIM_NO_STORE)
               ? SIM_OK
               : SIM_NO_STORE;
}

static int pay_cell(struct sim_call *call)
{
    const bool open = sim_flag(call->body, "is_open", false);
    struct sim_template *t;
    const int errcode = find_with_store(call, &t);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_account_denies(call->account, SIM_NO_WECHAT_PAY))
        return SIM_NO_WECHAT_PAY;
    if (open && (t->self_consume ||
                 !str_is_empty(json_get_str(json_get(t->content, "base_info"), "center_title"))))
        return SIM_CELL_CONFLICT;
    t->pay_cell = open;
    return SIM_OK;
}

static int self_consume(struct sim_call *call)
{
    const bool open = sim_flag(call->body, "is_open", false);
    struct sim_template *t;
    const int errcode = find_with_store(call, &t);

    if (errcode != SIM_OK)
        return errcode;
    if (open && t->pay_cell)
        return SIM_CELL_CONFLICT;
    t->self_consume = open;
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/paycell/set", HTTP_POST, SIM_FIELDS(pay_fields), .fn = pay_cell},
    {"/card/selfconsumecell/set", HTTP_POST, SIM_FIELDS(consume_fields), .fn = self_consume},
};
const struct sim_family SIM_CELL_CALLS = {rows, COUNT_OF(rows)};
