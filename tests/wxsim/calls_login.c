/* SPDX-License-Identifier: Apache-2.0 */
/* Web authorisation: a code for who came (wechat-api 11.1). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/login.h"

#include <string.h>

enum { TOKEN_TTL_S = 7200 };

/* What is refused leaves the code as it is. */
static int find_login(const struct sim_call *call, struct sim_login **out)
{
    const struct str code = sim_call_param(call, "code");
    struct sim_login *login;

    if (str_is_empty(code))
        return SIM_NO_LOGIN;
    login = map_get(call->world->logins, code);
    if (login == NULL || strcmp(login->visit.appid, call->account->appid) != 0)
        return SIM_BAD_LOGIN;
    if (login->used)
        return SIM_USED_LOGIN;
    if (call->now_ms >= login->visit.expires_at_ms)
        return SIM_EXPIRED_LOGIN;
    *out = login;
    return SIM_OK;
}

static int exchange(struct sim_call *call)
{
    struct sim_login *login;
    int errcode =
        sim_check_credentials(call, sim_call_param(call, "appid"), sim_call_param(call, "secret"));

    if (errcode == SIM_OK && !str_eq_cstr(sim_call_param(call, "grant_type"), "authorization_code"))
        errcode = SIM_BAD_GRANT;
    if (errcode == SIM_OK)
        errcode = find_login(call, &login);
    if (errcode != SIM_OK)
        return errcode;
    sim_login_use(login);
    jsonw_key_str(&call->w, "access_token", str_from(login->access_token));
    jsonw_key_i64(&call->w, "expires_in", TOKEN_TTL_S);
    jsonw_key_str(&call->w, "refresh_token", str_from(login->refresh_token));
    jsonw_key_str(&call->w, "openid", str_from(login->visit.openid));
    jsonw_key_str(&call->w, "scope",
                  login->visit.userinfo ? STR("snsapi_userinfo") : STR("snsapi_base"));
    if (login->visit.userinfo)
        jsonw_key_str(&call->w, "unionid", str_from(login->visit.unionid));
    if (login->visit.snapshot)
        jsonw_key_i64(&call->w, "is_snapshotuser", 1);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/sns/oauth2/access_token", HTTP_GET, .no_token = true, .bare = true, .fn = exchange},
};
const struct sim_family SIM_LOGIN_CALLS = {rows, COUNT_OF(rows)};
