/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens sealed for Kafka, and opened. */
#include "wechat/seal.h"

#include "codec/base64.h"
#include "codec/crypto.h"
#include "config/secret.h"

#include <string.h>

enum {
    /* Base64 is read in threes. */
    SEALED_MAX = TOKEN_MAX + GCM_NONCE_LEN + GCM_TAG_LEN + 2,
    KEY_TEXT_MAX = 1024,
};

void seal_key_done(struct seal_key *key)
{
    explicit_bzero(key, sizeof(*key));
}

enum status seal_key_read(const struct settings_token *settings, struct seal_key *out,
                          struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(KEY_TEXT_MAX);
    AUTO(buf_done_secret) struct buf bytes = BUF_INIT(KEY_TEXT_MAX);
    enum status rc;

    if (settings->seal_key_file == NULL)
        return err_fatal(err, "setting",
                         "[token] seal_key_file is not set: make one with "
                         "openssl rand -base64 32");
    rc = secret_read("[token] seal_key_file", settings->seal_key_file, &text, err);
    if (rc != ST_OK)
        return rc;
    if (!base64_parse(buf_str(&text), &bytes) || bytes.len != sizeof(out->bytes))
        return err_fatal(err, "setting",
                         "[token] seal_key_file %s: not 32 bytes as Base64: make one with "
                         "openssl rand -base64 32",
                         settings->seal_key_file);
    memcpy(out->bytes, bytes.ptr, sizeof(out->bytes));
    return ST_OK;
}

enum status seal_token(const struct seal_key *key, struct str record_key, struct str token,
                       struct buf *out, struct err *err)
{
    AUTO(buf_done) struct buf sealed = BUF_INIT(SEALED_MAX);
    enum status rc;

    if (str_is_empty(token) || token.len >= TOKEN_MAX)
        return err_reject(err, REASON_MALFORMED, "seal", "a token of %zu bytes", token.len);
    rc = gcm_seal(key->bytes, record_key, token, &sealed, err);
    if (rc != ST_OK)
        return rc;
    base64_format(sealed.ptr, sealed.len, out);
    if (!buf_ok(out))
        return err_retry(err, "memory", "no room for a sealed token");
    return ST_OK;
}

enum status unseal_token(const struct seal_key *key, struct str record_key, struct str sealed,
                         struct token *out, struct err *err)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(SEALED_MAX);
    AUTO(buf_done_secret) struct buf text = BUF_INIT(TOKEN_MAX - 1);
    enum status rc;

    if (!base64_parse(sealed, &bytes))
        return err_reject(err, REASON_MALFORMED, "seal", "a sealed token is not Base64");
    rc = gcm_open(key->bytes, record_key, buf_str(&bytes), &text, err);
    if (rc != ST_OK)
        return rc;
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL)
        return err_reject(err, REASON_MALFORMED, "seal", "a sealed token is empty or has a NUL");
    (void)str_copy(buf_str(&text), out->text, sizeof(out->text));
    token_fingerprint(buf_str(&text), out->fingerprint);
    return ST_OK;
}
