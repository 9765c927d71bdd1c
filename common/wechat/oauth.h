/* SPDX-License-Identifier: Apache-2.0 */
/* Whose code of a web authorisation it is (wechat-api 11.1). Made with the AppSecret, which goes
 * into the address of the request and nowhere else. */
#pragma once

#include "wechat/client.h"

struct oauth_request {
    const struct account *account;
    struct str secret; /* AppSecret */
    struct str code;
    struct deadline until;
};

/* *answer is WeChat's, the caller's to free: beside openid and scope it has the person's own
 * tokens. ST_REJECT: 40029, 40163, 42003 ("wechat:40029"). ST_WAIT: what an operator must mend, a
 * wrong AppSecret among it. ST_RETRY: as wechat_exchange; a code that was used by a call whose
 * answer was lost is refused the next time (40163). */
MUST_CHECK enum status oauth_exchange(struct http_client *http,
                                      const struct settings_wechat *settings,
                                      const struct oauth_request *request, struct json **answer,
                                      struct err *err);
