/* SPDX-License-Identifier: Apache-2.0 */
#include "app/table.h"
#include "base/clock.h"
#include "import.h"
#include "mask.h"
#include "show.h"

#include <stdio.h>

enum { REPORT_MAX_BYTES = 16 << 20, NUMBER_SIZE = 24, OPENID_MAX = 512 };

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory", "the report cannot be printed");
}

static int64_t waiting_of(const int64_t counts[IMPORT_STATES])
{
    return counts[IMPORT_NEW] + counts[IMPORT_SENT] + counts[IMPORT_LOOKED];
}

static int64_t sum_of(const int64_t counts[IMPORT_STATES])
{
    return waiting_of(counts) + counts[IMPORT_DONE] + counts[IMPORT_GONE] + counts[IMPORT_FAILED];
}

/* Rows of the file that named a card again. */
static int64_t duplicates_of(const struct import_job *job)
{
    return job->run.listed ? job->run.total - sum_of(job->counts.cards) : 0;
}

/* Who cannot be found this way, whatever the counts say. */
static const char *blind_spot(const struct import_job *job)
{
    return job->path ? "members who are not in the file" : "members who do not follow the account";
}

static enum status gather(struct import_job *job, struct err *err)
{
    enum status rc = ST_OK;

    if (job->run.finished_ms == 0)
        rc = import_count(job->db, job->run.run_id, &job->counts, err);
    if (rc == ST_OK && job->run.finished_ms == 0)
        rc = import_not_found(job->db, job->run.run_id, str_from(job->account->appid),
                              &job->counts.not_found, err);
    return rc;
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

static void write_counts(struct jsonw *w, const struct import_job *job)
{
    const struct import_counts *c = &job->counts;

    if (!job->path) {
        jsonw_key_i64(w, "followers", job->run.total);
        jsonw_key_i64(w, "people_asked", c->people[IMPORT_DONE] + c->people[IMPORT_FAILED]);
        jsonw_key_i64(w, "people_failed", c->people[IMPORT_FAILED]);
        jsonw_key_i64(w, "people_waiting", waiting_of(c->people));
    } else {
        jsonw_key_i64(w, "rows", job->run.total);
        jsonw_key_i64(w, "duplicates", duplicates_of(job));
    }
    jsonw_key_i64(w, "found", sum_of(c->cards));
    jsonw_key_i64(w, "imported", c->cards[IMPORT_DONE]);
    jsonw_key_i64(w, "opened", c->opened);
    jsonw_key_i64(w, "gone", c->cards[IMPORT_GONE]);
    jsonw_key_i64(w, "failed", c->cards[IMPORT_FAILED]);
    jsonw_key_i64(w, "waiting", waiting_of(c->cards));
    jsonw_key_i64(w, "not_found", c->not_found);
    jsonw_key_str(w, "cannot_be_found", str_from(blind_spot(job)));
}

/* import_reason_fn */
static enum status write_reason(void *arg, struct str code, bool person, int64_t count,
                                struct err *err UNUSED)
{
    struct jsonw *w = arg;

    jsonw_object(w);
    jsonw_key_str(w, "code", code);
    jsonw_key_str(w, "of", person ? STR("people") : STR("cards"));
    jsonw_key_i64(w, "count", count);
    jsonw_object_end(w);
    return ST_OK;
}

/* import_failure_fn */
static enum status write_failure(void *arg, const struct import_failure *failure,
                                 struct err *err UNUSED)
{
    struct jsonw *w = arg;

    jsonw_object(w);
    jsonw_key_str(w, "openid", failure->openid);
    jsonw_key_str(w, "card_id", failure->card_id);
    jsonw_key_str(w, "card_code", failure->card_code);
    jsonw_key_bool(w, "gone", failure->gone);
    jsonw_key_str(w, "code", failure->code);
    jsonw_key_str(w, "message", failure->message);
    jsonw_object_end(w);
    return ST_OK;
}

static enum status print_json(const struct import_job *job, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPORT_MAX_BYTES);
    struct jsonw w = {.out = &text};
    enum status rc;

    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(job->account->name));
    jsonw_key_str(&w, "run", str_from(job->run.run_id));
    jsonw_key_str(&w, "source", str_from(job->run.source));
    write_time(&w, "started_at", job->run.started_ms);
    write_time(&w, "finished_at", job->run.finished_ms);
    jsonw_key_bool(&w, "finished", job->run.finished_ms != 0);
    write_counts(&w, job);
    jsonw_key(&w, STR("reasons"));
    jsonw_array(&w);
    rc = import_reasons(job->db, job->run.run_id, write_reason, &w, err);
    jsonw_array_end(&w);
    jsonw_key(&w, STR("failures"));
    jsonw_array(&w);
    if (rc == ST_OK)
        rc = import_failures(job->db, job->run.run_id, write_failure, &w, err);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (rc != ST_OK)
        return rc;
    return show_print_json(&text) ? ST_OK : no_memory(err);
}

