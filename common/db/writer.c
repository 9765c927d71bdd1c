/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit. Each waiting lane has its own lock and condition, so that the end of a batch wakes
 * its lanes and nobody else, and they do not meet again at one lock. While jobs are queued, either
 * a leader is at work, who nudges the head when it ends, or the head has been nudged. */
#include "db/writer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/batch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

enum {
    ALONE_AFTER = 3, /* failures after which a job no longer shares its transaction */
    NAP_MAX_MS = 3600000,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
};

/* One call; lives on its caller's stack. */
struct job {
    struct work work; /* the leader's, from when it takes the job until the job is done */
    struct deadline until;

    struct job *next; /* these three under the writer's lock */
    int64_t queued_ms;
    bool queued;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool done;
    bool nudged; /* it is at the head: look whether to lead */
};

/* What a lane works with while it leads. */
struct leader {
    struct batch batch;
    struct leader *next; /* in the list of idle ones */
};

struct writer {
    struct db_pool *pool;
    size_t batch_rows;
    size_t early_rows; /* worth a further transaction beside a running one */
    int64_t batch_ms;
    struct leader *leaders;
    size_t leader_count;

    pthread_mutex_t lock; /* guards what follows */
    struct job *head;
    struct job **tail;
    size_t queued_rows;
    struct leader *idle;
    size_t leading;
};

