/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl reconcile plan|run: what the accounts of points hold, put on the cards. A run that was
 * cut short is gone on with where it stopped. */
#include "app/app.h"
#include "app/table.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/rand.h"
#include "database.h"
#include "reconcile_pace.h"
#include "reconcile_report.h"
#include "show.h"
#include "stop.h"

#include <stdio.h>
#include <string.h>

enum { ID_BYTES = (RECONCILE_ID_SIZE - 1) / 2, PLAN_MAX_BYTES = 1 << 20, NUMBER_SIZE = 24 };

struct job {
    const struct ctl *ctl;
    struct db *db;
    struct wire *wire;
    struct pass *passes; /* of the accounts that are chosen */
    size_t count;
};

/* Choosing */

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory", "out of memory");
}

static enum status choose_accounts(struct job *job, struct err *err)
{
    const struct settings *settings = job->ctl->settings;

    job->passes = mem_array(settings->account_count + 1, sizeof(*job->passes));
    if (!job->passes)
        return no_memory(err);
    for (size_t i = 0; i < settings->account_count; i++) {
        const struct account *account = &settings->accounts[i];

        if (!str_is_set(job->ctl->account) || str_eq_cstr(job->ctl->account, account->name))
            job->passes[job->count++].account = account;
    }
    return ST_OK;
}

static bool is_unfinished(const struct pass *pass)
{
    return pass->run.run_id[0] != '\0' && pass->run.finished_ms == 0;
}

static struct str appid_of(const struct pass *pass)
{
    return str_from(pass->account->appid);
}

/* What is there: the newest run, and how many accounts lie before it if it is gone on with. */
static enum status look(struct job *job, struct pass *pass, struct err *err)
{
    const struct reconcile_card beginning = {0};
    enum status rc = reconcile_newest(job->db, appid_of(pass), &pass->run, err);

    if (rc != ST_OK)
        return rc;
    pass->goes_on = !job->ctl->fresh && is_unfinished(pass);
    return reconcile_count(job->db, appid_of(pass), pass->goes_on ? &pass->run.last : &beginning,
                           &pass->left, err);
}

static enum status look_at_all(struct job *job, struct err *err)
{
    enum status rc = choose_accounts(job, err);

    for (size_t i = 0; rc == ST_OK && i < job->count; i++)
        rc = look(job, &job->passes[i], err);
    return rc;
}

/* Plan */

static void write_plan(struct jsonw *w, const struct pass *pass, int64_t seconds)
{
    char since[CLOCK_RFC3339_SIZE];

    jsonw_object(w);
    jsonw_key_str(w, "account", str_from(pass->account->name));
    jsonw_key_i64(w, "accounts", pass->left);
    jsonw_key_i64(w, "calls", pass->left * PACE_CALLS);
    jsonw_key(w, STR("seconds"));
    if (seconds >= 0)
        jsonw_i64(w, seconds);
    else
        jsonw_null(w);
    if (pass->goes_on) {
        clock_format_rfc3339(pass->run.started_ms, since);
        jsonw_key_str(w, "unfinished_since", str_from(since));
        jsonw_key_i64(w, "checked", pass->run.checked);
    }
    jsonw_object_end(w);
}

static bool print_plan_json(const struct job *job, const struct pace *pace)
{
    AUTO(buf_done) struct buf text = BUF_INIT(PLAN_MAX_BYTES);
    struct jsonw w = {.out = &text};

    jsonw_array(&w);
    for (size_t i = 0; i < job->count; i++)
        write_plan(&w, &job->passes[i], pace_seconds(pace, job->passes[i].left));
    jsonw_array_end(&w);
    return show_print_json(&text);
}

static bool add_plan(struct text_table *table, const struct pass *pass, int64_t seconds)
{
    char accounts[NUMBER_SIZE];
    char calls[NUMBER_SIZE];
    char time[PACE_TIME_SIZE];
    char since[CLOCK_RFC3339_SIZE] = "";

    (void)snprintf(accounts, sizeof(accounts), "%lld", (long long)pass->left);
    (void)snprintf(calls, sizeof(calls), "%lld", (long long)pass->left * PACE_CALLS);
    pace_format(seconds, time);
    if (pass->goes_on)
        clock_format_rfc3339(pass->run.started_ms, since);
    return text_table_row(table, (const struct str[]){str_from(pass->account->name),
                                                      str_from(accounts), str_from(calls),
                                                      time[0] ? str_from(time) : STR("no limit"),
                                                      str_from(since)});
}

