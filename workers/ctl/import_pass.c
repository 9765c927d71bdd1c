/* SPDX-License-Identifier: Apache-2.0 */
/* A run: listed, sent, looked at, opened. All of it stands in the database, so that whoever goes on
 * needs to know nothing else; here is only what is under way. */
#include "base/clock.h"
#include "base/mem.h"
#include "database.h"
#include "import_accounts.h"
#include "import_follow.h"
#include "import_rows.h"
#include "reconcile_pace.h"
#include "stop.h"
#include "tables/quota.h"

#include <stdio.h>
#include <unistd.h>

const char IMPORT_LIST_PATH[] = "/cgi-bin/user/get";
const char IMPORT_CARDS_PATH[] = "/card/user/getcardlist";
const char IMPORT_LOOK_PATH[] = "/card/membercard/userinfo/get";

enum {
    WAIT_S = 30,
    SENT_MIN = 4,
    SENT_MAX = 256, /* far below what kabao-member takes in at a time */
    SENT_MS = 2000, /* so much of the limit is asked for ahead */
    POLL_MS = 20,
    SHOW_MS = 5000,
    SHOW_TERMINAL_MS = 200,
    SLOW_TURNS = 4,
};

static const double SHARE_LEAST = 0.01;

struct pass_work {
    struct import_job *job;
    struct follow *follow; /* NULL: a file */
    struct arena arena;    /* of the cards at hand */
    struct import_card cards[IMPORT_CHUNK];
    size_t card_count;
    int64_t sent_max;
    int64_t sent; /* not answered; at the last look, as the next one */
    int64_t looked;
    bool none_new;
    int64_t found;   /* cards, with those of earlier processes; as far as is known */
    int64_t settled; /* of these: imported, gone, failed */
    int64_t imported;
    int64_t answers; /* of all kinds, in this process */
    int64_t heard_ms;
    int64_t began_ms;
    int64_t wait_ms;
    struct deadline show;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

static enum status stopped(struct err *err)
{
    return err_retry(err, "stopped", "stopped; run this again to go on");
}

static void clear_line(void)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K");
}

/* Cards */

/* import_card_fn */
static enum status take_card(void *arg, const struct import_card *card, struct err *err)
{
    struct pass_work *w = arg;

    return import_card_keep(&w->arena, card, &w->cards[w->card_count++]) ? ST_OK : no_memory(err);
}

static enum status load_cards(struct pass_work *w, enum import_state state, int64_t max,
                              struct err *err)
{
    arena_reset(&w->arena);
    w->card_count = 0;
    return import_cards(w->job->db, w->job->run.run_id, state, max, take_card, w, err);
}

/* What has changed since the last look. */
static enum status look(struct pass_work *w, struct err *err)
{
    int64_t sent = 0;
    int64_t looked = 0;
    enum status rc = import_open_cards(w->job->db, w->job->run.run_id, &sent, &looked, err);

    if (rc != ST_OK)
        return rc;
    if (sent < w->sent) {
        w->answers += w->sent - sent;
        w->heard_ms = clock_mono_ms();
    }
    w->settled += w->sent + w->looked - sent - looked;
    w->sent = sent;
    w->looked = looked;
    return ST_OK;
}

static enum status open_accounts(struct pass_work *w, struct err *err)
{
    struct import_opening opening = {.account = w->job->account, .run_id = w->job->run.run_id};
    enum status rc = ST_OK;

    if (w->looked == 0)
        return ST_OK;
    rc = load_cards(w, IMPORT_LOOKED, IMPORT_CHUNK, err);
    opening.cards = w->cards;
    opening.count = w->card_count;
    if (rc == ST_OK && w->card_count > 0)
        rc = database_do(w->job->db, import_accounts_open, &opening, err);
    if (rc != ST_OK)
        return rc;
    w->looked -= (int64_t)w->card_count;
    w->settled += (int64_t)w->card_count;
    w->imported += (int64_t)w->card_count;
    w->heard_ms = clock_mono_ms();
    return ST_OK;
}

struct marking {
    struct pass_work *work;
    bool ours[IMPORT_CHUNK]; /* it was new still */
};

/* writer_fn */
static enum status mark_sent(struct db *tx, void *arg, struct err *err)
{
    struct marking *m = arg;
    struct pass_work *w = m->work;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < w->card_count; i++)
        rc = import_card_moves(tx, w->job->run.run_id, &w->cards[i], IMPORT_NEW, IMPORT_SENT,
                               &m->ours[i], err);
    return rc;
}

/* Marked first, as people are: what is marked and was never sent is new again in the next run. */
static enum status send_cards(struct pass_work *w, struct err *err)
{
    const int64_t room = w->sent_max - w->sent;
    struct marking marking = {.work = w};
    enum status rc;

