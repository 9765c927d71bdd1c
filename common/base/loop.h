/* SPDX-License-Identifier: Apache-2.0 */
/* An epoll loop for one thread. Everything but loop_stop and loop_wake is called on that thread
 * (or before it runs). */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"

#include <stdint.h>

struct loop;

typedef void loop_fd_fn(void *arg, uint32_t epoll_events);
typedef void loop_timer_fn(void *arg);
/* Runs once before each wait; returns in how many milliseconds it must run again, -1 = no matter
 * when. */
typedef int64_t loop_prepare_fn(void *arg);

MUST_CHECK enum status loop_open(struct loop **out, struct err *err);
void loop_close(struct loop *loop); /* closes no watched descriptor; NULL is fine */

/* One watch per descriptor: a second call replaces the first. epoll_events as in epoll_ctl
 * (level-triggered unless EPOLLET is given). Unwatch before closing the descriptor. ST_RETRY: no
 * memory; ST_FATAL: a descriptor that cannot be watched. */
MUST_CHECK enum status loop_watch(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn,
                                  void *arg, struct err *err);
void loop_unwatch(struct loop *loop, int fd); /* safe inside any callback of the loop */

struct loop_timer {
    loop_timer_fn *fn;
    void *arg;
    struct deadline at;      /* managed by the loop */
    struct loop_timer *next; /* managed by the loop */
};

/* The caller's memory, which must live until it fired or was cancelled. One shot; re-arm inside fn
 * for a period. Setting an armed timer moves it; at deadline_none() it never fires. Both calls are
 * safe inside any callback of the loop. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, struct deadline at);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* At most four hooks. */
MUST_CHECK enum status loop_prepare(struct loop *loop, loop_prepare_fn *fn, void *arg,
                                    struct err *err);

MUST_CHECK enum status loop_run(struct loop *loop,
                                struct err *err); /* until loop_stop; ST_OK then */
void loop_stop(struct loop *loop);                /* thread-safe and safe in a signal handler */
void loop_wake(struct loop *loop); /* makes the loop run its prepare hooks now; thread-safe */
