/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl replay plan|run: what a worker has read in some time, given to it once more. Its effects
 * stand in the database: what was done is not done again. */
#include "app/app.h"
#include "app/table.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/jsonw.h"
#include "database.h"
#include "reconcile_pace.h"
#include "replay_read.h"
#include "replay_run.h"
#include "replay_tally.h"
#include "show.h"
#include "stop.h"
#include "who.h"

#include <stdio.h>
#include <unistd.h>

enum { PLAN_MAX_BYTES = 1 << 20, HOST_SIZE = 65, NUMBER_SIZE = 24 };

struct job {
    struct replay_job replay;
    struct replay_counts counts;
};

/* Choosing */

static int parse_time(struct str text, const char *complaint, int64_t *out)
{
    return clock_parse_rfc3339(text.ptr, text.len, out) && *out > 0 ? EXIT_DONE
                                                                    : ctl_usage(complaint);
}

static int parse_range(struct job *job)
{
    const struct ctl *ctl = job->replay.ctl;
    struct replay_range *range = &job->replay.range;
    int code;

    *range = (struct replay_range){
        .worker = str_from(ctl->words[0]), .key = ctl->key, .type = ctl->type};
    if (!topic_worker(ctl->words[0]))
        return ctl_usage("there is no such worker");
    if (str_eq(range->worker, STR("token")))
        return ctl_usage("tokens are not replayed: what failed then has ended since");
    if (!str_is_set(ctl->from) || !str_is_set(ctl->to))
        return ctl_usage("--from and --to are needed");
    if (ctl->key.len > REPLAY_TEXT_MAX || ctl->type.len > REPLAY_TEXT_MAX)
        return ctl_usage("--key and --type take 255 bytes at most");
    code =
        parse_time(ctl->from, "--from takes a time such as 2026-01-02T03:04:05Z", &range->from_ms);
    if (code == EXIT_DONE)
        code = parse_time(ctl->to, "--to takes a time such as 2026-01-02T03:04:05Z", &range->to_ms);
    if (code != EXIT_DONE)
        return code;
    if (range->from_ms >= range->to_ms)
        return ctl_usage("--from is not before --to");
    if (range->to_ms > clock_wall_ms())
        return ctl_usage("--to lies in the future");
    return EXIT_DONE;
}

/* Plan */

struct plan {
    const struct job *job;
    struct tally_counts counts;
    const struct tally_path *paths;
    size_t path_count;
    int64_t rate; /* records a second */
    int64_t seconds;
};

static int64_t seconds_of(const struct plan *plan, const struct tally_path *path)
{
    const struct settings_quota *quota = &plan->job->replay.ctl->settings->quota;

    return pace_path_seconds(quota, path->path, path->calls, quota->replay_share);
}

/* Of the path that takes longest; -1: none is limited. */
static int64_t quota_seconds(const struct plan *plan)
{
    int64_t seconds = -1;

    for (size_t i = 0; i < plan->path_count; i++) {
        const int64_t needed = seconds_of(plan, &plan->paths[i]);

        seconds = needed > seconds ? needed : seconds;
    }
    return seconds;
}

/* No more than the quota lets the worker do: what it must keep waiting moves to the database, and
 * live records of the same keys wait behind it; where too many do, all of them. */
static int64_t rate_of(const struct plan *plan)
{
    const struct ctl *ctl = plan->job->replay.ctl;
    const int64_t seconds = quota_seconds(plan);
    int64_t rate;

    if (ctl->rate > 0 || seconds <= 0)
        return ctl->rate > 0 ? ctl->rate : FEED_RATE;
    rate = (plan->job->counts.all + seconds - 1) / seconds;
    return rate < FEED_RATE ? rate : FEED_RATE;
}

static int64_t seconds_in_all(const struct plan *plan)
{
    const int64_t feeding = plan->job->counts.all / plan->rate;
    const int64_t calling = quota_seconds(plan);

    return feeding > calling ? feeding : calling;
}

