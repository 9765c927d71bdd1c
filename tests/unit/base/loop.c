/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A loop, some readable descriptors, and what the callbacks note. */
struct fixture {
    struct loop *loop;
    int fds[3];
    int calls;
    int hook_calls;
    int order[8];
    struct loop_timer timers[4];
    int64_t hook_answer_ms;
};

static void open_fixture(struct fixture *f)
{
    struct err err;

    *f = (struct fixture){.hook_answer_ms = -1};
    assert_int_equal(loop_open(&f->loop, &err), ST_OK);
    for (int i = 0; i < 3; i++) {
        f->fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(f->fds[i] >= 0);
    }
}

static void close_fixture(struct fixture *f)
{
    loop_close(f->loop);
    for (int i = 0; i < 3; i++)
        (void)close(f->fds[i]);
}

static void run(struct fixture *f)
{
    struct err err;

    assert_int_equal(loop_run(f->loop, &err), ST_OK);
}

static void watch(struct fixture *f, int fd, loop_fd_fn *fn)
{
    struct err err;

    assert_int_equal(loop_watch(f->loop, fd, EPOLLIN, fn, f, &err), ST_OK);
}

static void on_stop(void *arg)
{
    struct fixture *f = arg;

    loop_stop(f->loop);
}

static void stop_in(struct fixture *f, struct loop_timer *timer, int64_t ms)
{
    timer->fn = on_stop;
    timer->arg = f;
    loop_timer_set(f->loop, timer, deadline_in(ms));
}

/* Whichever of the batch comes first takes all out: the others must not be called. */
static void unwatch_all(void *arg, uint32_t events)
{
    struct fixture *f = arg;

    assert_true(events & EPOLLIN);
    f->calls++;
    for (int i = 0; i < 3; i++)
        loop_unwatch(f->loop, f->fds[i]);
}

static void test_loop_unwatch_holds_within_the_batch(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    for (int i = 0; i < 3; i++)
        watch(&f, f.fds[i], unwatch_all);
    stop_in(&f, &f.timers[0], 20);
    run(&f);
    assert_int_equal(f.calls, 1);
    close_fixture(&f);
}

static void never(void *arg, uint32_t events)
{
    (void)arg;
    (void)events;
    fail_msg("an event of a descriptor that was closed went to its successor");
}

/* Closes all, and opens a silent descriptor under the number of one of them. */
static void reuse_number(void *arg, uint32_t events)
{
    struct fixture *f = arg;
    int fresh;

    (void)events;
    f->calls++;
    for (int i = 0; i < 3; i++) {
        loop_unwatch(f->loop, f->fds[i]);
        fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_int_equal(dup3(fresh, f->fds[i], O_CLOEXEC), f->fds[i]);
        (void)close(fresh);
        watch(f, f->fds[i], never);
    }
}

static void test_loop_tells_reused_descriptors_apart(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    for (int i = 0; i < 3; i++)
        watch(&f, f.fds[i], reuse_number);
    stop_in(&f, &f.timers[0], 20);
    run(&f);
    assert_int_equal(f.calls, 1);
    close_fixture(&f);
}

static void count_and_stop(void *arg, uint32_t events)
{
    struct fixture *f = arg;

    (void)events;
    f->calls++;
    loop_stop(f->loop);
}

static void test_loop_second_watch_replaces_the_first(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    watch(&f, f.fds[0], never);
    watch(&f, f.fds[0], count_and_stop);
    run(&f);
    assert_int_equal(f.calls, 1);
    loop_unwatch(f.loop, f.fds[0]);
    loop_unwatch(f.loop, f.fds[0]);
    loop_unwatch(f.loop, -1);
    loop_unwatch(f.loop, 100000);
    close_fixture(&f);
}

static void test_loop_watch_refuses_what_cannot_be_watched(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    open_fixture(&f);
    assert_int_equal(loop_watch(f.loop, -1, EPOLLIN, never, &f, &err), ST_FATAL);
    assert_string_equal(err.code, "errno:EBADF");
    assert_int_equal(loop_watch(f.loop, file, EPOLLIN, never, &f, &err), ST_FATAL);
    assert_string_equal(err.code, "errno:EPERM");
    (void)close(file);
    close_fixture(&f);
}

static void note_order(void *arg)
{
    int *place = arg;
    static int next;

    *place = ++next;
}

static void test_loop_timers_fire_in_the_order_of_their_times(void **state)
{
    (void)state;
    struct fixture f;
    const int64_t now_ms = clock_mono_ms();

    open_fixture(&f);
    for (int i = 0; i < 3; i++)
        f.timers[i] = (struct loop_timer){.fn = note_order, .arg = &f.order[i]};
    loop_timer_set(f.loop, &f.timers[0], (struct deadline){now_ms + 15});
    loop_timer_set(f.loop, &f.timers[1], (struct deadline){now_ms + 5});
    loop_timer_set(f.loop, &f.timers[2], (struct deadline){now_ms + 15});
    /* Moved behind the other one of the same time. */
    loop_timer_set(f.loop, &f.timers[0], (struct deadline){now_ms + 15});
    stop_in(&f, &f.timers[3], 20);
    run(&f);
    assert_true(clock_mono_ms() >= now_ms + 15);
    assert_int_equal(f.order[1], 1);
    assert_int_equal(f.order[2], 2);
    assert_int_equal(f.order[0], 3);
    close_fixture(&f);
}

