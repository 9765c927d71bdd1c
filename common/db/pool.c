/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: idle connections on a stack, so that the warmest is used first. */
#include "db/pool.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/fault.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

enum {
    IDLE_MAX_MS = 60000,
    PAUSE_MS = 250,
    WAIT_MAX_MS = 3600000,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000
};

struct idle {
    struct db *db;
    int64_t since_ms;
};

struct db_pool {
    const struct settings_mysql *settings;
    struct metrics *metrics; /* NULL: nobody counts */
    size_t size;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed;
    struct idle *idle;
    size_t idle_count;
    size_t busy_count;
    int64_t closed_until_ms; /* after a failed opening nobody tries again before this */
};

struct db_pool *db_pool_new(const struct settings_mysql *settings)
{
    struct db_pool *pool = mem_zalloc(sizeof(*pool));
    pthread_condattr_t monotonic;

    if (!pool)
        return NULL;
    pool->settings = settings;
    pool->size = (size_t)settings->connections;
    pool->idle = mem_array(pool->size, sizeof(*pool->idle));
    if (!pool->idle) {
        mem_free(pool);
        return NULL;
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->freed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return pool;
}

void db_pool_watch(struct db_pool *pool, struct metrics *metrics)
{
    pool->metrics = metrics;
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    assert(pool->busy_count == 0);
    for (size_t i = 0; i < pool->idle_count; i++)
        db_close(pool->idle[i].db);
    (void)pthread_cond_destroy(&pool->freed);
    (void)pthread_mutex_destroy(&pool->lock);
    mem_free(pool->idle);
    mem_free(pool);
}

/* Waits until something is given back, or for wait_ms. */
static void wait_freed(struct db_pool *pool, int64_t wait_ms)
{
    int64_t at_ms = clock_mono_ms() + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
    struct timespec at = {.tv_sec = at_ms / MS_PER_S,
                          .tv_nsec = (long)(at_ms % MS_PER_S) * NS_PER_MS};

    (void)pthread_cond_timedwait(&pool->freed, &pool->lock, &at);
}

/* Takes a place; *out gets the open connection that came with it, or NULL. False at the
 * deadline. */
static bool take_place(struct db_pool *pool, struct deadline until, struct idle *out)
{
    bool taken = false;

    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        int64_t left_ms = deadline_left_ms(until);
        int64_t closed_ms = pool->closed_until_ms - clock_mono_ms();

        if (pool->idle_count > 0) {
            *out = pool->idle[--pool->idle_count];
            taken = true;
            break;
        }
        if (pool->busy_count < pool->size && closed_ms <= 0) {
            *out = (struct idle){0};
            taken = true;
            break;
        }
        if (left_ms == 0)
            break;
        if (pool->busy_count == pool->size || closed_ms > left_ms)
            closed_ms = left_ms;
        wait_freed(pool, closed_ms);
    }
    pool->busy_count += taken;
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void give_place(struct db_pool *pool, struct db *db, int64_t closed_until_ms)
{
    (void)pthread_mutex_lock(&pool->lock);
    assert(pool->busy_count > 0);
    pool->busy_count--;
    if (db)
        pool->idle[pool->idle_count++] = (struct idle){db, clock_mono_ms()};
    if (closed_until_ms > pool->closed_until_ms)
        pool->closed_until_ms = closed_until_ms;
    (void)pthread_cond_signal(&pool->freed);
    (void)pthread_mutex_unlock(&pool->lock);
}

static enum status acquire(struct db_pool *pool, struct deadline until, struct db **out,
                           struct err *err)
{
    struct idle place;
    enum status rc;

    if (!take_place(pool, until, &place))
        return err_retry(err, "mysql:busy", "No connection to the database became free in time");
    if (place.db && clock_mono_ms() - place.since_ms < IDLE_MAX_MS) {
        *out = place.db;
        return ST_OK;
    }
    db_close(place.db);
    rc = db_open(pool->settings, out, err);
    if (rc == ST_OK)
        db_watch(*out, pool->metrics);
    else
        give_place(pool, NULL, clock_mono_ms() + PAUSE_MS);
    return rc;
}

enum status db_pool_acquire(struct db_pool *pool, struct deadline until, struct db **out,
                            struct err *err)
{
    enum status rc;

    db_thread_init();
    rc = acquire(pool, until, out, err);
    if (rc != ST_OK)
        fault_count(pool->metrics, rc, err);
    return rc;
}

void db_pool_release(struct db_pool *pool, struct db *db)
{
    if (db_is_lost(db)) {
        db_close(db);
        db = NULL;
    }
    give_place(pool, db, 0);
}
