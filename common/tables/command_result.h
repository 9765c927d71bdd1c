/* SPDX-License-Identifier: Apache-2.0 */
/* command_result: what became of each command of cmd.wechat, one row for a command.
 *
 * Several results of one command may come: told again after a crash, or another outcome after the
 * dead letter was replayed. Which one stands does not depend on the order in which they are
 * written:
 *   done, rejected, expired     before all others; of several the earliest `at`
 *   failed, unknown             give way to those and, by `at`, to each other: the latest
 *   rejected with error.code    says that the command was not tried again, nothing of what it did
 *   "replay"                    before: gives way to everything
 * Equal times are told apart by a hash of the whole result, so that only equal results tie. Of a
 * winner every column stands, of a loser none.
 *
 * A result with error.code "idempotency" answers another record that came under the same id: it
 * says nothing of the command and has no row. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "db/mysql.h"
#include "model/wechat_result.h"

#include <stdbool.h>

enum { STANDING_SIZE = 50 };

/* Borrowed texts; absent: NULL. */
struct command_result {
    struct str command_id;
    struct str account;
    struct str type;
    struct str outcome;
    struct opt_i64 errcode;
    struct str errmsg;
    struct str answer; /* JSON, as error */
    struct str error;
    int64_t at_ms;                /* 0: unknown */
    char standing[STANDING_SIZE]; /* the greatest of a command's stands; "" when read */
};

/* False: it answers another record. */
bool command_result_counts(const struct wechat_result *r);

/* JSON goes to the arena, the rest is borrowed. ST_RETRY: no memory; ST_REJECT: without a
 * time it could neither be judged nor ever be forgotten. */
MUST_CHECK enum status command_result_of(struct arena *arena, const struct wechat_result *r,
                                         struct command_result *out, struct err *err);
/* One statement, safe to repeat. */
MUST_CHECK enum status command_result_put(struct db *db, const struct command_result *r,
                                          struct err *err);

enum { COMMAND_RESULT_FORGET_ROWS = 500 };

/* Deletes results that are older than so many months, by the database's clock, and
 * COMMAND_RESULT_FORGET_ROWS at most; none where the last one is a month old: then nothing grows,
 * or the clock has jumped. */
MUST_CHECK enum status command_result_forget(struct db *db, int64_t months, int64_t *deleted,
                                             struct err *err);

struct command_result_query {
    struct str type; /* "card.*"; absent: all, as account */
    struct str account;
    int64_t max;
};

/* Texts live for the call; as db_row_fn otherwise. */
typedef enum status command_result_fn(void *arg, const struct command_result *r, struct err *err);
/* The newest first, without their answers. */
MUST_CHECK enum status command_result_list(struct db *db, const struct command_result_query *query,
                                           command_result_fn *fn, void *arg, struct err *err);
