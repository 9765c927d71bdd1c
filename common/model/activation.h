/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.event.activation.v1: a card became active (or activation is asked for, or overdue). */
#pragma once

#include "model/field.h"

struct activation {
    struct str account;
    struct str appid;
    struct str card_id;
    struct str card_code;
    struct str openid;
    struct str membership_number;
    struct opt_i64 init_bonus;
    struct str previous_card_code;
    struct str on_gift;
    struct str by;           /* wechat | kabao */
    struct str activated_at; /* RFC 3339 */
    struct field_json form;
};

extern const struct field ACTIVATION_FIELDS[];
extern const size_t ACTIVATION_FIELD_COUNT;

MUST_CHECK enum status activation_parse(const struct json *value, struct activation *out,
                                        struct err *err);
void activation_write(const struct activation *a, struct buf *out);
