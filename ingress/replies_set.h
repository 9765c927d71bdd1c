/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of one file, compiled. Never changes once read, so any thread may ask it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "wechat/reply.h"

struct replies_set;

enum { REPLIES_FILE_MAX = 1 << 20, REPLIES_FOLDED_MAX = 1 << 20 };

/* path is for messages. ST_FATAL names file, line, JSON Pointer and what is wrong. */
MUST_CHECK enum status replies_set_parse(struct str text, const char *path,
                                         struct replies_set **out, struct err *err);
MUST_CHECK enum status replies_set_read(const char *path, struct replies_set **out,
                                        struct err *err);
void replies_set_free(struct replies_set *set); /* NULL is fine */
DECLARE_FREEP(struct replies_set, replies_set_free)
size_t replies_set_count(const struct replies_set *set); /* of rules */

/* The reply of the first rule that fits, before its placeholders are filled in; NULL: none does.
 * folded is room to work in: texts longer than 8 KiB count so far. */
const struct reply *replies_set_find(const struct replies_set *set, const struct push *push,
                                     struct buf *folded);
/* Fills in what the push knows; borrowed from reply and arena. ST_REJECT, "empty": nothing is left
 * of a part that WeChat does not take empty. ST_RETRY: no memory. */
MUST_CHECK enum status replies_fill(const struct reply *reply, const struct event *event,
                                    struct arena *arena, struct reply *out, struct err *err);
