/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.result.bonus.v1: what became of a command, or what was observed on the card. */
#pragma once

#include "model/field.h"

struct bonus_result {
    struct str account;
    struct str appid;
    struct str card_id;
    struct str card_code;
    struct str command_id; /* observed: the push's ce_id */
    struct str outcome;    /* applied | skipped | rejected | observed | unknown | failed */
    struct str mode;       /* set | add | sync; absent when observed */
    struct opt_i64 delta;
    struct opt_i64 balance_delta;
    struct opt_i64 bonus; /* the account's, afterwards */
    struct opt_i64 balance;
    struct opt_i64 version;
    struct opt_i64 rev;
    struct str at;           /* RFC 3339 */
    struct field_json error; /* {"code","message"} */
    struct str request_hash; /* of the command; absent: the ledger has no entry of it */
};

extern const struct field BONUS_RESULT_FIELDS[];
extern const size_t BONUS_RESULT_FIELD_COUNT;

MUST_CHECK enum status bonus_result_parse(const struct json *value, struct bonus_result *out,
                                          struct err *err);
void bonus_result_write(const struct bonus_result *r, struct buf *out);
