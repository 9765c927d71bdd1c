/* SPDX-License-Identifier: Apache-2.0 */
/* Looking members up, by what people know of themselves. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"
#include "model/field.h"

#include <stdbool.h>
#include <stdint.h>

enum member_find_by { MEMBER_BY_MOBILE, MEMBER_BY_NUMBER, MEMBER_BY_OPENID, MEMBER_BY_UNIONID };

struct member_query {
    enum member_find_by by;
    struct str value; /* of a mobile: E.164 (member_mobile) */
    struct str appid;
    struct str card_id; /* absent: of every template */
};

/* Absent: not known. Texts live for the call. */
struct member_found {
    struct str card_id;
    struct str card_code;
    struct str openid;
    struct str unionid;
    struct str membership_number;
    struct str status;
    struct opt_bool has_active;
    struct opt_i64 bonus;
    struct opt_i64 balance;
    int64_t activated_at_ms; /* 0: not known */
};

typedef void member_find_fn(void *arg, const struct member_found *found);

enum { MEMBER_FIND_MAX = 100 };

/* The first MEMBER_FIND_MAX in order of card_id and code, deleted cards too; *more: there are more.
 * Only reads. */
MUST_CHECK enum status member_find(struct db *db, const struct member_query *query,
                                   member_find_fn *fn, void *arg, bool *more, struct err *err);
