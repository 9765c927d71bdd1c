/* SPDX-License-Identifier: Apache-2.0 */
/* A decision as the ledger keeps it: JSON. */
#pragma once

#include "bind/decide.h"

/* What one transaction decided. */
struct verdict_part {
    struct decision decision;
    bool more; /* its list was full: there may be more that end */
};

MUST_CHECK enum status verdict_write(const struct verdict_part *part, struct arena *arena,
                                     struct str *out, struct err *err);
MUST_CHECK enum status verdict_read(struct str text, struct arena *arena, struct verdict_part *out,
                                    struct err *err);
/* Appends more to list. */
MUST_CHECK enum status verdict_join(struct bound_list *list, const struct bound_list *more,
                                    struct arena *arena, struct err *err);
