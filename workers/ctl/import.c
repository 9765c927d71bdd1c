/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl import plan|run: the members that an account already has, into MySQL. A run that was cut
 * short is gone on with where it stopped. */
#include "import.h"

#include "app/app.h"
#include "app/table.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/json.h"
#include "command_ask.h"
#include "database.h"
#include "reconcile_pace.h"
#include "show.h"
#include "stop.h"

#include <stdio.h>
#include <string.h>

enum {
    ID_BYTES = (IMPORT_ID_SIZE - 1) / 2,
    PLAN_MAX_BYTES = 1 << 16,
    NUMBER_SIZE = 24,
    CALLS_MAX = 3,
};

static const char FOLLOWERS[] = "followers";
static const char CSV[] = "csv";

static const char *source_of(const struct import_job *job)
{
    return job->path ? CSV : FOLLOWERS;
}

static struct str appid_of(const struct import_job *job)
{
    return str_from(job->account->appid);
}

static void warn_of_revert(const struct import_job *job)
{
    if (job->account->foreign_points == FOREIGN_POINTS_REVERT)
        (void)fprintf(stderr,
                      "kabaoctl: [account %s] foreign_points = revert: from now on kabao sets back "
                      "what the old system changes; adopt, until that is switched off\n",
                      job->account->name);
}

