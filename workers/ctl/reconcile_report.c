/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile_report.h"

#include "app/table.h"
#include "show.h"

#include <stdio.h>

enum { REPORT_MAX_BYTES = 16 << 20, NUMBER_SIZE = 24 };

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory", "the report cannot be printed");
}

/* One object */

static void write_time(struct jsonw *w, const char *key, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];

    if (wall_ms == 0)
        return;
    clock_format_rfc3339(wall_ms, time);
    jsonw_key_str(w, key, str_from(time));
}

static void write_counts(struct jsonw *w, const struct reconcile_run *run)
{
    jsonw_key_i64(w, "checked", run->checked);
    jsonw_key_i64(w, "repaired", run->repaired);
    jsonw_key_i64(w, "skipped", run->skipped);
    jsonw_key_i64(w, "failed", run->failed);
    jsonw_key_bool(w, "finished", run->finished_ms != 0);
}

/* reconcile_failure_fn */
static enum status write_failure(void *arg, const struct reconcile_failure *failure,
                                 struct err *err UNUSED)
{
    struct jsonw *w = arg;

    jsonw_object(w);
    jsonw_key_str(w, "card_id", failure->card_id);
    jsonw_key_str(w, "card_code", failure->card_code);
    jsonw_key_str(w, "outcome", failure->outcome);
    jsonw_key_str(w, "code", failure->error_code);
    jsonw_key_str(w, "message", failure->error_message);
    jsonw_object_end(w);
    return ST_OK;
}

static enum status write_pass(struct jsonw *w, struct db *db, const struct pass *pass,
                              struct err *err)
{
    enum status rc;

    jsonw_object(w);
    jsonw_key_str(w, "account", str_from(pass->account->name));
    jsonw_key_str(w, "run", str_from(pass->run.run_id));
    write_time(w, "started_at", pass->run.started_ms);
    write_time(w, "finished_at", pass->run.finished_ms);
    write_counts(w, &pass->run);
    jsonw_key(w, STR("failed_cards"));
    jsonw_array(w);
    rc = reconcile_failures(db, pass->run.run_id, write_failure, w, err);
    jsonw_array_end(w);
    jsonw_object_end(w);
    return rc;
}

static struct reconcile_run sum_of(const struct pass *passes, size_t count)
{
    struct reconcile_run sum = {.finished_ms = 1};

    for (size_t i = 0; i < count; i++) {
        sum.checked += passes[i].run.checked;
        sum.repaired += passes[i].run.repaired;
        sum.skipped += passes[i].run.skipped;
        sum.failed += passes[i].run.failed;
        if (passes[i].run.finished_ms == 0)
            sum.finished_ms = 0;
    }
    return sum;
}

static enum status print_json(struct db *db, const struct pass *passes, size_t count,
                              struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPORT_MAX_BYTES);
    const struct reconcile_run sum = sum_of(passes, count);
    struct jsonw w = {.out = &text};
    enum status rc = ST_OK;

    jsonw_object(&w);
    write_counts(&w, &sum);
    jsonw_key(&w, STR("accounts"));
    jsonw_array(&w);
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        rc = write_pass(&w, db, &passes[i], err);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (rc != ST_OK)
        return rc;
    return show_print_json(&text) ? ST_OK : no_memory(err);
}

/* Tables */

static bool add_counts(struct text_table *table, const struct pass *pass)
{
    const int64_t counts[] = {pass->run.checked, pass->run.repaired, pass->run.skipped,
                              pass->run.failed};
    char texts[COUNT_OF(counts)][NUMBER_SIZE];
    struct str cells[COUNT_OF(counts) + 2];

    cells[0] = str_from(pass->account->name);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        (void)snprintf(texts[i], NUMBER_SIZE, "%lld", (long long)counts[i]);
        cells[i + 1] = str_from(texts[i]);
    }
    cells[COUNT_OF(counts) + 1] = pass->run.finished_ms ? STR("yes") : STR("no");
    return text_table_row(table, cells);
}

struct failures {
    struct text_table *table;
    const struct account *account;
    size_t count;
};

/* reconcile_failure_fn */
static enum status add_failure(void *arg, const struct reconcile_failure *failure, struct err *err)
{
    struct failures *f = arg;

    f->count++;
    if (text_table_row(f->table, (const struct str[]){str_from(f->account->name), failure->card_id,
                                                      failure->card_code, failure->outcome,
                                                      failure->error_code, failure->error_message}))
        return ST_OK;
    return no_memory(err);
}

static enum status print_failures(struct db *db, const struct pass *passes, size_t count,
                                  struct err *err)
{
    static const char *const columns[] = {"account", "card_id", "card_code", "outcome",
                                          "code",    "message", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    struct failures f = {.table = table};
    enum status rc = table ? ST_OK : no_memory(err);

    for (size_t i = 0; rc == ST_OK && i < count; i++) {
        f.account = passes[i].account;
        rc = reconcile_failures(db, passes[i].run.run_id, add_failure, &f, err);
    }
    if (rc != ST_OK || f.count == 0)
        return rc;
    (void)printf("\nfailed (at most %d of an account):\n", RECONCILE_FAILURES_MAX);
    return text_table_print(table) ? ST_OK : no_memory(err);
}

static enum status print_people(struct db *db, const struct pass *passes, size_t count,
                                struct err *err)
{
    static const char *const columns[] = {"account", "checked",  "repaired", "skipped",
                                          "failed",  "finished", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; good && i < count; i++)
        good = add_counts(table, &passes[i]);
    if (!good || !text_table_print(table))
        return no_memory(err);
    return print_failures(db, passes, count, err);
}

enum status report_print(const struct ctl *ctl, struct db *db, const struct pass *passes,
                         size_t count, struct err *err)
{
    return ctl->json ? print_json(db, passes, count, err) : print_people(db, passes, count, err);
}
