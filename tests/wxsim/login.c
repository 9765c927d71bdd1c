/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/login.h"

#include "base/mem.h"
#include "base/rand.h"

/* Letters and digits, as the platform's codes are. */
static void fill(char *out, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    for (size_t i = 0; i < len; i++)
        out[i] = letters[rand_below(sizeof(letters) - 1)];
    out[len] = '\0';
}

void sim_login_free(void *login)
{
    struct sim_login *l = login;

    if (l == NULL)
        return;
    mem_free(l->appid);
    mem_free(l->openid);
    mem_free(l->unionid);
    mem_free(l);
}

bool sim_login_add(struct map *logins, const struct sim_visit *visit, char out[SIM_LOGIN_CODE + 1])
{
    struct sim_login *login = mem_zalloc(sizeof(*login));

    if (login == NULL)
        return false;
    login->appid = mem_strdup(visit->appid);
    login->openid = mem_strdup(visit->openid);
    login->unionid = visit->unionid != NULL ? mem_strdup(visit->unionid) : NULL;
    login->visit = *visit;
    login->visit.appid = login->appid;
    login->visit.openid = login->openid;
    login->visit.unionid = login->unionid;
    fill(out, SIM_LOGIN_CODE);
    if (login->appid != NULL && login->openid != NULL &&
        (login->unionid != NULL || visit->unionid == NULL) &&
        map_put(logins, str_of(out, SIM_LOGIN_CODE), login, NULL))
        return true;
    sim_login_free(login);
    return false;
}

void sim_login_use(struct sim_login *login)
{
    login->used = true;
    fill(login->access_token, SIM_LOGIN_TOKEN);
    fill(login->refresh_token, SIM_LOGIN_TOKEN);
}
