/* SPDX-License-Identifier: Apache-2.0 */
/* The record of an activation, field by field. */
#include "model/activation.h"

const struct field ACTIVATION_FIELDS[] = {
    FIELD(activation, STR, account, true),       FIELD(activation, STR, appid, true),
    FIELD(activation, STR, card_id, true),       FIELD(activation, STR, card_code, true),
    FIELD(activation, STR, openid, false),       FIELD(activation, STR, membership_number, false),
    FIELD(activation, I64, init_bonus, false),   FIELD(activation, STR, previous_card_code, false),
    FIELD(activation, STR, on_gift, false),      FIELD(activation, STR, by, false),
    FIELD(activation, STR, activated_at, false), FIELD(activation, JSON, form, false),
};
const size_t ACTIVATION_FIELD_COUNT = COUNT_OF(ACTIVATION_FIELDS);

enum status activation_parse(const struct json *value, struct activation *out, struct err *err)
{
    return field_parse(ACTIVATION_FIELDS, ACTIVATION_FIELD_COUNT, value, out, err);
}

void activation_write(const struct activation *a, struct buf *out)
{
    field_write_object(ACTIVATION_FIELDS, ACTIVATION_FIELD_COUNT, a, out);
}
