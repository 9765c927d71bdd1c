/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a change that the CRM asks for, field by field. */
#include "model/bonus_command.h"

const struct field BONUS_COMMAND_FIELDS[] = {
    FIELD(bonus_command, STR, account, true),
    FIELD(bonus_command, STR, card_id, true),
    FIELD(bonus_command, STR, card_code, true),
    FIELD(bonus_command, STR, mode, true),
    FIELD(bonus_command, I64, bonus, false),
    FIELD(bonus_command, I64, add_bonus, false),
    FIELD(bonus_command, I64, balance, false),
    FIELD(bonus_command, I64, add_balance, false),
    FIELD(bonus_command, I64, version, false),
    FIELD(bonus_command, STR, record_bonus, false),
    FIELD(bonus_command, STR, record_balance, false),
    FIELD(bonus_command, STR, custom_field_value1, false),
    FIELD(bonus_command, STR, custom_field_value2, false),
    FIELD(bonus_command, STR, custom_field_value3, false),
    FIELD(bonus_command, BOOL, notify, false),
    FIELD(bonus_command, STR, background_pic_url, false),
};
const size_t BONUS_COMMAND_FIELD_COUNT = COUNT_OF(BONUS_COMMAND_FIELDS);

enum status bonus_command_parse(const struct json *value, struct bonus_command *out,
                                struct err *err)
{
    return field_parse(BONUS_COMMAND_FIELDS, BONUS_COMMAND_FIELD_COUNT, value, out, err);
}

void bonus_command_write(const struct bonus_command *c, struct buf *out)
{
    field_write_object(BONUS_COMMAND_FIELDS, BONUS_COMMAND_FIELD_COUNT, c, out);
}
