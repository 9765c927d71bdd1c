/* SPDX-License-Identifier: Apache-2.0 */
/* Points, balance and fields onto a member card (wechat-api 4.8). */
#pragma once

#include "wechat/member.h"

struct bonus_update {
    struct opt_i64 bonus;     /* absolute: what the card shall show */
    struct opt_i64 add_bonus; /* with bonus: the number in the notice; alone it would count twice */
    struct opt_i64 balance;   /* fen */
    struct opt_i64 add_balance;
    struct str record_bonus; /* notes; absent: none */
    struct str record_balance;
    struct str custom_field_value1; /* absent: as it is */
    struct str custom_field_value2;
    struct str custom_field_value3;
    struct str background_pic_url;
    bool notify;
};

struct bonus_shown {
    struct opt_i64 bonus; /* what the card shows now; unset: WeChat did not say */
    struct opt_i64 balance;
};

/* card/membercard/updateuser. Without notify nothing is told to the member; with it a change of
 * points is and one of the balance is: a value that is sent, unless its add_ is given as 0. A
 * fraction in the answer is cut. Otherwise as wechat_call. */
MUST_CHECK enum status wechat_update(struct wechat *w, const struct card *card,
                                     const struct bonus_update *update, struct deadline until,
                                     struct arena *arena, struct bonus_shown *out, struct err *err);
