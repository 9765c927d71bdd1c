/* SPDX-License-Identifier: Apache-2.0 */
/* One user's copy of a member card, as the platform keeps it. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_member {
    char *appid;
    char *card_id;
    char *code;
    char *openid;
    char *nickname;          /* NULL: the platform gives none */
    char *membership_number; /* the code until something else is said */
    char *sex;               /* MALE, FEMALE, UNKNOWN */
    char *unionid;
    char *outer_str;
    char *status; /* NORMAL, CONSUMED, EXPIRE, GIFTING, GIFT_SUCC, GIFT_TIMEOUT, DELETE,
                     UNAVAILABLE */
    int64_t bonus;
    int64_t balance;
    bool has_balance; /* only cards with stored value show one */
    bool has_active;
    char *form;        /* JSON object, field id to value; NULL: never filled in */
    char *custom_form; /* JSON array of {name, value, value_list} */
    char *user_info;   /* the answer's user_info, made of the two above; NULL without both */
};

/* The object's members replace the member's, the others stay. A new member must be zeroed and come
 * with appid, card_id, code and openid. ST_REJECT says what is wrong with the object; the member
 * may then be half changed. */
MUST_CHECK enum status sim_member_read(struct sim_member *m, const struct json *from,
                                       struct err *err);
void sim_member_write(const struct sim_member *m, struct jsonw *w); /* as it is read */
void sim_member_done(struct sim_member *m);
MUST_CHECK enum status sim_member_set_status(struct sim_member *m, struct str status,
                                             struct err *err);