static void job_init(struct job *job)
{
    pthread_condattr_t monotonic;

    job->work.job = job;
    (void)pthread_mutex_init(&job->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&job->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static void job_done(struct job *job)
{
    (void)pthread_cond_destroy(&job->wake);
    (void)pthread_mutex_destroy(&job->lock);
}

static void job_signal(struct job *job, bool *what)
{
    (void)pthread_mutex_lock(&job->lock);
    *what = true;
    (void)pthread_cond_signal(&job->wake);
    (void)pthread_mutex_unlock(&job->lock);
}

/* True when the job is done; false when nudged or the time has come. */
static bool job_sleep(struct job *job, struct deadline nap)
{
    int64_t left_ms = deadline_left_ms(nap);
    int64_t at_ms = clock_mono_ms() + (left_ms < NAP_MAX_MS ? left_ms : NAP_MAX_MS);
    struct timespec at = {.tv_sec = at_ms / MS_PER_S,
                          .tv_nsec = (long)(at_ms % MS_PER_S) * NS_PER_MS};
    int rc = 0;
    bool done;

    (void)pthread_mutex_lock(&job->lock);
    while (!job->done && !job->nudged && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&job->wake, &job->lock, &at);
    done = job->done;
    job->nudged = false;
    (void)pthread_mutex_unlock(&job->lock);
    return done;
}

/* The queue's functions are called with w->lock held. */
static void push_back(struct writer *w, struct job *job)
{
    job->next = NULL;
    job->queued = true;
    *w->tail = job;
    w->tail = &job->next;
    w->queued_rows += work_weight(&job->work);
}

static void push_front(struct writer *w, struct job *job)
{
    job->next = w->head;
    job->queued = true;
    if (!w->head)
        w->tail = &job->next;
    w->head = job;
    w->queued_rows += work_weight(&job->work);
}

static void take_out(struct writer *w, struct job *job)
{
    struct job **link = &w->head;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (!*link)
        w->tail = link;
    job->queued = false;
    w->queued_rows -= work_weight(&job->work);
}

static void nudge_head(struct writer *w)
{
    if (w->head)
        job_signal(w->head, &w->head->nudged);
}

static bool batch_is_due(const struct writer *w)
{
    if (!w->head || !w->idle)
        return false;
    return w->leading == 0 || w->queued_rows >= w->early_rows ||
           clock_mono_ms() - w->head->queued_ms >= w->batch_ms;
}

/* At least one job, then as many as fit in batch_rows. */
static struct leader *take_batch(struct writer *w)
{
    struct leader *l = w->idle;
    size_t rows = 0;

    w->idle = l->next;
    w->leading++;
    l->batch.count = 0;
    while (w->head && l->batch.count < l->batch.max) {
        struct work *work = &w->head->work;
        bool alone = work->failures >= ALONE_AFTER;

        if (l->batch.count > 0 && (alone || rows + work_weight(work) > w->batch_rows))
            break;
        take_out(w, w->head);
        rows += work_weight(work);
        l->batch.works[l->batch.count++] = work;
        if (alone)
            break;
    }
    nudge_head(w);
    return l;
}

/* A leader with its batch, when it is this job's turn to lead; else NULL and how long to sleep. The
 * head alone watches batch_ms, and only where a leader is free; others are woken. */
static struct leader *take_turn(struct writer *w, const struct job *job, struct deadline *nap)
{
    struct leader *l = NULL;

    *nap = deadline_none();
    (void)pthread_mutex_lock(&w->lock);
    if (job->queued && batch_is_due(w)) {
        l = take_batch(w);
    } else if (job->queued) {
        *nap = job->until;
        if (w->head == job && w->idle)
            *nap = deadline_min(*nap, (struct deadline){job->queued_ms + w->batch_ms});
    }
    (void)pthread_mutex_unlock(&w->lock);
    return l;
}

static struct deadline earliest(const struct batch *b)
{
    struct deadline until = deadline_none();

    for (size_t i = 0; i < b->count; i++)
        until = deadline_min(until, b->works[i]->job->until);
    return until;
}

/* Gives unsettled jobs back to the queue, in their order and before all others, and the leader to
 * whoever is next; then lets the settled ones return. */
static void settle(struct writer *w, struct leader *l)
{
    struct job *settled = NULL;

    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = l->batch.count; i-- > 0;) {
        struct job *job = l->batch.works[i]->job;

        if (job->work.again && !deadline_passed(job->until)) {
            job->work.again = false;
            push_front(w, job);
        } else {
            job->next = settled;
            settled = job;
        }
    }
    l->next = w->idle;
    w->idle = l;
    w->leading--;
    nudge_head(w);
    (void)pthread_mutex_unlock(&w->lock);

    while (settled) {
        struct job *job = settled;

        settled = job->next; /* a job is gone as soon as it is done */
        job_signal(job, &job->done);
    }
}

static void lead(struct writer *w, struct leader *l)
{
    struct err err = {0};
    struct db *db = NULL;
    enum status rc = db_pool_acquire(w->pool, earliest(&l->batch), &db, &err);

    if (rc == ST_OK) {
        batch_run(&l->batch, db);
        db_pool_release(w->pool, db);
    } else {
        batch_answer(&l->batch, rc, &err);
    }
    settle(w, l);
}

/* False when a leader has the job: then it is done soon. */
static bool withdraw(struct writer *w, struct job *job)
{
    bool queued;

    (void)pthread_mutex_lock(&w->lock);
    queued = job->queued;
    if (queued) {
        take_out(w, job);
        nudge_head(w); /* it may have been the head's duty to lead */
    }
    (void)pthread_mutex_unlock(&w->lock);
    return queued;
}

static void enqueue(struct writer *w, struct job *job)
{
    (void)pthread_mutex_lock(&w->lock);
    job->queued_ms = clock_mono_ms();
    push_back(w, job);
    (void)pthread_mutex_unlock(&w->lock);
}

static void wait_done(struct writer *w, struct job *job)
{
    for (;;) {
        struct deadline nap;
        struct leader *l = take_turn(w, job, &nap);

        if (l)
            lead(w, l);
        else if (job_sleep(job, nap) || (deadline_passed(job->until) && withdraw(w, job)))
            return;
    }
}

static enum status submit(struct writer *w, struct job *job, struct err *err)
{
    job->work.rc = err_retry(&job->work.err, "mysql:busy",
                             "The database had not taken the rows by the deadline");
    job_init(job);
    enqueue(w, job);
    wait_done(w, job);
    job_done(job);
    if (job->work.rc != ST_OK)
        *err = job->work.err;
    return job->work.rc;
}

enum status writer_do(struct writer *w, const struct writer_job *what, struct deadline until,
                      struct err *err)
{
    struct job job = {
        .work = {.rows = what->rows,
                 .count = what->count,
                 .fn = what->fn,
                 .arg = what->arg,
                 .guarded = what->guarded,
                 .version = what->version},
        .until = until,
    };

    if (!what->fn && what->count == 0)
        return ST_OK;
    return submit(w, &job, err);
}

enum status writer_put(struct writer *w, const struct db_row *rows, size_t count,
                       struct deadline until, struct err *err)
{
    return writer_do(w, &(struct writer_job){.rows = rows, .count = count}, until, err);
}

enum status writer_run(struct writer *w, writer_fn *fn, void *arg, struct deadline until,
                       struct err *err)
{
    return writer_do(w, &(struct writer_job){.fn = fn, .arg = arg}, until, err);
}

static bool make_leaders(struct writer *w, size_t count, struct metrics *metrics)
{
    w->leaders = mem_array(count, sizeof(*w->leaders));
    if (!w->leaders)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct leader *l = &w->leaders[i];

        w->leader_count++;
        if (!batch_init(&l->batch, w->batch_rows, metrics))
            return false;
        l->next = w->idle;
        w->idle = l;
    }
    return true;
}

struct writer *writer_new(const struct settings_mysql *settings, struct db_pool *pool,
                          struct metrics *metrics)
{
    struct writer *w = mem_zalloc(sizeof(*w));

    if (!w)
        return NULL;
    w->pool = pool;
    w->batch_rows = (size_t)settings->batch_rows;
    w->early_rows = w->batch_rows / 2;
    w->batch_ms = settings->batch_ms;
    w->tail = &w->head;
    (void)pthread_mutex_init(&w->lock, NULL);
    if (make_leaders(w, (size_t)settings->connections, metrics))
        return w;
    writer_free(w);
    return NULL;
}

void writer_set_guard(struct writer *w, struct writer_guard guard)
{
    for (size_t i = 0; i < w->leader_count; i++)
        w->leaders[i].batch.guard = guard;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    assert(!w->head && w->leading == 0);
    for (size_t i = 0; i < w->leader_count; i++)
        batch_done(&w->leaders[i].batch);
    (void)pthread_mutex_destroy(&w->lock);
    mem_free(w->leaders);
    mem_free(w);
}
