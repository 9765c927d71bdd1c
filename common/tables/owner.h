/* SPDX-License-Identifier: Apache-2.0 */
/* owner: whose a partition number is, over all topics of a worker. The fence: who gets it raises
 * its epoch before loading anything; what a former owner then still writes checks its own and gives
 * up. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct owner {
    int32_t part;
    int64_t epoch;
};

/* Raises each part's epoch by one (the first is 1) and fills in the new ones. Inside a transaction
 * (writer_run); a repeat raises again. Waits for the transactions that have checked. In order of
 * part, so that two never wait for each other. */
MUST_CHECK enum status owner_raise(struct db *db, const char *worker, struct owner *owners,
                                   size_t count, struct err *err);
/* Inside a transaction: *mine tells whether every epoch is still what it was, and keeps it so until
 * the transaction ends. Waits for a raise under way. Two checks in one transaction may meet a raise
 * in another order: a deadlock, ST_RETRY. */
MUST_CHECK enum status owner_check(struct db *db, const char *worker, const struct owner *owners,
                                   size_t count, bool *mine, struct err *err);
/* As owner_check, as of now and without waiting: after a stall, before anything is taken up again.
 */
MUST_CHECK enum status owner_read(struct db *db, const char *worker, const struct owner *owners,
                                  size_t count, bool *mine, struct err *err);
