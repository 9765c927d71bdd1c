/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that each run a loop of their own, side by side (SO_REUSEPORT servers). */
#pragma once

#include "base/attr.h"
#include "base/err.h"

#include <stddef.h>

struct loops;

typedef void loops_fn(void *arg);

/* Starts one thread per entry of args, all with fn. On failure none runs. */
MUST_CHECK enum status loops_start(loops_fn *fn, void *const *args, size_t count,
                                   struct loops **out, struct err *err);
/* Waits for all of them (the caller told them to end) and frees. NULL is fine. */
void loops_join(struct loops *l);
/* One per core this process may use, at least 1. */
size_t loops_default(void);
