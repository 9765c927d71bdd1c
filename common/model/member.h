/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.state.member.v1: what WeChat says of one card. An absent attribute means unknown, never
 * empty. */
#pragma once

#include "model/field.h"

struct member {
    struct opt_i64 version; /* time of the triggering push in ms */
    struct str account;
    struct str appid;
    struct str card_id;
    struct str card_code;
    struct str openid;
    struct str unionid;
    struct str membership_number;
    struct str nickname;
    struct str sex;
    struct opt_i64 bonus;
    struct opt_i64 balance;
    struct str status; /* NORMAL, DELETE, ... as user_card_status */
    struct opt_bool has_active;
    struct str previous_card_code;
    struct str outer_str;
    struct field_json form;        /* object: field id -> value */
    struct field_json custom_form; /* array of {name, value} or {name, values} */
    struct str fetched_at;
    struct field_json raw; /* WeChat's answer */
};

extern const struct field MEMBER_FIELDS[];
extern const size_t MEMBER_FIELD_COUNT;

MUST_CHECK enum status member_parse(const struct json *value, struct member *out, struct err *err);
void member_write(const struct member *m, struct buf *out);
