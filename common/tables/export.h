/* SPDX-License-Identifier: Apache-2.0 */
/* The members of an account, and its accounts of points, read page by page in the order of their
 * keys: for files that leave kabao, and for comparing. Only reads. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "db/mysql.h"

#include <stdbool.h>
#include <stddef.h>

enum export_what { EXPORT_MEMBERS, EXPORT_BONUS };

/* Columns of both begin with these; those of members go on with them. */
enum export_column {
    EXPORT_CARD_ID,
    EXPORT_CARD_CODE,
    EXPORT_OPENID,
    EXPORT_UNIONID,
    EXPORT_MOBILE,
    EXPORT_MEMBERSHIP_NUMBER,
    EXPORT_STATUS,
};

enum { EXPORT_COLUMNS_MAX = 20, EXPORT_PAGE = 1000, EXPORT_CARDS = 64, EXPORT_TEXT_SIZE = 257 };

/* A way through the rows, at their beginning while the texts are empty. */
struct export_cursor {
    struct db *db;
    enum export_what what;
    struct str appid;
    char card_id[EXPORT_TEXT_SIZE]; /* the last row passed */
    char card_code[EXPORT_TEXT_SIZE];
    bool ended;
};

/* The names, ending with NULL; at most EXPORT_COLUMNS_MAX. */
const char *const *export_columns(enum export_what what);

/* The next EXPORT_PAGE rows. Accounts of points that are frozen, for their points are another
 * card's now, are left out. */
MUST_CHECK enum status export_page(struct export_cursor *cursor, db_row_fn *fn, void *arg,
                                   struct err *err);

struct export_card {
    struct str card_id;
    struct str card_code;
};

struct export_list {
    struct str appid;
    const struct export_card *cards;
    size_t count; /* 1 to EXPORT_CARDS */
};

/* The members among these cards, in no order. */
MUST_CHECK enum status export_members(struct db *db, const struct export_list *list, db_row_fn *fn,
                                      void *arg, struct err *err);
