/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a binding, field by field. */
#include "model/binding.h"

const struct field BINDING_FIELDS[] = {
    FIELD(binding, STR, account, true),
    FIELD(binding, STR, appid, true),
    FIELD(binding, STR, openid, false),
    FIELD(binding, STR, kind, true),
    FIELD(binding, STR, scene, false),
    FIELD(binding, STR, user, false),
    FIELD(binding, BOOL, first_follow, false),
    FIELD(binding, STR, expires_at, false),
    FIELD(binding, STR, reason, false),
    FIELD(binding, STR, purpose, false),
    FIELD(binding, STR, at, true),
};
const size_t BINDING_FIELD_COUNT = COUNT_OF(BINDING_FIELDS);

enum status binding_parse(const struct json *value, struct binding *out, struct err *err)
{
    return field_parse(BINDING_FIELDS, BINDING_FIELD_COUNT, value, out, err);
}

void binding_write(const struct binding *b, struct buf *out)
{
    field_write_object(BINDING_FIELDS, BINDING_FIELD_COUNT, b, out);
}
