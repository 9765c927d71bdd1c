/* SPDX-License-Identifier: Apache-2.0 */
/* Cards sign sorted values, pages sign names and values in one fixed order. */
#include "wechat/card_sign.h"

#include "base/attr.h"
#include "base/hex.h"

void card_sign_add(struct hasher *sha1_hasher, const struct card_sign_add *add,
                   char out[SIGN_LEN + 1])
{
    const struct str values[] = {add->api_ticket, add->card_id,   add->code,
                                 add->openid,     add->timestamp, add->nonce_str};

    sign_values(sha1_hasher, values, COUNT_OF(values), out);
}

void card_sign_choose(struct hasher *sha1_hasher, const struct card_sign_choose *choose,
                      char out[SIGN_LEN + 1])
{
    const struct str values[] = {choose->api_ticket, choose->app_id,    choose->shop_id,
                                 choose->card_id,    choose->card_type, choose->timestamp,
                                 choose->nonce_str};

    sign_values(sha1_hasher, values, COUNT_OF(values), out);
}

static struct str without_fragment(struct str url)
{
    struct str page = url;
    struct str fragment;

    (void)str_cut(url, '#', &page, &fragment);
    return page;
}

void card_sign_page(struct hasher *sha1_hasher, const struct card_sign_page *page,
                    char out[SIGN_LEN + 1])
{
    const struct str parts[] = {
        STR("jsapi_ticket="), page->jsapi_ticket, STR("&noncestr="), page->nonce_str,
        STR("&timestamp="),   page->timestamp,    STR("&url="),      without_fragment(page->url),
    };
    uint8_t hash[SHA1_LEN];

    hasher_start(sha1_hasher);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        hasher_add(sha1_hasher, parts[i]);
    hasher_finish(sha1_hasher, hash);
    hex_format(hash, sizeof(hash), out);
}
