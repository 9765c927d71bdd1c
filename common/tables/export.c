/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/export.h"

#include "base/buf.h"
#include "tables/sql.h"

#include <assert.h>

enum { SQL_MAX = 8192 };

_Static_assert(EXPORT_PAGE == 1000, "the LIMIT of NEXT");

#define MEMBER_COLUMNS                                                                             \
    "card_id,card_code,openid,unionid,mobile,membership_number,status,nickname,sex,bonus,balance," \
    "has_active,activated_at,previous_card_code,outer_str"

/* appid, card_id twice, card_code */
#define NEXT(key) \
    " WHERE " key "appid=? AND (" key "card_id>? OR (" key "card_id=? AND " key "card_code>?))"
#define IN_ORDER(key) " ORDER BY " key "card_id," key "card_code LIMIT 1000"

/* A request number is of the card and the state of its account: the same state is not sent twice,
 * and the next one is not taken for it (wechat-api 14.4). */
static const struct {
    const char *const columns[EXPORT_COLUMNS_MAX + 1];
    const char *sql;
} EXPORTS[] = {
    [EXPORT_MEMBERS] = {{"card_id", "card_code", "openid", "unionid", "mobile", "membership_number",
                         "status", "nickname", "sex", "bonus", "balance", "has_active",
                         "activated_at", "previous_card_code", "outer_str", NULL},
                        "SELECT " MEMBER_COLUMNS " FROM member" NEXT("") IN_ORDER("")},
    [EXPORT_BONUS] = {{"card_id", "card_code", "openid", "bonus", "balance", "version", "rev",
                       "out_request_no", NULL},
                      "SELECT b.card_id,b.card_code,m.openid,b.bonus,b.balance,b.version,b.rev,"
                      "LEFT(SHA2(CONCAT_WS(',',b.appid,b.card_id,b.card_code,b.rev),256),32)"
                      " FROM bonus_account b LEFT JOIN member m ON m.appid=b.appid AND"
                      " m.card_id=b.card_id AND m.card_code=b.card_code" NEXT(
                          "b.") " AND NOT b.frozen" IN_ORDER("b.")},
};

const char *const *export_columns(enum export_what what)
{
    return EXPORTS[what].columns;
}

struct page {
    struct export_cursor *cursor;
    size_t count;
    db_row_fn *fn;
    void *arg;
};

static enum status pass_on(void *arg, const struct db_value *columns, size_t count, struct err *err)
{
    struct page *page = arg;

    page->count++;
    (void)str_copy(sql_text(&columns[EXPORT_CARD_ID]), page->cursor->card_id, EXPORT_TEXT_SIZE);
    (void)str_copy(sql_text(&columns[EXPORT_CARD_CODE]), page->cursor->card_code, EXPORT_TEXT_SIZE);
    return page->fn(page->arg, columns, count, err);
}

enum status export_page(struct export_cursor *cursor, db_row_fn *fn, void *arg, struct err *err)
{
    const struct export_cursor from = *cursor;
    const struct db_value card_id = db_text(str_from(from.card_id));
    const struct db_value values[] = {db_text(from.appid), card_id, card_id,
                                      db_text(str_from(from.card_code))};
    struct page page = {.cursor = cursor, .fn = fn, .arg = arg};
    enum status rc = db_query(from.db, str_from(EXPORTS[from.what].sql), values, COUNT_OF(values),
                              pass_on, &page, err);

    if (rc == ST_OK)
        cursor->ended = page.count < EXPORT_PAGE;
    return rc;
}

enum status export_members(struct db *db, const struct export_list *list, db_row_fn *fn, void *arg,
                           struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[1 + 2 * EXPORT_CARDS];

    assert(list->count >= 1 && list->count <= EXPORT_CARDS);
    buf_add_cstr(&sql, "SELECT " MEMBER_COLUMNS " FROM member WHERE appid=? AND (");
    values[0] = db_text(list->appid);
    /* Always as many placeholders, the last card repeated: one statement to prepare. */
    for (size_t i = 0; i < EXPORT_CARDS; i++) {
        const struct export_card *card = &list->cards[i < list->count ? i : list->count - 1];

        buf_add_cstr(&sql,
                     i > 0 ? " OR (card_id=? AND card_code=?)" : "(card_id=? AND card_code=?)");
        values[1 + 2 * i] = db_text(card->card_id);
        values[2 + 2 * i] = db_text(card->card_code);
    }
    buf_add_char(&sql, ')');
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "memory is short");
    return db_query(db, buf_str(&sql), values, COUNT_OF(values), fn, arg, err);
}
