/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/cards/{card_id}/ext, /v1/cards/choose and /v1/jsapi-signature: what a page hands to
 * wx.addCard, wx.chooseCard and wx.config. Every nonce is new: WeChat refuses one that repeats. */
#include "api_steps.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/jsonw.h"
#include "wechat/card_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NONCE_BYTES = 16, NONCE_SIZE = 2 * NONCE_BYTES + 1, TIME_SIZE = 24 };

enum { CARD_ID_MAX = 32, ANSWER_MAX = 16384 };

/* What each signature is made with. */
struct proof {
    struct hasher *sha1;
    struct token_entry ticket;
    int64_t at_s;
    char timestamp[TIME_SIZE];
    char nonce[NONCE_SIZE]; /* at most 32 characters (wechat-api 7.2) */
};

static void proof_done(struct proof *p)
{
    hasher_free(p->sha1);
    explicit_bzero(&p->ticket, sizeof(p->ticket));
}

static void fill(struct proof *p)
{
    uint8_t bytes[NONCE_BYTES];

    rand_bytes(bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), p->nonce);
    p->at_s = clock_wall_ms() / 1000;
    (void)snprintf(p->timestamp, sizeof(p->timestamp), "%" PRId64, p->at_s);
}

/* False: answered. */
static bool prepare(struct api_request *r, const char *schema_id, enum token_kind kind,
                    struct proof *p)
{
    if (!api_may(r, STR("signature")) || !api_fits(r, schema_id) ||
        !api_account(r, json_get_str(r->body, "account")) || !api_ticket(r, kind, &p->ticket))
        return false;
    p->sha1 = hasher_new(HASH_SHA1);
    if (!p->sha1) {
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
        return false;
    }
    fill(p);
    return true;
}

static void answer(struct api_request *r, const struct buf *json)
{
    if (buf_ok(json))
        api_answer(r, 200, buf_str(json), NULL, 0);
    else
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
}

/* An empty text is none: it is neither signed nor sent. */
static struct str given(const struct api_request *r, const char *key)
{
    struct str value = json_get_str(r->body, key);

    return str_is_empty(value) ? (struct str){NULL, 0} : value;
}

/* Given or empty, for members that are always there. */
static struct str given_or_empty(const struct api_request *r, const char *key)
{
    struct str value = json_get_str(r->body, key);

    return str_is_set(value) ? value : STR("");
}

static void write_ext(const struct api_request *r, const struct card_sign_add *add,
                      const char *signature, struct buf *out)
{
    struct jsonw w = {.out = out};
    int64_t begins_at_s;

    jsonw_object(&w);
    jsonw_key_str(&w, "code", add->code);
    jsonw_key_str(&w, "openid", add->openid);
    jsonw_key_str(&w, "timestamp", add->timestamp);
    jsonw_key_str(&w, "nonce_str", add->nonce_str);
    if (json_get_i64(r->body, "fixed_begintimestamp", &begins_at_s))
        jsonw_key_i64(&w, "fixed_begintimestamp", begins_at_s);
    jsonw_key_str(&w, "outer_str", given(r, "outer_str"));
    jsonw_key_str(&w, "signature", str_from(signature));
    jsonw_object_end(&w);
}

static void answer_ext(struct api_request *r, const struct proof *p)
{
    AUTO(buf_done) struct buf ext = BUF_INIT(ANSWER_MAX);
    AUTO(buf_done) struct buf json = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &json};
    char signature[SIGN_LEN + 1];
    const struct card_sign_add add = {
        .api_ticket = str_from(p->ticket.token.text),
        .card_id = r->parts[1],
        .code = given(r, "code"),
        .openid = given(r, "openid"),
        .timestamp = str_from(p->timestamp),
        .nonce_str = str_from(p->nonce),
    };

    card_sign_add(p->sha1, &add, signature);
    write_ext(r, &add, signature, &ext);
    jsonw_object(&w);
    jsonw_key_str(&w, "cardId", add.card_id);
    jsonw_key_str(&w, "cardExt", buf_str(&ext));
    jsonw_object_end(&w);
    if (buf_ok(&ext))
        answer(r, &json);
    else
        answer(r, &ext);
}

void card_ext_post(struct api_request *r)
{
    AUTO(proof_done) struct proof p = {0};

    if (r->parts[1].len > CARD_ID_MAX)
        api_problem(
            r, &(struct problem){.kind = PROBLEM_NOT_FOUND, .detail = STR("that is no card_id")});
    else if (prepare(r, HTTP_SCHEMA("card-ext"), TOKEN_WX_CARD, &p))
        answer_ext(r, &p);
}

static void answer_choose(struct api_request *r, const struct proof *p)
{
    AUTO(buf_done) struct buf json = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &json};
    char signature[SIGN_LEN + 1];
    const struct card_sign_choose choose = {
        .api_ticket = str_from(p->ticket.token.text),
        .app_id = str_from(r->account->appid),
        .shop_id = given_or_empty(r, "shopId"),
        .card_type = given_or_empty(r, "cardType"),
        .card_id = given_or_empty(r, "cardId"),
        .timestamp = str_from(p->timestamp),
        .nonce_str = str_from(p->nonce),
    };

    card_sign_choose(p->sha1, &choose, signature);
    jsonw_object(&w);
    jsonw_key_str(&w, "shopId", choose.shop_id);
    jsonw_key_str(&w, "cardType", choose.card_type);
    jsonw_key_str(&w, "cardId", choose.card_id);
    jsonw_key_i64(&w, "timestamp", p->at_s);
    jsonw_key_str(&w, "nonceStr", choose.nonce_str);
    jsonw_key_str(&w, "signType", STR("SHA1"));
    jsonw_key_str(&w, "cardSign", str_from(signature));
    jsonw_object_end(&w);
    answer(r, &json);
}

void card_choose_post(struct api_request *r)
{
    AUTO(proof_done) struct proof p = {0};

    if (prepare(r, HTTP_SCHEMA("card-choose"), TOKEN_WX_CARD, &p))
        answer_choose(r, &p);
}

static void answer_page(struct api_request *r, const struct proof *p)
{
    AUTO(buf_done) struct buf json = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &json};
    char signature[SIGN_LEN + 1];
    const struct card_sign_page page = {
        .jsapi_ticket = str_from(p->ticket.token.text),
        .nonce_str = str_from(p->nonce),
        .timestamp = str_from(p->timestamp),
        .url = json_get_str(r->body, "url"),
    };

    card_sign_page(p->sha1, &page, signature);
    jsonw_object(&w);
    jsonw_key_str(&w, "appId", str_from(r->account->appid));
    jsonw_key_i64(&w, "timestamp", p->at_s);
    jsonw_key_str(&w, "nonceStr", page.nonce_str);
    jsonw_key_str(&w, "signature", str_from(signature));
    jsonw_object_end(&w);
    answer(r, &json);
}

void jsapi_post(struct api_request *r)
{
    AUTO(proof_done) struct proof p = {0};

    if (prepare(r, HTTP_SCHEMA("jsapi-signature"), TOKEN_JSAPI, &p))
        answer_page(r, &p);
}
