/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what became of a command, field by field. Whose card it was is missing where a
 * refused command did not say: the schema asks for it everywhere else. */
#include "model/bonus_result.h"

const struct field BONUS_RESULT_FIELDS[] = {
    FIELD(bonus_result, STR, account, false),       FIELD(bonus_result, STR, appid, false),
    FIELD(bonus_result, STR, card_id, false),       FIELD(bonus_result, STR, card_code, false),
    FIELD(bonus_result, STR, command_id, true),     FIELD(bonus_result, STR, outcome, true),
    FIELD(bonus_result, STR, mode, false),          FIELD(bonus_result, I64, delta, false),
    FIELD(bonus_result, I64, balance_delta, false), FIELD(bonus_result, I64, bonus, false),
    FIELD(bonus_result, I64, balance, false),       FIELD(bonus_result, I64, version, false),
    FIELD(bonus_result, I64, rev, false),           FIELD(bonus_result, STR, at, true),
    FIELD(bonus_result, JSON, error, false),        FIELD(bonus_result, STR, request_hash, false),
};
const size_t BONUS_RESULT_FIELD_COUNT = COUNT_OF(BONUS_RESULT_FIELDS);

enum status bonus_result_parse(const struct json *value, struct bonus_result *out, struct err *err)
{
    return field_parse(BONUS_RESULT_FIELDS, BONUS_RESULT_FIELD_COUNT, value, out, err);
}

void bonus_result_write(const struct bonus_result *r, struct buf *out)
{
    field_write_object(BONUS_RESULT_FIELDS, BONUS_RESULT_FIELD_COUNT, r, out);
}
