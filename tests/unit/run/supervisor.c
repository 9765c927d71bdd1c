/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes: the test forks a parent, which forks the child; they tell of themselves through
 * memory that all three share. */
#include "run/supervisor.h"

#include "app/app.h"
#include "base/clock.h"
#include "log/log.h"
#include "run/crash.h"
#include "tests/unit/check.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_MS = 20000, CHILDREN_MAX = 16 };

struct shared {
    atomic_int children; /* how many were started */
    _Atomic pid_t pids[CHILDREN_MAX];
    _Atomic int64_t started_ms[CHILDREN_MAX];
    atomic_int terms; /* SIGTERM or SIGINT that children took */
    atomic_int hups;
    atomic_int blamed[CHILDREN_MAX]; /* suspects that each found at its start */
    struct crash_board *board;
};

static struct shared *shared_new(void)
{
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(s, MAP_FAILED);
    s->board = crash_new();
    assert_non_null(s->board);
    return s;
}

static int note_start(struct shared *s)
{
    int number = atomic_fetch_add(&s->children, 1);

    if (number >= CHILDREN_MAX)
        _exit(99);
    atomic_store(&s->started_ms[number], clock_mono_ms());
    atomic_store(&s->pids[number], getpid());
    return number;
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Takes signals as app_open's child does: they are blocked and read. */
static int take_signal(struct shared *s, int64_t within_ms)
{
    struct timespec time = {.tv_sec = within_ms / 1000, .tv_nsec = within_ms % 1000 * 1000000};
    sigset_t set;
    int got;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    got = sigtimedwait(&set, NULL, &time);
    if (got == SIGTERM || got == SIGINT)
        (void)atomic_fetch_add(&s->terms, 1);
    if (got == SIGHUP)
        (void)atomic_fetch_add(&s->hups, 1);
    return got;
}

static int child_exits_75(void *arg)
{
    (void)note_start(arg);
    return EXIT_TEMPORARY;
}

static int count_suspects(struct shared *s)
{
    struct crash_suspect suspects[CRASH_LANES];
    bool sure = false;

    return (int)crash_blame(s->board, suspects, CRASH_LANES, &sure);
}

/* The first dies with two in hand, the second before it has counted them, the third after. */
static int child_counts_suspects(void *arg)
{
    struct shared *s = arg;
    int number = note_start(s);

    atomic_store(&s->blamed[number], count_suspects(s));
    if (number == 3)
        return EXIT_DONE;
    if (number == 2)
        crash_clear(s->board);
    for (int lane = 0; number == 0 && lane < 2; lane++)
        crash_hold(s->board, lane, 0, lane, 1000 + lane);
    (void)raise(SIGKILL);
    return 94;
}

/* The first three die of signals, the fourth is fine. */
static int child_dies_thrice(void *arg)
{
    static const int signals[] = {SIGKILL, SIGSEGV, SIGABRT};
    struct shared *s = arg;
    int number = note_start(s);

    if (number >= (int)COUNT_OF(signals))
        return EXIT_DONE;
    (void)sigaction(signals[number], &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)raise(signals[number]);
    return 98;
}

static int child_drains(void *arg)
{
    struct shared *s = arg;
    int got = 0;

    (void)note_start(s);
    while (got != SIGTERM && got != SIGINT)
        got = take_signal(s, 1000);
    while (got > 0) /* any more of them are one and the same wish */
        got = take_signal(s, 300);
    return EXIT_DONE;
}

/* A signal that comes before the child could read any. */
static int child_starts_slowly(void *arg)
{
    struct shared *s = arg;
    struct deadline until = deadline_in(300);

    (void)note_start(s);
    while (!deadline_passed(until))
        nap();
    return take_signal(s, HANG_MS) == SIGTERM ? EXIT_DONE : 97;
}

static int child_hangs(void *arg)
{
    struct deadline until = deadline_in(HANG_MS);
    struct shared *s = arg;

    crash_hold(s->board, 0, 0, 0, 1000);
    (void)note_start(s);
    while (!deadline_passed(until))
        nap();
    return 95;
}

static int child_crashes_when_told(void *arg)
{
    struct shared *s = arg;

    int got = 0;

    crash_hold(s->board, 0, 0, 0, 1000);
    (void)note_start(s);
    while (got != SIGTERM)
        got = take_signal(s, 1000);
    (void)raise(SIGKILL);
    return 96;
}

/* In a session of its own, so that a signal to the group reaches just these two. */
static pid_t start(supervisor_child_fn *child, struct shared *s)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    (void)setsid();
    _exit(supervisor_run(child, s, s->board));
}

static void await_children(struct shared *s, int count)
{
    struct deadline until = deadline_in(HANG_MS);

    while (atomic_load(&s->children) < count || atomic_load(&s->pids[count - 1]) == 0) {
        assert_false(deadline_passed(until));
        nap();
    }
}

