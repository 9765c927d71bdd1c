/* SPDX-License-Identifier: Apache-2.0 */
/* The request log: one JSON line for each call, written before its answer is, so that who has the
 * answer finds the line. Secrets and tokens are masked. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "wxsim/api.h"
#include "wxsim/script.h"

struct sim_journal;

/* path NULL: a journal that keeps nothing. ST_FATAL names the file, which is appended to. */
MUST_CHECK enum status sim_journal_open(const char *path, struct sim_journal **out,
                                        struct err *err);
void sim_journal_close(struct sim_journal *j); /* NULL is fine */
DECLARE_FREEP(struct sim_journal, sim_journal_close)

/* status is the answer's, 0 when there will be none. */
void sim_journal_write(struct sim_journal *j, const struct sim_call *call, struct str method,
                       const struct sim_action *action, int status);
