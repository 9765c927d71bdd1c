/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/topics.h"
#include "reconcile_pace.h"
#include "redrive_topic.h"
#include "replay_read.h"
#include "stop.h"

#include <stdio.h>
#include <unistd.h>

enum {
    SAVE_MS = 1000,
    SHOW_MS = 5000,
    SHOW_TERMINAL_MS = 200,
    CLOCK_STEP_MS = 60000, /* by so much the sender's clock may have been put back meanwhile */
    PLACES_FROM = 64,
};

struct place {
    char topic[TOPIC_NAME_SIZE];
    int32_t part;
    int64_t next;
    int64_t sent;
    bool is_changed; /* since it was saved */
};

struct work {
    const struct ctl *ctl;
    struct db *db;
    struct replay_run *run;
    struct feed *feed;
    struct place *places;
    size_t count;
    size_t size;
    size_t last; /* the place found last */
    int64_t sent;
    int64_t before; /* sent by earlier processes */
    int64_t began_ms;
    struct deadline save;
    struct deadline show;
};

/* Places */

static bool is_place(const struct place *place, struct str topic, int32_t part)
{
    return place->part == part && str_eq_cstr(topic, place->topic);
}

static struct place *find_place(struct work *w, struct str topic, int32_t part)
{
    if (w->last < w->count && is_place(&w->places[w->last], topic, part))
        return &w->places[w->last];
    for (size_t i = 0; i < w->count; i++) {
        if (is_place(&w->places[i], topic, part)) {
            w->last = i;
            return &w->places[i];
        }
    }
    return NULL;
}

/* NULL: no memory. */
static struct place *add_place(struct work *w, struct str topic, int32_t part)
{
    struct place *place;

    if (w->count == w->size) {
        const size_t size = w->size > 0 ? w->size * 2 : PLACES_FROM;
        struct place *grown = mem_resize(w->places, size * sizeof(*grown));

        if (!grown)
            return NULL;
        w->places = grown;
        w->size = size;
    }
    place = &w->places[w->count];
    *place = (struct place){.part = part};
    if (!str_copy(topic, place->topic, sizeof(place->topic)))
        return NULL;
    w->last = w->count++;
    return place;
}

/* replay_place_fn */
static enum status keep_place(void *arg, const struct replay_place *saved, struct err *err)
{
    struct work *w = arg;
    struct place *place = add_place(w, saved->topic, saved->part);

    if (!place)
        return err_retry(err, "memory", "out of memory");
    place->next = saved->next;
    place->sent = saved->sent;
    w->sent += saved->sent;
    return ST_OK;
}

/* feed_wants_fn: the others are passed over before they come to the feed. */
static bool may_come(void *arg, struct str topic, int32_t part, int64_t offset)
{
    const struct place *place = find_place(arg, topic, part);

    return !place || offset >= place->next;
}

/* Saving */

static enum status save_places(struct work *w, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < w->count; i++) {
        struct place *place = &w->places[i];
        const struct replay_place now = {str_from(place->topic), place->part, place->next,
                                         place->sent};

        if (!place->is_changed)
            continue;
        rc = replay_save_place(w->db, w->run->run_id, &now, err);
        place->is_changed = rc != ST_OK;
    }
    return rc;
}

/* What was given to the feed and is not there yet must not be written down. The lock lives as long
 * as the connection: that the statements get an answer means that nobody else is at it. */
static enum status save(struct work *w, enum replay_state state, struct err *err)
{
    enum status rc = feed_flush(w->feed, err);

    if (rc == ST_OK)
        rc = save_places(w, err);
    if (rc != ST_OK)
        return rc;
    w->run->sent = w->sent;
    w->run->saved_ms = clock_wall_ms();
    w->save = deadline_in(SAVE_MS);
    return replay_save(w->db, w->run, state, err);
}

/* Where the end itself cannot be written, the run stays "running" and can be gone on with. */
static void save_stop(struct work *w)
{
    struct err err = {0};

    if (save(w, REPLAY_STOPPED, &err) == ST_OK)
        return;
    w->run->saved_ms = clock_wall_ms();
    if (replay_save(w->db, w->run, REPLAY_STOPPED, &err) != ST_OK)
        (void)fprintf(stderr, "kabaoctl: %s\n", err.text);
}

/* Telling */

static void clear_line(void)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K");
}

static void show(struct work *w)
{
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    const int64_t sent_now = w->sent - w->before;
    const int64_t left = w->run->records > w->sent ? w->run->records - w->sent : 0;
    char time[PACE_TIME_SIZE] = "";

    if (!deadline_passed(w->show))
        return;
    w->show = deadline_in(is_terminal ? SHOW_TERMINAL_MS : SHOW_MS);
    if (sent_now > 0)
        pace_format((int64_t)((double)(clock_mono_ms() - w->began_ms) / 1000 * (double)left /
                              (double)sent_now),
                    time);
    (void)fprintf(stderr, "%s%lld of %lld records%s%s%s%s",
                  is_terminal ? "\r" : "kabaoctl: ", (long long)w->sent, (long long)w->run->records,
                  time[0] ? ", about " : "", time, time[0] ? " left" : "",
                  is_terminal ? "\033[K" : "\n");
}

/* Feeding */

/* scan_fn */
static enum status feed_record(void *arg, const struct record *record, struct err *err)
{
    struct work *w = arg;
    struct place *place = find_place(w, record->topic, record->partition);
    enum status rc;

    if (place && record->offset < place->next)
        return ST_OK;
    if (stop_asked())
        return err_retry(err, "stopped", "stopped; run this again to go on");
    if (!place)
        place = add_place(w, record->topic, record->partition);
    if (!place)
        return err_retry(err, "memory", "out of memory");
    rc = feed_send(w->feed, record, err);
    if (rc != ST_OK)
        return rc;
    place->next = record->offset + 1;
    place->sent++;
    place->is_changed = true;
    w->sent++;
    show(w);
    return deadline_passed(w->save) ? save(w, REPLAY_RUNNING, err) : ST_OK;
}

static enum status prepare(struct work *w, const struct replay_job *job, struct err *err)
{
    const struct feed_conf conf = {
        .settings = w->ctl->settings,
        .worker = w->ctl->words[0],
        .run = w->run->run_id,
        .rate = job->rate,
    };
    enum status rc = feed_open(&conf, &w->feed, err);

    if (rc != ST_OK || !job->goes_on)
        return rc;
    redrive_topic_settle();
    rc = replay_places(w->db, w->run->run_id, keep_place, w, err);
    if (rc == ST_OK)
        rc = feed_recall(w->feed, w->run->saved_ms - CLOCK_STEP_MS, may_come, w, err);
    return rc;
}

enum status replay_run(struct replay_job *job, struct feed_counts *counts, struct err *err)
{
    struct work w = {.ctl = job->ctl, .db = job->db, .run = &job->run};
    struct replay_counts read;
    enum status rc = prepare(&w, job, err);

    w.before = w.sent;
    w.began_ms = clock_mono_ms();
    w.save = deadline_in(SAVE_MS);
    w.show = deadline_in(SHOW_TERMINAL_MS);
    if (rc == ST_OK)
        rc = save(&w, REPLAY_RUNNING, err);
    if (rc == ST_OK)
        rc = replay_read(job->ctl->settings, &job->range, feed_record, &w, &read, err);
    if (rc == ST_OK)
        rc = save(&w, REPLAY_DONE, err);
    else if (w.feed)
        save_stop(&w);
    clear_line();
    if (w.feed)
        *counts = feed_counts(w.feed);
    feed_close(w.feed);
    mem_free(w.places);
    return rc;
}
