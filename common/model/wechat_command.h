/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.cmd.wechat.v1: a call that somebody asks for. Its identity is the ce_id. */
#pragma once

#include "model/field.h"

struct wechat_command {
    struct str account;
    struct str type;         /* "card.create" */
    struct field_json body;  /* WeChat's own JSON, or ours where the type says so */
    struct opt_bool confirm; /* needs to be true where the call cannot be taken back */
    struct str reply_to;     /* a topic of [topic] reply_to_allowed that gets the result as well */
    struct str deadline;     /* RFC 3339; afterwards nothing is sent: outcome expired */
};

extern const struct field WECHAT_COMMAND_FIELDS[];
extern const size_t WECHAT_COMMAND_FIELD_COUNT;

MUST_CHECK enum status wechat_command_parse(const struct json *value, struct wechat_command *out,
                                            struct err *err);
void wechat_command_write(const struct wechat_command *c, struct buf *out);
