/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.result.wechat.v1: what became of a command. */
#pragma once

#include "model/field.h"

struct wechat_result {
    struct str account;
    struct str type;
    struct str command_id;
    struct str outcome;       /* done | rejected | unknown | failed | expired */
    struct opt_i64 errcode;   /* WeChat's, where it answered */
    struct str errmsg;        /* WeChat's */
    struct field_json answer; /* WeChat's JSON, or ours where the type says so */
    struct field_json error;  /* {"code","message","pointer"?}: why, unless done */
    struct str at;            /* RFC 3339 */
    struct str request_hash;  /* of the command; absent: the ledger keeps nothing of it */
};

extern const struct field WECHAT_RESULT_FIELDS[];
extern const size_t WECHAT_RESULT_FIELD_COUNT;

MUST_CHECK enum status wechat_result_parse(const struct json *value, struct wechat_result *out,
                                           struct err *err);
void wechat_result_write(const struct wechat_result *r, struct buf *out);
