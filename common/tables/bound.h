/* SPDX-License-Identifier: Apache-2.0 */
/* bound: which openid is bound to which user, as kabao-bind and bind.end decide. Table `binding` is
 * what the records of event.binding say to everybody else. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stdint.h>

struct bound {
    struct str appid;
    struct str openid;
    struct str scene;
    struct str user;
    int64_t bound_at_ms;
};

/* In an arena. */
struct bound_list {
    struct bound *items;
    size_t count;
};

/* Few enough that a list of them, however its texts must be escaped, is a result the ledger keeps
 * (run/effects.h: 64 KiB). Who wants all asks until fewer come. */
enum { BOUND_LIST_MAX = 50 };

/* Inside a transaction, all of them; each may be repeated. */

/* Those that are bound, locked, oldest first, BOUND_LIST_MAX at most: of who->openid; of who->user
 * (openid absent); or, with both, the openid's of other users than this one. */
MUST_CHECK enum status bound_load(struct db *tx, struct arena *arena, const struct bound *who,
                                  struct bound_list *out, struct err *err);
/* Bound from row->bound_at_ms on. *ended_at_ms: 0; or when this scene's binding was ended, or the
 * openid unfollowed, if that was later: the row then stands as ended. */
MUST_CHECK enum status bound_put(struct db *tx, const struct bound *row, int64_t *ended_at_ms,
                                 struct err *err);
/* Ended at at_ms; a later end stays. */
MUST_CHECK enum status bound_end(struct db *tx, const struct bound *row, int64_t at_ms,
                                 struct err *err);
/* The openid unfollowed at at_ms; a later moment stays. */
MUST_CHECK enum status bound_left(struct db *tx, struct str appid, struct str openid, int64_t at_ms,
                                  struct err *err);
