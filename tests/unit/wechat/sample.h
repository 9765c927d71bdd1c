/* SPDX-License-Identifier: Apache-2.0 */
/* An account with keys, and pushes to it signed and encrypted the way WeChat does. */
#pragma once

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/crypto.h"
#include "config/accounts.h"
#include "tests/unit/check.h"
#include "tests/unit/wechat/vectors.h"
#include "wechat/crypt.h"
#include "wechat/push.h"
#include "wechat/sign.h"

#include <string.h>

#define SAMPLE_TOKEN     "kafkawx"
#define SAMPLE_TIMESTAMP "1432668701"
#define SAMPLE_NONCE     "1372623149"

struct sample {
    char name[8];
    char appid[32];
    char drop[64];
    struct account account;
    struct account_secrets secrets;
    struct push_reader *reader;
    struct arena arena;
    char signature[SIGN_LEN + 1];
    char msg_signature[SIGN_LEN + 1];
};

static inline void sample_key(const char *text, unsigned char out[AES_KEY_LEN])
{
    AUTO(buf_done) struct buf key_text = BUF_INIT(64);
    AUTO(buf_done) struct buf key = BUF_INIT(64);

    buf_add_cstr(&key_text, text);
    buf_add_char(&key_text, '=');
    assert_true(base64_parse(buf_str(&key_text), &key));
    assert_int_equal(key.len, AES_KEY_LEN);
    memcpy(out, key.ptr, AES_KEY_LEN);
}

static inline void sample_reader(struct sample *s)
{
    struct err err;

    push_reader_free(s->reader);
    s->reader = NULL;
    assert_int_equal(push_reader_new(&s->account, &s->secrets, &s->reader, &err), ST_OK);
}

static inline void sample_init(struct sample *s, enum push_mode mode)
{
    *s = (struct sample){
        .name = "demo",
        .appid = VECTOR_APPID,
        .drop = "USER_FORM_INFO_FLAG_IDCARD",
        .arena = ARENA_INIT(4 << 20),
    };
    s->account = (struct account){
        .name = s->name, .appid = s->appid, .form_fields_drop = s->drop, .push_mode = (int)mode};
    (void)str_copy(STR(SAMPLE_TOKEN), s->secrets.callback_token, sizeof(s->secrets.callback_token));
    if (mode != PUSH_MODE_PLAIN) {
        sample_key(VECTOR_KEY, s->secrets.aes_keys[0]);
        s->secrets.aes_key_count = 1;
    }
    sample_reader(s);
}

static inline void sample_done(struct sample *s)
{
    push_reader_free(s->reader);
    arena_done(&s->arena);
}

/* The query of a plain push. */
static inline struct push_query sample_query(struct sample *s)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    const struct str values[] = {STR(SAMPLE_TOKEN), STR(SAMPLE_TIMESTAMP), STR(SAMPLE_NONCE)};

    sign_values(h, values, COUNT_OF(values), s->signature);
    return (struct push_query){
        .signature = str_from(s->signature),
        .timestamp = STR(SAMPLE_TIMESTAMP),
        .nonce = STR(SAMPLE_NONCE),
    };
}

/* The query of a push with this <Encrypt>. */
static inline struct push_query sample_query_aes(struct sample *s, struct str encrypted)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    const struct str values[] = {STR(SAMPLE_TOKEN), STR(SAMPLE_TIMESTAMP), STR(SAMPLE_NONCE),
                                 encrypted};
    struct push_query q = sample_query(s);

    sign_values(h, values, COUNT_OF(values), s->msg_signature);
    q.encrypt_type = STR("aes");
    q.msg_signature = str_from(s->msg_signature);
    return q;
}

static inline struct str sample_encrypt(struct sample *s, const unsigned char *key,
                                        struct str message, struct str appid)
{
    AUTO(crypt_freep) struct crypt *c = NULL;
    uint8_t keys[1][AES_KEY_LEN];
    struct str encrypted = {0};
    struct err err;

    memcpy(keys[0], key, AES_KEY_LEN);
    c = crypt_new((const uint8_t(*)[32])keys, 1);
    assert_non_null(c);
    assert_int_equal(crypt_seal(c, 0, message, appid, &s->arena, &encrypted, &err), ST_OK);
    return encrypted;
}

/* The body of secure mode. */
static inline struct str sample_secure_body(struct sample *s, struct str encrypted)
{
    return arena_printf(&s->arena,
                        "<xml>\n    <ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>\n"
                        "    <Encrypt><![CDATA[%.*s]]></Encrypt>\n</xml>\n",
                        STR_ARG(encrypted));
}
