/* SPDX-License-Identifier: Apache-2.0 */
#include "http/loops.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct loop_thread {
    pthread_t thread;
    struct loops *loops;
    void *arg;
};

struct loops {
    loops_fn *fn;
    pthread_mutex_t gate; /* held until all threads exist; guards called_off */
    bool called_off;
    size_t count;
    struct loop_thread threads[];
};

static void *run(void *arg)
{
    struct loop_thread *thread = arg;
    struct loops *l = thread->loops;
    bool called_off;

    (void)pthread_mutex_lock(&l->gate);
    called_off = l->called_off;
    (void)pthread_mutex_unlock(&l->gate);
    if (!called_off)
        l->fn(thread->arg);
    return NULL;
}

/* Returns the error number of the first that cannot be had. */
static int start_all(struct loops *l, void *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct loop_thread *thread = &l->threads[i];
        int failed;

        *thread = (struct loop_thread){.loops = l, .arg = args[i]};
        failed = pthread_create(&thread->thread, NULL, run, thread);
        if (failed)
            return failed;
        l->count++;
    }
    return 0;
}

enum status loops_start(loops_fn *fn, void *const *args, size_t count, struct loops **out,
                        struct err *err)
{
    struct loops *l = mem_zalloc(sizeof(*l) + count * sizeof(l->threads[0]));
    int failed;

    if (!l)
        return err_fatal(err, "memory", "out of memory");
    l->fn = fn;
    (void)pthread_mutex_init(&l->gate, NULL);
    (void)pthread_mutex_lock(&l->gate);
    failed = start_all(l, args, count);
    l->called_off = failed != 0;
    (void)pthread_mutex_unlock(&l->gate);
    if (failed) {
        loops_join(l);
        return err_errno(err, ST_FATAL, failed, "pthread_create");
    }
    *out = l;
    return ST_OK;
}

void loops_join(struct loops *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        (void)pthread_join(l->threads[i].thread, NULL);
    (void)pthread_mutex_destroy(&l->gate);
    mem_free(l);
}

size_t loops_default(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (size_t)CPU_COUNT(&set);
}
