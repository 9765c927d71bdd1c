/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.cmd.activation.v1: a ticket from the landing page or mini program, or the CRM's answer. */
#pragma once

#include "model/field.h"

struct activation_request {
    struct str account;
    struct str card_id;
    struct str encrypt_code; /* this, URL-decoded, or card_code */
    struct str card_code;
    struct str openid;
    struct str outer_str;
    struct str activate_ticket;
    struct str membership_number;
    struct opt_i64 init_bonus;
    struct opt_i64 init_balance;
};

extern const struct field ACTIVATION_REQUEST_FIELDS[];
extern const size_t ACTIVATION_REQUEST_FIELD_COUNT;

/* ST_REJECT, REASON_SCHEMA, also when neither encrypt_code nor card_code is there. */
MUST_CHECK enum status activation_request_parse(const struct json *value,
                                                struct activation_request *out, struct err *err);
/* The record's key: the card's, else the person's, else one of the code's hash ("<appid>:<SHA-256
 * of encrypt_code, hex>"). Absent: no memory. */
struct str activation_request_key(struct arena *arena, struct str appid,
                                  const struct activation_request *r);
void activation_request_write(const struct activation_request *r, struct buf *out);
