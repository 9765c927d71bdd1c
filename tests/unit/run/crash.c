/* SPDX-License-Identifier: Apache-2.0 */
/* Real deaths: the test forks a child, whose lanes die in every way; what it leaves on the board is
 * read here. */
#include "run/crash.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LANE = 7,
    TOPIC = 3,
    PARTITION = 11,
    STACK_BYTES = 256 * 1024,
    PAIRS = 30,
    KILLS = 100,
    SURVIVED = 99
};

enum { HANG_MS = 20000, HANG_S = 30 };

static const int64_t OFFSET = 1234567890123;

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

static struct crash_board *board_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    *state = crash_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    crash_free(*state);
    return 0;
}

/* A lane's offset tells which lane it was. */
static void hold(struct crash_board *board, int lane)
{
    crash_hold(board, lane, TOPIC, PARTITION, OFFSET + lane);
}

static void assert_held_by(const struct crash_suspect *suspect, int lane)
{
    assert_int_equal(suspect->topic, TOPIC);
    assert_int_equal(suspect->partition, PARTITION);
    assert_int_equal(suspect->offset, OFFSET + lane);
}

/* The board blames nobody but this lane. */
static void assert_blamed(const struct crash_board *board, int lane)
{
    struct crash_suspect suspects[CRASH_LANES];
    bool sure = false;

    assert_int_equal(crash_blame(board, suspects, CRASH_LANES, &sure), 1);
    assert_true(sure);
    assert_held_by(&suspects[0], lane);
}

/* There is no note: all lanes below count are suspects. */
static void assert_suspected(const struct crash_board *board, int count)
{
    struct crash_suspect suspects[CRASH_LANES];
    bool sure = true;

    assert_int_equal(crash_blame(board, suspects, CRASH_LANES, &sure), count);
    assert_false(sure);
    for (int lane = 0; lane < count; lane++)
        assert_held_by(&suspects[lane], lane);
}

/* Children: each runs on as a process of its own and must not return alive. */

typedef void child_fn(struct crash_board *board);

static pid_t start(child_fn *child, struct crash_board *board)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    (void)alarm(HANG_S);
    for (size_t i = 0; i < COUNT_OF(FAULTS); i++) /* cmocka's would go on with the tests */
        (void)sigaction(FAULTS[i], &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    crash_install(board);
    child(board);
    _exit(SURVIVED);
}

/* Until something is in hand. */
static void await_hold(const struct crash_board *board)
{
    struct deadline until = deadline_in(HANG_MS);
    struct crash_suspect suspect;
    bool sure;

    while (crash_blame(board, &suspect, 1, &sure) == 0) {
        assert_false(deadline_passed(until));
        (void)sched_yield();
    }
}

/* The signal it died of; else its exit code, negative. */
static int await_death(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static int death_of(child_fn *child, struct crash_board *board)
{
    return await_death(start(child, board));
}

/* Runs fn on a small stack of its own and waits for its end, which a fault never lets come. */
static void run_thread(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, fn, arg) == 0)
        (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
}

/* Ways to fault */

/* Memory was short and nobody looked. The sanitizer would end the process itself, without a signal.
 */
static __attribute__((no_sanitize("undefined"))) void read_null(void)
{
    volatile int *nowhere;

    mem_fail_at(1, false);
    nowhere = mem_alloc(sizeof(*nowhere));
    (void)*nowhere;
}

/* NOLINTNEXTLINE(misc-no-recursion): it must not end. */
static int overflow_stack(const volatile int *deeper)
{
    volatile int here[256];

    here[0] = *deeper;
    if (*deeper == 0)
        return 0;
    return overflow_stack(here) + here[0];
}

static void overflow(void)
{
    volatile int deep = 1;

    (void)overflow_stack(&deep);
}

static void send_itself(int signal_number)
{
    (void)raise(signal_number);
}

static void *lane_reads_null(void *board)
{
    crash_enter_lane(LANE);
    hold(board, LANE);
    read_null();
    return NULL;
}

static void *lane_overflows(void *board)
{
    crash_enter_lane(LANE);
    hold(board, LANE);
    overflow();
    return NULL;
}

static void *lane_aborts(void *board)
{
    crash_enter_lane(LANE);
    hold(board, LANE);
    abort();
}

static void *stranger_reads_null(void *arg)
{
    read_null();
    return arg;
}

/* It was a lane, and holds what it never settled. */
static void *left_lane_reads_null(void *board)
{
    crash_enter_lane(0);
    hold(board, 0);
    crash_leave_lane();
    read_null();
    return NULL;
}

static void child_reads_null(struct crash_board *board)
{
    hold(board, 0);
    run_thread(lane_reads_null, board);
}

static void child_overflows(struct crash_board *board)
{
    hold(board, 0);
    run_thread(lane_overflows, board);
}

static void child_aborts(struct crash_board *board)
{
    hold(board, 0);
    run_thread(lane_aborts, board);
}

static void hold_three(struct crash_board *board)
{
    for (int lane = 0; lane < 3; lane++)
        hold(board, lane);
}

