/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of kabaoctl check: a state, what was looked at, and what is so or to be done. */
#pragma once

#include "app/table.h"
#include "base/attr.h"
#include "check_finding.h"
#include "ctl.h"

struct check_report {
    const struct ctl *ctl;
    struct text_table *table; /* NULL: lines are printed as they come */
    size_t failed;            /* lines */
    bool broken;              /* the table itself: no memory */
};

/* Shows people what there is so far, and from here on every line as it comes. */
void check_flush(struct check_report *r);
void check_line(struct check_report *r, enum check_state state, const char *what, struct str text);
/* OK with the good text, else FAIL with the error's. */
void check_judge(struct check_report *r, const char *what, enum status rc, const char *good,
                 const struct err *err);

/* The accounts as WeChat has them, after everything else. */
void check_live(struct check_report *r);
/* Waits for the first push of each of these accounts, from now on, and follows it to its row;
 * tells the way as lines. for_s: all of it together. */
void check_push(struct check_report *r, const struct account *const *accounts, size_t count,
                int64_t for_s);
