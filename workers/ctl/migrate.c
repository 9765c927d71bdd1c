/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl migrate: forward only, resumable, one runner at a time. */
#include "db/migrate.h"

#include "app/app.h"
#include "ctl.h"

#include <stdio.h>

struct progress {
    bool json;
    size_t done;
};

static void on_done(void *arg, const struct migration *m)
{
    struct progress *progress = arg;

    progress->done++;
    if (progress->json)
        (void)printf("{\"version\":%d,\"name\":\"%s\"}\n", m->version, m->name);
    else
        (void)printf("V%04d %s\n", m->version, m->name);
}

enum { MANY_ROWS = 100000 };

/* migrate_step_fn. On stderr: what a program reads stays as it is. */
static void warn_of(void *arg UNUSED, const struct migrate_step *step)
{
    if (step->rows >= MANY_ROWS)
        (void)fprintf(stderr,
                      "V%04d %s rebuilds the table %.*s, about %lld rows: it can take a minute or "
                      "two for each "
                      "million, and who writes to the table waits meanwhile\n",
                      step->migration->version, step->migration->name, (int)step->rebuilds.len,
                      step->rebuilds.ptr, (long long)step->rows);
}

int ctl_migrate(const struct ctl *ctl)
{
    struct progress progress = {.json = ctl->json};
    struct db *db = NULL;
    struct err err = {0};
    bool confirmed;
    enum status rc;

    rc = db_library_init(&err);
    if (rc == ST_OK)
        rc = db_open_patient(&ctl->settings->mysql, &db, &err);
    if (rc == ST_OK)
        rc = migrate_plan(db, warn_of, NULL, &err);
    confirmed = rc == ST_OK && ctl_confirm(ctl, "Change the database's tables?");
    if (confirmed)
        rc = migrate_apply(db, on_done, &progress, &err);
    db_close(db);
    db_library_done();
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    if (!confirmed)
        return EXIT_USAGE;
    if (progress.done == 0 && !ctl->json)
        (void)printf("the database is up to date\n");
    return EXIT_DONE;
}