static void child_is_killed(struct crash_board *board)
{
    hold_three(board);
    send_itself(SIGKILL);
}

static void child_has_a_strange_thread(struct crash_board *board)
{
    hold_three(board);
    run_thread(stranger_reads_null, board);
}

static void child_main_aborts(struct crash_board *board)
{
    hold_three(board);
    abort();
}

static void child_lane_three_faults(struct crash_board *board)
{
    crash_enter_lane(3);
    hold(board, 3);
    read_null();
}

static void child_left_lane(struct crash_board *board)
{
    run_thread(left_lane_reads_null, board);
}

/* A lane between two records. */
static void child_faults_empty_handed(struct crash_board *board)
{
    hold_three(board);
    crash_enter_lane(LANE);
    hold(board, LANE);
    crash_let_go(board, LANE);
    read_null();
}

/* The handler cannot write its note. */
static void child_faults_in_the_handler(struct crash_board *board)
{
    crash_enter_lane(LANE);
    (void)mprotect(board, (size_t)getpagesize(), PROT_NONE);
    read_null();
}

static void child_is_stuck(struct crash_board *board)
{
    hold_three(board);
    hold(board, LANE);
    crash_fault(board, LANE);
}

/* Waits for a signal from outside, as a lane. */
static void child_waits(struct crash_board *board)
{
    crash_enter_lane(0);
    hold(board, 0);
    for (;;)
        (void)pause();
}

/* Takes one record after the other; each has the same number in all places. */
static void child_never_rests(struct crash_board *board)
{
    for (int i = 1;; i = i % 1000000 + 1)
        crash_hold(board, 0, i, i, i);
}

/* Which signal the next child sends itself. */
static int wanted_signal;

static void child_signals_itself(struct crash_board *board)
{
    crash_enter_lane(LANE);
    hold(board, 0);
    hold(board, LANE);
    send_itself(wanted_signal);
}

/* Two lanes fault when both are ready. */
struct pair {
    struct crash_board *board;
    pthread_barrier_t barrier;
    atomic_int lanes;
};

static void *pair_main(void *arg)
{
    struct pair *pair = arg;
    int lane = atomic_fetch_add(&pair->lanes, 1);

    crash_enter_lane(lane);
    hold(pair->board, lane);
    (void)pthread_barrier_wait(&pair->barrier);
    if (lane == 0)
        read_null();
    abort();
}

static void child_faults_twice(struct crash_board *board)
{
    struct pair pair = {.board = board};
    pthread_t thread;

    (void)pthread_barrier_init(&pair.barrier, NULL, 2);
    if (pthread_create(&thread, NULL, pair_main, &pair) != 0)
        return;
    (void)pair_main(&pair);
}

/* Tests */

static void test_crash_null_is_the_lanes_fault(void **state)
{
    assert_int_equal(death_of(child_reads_null, *state), SIGSEGV);
    assert_blamed(*state, LANE);
}

static void test_crash_stack_overflow_is_the_lanes_fault(void **state)
{
    assert_int_equal(death_of(child_overflows, *state), SIGSEGV);
    assert_blamed(*state, LANE);
}

static void test_crash_abort_is_the_lanes_fault(void **state)
{
    assert_int_equal(death_of(child_aborts, *state), SIGABRT);
    assert_blamed(*state, LANE);
}

static void test_crash_dies_of_the_same_signal(void **state)
{
    for (size_t i = 0; i < COUNT_OF(FAULTS); i++) {
        wanted_signal = FAULTS[i];
        assert_int_equal(death_of(child_signals_itself, *state), FAULTS[i]);
        assert_blamed(*state, LANE);
        crash_clear(*state);
    }
}

static void test_crash_kill_leaves_all_suspect(void **state)
{
    assert_int_equal(death_of(child_is_killed, *state), SIGKILL);
    assert_suspected(*state, 3);
}

static void test_crash_kill_leaves_whole_values(void **state)
{
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start(child_never_rests, *state);
        struct crash_suspect suspect;
        bool sure;

        await_hold(*state);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(await_death(pid), SIGKILL);
        if (crash_blame(*state, &suspect, 1, &sure) == 0)
            continue; /* between two records */
        assert_int_equal(suspect.topic, suspect.partition);
        assert_int_equal(suspect.topic, suspect.offset);
        crash_clear(*state);
    }
}

static void test_crash_other_threads_leave_all_suspect(void **state)
{
    assert_int_equal(death_of(child_has_a_strange_thread, *state), SIGSEGV);
    assert_suspected(*state, 3);
    crash_clear(*state);
    assert_int_equal(death_of(child_main_aborts, *state), SIGABRT);
    assert_suspected(*state, 3);
    crash_clear(*state);
    assert_int_equal(death_of(child_left_lane, *state), SIGSEGV);
    assert_suspected(*state, 1);
}

static void test_crash_signal_from_outside_is_no_fault(void **state)
{
    pid_t pid = start(child_waits, *state);

    await_hold(*state);
    assert_int_equal(kill(pid, SIGABRT), 0);
    assert_int_equal(await_death(pid), SIGABRT);
    assert_suspected(*state, 1);
}

