/* SPDX-License-Identifier: Apache-2.0 */
/* One run over the accounts of points of one official account: asks kabao-bonus to put each on its
 * card, a bounded number at a time, counts the answers, and keeps in the database how far it is. */
#pragma once

#include "ctl.h"
#include "db/mysql.h"
#include "reconcile_wire.h"

struct pass {
    const struct account *account;
    struct reconcile_run run; /* as it is saved */
    bool goes_on;             /* it was begun before */
    int64_t left;             /* accounts it has before it, about */
};

struct pass_means {
    const struct ctl *ctl; /* rate, wait_s */
    struct db *db;
    struct wire *wire;
    bool (*must_stop)(void); /* a person wants it to end */
};

/* ST_OK: finished. Anything else: what was counted is saved if the database is there, and the run
 * can be gone on with; ST_RETRY "stopped", "bonus:silent" beside what Kafka and MySQL say. */
MUST_CHECK enum status pass_run(struct pass *pass, const struct pass_means *means, struct err *err);
