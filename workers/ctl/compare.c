/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl compare --csv FILE: the members of another system against table member. The file is read
 * once, its cards looked up as it goes; of each card a hash stays (16 bytes), by which the members
 * that are only here are found, page by page. */
#include "app/app.h"
#include "base/arena.h"
#include "base/mem.h"
#include "codec/crypto.h"
#include "codec/csv.h"
#include "compare_report.h"
#include "database.h"
#include "tables/export.h"
#include "tables/member.h"
#include "tables/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_LEN = 16, HASHES_FIRST = 4096, EXAMPLES = 10, CHUNK_MAX = 32 << 20 };

enum { CSV_CARD_ID, CSV_CARD_CODE, CSV_OPENID, CSV_UNIONID, CSV_MOBILE, CSV_NUMBER, CSV_COLUMNS };

static const struct csv_column COLUMNS[] = {
    {"card_id", true}, {"card_code", true},          {"openid", false}, {"unionid", false},
    {"mobile", false}, {"membership_number", false}, {NULL, false},
};

struct hash {
    uint8_t bytes[HASH_LEN];
};

struct row {
    struct str values[CSV_COLUMNS];
    bool found;
};

struct comparison {
    const struct ctl *ctl;
    struct str appid;
    struct db *db;
    struct compare_report *report;
    struct arena arena; /* of the rows at hand */
    struct row rows[EXPORT_CARDS];
    size_t count;
    struct hash *seen; /* of the file's cards; sorted once all are read */
    size_t seen_count;
    size_t seen_room;
    int64_t lines;
    int64_t members;
    int64_t same;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "memory is short");
}

/* Hashes */

static void hash_card(struct str card_id, struct str card_code, struct hash *out)
{
    uint8_t whole[SHA256_LEN];

    hmac_sha256(card_id, card_code, whole);
    memcpy(out->bytes, whole, HASH_LEN);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_LEN);
}

static bool remember(struct comparison *c, const struct row *row)
{
    if (c->seen_count == c->seen_room) {
        const size_t room = c->seen_room > 0 ? 2 * c->seen_room : HASHES_FIRST;
        struct hash *larger = mem_resize(c->seen, room * sizeof(*larger));

        if (!larger)
            return false;
        c->seen = larger;
        c->seen_room = room;
    }
    hash_card(row->values[CSV_CARD_ID], row->values[CSV_CARD_CODE], &c->seen[c->seen_count++]);
    return true;
}

/* Among those that are sorted; NULL: it is not. */
static const struct hash *find_hash(const struct comparison *c, struct str card_id,
                                    struct str card_code)
{
    struct hash want;

    hash_card(card_id, card_code, &want);
    return c->seen_count > 0 ? bsearch(&want, c->seen, c->seen_count, sizeof(*c->seen), by_bytes)
                             : NULL;
}

/* Rows of the file */

static struct row *find_row(struct comparison *c, const struct db_value *columns)
{
    for (size_t i = 0; i < c->count; i++) {
        struct row *row = &c->rows[i];

        if (!row->found &&
            str_eq(row->values[CSV_CARD_CODE], sql_text(&columns[EXPORT_CARD_CODE])) &&
            str_eq(row->values[CSV_CARD_ID], sql_text(&columns[EXPORT_CARD_ID])))
            return row;
    }
    return NULL;
}

static const struct compared {
    enum compare_kind kind;
    int there;
    enum export_column here;
} COMPARED[] = {
    {COMPARE_OPENID, CSV_OPENID, EXPORT_OPENID},
    {COMPARE_UNIONID, CSV_UNIONID, EXPORT_UNIONID},
    {COMPARE_MOBILE, CSV_MOBILE, EXPORT_MOBILE},
    {COMPARE_MEMBERSHIP_NUMBER, CSV_NUMBER, EXPORT_MEMBERSHIP_NUMBER},
};

/* What the file does not say is not compared. */
static bool differs(struct comparison *c, const struct row *row, const struct db_value *columns,
                    const struct compared *what)
{
    const struct str here = sql_text(&columns[what->here]);
    struct str there = row->values[what->there];

    if (str_is_empty(there))
        return false;
    if (what->kind == COMPARE_MOBILE)
        there = member_mobile(&c->arena, there);
    if (str_eq(there, here))
        return false;
    compare_report_add(c->report, what->kind, row->values[CSV_CARD_ID], row->values[CSV_CARD_CODE],
                       row->values[what->there], here);
    return true;
}

static void compare_row(struct comparison *c, struct row *row, const struct db_value *columns)
{
    bool same = true;

    row->found = true;
    if (str_eq(sql_text(&columns[EXPORT_STATUS]), STR("DELETE"))) {
        compare_report_add(c->report, COMPARE_DELETED, row->values[CSV_CARD_ID],
                           row->values[CSV_CARD_CODE], str_from(NULL), str_from(NULL));
        return;
    }
    for (size_t i = 0; i < COUNT_OF(COMPARED); i++)
        same = !differs(c, row, columns, &COMPARED[i]) && same;
    c->same += same ? 1 : 0;
}

/* db_row_fn; rows of one card that the file has twice are both told of. */
static enum status take_member(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    struct comparison *c = arg;
    struct row *row;

    (void)count;
    (void)err;
    while ((row = find_row(c, columns)) != NULL)
        compare_row(c, row, columns);
    return ST_OK;
}

static enum status look_up(struct comparison *c, struct err *err)
{
    struct export_card cards[EXPORT_CARDS];
    const struct export_list list = {c->appid, cards, c->count};
    enum status rc = ST_OK;

