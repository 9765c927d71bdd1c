/* SPDX-License-Identifier: Apache-2.0 */
/* An epoll loop: descriptors, a sorted list of timers, hooks before each wait, one eventfd to wake
 * it. */
#include "base/loop.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HOOKS_MAX = 4, BATCH_MAX = 128 };

/* The kernel hands the pointer back with each event. After loop_unwatch fn is NULL and the memory
 * waits in the dead list until no event of the batch can name it any more. */
struct watch {
    int fd;
    loop_fd_fn *fn;
    void *arg;
    struct watch *next_dead;
};

struct hook {
    loop_prepare_fn *fn;
    void *arg;
};

struct loop {
    int epoll_fd;
    int wake_fd;
    atomic_bool stop;
    struct watch **by_fd;
    size_t by_fd_count;
    struct watch *dead;
    struct loop_timer *timers; /* soonest first */
    struct loop_timer *due;    /* being fired: what is armed meanwhile waits for the next turn */
    struct hook hooks[HOOKS_MAX];
    size_t hook_count;
};

enum status loop_open(struct loop **out, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct loop *loop = mem_zalloc(sizeof(*loop));

    if (loop == NULL)
        return err_fatal(err, "memory", "no memory for a loop");
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0) {
        (void)err_errno(err, ST_FATAL, errno, "epoll or eventfd");
        loop_close(loop);
        return ST_FATAL;
    }
    *out = loop;
    return ST_OK;
}

static void free_dead(struct loop *loop)
{
    while (loop->dead != NULL) {
        struct watch *next = loop->dead->next_dead;

        mem_free(loop->dead);
        loop->dead = next;
    }
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void loop_close(struct loop *loop)
{
    if (loop == NULL)
        return;
    for (size_t i = 0; i < loop->by_fd_count; i++)
        mem_free(loop->by_fd[i]);
    free_dead(loop);
    mem_free(loop->by_fd);
    close_fd(loop->wake_fd);
    close_fd(loop->epoll_fd);
    mem_free(loop);
}

static bool make_slot(struct loop *loop, int fd)
{
    const size_t needed = (size_t)fd + 1;
    struct watch **grown;
    size_t count = loop->by_fd_count > 0 ? loop->by_fd_count : 64;

    if (needed <= loop->by_fd_count)
        return true;
    while (count < needed)
        count *= 2;
    grown = mem_resize(loop->by_fd, count * sizeof(struct watch *));
    if (grown == NULL)
        return false;
    memset(grown + loop->by_fd_count, 0, (count - loop->by_fd_count) * sizeof(struct watch *));
    loop->by_fd = grown;
    loop->by_fd_count = count;
    return true;
}

enum status loop_watch(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *arg,
                       struct err *err)
{
    struct epoll_event event = {.events = epoll_events};
    struct watch *watch;

    assert(fn != NULL);
    if (fd < 0)
        return err_errno(err, ST_FATAL, EBADF, "watching a descriptor");
    loop_unwatch(loop, fd);
    watch = mem_zalloc(sizeof(*watch));
    if (watch == NULL || !make_slot(loop, fd)) {
        mem_free(watch);
        return err_retry(err, "memory", "no memory to watch a descriptor");
    }
    *watch = (struct watch){.fd = fd, .fn = fn, .arg = arg};
    event.data.ptr = watch;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        const int why = errno;

        mem_free(watch);
        return err_errno(err, why == ENOMEM || why == ENOSPC ? ST_RETRY : ST_FATAL, why,
                         "watching a descriptor");
    }
    loop->by_fd[fd] = watch;
    return ST_OK;
}

void loop_unwatch(struct loop *loop, int fd)
{
    struct watch *watch;

    if (fd < 0 || (size_t)fd >= loop->by_fd_count || loop->by_fd[fd] == NULL)
        return;
    watch = loop->by_fd[fd];
    loop->by_fd[fd] = NULL;
    /* Fails harmlessly when the descriptor was closed before. */
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    watch->fn = NULL;
    watch->next_dead = loop->dead;
    loop->dead = watch;
}