/* For people */

static void print_counts(const struct import_job *job)
{
    const struct import_counts *c = &job->counts;
    const int64_t asked = c->people[IMPORT_DONE] + c->people[IMPORT_FAILED];

    const struct {
        const char *name;
        int64_t count;
    } lines[] = {
        {"cards found", sum_of(c->cards)},
        {"imported", c->cards[IMPORT_DONE]},
        {"accounts of points opened", c->opened},
        {"gone (no such card any more)", c->cards[IMPORT_GONE]},
        {"failed", c->cards[IMPORT_FAILED]},
        {"waiting", waiting_of(c->cards)},
    };

    if (job->path)
        (void)printf("%s: %lld rows, %lld of them twice\n", job->account->name,
                     (long long)job->run.total, (long long)duplicates_of(job));
    else
        (void)printf("%s: %lld followers, %lld asked for their cards, %lld of them in vain\n",
                     job->account->name, (long long)job->run.total, (long long)asked,
                     (long long)c->people[IMPORT_FAILED]);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        (void)printf("  %-34s %lld\n", lines[i].name, (long long)lines[i].count);
    (void)printf("Not to be found this way: %s. %lld members of this account stand in the database"
                 " and were not found\n",
                 blind_spot(job), (long long)c->not_found);
}

struct cells {
    struct text_table *table;
    size_t count;
};

/* import_reason_fn */
static enum status add_reason(void *arg, struct str code, bool person, int64_t count,
                              struct err *err)
{
    struct cells *cells = arg;
    char number[NUMBER_SIZE];

    cells->count++;
    (void)snprintf(number, sizeof(number), "%lld", (long long)count);
    return text_table_row(
               cells->table,
               (const struct str[]){code, person ? STR("people") : STR("cards"), str_from(number)})
               ? ST_OK
               : no_memory(err);
}

/* import_failure_fn */
static enum status add_failure(void *arg, const struct import_failure *failure, struct err *err)
{
    AUTO(buf_done) struct buf openid = BUF_INIT(OPENID_MAX);
    struct cells *cells = arg;

    cells->count++;
    if (str_is_set(failure->openid))
        mask_text(&openid, failure->openid);
    return text_table_row(cells->table,
                          (const struct str[]){buf_str(&openid), failure->card_id,
                                               failure->card_code, failure->code, failure->message})
               ? ST_OK
               : no_memory(err);
}

static enum status print_reasons(const struct import_job *job, struct err *err)
{
    static const char *const columns[] = {"reason", "of", "count", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    struct cells cells = {.table = table};
    enum status rc =
        table ? import_reasons(job->db, job->run.run_id, add_reason, &cells, err) : no_memory(err);

    if (rc != ST_OK || cells.count == 0)
        return rc;
    (void)printf("\ngone or failed, by reason:\n");
    return text_table_print(table) ? ST_OK : no_memory(err);
}

static enum status print_failures(const struct import_job *job, struct err *err)
{
    static const char *const columns[] = {"openid", "card_id", "card_code",
                                          "reason", "message", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    struct cells cells = {.table = table};
    enum status rc = table ? import_failures(job->db, job->run.run_id, add_failure, &cells, err)
                           : no_memory(err);

    if (rc != ST_OK || cells.count == 0)
        return rc;
    (void)printf("\nthe first of them (at most %d cards and %d people):\n", IMPORT_FAILURES_MAX,
                 IMPORT_FAILURES_MAX);
    return text_table_print(table) ? ST_OK : no_memory(err);
}

enum status import_report(struct import_job *job, struct err *err)
{
    enum status rc = import_newest(job->db, str_from(job->account->appid), &job->run, err);

    if (rc == ST_OK && job->run.finished_ms != 0)
        job->counts = job->run.counts;
    if (rc == ST_OK)
        rc = gather(job, err);
    if (rc == ST_OK && job->ctl->json)
        return print_json(job, err);
    if (rc != ST_OK)
        return rc;
    print_counts(job);
    rc = print_reasons(job, err);
    return rc == ST_OK ? print_failures(job, err) : rc;
}