static void test_crash_lane_with_empty_hands_blames_nothing(void **state)
{
    struct crash_suspect suspects[CRASH_LANES];
    bool sure = false;

    assert_int_equal(death_of(child_faults_empty_handed, *state), SIGSEGV);
    assert_int_equal(crash_blame(*state, suspects, CRASH_LANES, &sure), 0);
    assert_true(sure);
}

static void test_crash_two_faults_leave_one_note(void **state)
{
    for (int i = 0; i < PAIRS; i++) {
        struct crash_suspect suspects[CRASH_LANES];
        bool sure = false;
        int signal_number = death_of(child_faults_twice, *state);

        assert_true(signal_number == SIGSEGV || signal_number == SIGABRT);
        assert_int_equal(crash_blame(*state, suspects, CRASH_LANES, &sure), 1);
        assert_true(sure);
        assert_held_by(&suspects[0], suspects[0].offset == OFFSET ? 0 : 1);
        crash_clear(*state);
    }
}

/* The next child dies before it has counted: the first note stays. */
static void test_crash_note_stays_until_cleared(void **state)
{
    assert_int_equal(death_of(child_reads_null, *state), SIGSEGV);
    assert_int_equal(death_of(child_main_aborts, *state), SIGABRT);
    wanted_signal = SIGKILL;
    assert_int_equal(death_of(child_signals_itself, *state), SIGKILL);
    assert_blamed(*state, LANE);
    crash_clear(*state);
    assert_suspected(*state, 0);
}

/* Lanes that fault while the process already dies are not to blame. */
static void test_crash_fault_after_a_strangers_is_not_noted(void **state)
{
    assert_int_equal(death_of(child_main_aborts, *state), SIGABRT);
    assert_int_equal(death_of(child_lane_three_faults, *state), SIGSEGV);
    assert_suspected(*state, 4);
}

static void test_crash_fault_in_the_handler_ends_it(void **state)
{
    assert_int_equal(death_of(child_faults_in_the_handler, *state), SIGSEGV);
    assert_suspected(*state, 0);
}

static void test_crash_watchdog_blames_the_stuck_lane(void **state)
{
    assert_int_equal(death_of(child_is_stuck, *state), SIGKILL);
    assert_blamed(*state, LANE);
}

static void test_crash_board_holds_every_lane(void **state)
{
    struct crash_board *board = board_of(state);
    struct crash_suspect suspects[CRASH_LANES];
    bool sure = true;

    assert_suspected(board, 0);
    for (int lane = 0; lane < CRASH_LANES; lane++)
        hold(board, lane);
    assert_suspected(board, CRASH_LANES);
    assert_int_equal(crash_blame(board, suspects, 5, &sure), 5);
    for (int lane = 3; lane < CRASH_LANES; lane++)
        crash_let_go(board, lane);
    assert_suspected(board, 3);
    crash_hold(board, 0, 0, INT32_MAX, INT64_MAX);
    assert_int_equal(crash_blame(board, suspects, 1, &sure), 1);
    assert_int_equal(suspects[0].topic, 0);
    assert_int_equal(suspects[0].partition, INT32_MAX);
    assert_int_equal(suspects[0].offset, INT64_MAX);
    crash_clear(board);
    assert_suspected(board, 0);
    crash_free(NULL);
}

static bool same_stack(const stack_t *a, const stack_t *b)
{
    return a->ss_flags == b->ss_flags &&
           ((a->ss_flags & SS_DISABLE) || (a->ss_sp == b->ss_sp && a->ss_size == b->ss_size));
}

static void *lane_comes_and_goes(void *arg)
{
    stack_t before = {0};
    stack_t during = {0};
    stack_t after = {0};
    bool *same = arg;

    (void)sigaltstack(NULL, &before);
    crash_enter_lane(LANE);
    (void)sigaltstack(NULL, &during);
    crash_leave_lane();
    (void)sigaltstack(NULL, &after);
    *same = same_stack(&before, &after) && !same_stack(&before, &during);
    return NULL;
}

/* A sanitizer frees the stack that it finds at the end of a thread: it must be its own. */
static void test_crash_leave_gives_the_stack_back(void **state)
{
    (void)state;

    for (int i = 0; i < 100; i++) {
        bool same = false;

        run_thread(lane_comes_and_goes, &same);
        assert_true(same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crash_null_is_the_lanes_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_stack_overflow_is_the_lanes_fault, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_abort_is_the_lanes_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_dies_of_the_same_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_kill_leaves_all_suspect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_kill_leaves_whole_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_other_threads_leave_all_suspect, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_signal_from_outside_is_no_fault, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_lane_with_empty_hands_blames_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_two_faults_leave_one_note, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_note_stays_until_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_fault_after_a_strangers_is_not_noted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_fault_in_the_handler_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_watchdog_blames_the_stuck_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_board_holds_every_lane, setup, teardown),
        cmocka_unit_test(test_crash_leave_gives_the_stack_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
