/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of webhooks by the Standard Webhooks specification, symmetric scheme "v1"
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The specification asks senders for 24 to 64 bytes; receivers out there have other sizes. */
enum { WEBHOOK_KEY_MIN = 16, WEBHOOK_KEY_MAX = 128 };

struct webhook_key {
    uint8_t bytes[WEBHOOK_KEY_MAX];
    size_t len;
};

/* Of a secret as people exchange it, "whsec_<base64>". ST_FATAL, code "config", when it is none;
 * the text names the setting and never the secret. */
MUST_CHECK enum status webhook_key_parse(const char *setting, struct str secret,
                                         struct webhook_key *out, struct err *err);
void webhook_key_done(struct webhook_key *key); /* wipes */

/* Appends the value of webhook-signature, one signature for each key, separated by blanks. id and
 * timestamp (Unix seconds) are those of the headers webhook-id and webhook-timestamp, body is what
 * is sent, to the byte. Shows in out when memory is short. */
void webhook_sign(const struct webhook_key *keys, size_t count, struct str id, int64_t timestamp_s,
                  struct str body, struct buf *out);
