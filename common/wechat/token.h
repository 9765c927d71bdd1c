/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching tokens and tickets: kabao-token's calls, which need no token before (wechat-api 3). */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "config/settings.h"
#include "http/client.h"
#include "wechat/client.h"

struct token_grant {
    struct token token;
    int64_t expires_in_s;
};

/* stable_token or token, as api says; secret is never logged. force only with the stable api (each
 * classic call makes a new token anyway). Verdicts as in wechat_call: ST_WAIT for 45011, 45009,
 * 40164, 40125, 40013, 40243, 89503... and for a secret file that cannot be read, with the remedy
 * in err->text; resource "token:<account>:access_token". An answer with a token of odd characters,
 * or a life beyond 1..14400 s, is ST_RETRY "wechat:garbage". */
MUST_CHECK enum status token_fetch(struct http_client *http, const struct settings_wechat *settings,
                                   const struct account *account, enum token_api api, bool force,
                                   struct deadline until, struct token_grant *out, struct err *err);
/* token_source = url: GET with a bearer token (none where token_url_bearer_file is not set); the
 * answer is {"access_token","expires_in"}. 401 and 403 are ST_WAIT, anything else unusable
 * ST_RETRY. */
MUST_CHECK enum status token_fetch_hub(struct http_client *http, const struct account *account,
                                       struct deadline until, struct token_grant *out,
                                       struct err *err);
/* ticket/getticket with this access token. A token that failed (40001, 40014, 42001) is ST_RETRY
 * with that code; the resource of ST_WAIT names the path without the account. */
MUST_CHECK enum status token_fetch_ticket(struct http_client *http,
                                          const struct settings_wechat *settings,
                                          const struct token *access, enum token_kind kind,
                                          struct deadline until, struct token_grant *out,
                                          struct err *err);
