/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a command's result, field by field. Account and type are missing where a refused
 * command did not say. */
#include "model/wechat_result.h"

const struct field WECHAT_RESULT_FIELDS[] = {
    FIELD(wechat_result, STR, account, false),   FIELD(wechat_result, STR, type, false),
    FIELD(wechat_result, STR, command_id, true), FIELD(wechat_result, STR, outcome, true),
    FIELD(wechat_result, I64, errcode, false),   FIELD(wechat_result, STR, errmsg, false),
    FIELD(wechat_result, JSON, answer, false),   FIELD(wechat_result, JSON, error, false),
    FIELD(wechat_result, STR, at, true),         FIELD(wechat_result, STR, request_hash, false),
};
const size_t WECHAT_RESULT_FIELD_COUNT = COUNT_OF(WECHAT_RESULT_FIELDS);

enum status wechat_result_parse(const struct json *value, struct wechat_result *out,
                                struct err *err)
{
    return field_parse(WECHAT_RESULT_FIELDS, WECHAT_RESULT_FIELD_COUNT, value, out, err);
}

void wechat_result_write(const struct wechat_result *r, struct buf *out)
{
    field_write_object(WECHAT_RESULT_FIELDS, WECHAT_RESULT_FIELD_COUNT, r, out);
}
