/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue between threads: a ring, one lock, two conditions on the monotonic clock. */
#include "base/queue.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    size_t capacity;
    size_t head;
    size_t len;
    bool closed;
    void *items[];
};

/* glibc's initialisers of these kinds only fail on invalid arguments. */
static void must_be_0(int rc)
{
    assert(rc == 0);
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    must_be_0(pthread_condattr_init(&attr));
    must_be_0(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must_be_0(pthread_cond_init(cond, &attr));
    must_be_0(pthread_condattr_destroy(&attr));
}

struct queue *queue_new(size_t capacity)
{
    struct queue *q;

    assert(capacity > 0);
    if (capacity > (SIZE_MAX - sizeof(*q)) / sizeof(q->items[0]))
        return NULL;
    q = mem_zalloc(sizeof(*q) + capacity * sizeof(q->items[0]));
    if (q == NULL)
        return NULL;
    must_be_0(pthread_mutex_init(&q->lock, NULL));
    cond_init(&q->not_empty);
    cond_init(&q->not_full);
    q->capacity = capacity;
    return q;
}

void queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    must_be_0(pthread_cond_destroy(&q->not_full));
    must_be_0(pthread_cond_destroy(&q->not_empty));
    must_be_0(pthread_mutex_destroy(&q->lock));
    mem_free(q);
}

/* Returns false when the deadline has passed; true may be a false alarm. Called with the lock. */
static bool wait_on(pthread_cond_t *cond, struct queue *q, struct deadline until)
{
    const struct timespec at = deadline_timespec(until);

    if (until.at_ms == 0) {
        must_be_0(pthread_cond_wait(cond, &q->lock));
        return true;
    }
    return pthread_cond_timedwait(cond, &q->lock, &at) != ETIMEDOUT;
}

bool queue_push(struct queue *q, void *item, struct deadline until)
{
    bool pushed = false;

    assert(item != NULL);
    must_be_0(pthread_mutex_lock(&q->lock));
    while (!q->closed && q->len == q->capacity)
        if (!wait_on(&q->not_full, q, until))
            break;
    if (!q->closed && q->len < q->capacity) {
        q->items[(q->head + q->len) % q->capacity] = item;
        q->len++;
        pushed = true;
        must_be_0(pthread_cond_signal(&q->not_empty));
    }
    must_be_0(pthread_mutex_unlock(&q->lock));
    return pushed;
}

void *queue_pop(struct queue *q, struct deadline until)
{
    void *item = NULL;

    must_be_0(pthread_mutex_lock(&q->lock));
    while (!q->closed && q->len == 0)
        if (!wait_on(&q->not_empty, q, until))
            break;
    if (q->len > 0) {
        item = q->items[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->len--;
        must_be_0(pthread_cond_signal(&q->not_full));
    }
    must_be_0(pthread_mutex_unlock(&q->lock));
    return item;
}

size_t queue_len(struct queue *q)
{
    size_t len;

    must_be_0(pthread_mutex_lock(&q->lock));
    len = q->len;
    must_be_0(pthread_mutex_unlock(&q->lock));
    return len;
}

void queue_close(struct queue *q)
{
    must_be_0(pthread_mutex_lock(&q->lock));
    q->closed = true;
    must_be_0(pthread_cond_broadcast(&q->not_empty));
    must_be_0(pthread_cond_broadcast(&q->not_full));
    must_be_0(pthread_mutex_unlock(&q->lock));
}