static void write_time(struct jsonw *w, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(wall_ms, text);
    jsonw_key_str(w, key, str_from(text));
}

static void write_text(struct jsonw *w, const char *key, struct str text)
{
    jsonw_key(w, str_from(key));
    show_bytes(w, text);
}

static void write_range(struct jsonw *w, const struct replay_range *range)
{
    jsonw_key_str(w, "worker", range->worker);
    write_time(w, "from", range->from_ms);
    write_time(w, "to", range->to_ms);
    write_text(w, "key", range->key);
    write_text(w, "type", range->type);
}

static void write_path(struct jsonw *w, const struct plan *plan, const struct tally_path *path)
{
    const int64_t seconds = seconds_of(plan, path);

    jsonw_object(w);
    jsonw_key_str(w, "appid", str_from(path->appid));
    jsonw_key_str(w, "path", str_from(path->path));
    jsonw_key_i64(w, "calls", path->calls);
    jsonw_key(w, STR("seconds"));
    if (seconds >= 0)
        jsonw_i64(w, seconds);
    else
        jsonw_null(w);
    jsonw_object_end(w);
}

static bool print_plan_json(const struct plan *plan)
{
    AUTO(buf_done) struct buf text = BUF_INIT(PLAN_MAX_BYTES);
    const struct replay_counts *counts = &plan->job->counts;
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    write_range(&w, &plan->job->replay.range);
    jsonw_key_i64(&w, "records", counts->all);
    jsonw_key(&w, STR("topics"));
    jsonw_object(&w);
    for (size_t i = 0; i < counts->topic_count; i++)
        jsonw_key_i64(&w, counts->topics[i], counts->records[i]);
    jsonw_object_end(&w);
    jsonw_key_i64(&w, "done", plan->counts.done);
    jsonw_key_i64(&w, "open", plan->counts.open);
    jsonw_key_i64(&w, "unknown", plan->counts.unknown);
    jsonw_key_i64(&w, "fresh", plan->counts.fresh);
    jsonw_key_i64(&w, "none", plan->counts.none);
    jsonw_key(&w, STR("calls"));
    jsonw_array(&w);
    for (size_t i = 0; i < plan->path_count; i++)
        write_path(&w, plan, &plan->paths[i]);
    jsonw_array_end(&w);
    jsonw_key_i64(&w, "rate", plan->rate);
    jsonw_key_i64(&w, "seconds", plan->seconds);
    jsonw_object_end(&w);
    return show_print_json(&text);
}

static bool add_row(struct text_table *table, const char *what, int64_t count, const char *help)
{
    char number[NUMBER_SIZE];

    (void)snprintf(number, sizeof(number), "%lld", (long long)count);
    return text_table_row(table,
                          (const struct str[]){str_from(what), str_from(number), str_from(help)});
}

static bool add_paths(struct text_table *table, const struct plan *plan)
{
    bool good = true;

    for (size_t i = 0; good && i < plan->path_count; i++) {
        char time[PACE_TIME_SIZE];
        char help[PACE_TIME_SIZE + 64];

        pace_format(seconds_of(plan, &plan->paths[i]), time);
        (void)snprintf(help, sizeof(help), "calls at most, %.40s%s%s", plan->paths[i].appid,
                       time[0] ? ": " : "", time);
        good = add_row(table, plan->paths[i].path, plan->paths[i].calls, help);
    }
    return good;
}

