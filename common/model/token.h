/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.state.token.v1 (the current token or ticket, sealed) and kabao.cmd.token.v1 (one that
 * failed). */
#pragma once

#include "model/field.h"

struct token_state {
    struct str account;
    struct str appid;
    struct str kind;   /* access_token | jsapi | wx_card */
    struct str sealed; /* Base64 of nonce, ciphertext and tag */
    struct str fingerprint;
    struct str expires_at; /* RFC 3339 */
    struct str fetched_at;
    struct str forced_at; /* absent: never */
    struct opt_i64 forced_today;
};

struct token_bad {
    struct str account;
    struct str appid;
    struct str kind;
    struct str fingerprint;
    struct str at;
};

extern const struct field TOKEN_STATE_FIELDS[];
extern const size_t TOKEN_STATE_FIELD_COUNT;
extern const struct field TOKEN_BAD_FIELDS[];
extern const size_t TOKEN_BAD_FIELD_COUNT;

MUST_CHECK enum status token_state_parse(const struct json *value, struct token_state *out,
                                         struct err *err);
void token_state_write(const struct token_state *t, struct buf *out);
MUST_CHECK enum status token_bad_parse(const struct json *value, struct token_bad *out,
                                       struct err *err);
void token_bad_write(const struct token_bad *t, struct buf *out);
