/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a command, field by field. */
#include "model/wechat_command.h"

const struct field WECHAT_COMMAND_FIELDS[] = {
    FIELD(wechat_command, STR, account, true),   FIELD(wechat_command, STR, type, true),
    FIELD(wechat_command, JSON, body, false),    FIELD(wechat_command, BOOL, confirm, false),
    FIELD(wechat_command, STR, reply_to, false), FIELD(wechat_command, STR, deadline, false),
};
const size_t WECHAT_COMMAND_FIELD_COUNT = COUNT_OF(WECHAT_COMMAND_FIELDS);

enum status wechat_command_parse(const struct json *value, struct wechat_command *out,
                                 struct err *err)
{
    return field_parse(WECHAT_COMMAND_FIELDS, WECHAT_COMMAND_FIELD_COUNT, value, out, err);
}

void wechat_command_write(const struct wechat_command *c, struct buf *out)
{
    field_write_object(WECHAT_COMMAND_FIELDS, WECHAT_COMMAND_FIELD_COUNT, c, out);
}