static void cancel_second(void *arg)
{
    struct fixture *f = arg;

    f->calls++;
    loop_timer_cancel(f->loop, &f->timers[1]);
}

static void test_loop_timer_cancel_holds_within_the_turn(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    for (int i = 0; i < 3; i++) {
        f.timers[i] = (struct loop_timer){.fn = cancel_second, .arg = &f};
        loop_timer_set(f.loop, &f.timers[i], deadline_in(0));
    }
    loop_timer_set(f.loop, &f.timers[2], deadline_none());
    stop_in(&f, &f.timers[3], 5);
    run(&f);
    assert_int_equal(f.calls, 1);
    loop_timer_cancel(f.loop, &f.timers[0]);
    close_fixture(&f);
}

static void rearm(void *arg)
{
    struct fixture *f = arg;

    f->calls++;
    loop_timer_set(f->loop, &f->timers[0], deadline_in(-1000));
    if (f->calls == 10)
        loop_stop(f->loop);
}

/* A timer that is always due must not keep the loop from everything else. */
static void test_loop_timer_rearmed_in_the_past_fires_once_a_turn(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    f.timers[0] = (struct loop_timer){.fn = rearm, .arg = &f};
    loop_timer_set(f.loop, &f.timers[0], deadline_in(0));
    run(&f);
    assert_int_equal(f.calls, 10);
    close_fixture(&f);
}

static int64_t hook(void *arg)
{
    struct fixture *f = arg;

    if (++f->hook_calls == 5)
        loop_stop(f->loop);
    return f->hook_answer_ms;
}

static void test_loop_prepare_runs_again_when_it_asked(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;

    open_fixture(&f);
    f.hook_answer_ms = 1;
    assert_int_equal(loop_prepare(f.loop, hook, &f, &err), ST_OK);
    run(&f);
    assert_int_equal(f.hook_calls, 5);
    for (int i = 1; i < 4; i++)
        assert_int_equal(loop_prepare(f.loop, hook, &f, &err), ST_OK);
    assert_int_equal(loop_prepare(f.loop, hook, &f, &err), ST_FATAL);
    close_fixture(&f);
}

static void *wake_until_stopped(void *arg)
{
    struct fixture *f = arg;

    for (int i = 0; i < 200; i++)
        loop_wake(f->loop);
    loop_stop(f->loop);
    return NULL;
}

static int64_t count_hook(void *arg)
{
    struct fixture *f = arg;

    f->hook_calls++;
    return -1;
}

static void test_loop_is_woken_and_stopped_by_another_thread(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    pthread_t thread;

    open_fixture(&f);
    assert_int_equal(loop_prepare(f.loop, count_hook, &f, &err), ST_OK);
    assert_int_equal(pthread_create(&thread, NULL, wake_until_stopped, &f), 0);
    run(&f);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close_fixture(&f);
}

static void test_loop_stop_before_run_is_not_lost(void **state)
{
    (void)state;
    struct fixture f;

    open_fixture(&f);
    loop_stop(f.loop);
    run(&f);
    stop_in(&f, &f.timers[0], 5);
    run(&f);
    close_fixture(&f);
}

static void test_loop_survives_every_failed_allocation(void **state)
{
    (void)state;
    const int fd = eventfd(0, EFD_CLOEXEC);
    enum status rc = ST_FATAL;

    for (size_t nth = 1; rc != ST_OK; nth++) {
        struct loop *loop = NULL;
        struct err err;

        mem_fail_at(nth, false);
        rc = loop_open(&loop, &err);
        if (rc == ST_OK)
            rc = loop_watch(loop, fd, EPOLLIN, never, NULL, &err);
        mem_fail_at(0, false);
        if (rc != ST_OK)
            assert_string_equal(err.code, "memory");
        loop_close(loop);
        assert_in_range(nth, 1, 10);
    }
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_unwatch_holds_within_the_batch),
        cmocka_unit_test(test_loop_tells_reused_descriptors_apart),
        cmocka_unit_test(test_loop_second_watch_replaces_the_first),
        cmocka_unit_test(test_loop_watch_refuses_what_cannot_be_watched),
        cmocka_unit_test(test_loop_timers_fire_in_the_order_of_their_times),
        cmocka_unit_test(test_loop_timer_cancel_holds_within_the_turn),
        cmocka_unit_test(test_loop_timer_rearmed_in_the_past_fires_once_a_turn),
        cmocka_unit_test(test_loop_prepare_runs_again_when_it_asked),
        cmocka_unit_test(test_loop_is_woken_and_stopped_by_another_thread),
        cmocka_unit_test(test_loop_stop_before_run_is_not_lost),
        cmocka_unit_test(test_loop_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
