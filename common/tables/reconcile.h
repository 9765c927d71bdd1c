/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile: how far each run over the accounts of points has come, and reconcile_failure: the
 * cards it could not repair. bonus_account is read here in the order of its keys.
 *
 * A run's counts are of the cards up to `last` and are saved together with it: whoever goes on
 * behind `last` counts every card once. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RECONCILE_ID_SIZE = 33,    /* 32 hex digits */
    RECONCILE_TEXT_SIZE = 257, /* 64 characters */
    RECONCILE_FAILURES_MAX = 100,
    RECONCILE_PAGE = 500,
};

struct reconcile_card {
    char card_id[RECONCILE_TEXT_SIZE]; /* "": before the first */
    char card_code[RECONCILE_TEXT_SIZE];
};

struct reconcile_run {
    char run_id[RECONCILE_ID_SIZE]; /* "": there is none */
    int64_t total;                  /* accounts when it began */
    int64_t checked;                /* the next three together */
    int64_t repaired;
    int64_t skipped;
    int64_t failed;
    struct reconcile_card last;
    int64_t started_ms;  /* wall, the database's; reconcile_newest fills it in */
    int64_t finished_ms; /* 0: not yet */
};

/* Keeps everybody else from reconciling this appid until the connection ends (see db_lock). *locked
 * false: another is at it. */
MUST_CHECK enum status reconcile_lock(struct db *db, struct str appid, bool *locked,
                                      struct err *err);
MUST_CHECK enum status reconcile_newest(struct db *db, struct str appid, struct reconcile_run *out,
                                        struct err *err);
/* A new run: its run_id and total count. */
MUST_CHECK enum status reconcile_start(struct db *db, struct str appid,
                                       const struct reconcile_run *run, struct err *err);
/* Counts and last; finished: there is nothing left to do. */
MUST_CHECK enum status reconcile_save(struct db *db, const struct reconcile_run *run, bool finished,
                                      struct err *err);

/* Borrowed texts. */
struct reconcile_failure {
    struct str card_id;
    struct str card_code;
    struct str outcome;
    struct str error_code; /* absent: none, as the message */
    struct str error_message;
};

/* A card that has one already keeps it. */
MUST_CHECK enum status reconcile_add_failure(struct db *db, const char *run_id,
                                             const struct reconcile_failure *failure,
                                             struct err *err);
/* Forgets the failures of cards behind run->last: they were noted by who was killed before it could
 * save that it had counted them, and may turn out well now. */
MUST_CHECK enum status reconcile_forget_ahead(struct db *db, const struct reconcile_run *run,
                                              struct err *err);
/* Texts live for the call; as db_row_fn otherwise. */
typedef enum status reconcile_failure_fn(void *arg, const struct reconcile_failure *failure,
                                         struct err *err);
/* By card. */
MUST_CHECK enum status reconcile_failures(struct db *db, const char *run_id,
                                          reconcile_failure_fn *fn, void *arg, struct err *err);

/* The accounts behind a card, those that are frozen left out. */
MUST_CHECK enum status reconcile_count(struct db *db, struct str appid,
                                       const struct reconcile_card *behind, int64_t *count,
                                       struct err *err);
/* The next RECONCILE_PAGE of them into out, which has room for as many. */
MUST_CHECK enum status reconcile_page(struct db *db, struct str appid,
                                      const struct reconcile_card *behind,
                                      struct reconcile_card *out, size_t *count, struct err *err);