    for (size_t i = 0; i < c->count; i++)
        cards[i] =
            (struct export_card){c->rows[i].values[CSV_CARD_ID], c->rows[i].values[CSV_CARD_CODE]};
    if (c->count > 0)
        rc = export_members(c->db, &list, take_member, c, err);
    for (size_t i = 0; rc == ST_OK && i < c->count; i++)
        if (!c->rows[i].found)
            compare_report_add(c->report, COMPARE_ONLY_THERE, cards[i].card_id, cards[i].card_code,
                               str_from(NULL), str_from(NULL));
    c->count = 0;
    arena_reset(&c->arena);
    return rc;
}

/* csv_row_fn */
static enum status take_row(void *arg, size_t line, const struct str *values, struct err *err)
{
    struct comparison *c = arg;
    struct row *row = &c->rows[c->count];

    if (str_is_empty(values[CSV_CARD_ID]) || str_is_empty(values[CSV_CARD_CODE]))
        return err_reject(err, REASON_REJECTED, "csv", "%s:%zu: card_id or card_code is empty",
                          c->ctl->csv.ptr, line);
    *row = (struct row){0};
    for (size_t i = 0; i < CSV_COLUMNS; i++) {
        row->values[i] = arena_dup(&c->arena, values[i]);
        if (str_is_set(values[i]) && !str_is_set(row->values[i]))
            return no_memory(err);
    }
    if (!remember(c, row))
        return no_memory(err);
    c->count++;
    c->lines++;
    return c->count == EXPORT_CARDS ? look_up(c, err) : ST_OK;
}

/* Members here */

/* db_row_fn; who is known by no openid, and cards that were deleted, nobody misses. */
static enum status find_here(void *arg, const struct db_value *columns, size_t count,
                             struct err *err)
{
    struct comparison *c = arg;
    const struct str card_id = sql_text(&columns[EXPORT_CARD_ID]);
    const struct str card_code = sql_text(&columns[EXPORT_CARD_CODE]);

    (void)count;
    (void)err;
    if (str_eq(sql_text(&columns[EXPORT_STATUS]), STR("DELETE")))
        return ST_OK;
    c->members++;
    if (str_is_set(sql_text(&columns[EXPORT_OPENID])) && !find_hash(c, card_id, card_code))
        compare_report_add(c->report, COMPARE_ONLY_HERE, card_id, card_code, str_from(NULL),
                           str_from(NULL));
    return ST_OK;
}

/* Cards that the file has twice */

static bool is_twice(const struct comparison *c, size_t i)
{
    return (i > 0 && by_bytes(&c->seen[i - 1], &c->seen[i]) == 0) ||
           (i + 1 < c->seen_count && by_bytes(&c->seen[i + 1], &c->seen[i]) == 0);
}

/* csv_row_fn */
static enum status tell_twice(void *arg, size_t line, const struct str *values, struct err *err)
{
    struct comparison *c = arg;
    const struct hash *found = find_hash(c, values[CSV_CARD_ID], values[CSV_CARD_CODE]);
    char place[32];

    (void)err;
    (void)snprintf(place, sizeof(place), "line %zu", line);
    if (found && is_twice(c, (size_t)(found - c->seen)))
        compare_report_add(c->report, COMPARE_TWICE, values[CSV_CARD_ID], values[CSV_CARD_CODE],
                           str_from(place), str_from(NULL));
    return ST_OK;
}

/* The file is read again where there are any: hashes do not tell which cards they are. */
static enum status find_twice(struct comparison *c, struct err *err)
{
    bool any = false;

    for (size_t i = 0; !any && i < c->seen_count; i++)
        any = is_twice(c, i);
    return any ? csv_read(c->ctl->csv.ptr, COLUMNS, tell_twice, c, err) : ST_OK;
}

static enum status compare(struct comparison *c, struct err *err)
{
    struct export_cursor here = {.db = c->db, .what = EXPORT_MEMBERS, .appid = c->appid};
    enum status rc = csv_read(c->ctl->csv.ptr, COLUMNS, take_row, c, err);

    if (rc == ST_OK)
        rc = look_up(c, err);
    if (rc == ST_OK && c->seen_count > 1)
        qsort(c->seen, c->seen_count, sizeof(*c->seen), by_bytes);
    if (rc == ST_OK)
        rc = find_twice(c, err);
    while (rc == ST_OK && !here.ended)
        rc = export_page(&here, find_here, c, err);
    return rc;
}

/* Else of the database. */
static bool is_of_file(const struct err *err)
{
    return strcmp(err->code, "csv") == 0 || str_starts(str_from(err->code), STR("errno:"));
}

static int run(struct comparison *c)
{
    struct err err = {0};
    enum status rc = database_open(c->ctl, &c->db, &err);
    const bool opened = rc == ST_OK;

    if (rc == ST_OK)
        rc = compare(c, &err);
    database_close(c->db);
    if (rc != ST_OK && opened && is_of_file(&err))
        return ctl_usage(err.text);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    if (!compare_report_print(c->report, c->ctl->json, c->lines, c->members, c->same))
        return EXIT_INTERNAL;
    return compare_report_count(c->report) == 0 ? EXIT_DONE : EXIT_CONFIG;
}

int ctl_compare(const struct ctl *ctl)
{
    AUTO(compare_report_freep)
    struct compare_report *report =
        compare_report_new(ctl->max > 0 ? ctl->max : EXAMPLES, ctl->reveal);
    struct comparison c = {.ctl = ctl, .report = report, .arena = ARENA_INIT(CHUNK_MAX)};
    const struct account *account = NULL;
    int code;

    if (!report)
        return EXIT_INTERNAL;
    if (!str_is_set(ctl->csv))
        return ctl_usage("--csv FILE is missing");
    code = ctl_account(ctl, &account);
    if (code != EXIT_DONE)
        return code;
    c.appid = str_from(account->appid);
    code = run(&c);
    arena_done(&c.arena);
    mem_free(c.seen);
    return code;
}
