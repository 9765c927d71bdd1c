/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.event.wechat.v1: one authenticated push, lossless. */
#pragma once

#include "model/field.h"

struct event {
    struct str account;
    struct str appid;
    struct str to_user;
    struct str openid;
    struct opt_i64 create_time;
    struct str msg_type;
    struct str event; /* absent for user messages */
    struct str card_id;
    struct str card_code;
    struct str scene;
    struct str scene_raw;
    struct str msg_id;
    struct field_json fields;
};

extern const struct field EVENT_FIELDS[];
extern const size_t EVENT_FIELD_COUNT;

/* Borrows from value. */
MUST_CHECK enum status event_parse(const struct json *value, struct event *out, struct err *err);
void event_write(const struct event *e, struct buf *out); /* the whole object */
/* user_authorization_revoke: whose data the account may not keep any more; absent: another event,
 * or another account's. WeChat's samples write the elements in both cases. */
struct str event_revoked(const struct event *e);
/* Text of a WeChat element of the push (fields), absent when it is missing or nested. */
struct str event_field(const struct event *e, const char *name);
