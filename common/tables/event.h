/* SPDX-License-Identifier: Apache-2.0 */
/* wechat_event (every push) and card_use (redemptions and payments). */
#pragma once

#include "base/arena.h"
#include "db/table.h"
#include "model/event.h"

extern const struct table TABLE_WECHAT_EVENT;
extern const struct table TABLE_CARD_USE;

/* The record that a push came in. */
struct event_origin {
    struct str id;          /* ce_id */
    struct str body;        /* its value, JSON */
    struct str traceparent; /* absent or bad: the row has no trace */
    struct opt_i64 part;    /* its place in event.wechat; unset: not known */
    struct opt_i64 off;
};

/* Values live in the arena and borrow from what they are made of; NULL: no memory. A time that the
 * table cannot hold becomes the nearest it can; the body keeps it. */
const struct db_value *event_row(struct arena *arena, const struct event *e,
                                 const struct event_origin *origin);
/* For user_consume_card and user_pay_from_pay_cell. */
const struct db_value *card_use_row(struct arena *arena, const struct event *e,
                                    struct str event_id);
