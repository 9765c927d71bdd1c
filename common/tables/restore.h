/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl restore writes of what a restored database has lost, from what the topics still
 * know. No worker runs meanwhile. Inside transactions of the caller's; each may be repeated. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "db/mysql.h"
#include "tables/scene.h"

#include <stdint.h>

enum { RESTORE_RUN_SIZE = 33 };

/* One restore of this database. */
struct restore_run {
    char run_id[RESTORE_RUN_SIZE];
    int64_t started_ms; /* the database's clock */
    bool goes_on;       /* it was begun before, with the same from_ms, and not finished */
};

/* Finds the unfinished one of this from_ms, or begins one under run_id. */
MUST_CHECK enum status restore_begin(struct db *db, int64_t from_ms, struct restore_run *run,
                                     struct err *err);
MUST_CHECK enum status restore_finish(struct db *db, const struct restore_run *run,
                                      struct err *err);

/* Far above every epoch this database may have forgotten: who still runs with one of those is
 * fenced out. parts: partition numbers from 0. */
MUST_CHECK enum status restore_fence(struct db *db, const char *worker, int32_t parts,
                                     struct err *err);
/* Codes that were used up or replaced since the backup would be good again: all of them end. */
MUST_CHECK enum status restore_end_codes(struct db *db, int64_t *ended, struct err *err);

/* Of an effect; absent texts are NULL. */
struct restored_effect {
    struct str id; /* 32 hex digits */
    struct str event_id;
    struct str step;
    struct str request_hash;
    struct str result;
};

/* It happened; one that stands as done keeps its result. */
MUST_CHECK enum status restore_effect_done(struct db *db, const struct restored_effect *e,
                                           struct err *err);
/* Nobody knows whether it happened: an intent whose deadline has passed, for who comes next to go
 * by its nature. A row that is there stays. */
MUST_CHECK enum status restore_effect_begun(struct db *db, const struct restored_effect *e,
                                            struct err *err);
/* A person must say; done ones stay. */
MUST_CHECK enum status restore_effect_unknown(struct db *db, const struct restored_effect *e,
                                              struct err *err);
/* It was refused: nothing is begun. Done ones stay. */
MUST_CHECK enum status restore_effect_refused(struct db *db, struct str id, struct err *err);

/* A scene that is there stays as it is. */
MUST_CHECK enum status restore_scene(struct db *db, const struct scene *row, struct err *err);
/* Unless it was used before. */
MUST_CHECK enum status restore_scene_used(struct db *db, const struct scene *row, struct err *err);

/* An account whose points another card has since `at`: frozen, unless it got points of its own
 * again later. */
struct moved_account {
    struct str appid;
    struct str card_id;
    struct str from;
    struct str to;
    struct str entry_id; /* bonus_id() of the activation that moved them: without its entry nothing
                            was moved */
};
MUST_CHECK enum status restore_moved(struct db *db, const struct moved_account *m, struct err *err);

MUST_CHECK enum status restore_unpark(struct db *db, int64_t id, struct err *err);
