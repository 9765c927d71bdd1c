/* SPDX-License-Identifier: Apache-2.0 */
/* kabao.event.binding.v1: scene and openid. */
#pragma once

#include "model/field.h"

struct binding {
    struct str account;
    struct str appid;
    struct str openid;
    struct str kind; /* scanned pending bound unbound refused code_sent code_verified */
    struct str scene;
    struct str user;
    struct opt_bool first_follow;
    struct str expires_at;
    struct str reason;  /* refused: unknown expired used rebind limit undelivered */
    struct str purpose; /* code_sent code_verified */
    struct str at;
};

extern const struct field BINDING_FIELDS[];
extern const size_t BINDING_FIELD_COUNT;

MUST_CHECK enum status binding_parse(const struct json *value, struct binding *out,
                                     struct err *err);
void binding_write(const struct binding *b, struct buf *out);
