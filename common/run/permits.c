/* SPDX-License-Identifier: Apache-2.0 */
#include "run/permits.h"

#include "base/mem.h"
#include "run/lease.h"
#include "tables/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

enum { NS_PER_US = 1000, US_PER_MS = 1000 };

/* How long a lane stands by for another's answer, and comes back where that takes longer. */
enum { STAND_BY_US = 50000, SLOW_ANSWER_US = 200000 };

/* Without a database. */
enum { ASK_MS = 1000, AWAY_US = 1000000 };

/* Each time somebody else was quicker: one of them gets through. */
enum { ROUNDS_MAX = 8, BEATEN_US = 20000 };

struct line {
    struct lease lease;
    int64_t waiting; /* lanes that stand by */
    double share;
};

struct permits {
    struct permits_of of;
    struct lease_rate rate;
    pthread_mutex_t lines_lock;
    pthread_cond_t answered;
    struct line lines[2]; /* live, replay; guarded by lines_lock */
};

struct permits *permits_new(const struct permits_of *of, const struct quota_limit *limit,
                            double replay_share)
{
    struct permits *p = mem_zalloc(sizeof(*p));
    pthread_condattr_t monotonic;

    if (!p)
        return NULL;
    p->of = *of;
    p->rate = lease_rate(limit->count, limit->per_ms);
    p->lines[0].share = 1;
    p->lines[1].share = replay_share;
    (void)pthread_mutex_init(&p->lines_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->answered, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return p;
}

void permits_free(struct permits *p)
{
    if (!p)
        return;
    (void)pthread_cond_destroy(&p->answered);
    (void)pthread_mutex_destroy(&p->lines_lock);
    mem_free(p);
}

static int64_t mono_us(void)
{
    return clock_mono_ns() / NS_PER_US;
}

static struct deadline deadline_at_us(int64_t at_us)
{
    return (struct deadline){(at_us + US_PER_MS - 1) / US_PER_MS};
}

/* Asking the database */

struct question {
    const struct permits *permits;
    struct db *db;
    int64_t want;
    double share;
};

/* *answered: that is how it is; false: another process was quicker, the row is to be read again. */
static enum status ask_once(const struct question *q, struct lease_offer *offer, int64_t *closed_ms,
                            bool *answered, struct err *err)
{
    const struct quota_key key = {str_from(q->permits->of.appid), str_from(q->permits->of.path)};
    struct quota_row row;
    struct lease_row lease;
    enum status rc = quota_row_read(q->db, &key, &row, err);

    *answered = true;
    if (rc != ST_OK)
        return rc;
    if (row.closed_us > row.now_us) {
        *closed_ms = (row.closed_us - row.now_us) / US_PER_MS + 1;
        *offer = (struct lease_offer){.wait_us = row.closed_us - row.now_us};
        return ST_OK;
    }
    lease = (struct lease_row){row.now_us, row.spent_us};
    *offer = lease_offer(&q->permits->rate, &lease, q->want, q->share);
    if (offer->spent_us == 0)
        return ST_OK;
    return quota_row_spend(q->db, &key, &row, offer->spent_us, answered, err);
}

static enum status ask_database(struct question *q, const struct permits_taker *taker,
                                struct lease_offer *offer, int64_t *closed_ms, struct err *err)
{
    bool answered = false;
    enum status rc;

    if (!taker->pool)
        return err_retry(err, "mysql:closed", "there is no database yet");
    rc = db_pool_acquire(taker->pool, deadline_min(taker->until, deadline_in(ASK_MS)), &q->db, err);
    if (rc != ST_OK)
        return rc;
    for (int round = 0; rc == ST_OK && !answered && round < ROUNDS_MAX; round++)
        rc = ask_once(q, offer, closed_ms, &answered, err);
    db_pool_release(taker->pool, q->db);
    if (rc == ST_OK && !answered)
        *offer = (struct lease_offer){.wait_us = BEATEN_US};
    return rc;
}

/* What follows is called with lines_lock. */

static enum status wait_until(const struct permits *p, int64_t at_us, struct err *err)
{
    struct deadline until = deadline_at_us(at_us);

    return err_wait(err, p->of.resource, until, "the quota has no call to give for %" PRId64 " ms",
                    deadline_left_ms(until));
}

static enum status wait_turn(const struct permits *p, struct line *line, struct err *err)
{
    return wait_until(p, lease_turn(&line->lease, &p->rate, mono_us()), err);
}

/* Without the lock while the database is asked. */
static enum status ask(struct permits *p, struct line *line, const struct permits_taker *taker,
                       int64_t *closed_ms, struct err *err)
{
    struct lease_offer offer = {0};
    struct question question = {
        .permits = p,
        .want = lease_want(&line->lease, &p->rate, line->waiting, mono_us()),
        .share = line->share,
    };
    struct err failure = {0};
    bool has_one = false;
    enum status rc;

    (void)pthread_mutex_unlock(&p->lines_lock);
    rc = ask_database(&question, taker, &offer, closed_ms, &failure);
    (void)pthread_mutex_lock(&p->lines_lock);
    if (rc == ST_OK)
        has_one = lease_filled(&line->lease, &offer, mono_us());
    else
        lease_failed(&line->lease, AWAY_US, mono_us());
    (void)pthread_cond_broadcast(&p->answered);
    if (rc == ST_FATAL)
        *err = failure;
    if (rc == ST_FATAL || has_one)
        return rc;
    return wait_turn(p, line, err);
}

/* False: the answer takes its time. */
static bool stand_by(struct permits *p, struct line *line)
{
    struct deadline until = deadline_at_us(line->lease.asked_us + STAND_BY_US);
    struct timespec at = deadline_timespec(until);

    if (deadline_passed(until))
        return false;
    line->waiting++;
    (void)pthread_cond_timedwait(&p->answered, &p->lines_lock, &at);
    line->waiting--;
    return true;
}

static enum status take(struct permits *p, const struct permits_taker *taker, int64_t *closed_ms,
                        struct err *err)
{
    struct line *line = &p->lines[taker->is_replay];

    for (;;) {
        switch (lease_take(&line->lease, &p->rate, mono_us())) {
        case LEASE_GO: return ST_OK;
        case LEASE_ASK: return ask(p, line, taker, closed_ms, err);
        case LEASE_WAIT: return wait_turn(p, line, err);
        case LEASE_AWAIT:
            if (stand_by(p, line))
                break;
            return wait_until(p, mono_us() + SLOW_ANSWER_US, err);
        }
    }
}

enum status permits_take(struct permits *p, const struct permits_taker *taker, int64_t *closed_ms,
                         struct err *err)
{
    enum status rc;

    (void)pthread_mutex_lock(&p->lines_lock);
    rc = take(p, taker, closed_ms, err);
    (void)pthread_mutex_unlock(&p->lines_lock);
    return rc;
}
