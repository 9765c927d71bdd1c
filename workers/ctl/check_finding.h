/* SPDX-License-Identifier: Apache-2.0 */
/* What a look at something finds. */
#pragma once

#include "base/attr.h"

enum check_state {
    CHECK_OK,
    CHECK_NOTE, /* no fault, but good to know */
    CHECK_FAIL, /* with what is to be done */
    CHECK_SKIP  /* not asked: something before it failed */
};

enum { FINDING_SIZE = 640 };

/* text lives for the call. */
typedef void check_finding_fn(void *arg, enum check_state state, const char *text);

struct check_findings {
    check_finding_fn *tell;
    void *arg;
};

/* A text longer than FINDING_SIZE is cut. */
void check_find(const struct check_findings *findings, enum check_state state, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
