/* SPDX-License-Identifier: Apache-2.0 */
/* Web authorisation (wechat-api 11.1): a code that a person's visit left, good once for five
 * minutes, and what it was exchanged for. */
#pragma once

#include "base/attr.h"
#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { SIM_LOGIN_CODE = 32, SIM_LOGIN_TOKEN = 96, SIM_LOGIN_TTL_S = 300 };

/* Who came, and how. Texts are borrowed. */
struct sim_visit {
    const char *appid;
    const char *openid;
    const char *unionid; /* NULL: none */
    bool userinfo;       /* scope snsapi_userinfo, else snsapi_base */
    bool snapshot;       /* a visitor of a snapshot page, whose openid is nobody's */
    int64_t expires_at_ms;
};

struct sim_login {
    struct sim_visit visit; /* its texts are these */
    char *appid;
    char *openid;
    char *unionid;
    bool used;
    char access_token[SIM_LOGIN_TOKEN + 1]; /* empty until then */
    char refresh_token[SIM_LOGIN_TOKEN + 1];
};

/* A new code for the visit. False: no memory. */
MUST_CHECK bool sim_login_add(struct map *logins, const struct sim_visit *visit,
                              char out[SIM_LOGIN_CODE + 1]);
/* The code is used up; the tokens are there then. */
void sim_login_use(struct sim_login *login);
void sim_login_free(void *login); /* for the map; NULL is fine */
