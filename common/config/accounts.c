/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets of an account's callback. */
#include "config/accounts.h"

#include "base/str.h"
#include "config/secret.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SECRET_MAX = 64 * 1024,
    TOKEN_LEN_MIN = 3,
    TOKEN_LEN_MAX = 32,
    AES_KEY_TEXT_LEN = 43,
    SETTING_SIZE = 96,
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool account_token_fits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]))
            return false;
    return text.len >= TOKEN_LEN_MIN && text.len <= TOKEN_LEN_MAX;
}

static enum status read_setting(const struct account *account, const char *key, const char *path,
                                struct buf *out, struct err *err)
{
    char setting[SETTING_SIZE];

    (void)snprintf(setting, sizeof(setting), "[account %s] %s", account->name, key);
    return secret_read(setting, path, out, err);
}

static enum status read_token(const struct account *account, struct account_secrets *out,
                              struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(SECRET_MAX);
    enum status rc;

    rc = read_setting(account, "callback_token_file", account->callback_token_file, &text, err);
    if (rc != ST_OK)
        return rc;
    if (!account_token_fits(buf_str(&text)))
        return err_fatal(err, "config",
                         "[account %s] callback_token_file: %s must hold the Token of the WeChat "
                         "console, 3 to 32 letters and digits",
                         account->name, account->callback_token_file);
    (void)str_copy(buf_str(&text), out->callback_token, sizeof(out->callback_token));
    return ST_OK;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* 43 characters carry 258 bits; the last two are surplus and may be set (true for real keys). */
static bool decode_key(struct str text, unsigned char out[AES_KEY_LEN])
{
    uint32_t bits = 0;
    unsigned pending = 0;
    size_t len = 0;

    if (text.len != AES_KEY_TEXT_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const int value = base64_value(text.ptr[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        pending += 6;
        if (pending < 8)
            continue;
        pending -= 8;
        out[len++] = (unsigned char)(bits >> pending);
    }
    return true;
}

bool account_aes_key_fits(struct str text)
{
    unsigned char key[AES_KEY_LEN];
    const bool fits = decode_key(text, key);

    explicit_bzero(key, sizeof(key));
    return fits;
}

static enum status read_key(const struct account *account, const char *key, const char *path,
                            struct account_secrets *out, struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(SECRET_MAX);
    enum status rc;

    if (path == NULL)
        return ST_OK;
    rc = read_setting(account, key, path, &text, err);
    if (rc != ST_OK)
        return rc;
    if (!decode_key(buf_str(&text), out->aes_keys[out->aes_key_count]))
        return err_fatal(err, "config",
                         "[account %s] %s: %s must hold the EncodingAESKey of the WeChat console, "
                         "43 characters of Base64",
                         account->name, key, path);
    out->aes_key_count++;
    return ST_OK;
}

enum status account_secrets_read(const struct account *account, struct account_secrets *out,
                                 struct err *err)
{
    AUTO(account_secrets_done) struct account_secrets secrets = {0};
    enum status rc;

    rc = read_token(account, &secrets, err);
    if (rc != ST_OK)
        return rc;
    rc = read_key(account, "aes_key_file", account->aes_key_file, &secrets, err);
    if (rc != ST_OK)
        return rc;
    rc = read_key(account, "aes_key_previous_file", account->aes_key_previous_file, &secrets, err);
    if (rc != ST_OK)
        return rc;
    *out = secrets;
    return ST_OK;
}

void account_secrets_done(struct account_secrets *secrets)
{
    explicit_bzero(secrets, sizeof(*secrets));
}
