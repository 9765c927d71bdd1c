/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens at rest in Kafka: AES-256-GCM under the key of [token] seal_key_file, bound to the
 * record's key. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "config/settings.h"
#include "wechat/client.h"

struct seal_key {
    unsigned char bytes[32];
};

/* 32 bytes as Base64; ST_FATAL names setting, path and the remedy (openssl rand -base64 32). */
MUST_CHECK enum status seal_key_read(const struct settings_token *settings, struct seal_key *out,
                                     struct err *err);
void seal_key_done(struct seal_key *key);
/* Base64 text into out; record_key "<appid>:<kind>" is authenticated with it. */
MUST_CHECK enum status seal_token(const struct seal_key *key, struct str record_key,
                                  struct str token, struct buf *out, struct err *err);
MUST_CHECK enum status unseal_token(const struct seal_key *key, struct str record_key,
                                    struct str sealed, struct token *out, struct err *err);