static bool print_plan(const struct plan *plan)
{
    static const char *const columns[] = {"what", "count", "", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, false);
    const struct replay_counts *counts = &plan->job->counts;
    const struct tally_counts *t = &plan->counts;
    char time[PACE_TIME_SIZE];
    bool good = table != NULL;

    for (size_t i = 0; good && i < counts->topic_count; i++)
        good = add_row(table, counts->topics[i], counts->records[i], "records");
    good = good && add_row(table, "done", t->done, "the effect was made, and is not made again") &&
           add_row(table, "open", t->open, "begun: the worker finds out, or repeats it") &&
           add_row(table, "unknown", t->unknown, "cannot be known: a person must say") &&
           add_row(table, "fresh", t->fresh, "would run, unless WeChat or the CRM says no") &&
           add_row(table, "none", t->none, "no effect") && add_paths(table, plan);
    if (!good || !text_table_print(table))
        return false;
    pace_format(plan->seconds, time);
    (void)printf("%lld records, about %s at %lld a second and within the quota\n",
                 (long long)counts->all, time, (long long)plan->rate);
    return true;
}

static enum status make_plan(struct job *job, struct tally **tally, struct plan *plan,
                             struct err *err)
{
    enum status rc =
        tally_open(job->replay.ctl->settings, job->replay.range.worker, job->replay.db, tally, err);

    if (rc == ST_OK)
        rc = replay_read(job->replay.ctl->settings, &job->replay.range, tally_add, *tally,
                         &job->counts, err);
    if (rc == ST_OK)
        rc = tally_end(*tally, &plan->counts, err);
    if (rc != ST_OK)
        return rc;
    plan->paths = tally_paths(*tally, &plan->path_count);
    plan->rate = rate_of(plan);
    plan->seconds = seconds_in_all(plan);
    return ST_OK;
}

static int plan(struct job *job)
{
    struct plan made = {.job = job};
    struct tally *tally = NULL;
    struct err err = {0};
    enum status rc;
    bool good = false;

    rc = database_open(job->replay.ctl, &job->replay.db, &err);
    if (rc == ST_OK)
        rc = make_plan(job, &tally, &made, &err);
    if (rc == ST_OK)
        good = job->replay.ctl->json ? print_plan_json(&made) : print_plan(&made);
    tally_close(tally);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return good ? EXIT_DONE : EXIT_INTERNAL;
}

/* Run */

static enum status lock(struct job *job, struct err *err)
{
    bool locked = false;
    enum status rc = replay_lock(job->replay.db, job->replay.range.worker, &locked, err);

    if (rc == ST_OK && !locked)
        rc = err_retry(err, "locked", "another kabaoctl replays to %s", job->replay.ctl->words[0]);
    return rc;
}

static enum status look(struct job *job, struct err *err)
{
    char since[CLOCK_RFC3339_SIZE];
    enum status rc = ST_OK;

    if (!job->replay.ctl->fresh)
        rc = replay_unfinished(job->replay.db, &job->replay.range, &job->replay.run, err);
    job->replay.goes_on = rc == ST_OK && job->replay.run.run_id[0] != '\0';
    if (!job->replay.goes_on)
        return rc;
    clock_format_rfc3339(job->replay.run.started_ms, since);
    (void)fprintf(stderr,
                  "kabaoctl: goes on with the replay of %s by %s, %lld of %lld sent so far (--new "
                  "begins anew)\n",
                  since, job->replay.run.by, (long long)job->replay.run.sent,
                  (long long)job->replay.run.records);
    return ST_OK;
}

static bool may_go_on(const struct job *job)
{
    const int64_t left = job->counts.all - job->replay.run.sent;
    char time[PACE_TIME_SIZE];
    char question[160];

    pace_format((left > 0 ? left : 0) / job->replay.rate, time);
    (void)snprintf(question, sizeof(question),
                   "Give %lld records to %.32s again (%lld a second, %s at least)?",
                   (long long)(left > 0 ? left : 0), job->replay.ctl->words[0],
                   (long long)job->replay.rate, time);
    return ctl_confirm(job->replay.ctl, question);
}

static void name_operator(char out[REPLAY_BY_SIZE])
{
    char user[USER_SIZE];
    char host[HOST_SIZE] = "";

    who_am_i(user);
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(out, REPLAY_BY_SIZE, "%s@%s", user, host[0] ? host : "?");
}

