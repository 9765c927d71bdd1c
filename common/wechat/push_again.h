/* SPDX-License-Identifier: Apache-2.0 */
/* A push made anew from its record, for whoever gets it after us: the same elements, signed and
 * encrypted as WeChat does it (wechat-api 1.2 to 1.4). The reverse of push_open and push_write. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "config/accounts.h"
#include "model/event.h"

struct push_again {
    struct str query; /* of the POST: "signature=...&timestamp=..."; nothing in it needs encoding */
    struct str body;
};

/* The message in XML, from the record's fields: in their order, repeated ones together, texts as
 * CDATA. push_open finds the same record and the same ce_id in it; what form_fields_drop took away
 * stays away, and the ce_id is then another one. */
void push_again_write(const struct event *event, struct buf *out);

/* Whose push it is; borrowed. */
struct push_again_as {
    const struct account *account;
    const struct account_secrets *secrets; /* with a key, unless push_mode is plain */
};

/* In the account's push_mode, with its callback token, its current AES key and its frame_appid;
 * encrypted with fresh random bytes. In the arena. ST_RETRY: no memory. */
MUST_CHECK enum status push_again_make(const struct push_again_as *as, const struct event *event,
                                       int64_t now_s, struct arena *arena, struct push_again *out,
                                       struct err *err);
