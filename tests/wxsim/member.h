/* SPDX-License-Identifier: Apache-2.0 */
/* One user's copy of a member card, as the platform keeps it. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "wxsim/form.h"
#include "wxsim/history.h"

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
    char *background_pic_url;
    char *custom_field_value1;
    char *custom_field_value2;
    char *custom_field_value3;
    char *marked_by; /* the openid a code is reserved for; NULL: none */
    char *status;    /* NORMAL, CONSUMED, EXPIRE, GIFTING, GIFT_SUCC, GIFT_TIMEOUT, DELETE,
                        UNAVAILABLE */
    int64_t bonus;
    int64_t balance;
    bool has_balance; /* only cards with stored value show one */
    bool has_active;
    int64_t begin_s; /* of its validity; 0: the template's */
    int64_t end_s;
    struct sim_form form;
    struct sim_history history;
};

/* The object's members replace the member's, the others stay. A new member must be zeroed and come
 * with appid, card_id, code and openid. ST_REJECT says what is wrong with the object; the member
 * may then be half changed. */
MUST_CHECK enum status sim_member_read(struct sim_member *m, const struct json *from,
                                       struct err *err);
/* As it is read, then what calls did to it, with its notices. */
void sim_member_write(const struct sim_member *m, struct jsonw *w);
/* In short: which card, what it shows, how often calls did something to it. */
void sim_member_write_effects(const struct sim_member *m, struct jsonw *w);
void sim_member_done(struct sim_member *m);
bool sim_member_has_status(const struct sim_member *m, const char *status);
/* Replaces a text of the member by a copy; text ends in NUL. False: no memory, nothing changed. */
MUST_CHECK bool sim_member_set_text(char **slot, struct str text);
MUST_CHECK enum status sim_member_set_status(struct sim_member *m, struct str status,
                                             struct err *err);
