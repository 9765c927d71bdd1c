/* SPDX-License-Identifier: Apache-2.0 */
/* Activation: the forms and codes that web pages are given, and the call that makes a card active
 * (wechat-api 4.3, 4.6, 4.12). */
#include "wxsim/calls.h"
#include "wxsim/card_change.h"
#include "wxsim/errcode.h"
#include "wxsim/handles.h"

static const struct sim_card_text texts[] = {
    {"membership_number", offsetof(struct sim_member, membership_number)},
    {"background_pic_url", offsetof(struct sim_member, background_pic_url)},
    {"init_custom_field_value1", offsetof(struct sim_member, custom_field_value1)},
    {"init_custom_field_value2", offsetof(struct sim_member, custom_field_value2)},
    {"init_custom_field_value3", offsetof(struct sim_member, custom_field_value3)},
};

static int check_times(const struct json *body)
{
    int64_t begin_s = 0;
    int64_t end_s = INT64_MAX;

    (void)json_get_i64(body, "activate_begin_time", &begin_s);
    (void)json_get_i64(body, "activate_end_time", &end_s);
    return begin_s <= end_s ? SIM_OK : SIM_BAD_DATE_RANGE;
}

static int check_limits(const struct sim_call *call, const struct sim_member *card)
{
    const struct sim_template *template =
        sim_world_template(call->world, str_from(card->appid), str_from(card->card_id));
    int64_t bonus = 0;
    int64_t balance = 0;

    (void)json_get_i64(call->body, "init_bonus", &bonus);
    (void)json_get_i64(call->body, "init_balance", &balance);
    if (bonus > template->bonus_limit)
        return SIM_BONUS_LIMIT;
    return balance <= template->balance_limit ? SIM_OK : SIM_BALANCE_LIMIT;
}

/* Repeating it is harmless: points and balance begin once, the number is the last call's. */
int sim_call_activate(struct sim_call *call)
{
    struct sim_member *card;
    int errcode = sim_find_usable_card(call, &card);

    if (errcode == SIM_OK)
        errcode = check_times(call->body);
    if (errcode == SIM_OK)
        errcode = check_limits(call, card);
    if (errcode == SIM_OK)
        errcode = sim_card_keep_texts(call, card, texts, COUNT_OF(texts));
    if (errcode != SIM_OK)
        return errcode;
    if (!card->has_active) {
        card->bonus = 0;
        (void)json_get_i64(call->body, "init_bonus", &card->bonus);
        if (json_get_i64(call->body, "init_balance", &card->balance))
            card->has_balance = true;
    }
    (void)json_get_i64(call->body, "activate_begin_time", &card->begin_s);
    (void)json_get_i64(call->body, "activate_end_time", &card->end_s);
    card->has_active = true;
    card->history.activations++;
    return SIM_OK;
}

int sim_call_temp_info(struct sim_call *call)
{
    const struct sim_handle *ticket = sim_handle_find(call->world->tickets, call->account->appid,
                                                      sim_call_str(call, "activate_ticket"));

    if (ticket == NULL)
        return SIM_BAD_TICKET;
    if (call->now_ms >= ticket->expires_at_ms)
        return SIM_EXPIRED_TICKET;
    jsonw_key(&call->w, STR("info"));
    jsonw_raw(&call->w, str_from(ticket->content));
    return SIM_OK;
}

int sim_call_decrypt(struct sim_call *call)
{
    const struct sim_handle *encrypted = sim_handle_find(
        call->world->encrypted, call->account->appid, sim_call_str(call, "encrypt_code"));

    if (encrypted == NULL)
        return SIM_BAD_ENCRYPT_CODE;
    jsonw_key_str(&call->w, "code", str_from(encrypted->content));
    return SIM_OK;
}
