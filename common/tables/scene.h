/* SPDX-License-Identifier: Apache-2.0 */
/* scene: what bind.start and verify.start made to be scanned, once. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

enum scene_kind { SCENE_BIND, SCENE_VERIFY };

/* "bind-" or "verify-" and 32 hex digits of chance. */
enum { SCENE_TEXT_MAX = 64, SCENE_KEPT_DAYS = 30, SCENE_FORGET_ROWS = 500 };

/* Absent texts and times of 0: NULL. Times are wall ms. */
struct scene {
    struct str appid;
    struct str scene;
    enum scene_kind kind;
    struct str user;
    struct str purpose;
    int64_t code_ttl_s;
    struct str made_by; /* 32 hex digits */
    int64_t expires_at_ms;
    int64_t used_at_ms;
    struct str openid;
};

/* Whether a text has the form of a scene of ours, and of which kind. Pure. */
bool scene_is_ours(struct str text, enum scene_kind *kind);

/* made_by of the command that asks for a scene of this kind, user and purpose: a refused one,
 * corrected under its id, is another. False: no memory. Pure. */
struct id;
MUST_CHECK bool scene_maker(const struct scene *wanted, struct arena *arena, struct str command_id,
                            struct id *out);

/* Inside a transaction, all three. Texts of what is read live in the arena. */

/* Writes a new row with a scene of chance (row->scene is set; appid, kind, user, purpose,
 * code_ttl_s, made_by, expires_at_ms are the caller's), unless there is one of this made_by: *row
 * is then that one. May be repeated. */
MUST_CHECK enum status scene_make(struct db *tx, struct arena *arena, struct scene *row,
                                  struct err *err);
/* Reads and locks the row of row->appid and row->scene. */
MUST_CHECK enum status scene_load(struct db *tx, struct arena *arena, struct scene *row,
                                  bool *found, struct err *err);
/* It is used up, by openid at at_ms. The row is locked by scene_load. */
MUST_CHECK enum status scene_spend(struct db *tx, const struct scene *row, struct str openid,
                                   int64_t at_ms, struct err *err);

/* Deletes rows that expired SCENE_KEPT_DAYS ago, SCENE_FORGET_ROWS at most. */
MUST_CHECK enum status scene_forget(struct db *db, int64_t *deleted, struct err *err);
