/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/owner.h"

#include "base/mem.h"
#include "tables/sql.h"

#include <stdlib.h>

static const char RAISE[] = "INSERT INTO owner (worker,part,epoch) VALUES (?,?,1)"
                            " ON DUPLICATE KEY UPDATE epoch=epoch+1";
static const char READ[] = "SELECT epoch FROM owner WHERE worker=? AND part=?";
/* FOR SHARE is MySQL's alone; both know this. */
static const char CHECK[] = "SELECT epoch FROM owner WHERE worker=? AND part=? LOCK IN SHARE MODE";

/* One owner and its place in the caller's list. */
struct place {
    struct owner owner;
    size_t at;
};

static int place_cmp(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;

    return (a->owner.part > b->owner.part) - (a->owner.part < b->owner.part);
}

/* In order of part; NULL: no memory. */
static struct place *sorted(const struct owner *owners, size_t count)
{
    struct place *places = mem_array(count, sizeof(*places));

    if (!places)
        return NULL;
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){owners[i], i};
    if (count > 0)
        qsort(places, count, sizeof(*places), place_cmp);
    return places;
}

static enum status keep_epoch(void *arg, const struct db_value *columns, size_t count,
                              struct err *err)
{
    int64_t *epoch = arg;

    (void)count;
    (void)err;
    *epoch = sql_int(&columns[0], 0);
    return ST_OK;
}

/* *epoch is 0 where there is no row. */
static enum status read_epoch(struct db *db, const char *sql, const struct db_value key[2],
                              int64_t *epoch, struct err *err)
{
    *epoch = 0;
    return db_query(db, str_from(sql), key, 2, keep_epoch, epoch, err);
}

enum status owner_raise(struct db *db, const char *worker, struct owner *owners, size_t count,
                        struct err *err)
{
    AUTO(mem_freep) struct place *places = sorted(owners, count);

    if (!places)
        return err_retry(err, "memory", "no memory for a list of partitions");
    for (size_t i = 0; i < count; i++) {
        const struct db_value key[] = {db_text(str_from(worker)), db_int(places[i].owner.part)};
        enum status rc = db_exec(db, str_from(RAISE), key, COUNT_OF(key), NULL, err);

        if (rc == ST_OK)
            rc = read_epoch(db, READ, key, &places[i].owner.epoch, err);
        if (rc != ST_OK)
            return rc;
    }
    for (size_t i = 0; i < count; i++)
        owners[places[i].at].epoch = places[i].owner.epoch;
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the public one's parameters and its statement */
static enum status compare(struct db *db, const char *sql, const char *worker,
                           const struct owner *owners, size_t count, bool *mine, struct err *err)
{
    AUTO(mem_freep) struct place *places = sorted(owners, count);
    bool all = true;

    if (!places)
        return err_retry(err, "memory", "no memory for a list of partitions");
    for (size_t i = 0; i < count && all; i++) {
        const struct db_value key[] = {db_text(str_from(worker)), db_int(places[i].owner.part)};
        int64_t epoch = 0;
        enum status rc = read_epoch(db, sql, key, &epoch, err);

        if (rc != ST_OK)
            return rc;
        all = epoch > 0 && epoch == places[i].owner.epoch;
    }
    *mine = all;
    return ST_OK;
}

enum status owner_check(struct db *db, const char *worker, const struct owner *owners, size_t count,
                        bool *mine, struct err *err)
{
    return compare(db, CHECK, worker, owners, count, mine, err);
}

enum status owner_read(struct db *db, const char *worker, const struct owner *owners, size_t count,
                       bool *mine, struct err *err)
{
    return compare(db, READ, worker, owners, count, mine, err);
}
