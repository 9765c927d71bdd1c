/* SPDX-License-Identifier: Apache-2.0 */
/* The people and the cards of a run. */
#include "db/table.h"
#include "tables/import_state.h"
#include "tables/sql.h"

enum { SQL_MAX = 16384, CARD_VALUES = 8, PERSON_VALUES = 3, KEY_VALUES = 3 };

#define THIS_CARD " WHERE run_id=? AND card_id=? AND card_code=?"

static const char PEOPLE[] =
    "SELECT openid FROM import_person WHERE run_id=? AND state=? ORDER BY openid LIMIT ?";
static const char PERSON_IS[] =
    "UPDATE import_person SET state=?,code=?,message=? WHERE run_id=? AND openid=?";
static const char ANSWERS[] =
    "SELECT command_id,outcome,answer,error FROM command_result WHERE command_id IN ";
static const char DROP_ANSWER[] = "DELETE FROM command_result WHERE command_id=?";
static const char CARDS[] =
    "SELECT card_id,card_code,openid,unionid,membership_number,mobile,bonus,balance,active"
    " FROM import_card WHERE run_id=? AND state=? ORDER BY card_code,card_id LIMIT ?";
/* Those that are new may be a million: in the order of their index. */
static const char NEW_CARDS[] =
    "SELECT card_id,card_code,openid,unionid,membership_number,mobile,bonus,balance,active"
    " FROM import_card WHERE run_id=? AND state=? ORDER BY card_id,card_code LIMIT ?";
static const char MOVES[] = "UPDATE import_card SET state=?" THIS_CARD " AND state=?";
static const char DONE[] =
    "UPDATE import_card SET state='done',opened=?" THIS_CARD " AND state='looked'";
static const char OPEN[] =
    "SELECT (SELECT COUNT(*) FROM import_card WHERE run_id=? AND state='sent'),"
    "(SELECT COUNT(*) FROM import_card WHERE run_id=? AND state='looked')";
static const char WANTS[] =
    "SELECT 1 FROM import_card" THIS_CARD " AND state IN ('new','sent','failed')";
static const char OUTCOME[] =
    "UPDATE import_card SET state=?,bonus=?,balance=?,active=?,code=?,message=?,openid=NULL,"
    "unionid=NULL,membership_number=NULL,mobile=NULL" THIS_CARD
    " AND state IN ('new','sent','failed')";

static const struct column PERSON_COLUMNS[] = {
    {"run_id", COLUMN_KEY, NULL},
    {"openid", COLUMN_KEY, NULL},
    {"state", 0, NULL},
};

static const struct table TABLE_PERSON = {
    .name = "import_person",
    .columns = PERSON_COLUMNS,
    .column_count = COUNT_OF(PERSON_COLUMNS),
    .insert_only = true,
};

static const struct column CARD_COLUMNS[] = {
    {"run_id", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},
    {"state", 0, NULL},
    {"openid", 0, NULL},
    {"unionid", 0, NULL},
    {"membership_number", 0, NULL},
    {"mobile", 0, NULL},
};

static const struct table TABLE_CARD = {
    .name = "import_card",
    .columns = CARD_COLUMNS,
    .column_count = COUNT_OF(CARD_COLUMNS),
    .insert_only = true,
};

_Static_assert(COUNT_OF(PERSON_COLUMNS) == PERSON_VALUES, "import_add_people fills them");
_Static_assert(COUNT_OF(CARD_COLUMNS) == CARD_VALUES, "import_add_cards fills them");

/* In statements of few sizes, so that few have to be prepared. */
static enum status add(struct db *db, const struct table *table, const struct db_value *values,
                       size_t rows, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK && rows > 0) {
        AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
        const size_t chunk = sql_chunk(rows, IMPORT_CHUNK);

        table_upsert_sql(table, chunk, &sql);
        if (!buf_ok(&sql))
            return err_retry(err, "memory", "no memory for a statement");
        rc = db_exec(db, buf_str(&sql), values, chunk * table->column_count, NULL, err);
        values += chunk * table->column_count;
        rows -= chunk;
    }
    return rc;
}

