/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/erased.h"

#include "base/hex.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/crypto.h"
#include "tables/sql.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* An appid has 32 bytes at most, a card key 32 + 64 + 64; what is longer was never stored. */
enum { NAME_MAX_BYTES = 512, PAGE_ROWS = 1000 };

/* FOR SHARE is MySQL's alone; both know this. */
static const char FENCE[] = "SELECT generation FROM erased_fence WHERE id=1 LOCK IN SHARE MODE";
static const char LOOK[] = "SELECT generation FROM erased_fence WHERE id=1";
static const char LOAD[] = "SELECT generation,id_hash,at FROM erased WHERE generation>?"
                           " ORDER BY generation LIMIT 1000";
static const char RAISE[] = "INSERT INTO erased_fence (id,generation) VALUES (1,1)"
                            " ON DUPLICATE KEY UPDATE generation=erased_fence.generation+1";
/* Assigned from left to right, so `at` comes last. */
static const char PUT[] =
    "INSERT INTO erased (appid,id_hash,at,generation)"
    " SELECT ?,?,?,f.generation FROM erased_fence f WHERE f.id=1 ON DUPLICATE KEY UPDATE"
    " generation=IF(VALUES(at)>erased.at,VALUES(generation),erased.generation),"
    "at=GREATEST(erased.at,VALUES(at))";

_Static_assert(PAGE_ROWS == 1000, "the LIMIT of LOAD");

struct erased {
    _Atomic int64_t generation;
    atomic_size_t count;

    pthread_mutex_t at_lock; /* guards what follows */
    struct map *at;          /* hash, in bytes -> when, wall ms, in place of a pointer */
};

struct erased *erased_new(void)
{
    struct erased *e = mem_zalloc(sizeof(*e));

    if (!e)
        return NULL;
    (void)pthread_mutex_init(&e->at_lock, NULL);
    e->at = map_new_packed();
    if (e->at)
        return e;
    erased_free(e);
    return NULL;
}

void erased_free(struct erased *e)
{
    if (!e)
        return;
    map_free(e->at, NULL);
    (void)pthread_mutex_destroy(&e->at_lock);
    mem_free(e);
}

int64_t erased_generation(const struct erased *e)
{
    return atomic_load(&e->generation);
}

bool erased_is_empty(const struct erased *e)
{
    return atomic_load(&e->count) == 0;
}

/* Reading the table */

static enum status take_number(void *arg, const struct db_value *columns, size_t count UNUSED,
                               struct err *err UNUSED)
{
    int64_t *number = arg;

    *number = sql_int(&columns[0], 0);
    return ST_OK;
}

struct page {
    struct erased *erased;
    int64_t generation; /* of the last row */
    size_t rows;
};

/* db_row_fn; with at_lock */
static enum status take_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct page *page = arg;
    uint8_t hash[SHA256_LEN];
    const intptr_t at_ms = (intptr_t)sql_int(&columns[2], 0);

    page->generation = sql_int(&columns[0], 0);
    page->rows++;
    if (!hex_parse(sql_text(&columns[1]), hash, sizeof(hash)))
        return ST_OK; /* nothing of ours */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): a number in place of a pointer, never followed */
    if (!map_put(page->erased->at, str_of((const char *)hash, sizeof(hash)), (void *)at_ms, NULL))
        return err_retry(err, "memory", "no memory for the erased");
    return ST_OK;
}

/* With at_lock. */
static enum status load(struct db *tx, struct erased *e, int64_t after, struct err *err)
{
    struct page page = {.erased = e, .generation = after, .rows = PAGE_ROWS};
    enum status rc = ST_OK;

    while (rc == ST_OK && page.rows == PAGE_ROWS) {
        const struct db_value key[] = {db_int(page.generation)};

        page.rows = 0;
        rc = db_query(tx, STR(LOAD), key, COUNT_OF(key), take_row, &page, err);
    }
    return rc;
}

static enum status catch_up(struct db *db, struct erased *e, int64_t after, int64_t now,
                            struct err *err)
{
    enum status rc = load(db, e, after, err);

    if (rc == ST_OK) {
        atomic_store(&e->count, map_len(e->at));
        atomic_store(&e->generation, now);
    }
    return rc;
}

enum status erased_read(struct db *tx, void *erased, int64_t *generation, struct err *err)
{
    struct erased *e = erased;
    int64_t now = 0;
    enum status rc = db_query(tx, STR(FENCE), NULL, 0, take_number, &now, err);

