/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/look.h"

#include "base/buf.h"
#include "tables/sql.h"

#include <assert.h>
#include <string.h>

enum { SQL_MAX = 8192, CARD_VALUES = 3 };

/* By a list of one column. */
struct by_id {
    struct look *looks;
    size_t count;
    enum look_state (*state)(struct str text);
};

static enum look_state effect_state_of(struct str state)
{
    if (str_eq(state, STR("done")))
        return LOOK_DONE;
    return str_eq(state, STR("intent")) ? LOOK_OPEN : LOOK_UNKNOWN;
}

static enum look_state entry_state_of(struct str outcome)
{
    if (!str_is_set(outcome) || str_eq(outcome, STR("failed")))
        return LOOK_NONE;
    return str_eq(outcome, STR("unknown")) ? LOOK_UNKNOWN : LOOK_DONE;
}

/* db_row_fn; one id may be asked for several times. */
static enum status keep_state(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    const struct by_id *by = arg;
    struct str id = sql_text(&columns[0]);

    for (size_t i = 0; i < by->count; i++)
        if (str_eq_cstr(id, by->looks[i].id))
            by->looks[i].state = by->state(sql_text(&columns[1]));
    return ST_OK;
}

static enum status look(struct db *db, const char *select, const struct by_id *by, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[LOOK_MAX];
    struct by_id copy = *by;

    assert(by->count <= LOOK_MAX);
    if (by->count == 0)
        return ST_OK;
    for (size_t i = 0; i < by->count; i++)
        values[i] = db_text(str_from(by->looks[i].id));
    sql_pad(values, by->count, LOOK_MAX);
    buf_add(&sql, str_from(select));
    sql_places(&sql, LOOK_MAX);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_query(db, buf_str(&sql), values, LOOK_MAX, keep_state, &copy, err);
}

enum status look_effects(struct db *db, struct look *looks, size_t count, struct err *err)
{
    const struct by_id by = {looks, count, effect_state_of};

    return look(db, "SELECT effect_id,state FROM effect WHERE effect_id IN ", &by, err);
}

enum status look_bonus_entries(struct db *db, struct look *looks, size_t count, struct err *err)
{
    const struct by_id by = {looks, count, entry_state_of};

    return look(db, "SELECT command_id,outcome FROM bonus_entry WHERE command_id IN ", &by, err);
}

/* Cards */

struct by_card {
    struct look_card *cards;
    size_t count;
};

static enum status keep_card(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    const struct by_card *by = arg;

    for (size_t i = 0; i < by->count; i++) {
        struct look_card *card = &by->cards[i];

        if (!str_eq(card->card_code, sql_text(&columns[2])) ||
            !str_eq(card->card_id, sql_text(&columns[1])) ||
            !str_eq(card->appid, sql_text(&columns[0])))
            continue;
        card->found = true;
        (void)str_copy(sql_text(&columns[3]), card->receipt_id, sizeof(card->receipt_id));
        card->is_told = columns[4].type != DB_NULL;
    }
    return ST_OK;
}

enum status look_cards(struct db *db, struct look_card *cards, size_t count, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[LOOK_MAX * CARD_VALUES];
    struct by_card by = {cards, count};

    assert(count <= LOOK_MAX);
    if (count == 0)
        return ST_OK;
    buf_add(&sql, STR("SELECT appid,card_id,card_code,receipt_id,told_at FROM activation_wait"
                      " WHERE (appid,card_id,card_code) IN ("));
    for (size_t i = 0; i < LOOK_MAX; i++) {
        const struct look_card *card = &cards[i < count ? i : count - 1];

        values[i * CARD_VALUES] = db_text(card->appid);
        values[i * CARD_VALUES + 1] = db_text(card->card_id);
        values[i * CARD_VALUES + 2] = db_text(card->card_code);
        if (i > 0)
            buf_add_char(&sql, ',');
        sql_places(&sql, CARD_VALUES);
    }
    buf_add_char(&sql, ')');
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_query(db, buf_str(&sql), values, COUNT_OF(values), keep_card, &by, err);
}
