/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a ticket or an answer of the CRM, field by field. */
#include "model/activation_request.h"

#include "base/hex.h"
#include "model/id.h"

const struct field ACTIVATION_REQUEST_FIELDS[] = {
    FIELD(activation_request, STR, account, true),
    FIELD(activation_request, STR, card_id, true),
    FIELD(activation_request, STR, encrypt_code, false),
    FIELD(activation_request, STR, card_code, false),
    FIELD(activation_request, STR, openid, false),
    FIELD(activation_request, STR, outer_str, false),
    FIELD(activation_request, STR, activate_ticket, false),
    FIELD(activation_request, STR, membership_number, false),
    FIELD(activation_request, I64, init_bonus, false),
    FIELD(activation_request, I64, init_balance, false),
};
const size_t ACTIVATION_REQUEST_FIELD_COUNT = COUNT_OF(ACTIVATION_REQUEST_FIELDS);

enum status activation_request_parse(const struct json *value, struct activation_request *out,
                                     struct err *err)
{
    struct activation_request read;
    enum status rc;

    rc = field_parse(ACTIVATION_REQUEST_FIELDS, ACTIVATION_REQUEST_FIELD_COUNT, value, &read, err);
    if (rc != ST_OK)
        return rc;
    if (str_is_empty(read.encrypt_code) && str_is_empty(read.card_code))
        return err_reject(err, REASON_SCHEMA, "schema", "/encrypt_code or /card_code is required");
    *out = read;
    return ST_OK;
}

struct str activation_request_key(struct arena *arena, struct str appid,
                                  const struct activation_request *r)
{
    char hex[2 * SHA256_LEN + 1];
    uint8_t hash[SHA256_LEN];

    if (!str_is_empty(r->card_code))
        return id_card_key(arena, appid, r->card_id, r->card_code);
    if (!str_is_empty(r->openid))
        return id_user_key(arena, appid, r->openid);
    sha256(r->encrypt_code, hash);
    hex_format(hash, sizeof(hash), hex);
    return id_user_key(arena, appid, str_from(hex));
}

void activation_request_write(const struct activation_request *r, struct buf *out)
{
    field_write_object(ACTIVATION_REQUEST_FIELDS, ACTIVATION_REQUEST_FIELD_COUNT, r, out);
}