    if (rc != ST_OK)
        return rc;
    *generation = now;
    if (now == atomic_load(&e->generation))
        return ST_OK;
    (void)pthread_mutex_lock(&e->at_lock);
    /* Lower than the copy's: this database came from a backup. */
    rc = catch_up(tx, e, now > atomic_load(&e->generation) ? atomic_load(&e->generation) : 0, now,
                  err);
    (void)pthread_mutex_unlock(&e->at_lock);
    return rc;
}

enum status erased_follow(struct db *db, struct erased *e, struct err *err)
{
    int64_t now = 0;
    enum status rc = db_query(db, STR(LOOK), NULL, 0, take_number, &now, err);

    if (rc != ST_OK || now <= atomic_load(&e->generation))
        return rc;
    (void)pthread_mutex_lock(&e->at_lock);
    if (now > atomic_load(&e->generation)) /* a transaction may have come before */
        rc = catch_up(db, e, atomic_load(&e->generation), now, err);
    (void)pthread_mutex_unlock(&e->at_lock);
    return rc;
}

/* Hashes */

/* False: too long to have been stored anywhere. */
static bool hash_of(struct str appid, struct str a, struct str b, uint8_t out[SHA256_LEN])
{
    const struct str parts[] = {appid, STR(":"), a, STR(":"), b};
    const size_t count = str_is_set(b) ? COUNT_OF(parts) : COUNT_OF(parts) - 2;
    char name[NAME_MAX_BYTES];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > sizeof(name) - len)
            return false;
        memcpy(name + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    sha256(str_of(name, len), out);
    return true;
}

/* The second part of a card's name; absent: a person's id. */
static bool is_known(struct erased *e, struct str appid, struct str a, struct str b, int64_t at_ms)
{
    uint8_t hash[SHA256_LEN];
    intptr_t erased_at_ms;

    if (str_is_empty(appid) || str_is_empty(a) || !hash_of(appid, a, b, hash))
        return false;
    (void)pthread_mutex_lock(&e->at_lock);
    erased_at_ms = (intptr_t)map_get(e->at, str_of((const char *)hash, sizeof(hash)));
    (void)pthread_mutex_unlock(&e->at_lock);
    return erased_at_ms != 0 && erased_at_ms >= at_ms;
}

static bool has_card(const struct erased_who *who)
{
    return !str_is_empty(who->card_id) && !str_is_empty(who->card_code);
}

bool erased_knows(struct erased *e, const struct erased_who *who, int64_t at_ms)
{
    static const struct str none = {NULL, 0};

    if (erased_is_empty(e))
        return false;
    return is_known(e, who->appid, who->openid, none, at_ms) ||
           is_known(e, who->appid, who->unionid, none, at_ms) ||
           (has_card(who) && is_known(e, who->appid, who->card_id, who->card_code, at_ms));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the document, JSON_DEPTH_MAX */
struct str erased_named_in(struct erased *e, struct str appid, const struct json *value,
                           int64_t at_ms)
{
    static const struct str none = {NULL, 0};
    struct str found = none;

    if (erased_is_empty(e))
        return none;
    if (json_is(value, JSON_STRING))
        return is_known(e, appid, json_str(value), none, at_ms) ? json_str(value) : none;
    if (json_is(value, JSON_ARRAY))
        for (size_t i = 0; !str_is_set(found) && i < json_len(value); i++)
            found = erased_named_in(e, appid, json_at(value, i), at_ms);
    if (json_is(value, JSON_OBJECT))
        for (struct json_iter i = json_iter(value); !str_is_set(found) && json_next(&i);)
            found = erased_named_in(e, appid, i.value, at_ms);
    return found;
}

/* Writing */

static enum status put(struct db *tx, struct str appid, struct str a, struct str b, int64_t at_ms,
                       struct err *err)
{
    uint8_t hash[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    enum status rc;

    if (str_is_empty(a) || !hash_of(appid, a, b, hash))
        return ST_OK;
    hex_format(hash, sizeof(hash), hex);
    rc = db_exec(tx, STR(RAISE), NULL, 0, NULL, err);
    if (rc == ST_OK) {
        const struct db_value row[] = {db_text(appid), db_text(str_from(hex)), db_time(at_ms)};

        rc = db_exec(tx, STR(PUT), row, COUNT_OF(row), NULL, err);
    }
    return rc;
}

enum status erased_put(struct db *tx, const struct erased_who *who, int64_t at_ms, struct err *err)
{
    static const struct str none = {NULL, 0};
    enum status rc = put(tx, who->appid, who->openid, none, at_ms, err);

    if (rc == ST_OK)
        rc = put(tx, who->appid, who->unionid, none, at_ms, err);
    if (rc == ST_OK && has_card(who))
        rc = put(tx, who->appid, who->card_id, who->card_code, at_ms, err);
    return rc;
}