static void set_key(struct db_value values[KEY_VALUES], struct str run_id,
                    const struct import_card *card)
{
    values[0] = db_text(run_id);
    values[1] = db_text(card->card_id);
    values[2] = db_text(card->card_code);
}

/* People */

enum status import_add_people(struct db *db, const char *run_id, const struct str *openids,
                              size_t count, struct err *err)
{
    struct db_value values[IMPORT_CHUNK * PERSON_VALUES];

    for (size_t i = 0; i < count; i++) {
        values[i * PERSON_VALUES] = db_text(str_from(run_id));
        values[i * PERSON_VALUES + 1] = db_text(openids[i]);
        values[i * PERSON_VALUES + 2] = import_state_value(IMPORT_NEW);
    }
    return add(db, &TABLE_PERSON, values, count, err);
}

struct people_listing {
    import_person_fn *fn;
    void *arg;
};

static enum status list_person(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err)
{
    const struct people_listing *listing = arg;

    return listing->fn(listing->arg, sql_text(&columns[0]), err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status import_people(struct db *db, const char *run_id, enum import_state state, int64_t max,
                          import_person_fn *fn, void *arg, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id)), import_state_value(state),
                                      db_int(max)};
    struct people_listing listing = {fn, arg};

    return db_query(db, STR(PEOPLE), values, COUNT_OF(values), list_person, &listing, err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status import_person_is(struct db *db, const char *run_id, struct str openid,
                             enum import_state state, struct str code, struct str message,
                             struct err *err)
{
    const struct db_value values[] = {import_state_value(state), db_text(code), db_text(message),
                                      db_text(str_from(run_id)), db_text(openid)};

    return db_exec(db, STR(PERSON_IS), values, COUNT_OF(values), NULL, err);
}

/* Answers */

struct answer_listing {
    import_answer_fn *fn;
    void *arg;
};

static enum status list_answer(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err)
{
    const struct answer_listing *listing = arg;
    const struct import_answer answer = {
        .command_id = sql_text(&columns[0]),
        .outcome = sql_text(&columns[1]),
        .answer = sql_text(&columns[2]),
        .error = sql_text(&columns[3]),
    };

    return listing->fn(listing->arg, &answer, err);
}

enum status import_answers(struct db *db, const struct str *ids, size_t count, import_answer_fn *fn,
                           void *arg, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[IMPORT_CHUNK];
    struct answer_listing listing = {fn, arg};

    if (count == 0)
        return ST_OK;
    for (size_t i = 0; i < count; i++)
        values[i] = db_text(ids[i]);
    sql_pad(values, count, COUNT_OF(values));
    buf_add_cstr(&sql, ANSWERS);
    sql_places(&sql, COUNT_OF(values));
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_query(db, buf_str(&sql), values, COUNT_OF(values), list_answer, &listing, err);
}

enum status import_drop_answer(struct db *db, struct str command_id, struct err *err)
{
    const struct db_value values[] = {db_text(command_id)};

    return db_exec(db, STR(DROP_ANSWER), values, COUNT_OF(values), NULL, err);
}

/* Cards */

enum status import_add_cards(struct db *db, const char *run_id, const struct import_card *cards,
                             size_t count, struct err *err)
{
    struct db_value values[IMPORT_CHUNK * CARD_VALUES];

    for (size_t i = 0; i < count; i++) {
        struct db_value *row = values + i * CARD_VALUES;

        set_key(row, str_from(run_id), &cards[i]);
        row[KEY_VALUES] = import_state_value(IMPORT_NEW);
        row[KEY_VALUES + 1] = db_text(cards[i].openid);
        row[KEY_VALUES + 2] = db_text(cards[i].unionid);
        row[KEY_VALUES + 3] = db_text(cards[i].membership_number);
        row[KEY_VALUES + 4] = db_text(cards[i].mobile);
    }
    return add(db, &TABLE_CARD, values, count, err);
}

struct card_listing {
    import_card_fn *fn;
    void *arg;
};

static struct opt_i64 opt_int(const struct db_value *column)
{
    return (struct opt_i64){column->type != DB_NULL, sql_int(column, 0)};
}

static enum status list_card(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err)
{
    const struct card_listing *listing = arg;
    const struct import_card card = {
        .card_id = sql_text(&columns[0]),
        .card_code = sql_text(&columns[1]),
        .openid = sql_text(&columns[2]),
        .unionid = sql_text(&columns[3]),
        .membership_number = sql_text(&columns[4]),
        .mobile = sql_text(&columns[5]),
        .bonus = opt_int(&columns[6]),
        .balance = opt_int(&columns[7]),
        .active = {columns[8].type != DB_NULL, sql_int(&columns[8], 0) != 0},
    };

    return listing->fn(listing->arg, &card, err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status import_cards(struct db *db, const char *run_id, enum import_state state, int64_t max,
                         import_card_fn *fn, void *arg, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id)), import_state_value(state),
                                      db_int(max)};
    struct card_listing listing = {fn, arg};

    return db_query(db, state == IMPORT_NEW ? STR(NEW_CARDS) : STR(CARDS), values, COUNT_OF(values),
                    list_card, &listing, err);
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status import_card_moves(struct db *db, const char *run_id, const struct import_card *card,
                              enum import_state from, enum import_state to, bool *done,
                              struct err *err)
{
    struct db_value values[KEY_VALUES + 2] = {import_state_value(to)};
    int64_t affected = 0;
    enum status rc;

    set_key(values + 1, str_from(run_id), card);
    values[KEY_VALUES + 1] = import_state_value(from);
    rc = db_exec(db, STR(MOVES), values, COUNT_OF(values), &affected, err);
    if (rc == ST_OK)
        *done = affected > 0;
    return rc;
}

enum status import_card_done(struct db *db, const char *run_id, const struct import_card *card,
                             bool opened, struct err *err)
{
    struct db_value values[KEY_VALUES + 1] = {db_int(opened)};

    set_key(values + 1, str_from(run_id), card);
    return db_exec(db, STR(DONE), values, COUNT_OF(values), NULL, err);
}

static enum status keep_open(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    int64_t **out = arg;

    *out[0] = sql_int(&columns[0], 0);
    *out[1] = sql_int(&columns[1], 0);
    return ST_OK;
}

enum status import_open_cards(struct db *db, const char *run_id, int64_t *sent, int64_t *looked,
                              struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run_id)), db_text(str_from(run_id))};
    int64_t *out[] = {sent, looked};

    return db_query(db, STR(OPEN), values, COUNT_OF(values), keep_open, out, err);
}

