/* SPDX-License-Identifier: Apache-2.0 */
/* replay: who gave which worker which records again; replay_place: how far a run has come in each
 * partition. A run that was killed stays "running": its lock tells that nobody is at it. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_RUN_SIZE = 33, REPLAY_BY_SIZE = 129, REPLAY_TEXT_MAX = 255 };

enum replay_state { REPLAY_RUNNING, REPLAY_STOPPED, REPLAY_DONE };

/* Which records. Borrowed texts. */
struct replay_range {
    struct str worker;
    int64_t from_ms; /* wall */
    int64_t to_ms;
    struct str key;  /* REPLAY_TEXT_MAX bytes at most, as the next; absent: any */
    struct str type; /* absent: any */
};

struct replay_run {
    char run_id[REPLAY_RUN_SIZE]; /* 32 hex digits; "": there is none */
    char by[REPLAY_BY_SIZE];
    int64_t records;
    int64_t sent;
    int64_t started_ms; /* wall, the caller's; as the next */
    int64_t saved_ms;
};

struct replay_place {
    struct str topic;
    int32_t part;
    int64_t next; /* offset */
    int64_t sent;
};

/* Keeps everybody else from replaying to this worker until the connection ends (see db_lock).
 * *locked false: another is at it. */
MUST_CHECK enum status replay_lock(struct db *db, struct str worker, bool *locked, struct err *err);
/* The newest run over just this range, if it is not done. */
MUST_CHECK enum status replay_unfinished(struct db *db, const struct replay_range *range,
                                         struct replay_run *out, struct err *err);
/* A new run: run_id, by, records, started_ms. */
MUST_CHECK enum status replay_start(struct db *db, const struct replay_range *range,
                                    const struct replay_run *run, struct err *err);
/* sent, saved_ms, and the state. */
MUST_CHECK enum status replay_save(struct db *db, const struct replay_run *run,
                                   enum replay_state state, struct err *err);

MUST_CHECK enum status replay_save_place(struct db *db, const char *run_id,
                                         const struct replay_place *place, struct err *err);
/* Texts live for the call; as db_row_fn otherwise. */
typedef enum status replay_place_fn(void *arg, const struct replay_place *place, struct err *err);
MUST_CHECK enum status replay_places(struct db *db, const char *run_id, replay_place_fn *fn,
                                     void *arg, struct err *err);
