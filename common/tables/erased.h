/* SPDX-License-Identifier: Apache-2.0 */
/* erased: whom kabao has forgotten (member.erase), by hash, and the copy of it that every worker
 * keeps. A record of such a person about a time up to `at` writes nothing about them; what happened
 * later is of somebody who came anew.
 *
 * No row slips through between a look at the copy and its COMMIT: erased_fence has one row, the
 * generation. Whoever erases raises it under its lock; every transaction that was decided by the
 * copy reads it first under a share lock (db/writer.h, guard), and writes nothing where the
 * generation is not the copy's. So such a transaction is over before the erasure is stored, and the
 * sweep that follows finds its rows; or it begins after, and is decided anew. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

struct erased;
struct erased *erased_new(void);    /* NULL: no memory. Empty until erased_read. Thread-safe. */
void erased_free(struct erased *e); /* NULL is fine */

/* struct writer_guard's read: *generation as it is now, which the copy then has. */
MUST_CHECK enum status erased_read(struct db *tx, void *erased, int64_t *generation,
                                   struct err *err);
/* The same without a lock, for processes that have no transactions for a while. */
MUST_CHECK enum status erased_follow(struct db *db, struct erased *e, struct err *err);
/* Of the copy. */
int64_t erased_generation(const struct erased *e);
bool erased_is_empty(const struct erased *e);

/* Who, or whose card, a record is about; absent texts are unknown. */
struct erased_who {
    struct str appid;
    struct str openid;
    struct str unionid;
    struct str card_id;
    struct str card_code;
};

/* Whether one of them was erased at at_ms or later. */
bool erased_knows(struct erased *e, const struct erased_who *who, int64_t at_ms);
/* The openid or unionid of an erased person that is among the texts of value, at any depth; absent:
 * none is. Borrowed from value. */
struct str erased_named_in(struct erased *e, struct str appid, const struct json *value,
                           int64_t at_ms);

/* Inside a transaction: whoever of them is set is erased as of at_ms; one that was erased later
 * stays so. May be repeated. */
MUST_CHECK enum status erased_put(struct db *tx, const struct erased_who *who, int64_t at_ms,
                                  struct err *err);
