/* SPDX-License-Identifier: Apache-2.0 */
/* An account with its secrets read and checked. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"

#include <stdbool.h>

enum { AES_KEY_LEN = 32, AES_KEYS_MAX = 2, CALLBACK_TOKEN_MAX = 64 };

struct account_secrets {
    char callback_token[CALLBACK_TOKEN_MAX + 1];
    unsigned char aes_keys[AES_KEYS_MAX][AES_KEY_LEN]; /* current, then previous */
    int aes_key_count;
};

/* Reads callback token (3-32 alphanumerics, else ST_FATAL) and EncodingAESKeys (43 characters of
 * Base64; the last may carry spare bits: wechat-api 1.4). For programs that face WeChat's callback.
 */
MUST_CHECK enum status account_secrets_read(const struct account *account,
                                            struct account_secrets *out, struct err *err);
/* What those files may hold. */
bool account_token_fits(struct str text);
bool account_aes_key_fits(struct str text);
void account_secrets_done(struct account_secrets *secrets); /* wipes */
