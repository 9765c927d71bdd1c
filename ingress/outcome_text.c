/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome_text.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>

struct outcome_text {
    atomic_size_t users;
    size_t len;
    char bytes[];
};

struct outcome_text *outcome_text_new(struct str s)
{
    struct outcome_text *text = mem_alloc(sizeof(*text) + s.len);

    if (!text)
        return NULL;
    atomic_init(&text->users, 1);
    text->len = s.len;
    if (s.len > 0)
        memcpy(text->bytes, s.ptr, s.len);
    return text;
}

struct outcome_text *outcome_text_hold(struct outcome_text *text)
{
    (void)atomic_fetch_add(&text->users, 1);
    return text;
}

struct str outcome_text(const struct outcome_text *text)
{
    return str_of(text->bytes, text->len);
}

void outcome_text_release(struct outcome_text *text)
{
    if (text && atomic_fetch_sub(&text->users, 1) == 1)
        mem_free(text);
}
