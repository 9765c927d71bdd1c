/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a member's card. */
#pragma once

#include "model/member.h"
#include "wechat/client.h"

struct card {
    const struct account *account;
    struct str card_id;
    struct str card_code;
    struct str traceparent;
};

/* A call's ST_REJECT that says: the card was deleted, given away, or never was (40056, 40127). */
bool wechat_card_gone(const struct err *err);

/* Is this form field named in drop (account->form_fields_drop: names separated by blanks, may be
 * NULL)? What is dropped, of WeChat's JSON as of pushes: a member or element of that name, and a
 * list entry (object) that carries it as its "name". */
bool wechat_field_dropped(const char *drop, struct str name);

/* The lists of "user_info" or "info" as one object in the arena: WeChat's fields by their ids, then
 * the merchant's own by their names, several answers as an array. Of a name given twice the first
 * counts. *form stays absent when there is no list at all. False: no memory. */
bool wechat_form_read(const struct json *info, const char *drop, struct arena *arena,
                      struct field_json *form);

/* card/membercard/userinfo/get into the attributes of m (account, appid, card_id, card_code,
 * openid, ..., form, custom_form, raw, fetched_at). Texts borrow from *answer, which is the
 * caller's to free, from card and from the arena. raw and form are without form_fields_drop; raw is
 * otherwise WeChat's answer. Empty texts read as absent, except in form and custom_form, where an
 * emptied answer is one. */
MUST_CHECK enum status wechat_member_get(struct wechat *w, const struct card *card,
                                         struct deadline until, struct arena *arena,
                                         struct member *m, struct json **answer, struct err *err);
/* card/code/get with check_consume=false: status, openid, outer_str, unionid where given; what is
 * not given stays in m as it was, and so do form and raw. */
MUST_CHECK enum status wechat_code_get(struct wechat *w, const struct card *card,
                                       struct deadline until, struct arena *arena, struct member *m,
                                       struct json **answer, struct err *err);
