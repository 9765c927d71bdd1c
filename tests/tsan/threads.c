/* SPDX-License-Identifier: Apache-2.0 */
/* For runs under ThreadSanitizer, preloaded: what it does not know, by what it knows. C11 threads
 * (librdkafka's) by POSIX threads, of which glibc makes the same types; a join with a time limit by
 * tries to join. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#define PUBLIC __attribute__((visibility("default")))

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mtx_t holds a mutex");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "cnd_t holds a condition");

struct start {
    thrd_start_t fn;
    void *arg;
};

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    return (void *)(intptr_t)start.fn(start.arg);
}

static int verdict(int failed)
{
    switch (failed) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
    }
}

PUBLIC int thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
    struct start *start = malloc(sizeof(*start));
    int failed;

    if (!start)
        return thrd_nomem;
    *start = (struct start){fn, arg};
    failed = pthread_create(thread, NULL, run, start);
    if (failed)
        free(start);
    return verdict(failed);
}

PUBLIC int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int failed = pthread_join(thread, &value);

    if (result)
        *result = (int)(intptr_t)value;
    return verdict(failed);
}

PUBLIC int thrd_detach(thrd_t thread)
{
    return verdict(pthread_detach(thread));
}

PUBLIC int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int failed;

    (void)pthread_mutexattr_init(&attributes);
    if (type & mtx_recursive)
        (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    failed = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return verdict(failed);
}

PUBLIC void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

PUBLIC int mtx_lock(mtx_t *mutex)
{
    return verdict(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

PUBLIC int mtx_trylock(mtx_t *mutex)
{
    return verdict(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

PUBLIC int mtx_unlock(mtx_t *mutex)
{
    return verdict(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

PUBLIC int cnd_init(cnd_t *condition)
{
    return verdict(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

PUBLIC void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

PUBLIC int cnd_signal(cnd_t *condition)
{
    return verdict(pthread_cond_signal((pthread_cond_t *)condition));
}

PUBLIC int cnd_broadcast(cnd_t *condition)
{
    return verdict(pthread_cond_broadcast((pthread_cond_t *)condition));
}

PUBLIC int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return verdict(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

PUBLIC int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return verdict(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

static bool is_over(clockid_t clock, const struct timespec *until)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

PUBLIC int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
                                const struct timespec *until)
{
    int failed;

    while ((failed = pthread_tryjoin_np(thread, value)) == EBUSY) {
        if (is_over(clock, until))
            return ETIMEDOUT;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return failed;
}

PUBLIC void call_once(once_flag *flag, void (*fn)(void))
{
    (void)pthread_once((pthread_once_t *)flag, fn);
}