/* EXIT_DONE, or told. */
static int read_file(struct import_job *job)
{
    struct err err = {0};
    enum status rc;

    if (!job->path)
        return EXIT_DONE;
    rc = import_file_check(job->path, &job->file, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    if (job->file.bad == 0)
        return EXIT_DONE;
    (void)fprintf(stderr, "kabaoctl: %s: %lld of %lld rows are bad: nothing is sent\n", job->path,
                  (long long)job->file.bad, (long long)job->file.rows);
    return EXIT_CONFIG;
}

static bool is_unfinished(const struct import_run *run)
{
    return run->run_id[0] != '\0' && run->finished_ms == 0;
}

static bool is_same(const struct import_job *job)
{
    return strcmp(job->run.source, source_of(job)) == 0 &&
           strcmp(job->run.fingerprint, job->file.fingerprint) == 0;
}

static enum status look(struct import_job *job, struct err *err)
{
    enum status rc = import_newest(job->db, appid_of(job), &job->run, err);

    if (rc == ST_OK)
        job->goes_on = !job->ctl->fresh && is_unfinished(&job->run);
    return rc;
}

/* Plan */

struct plan {
    int64_t total; /* rows, followers */
    int64_t members;
    int64_t accounts;

    struct {
        const char *path;
        int64_t calls;
        int64_t seconds; /* -1: no limit */
    } calls[CALLS_MAX];

    size_t call_count;
    int64_t seconds; /* the paths are called side by side: the slowest one's */
};

static void add_calls(struct plan *plan, const struct settings_quota *quota, const char *path,
                      int64_t calls, double share)
{
    const int64_t seconds = pace_path_seconds(quota, path, calls, share);

    plan->calls[plan->call_count].path = path;
    plan->calls[plan->call_count].calls = calls;
    plan->calls[plan->call_count++].seconds = seconds;
    plan->seconds = seconds > plan->seconds ? seconds : plan->seconds;
}

/* user/get says how many there are with the first page. EXIT_DONE, or told. */
static int count_followers(struct import_job *job, int64_t *total)
{
    AUTO(json_freep) struct json *answer = NULL;
    struct command_asker asker;
    struct command_result result = {0};
    int code = command_asker_open(&asker, job->ctl);

    if (code == EXIT_DONE)
        code = command_ask(&asker, "user.list", STR("{}"), &result);
    if (code == EXIT_DONE)
        code = command_answer("user.list", &result, &answer);
    if (code == EXIT_DONE && !json_get_i64(answer, "total", total))
        code = EXIT_TEMPORARY;
    command_asker_close(&asker);
    return code;
}

static int make_plan(struct import_job *job, struct plan *plan)
{
    const struct settings_quota *quota = &job->ctl->settings->quota;
    struct err err = {0};
    int code = EXIT_DONE;
    enum status rc;

    *plan = (struct plan){.total = job->file.rows, .seconds = -1};
    if (!job->path)
        code = count_followers(job, &plan->total);
    if (code != EXIT_DONE)
        return code;
    if (!job->path) {
        add_calls(plan, quota, IMPORT_LIST_PATH, (plan->total + IMPORT_PAGE - 1) / IMPORT_PAGE, 1);
        add_calls(plan, quota, IMPORT_CARDS_PATH, plan->total, quota->replay_share);
    }
    add_calls(plan, quota, IMPORT_LOOK_PATH, plan->total, quota->replay_share);
    rc = import_standing(job->db, appid_of(job), &plan->members, &plan->accounts, &err);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

static void write_seconds(struct jsonw *w, int64_t seconds)
{
    jsonw_key(w, STR("seconds"));
    if (seconds >= 0)
        jsonw_i64(w, seconds);
    else
        jsonw_null(w);
}

static bool print_plan_json(const struct import_job *job, const struct plan *plan)
{
    AUTO(buf_done) struct buf text = BUF_INIT(PLAN_MAX_BYTES);
    struct jsonw w = {.out = &text};
    char since[CLOCK_RFC3339_SIZE];

    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(job->account->name));
    jsonw_key_str(&w, "source", str_from(source_of(job)));
    jsonw_key_i64(&w, job->path ? "rows" : "followers", plan->total);
    jsonw_key(&w, STR("calls"));
    jsonw_array(&w);
    for (size_t i = 0; i < plan->call_count; i++) {
        jsonw_object(&w);
        jsonw_key_str(&w, "path", str_from(plan->calls[i].path));
        jsonw_key_i64(&w, "calls", plan->calls[i].calls);
        write_seconds(&w, plan->calls[i].seconds);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    write_seconds(&w, plan->seconds);
    jsonw_key_i64(&w, "members", plan->members);
    jsonw_key_i64(&w, "accounts", plan->accounts);
    if (job->goes_on) {
        clock_format_rfc3339(job->run.started_ms, since);
        jsonw_key_str(&w, "unfinished_since", str_from(since));
    }
    jsonw_object_end(&w);
    return show_print_json(&text);
}

static bool add_path(struct text_table *table, const char *path, int64_t calls, int64_t seconds)
{
    char count[NUMBER_SIZE];
    char time[PACE_TIME_SIZE];

    (void)snprintf(count, sizeof(count), "%lld", (long long)calls);
    pace_format(seconds, time);
    return text_table_row(table, (const struct str[]){str_from(path), str_from(count),
                                                      time[0] ? str_from(time) : STR("no limit")});
}

static bool print_plan(const struct import_job *job, const struct plan *plan)
{
    static const char *const columns[] = {"path", "calls", "time", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    char since[CLOCK_RFC3339_SIZE];
    bool good = table != NULL;

    for (size_t i = 0; good && i < plan->call_count; i++)
        good = add_path(table, plan->calls[i].path, plan->calls[i].calls, plan->calls[i].seconds);
    if (!good)
        return false;
    (void)printf("%s: %lld %s; %lld members and %lld accounts of points are there\n",
                 job->account->name, (long long)plan->total, job->path ? "rows" : "followers",
                 (long long)plan->members, (long long)plan->accounts);
    if (!job->path)
        (void)printf("If each has one card:\n");
    good = text_table_print(table);
    if (!job->goes_on)
        return good;
    clock_format_rfc3339(job->run.started_ms, since);
    (void)printf("The run of %s is not finished: 'import run' goes on with it\n", since);
    return good;
}

static int plan(struct import_job *job)
{
    struct plan plan;
    struct err err = {0};
    int code = read_file(job);
    enum status rc;

    if (code != EXIT_DONE)
        return code;
    rc = database_open_patient(job->ctl, &job->db, &err);
    if (rc == ST_OK)
        rc = look(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    code = make_plan(job, &plan);
    if (code != EXIT_DONE)
        return code;
    warn_of_revert(job);
    return (job->ctl->json ? print_plan_json(job, &plan) : print_plan(job, &plan)) ? EXIT_DONE
                                                                                   : EXIT_INTERNAL;
}

/* Run */

static enum status lock(struct import_job *job, struct err *err)
{
    bool locked = false;
    enum status rc = import_lock(job->db, appid_of(job), &locked, err);

    if (rc != ST_OK || locked)
        return rc;
    return err_retry(err, "locked", "another kabaoctl imports into %s", job->account->name);
}

/* What goes on must be the same. */
static enum status check_run(const struct import_job *job, struct err *err)
{
    char since[CLOCK_RFC3339_SIZE];

    if (!job->goes_on)
        return ST_OK;
    clock_format_rfc3339(job->run.started_ms, since);
    if (!is_same(job))
        return err_fatal(err, "import",
                         "the run of %s from %s is not finished: go on with the same source, or "
                         "begin anew with --new",
                         since, strcmp(job->run.source, CSV) == 0 ? "a CSV file" : FOLLOWERS);
    (void)fprintf(stderr, "kabaoctl: %s: goes on with the run of %s (--new begins anew)\n",
                  job->account->name, since);
    return ST_OK;
}

static bool may_begin(const struct import_job *job)
{
    const struct settings_quota *quota = &job->ctl->settings->quota;
    char time[PACE_TIME_SIZE];
    char question[160];

    pace_format(pace_path_seconds(quota, IMPORT_LOOK_PATH, job->file.rows, quota->replay_share),
                time);
    if (job->path)
        (void)snprintf(question, sizeof(question), "Import %lld cards into %s (%lld calls%s%s)?",
                       (long long)job->file.rows, job->account->name, (long long)job->file.rows,
                       time[0] ? ", about " : "", time);
    else
        (void)snprintf(question, sizeof(question), "Import the followers' cards into %s?",
                       job->account->name);
    return ctl_confirm(job->ctl, question);
}

static enum status begin(struct import_job *job, struct err *err)
{
    uint8_t chance[ID_BYTES];
    enum status rc = ST_OK;

    if (!job->goes_on) {
        job->run = (struct import_run){.total = job->file.rows};
        rand_bytes(chance, sizeof(chance));
        hex_format(chance, sizeof(chance), job->run.run_id);
        (void)str_copy(str_from(source_of(job)), job->run.source, sizeof(job->run.source));
        (void)str_copy(str_from(job->file.fingerprint), job->run.fingerprint,
                       sizeof(job->run.fingerprint));
        rc = import_start(job->db, appid_of(job), &job->run, err);
    }
    return rc == ST_OK ? import_forget(job->db, appid_of(job), job->run.run_id, err) : rc;
}

static int carry_out(struct import_job *job)
{
    struct err err = {0};
    struct err lost = {0};
    enum status rc;

    stop_hold();
    rc = import_wire_open(job->ctl->settings, job->account, &job->wire, &err);
    if (rc == ST_OK)
        rc = begin(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    rc = import_pass(job, &err);
    if (import_report(job, &lost) != ST_OK && rc == ST_OK)
        return ctl_fail(ST_RETRY, &lost);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return job->counts.cards[IMPORT_FAILED] > 0 || job->counts.people[IMPORT_FAILED] > 0
               ? EXIT_CONFIG
               : EXIT_DONE;
}

static int run(struct import_job *job)
{
    struct err err = {0};
    int code;
    enum status rc;

    if (!ctl_can_ask(job->ctl, "Import members?"))
        return EXIT_USAGE;
    code = read_file(job);
    if (code != EXIT_DONE)
        return code;
    rc = database_open_patient(job->ctl, &job->db, &err);
    if (rc == ST_OK)
        rc = lock(job, &err);
    if (rc == ST_OK)
        rc = look(job, &err);
    if (rc == ST_OK)
        rc = check_run(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    warn_of_revert(job);
    return may_begin(job) ? carry_out(job) : EXIT_USAGE;
}

static int start_job(const struct ctl *ctl, int (*fn)(struct import_job *job))
{
    struct import_job job = {.ctl = ctl};
    int code = ctl_account(ctl, &job.account);

    if (code != EXIT_DONE)
        return code;
    if (!str_is_set(ctl->from))
        return ctl_usage("--from FILE.csv|followers is missing");
    if (!str_eq_cstr(ctl->from, FOLLOWERS))
        job.path = ctl->from.ptr;
    code = fn(&job);
    import_wire_close(job.wire);
    database_close(job.db);
    return code;
}

int ctl_import_plan(const struct ctl *ctl)
{
    return start_job(ctl, plan);
}

int ctl_import_run(const struct ctl *ctl)
{
    return start_job(ctl, run);
}
