/* SPDX-License-Identifier: Apache-2.0 */
#include "import_list.h"

#include "base/hex.h"
#include "codec/crypto.h"
#include "codec/csv.h"
#include "import.h"
#include "import_rows.h"
#include "stop.h"

#include <stdio.h>

enum { TELL_MAX = 20, ARENA_MAX = 1 << 16, FILE_CHUNKS = 16 };

static const struct csv_column COLUMNS[IMPORT_COLUMNS + 1] = {
    [IMPORT_COLUMN_CARD_ID] = {"card_id", true},
    [IMPORT_COLUMN_CARD_CODE] = {"card_code", true},
    [IMPORT_COLUMN_OPENID] = {"openid", false},
    [IMPORT_COLUMN_UNIONID] = {"unionid", false},
    [IMPORT_COLUMN_MOBILE] = {"mobile", false},
    [IMPORT_COLUMN_NUMBER] = {"membership_number", false},
};

_Static_assert(SHA256_LEN * 2 + 1 <= IMPORT_TEXT_SIZE, "a fingerprint's digits");

struct reading {
    struct import_file *file;
    struct hasher *hasher;
    struct arena arena; /* of the row at hand */
    import_card_fn *fn;
    void *arg;
};

static void tell_bad(struct import_file *file, size_t line, const char *fault)
{
    if (file->bad++ < TELL_MAX)
        (void)fprintf(stderr, "kabaoctl: line %zu: %s\n", line, fault);
}

/* csv_row_fn */
static enum status check_row(void *arg, size_t line, const struct str *values,
                             struct err *err UNUSED)
{
    struct reading *r = arg;
    struct import_card card;
    const char *fault;

    arena_reset(&r->arena);
    fault = import_row_read(values, &r->arena, &card);
    if (fault)
        tell_bad(r->file, line, fault);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        hasher_add(r->hasher, values[i]);
        hasher_add(r->hasher, STR("\x1f"));
    }
    r->file->rows++;
    return ST_OK;
}

enum status import_file_check(const char *path, struct import_file *out, struct err *err)
{
    AUTO(hasher_freep) struct hasher *hasher = hasher_new(HASH_SHA256);
    struct import_file file = {0};
    struct reading r = {.file = &file, .hasher = hasher, .arena = {.max = ARENA_MAX}};
    uint8_t hash[SHA256_LEN];
    enum status rc;

    if (!hasher)
        return err_fatal(err, "memory", "out of memory");
    hasher_start(hasher);
    rc = csv_read(path, COLUMNS, check_row, &r, err);
    arena_done(&r.arena);
    if (rc != ST_OK)
        return rc;
    hasher_finish(hasher, hash);
    hex_format(hash, sizeof(hash), file.fingerprint);
    *out = file;
    return ST_OK;
}

/* csv_row_fn */
static enum status give_row(void *arg, size_t line, const struct str *values, struct err *err)
{
    struct reading *r = arg;
    struct import_card card;

    arena_reset(&r->arena);
    if (import_row_read(values, &r->arena, &card))
        return err_fatal(err, "csv", "line %zu has changed just now", line);
    return r->fn(r->arg, &card, err);
}

enum status import_file_cards(const char *path, import_card_fn *fn, void *arg, struct err *err)
{
    struct reading r = {.arena = {.max = ARENA_MAX}, .fn = fn, .arg = arg};
    enum status rc = csv_read(path, COLUMNS, give_row, &r, err);

    arena_done(&r.arena);
    return rc;
}

/* Into the table */

struct listing {
    struct import_job *job;
    struct arena arena;
    struct import_card cards[IMPORT_CHUNK];
    size_t count;
    size_t chunks; /* in the transaction that is open */
};

static enum status put_chunk(struct listing *l, struct err *err)
{
    enum status rc = import_add_cards(l->job->db, l->job->run.run_id, l->cards, l->count, err);

    l->count = 0;
    arena_reset(&l->arena);
    if (rc != ST_OK || ++l->chunks < FILE_CHUNKS)
        return rc;
    l->chunks = 0;
    rc = db_commit(l->job->db, err);
    if (rc == ST_OK && stop_asked())
        return err_retry(err, "stopped", "stopped; run this again to go on");
    return rc == ST_OK ? db_begin(l->job->db, err) : rc;
}

/* import_card_fn */
static enum status list_card(void *arg, const struct import_card *card, struct err *err)
{
    struct listing *l = arg;

    if (!import_card_keep(&l->arena, card, &l->cards[l->count]))
        return err_retry(err, "memory", "out of memory");
    return ++l->count < IMPORT_CHUNK ? ST_OK : put_chunk(l, err);
}

enum status import_list_file(struct import_job *job, struct err *err)
{
    struct listing l = {.job = job};
    enum status rc = db_begin(job->db, err);

    if (rc != ST_OK)
        return rc;
    rc = import_file_cards(job->path, list_card, &l, err);
    if (rc == ST_OK)
        rc = import_add_cards(job->db, job->run.run_id, l.cards, l.count, err);
    job->run.listed = rc == ST_OK;
    job->run.total = job->file.rows;
    if (rc == ST_OK)
        rc = import_save(job->db, &job->run, err);
    if (rc == ST_OK)
        rc = db_commit(job->db, err);
    else if (!db_is_lost(job->db))
        db_rollback(job->db);
    job->run.listed = rc == ST_OK;
    arena_done(&l.arena);
    return rc;
}
