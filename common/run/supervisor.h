/* SPDX-License-Identifier: Apache-2.0 */
/* Parent and child: the parent is one thread without Kafka, MySQL or HTTP; it forks before any
 * library is initialised, waits, and restarts the child with back-off. A child never outlives its
 * parent. */
#pragma once

struct crash_board;

typedef int supervisor_child_fn(void *arg);

/* Runs child in a forked process; returns the exit code for the whole program. SIGTERM, SIGINT and
 * SIGHUP are passed on; in the child they are blocked from its first instruction, so that none is
 * lost before the child reads them (app_open). A second SIGTERM or SIGINT kills the child: exit
 * code 1, and the board, which the child reaches through arg, is wiped: no record is to blame. A
 * child that exits by itself ends the program with its code (0, 1, 64, 70, 75, 78); one that dies
 * of a signal is started again after 100 ms doubling up to 10 s (reset after a minute of life) and
 * finds the board as the dead one left it, or ends the program with 70 when it was told to stop. */
int supervisor_run(supervisor_child_fn *child, void *arg, struct crash_board *board);
