/* SPDX-License-Identifier: Apache-2.0 */
/* The record of one card, field by field. */
#include "model/member.h"

const struct field MEMBER_FIELDS[] = {
    FIELD(member, I64, version, true),
    FIELD(member, STR, account, true),
    FIELD(member, STR, appid, true),
    FIELD(member, STR, card_id, true),
    FIELD(member, STR, card_code, true),
    FIELD(member, STR, openid, false),
    FIELD(member, STR, unionid, false),
    FIELD(member, STR, membership_number, false),
    FIELD(member, STR, nickname, false),
    FIELD(member, STR, sex, false),
    FIELD(member, I64, bonus, false),
    FIELD(member, I64, balance, false),
    FIELD(member, STR, status, false),
    FIELD(member, BOOL, has_active, false),
    FIELD(member, STR, previous_card_code, false),
    FIELD(member, STR, outer_str, false),
    FIELD(member, JSON, form, false),
    FIELD(member, JSON, custom_form, false),
    FIELD(member, STR, fetched_at, false),
    FIELD(member, JSON, raw, false),
};
const size_t MEMBER_FIELD_COUNT = COUNT_OF(MEMBER_FIELDS);

enum status member_parse(const struct json *value, struct member *out, struct err *err)
{
    return field_parse(MEMBER_FIELDS, MEMBER_FIELD_COUNT, value, out, err);
}

void member_write(const struct member *m, struct buf *out)
{
    field_write_object(MEMBER_FIELDS, MEMBER_FIELD_COUNT, m, out);
}
