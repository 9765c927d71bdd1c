/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/member_find.h"

#include "tables/sql.h"

#define SELECT(column)                                                                   \
    "SELECT card_id,card_code,openid,unionid,membership_number,status,has_active,bonus," \
    "balance,activated_at FROM member WHERE " column "=? AND appid=? AND (? IS NULL OR " \
    "card_id=?) ORDER BY card_id,card_code LIMIT 101"

_Static_assert(MEMBER_FIND_MAX == 100, "the LIMIT of SELECT, less the one that tells of more");

static const char *const BY[] = {
    [MEMBER_BY_MOBILE] = SELECT("mobile"),
    [MEMBER_BY_NUMBER] = SELECT("membership_number"),
    [MEMBER_BY_OPENID] = SELECT("openid"),
    [MEMBER_BY_UNIONID] = SELECT("unionid"),
};

struct listing {
    member_find_fn *fn;
    void *arg;
    size_t count;
};

static struct opt_i64 opt_int(const struct db_value *column)
{
    return (struct opt_i64){column->type != DB_NULL, sql_int(column, 0)};
}

static enum status list(void *arg, const struct db_value *columns, size_t count UNUSED,
                        struct err *err UNUSED)
{
    struct listing *listing = arg;
    const struct member_found found = {
        .card_id = sql_text(&columns[0]),
        .card_code = sql_text(&columns[1]),
        .openid = sql_text(&columns[2]),
        .unionid = sql_text(&columns[3]),
        .membership_number = sql_text(&columns[4]),
        .status = sql_text(&columns[5]),
        .has_active = {columns[6].type != DB_NULL, sql_int(&columns[6], 0) != 0},
        .bonus = opt_int(&columns[7]),
        .balance = opt_int(&columns[8]),
        .activated_at_ms = sql_int(&columns[9], 0),
    };

    if (listing->count++ < MEMBER_FIND_MAX)
        listing->fn(listing->arg, &found);
    return ST_OK;
}

enum status member_find(struct db *db, const struct member_query *query, member_find_fn *fn,
                        void *arg, bool *more, struct err *err)
{
    struct str card_id = str_is_empty(query->card_id) ? (struct str){NULL, 0} : query->card_id;
    const struct db_value values[] = {db_text(query->value), db_text(query->appid),
                                      db_text(card_id), db_text(card_id)};
    struct listing listing = {.fn = fn, .arg = arg};
    enum status rc =
        db_query(db, str_from(BY[query->by]), values, COUNT_OF(values), list, &listing, err);

    if (rc == ST_OK)
        *more = listing.count > MEMBER_FIND_MAX;
    return rc;
}
