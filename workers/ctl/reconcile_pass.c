/* SPDX-License-Identifier: Apache-2.0 */
/* Answers come in any order, a run is saved in the order of keys: what is answered waits in a list
 * until all before it are, too. */
#include "reconcile_pass.h"

#include "base/map.h"
#include "base/mem.h"
#include "rate.h"
#include "reconcile_pace.h"

#include <stdio.h>
#include <unistd.h>

enum {
    WAIT_S = 30,
    OPEN_MIN = 8,
    OPEN_MAX = 64,
    OPEN_US = 2000000, /* so much of a limit is asked for ahead: other commands wait behind it */
    AHEAD_MAX = 10000,
    POLL_MS = 20,
    SAVE_MS = 1000,
    SHOW_MS = 5000,
    SHOW_TERMINAL_MS = 200,
    LATE_WAITS = 4,
};

enum verdict { VERDICT_NONE, VERDICT_REPAIRED, VERDICT_SKIPPED, VERDICT_FAILED };

struct fault {
    char outcome[17];
    char code[33];
    char message[256];
};

/* A command that was sent. */
struct card {
    struct card *next;
    struct reconcile_card place;
    struct id id;
    int64_t sent_ms;
    int64_t sent_after; /* so many answers */
    enum verdict verdict;
    struct fault *fault; /* VERDICT_FAILED */
};

struct work {
    const struct pass_means *means;
    struct pass *pass;
    struct pace pace;
    struct reconcile_card *page;
    size_t page_count;
    size_t page_at;
    bool read_all;
    struct card *first; /* in the order of keys */
    struct card **end;
    size_t ahead;
    struct map *open; /* command id -> struct card */
    size_t open_max;
    int64_t wait_ms;
    struct rate rate; /* --rate */
    int64_t heard_ms; /* the last answer; or when there will be some again */
    int64_t began_ms;
    int64_t before;   /* checked by earlier processes */
    int64_t answers;  /* in this one */
    int64_t repaired; /* in all of them, as the next one */
    int64_t failed;
    bool is_changed; /* since it was saved */
    struct deadline save;
    struct deadline show;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

/* Sending */

static enum status turn_page(struct work *w, struct err *err)
{
    const struct reconcile_card *behind =
        w->page_count > 0 ? &w->page[w->page_count - 1] : &w->pass->run.last;
    const struct reconcile_card place = *behind;
    enum status rc;

    rc = reconcile_page(w->means->db, str_from(w->pass->account->appid), &place, w->page,
                        &w->page_count, err);
    if (rc == ST_OK) {
        w->page_at = 0;
        w->read_all = w->page_count < RECONCILE_PAGE;
    }
    return rc;
}

static bool has_next(const struct work *w)
{
    return w->page_at < w->page_count;
}

static bool may_send(struct work *w)
{
    if (map_len(w->open) >= w->open_max || w->ahead >= AHEAD_MAX)
        return false;
    return rate_take(&w->rate);
}

static enum status send_next(struct work *w, struct err *err)
{
    struct card *card = mem_zalloc(sizeof(*card));
    enum status rc;

    if (!card)
        return no_memory(err);
    card->place = w->page[w->page_at];
    card->sent_ms = clock_mono_ms();
    card->sent_after = w->answers;
    rc = wire_send(w->means->wire, w->pass->account, w->pass->run.run_id, &card->place, &card->id,
                   err);
    if (rc != ST_OK) {
        mem_free(card);
        return rc;
    }
    if (map_len(w->open) == 0)
        w->heard_ms = card->sent_ms;
    *w->end = card;
    w->end = &card->next;
    w->ahead++;
    w->page_at++;
    return map_put(w->open, str_from(card->id.text), card, NULL) ? ST_OK : no_memory(err);
}

static enum status fill(struct work *w, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK) {
        if (!has_next(w) && !w->read_all)
            rc = turn_page(w, err);
        if (rc != ST_OK || !has_next(w) || !may_send(w))
            break;
        rc = send_next(w, err);
    }
    return rc;
}

/* Answers */

static enum status fail_card(struct work *w, struct card *card, const struct wire_answer *answer,
                             struct err *err)
{
    card->fault = mem_zalloc(sizeof(*card->fault));
    if (!card->fault)
        return no_memory(err);
    (void)str_copy(answer->outcome, card->fault->outcome, sizeof(card->fault->outcome));
    (void)str_copy(answer->error_code, card->fault->code, sizeof(card->fault->code));
    (void)str_copy(answer->error_message, card->fault->message, sizeof(card->fault->message));
    card->verdict = VERDICT_FAILED;
    w->failed++;
    return ST_OK;
}

/* A card whose points moved to another one meanwhile needs nothing. */
static bool is_skipped(const struct wire_answer *answer)
{
    return str_eq(answer->outcome, STR("skipped")) ||
           (str_eq(answer->outcome, STR("rejected")) && str_eq(answer->error_code, STR("moved")));
}

