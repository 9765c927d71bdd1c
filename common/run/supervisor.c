/* SPDX-License-Identifier: Apache-2.0 */
/* Fork, wait, restart with back-off; signals are passed on. */
#include "run/supervisor.h"

#include "app/app.h"
#include "base/clock.h"
#include "log/log.h"
#include "run/crash.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 10000, HEALTHY_AFTER_MS = 60000 };

struct supervisor {
    sigset_t watched;
    pid_t child;
    struct crash_board *board;
    int stops; /* SIGTERM and SIGINT received */
};

static int run_child(pid_t parent, supervisor_child_fn *child, void *arg)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        return EXIT_TEMPORARY;
    return child(arg);
}

/* A service manager and a terminal signal both processes at once: the child takes any number of
 * them for one; only a second one to the parent ends it without draining. */
static void pass_on(struct supervisor *s, int signal_number)
{
    if (signal_number == SIGHUP) {
        (void)kill(s->child, SIGHUP);
        return;
    }
    s->stops++;
    (void)kill(s->child, s->stops > 1 ? SIGKILL : SIGTERM);
}

/* Waits until the child is gone; its wait status goes to *status. */
static void wait_child(struct supervisor *s, int *status)
{
    siginfo_t info;

    for (;;) {
        int signal_number = sigwaitinfo(&s->watched, &info);

        if (signal_number == SIGCHLD) {
            if (waitpid(s->child, status, WNOHANG) == s->child)
                return;
        } else if (signal_number > 0) {
            pass_on(s, signal_number);
        }
    }
}

/* Sleeps between two children; a signal to stop ends it early. */
static void back_off(struct supervisor *s, int64_t wait_ms)
{
    struct deadline until = deadline_in(wait_ms);
    siginfo_t info;

    while (!deadline_passed(until) && s->stops == 0) {
        int64_t left_ms = deadline_left_ms(until);
        struct timespec left = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
        int signal_number = sigtimedwait(&s->watched, &info, &left);

        if (signal_number == SIGTERM || signal_number == SIGINT)
            s->stops++;
    }
}

static int64_t next_back_off(int64_t last_ms, int64_t lived_ms)
{
    if (last_ms == 0 || lived_ms >= HEALTHY_AFTER_MS)
        return BACKOFF_FIRST_MS;
    return last_ms * 2 < BACKOFF_MAX_MS ? last_ms * 2 : BACKOFF_MAX_MS;
}

static void watch_signals(struct supervisor *s)
{
    /* Whoever started us may ignore SIGCHLD: children would vanish without a word. */
    struct sigaction told = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};

    (void)sigaction(SIGCHLD, &told, NULL);
    (void)sigemptyset(&s->watched);
    (void)sigaddset(&s->watched, SIGTERM);
    (void)sigaddset(&s->watched, SIGINT);
    (void)sigaddset(&s->watched, SIGHUP);
    (void)sigaddset(&s->watched, SIGCHLD);
    (void)pthread_sigmask(SIG_BLOCK, &s->watched, NULL);
}

enum verdict { AGAIN = -1 }; /* beside exit codes */

/* What a child's end means for the program. */
static int judge(const struct supervisor *s, int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    if (s->stops > 1) {
        crash_clear(s->board);
        return EXIT_SECOND_SIGNAL;
    }
    log_error(EV("supervisor.child_died"), kv_int("signal", WTERMSIG(status)),
              kv_int("pid", s->child));
    return s->stops > 0 ? EXIT_INTERNAL : AGAIN;
}

int supervisor_run(supervisor_child_fn *child, void *arg, struct crash_board *board)
{
    struct supervisor s = {.board = board};
    int64_t wait_ms = 0;
    pid_t parent = getpid();

    watch_signals(&s);
    while (s.stops == 0) {
        int64_t started_ms = clock_mono_ms();
        int status = 0;
        int code = AGAIN;

        s.child = fork();
        if (s.child == 0)
            return run_child(parent, child, arg);
        if (s.child < 0) {
            log_error(EV("supervisor.fork"), kv_int("errno", errno));
        } else {
            wait_child(&s, &status);
            code = judge(&s, status);
        }
        if (code != AGAIN)
            return code;
        wait_ms = next_back_off(wait_ms, clock_mono_ms() - started_ms);
        back_off(&s, wait_ms);
    }
    return EXIT_DONE;
}
