/* SPDX-License-Identifier: Apache-2.0 */
/* What two lists of members do not agree on: how often, and the first of each kind. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum compare_kind {
    COMPARE_ONLY_THERE,
    COMPARE_ONLY_HERE,
    COMPARE_DELETED, /* a member there, a card thrown away here */
    COMPARE_TWICE,   /* a card in two rows of the file */
    COMPARE_OPENID,
    COMPARE_UNIONID,
    COMPARE_MOBILE,
    COMPARE_MEMBERSHIP_NUMBER,
    COMPARE_KINDS
};

struct compare_report;

/* max: examples of each kind; reveal: unmasked. NULL: no memory. */
struct compare_report *compare_report_new(int64_t max, bool reveal);
void compare_report_free(struct compare_report *r);
DECLARE_FREEP(struct compare_report, compare_report_free)

/* there, here: what the two sides say; absent where there is nothing to say. Copied. */
void compare_report_add(struct compare_report *r, enum compare_kind kind, struct str card_id,
                        struct str card_code, struct str there, struct str here);
/* How many of all kinds. */
int64_t compare_report_count(const struct compare_report *r);
/* rows: of the file; members: here; same: cards that agree. False: it could not be written, or
 * memory was short. */
MUST_CHECK bool compare_report_print(struct compare_report *r, bool json, int64_t rows,
                                     int64_t members, int64_t same);