static int await_exit(pid_t pid)
{
    struct deadline until = deadline_in(HANG_MS);
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (deadline_passed(until))
            (void)kill(pid, SIGKILL);
        assert_false(deadline_passed(until));
        nap();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Orphans are reaped by whoever adopts them; gone or a zombie, they run no more. */
static bool is_gone(pid_t pid)
{
    struct deadline until = deadline_in(HANG_MS);

    while (!deadline_passed(until)) {
        if (kill(pid, 0) != 0 || waitpid(pid, NULL, WNOHANG) == pid)
            return true;
        nap();
    }
    return false;
}

static void done(struct shared *s)
{
    crash_free(s->board);
    (void)munmap(s, sizeof(*s));
}

static void test_supervisor_passes_the_exit_code_on(void **state)
{
    (void)state;
    struct shared *s = shared_new();

    assert_int_equal(await_exit(start(child_exits_75, s)), EXIT_TEMPORARY);
    assert_int_equal(atomic_load(&s->children), 1);
    done(s);
}

static void test_supervisor_restarts_what_dies_of_a_signal(void **state)
{
    (void)state;
    struct shared *s = shared_new();

    assert_int_equal(await_exit(start(child_dies_thrice, s)), EXIT_DONE);
    assert_int_equal(atomic_load(&s->children), 4);
    for (int i = 1; i < 4; i++) /* 100, 200, 400 ms */
        assert_true(s->started_ms[i] - s->started_ms[i - 1] >= 100 << (i - 1));
    done(s);
}

static void test_supervisor_leaves_the_board_to_the_next_child(void **state)
{
    static const int expected[] = {0, 2, 2, 0};
    (void)state;
    struct shared *s = shared_new();

    assert_int_equal(await_exit(start(child_counts_suspects, s)), EXIT_DONE);
    assert_int_equal(atomic_load(&s->children), COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(atomic_load(&s->blamed[i]), expected[i]);
    done(s);
}

static void test_supervisor_drains_on_a_signal(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_drains, s);

    await_children(s, 1);
    assert_int_equal(kill(parent, SIGTERM), 0);
    assert_int_equal(await_exit(parent), EXIT_DONE);
    assert_int_equal(atomic_load(&s->terms), 1);
    done(s);
}

static void test_supervisor_takes_a_signal_to_both_for_one(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_drains, s);

    await_children(s, 1);
    assert_int_equal(kill(-parent, SIGINT), 0);
    assert_int_equal(await_exit(parent), EXIT_DONE);
    done(s);
}

static void test_supervisor_loses_no_early_signal(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_starts_slowly, s);

    await_children(s, 1);
    assert_int_equal(kill(-parent, SIGTERM), 0);
    assert_int_equal(await_exit(parent), EXIT_DONE);
    done(s);
}

static void test_supervisor_kills_on_the_second_signal(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_hangs, s);

    await_children(s, 1);
    assert_int_equal(kill(parent, SIGTERM), 0);
    nap();
    assert_int_equal(kill(parent, SIGINT), 0);
    assert_int_equal(await_exit(parent), EXIT_SECOND_SIGNAL);
    assert_true(is_gone(s->pids[0]));
    assert_int_equal(count_suspects(s), 0);
    done(s);
}

static void test_supervisor_tells_of_a_crash_while_stopping(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_crashes_when_told, s);

    await_children(s, 1);
    assert_int_equal(kill(parent, SIGTERM), 0);
    assert_int_equal(await_exit(parent), EXIT_INTERNAL);
    assert_int_equal(count_suspects(s), 1);
    done(s);
}

static void test_supervisor_passes_reloads_on(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_drains, s);
    struct deadline until = deadline_in(HANG_MS);

    await_children(s, 1);
    assert_int_equal(kill(parent, SIGHUP), 0);
    while (atomic_load(&s->hups) == 0 && !deadline_passed(until))
        nap();
    assert_int_equal(atomic_load(&s->hups), 1);
    assert_int_equal(kill(parent, SIGTERM), 0);
    assert_int_equal(await_exit(parent), EXIT_DONE);
    done(s);
}

static void test_supervisor_never_outlived_by_its_child(void **state)
{
    (void)state;
    struct shared *s = shared_new();
    pid_t parent = start(child_hangs, s);

    await_children(s, 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(await_exit(parent), -SIGKILL);
    assert_true(is_gone(s->pids[0]));
    done(s);
}

static void test_supervisor_sees_children_end_although_sigchld_was_ignored(void **state)
{
    (void)state;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct shared *s = shared_new();
    pid_t parent;

    assert_int_equal(sigaction(SIGCHLD, &ignored, &before), 0);
    parent = start(child_exits_75, s);
    assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
    assert_int_equal(await_exit(parent), EXIT_TEMPORARY);
    done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor_passes_the_exit_code_on),
        cmocka_unit_test(test_supervisor_restarts_what_dies_of_a_signal),
        cmocka_unit_test(test_supervisor_leaves_the_board_to_the_next_child),
        cmocka_unit_test(test_supervisor_drains_on_a_signal),
        cmocka_unit_test(test_supervisor_takes_a_signal_to_both_for_one),
        cmocka_unit_test(test_supervisor_loses_no_early_signal),
        cmocka_unit_test(test_supervisor_kills_on_the_second_signal),
        cmocka_unit_test(test_supervisor_tells_of_a_crash_while_stopping),
        cmocka_unit_test(test_supervisor_passes_reloads_on),
        cmocka_unit_test(test_supervisor_never_outlived_by_its_child),
        cmocka_unit_test(test_supervisor_sees_children_end_although_sigchld_was_ignored),
    };

    log_init("test_run_supervisor", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