static void unlink_timer(struct loop_timer **list, const struct loop_timer *timer)
{
    while (*list != NULL && *list != timer)
        list = &(*list)->next;
    if (*list != NULL)
        *list = timer->next;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    unlink_timer(&loop->timers, timer);
    unlink_timer(&loop->due, timer);
    timer->next = NULL;
    timer->at = deadline_none();
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, struct deadline at)
{
    struct loop_timer **place = &loop->timers;

    loop_timer_cancel(loop, timer);
    if (at.at_ms == 0)
        return;
    while (*place != NULL && (*place)->at.at_ms <= at.at_ms)
        place = &(*place)->next;
    timer->at = at;
    timer->next = *place;
    *place = timer;
}

static void fire_timers(struct loop *loop)
{
    const int64_t now_ms = clock_mono_ms();
    struct loop_timer **end = &loop->timers;

    while (*end != NULL && (*end)->at.at_ms <= now_ms)
        end = &(*end)->next;
    if (end == &loop->timers)
        return;
    loop->due = loop->timers;
    loop->timers = *end;
    *end = NULL;
    while (loop->due != NULL) {
        struct loop_timer *timer = loop->due;

        loop->due = timer->next;
        timer->next = NULL;
        timer->at = deadline_none();
        timer->fn(timer->arg);
    }
}

enum status loop_prepare(struct loop *loop, loop_prepare_fn *fn, void *arg, struct err *err)
{
    if (loop->hook_count == HOOKS_MAX)
        return err_fatal(err, "loop", "more than %d prepare hooks", HOOKS_MAX);
    loop->hooks[loop->hook_count++] = (struct hook){fn, arg};
    return ST_OK;
}

/* Runs the hooks; what epoll_wait may wait then, -1 = without end. */
static int prepare(struct loop *loop)
{
    int64_t timeout_ms = INT64_MAX;

    for (size_t i = 0; i < loop->hook_count; i++) {
        const int64_t again_ms = loop->hooks[i].fn(loop->hooks[i].arg);

        if (again_ms >= 0 && again_ms < timeout_ms)
            timeout_ms = again_ms;
    }
    if (loop->timers != NULL) {
        const int64_t left_ms = deadline_left_ms(loop->timers->at);

        if (left_ms < timeout_ms)
            timeout_ms = left_ms;
    }
    if (timeout_ms == INT64_MAX)
        return -1;
    return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}

static void drain_wake(const struct loop *loop)
{
    uint64_t count;
    const ssize_t got = read(loop->wake_fd, &count, sizeof(count));

    assert(got == sizeof(count) || errno == EAGAIN);
}

enum status loop_run(struct loop *loop, struct err *err)
{
    struct epoll_event events[BATCH_MAX];

    while (!atomic_exchange(&loop->stop, false)) {
        const int timeout_ms = prepare(loop);
        const int count = epoll_wait(loop->epoll_fd, events, BATCH_MAX, timeout_ms);

        if (count < 0 && errno != EINTR)
            return err_errno(err, ST_FATAL, errno, "epoll_wait");
        for (int i = 0; i < count; i++) {
            const struct watch *watch = events[i].data.ptr;

            if (watch == NULL)
                drain_wake(loop);
            else if (watch->fn != NULL)
                watch->fn(watch->arg, events[i].events);
        }
        free_dead(loop);
        fire_timers(loop);
    }
    return ST_OK;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stop, true);
    loop_wake(loop);
}

void loop_wake(struct loop *loop)
{
    const int before = errno;
    const uint64_t one = 1;

    /* Fails only when the counter is full, and then the loop is awake anyway. */
    if (write(loop->wake_fd, &one, sizeof(one)) < 0)
        errno = before;
}
