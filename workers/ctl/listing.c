/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "app/app.h"
#include "app/table.h"
#include "database.h"
#include "show.h"

enum { OUTPUT_MAX = 64 << 20 };

enum status listing_row(struct listing *l, const struct str *cells, struct err *err)
{
    return text_table_row(l->table, cells) ? ST_OK : err_fatal(err, "memory", "out of memory");
}

int listing_run(const struct ctl *ctl, const char *const *columns, listing_fn *fn, void *arg)
{
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    AUTO(buf_done) struct buf out = BUF_INIT(OUTPUT_MAX);
    struct jsonw json = {.out = &out};
    struct listing l = {.ctl = ctl, .table = table, .json = &json, .arg = arg};
    struct db *db = NULL;
    struct err err = {0};
    enum status rc;
    bool good;

    if (!table)
        return EXIT_INTERNAL;
    jsonw_array(&json);
    rc = database_open(ctl, &db, &err);
    if (rc == ST_OK)
        rc = fn(&l, db, &err);
    jsonw_array_end(&json);
    database_close(db);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    good = ctl->json ? show_print_json(&out) : text_table_print(table);
    return good ? EXIT_DONE : EXIT_INTERNAL;
}
