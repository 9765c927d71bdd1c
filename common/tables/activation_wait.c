/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/activation_wait.h"

#include "tables/sql.h"

#include <string.h>

enum { KEY_COLUMNS = 3, COLUMNS = 18, PAGE = 256, PAGES_MAX = 40 };

#define FACTS                                                                           \
    "receipt_id,received_at,restored,previous_card_code,openid,submitted_at,ticket_id," \
    "ticket_at,form,acting,asked_at,overdue_at,due_at,told_at,seen_at"

static const char LOAD[] = "SELECT " FACTS " FROM activation_wait"
                           " WHERE appid=? AND card_id=? AND card_code=? FOR UPDATE";
/* In the order of FACTS, then of the key. */
static const char UPDATE[] =
    "UPDATE activation_wait SET receipt_id=?,received_at=?,restored=?,previous_card_code=?,"
    "openid=?,submitted_at=?,ticket_id=?,ticket_at=?,form=?,acting=?,asked_at=?,overdue_at=?,"
    "due_at=?,told_at=?,seen_at=? WHERE appid=? AND card_id=? AND card_code=?";
static const char INSERT[] = "INSERT INTO activation_wait (" FACTS ",appid,card_id,card_code)"
                             " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
/* What follows a place in the order of due_at and key. */
static const char DUE[] =
    "SELECT appid,card_id,card_code,due_at FROM activation_wait"
    " WHERE due_at<=? AND due_at>=? AND (due_at>? OR appid>? OR (appid=? AND (card_id>?"
    " OR (card_id=? AND card_code>?)))) ORDER BY due_at,appid,card_id,card_code LIMIT 256";

_Static_assert(PAGE == 256, "the LIMIT of DUE");

struct loading {
    struct activation_wait *row;
    struct arena *arena;
    bool found;
    bool no_memory;
};

static struct str keep(struct loading *l, const struct db_value *column)
{
    struct str text = sql_text(column);
    struct str kept = arena_dup(l->arena, text);

    l->no_memory = l->no_memory || (str_is_set(text) && !str_is_set(kept));
    return kept;
}

static enum status load_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct loading *l = arg;
    struct activation_wait *row = l->row;
    size_t i = 0;

    row->receipt_id = keep(l, &columns[i++]);
    row->received_at_ms = sql_int(&columns[i++], 0);
    row->restored = sql_int(&columns[i++], 0) != 0;
    row->previous_card_code = keep(l, &columns[i++]);
    row->openid = keep(l, &columns[i++]);
    row->submitted_at_ms = sql_int(&columns[i++], 0);
    row->ticket_id = keep(l, &columns[i++]);
    row->ticket_at_ms = sql_int(&columns[i++], 0);
    row->form = keep(l, &columns[i++]);
    row->acting = keep(l, &columns[i++]);
    row->asked_at_ms = sql_int(&columns[i++], 0);
    row->overdue_at_ms = sql_int(&columns[i++], 0);
    row->due_at_ms = sql_int(&columns[i++], 0);
    row->told_at_ms = sql_int(&columns[i++], 0);
    row->seen_at_ms = sql_int(&columns[i++], 0);
    l->found = true;
    return l->no_memory ? err_retry(err, "memory", "no memory for a row of activation_wait")
                        : ST_OK;
}

static enum status write_row(struct db *tx, const struct activation_wait *row, bool is_new,
                             struct err *err)
{
    const struct db_value values[] = {
        db_text(row->receipt_id),  db_time(row->received_at_ms),
        db_int(row->restored),     db_text(row->previous_card_code),
        db_text(row->openid),      db_time(row->submitted_at_ms),
        db_text(row->ticket_id),   db_time(row->ticket_at_ms),
        db_text(row->form),        db_text(row->acting),
        db_time(row->asked_at_ms), db_time(row->overdue_at_ms),
        db_time(row->due_at_ms),   db_time(row->told_at_ms),
        db_time(row->seen_at_ms),  db_text(row->appid),
        db_text(row->card_id),     db_text(row->card_code),
    };
    enum status rc;

    _Static_assert(COUNT_OF(values) == COLUMNS, "one value for each place");
    rc = db_exec(tx, is_new ? STR(INSERT) : STR(UPDATE), values, COLUMNS, NULL, err);
    if (rc == ST_REJECT && strcmp(err->code, "mysql:1062") == 0)
        return err_retry(err, "activation_wait", "another instance heard of the card just now");
    return rc;
}

enum status activation_wait_change(struct db *tx, struct arena *arena, struct activation_wait *row,
                                   activation_wait_fn *fn, void *arg, struct err *err)
{
    const struct db_value key[] = {db_text(row->appid), db_text(row->card_id),
                                   db_text(row->card_code)};
    struct activation_wait stands = {
        .appid = row->appid, .card_id = row->card_id, .card_code = row->card_code};
    struct loading l = {.row = &stands, .arena = arena};
    enum status rc = db_query(tx, STR(LOAD), key, KEY_COLUMNS, load_row, &l, err);

    if (rc == ST_OK && fn && fn(&stands, arg))
        rc = write_row(tx, &stands, !l.found, err);
    if (rc == ST_OK)
        *row = stands;
    return rc;
}

/* A page of what is due, and its last row. */
struct paging {
    activation_wait_due_fn *fn;
    void *arg;
    size_t rows;
    struct arena arena;
    int64_t due_at_ms;
    struct str key[KEY_COLUMNS];
};

static void paging_done(struct paging *p)
{
    arena_done(&p->arena);
}

static enum status due_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                           struct err *err)
{
    struct paging *p = arg;

    p->fn(p->arg, sql_text(&columns[0]), sql_text(&columns[1]), sql_text(&columns[2]));
    if (++p->rows < PAGE)
        return ST_OK;
    arena_reset(&p->arena);
    p->due_at_ms = sql_int(&columns[KEY_COLUMNS], 0);
    for (size_t i = 0; i < KEY_COLUMNS; i++) {
        p->key[i] = arena_dup(&p->arena, sql_text(&columns[i]));
        if (!str_is_set(p->key[i]))
            return err_retry(err, "memory", "no memory for a key");
    }
    return ST_OK;
}

enum status activation_wait_due(struct db *db, int64_t now_ms, activation_wait_due_fn *fn,
                                void *arg, struct err *err)
{
    AUTO(paging_done)
    struct paging p = {.fn = fn, .arg = arg, .due_at_ms = 1, .key = {STR(""), STR(""), STR("")}};
    enum status rc = ST_OK;

    for (size_t page = 0; page < PAGES_MAX; page++) {
        const struct db_value values[] = {
            db_time(now_ms),   db_time(p.due_at_ms), db_time(p.due_at_ms), db_text(p.key[0]),
            db_text(p.key[0]), db_text(p.key[1]),    db_text(p.key[1]),    db_text(p.key[2])};

        p.rows = 0;
        rc = db_query(db, STR(DUE), values, COUNT_OF(values), due_row, &p, err);
        if (rc != ST_OK || p.rows < PAGE)
            return rc;
    }
    return rc;
}
