/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance (Levenshtein), one row of the table at a time. */
#include "config/suggest.h"

#include <stdint.h>

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static size_t distance(struct str a, struct str b)
{
    size_t row[SUGGEST_WORD_MAX + 1];

    if (a.len > SUGGEST_WORD_MAX || b.len > SUGGEST_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            const size_t change = str_ieq(str_of(a.ptr + i, 1), str_of(b.ptr + j, 1)) ? 0 : 1;
            const size_t above = row[j + 1];

            row[j + 1] = min3(diagonal + change, row[j] + 1, above + 1);
            diagonal = above;
        }
    }
    return row[b.len];
}

void suggest_try(struct suggestion *s, const char *candidate)
{
    const size_t d = distance(s->word, str_from(candidate));

    if (d > 1 + s->word.len / 4 || (s->best != NULL && d >= s->distance))
        return;
    s->best = candidate;
    s->distance = d;
}
