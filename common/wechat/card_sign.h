/* SPDX-License-Identifier: Apache-2.0 */
/* What a page proves to the WeChat client (wechat-api 7). No clock, no chance: who calls brings
 * both. */
#pragma once

#include "base/str.h"
#include "codec/crypto.h"
#include "wechat/sign.h"

/* Absent and empty texts contribute nothing. timestamp is Unix seconds in decimal. */

/* wx.addCard's cardExt (7.2); fixed_begintimestamp and outer_str are not signed. */
struct card_sign_add {
    struct str api_ticket; /* of kind wx_card */
    struct str card_id;
    struct str code;
    struct str openid;
    struct str timestamp;
    struct str nonce_str;
};

void card_sign_add(struct hasher *sha1_hasher, const struct card_sign_add *add,
                   char out[SIGN_LEN + 1]);

/* wx.chooseCard's cardSign (7.3). */
struct card_sign_choose {
    struct str api_ticket; /* of kind wx_card */
    struct str app_id;
    struct str shop_id;
    struct str card_id;
    struct str card_type;
    struct str timestamp;
    struct str nonce_str;
};

void card_sign_choose(struct hasher *sha1_hasher, const struct card_sign_choose *choose,
                      char out[SIGN_LEN + 1]);

/* wx.config's signature (7.1). */
struct card_sign_page {
    struct str jsapi_ticket;
    struct str nonce_str;
    struct str timestamp;
    struct str url; /* as the browser shows it; what begins with '#' is left out here */
};

void card_sign_page(struct hasher *sha1_hasher, const struct card_sign_page *page,
                    char out[SIGN_LEN + 1]);