static enum status begin(struct job *job, struct err *err)
{
    uint8_t chance[(REPLAY_RUN_SIZE - 1) / 2];

    if (job->replay.goes_on)
        return ST_OK;
    job->replay.run =
        (struct replay_run){.records = job->counts.all, .started_ms = clock_wall_ms()};
    rand_bytes(chance, sizeof(chance));
    hex_format(chance, sizeof(chance), job->replay.run.run_id);
    name_operator(job->replay.run.by);
    return replay_start(job->replay.db, &job->replay.range, &job->replay.run, err);
}

static bool print_result(const struct job *job, const struct feed_counts *counts, bool done)
{
    AUTO(buf_done) struct buf text = BUF_INIT(PLAN_MAX_BYTES);
    struct jsonw w = {.out = &text};

    if (!job->replay.ctl->json) {
        (void)printf("replay %s to %s by %s: %lld of %lld records, %lld sent now",
                     job->replay.run.run_id, job->replay.ctl->words[0], job->replay.run.by,
                     (long long)job->replay.run.sent, (long long)job->replay.run.records,
                     (long long)counts->sent);
        if (counts->found > 0)
            (void)printf(", %lld had been sent by an earlier run", (long long)counts->found);
        if (counts->refused > 0)
            (void)printf(", %lld refused", (long long)counts->refused);
        (void)printf("%s\n", done ? "" : ": stopped");
        return true;
    }
    jsonw_object(&w);
    write_range(&w, &job->replay.range);
    jsonw_key_i64(&w, "records", job->replay.run.records);
    jsonw_key_str(&w, "run", str_from(job->replay.run.run_id));
    jsonw_key_str(&w, "by", str_from(job->replay.run.by));
    jsonw_key_i64(&w, "fed", job->replay.run.sent);
    jsonw_key_i64(&w, "sent", counts->sent);
    jsonw_key_i64(&w, "sent_before", counts->found);
    jsonw_key_i64(&w, "refused", counts->refused);
    jsonw_key_str(&w, "state", done ? STR("done") : STR("stopped"));
    jsonw_object_end(&w);
    return show_print_json(&text);
}

static int carry_out(struct job *job)
{
    struct feed_counts counts = {0};
    struct err err = {0};
    enum status rc;

    stop_hold();
    rc = begin(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    rc = replay_run(&job->replay, &counts, &err);
    if (!print_result(job, &counts, rc == ST_OK))
        return EXIT_INTERNAL;
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return counts.refused == 0 ? EXIT_DONE : EXIT_CONFIG;
}

static enum status survey(struct job *job, struct err *err)
{
    struct plan made = {.job = job};
    struct tally *tally = NULL;
    enum status rc = make_plan(job, &tally, &made, err);

    if (rc == ST_OK)
        job->replay.rate = made.rate;
    tally_close(tally);
    return rc;
}

static int run(struct job *job)
{
    struct err err = {0};
    enum status rc;

    if (!ctl_can_ask(job->replay.ctl, "Give records to a worker again?"))
        return EXIT_USAGE;
    rc = database_open(job->replay.ctl, &job->replay.db, &err);
    if (rc == ST_OK)
        rc = lock(job, &err);
    if (rc == ST_OK)
        rc = look(job, &err);
    if (rc == ST_OK)
        rc = survey(job, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return may_go_on(job) ? carry_out(job) : EXIT_USAGE;
}

static int start_job(const struct ctl *ctl, int (*fn)(struct job *job))
{
    struct job job = {.replay.ctl = ctl};
    int code = parse_range(&job);

    if (code == EXIT_DONE)
        code = fn(&job);
    database_close(job.replay.db);
    return code;
}

int ctl_replay_plan(const struct ctl *ctl)
{
    return start_job(ctl, plan);
}

int ctl_replay_run(const struct ctl *ctl)
{
    return start_job(ctl, run);
}
