/* SPDX-License-Identifier: Apache-2.0 */
/* verify_code and verify_count: the codes that are out, as keyed hashes, and how many were sent.
 * The database knows neither key nor code. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum { VERIFY_FORGET_ROWS = 500 };

/* Times are wall ms. */
struct verify_row {
    struct str appid;
    struct str openid;
    struct str purpose;
    struct str hash;    /* 64 hex digits */
    struct str nonce;   /* 32 hex digits */
    struct str made_by; /* 32 hex digits */
    int64_t tries;
    int64_t tries_max; /* with so many tries nothing is right any more; 0: it was withdrawn */
    int64_t made_at_ms;
    int64_t expires_at_ms;
};

struct verify_limits {
    int64_t resend_ms;
    int64_t per_openid_day;
    int64_t per_account_day;
};

enum verify_new {
    VERIFY_NEW,
    VERIFY_SAME /* of this made_by: *row is what stands */,
    VERIFY_TOO_SOON,
    VERIFY_OPENID_FULL,
    VERIFY_ACCOUNT_FULL
};

/* Inside a transaction, down to verify_void; each may be repeated. */

/* Puts the row in the place of the one before it and counts it, if the limits allow. Locks the rows
 * it looks at: of two at the same time one is too soon. made_at_ms is now; the nonce is of chance.
 */
MUST_CHECK enum status verify_put(struct db *tx, struct arena *arena,
                                  const struct verify_limits *limits, struct verify_row *row,
                                  enum verify_new *out, struct err *err);
/* Reads and locks the row of appid, openid and purpose. */
MUST_CHECK enum status verify_load(struct db *tx, struct arena *arena, struct verify_row *row,
                                   bool *found, struct err *err);
/* One more wrong one. */
MUST_CHECK enum status verify_miss(struct db *tx, const struct verify_row *row, struct err *err);
/* Used (tries becomes tries_max), or never delivered (tries_max becomes 0): no code is right any
 * more; only while it is still the one of row->made_by. The row stays, for the limits and for
 * whoever asks again under this made_by. */
MUST_CHECK enum status verify_use(struct db *tx, const struct verify_row *row, struct err *err);
MUST_CHECK enum status verify_void(struct db *tx, const struct verify_row *row, struct err *err);

/* Deletes codes that expired a day ago and counts of days that were over a day ago (for an instance
 * whose clock is behind, yesterday still counts), VERIFY_FORGET_ROWS of each at most. */
MUST_CHECK enum status verify_forget(struct db *db, int64_t *deleted, struct err *err);
