/* SPDX-License-Identifier: Apache-2.0 */
/* The crash board: how a dead child tells its successor what was in hand. The parent maps it before
 * the first fork; lanes write on it what they run, a fault handler writes whose fault it was, and
 * the next child reads both, counts the suspects and wipes it. Whole values stand on it at every
 * moment, however the child dies. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRASH_LANES = 1024 };

struct crash_board;

/* Shared by this process and all that it forks from then on. NULL: no memory. */
struct crash_board *crash_new(void);
void crash_free(struct crash_board *board); /* this process's view; NULL is fine */
DECLARE_FREEP(struct crash_board, crash_free)

/* What a lane had in hand. */
struct crash_suspect {
    int topic; /* index into the worker's inputs */
    int32_t partition;
    int64_t offset;
};

/* The lane is about to run this record, until crash_let_go or another crash_hold. Lanes do not wait
 * for each other; lane < CRASH_LANES. */
void crash_hold(struct crash_board *board, int lane, int topic, int32_t partition, int64_t offset);
void crash_let_go(struct crash_board *board, int lane); /* settled */

/* In the child, before its lanes start: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP and
 * SIGSYS are noted on the board, and the process then dies of the same signal by its default
 * action, core dump and all. The first fault is noted and no later one. One on a thread that is no
 * lane, or a signal sent from outside, is nobody's: then there is no note. The board must stay
 * mapped. */
void crash_install(struct crash_board *board);
/* Makes the calling thread this lane, with a stack of its own for the handler (where there is no
 * memory for one: a stack that overflows leaves no note). The thread calls crash_leave_lane before
 * it ends. */
void crash_enter_lane(int lane);
void crash_leave_lane(void);

/* For a watchdog that found a lane stuck in its handler: notes it as the one that faulted, and
 * kills the process (SIGKILL: nothing that hangs can hold that up). What the lane holds at that
 * moment is to blame. */
_Noreturn void crash_fault(struct crash_board *board, int lane);

/* For the successor of a dead child: with a note, what that lane had in hand (nothing, where it was
 * between two records) and *sure is true; without one, all that was in hand. Writes at most max
 * (CRASH_LANES takes all), returns how many. */
size_t crash_blame(const struct crash_board *board, struct crash_suspect *out, size_t max,
                   bool *sure);
/* Wipes the board. No lane runs. Until then a fault adds no second note. */
void crash_clear(struct crash_board *board);
