/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and tickets (wechat-api 3.1 to 3.4). */
#include "codec/crypto.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

int sim_check_credentials(struct sim_call *call, struct str appid, struct str secret)
{
    if (str_is_empty(appid))
        return SIM_NO_APPID;
    if (str_is_empty(secret))
        return SIM_NO_SECRET;
    call->account = sim_world_account(call->world, appid);
    if (call->account == NULL)
        return SIM_BAD_APPID;
    return crypto_equal(secret, str_from(call->account->secret)) ? SIM_OK : SIM_BAD_SECRET;
}

/* Only the fetch of a token looks at where it comes from. */
static int check_caller(const struct sim_account *account)
{
    static const int codes[] = {SIM_BAD_ADDRESS,     SIM_ADDRESS_WAITS,    SIM_ADDRESS_UNCONFIRMED,
                                SIM_ADDRESS_REFUSED, SIM_ADDRESS_REJECTED, SIM_FROZEN_SECRET};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (sim_account_denies(account, codes[i]))
            return codes[i];
    return SIM_OK;
}

static int hand_out(struct sim_call *call, const char *name, enum sim_fetch_kind kind,
                    struct sim_grant grant)
{
    sim_account_note_fetch(call->account, kind, grant.fresh, call->now_ms);
    jsonw_key_str(&call->w, name, grant.text);
    jsonw_key_i64(&call->w, "expires_in", grant.expires_in_s);
    return SIM_OK;
}

int sim_call_token(struct sim_call *call)
{
    int errcode;

    if (!str_eq_cstr(sim_call_param(call, "grant_type"), "client_credential"))
        return SIM_BAD_GRANT;
    errcode =
        sim_check_credentials(call, sim_call_param(call, "appid"), sim_call_param(call, "secret"));
    if (errcode != SIM_OK)
        return errcode;
    errcode = check_caller(call->account);
    if (errcode != SIM_OK)
        return errcode;
    if (!call->account->classic)
        return SIM_NOT_ALLOWED;
    return hand_out(
        call, "access_token", SIM_CLASSIC,
        sim_token_classic(&call->account->by_classic, &call->account->rules, call->now_ms));
}

int sim_call_stable_token(struct sim_call *call)
{
    struct sim_account *account;
    bool force = false;
    int errcode;

    if (!str_eq_cstr(sim_call_str(call, "grant_type"), "client_credential"))
        return SIM_BAD_GRANT;
    errcode =
        sim_check_credentials(call, sim_call_str(call, "appid"), sim_call_str(call, "secret"));
    if (errcode != SIM_OK)
        return errcode;
    account = call->account;
    errcode = check_caller(account);
    if (errcode != SIM_OK)
        return errcode;
    (void)json_bool(json_get(call->body, "force_refresh"), &force);
    if (force)
        return hand_out(call, "access_token", SIM_FORCED,
                        sim_token_forced(&account->stable, &account->rules, call->now_ms));
    return hand_out(call, "access_token", SIM_NORMAL,
                    sim_token_normal(&account->stable, &account->rules, call->now_ms));
}

int sim_call_ticket(struct sim_call *call)
{
    struct sim_account *account = call->account;
    const struct str type = sim_call_param(call, "type");

    if (str_eq_cstr(type, "jsapi"))
        return hand_out(call, "ticket", SIM_JSAPI,
                        sim_token_normal(&account->jsapi, &account->rules, call->now_ms));
    if (str_eq_cstr(type, "wx_card"))
        return hand_out(call, "ticket", SIM_WX_CARD,
                        sim_token_normal(&account->wx_card, &account->rules, call->now_ms));
    return SIM_BAD_ARGS;
}
