/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets are read in pages, judged here, and deleted by list: a thousand ranges make no statement
 * longer. */
#include "tables/covered.h"

#include "tables/sql.h"

enum { PARTITION_VALUES = 3, SQL_MAX = 4096 };

struct page {
    int64_t offsets[COVERED_PAGE];
    size_t count;
};

bool covered_has(const struct covered *c, int64_t off)
{
    size_t low = 0;
    size_t high = c->range_count;

    if (off < c->commit || c->commit < 0)
        return off < c->commit;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->ranges[middle].to <= off)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->range_count && c->ranges[low].from <= off;
}

static enum status keep_offset(void *arg, const struct db_value *columns, size_t count,
                               struct err *err)
{
    struct page *page = arg;

    (void)count;
    (void)err;
    if (page->count < COVERED_PAGE)
        page->offsets[page->count++] = sql_int(&columns[0], -1);
    return ST_OK;
}

static void set_source(struct db_value *values, const struct source *from)
{
    values[0] = db_text(str_from(from->worker));
    values[1] = db_text(from->topic);
    values[2] = db_int(from->part);
}

static enum status delete_list(struct db *db, const struct covered_rule *rule,
                               const struct source *from, const struct page *page, int64_t *deleted,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
    struct db_value values[PARTITION_VALUES + COVERED_PAGE];

    if (page->count == 0) {
        *deleted = 0;
        return ST_OK;
    }
    set_source(values, from);
    for (size_t i = 0; i < page->count; i++)
        values[PARTITION_VALUES + i] = db_int(page->offsets[i]);
    sql_pad(values, PARTITION_VALUES + page->count, COUNT_OF(values));
    buf_add_cstr(&sql, rule->delete);
    sql_places(&sql, COVERED_PAGE);
    if (!buf_ok(&sql))
        return err_retry(err, "memory", "no memory for a statement");
    return db_exec(db, buf_str(&sql), values, COUNT_OF(values), deleted, err);
}

static void keep_those_that_go(struct page *page, const struct covered_rule *rule,
                               const struct covered *covered)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->count; i++)
        if (covered_has(covered, page->offsets[i]) == rule->covered)
            page->offsets[kept++] = page->offsets[i];
    page->count = kept;
}

enum status covered_delete(struct db *db, const struct covered_rule *rule,
                           const struct source *from, const struct covered *covered,
                           int64_t *deleted, struct err *err)
{
    int64_t next = rule->covered || covered->commit < 0 ? 0 : covered->commit;
    int64_t all = 0;
    bool more = true;

    while (more) {
        struct db_value values[PARTITION_VALUES + 1];
        struct page page = {.count = 0};
        int64_t gone = 0;
        enum status rc;

        set_source(values, from);
        values[PARTITION_VALUES] = db_int(next);
        rc =
            db_query(db, str_from(rule->select), values, COUNT_OF(values), keep_offset, &page, err);
        if (rc != ST_OK)
            return rc;
        more = page.count == COVERED_PAGE;
        if (more)
            next = page.offsets[page.count - 1] + 1;
        keep_those_that_go(&page, rule, covered);
        rc = delete_list(db, rule, from, &page, &gone, err);
        if (rc != ST_OK)
            return rc;
        all += gone;
    }
    if (deleted)
        *deleted = all;
    return ST_OK;
}
