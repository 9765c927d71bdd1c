/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that outlives the child, and the fault handler that writes on it. */
#include "run/crash.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HANDLER_STACK_BYTES = 64 * 1024, CACHE_LINE_BYTES = 64 };

enum { NO_LANE = -1 };

static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
              "a lock in shared memory would die with its holder");

struct slot {
    _Alignas(CACHE_LINE_BYTES) atomic_int held; /* topic + 1; 0: nothing, whatever follows */
    _Atomic int32_t partition;
    _Atomic int64_t offset;
};

struct crash_board {
    atomic_int faulter; /* lane + 1; 0: no fault yet; NO_LANE */
    struct slot slots[CRASH_LANES];
};

/* A signal handler is given nothing: what it needs must stand where it can find it. */
static _Atomic(struct crash_board *) installed;

static _Thread_local struct {
    atomic_int number; /* lane + 1, or 0: no lane */
    void *stack;
    stack_t before; /* a sanitizer gives every thread a stack, and takes it back itself */
} here;

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

static const struct sigaction DIE = {.sa_handler = SIG_DFL};

struct crash_board *crash_new(void)
{
    struct crash_board *board =
        mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (board == MAP_FAILED)
        return NULL;
    return board;
}

void crash_free(struct crash_board *board)
{
    if (board)
        (void)munmap(board, sizeof(*board));
}

/* What is in hand */

static struct slot *slot_of(struct crash_board *board, int lane)
{
    assert(lane >= 0 && lane < CRASH_LANES);
    return &board->slots[lane];
}

/* held is 0 while the others change: a death between two stores leaves no mixture. */
void crash_hold(struct crash_board *board, int lane, int topic, int32_t partition, int64_t offset)
{
    struct slot *slot = slot_of(board, lane);

    assert(topic >= 0);
    atomic_store(&slot->held, 0);
    atomic_store(&slot->partition, partition);
    atomic_store(&slot->offset, offset);
    atomic_store(&slot->held, topic + 1);
}

void crash_let_go(struct crash_board *board, int lane)
{
    atomic_store(&slot_of(board, lane)->held, 0);
}

/* Faults */

static void note(struct crash_board *board, int faulter)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&board->faulter, &none, faulter);
}

/* The kernel found it, or this process sent it to itself (raise, abort). */
static bool is_own(const siginfo_t *info)
{
    return info->si_code > 0 || info->si_pid == getpid();
}

/* All signals are blocked here: the one raised strikes on return, where the fault was, and a fault
 * in here ends the process at once. Nothing but async-signal-safe calls. */
static void on_fault(int signal_number, siginfo_t *info, void *context UNUSED)
{
    int number = atomic_load(&here.number);

    note(atomic_load(&installed), number > 0 && is_own(info) ? number : NO_LANE);
    (void)sigaction(signal_number, &DIE, NULL);
    (void)raise(signal_number);
}

void crash_install(struct crash_board *board)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_ONSTACK | SA_SIGINFO};

    atomic_store(&installed, board);
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < COUNT_OF(FAULTS); i++)
        (void)sigaction(FAULTS[i], &action, NULL);
}

void crash_enter_lane(int lane)
{
    stack_t stack = {.ss_size = HANDLER_STACK_BYTES};

    assert(lane >= 0 && lane < CRASH_LANES && atomic_load(&here.number) == 0);
    atomic_store(&here.number, lane + 1);
    stack.ss_sp = mmap(NULL, HANDLER_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return;
    if (sigaltstack(&stack, &here.before) == 0)
        here.stack = stack.ss_sp;
    else
        (void)munmap(stack.ss_sp, HANDLER_STACK_BYTES);
}

void crash_leave_lane(void)
{
    atomic_store(&here.number, 0);
    if (!here.stack)
        return;
    (void)sigaltstack(&here.before, NULL);
    (void)munmap(here.stack, HANDLER_STACK_BYTES);
    here.stack = NULL;
}

void crash_fault(struct crash_board *board, int lane)
{
    assert(lane >= 0 && lane < CRASH_LANES);
    note(board, lane + 1);
    for (;;)
        (void)kill(getpid(), SIGKILL);
}

/* What the successor reads */

static bool is_held(const struct slot *slot, struct crash_suspect *out)
{
    int held = atomic_load(&slot->held);

    if (held <= 0)
        return false;
    *out = (struct crash_suspect){
        .topic = held - 1,
        .partition = atomic_load(&slot->partition),
        .offset = atomic_load(&slot->offset),
    };
    return true;
}

size_t crash_blame(const struct crash_board *board, struct crash_suspect *out, size_t max,
                   bool *sure)
{
    int faulter = atomic_load(&board->faulter);
    bool noted = faulter > 0 && faulter <= CRASH_LANES;
    size_t first = noted ? (size_t)faulter - 1 : 0;
    size_t end = noted ? (size_t)faulter : CRASH_LANES;
    size_t count = 0;

    for (size_t lane = first; lane < end && count < max; lane++)
        count += is_held(&board->slots[lane], &out[count]);
    *sure = noted;
    return count;
}

/* The note goes last: a death on the way must not turn one culprit into many suspects. */
void crash_clear(struct crash_board *board)
{
    for (int lane = 0; lane < CRASH_LANES; lane++)
        crash_let_go(board, lane);
    atomic_store(&board->faulter, 0);
}
