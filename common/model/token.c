/* SPDX-License-Identifier: Apache-2.0 */
/* The records of tokens, field by field. */
#include "model/token.h"

const struct field TOKEN_STATE_FIELDS[] = {
    FIELD(token_state, STR, account, true),       FIELD(token_state, STR, appid, true),
    FIELD(token_state, STR, kind, true),          FIELD(token_state, STR, sealed, true),
    FIELD(token_state, STR, fingerprint, true),   FIELD(token_state, STR, expires_at, true),
    FIELD(token_state, STR, fetched_at, true),    FIELD(token_state, STR, forced_at, false),
    FIELD(token_state, I64, forced_today, false),
};
const size_t TOKEN_STATE_FIELD_COUNT = COUNT_OF(TOKEN_STATE_FIELDS);

const struct field TOKEN_BAD_FIELDS[] = {
    FIELD(token_bad, STR, account, true), FIELD(token_bad, STR, appid, true),
    FIELD(token_bad, STR, kind, true),    FIELD(token_bad, STR, fingerprint, true),
    FIELD(token_bad, STR, at, true),
};
const size_t TOKEN_BAD_FIELD_COUNT = COUNT_OF(TOKEN_BAD_FIELDS);

enum status token_state_parse(const struct json *value, struct token_state *out, struct err *err)
{
    return field_parse(TOKEN_STATE_FIELDS, TOKEN_STATE_FIELD_COUNT, value, out, err);
}

void token_state_write(const struct token_state *t, struct buf *out)
{
    field_write_object(TOKEN_STATE_FIELDS, TOKEN_STATE_FIELD_COUNT, t, out);
}

enum status token_bad_parse(const struct json *value, struct token_bad *out, struct err *err)
{
    return field_parse(TOKEN_BAD_FIELDS, TOKEN_BAD_FIELD_COUNT, value, out, err);
}

void token_bad_write(const struct token_bad *t, struct buf *out)
{
    field_write_object(TOKEN_BAD_FIELDS, TOKEN_BAD_FIELD_COUNT, t, out);
}
