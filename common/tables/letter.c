/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/letter.h"

#include "tables/sql.h"

#include <assert.h>

enum { LIST_PAGE = 500 };

static const char GET[] = "SELECT part,off,state,at,redrive_from,`by` FROM dead_letter"
                          " WHERE worker=? AND part=? AND off=?";
static const char INTEND[] =
    "INSERT INTO dead_letter (worker,part,off,state,at,`by`,redrive_from) VALUES (?,?,?,?,?,?,?)"
    " ON DUPLICATE KEY UPDATE worker=VALUES(worker)";
/* Assigned from left to right, so state comes last. */
static const char SETTLE[] =
    "INSERT INTO dead_letter (worker,part,off,state,at,`by`) VALUES (?,?,?,?,?,?)"
    " ON DUPLICATE KEY UPDATE at=IF(state='redriving',VALUES(at),at),"
    "`by`=IF(state='redriving',VALUES(`by`),`by`),"
    "state=IF(state='redriving',VALUES(state),state)";
static const char LIST[] = "SELECT part,off,state,at,redrive_from,`by` FROM dead_letter"
                           " WHERE worker=? AND (part>? OR (part=? AND off>?))"
                           " ORDER BY part,off LIMIT 500";

static const char *const NAMES[] = {
    [LETTER_OPEN] = "",
    [LETTER_REDRIVING] = "redriving",
    [LETTER_REDRIVEN] = "redriven",
    [LETTER_DISCARDED] = "discarded",
    [LETTER_SETTLED] = "settled",
};

const char *letter_state_name(enum letter_state state)
{
    return NAMES[state];
}

static enum letter_state state_of(struct str name)
{
    for (enum letter_state state = LETTER_REDRIVING; state <= LETTER_SETTLED; state++)
        if (str_eq_cstr(name, NAMES[state]))
            return state;
    return LETTER_OPEN;
}

struct reading {
    letter_fn *fn;
    void *arg;
    struct letter letter; /* the last one read */
    size_t rows;
};

static enum status read_letter(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    struct reading *r = arg;
    struct letter *letter = &r->letter;

    (void)count;
    letter->part = (int32_t)sql_int(&columns[0], -1);
    letter->off = sql_int(&columns[1], -1);
    letter->state = state_of(sql_text(&columns[2]));
    letter->at_ms = sql_int(&columns[3], 0);
    letter->redrive_from = sql_int(&columns[4], -1);
    (void)str_copy(sql_text(&columns[5]), letter->by, sizeof(letter->by));
    r->rows++;
    return r->fn ? r->fn(r->arg, letter, err) : ST_OK;
}

enum status letter_get(struct db *db, const char *worker, int32_t part, int64_t off,
                       struct letter *out, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(worker)), db_int(part), db_int(off)};
    struct reading r = {.letter = {.part = part, .off = off, .redrive_from = -1}};
    enum status rc = db_query(db, STR(GET), values, COUNT_OF(values), read_letter, &r, err);

    if (rc == ST_OK)
        *out = r.letter;
    return rc;
}

enum status letter_intend(struct db *db, const char *worker, const struct letter *intent,
                          struct letter *stands, struct err *err)
{
    const struct db_value values[] = {
        db_text(str_from(worker)),    db_int(intent->part),
        db_int(intent->off),          db_text(str_from(NAMES[LETTER_REDRIVING])),
        db_time(intent->at_ms),       db_text(str_from(intent->by)),
        db_int(intent->redrive_from),
    };
    enum status rc = db_exec(db, STR(INTEND), values, COUNT_OF(values), NULL, err);

    if (rc != ST_OK)
        return rc;
    return letter_get(db, worker, intent->part, intent->off, stands, err);
}

enum status letter_settle(struct db *db, const char *worker, const struct letter *letter,
                          struct err *err)
{
    const struct db_value values[] = {
        db_text(str_from(worker)), db_int(letter->part),
        db_int(letter->off),       db_text(str_from(NAMES[letter->state])),
        db_time(letter->at_ms),    db_text(str_from(letter->by)),
    };

    assert(letter->state >= LETTER_REDRIVEN);
    return db_exec(db, STR(SETTLE), values, COUNT_OF(values), NULL, err);
}

enum status letter_list(struct db *db, const char *worker, letter_fn *fn, void *arg,
                        struct err *err)
{
    struct reading r = {.fn = fn, .arg = arg, .letter = {.part = -1, .off = -1}};
    enum status rc;

    do {
        const struct db_value values[] = {db_text(str_from(worker)), db_int(r.letter.part),
                                          db_int(r.letter.part), db_int(r.letter.off)};

        r.rows = 0;
        rc = db_query(db, STR(LIST), values, COUNT_OF(values), read_letter, &r, err);
    } while (rc == ST_OK && r.rows == LIST_PAGE);
    return rc;
}
