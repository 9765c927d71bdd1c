/* SPDX-License-Identifier: Apache-2.0 */
/* Calls around a member card's activation (wechat-api 4.2 to 4.6, 4.12). All block until the
 * deadline at the latest; what they return is wechat_call's where nothing else is said. */
#pragma once

#include "wechat/member.h"

struct activate_request {
    struct str membership_number; /* shown on the card; required, 20 bytes at most */
    struct opt_i64 init_bonus;
    struct opt_i64 init_balance;  /* fen */
    struct str init_bonus_record; /* a note; 32 bytes at most */
};

/* card/membercard/activate. Repeated it changes the number: for effects only. */
MUST_CHECK enum status wechat_activate(struct wechat *w, const struct card *card,
                                       const struct activate_request *request,
                                       struct deadline until, struct err *err);

/* card/membercard/activatetempinfo/get: the form that a ticket (URL-decoded) stands for. Of card
 * only account and traceparent count. *form is an object, field id -> answer as member.form, and
 * then the merchant's own fields by their names, several answers as an array; without
 * form_fields_drop; in the arena, absent when WeChat sent no list. The ticket stands in no err. */
MUST_CHECK enum status wechat_temp_info(struct wechat *w, const struct card *card,
                                        struct str ticket, struct deadline until,
                                        struct arena *arena, struct field_json *form,
                                        struct err *err);

/* card/code/decrypt of an encrypt_code (URL-decoded): the card's code, in the arena. ST_RETRY, code
 * "wechat:garbage", when the answer has none. */
MUST_CHECK enum status wechat_decrypt(struct wechat *w, const struct account *account,
                                      struct str encrypt_code, struct str traceparent,
                                      struct deadline until, struct arena *arena, struct str *code,
                                      struct err *err);
