/* SPDX-License-Identifier: Apache-2.0 */
/* quota: how much of an API path's limit is spent, and until when it is closed. One statement, one
 * transaction each, outside of any other: whoever holds this row keeps all processes waiting. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

struct quota_key {
    struct str appid;
    struct str path;
};

/* Microseconds since 1970 on the database's clock. */
struct quota_row {
    int64_t now_us;
    int64_t spent_us;  /* 0: never */
    int64_t closed_us; /* 0: never; a day from now at most: if it says more, the clock went back */
};

/* The row, made when it is missing. */
MUST_CHECK enum status quota_row_read(struct db *db, const struct quota_key *key,
                                      struct quota_row *out, struct err *err);
/* Writes spent_us where the row still has was_us. *done: it had. */
MUST_CHECK enum status quota_row_spend(struct db *db, const struct quota_key *key,
                                       const struct quota_row *was, int64_t spent_us, bool *done,
                                       struct err *err);
/* Closed for so long from now, or for longer when it is already. */
MUST_CHECK enum status quota_row_close(struct db *db, const struct quota_key *key, int64_t for_ms,
                                       struct err *err);

/* left_ms: how long it stays closed, a day at most. The key lives for the call; as db_row_fn
 * otherwise. */
typedef enum status quota_closed_fn(void *arg, const struct quota_key *key, int64_t left_ms,
                                    struct err *err);
/* Every path that is closed now. */
MUST_CHECK enum status quota_row_closed(struct db *db, quota_closed_fn *fn, void *arg,
                                        struct err *err);

typedef enum status quota_row_fn(void *arg, const struct quota_key *key,
                                 const struct quota_row *row, struct err *err);
/* For people: every row. The key lives for the call; as db_row_fn otherwise. */
MUST_CHECK enum status quota_row_list(struct db *db, quota_row_fn *fn, void *arg, struct err *err);
