/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl export members|bonus: the members of an account, or its points, as CSV. */
#include "tables/export.h"

#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "codec/csv.h"
#include "database.h"
#include "tables/sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 32 << 20, CELL_SIZE = 32 };

struct export
{
    const struct ctl *ctl;
    enum export_what what;
    struct buf text; /* of one page, as the arena */
    struct arena arena;
    bool no_memory;
    int64_t rows;
    int64_t deleted; /* left out, as the next */
    int64_t nobodys;
};

static bool is_left_out(struct export *e, const struct db_value *columns)
{
    if (e->ctl->all)
        return false;
    if (e->what == EXPORT_MEMBERS && str_eq(sql_text(&columns[EXPORT_STATUS]), STR("DELETE"))) {
        e->deleted++;
        return true;
    }
    if (str_is_set(sql_text(&columns[EXPORT_OPENID])))
        return false;
    e->nobodys++;
    return true;
}

/* small: room for what is no text. */
static struct str cell(const struct db_value *column, char small[CELL_SIZE])
{
    switch (column->type) {
    case DB_TEXT: return column->value.text;
    case DB_INT: (void)snprintf(small, CELL_SIZE, "%" PRId64, column->value.i64); break;
    case DB_TIME_MS: clock_format_rfc3339(column->value.i64, small); break;
    case DB_NULL:
    case DB_DOUBLE: small[0] = '\0'; break; /* no column is one */
    }
    return str_from(small);
}

/* What strangers choose: neither compared nor given to WeChat Pay, so it may be altered. */
static bool is_strangers(const char *column)
{
    return strcmp(column, "nickname") == 0 || strcmp(column, "outer_str") == 0;
}

/* A spreadsheet would take it for a formula and run it: a quote before it makes it a text. */
static struct str tame(struct export *e, struct str text)
{
    const struct str seen = str_trim(text);

    if (seen.len == 0 || !strchr("=+-@", seen.ptr[0]))
        return text;
    text = arena_printf(&e->arena, "'%.*s", STR_ARG(text));
    e->no_memory = e->no_memory || !str_is_set(text);
    return text;
}

/* db_row_fn */
static enum status add_row(void *arg, const struct db_value *columns, size_t count, struct err *err)
{
    struct export *e = arg;
    const char *const *names = export_columns(e->what);
    char small[EXPORT_COLUMNS_MAX][CELL_SIZE];
    struct str cells[EXPORT_COLUMNS_MAX];

    (void)err;
    if (is_left_out(e, columns))
        return ST_OK;
    for (size_t i = 0; i < count; i++)
        cells[i] = cell(&columns[i], small[i]);
    for (size_t i = 0; i < count; i++)
        if (is_strangers(names[i]))
            cells[i] = tame(e, cells[i]);
    csv_add_row(&e->text, cells, count);
    e->rows++;
    return ST_OK;
}

static void add_header(struct export *e)
{
    const char *const *names = export_columns(e->what);
    struct str cells[EXPORT_COLUMNS_MAX];
    size_t count = 0;

    for (; names[count]; count++)
        cells[count] = str_from(names[count]);
    csv_add_row(&e->text, cells, count);
}

static enum status write_page(struct export *e, struct err *err)
{
    if (e->no_memory || !buf_ok(&e->text))
        return err_retry(err, "memory", "memory is short");
    if (fwrite(e->text.ptr, 1, e->text.len, stdout) != e->text.len || fflush(stdout) != 0)
        return err_errno(err, ST_RETRY, errno, "standard output");
    buf_clear(&e->text);
    arena_reset(&e->arena);
    return ST_OK;
}

static enum status write_all(struct export *e, struct db *db, const struct account *account,
                             struct err *err)
{
    struct export_cursor cursor = {.db = db, .what = e->what, .appid = str_from(account->appid)};
    enum status rc = ST_OK;

    add_header(e);
    while (rc == ST_OK && !cursor.ended) {
        rc = export_page(&cursor, add_row, e, err);
        if (rc == ST_OK)
            rc = write_page(e, err);
    }
    return rc;
}

static void tell(const struct export *e)
{
    (void)fprintf(stderr, "kabaoctl: %" PRId64 " rows\n", e->rows);
    if (e->deleted > 0)
        (void)fprintf(stderr, "kabaoctl: left out %" PRId64 " cards that were deleted (--all)\n",
                      e->deleted);
    if (e->nobodys > 0)
        (void)fprintf(stderr,
                      "kabaoctl: left out %" PRId64
                      " cards of nobody: no openid is known, or it was erased (--all)\n",
                      e->nobodys);
}

static int run(struct export *e, const struct account *account)
{
    struct db *db = NULL;
    struct err err = {0};
    enum status rc = database_open(e->ctl, &db, &err);

    if (rc == ST_OK)
        rc = write_all(e, db, account, &err);
    database_close(db);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    tell(e);
    return EXIT_DONE;
}

int ctl_export(const struct ctl *ctl)
{
    const bool members = strcmp(ctl->words[0], "members") == 0;
    struct export e = {.ctl = ctl,
                       .what = members ? EXPORT_MEMBERS : EXPORT_BONUS,
                       .text = BUF_INIT(TEXT_MAX),
                       .arena = ARENA_INIT(TEXT_MAX)};
    const struct account *account = NULL;
    int code;

    if (!members && strcmp(ctl->words[0], "bonus") != 0)
        return ctl_usage("export members, or export bonus");
    if (ctl->json)
        return ctl_usage("export writes CSV; there is no --json of it");
    code = ctl_account(ctl, &account);
    if (code != EXIT_DONE)
        return code;
    if (!ctl_confirm(ctl, "Write personal data of all members to standard output?"))
        return EXIT_USAGE;
    code = run(&e, account);
    buf_done(&e.text);
    arena_done(&e.arena);
    return code;
}