    if (room <= 0)
        return ST_OK;
    rc = load_cards(w, IMPORT_NEW, room < IMPORT_CHUNK ? room : IMPORT_CHUNK, err);
    w->none_new = rc == ST_OK && w->card_count == 0;
    if (rc != ST_OK || w->none_new)
        return rc;
    if (w->sent == 0)
        w->heard_ms = clock_mono_ms();
    rc = database_do(w->job->db, mark_sent, &marking, err);
    for (size_t i = 0; rc == ST_OK && i < w->card_count; i++) {
        if (!marking.ours[i])
            continue;
        rc = import_wire_card(w->job->wire, w->job->run.run_id, &w->cards[i], err);
        w->sent++;
    }
    return rc;
}

/* Telling and waiting */

static enum status closed_for(const struct pass_work *w, int64_t *longest_us, struct err *err)
{
    static const char *const paths[] = {IMPORT_LIST_PATH, IMPORT_CARDS_PATH, IMPORT_LOOK_PATH};
    enum status rc = ST_OK;

    for (size_t i = w->follow ? 0 : 2; rc == ST_OK && i < COUNT_OF(paths); i++) {
        const struct quota_key key = {str_from(w->job->account->appid), str_from(paths[i])};
        const struct quota_limit *limit =
            quota_limit_of(&w->job->ctl->settings->quota, str_from(paths[i]));
        struct quota_row row = {0};
        int64_t us;

        rc = quota_row_read(w->job->db, &key, &row, err);
        us = rc == ST_OK ? pace_wait_us(limit, &row) : 0;
        *longest_us = us > *longest_us ? us : *longest_us;
    }
    return rc;
}

static enum status fall_silent(const struct pass_work *w, struct err *err)
{
    return err_retry(
        err, "import:silent",
        "no answer for %lld s: are kabao-member, kabao-command and kabao-store running,"
        " does WeChat answer them, is a card parked? Run this again to go on",
        (long long)(w->wait_ms / 1000));
}

static enum status mind_silence(struct pass_work *w, struct err *err)
{
    const int64_t now_ms = clock_mono_ms();
    char time[PACE_TIME_SIZE];
    int64_t closed_us = 0;
    enum status rc;

    if ((w->sent == 0 && !(w->follow && follow_waits(w->follow))) ||
        now_ms - w->heard_ms < w->wait_ms)
        return ST_OK;
    rc = closed_for(w, &closed_us, err);
    if (rc != ST_OK)
        return rc;
    if (closed_us < 1000000)
        return fall_silent(w, err);
    pace_format(closed_us / 1000000, time);
    clear_line();
    (void)fprintf(stderr, "kabaoctl: the quota is used up or closed for %s: waiting\n", time);
    w->heard_ms = now_ms + closed_us / 1000;
    return ST_OK;
}

/* By what it took so far. Of who was not asked yet it is known how many cards those have who were.
 */
static int64_t seconds_left(const struct pass_work *w, int64_t people_asked, int64_t people)
{
    const double passed_s = (double)(clock_mono_ms() - w->began_ms) / 1000;
    const double done = (double)w->answers;
    double left = (double)(w->found - w->settled);

    if (w->answers == 0)
        return -1;
    if (people > people_asked) {
        const double each = people_asked > 0 ? (double)w->found / (double)people_asked : 1;

        left += (double)(people - people_asked) * (1 + each);
    }
    return (int64_t)(passed_s * left / done);
}

static void show(struct pass_work *w)
{
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    const int64_t asked = w->follow
                              ? w->job->counts.people[IMPORT_DONE] +
                                    w->job->counts.people[IMPORT_FAILED] + follow_people(w->follow)
                              : 0;
    const int64_t passed_ms = clock_mono_ms() - w->began_ms;
    char time[PACE_TIME_SIZE];

    if (!deadline_passed(w->show))
        return;
    w->show = deadline_in(is_terminal ? SHOW_TERMINAL_MS : SHOW_MS);
    pace_format(seconds_left(w, asked, w->follow ? w->job->run.total : 0), time);
    (void)fprintf(stderr, "%s%s: ", is_terminal ? "\r" : "kabaoctl: ", w->job->account->name);
    if (w->follow)
        (void)fprintf(stderr, "%lld of %lld followers asked, ", (long long)asked,
                      (long long)w->job->run.total);
    (void)fprintf(
        stderr, "%lld of %lld cards looked at, %lld gone or failed, %lld calls a second%s%s%s%s",
        (long long)w->settled, (long long)w->found, (long long)(w->settled - w->imported),
        (long long)(passed_ms > 0 ? w->answers * 1000 / passed_ms : 0), time[0] ? ", about " : "",
        time, time[0] ? " left" : "", is_terminal ? "\033[K" : "\n");
}

/* All of it */

static bool is_finished(const struct pass_work *w)
{
    return w->job->run.listed && w->none_new && w->sent == 0 && w->looked == 0 &&
           (!w->follow || follow_done(w->follow));
}

