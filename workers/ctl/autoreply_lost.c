/* SPDX-License-Identifier: Apache-2.0 */
#include "autoreply_lost.h"

#include "show.h"

#include <stdio.h>

void losses_done(struct losses *l)
{
    arena_done(&l->arena);
}

void losses_add(struct losses *l, const char *where, struct str name, const char *why)
{
    struct lost *lost = arena_alloc(&l->arena, sizeof(*lost));

    l->count++;
    if (lost) {
        lost->where = str_is_empty(name)
                          ? arena_dup(&l->arena, str_from(where))
                          : arena_printf(&l->arena, "%s (%.*s)", where, STR_ARG(name));
        lost->why = arena_dup(&l->arena, str_from(why));
    }
    if (!lost || !str_is_set(lost->where) || !str_is_set(lost->why)) {
        l->failed = true;
        return;
    }
    if (l->last)
        l->last->next = lost;
    else
        l->first = lost;
    l->last = lost;
}

void losses_write(const struct losses *l, struct jsonw *w)
{
    jsonw_array(w);
    for (const struct lost *lost = l->first; lost; lost = lost->next) {
        jsonw_object(w);
        jsonw_key_str(w, "where", lost->where);
        jsonw_key_str(w, "why", lost->why);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void losses_print(const struct losses *l)
{
    if (l->count > 0)
        (void)fprintf(stderr, "%zu not brought over, or not whole:\n", l->count);
    for (const struct lost *lost = l->first; lost; lost = lost->next) {
        (void)fprintf(stderr, "  ");
        show_bytes_to(stderr, lost->where);
        (void)fprintf(stderr, ": ");
        show_bytes_to(stderr, lost->why);
        (void)fprintf(stderr, "\n");
    }
}