/* kabao-member's */

static enum status note_found(void *arg, const struct db_value *columns UNUSED, size_t count UNUSED,
                              struct err *err UNUSED)
{
    bool *found = arg;

    *found = true;
    return ST_OK;
}

enum status import_wants(struct db *db, struct str run_id, const struct import_card *card,
                         bool *wanted, struct err *err)
{
    struct db_value values[KEY_VALUES];
    bool found = false;
    enum status rc;

    set_key(values, run_id, card);
    rc = db_query(db, STR(WANTS), values, COUNT_OF(values), note_found, &found, err);
    if (rc == ST_OK)
        *wanted = found;
    return rc;
}

static struct db_value opt_value(bool set, int64_t value)
{
    return set ? db_int(value) : db_null();
}

enum status import_outcome(struct db *db, struct str run_id, const struct import_card *card,
                           enum import_state state, const struct err *why, struct err *err)
{
    struct db_value values[6 + KEY_VALUES] = {
        import_state_value(state),
        opt_value(card->bonus.set, card->bonus.value),
        opt_value(card->balance.set, card->balance.value),
        opt_value(card->active.set, card->active.value),
        why ? db_text(str_from(why->code)) : db_null(),
        why ? db_text(str_from(why->text)) : db_null(),
    };

    set_key(values + 6, run_id, card);
    return db_exec(db, STR(OUTCOME), values, COUNT_OF(values), NULL, err);
}