static bool print_plan(const struct job *job, const struct pace *pace)
{
    static const char *const columns[] = {"account", "accounts", "calls at most",
                                          "time",    "goes on",  NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    bool good = table != NULL;

    for (size_t i = 0; good && i < job->count; i++)
        good = add_plan(table, &job->passes[i], pace_seconds(pace, job->passes[i].left));
    return good && text_table_print(table);
}

static int plan(struct job *job)
{
    const struct pace pace = pace_of(&job->ctl->settings->quota);
    struct err err = {0};
    enum status rc;

    rc = database_open(job->ctl, &job->db, &err);
    if (rc == ST_OK)
        rc = look_at_all(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return (job->ctl->json ? print_plan_json(job, &pace) : print_plan(job, &pace)) ? EXIT_DONE
                                                                                   : EXIT_INTERNAL;
}

/* Run */

static enum status lock_all(struct job *job, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < job->count; i++) {
        bool locked = false;

        rc = reconcile_lock(job->db, appid_of(&job->passes[i]), &locked, err);
        if (rc == ST_OK && !locked)
            rc = err_retry(err, "locked", "another kabaoctl reconciles %s",
                           job->passes[i].account->name);
    }
    return rc;
}

/* Where something is unfinished, that alone is gone on with. */
static void drop_finished(struct job *job)
{
    size_t kept = 0;

    for (size_t i = 0; i < job->count; i++)
        kept += job->passes[i].goes_on ? 1 : 0;
    if (kept == 0)
        return;
    kept = 0;
    for (size_t i = 0; i < job->count; i++) {
        if (job->passes[i].goes_on)
            job->passes[kept++] = job->passes[i];
        else
            (void)fprintf(stderr, "kabaoctl: %s: nothing to go on with, left to the next run\n",
                          job->passes[i].account->name);
    }
    job->count = kept;
}

static void tell_what_goes_on(const struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct pass *pass = &job->passes[i];
        char since[CLOCK_RFC3339_SIZE];

        if (!pass->goes_on)
            continue;
        clock_format_rfc3339(pass->run.started_ms, since);
        (void)fprintf(stderr,
                      "kabaoctl: %s: goes on with the run of %s, %lld checked so far (--new begins "
                      "anew)\n",
                      pass->account->name, since, (long long)pass->run.checked);
    }
}

static bool may_go_on(const struct job *job)
{
    struct pace pace = pace_of(&job->ctl->settings->quota);
    char time[PACE_TIME_SIZE];
    char question[160];
    int64_t cards = 0;
    int64_t seconds = 0;

    pace_slow(&pace, job->ctl->rate);
    for (size_t i = 0; i < job->count; i++) {
        cards += job->passes[i].left;
        seconds += pace_seconds(&pace, job->passes[i].left);
    }
    pace_format(seconds, time);
    (void)snprintf(question, sizeof(question), "Put %lld accounts on their cards (%lld calls%s%s)?",
                   (long long)cards, (long long)cards * PACE_CALLS, time[0] ? ", about " : "",
                   time);
    return ctl_confirm(job->ctl, question);
}

/* All before the first command: what is killed then is gone on with as a whole. */
static enum status begin_all(struct job *job, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < job->count; i++) {
        struct pass *pass = &job->passes[i];
        uint8_t chance[ID_BYTES];

        if (pass->goes_on)
            continue;
        pass->run = (struct reconcile_run){.total = pass->left};
        rand_bytes(chance, sizeof(chance));
        hex_format(chance, sizeof(chance), pass->run.run_id);
        rc = reconcile_start(job->db, appid_of(pass), &pass->run, err);
    }
    return rc;
}

static enum status run_all(struct job *job, struct err *err)
{
    const struct pass_means means = {
        .ctl = job->ctl,
        .db = job->db,
        .must_stop = stop_asked,
        .wire = job->wire,
    };
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < job->count; i++)
        rc = pass_run(&job->passes[i], &means, err);
    return rc;
}

/* As the table has it: when it began and ended is the database's to say. */
static enum status report(struct job *job, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < job->count; i++)
        rc = reconcile_newest(job->db, appid_of(&job->passes[i]), &job->passes[i].run, err);
    return rc == ST_OK ? report_print(job->ctl, job->db, job->passes, job->count, err) : rc;
}

static int exit_code(const struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->passes[i].run.failed > 0)
            return EXIT_CONFIG;
    return EXIT_DONE;
}

static int carry_out(struct job *job)
{
    struct err err = {0};
    struct err lost = {0};
    enum status rc;

    stop_hold();
    rc = wire_open(job->ctl->settings, &job->wire, &err);
    if (rc == ST_OK)
        rc = begin_all(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    rc = run_all(job, &err);
    if (report(job, &lost) != ST_OK && rc == ST_OK)
        return ctl_fail(ST_RETRY, &lost);
    return rc == ST_OK ? exit_code(job) : ctl_fail(rc, &err);
}

static int run(struct job *job)
{
    struct err err = {0};
    enum status rc;

    if (!ctl_can_ask(job->ctl, "Put accounts on their cards?"))
        return EXIT_USAGE;
    rc = database_open(job->ctl, &job->db, &err);
    if (rc == ST_OK)
        rc = choose_accounts(job, &err);
    if (rc == ST_OK)
        rc = lock_all(job, &err);
    for (size_t i = 0; rc == ST_OK && i < job->count; i++)
        rc = look(job, &job->passes[i], &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    drop_finished(job);
    tell_what_goes_on(job);
    return may_go_on(job) ? carry_out(job) : EXIT_USAGE;
}

static int start_job(const struct ctl *ctl, int (*fn)(struct job *job))
{
    struct job job = {.ctl = ctl};
    char name[64];
    int code;

    if (str_is_set(ctl->account) &&
        (!str_copy(ctl->account, name, sizeof(name)) || !settings_account(ctl->settings, name)))
        return ctl_usage("there is no such account");
    code = fn(&job);
    wire_close(job.wire);
    database_close(job.db);
    mem_free(job.passes);
    return code;
}

int ctl_reconcile_plan(const struct ctl *ctl)
{
    return start_job(ctl, plan);
}

int ctl_reconcile_run(const struct ctl *ctl)
{
    return start_job(ctl, run);
}
