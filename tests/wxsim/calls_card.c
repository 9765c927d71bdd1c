/* SPDX-License-Identifier: Apache-2.0 */
/* Members and codes (wechat-api 4.7, 4.12). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

/* Of every card: valid from 2020 to 2038. */
static const int64_t CARD_BEGIN_S = INT64_C(1577808000);
static const int64_t CARD_END_S = INT64_C(2145887999);

static void write_member(struct jsonw *w, const struct sim_member *m)
{
    jsonw_key_str(w, "openid", str_from(m->openid));
    jsonw_key_str(w, "nickname", str_from(m->nickname));
    jsonw_key_str(w, "membership_number", str_from(m->membership_number));
    jsonw_key_i64(w, "bonus", m->bonus);
    if (m->has_balance)
        jsonw_key_i64(w, "balance", m->balance);
    jsonw_key_str(w, "sex", str_from(m->sex));
    if (m->form.lists != NULL) {
        jsonw_key(w, STR("user_info"));
        jsonw_raw(w, str_from(m->form.lists));
    }
    jsonw_key_str(w, "user_card_status", str_from(m->status));
    jsonw_key_bool(w, "has_active", m->has_active);
}

int sim_call_userinfo_get(struct sim_call *call)
{
    const struct str appid = str_from(call->account->appid);
    const struct str card_id = sim_call_str(call, "card_id");
    const struct sim_member *member;

    if (sim_world_template(call->world, appid, card_id) == NULL)
        return SIM_BAD_CARD_ID;
    member = sim_world_member(call->world, appid, card_id, sim_call_str(call, "code"));
    if (member == NULL)
        return SIM_BAD_CODE;
    write_member(&call->w, member);
    return SIM_OK;
}

int sim_find_card(const struct sim_call *call, struct sim_member **out)
{
    const struct str appid = str_from(call->account->appid);
    const struct str card_id = sim_call_str(call, "card_id");
    const struct str code = sim_call_str(call, "code");
    struct sim_member *member;

    if (!str_is_empty(card_id)) {
        if (sim_world_template(call->world, appid, card_id) == NULL)
            return SIM_BAD_CARD_ID;
        member = sim_world_member(call->world, appid, card_id, code);
    } else {
        member = sim_world_code(call->world, appid, code);
        if (member != NULL &&
            sim_world_template(call->world, appid, str_from(member->card_id))->use_custom_code)
            return SIM_NO_CARD_ID;
    }
    if (member == NULL)
        return SIM_BAD_CODE;
    *out = member;
    return SIM_OK;
}

int sim_call_code_get(struct sim_call *call)
{
    struct sim_member *member;
    bool check_consume = true;
    const int errcode = sim_find_card(call, &member);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_member_has_status(member, "GIFT_SUCC"))
        return SIM_BAD_CODE;
    (void)json_bool(json_get(call->body, "check_consume"), &check_consume);
    if (check_consume && sim_member_has_status(member, "CONSUMED"))
        return SIM_CONSUMED;
    if (check_consume && !sim_member_has_status(member, "NORMAL"))
        return SIM_BAD_CARD_STATE;
    jsonw_key(&call->w, STR("card"));
    jsonw_object(&call->w);
    jsonw_key_str(&call->w, "card_id", str_from(member->card_id));
    jsonw_key_i64(&call->w, "begin_time", member->begin_s > 0 ? member->begin_s : CARD_BEGIN_S);
    jsonw_key_i64(&call->w, "end_time", member->end_s > 0 ? member->end_s : CARD_END_S);
    jsonw_object_end(&call->w);
    jsonw_key_str(&call->w, "openid", str_from(member->openid));
    jsonw_key_bool(&call->w, "can_consume", sim_member_has_status(member, "NORMAL"));
    jsonw_key_str(&call->w, "user_card_status", str_from(member->status));
    jsonw_key_str(&call->w, "outer_str", str_from(member->outer_str));
    jsonw_key_str(&call->w, "unionid", str_from(member->unionid));
    return SIM_OK;
}
