/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers did, for tests to judge: one line each, appended by one write, so that the
 * instances of a worker share a file and no line is lost with its process. */
#pragma once

#include "base/err.h"
#include "run/worker.h"

/* ST_FATAL: the file cannot be opened. */
MUST_CHECK enum status journal_open(const char *path, int *fd, struct err *err);
/* "what pid thread nanoseconds topic partition offset attempt seq key", separated by tabs; the time
 * is the monotonic clock's, seq the record's own number. A line without a message has what, pid,
 * thread and time. Ends the process when it cannot write: nothing is worth judging then. */
void journal_add(int fd, const char *what, const struct message *message, struct str seq);
