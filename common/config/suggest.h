/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the candidate nearest to a word that is unknown. */
#pragma once

#include "base/str.h"

#include <stddef.h>

enum { SUGGEST_WORD_MAX = 48 }; /* longer words have no neighbours */

struct suggestion {
    struct str word;
    const char *best; /* NULL: none is near enough */
    size_t distance;
};

/* Keeps the candidate when it is nearer than the last and no further than a typing error or two;
 * case does not count. */
void suggest_try(struct suggestion *s, const char *candidate);
