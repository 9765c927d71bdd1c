/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.cmd.bonus.v1: the CRM asks for a change of what a card shows. Its identity is the ce_id. */
#pragma once

#include "model/field.h"

struct bonus_command {
    struct str account;
    struct str card_id;
    struct str card_code;
    struct str mode;            /* set | add | sync */
    struct opt_i64 bonus;       /* set: absolute */
    struct opt_i64 add_bonus;   /* add: delta */
    struct opt_i64 balance;     /* set, fen */
    struct opt_i64 add_balance; /* add, fen */
    struct opt_i64 version;     /* set: the CRM's, increasing */
    struct str record_bonus;    /* notes shown to the member */
    struct str record_balance;
    struct str custom_field_value1;
    struct str custom_field_value2;
    struct str custom_field_value3;
    struct opt_bool notify; /* absent: true */
    struct str background_pic_url;
};

extern const struct field BONUS_COMMAND_FIELDS[];
extern const size_t BONUS_COMMAND_FIELD_COUNT;

MUST_CHECK enum status bonus_command_parse(const struct json *value, struct bonus_command *out,
                                           struct err *err);
void bonus_command_write(const struct bonus_command *c, struct buf *out);