static enum status step_people(struct pass_work *w, struct err *err)
{
    const int64_t people = follow_people(w->follow);
    const int64_t cards = follow_cards(w->follow);
    const bool listed = w->job->run.listed;
    const int64_t seen = w->job->run.seen;
    enum status rc = follow_step(w->follow, err);

    w->found += follow_cards(w->follow) - cards;
    w->answers += follow_people(w->follow) - people;
    w->none_new = w->none_new && follow_cards(w->follow) == cards;
    if (follow_people(w->follow) > people || w->job->run.seen != seen ||
        w->job->run.listed != listed)
        w->heard_ms = clock_mono_ms();
    return rc;
}

static enum status step(struct pass_work *w, struct err *err)
{
    enum status rc = look(w, err);

    if (rc == ST_OK)
        rc = open_accounts(w, err);
    if (rc == ST_OK)
        rc = send_cards(w, err);
    if (rc == ST_OK && w->follow)
        rc = step_people(w, err);
    if (rc == ST_OK)
        rc = mind_silence(w, err);
    return rc == ST_OK ? import_wire_poll(w->job->wire, 0, err) : rc;
}

static enum status go(struct pass_work *w, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK) {
        if (stop_asked())
            return stopped(err);
        rc = step(w, err);
        show(w);
        if (rc != ST_OK || is_finished(w))
            break;
        rc = import_wire_poll(w->job->wire, POLL_MS, err);
    }
    return rc;
}

/* How long one call of kabao-member's may take to come under the limit. */
static int64_t turn_ms(const struct import_job *job, const char *path)
{
    const struct settings_quota *quota = &job->ctl->settings->quota;
    const struct quota_limit *limit = quota_limit_of(quota, str_from(path));
    const double share = quota->replay_share > SHARE_LEAST ? quota->replay_share : SHARE_LEAST;

    return limit->count > 0 ? (int64_t)((double)limit->per_ms / (double)limit->count / share) : 0;
}

static enum status init(struct pass_work *w, struct import_job *job, struct err *err)
{
    const int64_t wait_s = job->ctl->wait_s;
    const int64_t turn = turn_ms(job, IMPORT_LOOK_PATH);
    const struct import_counts *c = &job->counts;
    enum status rc;

    w->job = job;
    w->sent_max = turn > 0 && SENT_MS / turn < SENT_MAX ? SENT_MS / turn : SENT_MAX;
    w->sent_max = w->sent_max > SENT_MIN ? w->sent_max : SENT_MIN;
    w->wait_ms = (wait_s > 0 ? wait_s : WAIT_S) * 1000 + SLOW_TURNS * turn;
    if (!job->path)
        w->wait_ms += SLOW_TURNS * turn_ms(job, IMPORT_CARDS_PATH);
    rc = import_take_back(job->db, job->run.run_id, err);
    if (rc == ST_OK)
        rc = import_count(job->db, job->run.run_id, &job->counts, err);
    if (rc != ST_OK)
        return rc;
    for (size_t i = 0; i < IMPORT_STATES; i++)
        w->found += c->cards[i];
    w->looked = c->cards[IMPORT_LOOKED];
    w->imported = c->cards[IMPORT_DONE];
    w->settled = w->imported + c->cards[IMPORT_GONE] + c->cards[IMPORT_FAILED];
    w->heard_ms = w->began_ms = clock_mono_ms();
    w->show = deadline_in(SHOW_TERMINAL_MS);
    if (job->path)
        return ST_OK;
    w->follow = follow_new(job);
    return w->follow ? follow_load(w->follow, err) : no_memory(err);
}

/* The counts last, from the rows: they are what the report says from then on. */
static enum status finish(struct import_job *job, struct err *err)
{
    const char *run_id = job->run.run_id;
    enum status rc = import_count(job->db, run_id, &job->counts, err);

    if (rc == ST_OK)
        rc = import_not_found(job->db, run_id, str_from(job->account->appid),
                              &job->counts.not_found, err);
    if (rc == ST_OK)
        rc = import_finish(job->db, &job->run, &job->counts, err);
    return rc == ST_OK ? import_forget_done(job->db, run_id, err) : rc;
}

enum status import_pass(struct import_job *job, struct err *err)
{
    struct pass_work *w = mem_zalloc(sizeof(*w));
    enum status rc = ST_OK;

    if (!w)
        return no_memory(err);
    if (job->path && !job->run.listed)
        rc = import_list_file(job, err);
    if (rc == ST_OK)
        rc = init(w, job, err);
    if (rc == ST_OK)
        rc = go(w, err);
    clear_line();
    if (rc == ST_OK)
        rc = finish(job, err);
    follow_free(w->follow);
    arena_done(&w->arena);
    mem_free(w);
    return rc;
}
