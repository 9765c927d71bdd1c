/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that this process may make on one API path with a limit: leased from the path's row in
 * MySQL (run/lease has the arithmetic), one line for live records and one for those given again,
 * so that neither waits for the other's answer. Thread-safe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/quota_limit.h"
#include "db/pool.h"

#include <stdbool.h>

/* Whose calls they are; borrowed for the permits' life. */
struct permits_of {
    const char *appid;
    const char *path;
    const char *resource; /* err->resource of who has to wait */
};

struct permits;
/* NULL: no memory. */
struct permits *permits_new(const struct permits_of *of, const struct quota_limit *limit,
                            double replay_share);
void permits_free(struct permits *p); /* nobody takes one */

struct permits_taker {
    struct db_pool *pool; /* NULL: as if the database were away */
    struct deadline until;
    bool is_replay;
};

/* Takes one. Where none is left, one lane of a line asks the database, on a connection of the pool
 * and outside of any transaction; others stand by for a moment. ST_WAIT: until it is this lane's
 * turn; without a database also, for a second. *closed_ms: for so long the row says that the path
 * is closed, else untouched. ST_FATAL as in db_exec. */
MUST_CHECK enum status permits_take(struct permits *p, const struct permits_taker *taker,
                                    int64_t *closed_ms, struct err *err);