static enum status take_answer(struct work *w, const struct wire_answer *answer, struct err *err)
{
    struct card *card = map_take(w->open, answer->command_id);

    if (!card)
        return ST_OK;
    w->answers++;
    w->heard_ms = clock_mono_ms();
    if (str_eq(answer->outcome, STR("applied"))) {
        card->verdict = VERDICT_REPAIRED;
        w->repaired++;
        return ST_OK;
    }
    if (!is_skipped(answer))
        return fail_card(w, card, answer, err);
    card->verdict = VERDICT_SKIPPED;
    return ST_OK;
}

static enum status hear(struct work *w, struct err *err)
{
    struct wire_answer answer = {0};
    enum status rc = wire_poll(w->means->wire, POLL_MS, &answer, err);

    for (size_t i = 0; rc == ST_OK && str_is_set(answer.command_id) && i < OPEN_MAX; i++) {
        rc = take_answer(w, &answer, err);
        if (rc == ST_OK)
            rc = wire_poll(w->means->wire, 0, &answer, err);
    }
    if (rc == ST_OK && str_is_set(answer.command_id))
        rc = take_answer(w, &answer, err);
    return rc;
}

/* The oldest without an answer, far behind what was sent after it: its key is parked, perhaps for
 * hours. It will be repaired then all the same. */
static enum status pass_over(struct work *w, struct err *err)
{
    struct card *card = w->first;
    const struct wire_answer answer = {
        .outcome = STR("unanswered"),
        .error_message = STR("no answer so far: kabaoctl parked ls bonus"),
    };
    const int64_t turns = LATE_WAITS * (int64_t)w->open_max;
    const int64_t late_ms = LATE_WAITS * w->wait_ms + turns * w->pace.us_per_card / 1000;

    if (!card || card->verdict != VERDICT_NONE || w->answers - card->sent_after <= turns ||
        clock_mono_ms() - card->sent_ms <= late_ms)
        return ST_OK;
    (void)map_take(w->open, str_from(card->id.text));
    return fail_card(w, card, &answer, err);
}

/* Counting */

static void free_card(struct card *card)
{
    mem_free(card->fault);
    mem_free(card);
}

static enum status keep_fault(struct work *w, const struct card *card, struct err *err)
{
    const struct fault *fault = card->fault;
    const struct reconcile_failure failure = {
        .card_id = str_from(card->place.card_id),
        .card_code = str_from(card->place.card_code),
        .outcome = str_from(fault->outcome),
        .error_code = fault->code[0] ? str_from(fault->code) : (struct str){0},
        .error_message = fault->message[0] ? str_from(fault->message) : (struct str){0},
    };

    if (w->pass->run.failed >= RECONCILE_FAILURES_MAX)
        return ST_OK;
    return reconcile_add_failure(w->means->db, w->pass->run.run_id, &failure, err);
}

static void count_card(struct work *w, const struct card *card)
{
    struct reconcile_run *run = &w->pass->run;

    run->checked++;
    run->repaired += card->verdict == VERDICT_REPAIRED ? 1 : 0;
    run->skipped += card->verdict == VERDICT_SKIPPED ? 1 : 0;
    run->failed += card->verdict == VERDICT_FAILED ? 1 : 0;
    run->last = card->place;
    w->is_changed = true;
}

static enum status advance(struct work *w, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK && w->first && w->first->verdict != VERDICT_NONE) {
        struct card *card = w->first;

        if (card->fault)
            rc = keep_fault(w, card, err);
        if (rc != ST_OK)
            break;
        count_card(w, card);
        w->first = card->next;
        if (!w->first)
            w->end = &w->first;
        w->ahead--;
        free_card(card);
    }
    return rc;
}

static bool is_finished(const struct work *w)
{
    return w->read_all && !has_next(w) && !w->first;
}

static enum status save(struct work *w, struct err *err)
{
    const bool finished = is_finished(w);
    enum status rc = ST_OK;

    if (!finished && (!w->is_changed || !deadline_passed(w->save)))
        return ST_OK;
    rc = reconcile_save(w->means->db, &w->pass->run, finished, err);
    w->is_changed = rc != ST_OK;
    w->save = deadline_in(SAVE_MS);
    return rc;
}

/* Telling and waiting */

static void clear_line(void)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K");
}

static enum status fall_silent(const struct work *w, struct err *err)
{
    return err_retry(err, "bonus:silent",
                     "%zu commands had no answer for %lld s: is kabao-bonus running, does WeChat "
                     "answer it? Run this again to go on",
                     map_len(w->open), (long long)(w->wait_ms / 1000));
}

static enum status mind_silence(struct work *w, struct err *err)
{
    const int64_t now_ms = clock_mono_ms();
    char time[PACE_TIME_SIZE];
    int64_t closed_ms = 0;
    enum status rc;

    if (map_len(w->open) == 0 || now_ms - w->heard_ms < w->wait_ms)
        return ST_OK;
    rc = pace_closed(w->means->db, &w->means->ctl->settings->quota,
                     str_from(w->pass->account->appid), &closed_ms, err);
    if (rc != ST_OK)
        return rc;
    if (closed_ms == 0)
        return fall_silent(w, err);
    pace_format(closed_ms / 1000, time);
    clear_line();
    (void)fprintf(stderr, "kabaoctl: the quota is used up or closed for %s: waiting\n", time);
    w->heard_ms = now_ms + closed_ms;
    return ST_OK;
}

/* By what it took so far; until there is an answer, by the quota. */
static int64_t seconds_for(const struct work *w, int64_t cards)
{
    const int64_t passed_ms = clock_mono_ms() - w->began_ms;

    if (w->answers == 0)
        return pace_seconds(&w->pace, cards);
    return (int64_t)((double)passed_ms / 1000 * (double)cards / (double)w->answers);
}

static void show(struct work *w)
{
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    const int64_t left = w->pass->left > w->answers ? w->pass->left - w->answers : 0;
    const int64_t checked = w->before + w->answers;
    char time[PACE_TIME_SIZE];

    if (!deadline_passed(w->show))
        return;
    w->show = deadline_in(is_terminal ? SHOW_TERMINAL_MS : SHOW_MS);
    pace_format(seconds_for(w, left), time);
    (void)fprintf(stderr, "%s%s: %lld of %lld checked, %lld repaired, %lld failed%s%s%s%s",
                  is_terminal ? "\r" : "kabaoctl: ", w->pass->account->name, (long long)checked,
                  (long long)checked + left, (long long)w->repaired, (long long)w->failed,
                  time[0] ? ", about " : "", time, time[0] ? " left" : "",
                  is_terminal ? "\033[K" : "\n");
}

/* All of it */

static enum status go(struct work *w, struct err *err)
{
    enum status rc = ST_OK;

    while (rc == ST_OK && !is_finished(w)) {
        if (w->means->must_stop())
            return err_retry(err, "stopped", "stopped; run this again to go on");
        rc = fill(w, err);
        if (rc == ST_OK)
            rc = hear(w, err);
        if (rc == ST_OK)
            rc = pass_over(w, err);
        if (rc == ST_OK)
            rc = advance(w, err);
        if (rc == ST_OK)
            rc = mind_silence(w, err);
        if (rc == ST_OK)
            rc = save(w, err);
        show(w);
    }
    return rc;
}

/* What was counted so far; a failure shows in the next run, which counts it again. */
static void save_rest(struct work *w)
{
    struct err err = {0};

    if (w->is_changed && reconcile_save(w->means->db, &w->pass->run, false, &err) != ST_OK)
        (void)fprintf(stderr, "kabaoctl: %s\n", err.text);
}

static bool work_init(struct work *w, struct pass *pass, const struct pass_means *means)
{
    const int64_t wait_s = means->ctl->wait_s;
    int64_t open_max = OPEN_MAX;

    *w = (struct work){.means = means, .pass = pass, .rate = {.per_s = means->ctl->rate}};
    w->pace = pace_of(&means->ctl->settings->quota);
    if (w->pace.us_per_card > 0 && OPEN_US / w->pace.us_per_card < open_max)
        open_max = OPEN_US / w->pace.us_per_card;
    w->open_max = open_max > OPEN_MIN ? (size_t)open_max : OPEN_MIN;
    w->wait_ms = (wait_s > 0 ? wait_s : WAIT_S) * 1000;
    w->end = &w->first;
    w->before = pass->run.checked;
    w->repaired = pass->run.repaired;
    w->failed = pass->run.failed;
    w->began_ms = clock_mono_ms();
    w->save = deadline_in(SAVE_MS);
    w->show = deadline_in(SHOW_TERMINAL_MS);
    w->page = mem_array(RECONCILE_PAGE, sizeof(*w->page));
    w->open = map_new();
    return w->page && w->open;
}

static void work_done(struct work *w)
{
    while (w->first) {
        struct card *card = w->first;

        w->first = card->next;
        free_card(card);
    }
    map_free(w->open, NULL);
    mem_free(w->page);
}

enum status pass_run(struct pass *pass, const struct pass_means *means, struct err *err)
{
    struct work w;
    enum status rc;

    rc = work_init(&w, pass, means) ? ST_OK : no_memory(err);
    if (rc == ST_OK && pass->goes_on)
        rc = reconcile_forget_ahead(means->db, &pass->run, err);
    if (rc == ST_OK)
        rc = go(&w, err);
    if (rc != ST_OK)
        save_rest(&w);
    clear_line();
    work_done(&w);
    return rc;
}
